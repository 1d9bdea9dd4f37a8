"""What a crash costs: the server is killed under terminals and turns in flight, and started again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from bench.rounds import Scale, median
from bench.servers import Bench, start_bench
from bench.table import Row
from bench.wire import Wire

TERMINALS = 25
TURNS = 5
ROUNDS = 5
# Longer than the benchmark; the demo agent ends its turn when it is told what it waits for, and it is not told.
WAITING = f"SCRIPT:{json.dumps([{'say': 'working'}, {'wait': True}])}ENDSCRIPT"


def measure(scale: Scale) -> Iterator[Row]:
    """From the start of the process to the first answer that shows everything in place."""
    with start_bench() as bench:
        cold = []
        for _ in range(ROUNDS):
            bench.rig.stop()
            cold.append(_time_start(bench, 0, 0))
        wire = bench.connect()
        wire.call("event.subscribe")
        workspace_id = bench.open_workspace(wire)
        lanes = [bench.open_lane(wire, workspace_id, f"Lane {number}") for number in range(TURNS)]
        for lane_id in lanes:
            session = wire.call("session.create", lane_id=lane_id)["session"]
            wire.call("turn.create", {"prompt": WAITING}, session_id=session["session_id"])
            wire.wait_topic(["turn.started"])
        for number in range(TERMINALS):
            bench.open_terminal(wire, lanes[number % TURNS], ["cat"])
        wire.close()
        recovered = []
        for _ in range(ROUNDS):
            bench.rig.kill()
            recovered.append(_time_start(bench, TERMINALS, TURNS))
        bench.rig.clear()
    beyond = median(recovered) - median(cold)
    yield Row("recovery after kill -9, beyond a cold start", "s", beyond, None, "at most", 1.0)
    against = "cold start of an empty server"
    yield Row("recovery after kill -9, in all", "s", median(recovered), median(cold), "none", 0.0, against)


def _time_start(bench: Bench, terminals: int, turns: int) -> float:
    began = time.perf_counter()
    bench.rig.start()
    wire: Wire = bench.connect()
    snapshot = wire.call("event.subscribe")["snapshot"]
    seconds = time.perf_counter() - began
    wire.close()
    active = sum(terminal["state"] in ("active", "throttled") for terminal in snapshot["terminals"])
    running = sum(turn["status"] in ("running", "waiting") for turn in snapshot["turns"])
    if (active, running) != (terminals, turns):
        raise RuntimeError(f"{active} of {terminals} terminals and {running} of {turns} turns are back")
    return seconds
