"""What the runner does per second, and how fast a keystroke comes back meanwhile.

    python tests/runner/bench.py [seconds]

Numbers of one machine at one moment: compare the rows of one run with each other, not with another machine's.
"""
# ruff: noqa: T201

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from agentlanes.runner.wire import Lines
from runner.rig import TERMINAL, Client, Rig, make_folder, spawn, spawn_python

FLOOD = "import os\ndata = (b'x' * 78 + b'\\r\\n') * 800\nwhile True: os.write(1, data)"
FINITE = "import os, sys\ndata = (b'x' * 78 + b'\\r\\n') * 800\nfor _ in range(int(sys.argv[1])): os.write(1, data)"
FINITE_CHUNK = 64_000


@contextlib.contextmanager
def open_rig() -> Iterator[tuple[Rig, Client]]:
    with make_folder() as folder:
        rig = Rig(folder, f"lane_bench{os.getpid()}")
        try:
            yield rig, rig.connect()
        finally:
            rig.clear()


def read_cpu(pid: int) -> float:
    """Seconds of CPU time, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_memory(pid: int) -> float:
    """Resident megabytes."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


def measure_drain(pty: bool, megabytes: int) -> None:
    with open_rig() as (rig, client):
        began, cpu = time.monotonic(), read_cpu(rig.pid)
        count = megabytes * 1_000_000 // FINITE_CHUNK
        tapes = {"out": {"cap_bytes": 1 << 40, "segment_bytes": 4 << 20, "lossless": True}}
        # Raw, as full-screen programs have it: the kernel's own line handling would be what is measured.
        argv = ["sh", "-c", 'stty raw; exec "$@"', "-", sys.executable, "-S", "-c", FINITE, str(count)]
        spawn(client, "p", *(argv if pty else argv[4:]), pty=TERMINAL if pty else None, tapes=tapes)
        while True:
            message = client.receive()
            assert message is not None
            if message["ev"] == "exited":
                break
        seconds = time.monotonic() - began
        size = sum(message["ends"].values()) / 1e6
        cpu = read_cpu(rig.pid) - cpu
        print(
            f"drain {'terminal' if pty else 'pipe':9} {size / seconds:7.0f} MB/s"
            f" {cpu / size * 1000:6.2f} s CPU per GB  {read_memory(rig.pid):5.1f} MB"
        )


class Growth:
    """Hears on the client's socket how far the tapes have grown, without ever waiting longer than it is told."""

    def __init__(self, client: Client) -> None:
        self._socket = client.socket
        self._lines = Lines()
        self.ends: dict[str, int] = {}

    def hear(self, seconds: float) -> None:
        if select.select([self._socket], [], [], max(0.0, seconds))[0]:
            for line in self._lines.feed(self._socket.recv(1 << 20)):
                message = json.loads(line)
                if message.get("ev") == "grew":
                    self.ends[message["process_id"]] = message["end"]


def measure_echo(floods: int, seconds: float) -> None:
    with open_rig() as (rig, client):
        for number in range(floods):
            spawn_python(client, f"flood{number}", FLOOD, pty=TERMINAL)
        spawn(client, "typed", "sh", "-c", "stty raw -echo; echo go; exec cat", pty=TERMINAL)
        while not rig.read("typed", "pty"):
            time.sleep(0.01)
        growth = Growth(client)
        end = len(rig.read("typed", "pty"))
        echoes: list[float] = []
        began, cpu = time.monotonic(), read_cpu(rig.pid)
        before = -1
        while time.monotonic() < began + seconds:
            sent = time.monotonic()
            key = {"id": 0, "op": "write", "process_id": "typed", "input_id": str(len(echoes)), "data": "aw=="}
            client.send(key)
            end += 1
            while growth.ends.get("typed", 0) < end:
                growth.hear(10)
            echoes.append((time.monotonic() - sent) * 1000)
            # A fast typist, on whom the events of the floods do not wait unread.
            until = time.monotonic() + 0.02
            while (left := until - time.monotonic()) > 0:
                growth.hear(left)
            if before < 0:
                before = sum(growth.ends.values())
        elapsed = time.monotonic() - began
        flooded = (sum(growth.ends.values()) - before) / elapsed / 1e6
        echoes.sort()
        rank = [echoes[int(len(echoes) * q)] for q in (0.5, 0.9, 0.99)]
        print(
            f"echo under {floods:3} floods: p50 {rank[0]:6.2f} p90 {rank[1]:6.2f} p99 {rank[2]:6.2f}"
            f" max {echoes[-1]:6.2f} ms  ({len(echoes)} keys)  floods {flooded:5.1f} MB/s"
            f"  CPU {(read_cpu(rig.pid) - cpu) / elapsed * 100:3.0f} %  {read_memory(rig.pid):5.1f} MB"
        )


def measure_spawn(count: int) -> None:
    for pty in (None, TERMINAL):
        with open_rig() as (_, client):
            times = []
            for number in range(count):
                began = time.monotonic()
                spawn(client, f"p{number}", "/bin/true", pty=pty)
                times.append((time.monotonic() - began) * 1000)
            print(f"spawn on {'terminal' if pty else 'pipes':9} p50 {statistics.median(times):5.2f} ms")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    measure_spawn(100)
    measure_drain(pty=True, megabytes=200)
    measure_drain(pty=False, megabytes=1000)
    for floods in (0, 1, 20):
        measure_echo(floods, seconds)


if __name__ == "__main__":
    main()
