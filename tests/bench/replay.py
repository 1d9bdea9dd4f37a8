"""The replay of a long log to a peer, beside a program that reads the same rows and writes them to a pipe."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.history import find_log, lengthen
from bench.rounds import Scale, interleave, median
from bench.servers import Bench, open_pipes, start_bench, start_process
from bench.table import Row
from bench.wire import frame_request

EVENT_BYTES = 1000
LENGTHS = (10_000, 100_000)
PEER = "reading the rows and writing them to a pipe"


def measure(scale: Scale) -> Iterator[Row]:
    """Both from the disk's cache, to a client that reads as fast as it can."""
    with start_bench() as bench:
        wire = bench.connect()
        workspace_id = bench.open_workspace(wire)
        wire.call("workspace.update", {"name": "Bench"}, workspace_id=workspace_id)
        bench.rig.stop()
        lengths = [scale.size(length) for length in LENGTHS]
        lengthen(bench, max(lengths), EVENT_BYTES)
        bench.rig.start()
        wire = bench.connect()
        head: int = wire.call("server.status")["seq"]
        wire.close()
        measures: dict[str, Callable[[], float]] = {}
        for length in lengths:
            after = head - length
            measures[f"{length}"] = lambda after=after: _replay(bench, after, head)  # type: ignore[misc]
            measures[f"{length}, bare"] = lambda after=after: _write_bare(find_log(bench), after, head)  # type: ignore[misc]
        found = interleave(scale, measures)
    for length in lengths:
        ours, bare = median(found[f"{length}"]), median(found[f"{length}, bare"])
        yield Row(f"replay of {length:,} events of 1 kB", "ms", ours * 1e3, bare * 1e3, "at most", 2.0, PEER)


def _replay(bench: Bench, after: int, head: int) -> float:
    wire = bench.connect()
    began = time.perf_counter()
    wire.send(frame_request(9, "event.subscribe", {"payload": {"after_seq": after}}))
    wire.read_until(b'"seq":%d,' % head)
    seconds = time.perf_counter() - began
    wire.close()
    return seconds


def _write_bare(log: Path, after: int, head: int) -> float:
    argv = [sys.executable, "-S", str(Path(__file__).parent / "bare_replay.py"), str(log), str(after)]
    with start_process(argv, dict(os.environ)) as process:
        wire = open_pipes(process)
        wire.read_until(b"ready")
        began = time.perf_counter()
        wire.send(b"go\n")
        wire.read_until(b'"seq":%d,' % head)
        return time.perf_counter() - began
