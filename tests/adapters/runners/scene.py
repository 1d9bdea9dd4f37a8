"""A state dir with real runners, the servers that were started on it, and what they heard."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from agentlanes.adapters.runners.place import RunnerPlace
from agentlanes.adapters.runners.runners import LocalRunners
from agentlanes.kernel.ports.runners import RunnerEvent, SpawnPlan, TapeReader, TerminalSize
from agentlanes.runner.journal import JournalBusyError, lock_journal, read_journal
from runner.rig import PATIENCE, find_marked

T = TypeVar("T")
LANE = "lane_01JABCDEFGHJKMNPQRSTVWXYZ0"
OTHER_LANE = "lane_01JABCDEFGHJKMNPQRSTVWXYZ1"
ENV = {"PATH": os.environ["PATH"]}


async def until(condition: Callable[[], T | None]) -> T:
    """The first true value of `condition`."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition does not come"
        await asyncio.sleep(0.005)
    return value


def shell(process_id: str, script: str, *, size: TerminalSize | None = None, sweep_on_exit: bool = False) -> SpawnPlan:
    return SpawnPlan(process_id, ("sh", "-c", script), "/tmp", ENV, size=size, sweep_on_exit=sweep_on_exit)


def read_all(reader: TapeReader) -> bytes:
    data = b""
    while chunk := reader.read(len(data), 1 << 20).data:
        data += chunk
    reader.close()
    return data


class Bench:
    """A state dir, the servers that were started on it, and what they heard."""

    def __init__(self, folder: Path) -> None:
        self.run_dir = folder / "run"
        self.tapes_dir = folder / "tapes"
        self.servers: list[LocalRunners] = []
        self.heard: list[RunnerEvent] = []

    def server(self) -> LocalRunners:
        server = LocalRunners(self.run_dir, self.tapes_dir, linger_ms=100)
        server.subscribe(self.heard.append)
        self.servers.append(server)
        return server

    async def started(self) -> LocalRunners:
        server = self.server()
        await server.start()
        return server

    def place(self, lane_id: str = LANE) -> RunnerPlace:
        return RunnerPlace.of_lane(self.run_dir, lane_id)

    def runner_pid(self, lane_id: str = LANE) -> int:
        return read_journal(str(self.place(lane_id).journal), alive=True).runner_pid

    def is_running(self, lane_id: str = LANE) -> bool:
        try:
            os.close(lock_journal(str(self.place(lane_id).journal), create=False))
        except JournalBusyError:
            return True
        except FileNotFoundError:
            pass
        return False

    async def event(self, wanted: type[T], process_id: str) -> T:
        def find() -> T | None:
            for event in self.heard:
                if isinstance(event, wanted) and getattr(event, "process_id", None) == process_id:
                    return event
            return None

        return await until(find)

    async def clear(self) -> None:
        for server in self.servers:
            await server.close()
        cleaner = LocalRunners(self.run_dir, self.tapes_dir, linger_ms=0)
        await cleaner.start()
        for lane_id in (LANE, OTHER_LANE):
            await cleaner.stop_lane(lane_id, grace_ms=0)
        assert find_marked(self.tapes_dir) == []
        await cleaner.close()
        logs = {path: path.read_text() for path in self.run_dir.glob("*.log")}
        assert not any(logs.values()), logs
