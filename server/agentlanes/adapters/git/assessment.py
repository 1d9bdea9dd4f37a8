"""What would be lost with a worktree. Errs on the side of finding too much."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from agentlanes.adapters.git.clone import Clone
from agentlanes.adapters.git.clone_commits import Own, find_own
from agentlanes.adapters.git.loose_commits import find_loose_commits
from agentlanes.adapters.git.records import EMPTY_TREES, GITLINK, Change, parse_changes
from agentlanes.adapters.git.references import Head, branch_ref, read_head, read_ref
from agentlanes.adapters.git.snapshot import Memory, Snapshot, Staged, read_staged, take_snapshot
from agentlanes.adapters.git.survey import Survey, survey
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import AssessmentFacts, Presence, Risk, SkippedPath, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_SHOWN = 1000
_NO_SURVEY = Survey((), (), 0)
_STORABLE: frozenset[Risk] = frozenset(
    {"uncommitted", "untracked", "staged", "unreferenced_commits", "references", "operation"}
)
_MOVED_ONLY: frozenset[Risk] = frozenset({"nested_repository", "unstorable", "index_unreadable"})


class Assessment(Struct, frozen=True):
    """The facts, and what a rescue needs beside them."""

    facts: AssessmentFacts
    head: Head
    snapshot: Snapshot | None
    staged: tuple[Change, ...]
    """What only the agent's index holds."""
    own: Own
    """What only a clone holds; of a worktree that is its loose commits."""

    @property
    def needs_commit(self) -> bool:
        # Of a repository that misses objects nothing can be copied: it goes as it is.
        return self.own.whole and bool(_STORABLE & set(self.facts.risks))

    @property
    def needs_move(self) -> bool:
        """Something is at risk that no commit can hold."""
        return bool(_MOVED_ONLY & set(self.facts.risks))


class _Files(Struct, frozen=True):
    """What the files and the agent's index hold."""

    snapshot: Snapshot | None = None
    uncommitted: tuple[bytes, ...] = ()
    untracked: tuple[bytes, ...] = ()
    staged: tuple[Change, ...] = ()
    index_readable: bool = True
    survey: Survey = _NO_SURVEY


async def assess(
    worktree: Worktree, target_branch: str | None, memory: Memory, folder: Path | None = None
) -> Assessment:
    """Looks at `folder`, by default the worktree's own path; at the git directory alone, where that is all there is."""
    presence = worktree.presence(folder)
    head, files, own = Head(None, None), _Files(), Own()
    # A removal that was cut had found that nothing is lost; from then on its refs go, and what they held looks lost.
    is_looked_at = worktree.knows_admin() and not worktree.is_being_removed()
    if is_looked_at:
        own = await _find_own(worktree)
    if presence == "ok":
        head = worktree.head()
        found = await _look_if_readable(worktree, memory, folder or worktree.path) if own.whole else None
        own = own if found is not None else msgspec.structs.replace(own, whole=False)
        files = found or _Files(index_readable=False)
    elif is_looked_at:
        head = read_head(worktree.admin, worktree.refs_dir) or head
        files = await _look_at_index(worktree, memory, head)
    facts = AssessmentFacts(
        presence=presence,
        fingerprint="",
        risks=(),
        head_branch=None if head.branch is None else text_of_bytes(head.branch),
        head_commit=head.commit,
        branch_commit=worktree.branch_commit(),
        branch_unmerged=await _count_unmerged(worktree, target_branch) if own.whole else None,
        tree=None if files.snapshot is None else files.snapshot.tree,
        uncommitted=_shown(files.uncommitted),
        uncommitted_total=len(files.uncommitted),
        untracked=_shown(files.untracked),
        untracked_total=len(files.untracked),
        unreferenced_commits=own.tips,
        references=tuple(text_of_bytes(ref) for ref, _ in own.refs),
        operation=worktree.operation(),
        nested=files.survey.nested,
        unstorable=(*files.survey.unstorable, *_unreadable(worktree, own)),
        ignored_entries=files.survey.ignored_entries,
        locked_reason=worktree.locked_reason(),
    )
    risks = tuple(_risks(facts, files))
    fingerprint = _fingerprint(presence, head, files, facts, own)
    facts = msgspec.structs.replace(facts, risks=risks, fingerprint=fingerprint)
    return Assessment(facts, head, files.snapshot, files.staged, own)


async def _find_own(worktree: Worktree) -> Own:
    if not isinstance(worktree, Clone):
        return Own(await find_loose_commits(worktree))
    own = await find_own(worktree)
    return (
        own if worktree.is_readable() or worktree.presence() == "missing" else msgspec.structs.replace(own, whole=False)
    )


def _unreadable(worktree: Worktree, own: Own) -> tuple[SkippedPath, ...]:
    if not isinstance(worktree, Clone):
        return ()
    paths = (*worktree.oddities(), *(() if own.whole else (b".git",)))
    return tuple(SkippedPath(text_of_bytes(path), "unreadable") for path in paths)


async def _look_if_readable(worktree: Worktree, memory: Memory, folder: Path) -> _Files | None:
    """None for a clone whose commit no index can hold: its agent may have made anything up."""
    try:
        return await _look(worktree, memory, folder)
    except GitRefusal as refusal:
        if refusal.code is not RefusalCode.GIT_FAILED or not isinstance(worktree, Clone):
            raise
        return None


async def _look(worktree: Worktree, memory: Memory, folder: Path) -> _Files:
    repository = worktree.repository
    snapshot = await take_snapshot(worktree, memory, folder)
    old = snapshot.head.commit or EMPTY_TREES[repository.preferences.object_format]
    arguments = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--ignore-submodules=none"]
    changes = parse_changes(await repository.git(repository.ours(), *arguments, old, snapshot.tree))
    in_index = {change.path for change in snapshot.staged.changes}
    untracked = tuple(c.path for c in changes if c.status == "A" and c.path not in in_index)
    return _Files(
        snapshot=snapshot,
        uncommitted=tuple(c.path for c in changes if c.status != "A" or c.path in in_index),
        untracked=untracked,
        staged=_only_staged(snapshot.staged, changes),
        index_readable=snapshot.staged.readable,
        survey=await survey(worktree, snapshot, folder),
    )


async def _look_at_index(worktree: Worktree, memory: Memory, head: Head) -> _Files:
    staged = await read_staged(worktree, memory, head)
    return _Files(staged=_only_staged(staged, ()), index_readable=staged.readable)


def _only_staged(staged: Staged, on_disk: Iterable[Change]) -> tuple[Change, ...]:
    """Content that was staged, and that the file does not hold any more."""
    files = {change.path: change.new_id for change in on_disk}
    return tuple(
        change
        for change in staged.changes
        if change.status != "D" and change.new_mode != GITLINK and files.get(change.path) != change.new_id
    )


async def _count_unmerged(worktree: Worktree, target_branch: str | None) -> int | None:
    if target_branch is None:
        return None
    repository = worktree.repository
    target = read_ref(repository.common_dir, branch_ref(target_branch))
    branch = worktree.branch_commit()
    if target is None or branch is None:
        return None
    return int(await repository.git(repository.ours(), "rev-list", "--count", branch, f"^{target}"))


def _shown(paths: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(text_of_bytes(path) for path in paths[:_SHOWN])


def _risks(facts: AssessmentFacts, files: _Files) -> Iterable[Risk]:
    held: tuple[tuple[Risk, bool], ...] = (
        ("uncommitted", bool(files.uncommitted)),
        ("untracked", bool(files.untracked)),
        ("staged", bool(files.staged)),
        ("unreferenced_commits", bool(facts.unreferenced_commits)),
        ("references", bool(facts.references)),
        ("operation", facts.operation is not None),
        ("nested_repository", bool(facts.nested)),
        ("unstorable", bool(facts.unstorable)),
        ("index_unreadable", not files.index_readable),
        ("locked", facts.locked_reason is not None),
    )
    return (risk for risk, present in held if present)


def _fingerprint(presence: Presence, head: Head, files: _Files, facts: AssessmentFacts, own: Own) -> str:
    seen = (
        presence,
        head,
        None if files.snapshot is None else (files.snapshot.tree, files.snapshot.skipped),
        files.staged,
        files.index_readable,
        own,
        facts.operation,
        facts.nested,
        facts.unstorable,
        facts.locked_reason,
    )
    return hashlib.sha256(repr(seen).encode()).hexdigest()
