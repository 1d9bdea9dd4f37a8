"""The emergency stop: within seconds no process of the lanes lives, whatever it does against that."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import add_lane, make_lane, make_session, prompt, script, wait_turn
from runner.rig import find_marked, is_alive
from runner.test_stop_fights import NAMELESS


def escape(path: Path) -> str:
    """A prompt whose turn leaves a nameless orphan that writes its pid, and then goes on for ever."""
    return script(*escaping(path))


def escaping(path: Path) -> list[dict[str, Any]]:
    program = NAMELESS.replace("print(os.getpid(), flush=True)", f"open({str(path)!r}, 'w').write(str(os.getpid()))")
    run = ["sh", "-c", f"{sys.executable} -S -c \"$0\" >/dev/null 2>&1 </dev/null & trap '' TERM HUP; true", program]
    return [{"run": run}, {"say": "away"}, {"hang": True}]


async def read_pid(path: Path) -> int:
    for _ in range(1000):
        if path.exists() and path.read_text():
            return int(path.read_text())
        await asyncio.sleep(0.02)
    raise AssertionError(f"nobody wrote {path}")


async def wait_stopped(client: Client, stop: dict[str, Any]) -> dict[str, Any]:
    payload = await client.wait("stop.ended", lambda payload: payload["stop"]["stop_id"] == stop["stop_id"])
    ended: dict[str, Any] = payload["stop"]
    return ended


async def test_nothing_of_any_lane_lives_and_everything_says_why(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    other = await add_lane(client, lane["workspace_id"], "Another")
    sessions = [await make_session(client, each) for each in (lane, other)]
    turns = [await prompt(client, each, escape(rig.folder / f"{n}.pid")) for n, each in enumerate(sessions)]
    queued = await prompt(client, sessions[0], script({"say": "later"}))
    shell = (await client.call("terminal.spawn", {"argv": ["sleep", "1000"]}, lane_id=lane["lane_id"]))["terminal"]
    await client.wait("terminal.spawned")
    pids = [await read_pid(rig.folder / f"{n}.pid") for n in range(2)]
    assert all(is_alive(pid) for pid in pids)

    stop = (await client.call("agent.stop_all", {"reason": "It runs wild"}))["stop"]
    assert stop["status"] == "stopping" and set(stop["lane_ids"]) == {lane["lane_id"], other["lane_id"]}
    assert set(stop["interrupted_turn_ids"]) == set(turns) and stop["canceled_turn_ids"] == [queued]
    assert stop["terminal_ids"] == [shell["terminal_id"]]
    await wait_stopped(client, stop)

    assert not any(is_alive(pid) for pid in pids)
    for each in (lane, other):
        assert rig.find_marked(each["lane_id"]) == []
    for turn_id in turns:
        topic, turn = await wait_turn(client, turn_id)
        assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "EMERGENCY_STOP")
        assert turn["problem"]["details"]["reason"] == "It runs wild"
    for session in sessions:
        found = (await client.call("session.get", session_id=session["session_id"]))["session"]
        assert (found["status"], found["problem"]["code"]) == ("detached", "EMERGENCY_STOP")
    processes = (await client.call("process.list"))["processes"]
    assert {each["status"] for each in processes} == {"killed"}
    records = (await client.call("audit.list"))["audit_events"]
    assert [each["kind"] for each in records if "kind" in each] == ["EMERGENCY_STOP"]

    # The conversation goes on where somebody wants it to, and the queue that was taken back does not.
    turn_id = await prompt(client, sessions[0], script({"say": "again"}))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "again")
    assert (await client.call("turn.get", {"turn_id": queued}))["turn"]["status"] == "canceled"


async def test_a_stop_that_a_crash_cuts_is_ended_by_the_next_server(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await prompt(client, session, escape(rig.folder / "pid"))
    pid = await read_pid(rig.folder / "pid")
    stop = (await client.call("agent.stop_all"))["stop"]
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    await wait_stopped(again, stop)
    assert not is_alive(pid)
    assert rig.find_marked(lane["lane_id"]) == []
    await again.close()


async def test_a_lane_whose_runner_was_stopped_by_its_child(rig: Rig, client: Client) -> None:
    """Who may not be killed by what it asks is killed all the same."""
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await prompt(client, session, escape(rig.folder / "pid"))
    pid = await read_pid(rig.folder / "pid")
    (runner,) = rig.runner_pids()
    os.kill(runner, signal.SIGSTOP)
    stop = (await client.call("agent.stop_all"))["stop"]
    await wait_stopped(client, stop)
    assert not is_alive(pid) and not is_alive(runner)
    assert rig.find_marked(lane["lane_id"]) == []


def crowd(folder: Path) -> str:
    """A prompt whose turn leaves forty sessions of their own that only KILL ends, and an orphan as `escape` does."""
    orphan = "setsid sh -c 'trap \"\" TERM HUP; while true; do sleep 1000; done' >/dev/null 2>&1 </dev/null &"
    run = ["sh", "-c", f"i=0; while [ $i -lt 40 ]; do {orphan} i=$((i+1)); done"]
    return script({"run": run}, *escaping(folder / "pid"))


def configure_wild(rig: Rig) -> None:
    rig.configure(f"[profiles.wild]\nargv = {json.dumps([sys.executable, '-m', 'agentlanes.demo_agent'])}\n")


async def run_wild(rig: Rig, client: Client, lane: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """A session of the profile `wild`, and the orphan of its turn."""
    wild = await make_session(client, lane, profile="wild")
    await prompt(client, wild, crowd(rig.folder))
    return wild, await read_pid(rig.folder / "pid")


def list_alive(rig: Rig, stop: dict[str, Any]) -> list[int]:
    """What carries the mark of a process that a stop ended."""
    tapes = Path(rig.env["AGENTLANES_STATE_DIR"]) / "tapes"
    return [pid for process_id in stop["process_ids"] for pid in find_marked(tapes, process_id)]


async def test_one_profile_is_stopped_and_the_others_go_on(rig: Rig, client: Client) -> None:
    configure_wild(rig)
    lane = await make_lane(client, rig)
    tame = await make_session(client, lane, profile="demo")
    wild, pid = await run_wild(rig, client, lane)
    going = await prompt(client, tame, script({"say": "still"}, {"wait": True}))
    stop = (await client.call("agent.stop_all", {"profile": "wild"}))["stop"]
    assert (stop["session_ids"], stop["lane_ids"]) == ([wild["session_id"]], [])
    ended = await wait_stopped(client, stop)
    assert not is_alive(pid)
    assert list_alive(rig, stop) == [] and "survivor_pids" not in ended
    assert (await client.call("turn.get", {"turn_id": going}))["turn"]["status"] == "running"


async def test_a_stop_of_one_profile_that_a_crash_cuts_is_ended_by_the_next_server(rig: Rig, client: Client) -> None:
    configure_wild(rig)
    lane = await make_lane(client, rig)
    tame = await make_session(client, lane, profile="demo")
    wild, pid = await run_wild(rig, client, lane)
    going = await prompt(client, tame, script({"say": "still"}, {"wait": True}))
    stop = (await client.call("agent.stop_all", {"profile": "wild"}))["stop"]
    # Its end is recorded, and what it left behind is being swept, or not yet.
    await client.wait("session.detached", lambda payload: payload["session"]["session_id"] == wild["session_id"])
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    await wait_stopped(again, stop)
    assert not is_alive(pid)
    assert list_alive(rig, stop) == []
    assert (await again.call("turn.get", {"turn_id": going}))["turn"]["status"] == "running"
    await again.close()


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "gone"])
async def test_a_stop_of_one_profile_whose_runner_does_not_help(
    rig: Rig, client: Client, number: signal.Signals
) -> None:
    configure_wild(rig)
    lane = await make_lane(client, rig)
    _, pid = await run_wild(rig, client, lane)
    (runner,) = rig.runner_pids()
    os.kill(runner, number)
    stop = (await client.call("agent.stop_all", {"profile": "wild"}))["stop"]
    await wait_stopped(client, stop)
    assert not is_alive(pid) and not is_alive(runner)
    assert rig.find_marked(lane["lane_id"]) == []


async def test_a_prompt_while_its_profile_is_stopped_is_refused_and_taken_afterwards(rig: Rig, client: Client) -> None:
    configure_wild(rig)
    lane = await make_lane(client, rig)
    wild, _ = await run_wild(rig, client, lane)
    (runner,) = rig.runner_pids()
    os.kill(runner, signal.SIGSTOP)
    stop = (await client.call("agent.stop_all", {"profile": "wild"}))["stop"]
    with pytest.raises(RpcError) as refused:
        await prompt(client, wild, script({"say": "now"}))
    assert (refused.value.code, refused.value.details["id"]) == ("OPERATION_IN_PROGRESS", stop["stop_id"])
    os.kill(runner, signal.SIGCONT)
    await wait_stopped(client, stop)
    turns = (await client.call("turn.list", session_id=wild["session_id"]))["turns"]
    assert [turn["status"] for turn in turns] == ["interrupted"]
    turn_id = await prompt(client, wild, script({"say": "now"}))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "now")


async def wait_dead(pid: int) -> None:
    """A session's end is told with its agent's; its runner sweeps behind it."""
    for _ in range(3000):
        if not is_alive(pid):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{pid} lives")


async def test_ending_a_session_ends_what_shed_its_name_while_another_agent_works(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session, other = await make_session(client, lane), await make_session(client, lane)
    await prompt(client, session, escape(rig.folder / "pid"))
    pid = await read_pid(rig.folder / "pid")
    await client.call("session.terminate", session_id=session["session_id"])
    await client.wait("session.terminated")
    await wait_dead(pid)
    turn_id = await prompt(client, other, script({"say": "fine"}))
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"


async def test_cleaning_a_lane_ends_what_shed_its_name(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await prompt(client, session, escape(rig.folder / "pid"))
    pid = await read_pid(rig.folder / "pid")
    await client.call("lane.cleanup", {"force": True}, lane_id=lane["lane_id"])
    await client.wait("lane.cleaned")
    assert not is_alive(pid)


async def test_where_nothing_runs_a_stop_ends_at_once(rig: Rig, client: Client) -> None:
    stop = (await client.call("agent.stop_all"))["stop"]
    assert (await wait_stopped(client, stop))["status"] == "stopped"
    with pytest.raises(RpcError) as refused:
        await client.call("agent.stop_all", workspace_id="ws_00000000000000000000000000")
    assert refused.value.code == "WORKSPACE_NOT_FOUND"
