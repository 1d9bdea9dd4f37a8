"""What it costs to have it running: memory, and the CPU of a server that nobody asks anything."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.rounds import Scale
from bench.servers import read_cpu, read_memory, start_bench, wait_until_idle
from bench.table import Row

IDLE_SECONDS = 10.0


def measure(scale: Scale) -> Iterator[Row]:
    """A server after its first client and lane, and the runner of one terminal."""
    with start_bench() as bench:
        wire = bench.connect()
        wire.call("event.subscribe")
        lane_id = bench.open_lane(wire, bench.open_workspace(wire))
        bench.open_terminal(wire, lane_id, ["cat"])
        pids = [bench.pid, *bench.list_runners()]
        wait_until_idle(pids)
        server, runner = read_memory(bench.pid), max(map(read_memory, bench.list_runners()))
        seconds = max(2.0, IDLE_SECONDS * scale.share)
        cpu = read_cpu(pids)
        time.sleep(seconds)
        used = (read_cpu(pids) - cpu) / seconds * 100
        wire.close()
        bench.rig.clear()
    yield Row("memory of an idle server", "MB", server, None, "at most", 45)
    yield Row("memory of a runner", "MB", runner, None, "at most", 15)
    yield Row("CPU of both, idle", "%", used, None, "at most", 0.2)
