"""Codex in a lane that is a clone: it commits there itself, and what it committed is reviewed and merged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig
from e2e.story import list_items, prompt, wait_turn
from fakes.models.responses import Responses
from fakes.models.script import write_script
from fakes.models.server import ModelServer
from real_agents.codex_place import configure

GIT = [{"effect": "allow", "tool_kind": "execute", "command": f"git {verb} *"} for verb in ("add", "commit")]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(Responses()) as server:
        yield server


@pytest.fixture(autouse=True)
def profile(rig: Rig, codex: Path, model: ModelServer) -> None:
    configure(rig, codex, model.url)


def run(command: str, **more: str) -> dict[str, Any]:
    return {"tools": [{"name": "exec_command", "args": {"cmd": command, "yield_time_ms": 20_000, **more}}]}


def ask_for(command: str) -> dict[str, Any]:
    return run(command, sandbox_permissions="require_escalated", justification="To commit")


async def test_it_commits_by_itself_and_its_commits_are_merged(rig: Rig, client: Client) -> None:
    before = rig.git("rev-parse", "main")
    steps = (
        {"text": "I write it.", **run("echo one > one.txt; git add one.txt 2> refusal.txt; git rev-parse HEAD")},
        ask_for("git add one.txt && git commit -q -m 'By Codex itself'"),
        run("echo two > one.txt"),
        ask_for("git commit -q -a -m 'And once more'"),
        {"text": "It is committed."},
    )
    asked = {"path": str(rig.folder / "repo"), "prompt": write_script(*steps), "name": "Commit", "mode": "clone"}
    made = await client.call("lane.start", {**asked, "permission_mode": "auto", "rules": GIT})
    topic, turn = await wait_turn(client, made["turn"]["turn_id"])
    assert (topic, turn["summary"]) == ("turn.completed", "It is committed."), turn
    lane = (await client.call("lane.get", lane_id=made["lane"]["lane_id"]))["lane"]
    tree, branch = Path(lane["worktrees"][0]["path"]), lane["branch"]
    assert lane["mode"] == "clone"
    # The sandbox leaves it no git of its own, so that it asks, and the lane's rules answer: nobody else was asked.
    assert "Read-only file system" in (tree / "refusal.txt").read_text()
    approvals = (await client.call("approval.list", session_id=made["session"]["session_id"]))["approvals"]
    assert [(each["status"], each["decision"]["actor"]) for each in approvals] == [("approved", "policy")] * 2
    assert rig.git("log", "--format=%s", f"{before}..HEAD", cwd=tree).splitlines() == [
        "And once more",
        "By Codex itself",
    ]
    commands = [item["tool"]["command"] for item in await list_items(client, turn["turn_id"]) if "tool" in item]
    assert "git commit -q -a -m 'And once more'" in commands

    (worktree,) = (await client.call("lane.diff", {"hunks": True}, lane_id=lane["lane_id"]))["worktrees"]
    assert {file["path"] for file in worktree["files"]} == {"one.txt", "refusal.txt"} and worktree["uncommitted"]
    (tree / "refusal.txt").unlink()
    (worktree,) = (await client.call("lane.diff", {"hunks": True}, lane_id=lane["lane_id"]))["worktrees"]
    (file,) = worktree["files"]
    assert (file["path"], worktree["uncommitted"]) == ("one.txt", False)
    assert (rig.git("rev-parse", "main"), rig.git("status", "--porcelain")) == (before, "")

    await client.call("lane.merge", lane_id=lane["lane_id"])
    await client.wait("lane.merged")
    assert rig.git("log", "--format=%s by %an", f"{before}..{branch}").splitlines() == [
        "And once more by User",
        "By Codex itself by User",
    ]
    assert (rig.folder / "repo" / "one.txt").read_text() == "two\n"
    assert rig.git("fsck", "--full", "--strict", "--no-dangling") == ""
    session_id = made["session"]["session_id"]
    turn_id = await prompt(client, {"session_id": session_id}, write_script({"text": "I go on."}))
    assert (await wait_turn(client, turn_id))[1]["summary"] == "I go on."
    await client.call("lane.cleanup", lane_id=lane["lane_id"])
    assert (await client.wait("lane.cleaned"))["lane"]["status"] == "closed"
