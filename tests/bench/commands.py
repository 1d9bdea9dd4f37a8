"""Durable commands: validated, committed with a sync to the disk, published, answered; beside bare SQLite commits of
the same size on the same disk."""

from __future__ import annotations

import json
import selectors
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

from bench.rounds import Scale, interleave, median, quantile
from bench.servers import Bench, start_bench
from bench.table import Row
from bench.wire import Wire, frame_request, measure_sequential

CLIENTS = 64
PROCESSES = 2
FIRST_ID = 1_000_000
ROW_BYTES = 1000
SCHEMA = "CREATE TABLE events (seq INTEGER PRIMARY KEY, frame BLOB NOT NULL)"


def measure(scale: Scale) -> Iterator[Row]:
    """One client alone, and 64 at once."""
    with start_bench() as bench:
        wire = bench.connect()
        workspace_id = bench.open_workspace(wire)
        single = _make_frames(workspace_id, scale.size(1000, 100))
        seconds = 2.0 * max(0.25, scale.share)
        bare = Bare(bench.rig.folder / "bare.db")
        found = interleave(
            scale,
            {
                "one": lambda: [quantile(measure_sequential(wire, single), 0.5)],
                "one, bare": lambda: [quantile(bare.commit_alone(len(single)), 0.5)],
                "many": lambda: list(_drive(bench, workspace_id, seconds)),
                "many, bare": lambda: list(bare.commit_in_groups(CLIENTS, seconds)),
            },
        )
        bare.close()
        wire.close()

    def read(name: str, column: int) -> float:
        return median([values[column] for values in found[name]])

    against = "a bare SQLite commit, WAL, FULL, same disk"
    yield Row("command, 1 client, p50", "ms", read("one", 0) * 1e3, read("one, bare", 0) * 1e3, "at most", 3.0, against)
    yield Row(f"command, {CLIENTS} clients", "/s", read("many", 0), None, "at least", 20_000)
    group = "a bare group commit in one process, 64 rows under way"
    yield Row(
        f"command, {CLIENTS} clients, p99",
        "ms",
        read("many", 2) * 1e3,
        read("many, bare", 2) * 1e3,
        "at most",
        2.0,
        group,
    )
    yield Row(
        f"command, {CLIENTS} clients, rate beside it", "/s", read("many", 0), read("many, bare", 0), "none", 0, group
    )


def _make_frames(workspace_id: str, count: int) -> list[bytes]:
    return [
        frame_request(
            FIRST_ID + number,
            "workspace.update",
            {
                "correlation_id": f"bench-{number}",
                "workspace_id": workspace_id,
                "payload": {"name": f"Bench {number:09d}"},
            },
        )
        for number in range(count)
    ]


def _drive(bench: Bench, workspace_id: str, seconds: float) -> tuple[float, float, float]:
    """Commands per second, p50 and p99 in seconds, of many clients that each wait for their answers."""
    share = CLIENTS // PROCESSES
    argv = [sys.executable, __file__, str(bench.rig.socket), workspace_id, str(share), str(seconds)]
    drivers = [
        subprocess.Popen(argv, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(PROCESSES)
    ]
    # All connect first; then all start together.
    for driver in drivers:
        assert driver.stdout is not None
        driver.stdout.readline()
    outputs = []
    for driver in drivers:
        assert driver.stdin is not None
        driver.stdin.write(b"go\n")
        driver.stdin.flush()
    for driver in drivers:
        outputs.append(json.loads(driver.communicate()[0]))
    times = [value for output in outputs for value in output]
    return len(times) / seconds, quantile(times, 0.5), quantile(times, 0.99)


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def _run_clients(path: str, workspace_id: str, count: int, seconds: float) -> list[float]:
    """The latencies of `count` clients in this process, each with one command under way."""
    frames = _make_frames(workspace_id, 4096)
    wires = [Wire.connect(Path(path)) for _ in range(count)]
    selector = selectors.EpollSelector()
    began = [0.0] * count
    for number, wire in enumerate(wires):
        wire.initialize()
        selector.register(wire.read_fd, selectors.EVENT_READ, number)
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    times: list[float] = []
    clock = time.perf_counter
    turn = 0
    until = clock() + seconds
    for number, wire in enumerate(wires):
        began[number] = clock()
        wire.send(frames[number])
    while clock() < until:
        for key, _ in selector.select(1.0):
            number = key.data
            wire = wires[number]
            # An answer of a thousand bytes comes in one piece.
            wire.read()
            now = clock()
            times.append(now - began[number])
            began[number] = now
            turn = (turn + 1) & 4095
            wire.send(frames[turn])
    return times


class Bare:
    """SQLite and nothing else."""

    def __init__(self, path: Path) -> None:
        self._log = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._log.execute("PRAGMA journal_mode = WAL")
        self._log.execute("PRAGMA synchronous = FULL")
        self._log.execute(SCHEMA)

    def commit_alone(self, count: int) -> list[float]:
        """Seconds of each commit of one row."""
        times = []
        row = b"x" * ROW_BYTES
        for _ in range(count):
            began = time.perf_counter()
            self._log.execute("INSERT INTO events (frame) VALUES (?)", (row,))
            times.append(time.perf_counter() - began)
        return times

    def commit_in_groups(self, clients: int, seconds: float) -> tuple[float, float, float]:
        """Rows per second, p50 and p99 in seconds: one thread commits what waits, another hands in a row for each one
        that is done, as asyncio and its writer thread would."""
        waiting: SimpleQueue[float | None] = SimpleQueue()
        done: SimpleQueue[list[float]] = SimpleQueue()
        row = b"x" * ROW_BYTES

        def write() -> None:
            while True:
                batch = [waiting.get()]
                while len(batch) < clients:
                    try:
                        batch.append(waiting.get_nowait())
                    except Empty:
                        break
                if None in batch:
                    return
                self._log.execute("BEGIN IMMEDIATE")
                self._log.executemany("INSERT INTO events (frame) VALUES (?)", [(row,)] * len(batch))
                self._log.execute("COMMIT")
                done.put([since for since in batch if since is not None])

        writer = threading.Thread(target=write)
        writer.start()
        times: list[float] = []
        until = time.perf_counter() + seconds
        for _ in range(clients):
            waiting.put(time.perf_counter())
        while time.perf_counter() < until:
            for since in done.get():
                now = time.perf_counter()
                times.append(now - since)
                waiting.put(now)
        waiting.put(None)
        writer.join()
        return len(times) / seconds, quantile(times, 0.5), quantile(times, 0.99)

    def close(self) -> None:
        self._log.close()


if __name__ == "__main__":
    json.dump(_run_clients(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])), sys.stdout)
