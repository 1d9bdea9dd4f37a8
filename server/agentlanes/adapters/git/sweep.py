"""Deletes what snapshots, commits and merges left in our object directory.

`git prune` would walk the whole history of the user's repository to find out what is in use. Here it is known: rescued
commits are in packs, which stay, and of the loose objects only those that a lane's index names are needed for long.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path

from agentlanes.adapters.git.folders import remove_folder
from agentlanes.adapters.git.invocation import Place
from agentlanes.adapters.git.records import parse_entries
from agentlanes.adapters.git.repository import Repository

KEPT_SECONDS = 24 * 3600
"""Longer than anything takes that uses an object before an index names it."""

PAUSE_SECONDS = 3600
_STAMP = "swept"


async def sweep(repository: Repository) -> bool:
    """Sweeps, unless it was done a short time ago; says whether it did."""
    stamp = repository.private / _STAMP
    with suppress(FileNotFoundError):
        if time.time() - stamp.stat().st_mtime < PAUSE_SECONDS:
            return False
    stamp.touch()
    used: set[str] = set()
    for index in sorted(repository.private.glob("worktrees/*/index")):
        output = await repository.git(Place(index.parent), "ls-files", "--stage", "-z")
        used.update(entry.object_id for entry in parse_entries(output))
    await asyncio.to_thread(_delete_old, repository.private, used)
    return True


def _delete_old(private: Path, used: set[str]) -> None:
    limit = time.time() - KEPT_SECONDS
    for folder in (private / "objects").iterdir():
        if len(folder.name) != len("ff"):
            continue
        with os.scandir(folder) as entries:
            for entry in entries:
                # Git renews the time of an object that it would otherwise write again.
                if folder.name + entry.name not in used and entry.stat().st_mtime < limit:
                    Path(entry.path).unlink(missing_ok=True)
    for folder in private.glob("scratch/*"):
        if folder.stat().st_mtime < limit:
            remove_folder(folder)
