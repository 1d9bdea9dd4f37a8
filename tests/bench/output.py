"""A program's output from its terminal to one peer: ours passes a tape on the disk, the peer's only memory.

The program goes on after its last word: node-pty throws away what it has not read soon after a program's end.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from bench.output_text import write_text
from bench.rounds import Scale, interleave, median
from bench.servers import Bench, read_cpu, start_bench, start_peer
from bench.table import Row
from bench.wire import Wire

MEGABYTES = 60
END = b"\\u0005"
"""The last character as JSON has it. One byte: no read can cut it."""
PEER = "node-pty and vscode-jsonrpc"

_numbers = itertools.count(1)


def measure(scale: Scale) -> Iterator[Row]:
    """Megabytes per second of text, and CPU seconds per gigabyte of who carries it."""
    with start_bench() as bench, start_peer("terminals.js", bench.rig.folder) as peer:
        text = bench.rig.folder / "text"
        size = write_text(text, scale.size(MEGABYTES, 6))
        wire = bench.connect()
        wire.call("event.subscribe")
        lane_id = bench.open_lane(wire, bench.open_workspace(wire))
        wire.close()
        theirs = peer.connect()

        def read_theirs() -> tuple[float, float]:
            go, argv = _make_program(bench.rig.folder, text)
            theirs.request("terminal.spawn", {"id": str(go), "argv": argv})
            return _time_output(theirs, go, size, [peer.pid])

        found = interleave(scale, {"ours": lambda: _read_ours(bench, lane_id, text, size), "peer": read_theirs})
        theirs.close()
        bench.rig.clear()

    def read(name: str, column: int) -> float:
        return median([values[column] for values in found[name]])

    yield Row("terminal to tape to one peer", "MB/s", read("ours", 0), read("peer", 0), "at least", 1.2, PEER)
    yield Row("terminal to tape to one peer, CPU", "s/GB", read("ours", 1), read("peer", 1), "at most", 0.6, PEER)


def _read_ours(bench: Bench, lane_id: str, text: Path, size: int) -> tuple[float, float]:
    wire = bench.connect()
    wire.call("event.subscribe")
    go, argv = _make_program(bench.rig.folder, text)
    terminal_id = bench.open_terminal(wire, lane_id, argv)
    wire.call("terminal.attach", {"offset": 0, "flow": "lossless"}, terminal_id=terminal_id)
    found = _time_output(wire, go, size, [bench.pid, *bench.list_runners()])
    wire.close()
    return found


def _make_program(folder: Path, text: Path) -> tuple[Path, list[str]]:
    """A program that prints the text once a file appears, and then the end; and that file."""
    go = folder / f"go{next(_numbers)}"
    script = f"while [ ! -e {go} ]; do sleep 0.01; done; cat {text}; printf '\\005'; exec sleep 1000"
    return go, ["sh", "-c", script]


def _time_output(wire: Wire, go: Path, size: int, pids: list[int]) -> tuple[float, float]:
    time.sleep(0.2)
    cpu = read_cpu(pids)
    go.touch()
    began = time.perf_counter()
    wire.read_until(END)
    seconds = time.perf_counter() - began
    return size / seconds / 1e6, (read_cpu(pids) - cpu) / (size / 1e9)
