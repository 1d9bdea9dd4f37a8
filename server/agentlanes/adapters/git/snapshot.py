"""Turns a lane's working tree into a tree object, through an index of ours that the agent's git never sees.

Our index is compared with the files by their stat data, so a repeat costs one walk. Which files count is decided as
git decides it: what HEAD or the agent's index tracks, and what is not ignored. The agent's index is otherwise not
believed; an entry that it calls unchanged is looked at all the same.

Git must never look for changes inside nested repositories: it would start a git there, under their config. So `status`
is told that submodules are never dirty, and `git add` is not used at all. A submodule counts by the commit that its
HEAD is at; other nested repositories are left out and named.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from pathlib import Path

from msgspec import Struct, field

from agentlanes.adapters.git.filters import agent_clean_entries
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.plain_files import Signature, signature
from agentlanes.adapters.git.records import EMPTY_TREES, GITLINK, Change, parse_changes, split_records
from agentlanes.adapters.git.references import Head
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import SkippedPath, SkipReason, SnapshotFacts, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_ISOLATED = 100
_STALE_LOCK_SECONDS = 60.0
# What git's verify_path refuses anywhere; most of it would be `.git` on a Mac or Windows.
_FORBIDDEN = re.compile(rb"(?i)(?:^|[/\\])(?:\.git|git~1)[. ]*(?:[/\\:]|$)")


class Memory(Struct):
    """What the last snapshot of a worktree found, to be believed while the files' signatures last."""

    agent_index: tuple[Signature | None, str | None] | None = None
    staged: Staged | None = None
    tree: tuple[Signature | None, str] | None = None
    checked: bool = False
    """Our index was found to be whole, in the life of this server."""


class Staged(Struct, frozen=True):
    """How the agent's index differs from HEAD."""

    changes: tuple[Change, ...] = ()
    readable: bool = True

    def paths(self, letter: str) -> set[bytes]:
        return {change.path for change in self.changes if change.status == letter}


class Snapshot(Struct, frozen=True):
    """A working tree at a moment, and what else was seen on the way."""

    tree: str
    head: Head
    staged: Staged
    skipped: tuple[tuple[bytes, SkipReason], ...] = ()

    def facts(self) -> SnapshotFacts:
        return SnapshotFacts(self.tree, self.head.commit, skipped_facts(self.skipped))


class _Seen(Struct):
    """What `status` says about our index and the files."""

    changed: list[bytes] = field(default_factory=list)
    """On disk unlike in our index, or untracked."""
    nested: list[bytes] = field(default_factory=list)
    only_ours: set[bytes] = field(default_factory=set)
    """In our index and not in HEAD."""
    only_head: set[bytes] = field(default_factory=set)
    links: dict[bytes, str] = field(default_factory=dict)
    """Submodules whose commit in HEAD is not the one in our index."""


def skipped_facts(skipped: tuple[tuple[bytes, SkipReason], ...]) -> tuple[SkippedPath, ...]:
    return tuple(SkippedPath(text_of_bytes(path), reason) for path, reason in skipped)


async def take_snapshot(worktree: Worktree, memory: Memory, folder: Path | None = None) -> Snapshot:
    """Snapshots the files in `folder`, by default the worktree's own path."""
    await _settle(worktree)
    index = worktree.private / "index"
    if not memory.checked:
        memory.checked = True
        if not await asyncio.to_thread(_is_intact, index, worktree.repository.preferences.object_format):
            index.unlink(missing_ok=True)
    for isolate in (False, False, True):
        try:
            return await _take(worktree, memory, folder, isolate=isolate)
        except GitRefusal as refusal:
            # The agent works on: a file may become a folder between our look at it and our reading it.
            if refusal.code is not RefusalCode.GIT_FAILED:
                raise
    # An object that our index names may be gone. The index holds nothing that is not in the files.
    index.unlink(missing_ok=True)
    return await _take(worktree, memory, folder, isolate=True)


async def _settle(worktree: Worktree) -> None:
    """Makes our index usable, also after a server that died in the middle of its work."""
    worktree.prepare()
    lock = worktree.private / "index.lock"
    while (held := signature(lock)) is not None:
        # A git of that server may still be at work. A fresh lock is waited for, an old one has no owner.
        if time.time_ns() - held[2] > _STALE_LOCK_SECONDS * 1e9:
            lock.unlink(missing_ok=True)
        await asyncio.sleep(0.05)


def _is_intact(index: Path, object_format: str) -> bool:
    """Whether an index ends with its checksum. Git does not look, and reads what a power failure left of one."""
    if not index.exists():
        return True
    content = index.read_bytes()
    checksum = hashlib.new(object_format, usedforsecurity=False)
    checksum.update(content[: -checksum.digest_size])
    return content[-checksum.digest_size :] == checksum.digest()


async def _take(worktree: Worktree, memory: Memory, folder: Path | None, *, isolate: bool) -> Snapshot:
    repository, place = worktree.repository, worktree.ours(folder)
    head = worktree.head()
    if not (worktree.private / "index").exists():
        seed = head.commit or EMPTY_TREES[repository.preferences.object_format]
        await repository.git(place, "read-tree", seed)
    worktree.set_private_head(head.commit)
    staged = await read_staged(worktree, memory, head)
    arguments = ["status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty"]
    # With optional locks, so that the stat data it refreshed is kept.
    call = Call(place, arguments, extra={"GIT_OPTIONAL_LOCKS": "1"}, seconds=WRITE_SECONDS)
    seen = _parse_status((await repository.program.run(call)).out)

    added, removed = staged.paths("A"), staged.paths("D")
    base = folder or worktree.path
    links, entries = _submodules(base, seen, staged)
    skipped: list[tuple[bytes, SkipReason]] = [(path, "nested_repository") for path in seen.nested if path not in links]
    touched = []
    for path in dict.fromkeys((*seen.changed, *links, *sorted((seen.only_head - removed) | (added - seen.only_ours)))):
        if _FORBIDDEN.search(path):
            skipped.append((path, "forbidden_name"))
        else:
            touched.append(path)
    entries += await agent_clean_entries(worktree, place, touched)
    doubtful = (seen.only_ours - added) | (removed - seen.only_head)
    zero = repository.null_id.encode()
    entries += [b"0 %s\t%s" % (zero, path) for path in await _ignored(worktree, folder, doubtful)]
    known = {entry.split(b"\t", 1)[1] for entry in entries}
    touched = [path for path in touched if path not in known]
    if entries:
        stdin = b"".join(entry + b"\0" for entry in entries)
        await repository.git(place, "update-index", "-z", "--add", "--replace", "--index-info", stdin=stdin)
    if touched:
        failed = await _update(worktree, folder, touched, isolate=isolate)
        skipped += [(path, _reason(base, path)) for path in failed]
    return Snapshot(await _write_tree(worktree, memory, folder), head, staged, tuple(sorted(skipped)))


async def read_staged(worktree: Worktree, memory: Memory, head: Head) -> Staged:
    """Reads the agent's index, unless neither it nor HEAD changed since the last time."""
    index = worktree.admin / "index"
    key = (signature(index), head.commit)
    if memory.staged is not None and memory.agent_index == key:
        return memory.staged
    repository = worktree.repository
    if key[0] is None:
        return Staged(readable=False)
    tree = head.commit or EMPTY_TREES[repository.preferences.object_format]
    arguments = ["diff-index", "--cached", "--raw", "-z", "--no-renames", "--ignore-submodules=dirty", tree]
    try:
        # The files are not looked at, and may be gone: the index of a deleted worktree is read like any other.
        output = await repository.git(worktree.their_index(), *arguments)
    except GitRefusal as refusal:
        if refusal.code is not RefusalCode.GIT_FAILED:
            raise
        return Staged(readable=False)
    memory.agent_index = key
    memory.staged = Staged(tuple(parse_changes(output)))
    return memory.staged


def _parse_status(output: bytes) -> _Seen:
    seen = _Seen()
    for record in split_records(output):
        if record.startswith(b"? "):
            (seen.nested if record.endswith(b"/") else seen.changed).append(record[2:].rstrip(b"/"))
            continue
        fields = record.split(b" ", 8)
        path = fields[-1]
        in_index, on_disk = fields[1][:1], fields[1][1:]
        if on_disk != b".":
            seen.changed.append(path)
        if in_index == b"A":
            seen.only_ours.add(path)
        elif in_index == b"D":
            seen.only_head.add(path)
        if in_index != b"." and fields[3] == GITLINK:
            seen.links[path] = fields[6].decode("ascii")
    return seen


def _submodules(base: Path, seen: _Seen, staged: Staged) -> tuple[list[bytes], list[bytes]]:
    """Submodules that our index has to learn about: those that are populated, and index entries for the others."""
    wanted = dict(seen.links)
    for change in staged.changes:
        if change.new_mode == GITLINK:
            wanted[change.path] = change.new_id
        else:
            wanted.pop(change.path, None)
    populated, entries = [], []
    for path, commit in wanted.items():
        on_disk = base / os.fsdecode(path)
        if os.path.lexists(on_disk / ".git"):
            populated.append(path)
        elif on_disk.is_dir() and not on_disk.is_symlink() and not any(on_disk.iterdir()):
            entries.append(b"%s %s\t%s" % (GITLINK, commit.encode(), path))
    return populated, entries


async def _ignored(worktree: Worktree, folder: Path | None, paths: set[bytes]) -> list[bytes]:
    """Those of `paths` that git would ignore if they were not tracked."""
    if not paths:
        return []
    # The command knows no literal pathspecs; after `./` nothing is magic any more.
    call = Call(
        worktree.ours(folder),
        ["check-ignore", "-z", "--stdin", "--no-index"],
        stdin=b"".join(b"./%s\0" % path for path in sorted(paths)),
        extra={"GIT_LITERAL_PATHSPECS": "0"},
        accept=(0, 1),
    )
    return [path[len(b"./") :] for path in split_records((await worktree.repository.program.run(call)).out)]


async def _update(worktree: Worktree, folder: Path | None, paths: list[bytes], *, isolate: bool) -> list[bytes]:
    """Brings our index in step with files that exist or are gone; returns the paths that git refuses."""
    call = Call(
        worktree.ours(folder),
        ["update-index", "-z", "--add", "--remove", "--replace", "--stdin"],
        stdin=b"".join(path + b"\0" for path in paths),
        seconds=WRITE_SECONDS,
    )
    try:
        await worktree.repository.program.run(call)
    except GitRefusal as refusal:
        if refusal.code is not RefusalCode.GIT_FAILED or not isolate:
            raise
        if len(paths) == 1:
            return paths
        middle = len(paths) // 2
        failed = await _update(worktree, folder, paths[:middle], isolate=True)
        if len(failed) > _ISOLATED:
            raise
        return failed + await _update(worktree, folder, paths[middle:], isolate=True)
    return []


def _reason(base: Path, path: bytes) -> SkipReason:
    try:
        with (base / path.decode("utf-8", "surrogateescape")).open("rb"):
            return "forbidden_name"
    except OSError:
        return "unreadable"


async def _write_tree(worktree: Worktree, memory: Memory, folder: Path | None) -> str:
    index = worktree.private / "index"
    if memory.tree is not None and memory.tree[0] == signature(index):
        return memory.tree[1]
    tree = (await worktree.repository.git(worktree.ours(folder), "write-tree")).decode().strip()
    memory.tree = (signature(index), tree)
    return tree
