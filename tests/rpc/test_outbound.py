"""What one peer is written: its order, its pace, and what it costs when it does not read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from agentlanes.rpc import outbound as outbound_module
from agentlanes.rpc.outbound import FRAME_COST, HIGH_WATER, QUEUE_BYTES, Outbound
from agentlanes.rpc.ports import Reply
from agentlanes.rpc.sources import StreamSource
from agentlanes.rpc.subscription import Subscription
from rpc.stand_ins import Client, Server, frame, make_row, until


@pytest.fixture
def outbound(server: Server, client: Client) -> Outbound:
    return server.desk.opened[0].outbound


class Tape:
    """A stream source with a number of chunks."""

    def __init__(self, name: str, chunks: int, size: int = 10) -> None:
        self.name = name
        self.left = chunks
        self.size = size
        self.sent = 0

    def next_frame(self) -> bytes | None:
        if not self.left:
            return None
        self.left -= 1
        self.sent += 1
        return tell("terminal.output", stream=self.name, n=self.sent, data="x" * self.size)


def tell(method: str, **params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode()


def name_of(message: dict[str, Any]) -> object:
    """A message in short: a response by its id, an event by its seq, anything else by its method."""
    if "method" not in message:
        return f"answer {message['id']}"
    return message["params"].get("seq", message["method"])


async def read(client: Client, count: int) -> list[object]:
    return [name_of(await client.read()) for _ in range(count)]


def subscribe(server: Server, after: int = 0, **filters: Any) -> None:
    server.desk.answers["event.subscribe"] = lambda peer, params: Reply(
        b"{}", then=lambda: peer.outbound.subscribe(after, **filters)
    )


@pytest.mark.parametrize("stored", [0, 150, 1000])
async def test_a_subscription_begins_after_its_answer_and_has_no_seam(
    server: Server, client: Client, stored: int
) -> None:
    server.feed.grow(300)
    server.feed.stored = stored
    subscribe(server, after=10)
    message_id = client.request("event.subscribe")
    assert await read(client, 1) == [f"answer {message_id}"]
    assert await read(client, 50) == list(range(11, 61))
    server.feed.grow(50)
    assert await read(client, 290) == list(range(61, 351))
    await client.assert_silence()


async def test_nobody_gets_events_who_did_not_subscribe(server: Server, client: Client, outbound: Outbound) -> None:
    server.feed.grow(10)
    assert outbound.cursor is None
    assert not outbound.wants("lane.created", None)
    await client.assert_silence()


@pytest.mark.parametrize("stored", [0, 1000])
async def test_a_response_comes_after_the_events_it_speaks_of(
    server: Server, client: Client, outbound: Outbound, stored: int
) -> None:
    outbound.subscribe(0)
    server.feed.stored = stored

    def act(peer: object, params: object) -> Reply:
        server.feed.grow(3)
        return Reply(b"{}", seq=server.feed.head)

    server.desk.answers["lane.create"] = act
    first = client.request("lane.create")
    second = client.request("lane.create")
    read_all = await read(client, 8)
    assert sorted(map(str, read_all)) == sorted(map(str, [1, 2, 3, 4, 5, 6, f"answer {first}", f"answer {second}"]))
    assert read_all.index(f"answer {first}") > read_all.index(3)
    assert read_all.index(f"answer {second}") > read_all.index(6)


async def test_a_response_may_come_before_its_events_are_announced(
    server: Server, client: Client, outbound: Outbound
) -> None:
    outbound.subscribe(0)
    server.desk.answers["lane.create"] = lambda peer, params: Reply(b"{}", seq=2)
    message_id = client.request("lane.create")
    await asyncio.sleep(0.01)
    server.feed.grow(2)
    assert await read(client, 3) == [1, 2, f"answer {message_id}"]


async def test_events_that_the_filter_leaves_out_hold_nothing_up(
    server: Server, client: Client, outbound: Outbound
) -> None:
    outbound.subscribe(0, topics=["turn.*"])
    server.feed.grow(5000)
    server.desk.answers["lane.create"] = lambda peer, params: Reply(b"{}", seq=5000)
    message_id = client.request("lane.create")
    assert await read(client, 1) == [f"answer {message_id}"]
    assert outbound.cursor == 5000


async def test_an_unsubscribed_peer_waits_for_no_events(server: Server, client: Client, outbound: Outbound) -> None:
    outbound.subscribe(0)
    server.desk.answers["lane.create"] = lambda peer, params: Reply(b"{}", seq=9)
    message_id = client.request("lane.create")
    await asyncio.sleep(0.01)
    outbound.unsubscribe()
    assert await read(client, 1) == [f"answer {message_id}"]
    assert server.feed.listeners == []


async def test_another_subscription_takes_the_place_of_the_first(
    server: Server, client: Client, outbound: Outbound
) -> None:
    server.feed.grow(3)
    server.feed.stored = 2
    outbound.subscribe(0)
    outbound.subscribe(2)
    assert await read(client, 1) == [3]
    await client.assert_silence()
    assert len(server.feed.listeners) == 1


async def test_a_filter_by_topic_and_workspace(server: Server, client: Client, outbound: Outbound) -> None:
    outbound.subscribe(0, topics=["lane.*", "turn.ended"], workspace_ids=["ws_1"])
    server.feed.append(
        make_row(1, "lane.created", "ws_1"),
        make_row(2, "lane.created", "ws_2"),
        make_row(3, "turn.started", "ws_1"),
        make_row(4, "turn.ended", "ws_1"),
        make_row(5, "lane.closed", None),
        make_row(6, "lanes.counted", None),
    )
    assert await read(client, 3) == [1, 4, 5]
    await client.assert_silence()
    assert outbound.cursor == 6


def test_topic_patterns() -> None:
    def matching(*topics: str) -> list[str]:
        subscription = Subscription(0, topics)
        return [
            topic for topic in ("lane.created", "lane.create.started", "turn.ended") if subscription.wants(topic, None)
        ]

    assert matching("*") == ["lane.created", "lane.create.started", "turn.ended"]
    assert matching("lane.*") == ["lane.created", "lane.create.started"]
    assert matching("lane.created", "turn.ended") == ["lane.created", "turn.ended"]
    assert matching("lane") == []
    assert matching() == []


@pytest.mark.parametrize(("stored", "pruned"), [(0, 5), (100, 5), (0, 10), (100, 10)])
async def test_what_is_gone_is_said(
    server: Server, client: Client, outbound: Outbound, stored: int, pruned: int
) -> None:
    server.feed.grow(10)
    server.feed.stored = stored
    server.feed.pruned = pruned
    outbound.subscribe(2)
    gap = await client.read()
    assert (gap["method"], gap["params"]) == ("event.gap", {"from": 3, "to": pruned, "reason": "pruned"})
    server.feed.grow(1)
    assert await read(client, 11 - pruned) == list(range(pruned + 1, 12))
    await client.assert_silence()


async def test_a_feed_that_fails_is_read_again(
    server: Server, client: Client, outbound: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound_module, "RETRY_SECONDS", 0.001)
    server.feed.grow(3)
    server.feed.stored = 3
    server.feed.failures = 2
    outbound.subscribe(0)
    assert await read(client, 3) == [1, 2, 3]


async def test_a_feed_that_fails_at_once_is_read_again(
    server: Server, client: Client, outbound: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound_module, "RETRY_SECONDS", 0.001)
    server.feed.grow(3)
    good = server.feed.read

    def fail_once(after: int, limit: int) -> Any:
        monkeypatch.setattr(server.feed, "read", good)
        raise OSError("the disk is full")

    monkeypatch.setattr(server.feed, "read", fail_once)
    outbound.subscribe(0)
    assert await read(client, 3) == [1, 2, 3]


async def test_an_unnumbered_notification_follows_the_events_before_it(
    server: Server, client: Client, outbound: Outbound
) -> None:
    server.feed.stored = 1000
    outbound.subscribe(0)
    server.feed.grow(5)
    assert outbound.notify(tell("item.delta"))
    server.feed.grow(5)
    assert outbound.notify(tell("agent.vitals"))
    order = await read(client, 12)
    assert [one for one in order if isinstance(one, int)] == list(range(1, 11))
    assert order.index("item.delta") > order.index(5)
    assert order.index("agent.vitals") > order.index(10)


async def test_streams_take_turns_and_wait_for_everything_else(
    server: Server, client: Client, outbound: Outbound
) -> None:
    tapes: list[StreamSource] = [Tape("a", 3), Tape("b", 3), Tape("c", 1)]
    outbound.subscribe(0)
    for tape in tapes:
        outbound.wake(tape)
        outbound.wake(tape)
    server.feed.grow(2)
    outbound.notify(tell("agent.vitals"))
    assert await read(client, 3) == [1, 2, "agent.vitals"]
    order = [(await client.read())["params"] for _ in range(7)]
    assert [(chunk["stream"], chunk["n"]) for chunk in order] == [
        ("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3),
    ]  # fmt: skip


async def test_a_stream_goes_on_when_it_is_woken(client: Client, outbound: Outbound) -> None:
    tape = Tape("a", 1)
    outbound.wake(tape)
    assert await read(client, 1) == ["terminal.output"]
    tape.left = 2
    await client.assert_silence()
    outbound.wake(tape)
    assert await read(client, 2) == ["terminal.output"] * 2
    tape.left = 1
    outbound.wake(tape)
    outbound.drop(tape)
    await client.assert_silence()


async def test_a_stream_with_little_to_say_goes_before_those_that_wait(client: Client, outbound: Outbound) -> None:
    floods, echo = [Tape("a", 3), Tape("b", 3)], Tape("echo", 1)
    for flood in floods:
        outbound.wake(flood)
    outbound.wake(echo, first=True)
    told = [(await client.read())["params"]["stream"] for _ in range(7)]
    assert told == ["echo", "a", "b", "a", "b", "a", "b"]


async def test_a_stream_that_fails_is_dropped(
    client: Client, outbound: Outbound, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def next_frame(self) -> bytes | None:
            raise OSError("no tape")

    outbound.wake(Broken())
    outbound.wake(Tape("a", 1))
    assert await read(client, 1) == ["terminal.output"]
    assert "a stream source failed" in caplog.text
    caplog.clear()


async def test_a_response_overtakes_a_flood(server: Server, client: Client, outbound: Outbound) -> None:
    flood = Tape("flood", 100_000, size=10_000)
    outbound.wake(flood)
    await client.read()
    message_id = client.request("echo.now")
    chunks = 1
    while name_of(await client.read()) != f"answer {message_id}":
        chunks += 1
    assert chunks < 1000
    outbound.drop(flood)


async def test_a_peer_that_stops_reading_costs_little_and_delays_nobody(server: Server, client: Client) -> None:
    stalled = client
    outbound = server.desk.opened[0].outbound
    flood = Tape("flood", 100_000, size=10_000)
    outbound.subscribe(0)
    other = await server.connect()
    server.desk.opened[1].outbound.subscribe(0)
    server.feed.grow(3000, size=1000)
    outbound.wake(flood)
    assert await read(other, 3000) == list(range(1, 3001))
    assert outbound.cursor is not None
    assert outbound.cursor < 1500

    for _ in range(20_000):
        outbound.notify(tell("agent.vitals", text="x" * 1000))
    assert not outbound.notify(b"{}")
    assert outbound.queued < QUEUE_BYTES + 2000
    transport = server.endpoints[0]._transport
    assert transport is not None
    assert transport.get_write_buffer_size() < 3 * HIGH_WATER
    assert flood.sent == 0

    # It comes back, and has missed no event.
    events: list[int] = []
    while len(events) < 3000:
        message = await stalled.read()
        if message["method"] == "lane.created":
            events.append(message["params"]["seq"])
    assert events == list(range(1, 3001))
    while (await stalled.read())["method"] != "terminal.output":
        pass
    outbound.drop(flood)


async def test_no_requests_are_read_from_a_peer_that_does_not_read_its_answers(server: Server, client: Client) -> None:
    calls = 0

    def answer(peer: object, params: object) -> Reply:
        nonlocal calls
        calls += 1
        return Reply(b'"' + b"x" * 100_000 + b'"')

    server.desk.answers["big.read"] = answer
    request = frame(b'{"jsonrpc":"2.0","id":1,"method":"big.read"}')
    client.send_bytes(request * 500)
    outbound = server.desk.opened[0].outbound
    await until(lambda: outbound.queued > QUEUE_BYTES)
    for _ in range(50):
        await asyncio.sleep(0)
    assert calls < 50
    assert outbound.queued < QUEUE_BYTES + 100_000 + 2 * FRAME_COST
    for _ in range(500):
        assert len((await client.read())["result"]) == 100_000
    assert calls == 500
    await client.assert_silence()


async def test_two_peers_at_different_paces_see_the_same(server: Server, client: Client) -> None:
    other = await server.connect()
    for peer in server.desk.opened:
        peer.outbound.subscribe(0)

    async def follow(reader: Client, every: int) -> list[object]:
        seen = []
        for number in range(2000):
            seen += await read(reader, 1)
            if number % every == 0:
                await asyncio.sleep(0.001)
        return seen

    async def grow() -> None:
        for _ in range(200):
            server.feed.grow(10, size=500)
            await asyncio.sleep(0)

    slow, fast, _ = await asyncio.gather(follow(client, 20), follow(other, 500), grow())
    assert slow == fast == list(range(1, 2001))


async def test_nothing_is_left_of_a_peer_that_is_gone(server: Server, client: Client, outbound: Outbound) -> None:
    server.feed.grow(10)
    server.feed.stored = 10
    outbound.subscribe(0)
    outbound.wake(Tape("a", 10))
    await asyncio.sleep(0)
    server.endpoints[0].abort()
    await server.lost[0]
    assert server.feed.listeners == []
    assert not outbound.notify(b"{}")
    outbound.subscribe(0)
    outbound.wake(Tape("a", 10))
    outbound.send(b"{}")
    assert outbound.queued == 0
    assert server.feed.listeners == []
