"""Nothing is published or answered before its commit; a failed commit takes with it what was decided after it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from agentlanes.core.errors import Refusal
from agentlanes.core.world import RootPaths
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.kernel.ports.store import Boot, StoreUnavailable
from kernel.driving import Fault, GatedStore, ask, ask_workspace, fold, number_id, read, read_events


async def test_nothing_leaves_before_its_commit(kernel: Kernel, store: GatedStore) -> None:
    heard: list[Committed] = []
    moves: list[int] = []
    kernel.listen(heard.append)
    kernel.feed.listen(lambda: moves.append(kernel.feed.head))
    store.gate.clear()
    future = kernel.submit(ask_workspace())
    await store.wait_for_commit()
    await asyncio.sleep(0.01)
    assert not future.done()
    assert (heard, moves, kernel.feed.head, await read(kernel.feed, 0)) == ([], [], 0, [])
    assert kernel.decided == 1
    assert len(list(kernel.state.all("workspace"))) == 1
    store.gate.set()
    accepted = await future
    assert accepted.seq == kernel.feed.head == 1
    assert [event.topic.name for committed in heard for event in committed.events] == ["workspace.created"]
    assert moves == [1]


async def test_publish_then_listeners_then_the_answer(kernel: Kernel) -> None:
    order: list[str] = []
    kernel.listen(lambda committed: order.append(f"heard at {kernel.feed.head}"))
    kernel.feed.listen(lambda: order.append("announced"))
    future = kernel.submit(ask_workspace())
    future.add_done_callback(lambda _: order.append("answered"))
    await future
    await asyncio.sleep(0)
    assert order == ["heard at 1", "announced", "answered"]


async def test_answers_come_in_the_order_of_decisions(kernel: Kernel, store: GatedStore) -> None:
    answered: list[int] = []
    store.gate.clear()
    futures = [kernel.submit(ask_workspace(f"w{n}")) for n in range(50)]
    for future in futures:
        future.add_done_callback(lambda done: answered.append(done.result().seq))
    store.gate.set()
    await asyncio.gather(*futures)
    await asyncio.sleep(0)
    assert answered == list(range(1, 51))
    assert store.commits < 10, "what waited was committed together"
    names = [event["payload"]["workspace"]["name"] for event in read_events(store.rows)]
    assert names == [f"w{n}" for n in range(50)]


async def test_a_failed_commit_refuses_its_batch_and_all_that_was_decided_after_it(
    kernel: Kernel, store: GatedStore, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Committed] = []
    kernel.listen(heard.append)
    kept = await kernel.submit(ask_workspace("kept"))
    store.gate.clear()
    store.faults = {2: Fault.REFUSED}
    lost = [kernel.submit(ask_workspace("lost 1"))]
    await store.wait_for_commit()
    await store.wait_for_commit()
    lost.append(kernel.submit(ask("workspace.update", {"name": "lost 2"}, workspace_id=kept.entity.workspace_id)))
    lost.append(kernel.submit(ask_workspace("lost 3")))
    with caplog.at_level(logging.WARNING):
        store.gate.set()
        outcomes = await asyncio.gather(*lost, return_exceptions=True)
    for outcome in outcomes:
        assert isinstance(outcome, Refusal)
        assert outcome.code == "STORE_UNAVAILABLE" and outcome.retryable
    assert "disk is full" in caplog.text
    assert kernel.feed.head == 1 and len(store.rows) == 1 and len(heard) == 1
    again = await kernel.submit(ask_workspace("again"))
    assert again.seq == 2
    assert [workspace.name for workspace in kernel.state.all("workspace")] == ["kept", "again"]
    assert fold(store.rows) == {key: row.json for key, row in store.entities.items()}


async def test_while_the_store_is_away_everything_is_refused_and_then_goes_on(
    kernel: Kernel, store: GatedStore
) -> None:
    store.faults = dict.fromkeys((1, 2, 3), Fault.REFUSED)
    for _ in range(3):
        with pytest.raises(Refusal) as refused:
            await kernel.submit(ask_workspace("lost", envelope_id="same"))
        assert refused.value.code == "STORE_UNAVAILABLE"
        assert list(kernel.state.all("workspace")) == [] or kernel.decided == 1
    accepted = await kernel.submit(ask_workspace("lost", envelope_id="same"))
    assert accepted.seq == 1
    assert len(list(kernel.state.all("workspace"))) == 1


async def test_what_was_refused_by_the_store_leaves_ids_free(kernel: Kernel, store: GatedStore) -> None:
    store.faults = {1: Fault.REFUSED}
    id = number_id("workspace", 1)
    with pytest.raises(Refusal):
        await kernel.submit(ask_workspace(workspace_id=id))
    assert (await kernel.submit(ask_workspace(workspace_id=id))).entity.workspace_id == id


async def test_a_store_that_fails_in_a_way_of_its_own_is_unavailable_too(kernel: Kernel, store: GatedStore) -> None:
    store.faults = {1: Fault.BROKEN}
    with pytest.raises(Refusal) as refused:
        await kernel.submit(ask_workspace())
    assert refused.value.code == "STORE_UNAVAILABLE"
    assert (await kernel.submit(ask_workspace())).seq == 1


async def test_what_was_never_written_is_not_seen_after_the_failure(kernel: Kernel, store: GatedStore) -> None:
    store.faults = {1: Fault.REFUSED}
    with pytest.raises(Refusal):
        await kernel.submit(ask_workspace())
    assert list(kernel.state.all("workspace")) == []
    assert kernel.decided == 0
    await kernel.committed()


async def test_a_store_that_cannot_be_read_either(
    kernel: Kernel, store: GatedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Boot:
        raise StoreUnavailable("the disk is gone")

    store.faults = {1: Fault.REFUSED}
    with monkeypatch.context() as patched:
        patched.setattr(store, "load", fail)
        with pytest.raises(Refusal):
            await kernel.submit(ask_workspace())
        for _ in range(2):
            with pytest.raises(Refusal) as refused:
                kernel.submit(ask_workspace())
            assert refused.value.code == "STORE_UNAVAILABLE"
            with pytest.raises(Refusal) as refused:
                await kernel.committed()
            assert refused.value.code == "STORE_UNAVAILABLE"
    assert (await kernel.submit(ask_workspace())).seq == 1


async def test_a_listener_that_fails_takes_nothing_from_the_others(
    kernel: Kernel, store: GatedStore, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Committed] = []

    def fail(*_: object) -> None:
        raise RuntimeError("a listener's own fault")

    kernel.listen(fail)
    kernel.listen(heard.append)
    kernel.hear_audit = fail
    moves: list[int] = []
    kernel.feed.listen(fail)
    kernel.feed.listen(lambda: moves.append(kernel.feed.head))
    store.gate.clear()
    with caplog.at_level(logging.CRITICAL):
        futures = [kernel.submit(ask_workspace()) for _ in range(3)]
        store.gate.set()
        assert [accepted.seq for accepted in await asyncio.gather(*futures)] == [1, 2, 3]
    assert len(heard) == 3
    assert moves[-1] == kernel.feed.head == 3


async def test_a_text_that_cannot_be_written_is_refused_and_leaves_no_trace(kernel: Kernel, store: GatedStore) -> None:
    await kernel.submit(ask_workspace())
    folder = "/src/\udcff"  # what os.fsdecode makes of a name that is not UTF-8
    with pytest.raises(UnicodeEncodeError):
        kernel.submit(ask("workspace.create", {"root_paths": ["/link"]}, facts=RootPaths((folder,), {})))
    assert kernel.decided == 1
    assert len(list(kernel.state.all("workspace"))) == 1
    assert (await kernel.submit(ask_workspace())).seq == 2
    assert [row.stream_seq for row in store.rows] == [1, 1]


async def test_a_commit_that_failed_only_by_its_word(kernel: Kernel, store: GatedStore) -> None:
    """The disk may have kept what it said that it could not keep. Then it happened, and readers are told."""
    moves: list[int] = []
    kernel.feed.listen(lambda: moves.append(kernel.feed.head))
    await kernel.submit(ask_workspace("before"))
    store.faults = {2: Fault.KEPT}
    with pytest.raises(Refusal):
        await kernel.submit(ask_workspace("during", envelope_id="e"))
    assert moves == [1, 2]
    await kernel.submit(ask_workspace("after"))
    assert [row.seq for row in await read(kernel.feed, 0)] == [1, 2, 3]
    assert [row.seq for row in await read(kernel.feed, 2)] == [3]
    assert (await kernel.submit(ask_workspace("during", envelope_id="e"))).seq == 2
    assert len(list(kernel.state.all("workspace"))) == 3


async def test_after_closing_nothing_is_accepted(store: GatedStore) -> None:
    kernel = Kernel(store, Clock())
    waiting = [kernel.submit(ask_workspace()) for _ in range(3)]
    await kernel.close()
    assert [future.result().seq for future in waiting] == [1, 2, 3]
    with pytest.raises(Refusal) as refused:
        kernel.submit(ask_workspace())
    assert refused.value.code == "SERVER_STOPPING"
