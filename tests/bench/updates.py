"""What agents say: updates per second through the ACP driver beside the ACP Python SDK's client, and what a session of
very many items costs the server in memory."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from acp import connect_to_agent

from agents.conversation import Dialogue, update
from agents.core_double import AT, CoreDouble
from bench.rounds import Scale, interleave, median
from bench.servers import read_memory, start_bench, wait_until_idle
from bench.table import Row

UPDATES = ((20_000, 20), (5_000, 2_000))
"""How many, and of how many bytes of text."""
COLLECT_BYTES = 1 << 16
"""What one read of a pipe brings, and one step takes in."""
ITEMS = 100_000
TURN_ITEMS = 1_000
AGENT = Path(__file__).parents[1] / "fakes" / "agents" / "makes_items.py"


def measure(scale: Scale) -> Iterator[Row]:
    """The rate of both for small and for large updates, and the memory."""
    for count, size in UPDATES:
        lines = make_lines(scale.size(count, 1000), size)
        ways = {"ours": partial(drive, lines), "theirs": partial(_run_sdk, lines)}
        found = interleave(scale, ways)
        against = "ACP Python SDK, a handler that awaits"
        ours, theirs = median(found["ours"]), median(found["theirs"])
        yield Row(f"agent's updates of {size} B, in order", "/s", ours, theirs, "at least", 2.0, against)
    items = scale.size(ITEMS, 2 * TURN_ITEMS)
    yield Row(f"memory that a session of {items:,} items adds", "MB", measure_session(items), None, "at most", 50)


def make_lines(count: int, size: int) -> list[bytes]:
    """Chunks of a message, numbered."""
    return [
        msgspec.json.encode(update("agent_message_chunk", content={"type": "text", "text": f"{n:08d}".ljust(size)}))
        for n in range(count)
    ]


def drive(lines: list[bytes]) -> float:
    """Updates per second through receive, follow and collect."""
    dialogue = Dialogue(CoreDouble())
    dialogue.open()
    dialogue.core.prompt("go")
    dialogue.settle()
    driver, view = dialogue.driver, dialogue.core.view()
    offset, taken, grown = dialogue.tape.end, 0, 0
    begin = time.perf_counter()
    for line in lines:
        end = offset + len(line) + 1
        driver.receive(line, offset, end, AT)
        offset = end
        taken += len(line)
        if taken >= COLLECT_BYTES:
            taken = 0
            driver.follow(view)
            step = driver.collect(view)
            assert step is not None
            grown += sum(len(growth.data) for growth in step.growths)
    assert grown
    return len(lines) / (time.perf_counter() - begin)


class _Client:
    """Takes updates in as one must that passes them on: with an await in between."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.order: list[int] = []
        self.done = asyncio.Event()

    def on_connect(self, conn: Any) -> None:
        return

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        await asyncio.sleep(0)
        self.order.append(int(update.content.text[:8]))
        if len(self.order) == self.count:
            self.done.set()


def _run_sdk(lines: list[bytes]) -> float:
    return asyncio.run(drive_sdk(lines))


async def drive_sdk(lines: list[bytes]) -> float:
    """Updates per second through the SDK's client connection. They have to come in order there as well."""
    ours, theirs = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=ours)
    reader = asyncio.StreamReader(limit=1 << 26)
    client = _Client(len(lines))
    connection = connect_to_agent(client, writer, reader)  # type: ignore[arg-type]
    begin = time.perf_counter()
    for start in range(0, len(lines), 200):
        reader.feed_data(b"".join(line + b"\n" for line in lines[start : start + 200]))
        await asyncio.sleep(0)
    await client.done.wait()
    rate = len(lines) / (time.perf_counter() - begin)
    reader.feed_eof()
    await connection.close()
    writer.close()
    theirs.close()
    assert client.order == sorted(client.order)
    return rate


def measure_session(items: int) -> float:
    """Megabytes that the server holds more after a session's turns have made that many items."""
    with start_bench() as bench:
        argv = [sys.executable, str(AGENT)]
        bench.rig.configure(f"[profiles.maker]\nargv = {json.dumps(argv)}\n")
        wire = bench.connect()
        wire.call("event.subscribe")
        lane_id = bench.open_lane(wire, bench.open_workspace(wire))
        created = wire.call("session.create", {"profile": "maker"}, lane_id=lane_id)
        session_id: str = created["session"]["session_id"]

        def make(count: int) -> None:
            wire.call("turn.create", {"prompt": str(count)}, session_id=session_id)
            ended = wire.wait_topic(("turn.completed", "turn.failed", "turn.interrupted"))
            if ended["turn"]["status"] != "completed":
                raise RuntimeError(f"the turn ended otherwise: {ended['turn']}")

        # One turn before: what the server loads with its first one is no cost of the session's length.
        make(TURN_ITEMS)
        wait_until_idle([bench.pid])
        before = read_memory(bench.pid)
        for _ in range(items // TURN_ITEMS):
            make(TURN_ITEMS)
        wait_until_idle([bench.pid])
        after = read_memory(bench.pid)
        wire.close()
        bench.rig.clear()
    return after - before
