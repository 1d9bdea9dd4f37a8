"""What a lane's directory holds that no tree object shows: nested repositories, unreadable folders, ignored files."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from agentlanes.adapters.git.discovery import follow_link
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.records import GITLINK, parse_entries, split_records
from agentlanes.adapters.git.snapshot import Snapshot
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import NestedRepository, SkippedPath, text_of_bytes


class Survey(Struct, frozen=True):
    """What only the directory itself holds."""

    nested: tuple[NestedRepository, ...]
    unstorable: tuple[SkippedPath, ...]
    ignored_entries: int


async def survey(worktree: Worktree, snapshot: Snapshot, folder: Path) -> Survey:
    repository = worktree.repository
    arguments = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"]
    call = Call(worktree.ours(folder), arguments, seconds=WRITE_SECONDS)
    ignored = split_records((await repository.program.run(call)).out)
    known = {path for path, reason in snapshot.skipped if reason == "nested_repository"}
    # A nested repository is looked at from outside only: what it holds goes where it goes.
    closed = known | {path.rstrip(b"/") for path in ignored if path.endswith(b"/")}
    found, unreadable = await asyncio.to_thread(_walk, folder, closed)
    nested, odd = set(known), set()
    for dot_git in found:
        parent = dot_git.rpartition(b"/")[0]
        if follow_link(folder / os.fsdecode(dot_git)) is not None:
            nested.add(parent)
        elif _holds_something(folder / os.fsdecode(dot_git)):
            odd.add(dot_git)
    submodules = await _gitlinks(worktree, nested, folder)
    unstorable = [SkippedPath(text_of_bytes(path), reason) for path, reason in snapshot.skipped if path not in known]
    unstorable += [SkippedPath(text_of_bytes(path), "forbidden_name") for path in sorted(odd)]
    unstorable += [SkippedPath(text_of_bytes(path), "unreadable") for path in sorted(unreadable)]
    return Survey(
        tuple(NestedRepository(text_of_bytes(path), path in submodules) for path in sorted(nested)),
        tuple(dict.fromkeys(unstorable)),
        len(ignored),
    )


def _walk(folder: Path, closed: set[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Paths named `.git` below the top, and folders that cannot be read; does not enter those in `closed`."""
    found: list[bytes] = []
    unreadable: list[bytes] = []
    top = os.fsencode(folder)
    waiting = [b""]
    while waiting:
        at = waiting.pop()
        try:
            with os.scandir(top + b"/" + at) as entries:
                for entry in entries:
                    path = at + entry.name
                    if entry.name == b".git":
                        if at:
                            found.append(path)
                    elif entry.is_dir(follow_symlinks=False) and path not in closed:
                        waiting.append(path + b"/")
        except FileNotFoundError:
            continue
        except OSError:
            unreadable.append(at.rstrip(b"/"))
    return found, unreadable


def _holds_something(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            return any(path.iterdir())
        return stat.S_ISREG(mode) and path.lstat().st_size > 0
    except OSError:
        return True


async def _gitlinks(worktree: Worktree, paths: Iterable[bytes], folder: Path) -> set[bytes]:
    wanted = sorted(paths)
    if not wanted:
        return set()
    output = await worktree.repository.git(worktree.ours(folder), "ls-files", "--stage", "-z", "--", *wanted)
    return {entry.path for entry in parse_entries(output) if entry.mode == GITLINK}
