"""From an editor's start of a process to the answer to `initialize`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

from bench.rounds import Scale, interleave, median
from bench.servers import Bench, make_node_command, open_pipes, start_bench
from bench.table import Row

PEER = "a Node vscode-jsonrpc server, started cold"


def measure(scale: Scale) -> Iterator[Row]:
    """Warm: a server runs, the relay reaches it. Cold: the relay has to start one."""
    argv, env = make_node_command("rpc.js", "--stdio")

    def start_peer() -> float:
        return _time_start(lambda: subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    with start_bench() as warm, start_bench(serving=False) as cold:
        found = interleave(
            Scale(scale.size(30, 8), 1.0),
            {
                "warm": lambda: _time_start(warm.start_relay),
                "peer": start_peer,
                "cold": lambda: _time_cold(cold),
                "peer again": start_peer,
            },
        )
    peer = median(found["peer"] + found["peer again"]) * 1000
    yield Row("start to initialize, warm, relay", "ms", median(found["warm"]) * 1000, peer, "at most", 0.2, PEER)
    yield Row("start to initialize, no server", "ms", median(found["cold"]) * 1000, peer, "at most", 1.0, PEER)


def _time_start(start: Callable[[], subprocess.Popen[bytes]]) -> float:
    began = time.perf_counter()
    with start() as process:
        open_pipes(process).initialize()
        seconds = time.perf_counter() - began
        process.kill()
    return seconds


def _time_cold(bench: Bench) -> float:
    seconds = _time_start(bench.start_relay)
    wire = bench.connect()
    pid = wire.call("server.status")["pid"]
    wire.call("server.stop")
    wire.close()
    _wait_for_end(pid)
    return seconds


def _wait_for_end(pid: int) -> None:
    # It is the relay's child, not ours, and nobody may reap it here.
    deadline = time.monotonic() + 10
    while _runs(pid):
        if time.monotonic() > deadline:
            raise RuntimeError(f"server {pid} does not end")
        time.sleep(0.002)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False
