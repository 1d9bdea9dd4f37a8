"""A process that commits until it is killed: `python -m kernel.committing DATABASE FIRST`.

Prints a line for each command that was answered. Its parent kills it at a moment of its own choice.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from agentlanes.adapters.store.sqlite import SqliteStore
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Accepted, Kernel
from kernel.driving import ask, ask_workspace, decode

TOGETHER = 8


async def commit_forever(path: Path, first: int) -> None:
    clock = Clock()
    kernel = Kernel(SqliteStore(path, lambda: clock.mint("server")), clock)
    number = first

    async def create_and_close(number: int) -> None:
        created = await kernel.submit(ask_workspace(f"w{number}", envelope_id=f"create-{number}"))
        tell(f"create-{number}", created)
        id = decode(created)["payload"]["workspace"]["workspace_id"]
        tell(
            f"close-{number}",
            await kernel.submit(ask("workspace.close", workspace_id=id, envelope_id=f"close-{number}")),
        )

    while True:
        await asyncio.gather(*(create_and_close(number + n) for n in range(TOGETHER)))
        number += TOGETHER


def tell(envelope_id: str, accepted: Accepted) -> None:
    sys.stdout.write(f"{envelope_id} {accepted.seq}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(commit_forever(Path(sys.argv[1]), int(sys.argv[2])))
