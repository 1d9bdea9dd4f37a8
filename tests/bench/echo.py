"""How long a keystroke takes to come back while 20 terminals of the same lane print as fast as they can."""

from __future__ import annotations

import contextlib
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from bench.rounds import Scale, interleave, median, quantile
from bench.servers import Bench, Peer, start_bench, start_peer
from bench.table import Row
from bench.wire import Message, Wire, frame

FLOODS = 20
KEYS = 250
ROUNDS = 3
BETWEEN_SECONDS = 0.02
SETTLE_SECONDS = 1.0
FLOOD = [sys.executable, "-S", "-c", "import os\ndata = (b'x' * 78 + b'\\r\\n') * 800\nwhile True: os.write(1, data)"]
# What is typed comes back as it is.
TYPED = ["sh", "-c", "stty raw -echo; exec cat"]
ECHO = b'"data":"k"'
PEER = "node-pty and vscode-jsonrpc, the same terminals"

Typist = tuple[Wire, bytes]
"""A peer that watches all terminals, and the frame of its keystroke."""


def measure(scale: Scale) -> Iterator[Row]:
    """The peer that types watches all terminals. Then the same beside one that watches and never reads."""
    keys = scale.size(KEYS, 50)
    with start_bench() as bench, start_peer("terminals.js", bench.rig.folder) as peer:
        setup = bench.connect()
        setup.call("event.subscribe")
        lane_id = bench.open_lane(setup, bench.open_workspace(setup))
        setup.close()

        def press(opened: Callable[[], AbstractContextManager[Typist]]) -> Callable[[], list[float]]:
            def measure() -> list[float]:
                with opened() as (wire, key):
                    return _press_keys(wire, key, keys)

            return measure

        found = interleave(
            Scale(min(scale.rounds, ROUNDS), scale.share),
            {
                "ours": press(lambda: _open_ours(bench, lane_id, stalled=False)),
                "peer": press(lambda: _open_peer(peer)),
                "stalled": press(lambda: _open_ours(bench, lane_id, stalled=True)),
            },
        )
        bench.rig.clear()

    def read(name: str, q: float) -> float:
        return median([quantile(times, q) for times in found[name]]) * 1e3

    for q, limit in ((0.5, 0.5), (0.99, 0.6)):
        what = f"keystroke's echo under {FLOODS} floods, p{q * 100:g}"
        yield Row(what, "ms", read("ours", q), read("peer", q), "at most", limit, PEER)
    for q in (0.5, 0.99):
        what = f"the same beside a stalled peer, p{q * 100:g}"
        yield Row(what, "ms", read("stalled", q), read("ours", q), "at most", 1.1, "ours without it")


def _press_keys(wire: Wire, key: bytes, count: int) -> list[float]:
    """Seconds from each keystroke to its echo. A fast typist, on whom the floods never wait unread."""
    times: list[float] = []
    tail = b""

    def hear(until: float) -> bool:
        nonlocal tail
        while (left := until - time.perf_counter()) > 0:
            if select.select([wire.read_fd], [], [], left)[0]:
                data = tail + wire.read()
                if ECHO in data:
                    tail = b""
                    return True
                tail = data[-len(ECHO) :]
        return False

    hear(time.perf_counter() + SETTLE_SECONDS)
    for _ in range(count):
        sent = time.perf_counter()
        wire.send(key)
        if not hear(sent + 30):
            raise RuntimeError("a keystroke did not come back")
        times.append(time.perf_counter() - sent)
        hear(time.perf_counter() + BETWEEN_SECONDS)
    return times


@contextlib.contextmanager
def _open_ours(bench: Bench, lane_id: str, *, stalled: bool) -> Iterator[Typist]:
    setup, wire, idle = bench.connect(), bench.connect(), bench.connect()
    setup.call("event.subscribe", {"topics": ["terminal.*"]})
    terminals = [bench.open_terminal(setup, lane_id, argv) for argv in [FLOOD] * FLOODS + [TYPED]]
    if stalled:
        for terminal_id in terminals:
            idle.send(_attach(terminal_id, {"offset": 0, "flow": "lossless"}))
    for terminal_id in terminals:
        wire.send(_attach(terminal_id, {"tail_bytes": 0, "nudge": False}))
    yield wire, _tell("terminal.input", {"terminal_id": terminals[-1], "payload": {"data": "k"}})
    idle.close()
    wire.close()
    for terminal_id in terminals:
        setup.call("terminal.close", {"grace_ms": 0}, terminal_id=terminal_id)
    left = set(terminals)
    while left:
        left.discard(setup.wait_topic(["terminal.closed"])["terminal"]["terminal_id"])
    setup.close()


@contextlib.contextmanager
def _open_peer(peer: Peer) -> Iterator[Typist]:
    wire = peer.connect()
    for number, argv in enumerate([FLOOD] * FLOODS + [TYPED]):
        wire.send(
            frame({"jsonrpc": "2.0", "id": 1, "method": "terminal.spawn", "params": {"id": number, "argv": argv}})
        )
    yield wire, _tell("terminal.input", {"id": FLOODS, "data": "k"})
    wire.close()
    time.sleep(0.5)


def _attach(terminal_id: str, payload: Message) -> bytes:
    params = {"terminal_id": terminal_id, "payload": payload}
    return frame({"jsonrpc": "2.0", "id": terminal_id, "method": "terminal.attach", "params": params})


def _tell(method: str, params: Message) -> bytes:
    return frame({"jsonrpc": "2.0", "method": method, "params": params})
