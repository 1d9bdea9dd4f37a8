"""Waiting for an index that another git process has locked."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.invocation import Call
from agentlanes.adapters.git.repository import Repository
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

TRIES = 20
PAUSE = 0.1
"""Seconds between tries."""


async def with_index_lock(repository: Repository, call: Call) -> None:
    """Runs a git command that takes the lock of its worktree's index; waits a little while another git has it."""
    lock, index = call.place.git_dir / "index.lock", call.place.git_dir / "index"
    if index.is_symlink():
        # Git would follow it and write over whatever an agent made it lead to. No git of its own made it one.
        index.unlink()
    for attempt in range(TRIES):
        if not lock.exists():
            try:
                await repository.program.run(call)
            except GitRefusal:
                if not lock.exists() or attempt == TRIES - 1:
                    raise
            else:
                return
        await asyncio.sleep(PAUSE)
    raise locked(lock)


def locked(lock: Path) -> GitRefusal:
    """How a lock is told that stays."""
    return GitRefusal(
        RefusalCode.INDEX_LOCKED,
        f"{text_of(lock)} exists: another git works there, or one died; try again, or delete the file if none runs",
        {"path": text_of(lock)},
    )
