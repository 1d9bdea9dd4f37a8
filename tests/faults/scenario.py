"""The scenario that must come out the same, whatever dies on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from e2e.rig import Rig
from e2e.story import script
from faults.returning import ReturningClient

WORDS = 20
ECHOED = ("one", "two", "three")
ASKED = script(
    {"pace": 10},
    {"say": "word " * WORDS},
    {"write": {"path": "hello.txt", "text": "hello\n", "ask": True}},
    {"say": "After."},
)
SAID = "word " * WORDS + "After."
COUNTER = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"
ECHO = "stty -echo; echo ready; while read line; do echo got $line; done"


class Outcome(NamedTuple):
    """What the scenario made."""

    lane: dict[str, Any]
    rescued: dict[str, Any]
    session_id: str
    turn_id: str
    counter_id: str
    echo_id: str


async def play(rig: Rig, client: ReturningClient) -> Outcome:
    """A lane with two terminals and an agent: it is prompted, asks, writes; its work is merged; all is cleaned up. A
    second lane holds work and is removed by force."""
    workspace = (await client.command("workspace.create", {"root_paths": [str(rig.folder / "repo")]}))["workspace"]
    workspace_id = workspace["workspace_id"]
    await client.command("repo.add", {"path": str(rig.folder / "repo")}, workspace_id=workspace_id)
    lane_id = await _make_lane(client, workspace_id, "Work")
    counter_id = await _spawn(client, lane_id, COUNTER)
    echo_id = await _spawn(client, lane_id, ECHO)
    session = (await client.command("session.create", {}, lane_id=lane_id))["session"]
    session_id = session["session_id"]
    turn = (await client.command("turn.create", {"prompt": ASKED}, session_id=session_id))["turn"]
    for word in ECHOED:
        data = {"data": f"{word}\n", "input_id": f"input-{word}"}
        await client.ask("terminal.input", data, terminal_id=echo_id)
    approval = (await client.wait("approval.requested"))["approval"]
    await client.command("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    topic, ended = await client.wait_one_of("turn.completed", "turn.failed", "turn.interrupted")
    assert topic == "turn.completed", ended
    await client.command("lane.commit", {"message": "What the agent wrote"}, lane_id=lane_id)
    await _settled(client, "lane.committed", "lane.commit.failed", lane_id)
    await client.command("lane.merge", {"message": "Merge it"}, lane_id=lane_id)
    await _settled(client, "lane.merged", "lane.merge.failed", lane_id)
    await client.command("terminal.close", {}, terminal_id=counter_id)
    await client.wait("terminal.closed", lambda payload: payload["terminal"]["terminal_id"] == counter_id)
    await client.command("session.terminate", {}, session_id=session_id)
    await client.wait("session.terminated")
    await client.command("lane.cleanup", {"delete_branch": True}, lane_id=lane_id)
    lane = await _settled(client, "lane.cleaned", "lane.cleanup.failed", lane_id)
    rescued = await _lose_a_lane(rig, client, workspace_id)
    return Outcome(lane, rescued, session_id, turn["turn_id"], counter_id, echo_id)


async def _lose_a_lane(rig: Rig, client: ReturningClient, workspace_id: str) -> dict[str, Any]:
    lane_id = await _make_lane(client, workspace_id, "Lost")
    lane = (await client.ask("lane.get", lane_id=lane_id))["lane"]
    tree = Path(lane["worktrees"][0]["path"])
    (tree / "precious.txt").write_text("precious\n")
    nested = tree / "nested"
    nested.mkdir()
    rig.git("init", "-q", "-b", "main", cwd=nested)
    (nested / "inner.txt").write_text("inner\n")
    rig.git("add", ".", cwd=nested)
    rig.git("commit", "-q", "-m", "Inner", cwd=nested)
    await client.command("lane.cleanup", {"force": True}, lane_id=lane_id)
    return await _settled(client, "lane.cleaned", "lane.cleanup.failed", lane_id)


async def _make_lane(client: ReturningClient, workspace_id: str, name: str) -> str:
    lane = (await client.command("lane.create", {"name": name}, workspace_id=workspace_id))["lane"]
    lane_id = str(lane["lane_id"])
    await _settled(client, "lane.created", "lane.create.failed", lane_id)
    return lane_id


async def _settled(client: ReturningClient, good: str, bad: str, lane_id: str) -> dict[str, Any]:
    topic, payload = await client.wait_one_of(good, bad, holds=lambda payload: payload["lane"]["lane_id"] == lane_id)
    assert topic == good, payload
    lane: dict[str, Any] = payload["lane"]
    return lane


async def _spawn(client: ReturningClient, lane_id: str, line: str) -> str:
    argv = ["sh", "-c", line]
    terminal = (await client.command("terminal.spawn", {"argv": argv}, lane_id=lane_id))["terminal"]
    terminal_id = str(terminal["terminal_id"])
    topic, payload = await client.wait_one_of(
        "terminal.spawned",
        "terminal.spawn.failed",
        holds=lambda payload: payload["terminal"]["terminal_id"] == terminal_id,
    )
    assert topic == "terminal.spawned", payload
    return terminal_id
