"""Where histories are played: a kernel on both stores, with its clock and its ids."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from agentlanes.core.errors import Refusal
from agentlanes.core.world import Stored
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Kernel
from agentlanes.wire.table import ENTITIES
from kernel.invariants import check_boot, check_log, check_state
from kernel.twin_store import TwinStore


class Stage:
    """A kernel on both stores, and what may happen to its server."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        shm = Path("/dev/shm")
        self.folder = tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None)
        self.store = TwinStore(Path(self.folder.name) / "log.sqlite3")
        self.clock = Clock()
        self.made = 0
        self.kernel = self.start()

    def start(self) -> Kernel:
        async def make() -> Kernel:
            return Kernel(self.store, self.clock)

        return self.loop.run_until_complete(make())

    def end(self) -> None:
        """Stops, and checks the log and both stores."""
        self.loop.run_until_complete(self.kernel.close())
        self.store.check_twins()
        check_log(self.store.rows)

    def release(self) -> None:
        self.store.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    def do(self, *requests: Any) -> list[Any]:
        """Decides all of them, then waits for their commits. What is refused is refused."""

        async def submit() -> Sequence[Any]:
            futures: list[Any] = []
            for request in requests:
                try:
                    futures.append(self.kernel.submit(request))
                except Refusal as refusal:
                    refused = asyncio.get_running_loop().create_future()
                    refused.set_result(refusal)
                    futures.append(refused)
            return await asyncio.gather(*futures, return_exceptions=True)

        outcomes = list(self.loop.run_until_complete(submit()))
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, Refusal):
                raise outcome
        return outcomes

    def see(self, noun: str, id: str) -> Stored:
        json = self.store.entity(noun, id)
        return Stored(None if json is None else msgspec.json.decode(json, type=ENTITIES[noun].type))

    def number(self) -> int:
        """For an id that was never used."""
        self.made += 1
        return self.made

    def check(self) -> None:
        """What must hold after every move."""
        check_state(self.kernel.state)
        check_boot(self.kernel.state, self.store.load())

    # What happens to the server.

    def restart(self) -> None:
        before = {noun: list(self.kernel.state.all(noun)) for noun in ENTITIES}
        self.loop.run_until_complete(self.kernel.close())
        self.kernel = self.start()
        assert {noun: list(self.kernel.state.all(noun)) for noun in ENTITIES} == before
