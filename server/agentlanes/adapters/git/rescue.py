"""Saves what a worktree holds and nobody else.

What a commit can hold becomes one in our git directory: its tree is the working tree; its first parent is HEAD, and
further parents are what was staged otherwise and each loose commit. A ref of ours in the user's repository pins the
lane's base, which the commit builds on. A directory with anything else in it is moved, and so is its git directory,
in which submodules have theirs. Of a clone, which goes with all of its refs, those that lead to what nobody else has
are kept by name as well.

Every rescue has a folder `<data dir>/rescue/<lane id>/<repo id>/<time>` with a record; it is written before anything
moves, so that a repeat of the same rescue knows how far it came.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from contextlib import suppress
from pathlib import Path

import msgspec

from agentlanes.adapters.git.assessment import Assessment, assess
from agentlanes.adapters.git.clone import Clone
from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.folders import move_folder
from agentlanes.adapters.git.offer import offer_branch
from agentlanes.adapters.git.packing import keep
from agentlanes.adapters.git.plain_files import make_private_folders, read_plain, write_atomically
from agentlanes.adapters.git.provision import Reached
from agentlanes.adapters.git.records import EMPTY_TREES, parse_entries
from agentlanes.adapters.git.references import RESCUE_PINS
from agentlanes.adapters.git.revisions import CommitDraft, make_commit, tree_of
from agentlanes.adapters.git.snapshot import Memory
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import Identity, RescueFacts
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_SAVER = Identity("agentlanes", "agentlanes@localhost")
_RECORD = "record.json"
_DONE = "done"


async def rescue(worktree: Worktree, message: str, time: int, memory: Memory, reached: Reached) -> RescueFacts:
    folder = record_folder(worktree.repository.rescue_dir, worktree.lane_id, worktree.repository.repo_id, time)
    facts, done = read_record(folder)
    if facts is None:
        assessment = await assess(worktree, None, memory)
        _check_lock(worktree, assessment)
        commit = await _save_commit(worktree, assessment, message, time) if assessment.needs_commit else None
        reached("saved")
        facts = _facts(worktree, assessment, commit, time, folder)
        write_record(folder, facts, done=not assessment.needs_move)
        done = not assessment.needs_move
        reached("recorded")
    if not done:
        if isinstance(worktree, Clone):
            # Where it may not go there, it goes with the rest.
            with suppress(GitRefusal):
                await offer_branch(worktree)
        await asyncio.to_thread(_move, worktree, facts, reached)
        facts = msgspec.structs.replace(facts, fingerprint=(await assess(worktree, None, memory)).facts.fingerprint)
        write_record(folder, facts, done=True)
    return facts


def record_folder(rescue_dir: Path, lane_id: str, repo_id: str, time: int) -> Path:
    return rescue_dir / lane_id / repo_id / str(time)


def read_record(folder: Path) -> tuple[RescueFacts | None, bool]:
    """The facts of a rescue, and whether it came to its end."""
    content = read_plain(folder / _RECORD)
    if content is None:
        return None, False
    record = json.loads(content)
    done = record.pop(_DONE)
    return RescueFacts(**record), done


def list_records(rescue_dir: Path, repo_id: str) -> tuple[RescueFacts, ...]:
    found = (read_record(path.parent)[0] for path in rescue_dir.glob(f"*/{repo_id}/*/{_RECORD}"))
    return tuple(sorted((facts for facts in found if facts is not None), key=lambda facts: (facts.time, facts.lane_id)))


def is_rescued(worktree: Worktree, fingerprint: str) -> bool:
    """Whether a finished rescue saved this very state."""
    folder = worktree.repository.rescue_dir / worktree.lane_id / worktree.repository.repo_id
    records = (read_record(path.parent) for path in folder.glob(f"*/{_RECORD}"))
    return any(done and facts is not None and facts.fingerprint == fingerprint for facts, done in records)


def _check_lock(worktree: Worktree, assessment: Assessment) -> None:
    reason = assessment.facts.locked_reason
    if reason is not None and assessment.needs_move:
        raise locked(worktree, reason)


def locked(worktree: Worktree, reason: str) -> GitRefusal:
    where = text_of(worktree.path)
    return GitRefusal(
        RefusalCode.WORKTREE_LOCKED,
        f"{where} is locked{f' ({reason})' if reason else ''}; `git worktree unlock {shlex.quote(where)}` frees it",
        {"path": where, "reason": reason},
    )


async def _save_commit(worktree: Worktree, assessment: Assessment, message: str, time: int) -> str:
    repository = worktree.repository
    head, base = assessment.head.commit, worktree.base_commit()
    parents = [] if head is None else [head]
    if assessment.staged:
        parents.append(await _commit_index(worktree, tuple(parents), time))
    parents += [commit for commit in assessment.facts.unreferenced_commits if commit != head]
    if assessment.snapshot is not None:
        tree = assessment.snapshot.tree
    else:
        tree = EMPTY_TREES[repository.preferences.object_format] if head is None else await tree_of(repository, head)
    commit = await make_commit(repository, CommitDraft(tree, tuple(parents), message, _SAVER, time))
    refs = assessment.own.refs
    await keep(repository, (commit, *(at for _, at in refs)), base, worktree.keeper)
    if base is not None:
        pin = RESCUE_PINS + f"{worktree.lane_id}/{time}".encode()
        async with repository.writing:
            await repository.git(repository.theirs(), "update-ref", pin, base)
    folder = _ref_folder(worktree, time).encode()
    changes = b"".join(b"update %s%s\0%s\0\0" % (folder, ref[len(b"refs/") :], at.encode()) for ref, at in refs)
    changes += b"update %s\0%s\0\0" % (_ref(worktree, time).encode(), commit.encode())
    await repository.git(worktree.keeper.ours(), "update-ref", "--stdin", "-z", stdin=changes)
    return commit


def _ref(worktree: Worktree, time: int) -> str:
    return f"refs/rescue/{worktree.lane_id}/{time}"


def _ref_folder(worktree: Worktree, time: int) -> str:
    """Where a clone's own refs are kept by their names."""
    return f"refs/rescued/{worktree.lane_id}/{time}/"


async def _commit_index(worktree: Worktree, parents: tuple[str, ...], time: int) -> str:
    """The agent's index as a commit; the sides of a conflict become files beside each other."""
    repository = worktree.repository
    entries = parse_entries(await repository.git(worktree.their_index(), "ls-files", "--stage", "-z"))
    lines = (
        b"%s %s\t%s%s\0"
        % (entry.mode, entry.object_id.encode(), entry.path, b"~stage%d" % entry.stage if entry.stage else b"")
        for entry in entries
    )
    index = worktree.private / "index.rescue"
    index.unlink(missing_ok=True)
    place = repository.ours(index=index)
    try:
        await repository.git(place, "update-index", "-z", "--index-info", stdin=b"".join(lines))
        tree = (await repository.git(place, "write-tree")).decode().strip()
    finally:
        index.unlink(missing_ok=True)
    draft = CommitDraft(tree, parents, f"What was staged in lane {worktree.lane_id}", _SAVER, time)
    return await make_commit(repository, draft)


def _facts(worktree: Worktree, assessment: Assessment, commit: str | None, time: int, folder: Path) -> RescueFacts:
    repository, ref = worktree.keeper, _ref(worktree, time)
    name = f"{worktree.lane_id}-{time}"
    fetch = f"git fetch {shlex.quote(str(repository.private))} {ref}:refs/heads/rescue/{name}"
    if assessment.own.refs:
        fetch += f" {shlex.quote(f'{_ref_folder(worktree, time)}*:refs/rescued/{name}/*')}"
    moved = worktree.presence() == "ok" and assessment.needs_move
    # A clone has its git directory in it.
    admin_moved = assessment.needs_move and not (moved and isinstance(worktree, Clone))
    return RescueFacts(
        repo_id=repository.repo_id,
        lane_id=worktree.lane_id,
        time=time,
        commit=commit,
        ref=ref if commit else None,
        git_dir=text_of(repository.private),
        base_commit=worktree.base_commit(),
        moved_to=text_of(folder / "worktree") if moved else None,
        admin_moved_to=text_of(folder / "gitdir") if admin_moved else None,
        restore=fetch if commit else None,
        fingerprint=assessment.facts.fingerprint,
    )


def write_record(folder: Path, facts: RescueFacts, *, done: bool) -> None:
    """Keeps the facts, and whether the rescue came to its end."""
    make_private_folders(folder)
    content = json.dumps({**msgspec.to_builtins(facts), _DONE: done}, indent=1)
    write_atomically(folder / _RECORD, content.encode())


def _move(worktree: Worktree, facts: RescueFacts, reached: Reached) -> None:
    folder = record_folder(worktree.repository.rescue_dir, facts.lane_id, facts.repo_id, facts.time)
    if facts.moved_to is not None and not (folder / "worktree").is_dir():
        move_folder(worktree.path, folder / "worktree")
    reached("moved")
    if isinstance(worktree, Clone) and facts.moved_to is not None:
        worktree.bay.forget(worktree.intake)
    elif not (folder / "gitdir").is_dir():
        admin = worktree.repository.private if isinstance(worktree, Clone) else worktree.admin
        move_folder(admin, folder / "gitdir")
    reached("admin moved")
