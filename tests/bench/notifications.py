"""Notifications to one peer: large ones from a tape, small ones from the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.history import lengthen
from bench.output_text import write_text
from bench.rounds import Scale, interleave, median
from bench.servers import Bench, start_bench, start_peer
from bench.table import Row
from bench.wire import Wire, frame_request

LARGE = 64 << 10
SMALL = 256
TAPE_MEGABYTES = 40.0
EVENTS = 50_000
PEER = "vscode-jsonrpc"


def measure(scale: Scale) -> Iterator[Row]:
    """`terminal.output` of a tape that is on the disk, and the replay of events; the peer sends what it has in
    memory."""
    events = scale.size(EVENTS, 2_000)
    with start_bench() as bench:
        text = bench.rig.folder / "text"
        size = write_text(text, scale.size(int(TAPE_MEGABYTES), 4))
        wire = bench.connect()
        wire.call("event.subscribe")
        workspace_id = bench.open_workspace(wire)
        wire.call("workspace.update", {"name": "Bench"}, workspace_id=workspace_id)
        terminal_id, end = _fill_tape(bench, wire, workspace_id, text, size)
        bench.rig.stop()
        lengthen(bench, events, SMALL)
        bench.rig.start()

        def read_tape(encoding: str) -> float:
            wire = bench.connect()
            attach = {"offset": 0, "flow": "lossless", "encoding": encoding, "nudge": False}
            params = {"payload": attach, "terminal_id": terminal_id}
            began = time.perf_counter()
            wire.send(frame_request(9, "terminal.attach", params))
            wire.read_until(b'"next_offset":%d,' % end)
            seconds = time.perf_counter() - began
            wire.close()
            return end / seconds / 1e6

        def replay() -> float:
            wire = bench.connect()
            head = wire.call("server.status")["seq"]
            params = {"payload": {"after_seq": head - events}}
            began = time.perf_counter()
            wire.send(frame_request(9, "event.subscribe", params))
            count = wire.count_until(b'"seq":%d,' % head)
            seconds = time.perf_counter() - began
            wire.close()
            return count / seconds

        with start_peer("rpc.js", bench.rig.folder) as peer:
            theirs = peer.connect()
            sample = text.read_bytes()[: LARGE + 8].decode(errors="ignore").replace("\n", "\r\n")
            part = sample.encode()[:LARGE].decode(errors="ignore")
            base64 = _encode(part)
            large = scale.size(600, 100)
            found = interleave(
                scale,
                {
                    "text": lambda: read_tape("utf-8"),
                    "text, peer": _flood(theirs, large, part, len(part.encode()) / 1e6),
                    "base64": lambda: read_tape("base64"),
                    "base64, peer": _flood(theirs, large, base64, len(part.encode()) / 1e6),
                    "small": replay,
                    "small, peer": _flood(theirs, scale.size(EVENTS, 2_000), "x" * SMALL, 1.0),
                },
            )
        bench.rig.clear()

    def row(name: str, what: str, unit: str, limit: float) -> Row:
        return Row(what, unit, median(found[name]), median(found[f"{name}, peer"]), "at least", limit, PEER)

    yield row("text", "notifications, 64 KiB text", "MB/s", 4.0)
    yield row("base64", "notifications, 64 KiB base64", "MB/s", 4.0)
    yield row("small", "notifications, 256 B (ours: smallest events, from disk)", "/s", 8.0)


def _flood(wire: Wire, count: int, data: str, worth: float) -> Callable[[], float]:
    params = {"count": count, "params": {"terminal_id": "t", "offset": 0, "data": data}}
    request = frame_request(1_000_000, "flood", params)

    def measure() -> float:
        began = time.perf_counter()
        wire.send(request)
        wire.read_until(b'"flooded"')
        return count * worth / (time.perf_counter() - began)

    return measure


def _fill_tape(bench: Bench, wire: Wire, workspace_id: str, text: Path, size: int) -> tuple[str, int]:
    """A terminal that has printed a file, and the length of its tape."""
    lane_id = bench.open_lane(wire, workspace_id)
    # Long enough alive that the tape is not thinned, and raw, so that it holds what the file holds.
    argv = ["sh", "-c", f"stty raw -echo; cat {text}; sleep 1000"]
    terminal_id = bench.open_terminal(wire, lane_id, argv)
    while True:
        end: int = wire.call("terminal.read", {"max_bytes": 1}, terminal_id=terminal_id)["end_offset"]
        if end >= size:
            return terminal_id, end
        time.sleep(0.02)


def _encode(text: str) -> str:
    from base64 import b64encode

    return b64encode(text.encode()).decode()
