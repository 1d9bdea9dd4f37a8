"""Ends: of a process, of what it left behind, and who may forget them when."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from adapters.runners.scene import LANE, OTHER_LANE, Bench, read_all, shell, until
from agentlanes.kernel.ports.runners import Exited, Runners, Swept, TerminalSize
from runner.rig import find_marked


async def test_stop_ends_the_whole_tree(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "trap '' TERM; setsid sleep 1000 & sleep 1000 & echo; wait; wait; wait"))
    await until(lambda: read_all(server.tape("p", "out")))
    await server.stop("p", grace_ms=20)
    assert (await bench.event(Exited, "p")).exit.signal == signal.SIGKILL
    assert (await bench.event(Swept, "p")).left == ()
    assert find_marked(bench.tapes_dir, "p") == []


async def test_stopping_a_lane_without_a_runner_ends_what_was_left_behind(bench: Bench, server: Runners) -> None:
    await server.stop_lane(LANE)
    for process_id in ("p", "q"):
        leaving = "trap '' HUP; sleep 1000 >/dev/null </dev/null &"
        await server.spawn(LANE, shell(process_id, leaving, size=TerminalSize(80, 24)))
        await bench.event(Exited, process_id)
    await until(lambda: not bench.is_running())
    assert len(find_marked(bench.tapes_dir)) == 2
    await server.stop("p")
    assert Swept("p", 1, ()) in bench.heard
    assert find_marked(bench.tapes_dir, "p") == []
    await server.stop_lane(LANE)
    assert find_marked(bench.tapes_dir, "q") == []


async def test_a_sweep_that_nobody_heard_is_told_later(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "setsid sh -c 'echo; exec sleep 1000' & exec cat"))
    await until(lambda: read_all(server.tape("p", "out")))
    await server.stop("p", grace_ms=0)
    await server.close()
    await until(lambda: not find_marked(bench.tapes_dir, "p"))
    await until(lambda: not bench.is_running())
    (report,) = (await bench.server().start()).reports
    assert report.swept == Swept("p", 1, ())


CROWD = """
i=0; while [ $i -lt 40 ]; do setsid sh -c 'trap "" TERM HUP; while true; do sleep 1000; done' & i=$((i+1)); done
echo; trap '' TERM; while true; do sleep 1000; done
"""
"""Forty sessions of their own, and a shell that does not end before it is killed."""


async def spawn_crowd(bench: Bench, server: Runners, process_id: str = "p") -> None:
    await server.spawn(LANE, shell(process_id, CROWD, sweep_on_exit=True))
    await until(lambda: read_all(server.tape(process_id, "out")))


async def test_an_end_is_not_forgotten_before_what_it_left_behind_is_gone(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("other", "exec cat"))
    await spawn_crowd(bench, server)
    await server.stop("p", grace_ms=0)
    await bench.event(Exited, "p")
    await server.forget("p")
    assert find_marked(bench.tapes_dir, "p") == []
    assert Swept in {type(event) for event in bench.heard}
    assert [report.process_id for report in server.reports()] == ["other"]
    await server.erase("p")


async def test_a_sweep_is_reported_to_the_server_that_comes_next(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("other", "exec cat"))
    await spawn_crowd(bench, server)
    await server.stop("p", grace_ms=0)
    await bench.event(Exited, "p")
    forgetting = asyncio.create_task(server.forget("p"))
    await asyncio.sleep(0)
    await server.close()
    await asyncio.gather(forgetting, return_exceptions=True)
    successor = await bench.started()
    assert await successor.stop_fully(["p"], grace_ms=0) == ()
    assert find_marked(bench.tapes_dir, "p") == []


async def test_nothing_lives_when_a_stop_returns_and_the_others_go_on(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("other", "exec cat"))
    await server.spawn(OTHER_LANE, shell("far", "setsid sleep 1000 & exec cat"))
    await spawn_crowd(bench, server)
    assert await server.stop_fully(["p", "far", "unknown"], grace_ms=20) == ()
    assert find_marked(bench.tapes_dir, "p") == find_marked(bench.tapes_dir, "far") == []
    await server.write("other", b"still", n=1)
    await until(lambda: read_all(server.tape("other", "out")) == b"still")
    # And again, of what has ended, and of what is forgotten.
    assert await server.stop_fully(["p"], grace_ms=20) == ()
    await server.forget("p")
    assert await server.stop_fully(["p"], grace_ms=20) == ()


async def test_what_a_process_left_behind_that_ended_by_itself(bench: Bench, server: Runners) -> None:
    leaving = "trap '' HUP; sleep 1000 >/dev/null </dev/null &"
    await server.spawn(LANE, shell("other", "exec cat"))
    await server.spawn(LANE, shell("p", leaving, size=TerminalSize(80, 24)))
    await bench.event(Exited, "p")
    assert len(find_marked(bench.tapes_dir, "p")) == 1
    assert await server.stop_fully(["p"], grace_ms=0) == ()
    assert find_marked(bench.tapes_dir, "p") == []


@pytest.mark.faults
async def test_a_runner_that_is_frozen_is_killed_with_all_that_it_holds(bench: Bench, server: Runners) -> None:
    await spawn_crowd(bench, server)
    await server.spawn(LANE, shell("other", "exec cat"))
    os.kill(bench.runner_pid(), signal.SIGSTOP)
    assert await server.stop_fully(["p"], grace_ms=0) == ()
    assert find_marked(bench.tapes_dir) == []
    assert not bench.is_running()


@pytest.mark.faults
async def test_a_runner_that_freezes_within_a_stop(bench: Bench, server: Runners) -> None:
    await spawn_crowd(bench, server)
    stopping = asyncio.create_task(server.stop_fully(["p"], grace_ms=60_000))
    await server.stop("p", grace_ms=60_000)
    os.kill(bench.runner_pid(), signal.SIGSTOP)
    assert await stopping == ()
    assert find_marked(bench.tapes_dir) == []


@pytest.mark.faults
async def test_a_runner_that_dies_within_a_stop(bench: Bench, server: Runners) -> None:
    await spawn_crowd(bench, server)
    stopping = asyncio.create_task(server.stop_fully(["p"], grace_ms=60_000))
    await server.stop("p", grace_ms=60_000)
    os.kill(bench.runner_pid(), signal.SIGKILL)
    assert await stopping == ()
    assert find_marked(bench.tapes_dir) == []
    await server.forget("p")
    assert server.reports() == ()
