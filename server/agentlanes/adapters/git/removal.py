"""Removes a worktree, and with it nothing that exists nowhere else.

The directory is renamed first: what still has a path into it loses it at once. (What is not the worktree that we made
is not touched.) Then it is assessed again, where it is
now. Only when that says the same as before, a mark is left, and from there on a repeat just carries on: refs, the git
directory, the files, and at the end our own directory with the mark.
"""

from __future__ import annotations

import asyncio

from agentlanes.adapters.git.assessment import assess
from agentlanes.adapters.git.clone import Clone
from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.folders import remove_folder
from agentlanes.adapters.git.offer import offer_branch
from agentlanes.adapters.git.plain_files import write_atomically
from agentlanes.adapters.git.provision import Reached, require_not_checked_out
from agentlanes.adapters.git.references import branch_ref, read_ref
from agentlanes.adapters.git.rescue import is_rescued, locked
from agentlanes.adapters.git.revisions import is_ancestor
from agentlanes.adapters.git.snapshot import Memory
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import RemovalFacts
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def remove(
    worktree: Worktree,
    expected_fingerprint: str,
    *,
    delete_branch: bool,
    target_branch: str | None,
    memory: Memory,
    reached: Reached,
) -> RemovalFacts:
    mark = worktree.removal_mark
    branch = await _branch_to_delete(worktree, target_branch) if delete_branch else None
    presence = worktree.presence()
    was_missing = presence == "missing" and not worktree.trash.is_dir()
    if not worktree.is_being_removed():
        # A mark of a removal whose directory is back would speak for this one.
        mark.unlink(missing_ok=True)
        if (was_missing or presence == "foreign") and not worktree.knows_admin():
            # Nothing is left that could be lost, whatever was expected.
            worktree.prepare()
        else:
            await _verify(worktree, expected_fingerprint, memory, reached, keep_branch=branch is None)
        write_atomically(mark, b"")
    reached("verified")
    async with worktree.repository.writing:
        await _delete_refs(worktree, branch)
        reached("refs")
        if not isinstance(worktree, Clone) and worktree.knows_admin():
            await asyncio.to_thread(_drop_admin, worktree)
        reached("admin")
    await asyncio.to_thread(remove_folder, worktree.trash)
    reached("files")
    if isinstance(worktree, Clone):
        await asyncio.to_thread(remove_folder, worktree.making)
        # Its mark goes last of all: until then a repeat carries on.
        await asyncio.to_thread(remove_store, worktree)
    else:
        await asyncio.to_thread(remove_folder, worktree.private)
    return RemovalFacts(
        path=text_of(worktree.path),
        was_missing=was_missing,
        left_behind=presence == "foreign",
        branch_deleted=branch is not None,
    )


async def _branch_to_delete(worktree: Worktree, target_branch: str | None) -> str | None:
    """The branch's commit; refuses a branch that holds what the target does not. None where there is no branch."""
    repository = worktree.repository
    commit = worktree.kept_commit()
    if commit is None:
        return None
    require_not_checked_out(worktree)
    target = None if target_branch is None else read_ref(repository.common_dir, branch_ref(target_branch))
    tips = {commit, worktree.branch_commit() or commit}
    contained = target is not None and worktree.branch != target_branch
    if not contained or not all([await is_ancestor(repository, tip, target or tip) for tip in tips]):
        raise GitRefusal(
            RefusalCode.BRANCH_NOT_MERGED,
            f"{target_branch or 'no target'} does not contain the branch {worktree.branch}; "
            "remove the worktree without its branch, or merge first",
            {"branch": worktree.branch, "commit": commit, "target_branch": target_branch},
        )
    return commit


async def _verify(worktree: Worktree, expected: str, memory: Memory, reached: Reached, *, keep_branch: bool) -> None:
    """Puts the directory aside and checks it there; puts it back if it must not go."""
    reason = worktree.locked_reason()
    if reason is not None:
        raise locked(worktree, reason)
    trash = worktree.trash
    if worktree.presence() == "ok":
        if trash.is_dir():
            where = text_of(trash)
            raise GitRefusal(
                RefusalCode.PATH_IN_USE,
                f"{where} is left from an earlier removal and its worktree is back; move the one or the other away",
                {"path": where},
            )
        worktree.path.rename(trash)
    reached("aside")
    try:
        await _check(worktree, expected, memory)
        if keep_branch and isinstance(worktree, Clone) and worktree.knows_admin():
            await offer_branch(worktree)
    except (GitRefusal, OSError, asyncio.CancelledError):
        worktree.put_back()
        raise


async def _check(worktree: Worktree, expected: str, memory: Memory) -> None:
    folder = worktree.trash if worktree.trash.is_dir() else None
    await worktree.look(folder)
    facts = (await assess(worktree, None, memory, folder)).facts
    if facts.fingerprint != expected:
        raise GitRefusal(
            RefusalCode.STALE,
            f"{text_of(worktree.path)} changed since it was assessed, so it was not removed; assess it again",
            {"path": text_of(worktree.path), "risks": list(facts.risks)},
        )
    if facts.risks and not is_rescued(worktree, expected):
        raise GitRefusal(
            RefusalCode.WORK_WOULD_BE_LOST,
            f"{text_of(worktree.path)} holds what exists nowhere else ({', '.join(facts.risks)}); rescue it first",
            {"path": text_of(worktree.path), "risks": list(facts.risks)},
        )


async def _delete_refs(worktree: Worktree, branch: str | None) -> None:
    repository = worktree.repository
    changes = b"delete %s\0\0" % worktree.pin
    if branch is not None:
        changes += b"delete %s\0%s\0" % (worktree.ref, branch.encode())
    await repository.git(repository.theirs(), "update-ref", "--stdin", "-z", stdin=changes)


def remove_store(clone: Clone) -> None:
    """Deletes what is kept for a clone, the mark of its removal last."""
    store = clone.repository.private
    for entry in store.iterdir():
        if entry != clone.private.parent:
            remove_folder(entry)
    remove_folder(store)


def _drop_admin(worktree: Worktree) -> None:
    # In one step out of the list of worktrees: git should not find half of one.
    gone = worktree.repository.common_dir / f"agentlanes-{worktree.lane_id}.gone"
    remove_folder(gone)
    worktree.admin.rename(gone)
    remove_folder(gone)
