"""Commits that only a worktree's git directory knows: a detached HEAD, and what its log and state files name.

`git gc` deletes them some time after that directory is gone.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from agentlanes.adapters.git.invocation import Call
from agentlanes.adapters.git.plain_files import read_plain
from agentlanes.adapters.git.references import PINS
from agentlanes.adapters.git.worktree import Worktree

_OBJECT_ID = re.compile(rb"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")
_FILE_LIMIT = 16 << 20
# What was fetched is still where it came from; submodules have a repository of their own.
_NOT_WORK = {"FETCH_HEAD", "modules", "objects"}


async def find_loose_commits(worktree: Worktree) -> tuple[str, ...]:
    """The newest of those commits: those that no other one of them descends from.

    Not counted is what a ref of the user's repository reaches, or a log of such a ref: amending or resetting a branch
    leaves the old commits in the branch's log, which stays.
    """
    named = named_ids(worktree.admin, len(worktree.repository.null_id))
    commits = await _only_commits(worktree, named)
    if not commits:
        return ()
    # Our own pins must not count: they go with the lane.
    arguments = [
        "rev-list",
        "--parents",
        "--stdin",
        "--not",
        f"--exclude={PINS.decode()}*",
        "--glob=refs/*",
        "--reflog",
    ]
    stdin = "".join(f"{commit}\n" for commit in sorted(commits)).encode()
    call = Call(worktree.repository.theirs(), arguments, stdin=stdin)
    lines = [line.split(" ") for line in (await worktree.repository.program.run(call)).out.decode().splitlines()]
    inner = {parent for _, *parents in lines for parent in parents}
    return tuple(sorted(commit for commit, *_ in lines if commit not in inner))


def named_ids(admin: Path, digits: int) -> set[bytes]:
    """Whatever looks like an object id in the files of a git directory."""
    named: set[bytes] = set()
    for folder, folders, files in os.walk(admin):
        folders[:] = [name for name in folders if name not in _NOT_WORK]
        for name in files:
            if name in _NOT_WORK or name.startswith(("index", "sharedindex.")):
                continue
            content = read_plain(Path(folder) / name, _FILE_LIMIT) or b""
            named.update(found for found in _OBJECT_ID.findall(content) if len(found) == digits)
    return named


async def _only_commits(worktree: Worktree, named: set[bytes]) -> set[str]:
    """Those of the ids that name commits which exist in the user's repository."""
    arguments = ["cat-file", "--batch-check=%(objectname) %(objecttype)"]
    call = Call(worktree.repository.theirs(), arguments, stdin=b"".join(name + b"\n" for name in sorted(named)))
    lines = (await worktree.repository.program.run(call)).out.decode().splitlines()
    return {line.split(" ")[0] for line in lines if line.endswith(" commit")}
