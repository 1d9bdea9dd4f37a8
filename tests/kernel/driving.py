"""A kernel as tests drive it: what they ask of it, and stores that wait or fail when told to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Sequence
from enum import Enum, auto
from typing import Any

import msgspec

from agentlanes.adapters.store.memory import MemoryStore
from agentlanes.core.command import Context
from agentlanes.core.world import RootPaths
from agentlanes.kernel.feed import Feed
from agentlanes.kernel.kernel import Accepted, Request
from agentlanes.kernel.ports.store import LogRow, StoreUnavailable, Transaction
from agentlanes.wire.table import ENTITIES, METHODS, PREFIXES, TOPICS

CONTEXT_IDS = ("workspace_id", "lane_id", "session_id", "terminal_id")


def ask(method: str, payload: dict[str, Any] | None = None, **rest: Any) -> Request:
    """A request; ids of the context are named as such, the rest are fields of the request."""
    ids = {name: rest.pop(name) for name in CONTEXT_IDS if name in rest}
    row = METHODS[method]
    rest.setdefault("actor", "client/test")
    return Request(method=row, payload=msgspec.convert(payload or {}, row.params), context=Context(**ids), **rest)


def ask_workspace(name: str = "shop", **rest: Any) -> Request:
    """A request that any kernel accepts."""
    workspace_id = rest.pop("workspace_id", None)
    payload = {"root_paths": ["/src"], "name": name}
    if workspace_id is not None:
        payload["workspace_id"] = workspace_id
    return ask("workspace.create", payload, facts=RootPaths(("/src",), {}), **rest)


def number_id(noun: str, number: int) -> str:
    return f"{PREFIXES[noun]}_{str(number).zfill(26)}"


class Fault(Enum):
    """How a commit can go wrong."""

    REFUSED = auto()
    """Nothing is kept, as the store says."""
    KEPT = auto()
    """All is kept, though the store says otherwise."""
    BROKEN = auto()
    """Nothing is kept, and the store fails in a way of its own."""


class GatedStore(MemoryStore):
    """Commits wait at the gate while it is closed, and go wrong by their number, from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = threading.Semaphore(0)
        self.faults: dict[int, Fault] = {}
        self.commits = 0

    def commit(self, transactions: Sequence[Transaction]) -> None:
        self.arrived.release()
        self.gate.wait(timeout=10)
        self.commits += 1
        fault = self.faults.get(self.commits)
        if fault is Fault.BROKEN:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        if fault is not Fault.REFUSED:
            super().commit(transactions)
        if fault is not None:
            raise StoreUnavailable("the disk is full")

    async def wait_for_commit(self) -> None:
        """Until the committer stands at the gate."""
        assert await asyncio.to_thread(self.arrived.acquire, timeout=10)


async def read(feed: Feed, after: int, limit: int = 1000) -> list[LogRow]:
    """What the feed has, from memory or from the store."""
    rows = feed.read(after, limit)
    return list(await rows if isinstance(rows, Awaitable) else rows)


def read_events(rows: Sequence[LogRow]) -> list[dict[str, Any]]:
    """The params of the notifications."""
    return [msgspec.json.decode(row.frame)["params"] for row in rows]


class _Params(msgspec.Struct):
    topic: str
    payload: dict[str, msgspec.Raw]


class _Frame(msgspec.Struct):
    params: _Params


def fold(rows: Sequence[LogRow]) -> dict[tuple[str, str], bytes]:
    """What the log says there is: each entity's bytes, as they stand in the last event that put it."""
    entities: dict[tuple[str, str], bytes] = {}
    for row in rows:
        params = msgspec.json.decode(row.frame, type=_Frame).params
        topic = TOPICS[params.topic]
        json = bytes(params.payload[topic.noun])
        id = msgspec.json.decode(json)[ENTITIES[topic.noun].id]
        if topic.drops:
            entities.pop((topic.noun, id), None)
        else:
            entities[topic.noun, id] = json
    return entities


def decode(accepted: Accepted) -> dict[str, Any]:
    response: dict[str, Any] = msgspec.json.decode(accepted.response)
    return response
