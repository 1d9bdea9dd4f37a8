"""A lane's runner dies by SIGKILL at each stage: it is told, nothing of it is left, and the lane goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.rig import Client, Rig, make_clean_rig
from e2e.story import make_lane, prompt, script, wait_turn
from faults.invariants import check_log

pytestmark = pytest.mark.faults

ALL = os.environ.get("AGENTLANES_FAULTS") == "all"

STAGES = (
    "terminal.spawn.started",
    "terminal.spawned",
    "session.attach.started",
    "process.started",
    "session.attached",
    "turn.started",
    "item.started",
    "approval.requested",
    "approval.resolved",
    "turn.resumed",
    "lane.commit.started",
    "session.terminate.started",
    "lane.cleanup.started",
)
ASKED = script(
    {"pace": 10},
    {"say": "word " * 20},
    {"write": {"path": "hello.txt", "text": "hello\n", "ask": True}},
)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with make_clean_rig() as rig:
        rig.start()
        yield rig


class Killer:
    """Kills the runner of the rig when the client hears of the stage, once."""

    def __init__(self, rig: Rig, client: Client, stage: str) -> None:
        self.killed: list[int] = []
        self._task = asyncio.create_task(self._wait(rig, client, stage))

    async def _wait(self, rig: Rig, client: Client, stage: str) -> None:
        await client.wait(stage)
        # A runner that is only just being started is there in a moment.
        for _ in range(200):
            self.killed = rig.runner_pids()
            if self.killed:
                break
            await asyncio.sleep(0.005)
        for pid in self.killed:
            os.kill(pid, signal.SIGKILL)

    async def close(self) -> None:
        await self._task


async def settle(client: Client, lane: dict[str, Any], stage: str) -> None:
    """Drives the session as far as it goes, whatever is lost on the way."""
    terminal = (await client.call("terminal.spawn", {"argv": ["cat"]}, lane_id=lane["lane_id"]))["terminal"]
    await client.wait_one_of(dict.fromkeys(("terminal.spawned", "terminal.spawn.failed"), lambda payload: True))
    session = (await client.call("session.create", {}, lane_id=lane["lane_id"]))["session"]
    await client.wait_one_of(dict.fromkeys(("session.attached", "session.attach.failed"), lambda payload: True))
    turn_id = await prompt(client, session, ASKED)
    topic, payload = await client.wait_one_of(
        {
            "approval.requested": lambda payload: payload["approval"]["turn_id"] == turn_id,
            "turn.interrupted": lambda payload: payload["turn"]["turn_id"] == turn_id,
        }
    )
    if topic == "approval.requested":
        approval = {"approval_id": payload["approval"]["approval_id"], "kind": "allow_once"}
        if stage != "approval.requested":
            await client.call("approval.resolve", approval)
    topic, turn = await wait_turn(client, turn_id)
    if topic != "turn.completed":
        assert (topic, turn["problem"]["code"], turn["resumable"]) == ("turn.interrupted", "RUNNER_LOST", True)
    found = (await client.call("terminal.get", terminal_id=terminal["terminal_id"]))["terminal"]
    if found["state"] == "closed":
        assert found["problem"]["code"] in ("RUNNER_LOST", "RUNNER_START_FAILED")


@pytest.mark.parametrize("stage", STAGES)
async def test_a_runner_dies(rig: Rig, stage: str) -> None:
    client = await rig.connect()
    await client.call("event.subscribe", {"after_seq": 0})
    killer = Killer(rig, client, stage)
    lane = await make_lane(client, rig)
    await settle(client, lane, stage)
    # Whatever was lost, a new session of the lane works to its end.
    session = (await client.call("session.create", {}, lane_id=lane["lane_id"]))["session"]
    turn_id = await prompt(client, session, script({"write": {"path": "new.txt", "text": "new\n", "ask": False}}))
    topic, turn = await wait_turn(client, turn_id)
    if topic == "turn.interrupted" and not killer.killed:
        raise AssertionError(turn)
    await client.call("lane.commit", lane_id=lane["lane_id"])
    await client.wait_one_of(dict.fromkeys(("lane.committed", "lane.commit.failed"), lambda payload: True))
    await client.call("session.terminate", session_id=session["session_id"])
    await client.wait("session.terminated")
    await client.call("lane.cleanup", {"force": True}, lane_id=lane["lane_id"])
    topic, payload = await client.wait_one_of(
        dict.fromkeys(("lane.cleaned", "lane.cleanup.failed"), lambda payload: True)
    )
    assert topic == "lane.cleaned", payload
    await killer.close()
    for _ in range(500):
        if not rig.runner_pids() and not rig.find_marked(lane["lane_id"]):
            break
        await asyncio.sleep(0.02)
    assert not rig.find_marked(lane["lane_id"])
    processes = (await client.call("process.list"))["processes"]
    assert [each for each in processes if each["status"] == "running"] == []
    seen = [frame for frame in client.notifications if "seq" in frame["params"]]
    await client.close()
    rig.stop()
    check_log(rig, seen)


@pytest.mark.parametrize("delay_ms", range(20) if ALL else (3, 8))
async def test_a_runner_dies_while_it_starts_an_agent(rig: Rig, delay_ms: int) -> None:
    """Whatever it had done by then, the attach has one end, and no process runs that the log does not know."""
    client = await rig.connect()
    await client.call("event.subscribe", {"after_seq": 0})
    lane = await make_lane(client, rig)
    await client.call("terminal.spawn", {"argv": ["cat"]}, lane_id=lane["lane_id"])
    await client.wait("terminal.spawned")
    (runner,) = rig.runner_pids()
    session = (await client.call("session.create", {}, lane_id=lane["lane_id"]))["session"]
    await asyncio.sleep(delay_ms / 1000)
    os.kill(runner, signal.SIGKILL)
    topic, _ = await client.wait_one_of(
        dict.fromkeys(("session.attached", "session.attach.failed"), lambda payload: True)
    )
    if topic == "session.attached":
        # Of a runner that was started for it, or it was lost after that.
        found = (await client.call("session.get", session_id=session["session_id"]))["session"]
        assert found["status"] == "attached" or found["problem"]["code"] == "RUNNER_LOST"
    for _ in range(500):
        if len(rig.find_marked(lane["lane_id"])) == await _count_running(client):
            break
        await asyncio.sleep(0.02)
    assert len(rig.find_marked(lane["lane_id"])) == await _count_running(client)
    await client.close()


async def _count_running(client: Client) -> int:
    processes = (await client.call("process.list"))["processes"]
    return [each["status"] for each in processes].count("running")
