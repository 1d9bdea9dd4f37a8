"""How many updates per second the driver takes in, beside the ACP Python SDK's client.

    PYTHONPATH=server:tests python -m agents.measure_updates

Both get the same lines from memory in one process, one after the other, several times in turn; the best round counts.
The SDK's handler awaits, as one that passes an update on must, and what arrives is checked to be in order.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import time
import tracemalloc
from typing import Any

import msgspec
from acp import connect_to_agent

from agentlanes.adapters.agents.acp.driver import AcpDriver
from agents.conversation import LAUNCH, Dialogue, update
from agents.core_double import AT, PROCESS_ID, CoreDouble

ROUNDS = 3
COLLECT_BYTES = 1 << 16
"""What one read of a pipe brings, and one step takes in."""


def make_lines(count: int, size: int) -> list[bytes]:
    """Chunks of a message, numbered."""
    return [
        msgspec.json.encode(update("agent_message_chunk", content={"type": "text", "text": f"{n:08d}".ljust(size)}))
        for n in range(count)
    ]


def measure_driver(lines: list[bytes]) -> float:
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
    return len(lines) / (time.perf_counter() - begin)


class _Client:
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


async def measure_sdk(lines: list[bytes]) -> tuple[float, bool]:
    """Updates per second through the SDK's client connection, and whether they came in order."""
    ours, theirs = socket.socketpair()
    unused, writer = await asyncio.open_connection(sock=ours)
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
    del unused
    return rate, client.order == sorted(client.order)


def measure_memory(turns: int, tools: int) -> tuple[int, int]:
    """Bytes that the driver alone holds after the first turn, and after all of them."""
    driver = AcpDriver(LAUNCH, PROCESS_ID)
    core = CoreDouble()
    offset = 0
    held: list[int] = []

    def say(frame: dict[str, Any]) -> None:
        nonlocal offset
        line = msgspec.json.encode(frame)
        driver.receive(line, offset, offset + len(line) + 1, AT)
        offset += len(line) + 1

    def step() -> None:
        driver.follow(core.view())
        news = driver.collect(core.view())
        if news is not None:
            core.apply(news)

    driver.restore(core.view(), (), core.cursor)
    step()
    say({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": 1}})
    step()
    say({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": "s1"}})
    step()
    tracemalloc.start()
    for _ in range(turns):
        core.prompt("go")
        step()
        step()
        for number in range(tools):
            say(update("tool_call", toolCallId=f"t{number}", title="Run", rawInput={"n": number}))
            content = [{"type": "content", "content": {"type": "text", "text": "output " * 50}}]
            say(update("tool_call_update", toolCallId=f"t{number}", status="completed", content=content))
            if number % 20 == 0:
                step()
        turn = core.active
        assert turn is not None
        say({"jsonrpc": "2.0", "id": turn.input_n, "result": {"stopReason": "end_turn"}})
        step()
        core.items.clear()
        core.item_events.clear()
        core.turns.clear()
        gc.collect()
        modules = [tracemalloc.Filter(True, f"*/adapters/agents/{name}/*") for name in ("acp", "dialogue")]
        held.append(
            sum(stat.size for stat in tracemalloc.take_snapshot().filter_traces(modules).statistics("filename"))
        )
    tracemalloc.stop()
    return held[0], held[-1]


def main() -> None:
    write = sys.stdout.write
    for count, size in ((20_000, 20), (5_000, 2_000)):
        lines = make_lines(count, size)
        ours, theirs, ordered = 0.0, 0.0, True
        for _ in range(ROUNDS):
            ours = max(ours, measure_driver(lines))
            rate, in_order = asyncio.run(measure_sdk(lines))
            theirs, ordered = max(theirs, rate), ordered and in_order
        write(f"{size:5d} B: driver {ours:9,.0f}/s, SDK {theirs:7,.0f}/s ({'in order' if ordered else 'out of order'})")
        write(f", {ours / theirs:.1f}x\n")
    first, last = measure_memory(turns=20, tools=500)
    write(
        f"memory held by the driver: {first / 1024:.0f} KiB after 500 tool calls, {last / 1024:.0f} KiB after 10,000\n"
    )


if __name__ == "__main__":
    main()
