"""A snapshot is what is decided at its position, also of what is on its way to the disk; what follows it has no gap."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.views import Views
from agentlanes.kernel.vitals import Vitals
from agentlanes.rpc.attachments import Deltas
from agentlanes.rpc.connection import Connections
from agentlanes.wire.models import EventSubscribe, Item
from agentlanes.wire.table import ENTITIES
from kernel.driving import GatedStore, ask
from protocol.schemas import SOURCE


class Outbound:
    """Takes the place of a peer's writing side."""

    def __init__(self) -> None:
        self.after: int | None = None
        self.woken: list[Deltas] = []

    def subscribe(self, after: int, topics: object, workspace_ids: object) -> None:
        self.after = after

    def wants(self, topic: str, workspace_id: str | None) -> bool:
        return True

    def wake(self, deltas: Deltas) -> None:
        self.woken.append(deltas)


def example(noun: str, **fields: Any) -> Any:
    """The published example of a noun, with other fields; None leaves one out."""
    (path, *_) = sorted((SOURCE / "examples" / noun.capitalize()).glob("*.json"))
    merged = {**json.loads(path.read_text()), "operation": None, "problem": None, "interrupt": None, **fields}
    given = {name: value for name, value in merged.items() if value is not None}
    return msgspec.convert(given, ENTITIES[noun].type)


def make_item(number: int, **fields: Any) -> Item:
    item: Item = example("item", item_id=f"it_{number:026}", position=number, **fields)
    return item


@pytest.fixture
def store() -> GatedStore:
    return GatedStore()


@pytest.fixture
async def kernel(store: GatedStore) -> Any:
    kernel = Kernel(store, Clock())
    for noun, fields in (("lane", {"status": "running"}), ("session", {}), ("turn", {"status": "running"})):
        entity = example(noun, **fields)
        kernel.state.put(noun, getattr(entity, ENTITIES[noun].id), entity)
    yield kernel
    store.gate.set()
    await kernel.close()


def apply(kernel: Kernel, *items: Item) -> Any:
    session = next(iter(kernel.state.all("session")))
    payload = {"process_id": session.process_id, "items": msgspec.to_builtins(items)}
    return kernel.submit(ask("session.apply", payload, session_id=session.session_id, actor="server"))


def connect(kernel: Kernel, vitals: Vitals) -> tuple[Connections, Any, Outbound]:
    views = Views(kernel, SimpleNamespace(), vitals)
    runners: Any = SimpleNamespace()
    pulse: Any = SimpleNamespace(join=lambda peer: None, leave=lambda peer: None)
    connections = Connections(kernel, views, vitals, runners, kernel.clock, pulse, "0", Path("/"))
    outbound = Outbound()
    return connections, SimpleNamespace(id="pe", closed=False, outbound=outbound), outbound


async def test_what_is_on_its_way_to_the_disk_is_in_it(kernel: Kernel, store: GatedStore) -> None:
    await apply(kernel, make_item(1), make_item(2, status="in_progress", text="old"))
    store.gate.clear()
    closing = apply(kernel, make_item(2, text="old and new"), make_item(3))
    opening = apply(kernel, make_item(4, status="in_progress"))
    await store.wait_for_commit()
    connections, peer, _ = connect(kernel, Vitals())
    subscription, _ = connections.subscribe(peer, EventSubscribe())
    assert subscription.from_seq == kernel.decided
    assert subscription.snapshot is not None
    found = [(item.position, item.status, item.text) for item in subscription.snapshot.items]
    text = make_item(1).text
    assert found == [
        (1, "completed", text),
        (2, "completed", "old and new"),
        (3, "completed", text),
        (4, "in_progress", text),
    ]
    store.gate.set()
    await closing
    await opening
    again, _ = connections.subscribe(peer, EventSubscribe())
    assert again.snapshot == subscription.snapshot


async def test_an_item_that_is_closed_has_its_whole_text_while_its_growth_lags_behind(kernel: Kernel) -> None:
    vitals = Vitals()
    item = make_item(1, status="in_progress", text=None)
    await apply(kernel, item)
    vitals.grow(item, 0, "some ")
    await apply(kernel, make_item(1, text="some words"))
    connections, peer, _ = connect(kernel, vitals)
    subscription, _ = connections.subscribe(peer, EventSubscribe())
    assert subscription.snapshot is not None
    assert [item.text for item in subscription.snapshot.items] == ["some words"]


async def test_text_that_grows_before_the_answer_is_news(kernel: Kernel) -> None:
    vitals = Vitals()
    item = make_item(1, status="in_progress", text=None)
    await apply(kernel, item)
    vitals.grow(item, 0, "before ")
    connections, peer, outbound = connect(kernel, vitals)
    subscription, begin = connections.subscribe(peer, EventSubscribe())
    vitals.grow(item, 7, "between ")
    begin()
    vitals.grow(item, 15, "after")
    assert subscription.snapshot is not None
    text = subscription.snapshot.items[0].text
    assert text is not None
    assert outbound.after == kernel.decided
    while (frame := outbound.woken[0].next_frame()) is not None:
        delta = json.loads(frame)["params"]["payload"]
        assert delta["offset"] == len(text)
        text += delta["data"]
    assert text == "before between after"
