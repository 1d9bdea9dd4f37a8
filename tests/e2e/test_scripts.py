"""What a repo wants done in its lanes: files that a fresh one gets, scripts that set it up, serve it and clean up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import script, wait_turn
from e2e.test_restart import last_seq, restart


async def make_workspace(client: Client, rig: Rig, **settings: Any) -> str:
    """A workspace whose repo has settings."""
    (rig.folder / "repo" / ".gitignore").write_text(".env\n*.local\n*.log\n")
    rig.git("commit", "-qam", "Ignore what is local")
    workspace = (await client.call("workspace.create", {"root_paths": [str(rig.folder / "repo")]}))["workspace"]
    workspace_id = str(workspace["workspace_id"])
    repo = (await client.call("repo.add", {"path": str(rig.folder / "repo")}, workspace_id=workspace_id))["repo"]
    await client.call("repo.update", {"repo_id": repo["repo_id"], **settings}, workspace_id=workspace_id)
    return workspace_id


async def start_lane(client: Client, workspace_id: str) -> dict[str, Any]:
    lane: dict[str, Any] = (await client.call("lane.create", {"name": "Work"}, workspace_id=workspace_id))["lane"]
    return lane


def tree_of(lane: dict[str, Any]) -> Path:
    return Path(lane["worktrees"][0]["path"])


async def read_tape(client: Client, terminal_id: str) -> str:
    chunk = await client.call("terminal.read", {"offset": 0}, terminal_id=terminal_id)
    return str(chunk["data"])


def release(path: Path) -> None:
    """Lets a script go on that waits for a reader of this FIFO."""
    path.read_bytes()


async def test_a_fresh_lane_is_set_up_before_its_agent_works(rig: Rig, client: Client) -> None:
    repo = rig.folder / "repo"
    (repo / ".env").write_text("KEY=1\n")
    (repo / "config").mkdir()
    (repo / "config" / "db.local").write_text("db\n")
    workspace_id = await make_workspace(
        client,
        rig,
        copy_files=".env, config/*.local, not-there",
        setup_script='cat .env config/db.local > made.log; echo "$AGENTLANES_BRANCH of $AGENTLANES_REPO"',
    )
    work = {"prompt": script({"run": ["cat", "made.log"]}), "name": "Work"}
    started = await client.call("lane.start", work, workspace_id=workspace_id)
    lane = started["lane"]
    assert (await wait_turn(client, started["turn"]["turn_id"]))[0] == "turn.completed"
    assert (tree_of(lane) / "made.log").read_text() == "KEY=1\ndb\n"
    order = [frame["method"] for frame in client.notifications]
    assert order.index("terminal.closed") < order.index("lane.created") < order.index("session.attached")
    terminal = client.payloads("terminal.closed")[0]["terminal"]
    assert (terminal["run_reason"], terminal["exit_code"]) == ("setup", 0)
    assert f"{lane['branch']} of {repo}" in await read_tape(client, terminal["terminal_id"])
    processes = (await client.call("process.list", lane_id=lane["lane_id"]))["processes"]
    assert [process["run_reason"] for process in processes] == ["setup", "agent"]
    assert (await client.call("lane.diff", lane_id=lane["lane_id"]))["worktrees"][0]["files"] == []


async def test_a_setup_that_fails_is_told_and_run_again(rig: Rig, client: Client) -> None:
    workspace_id = await make_workspace(client, rig, setup_script="echo no network; exit 3")
    lane = await start_lane(client, workspace_id)
    failed = (await client.wait("lane.create.failed"))["lane"]
    assert (failed["status"], failed["problem"]["code"]) == ("error", "SCRIPT_FAILED")
    assert "exit code 3" in failed["problem"]["message"]
    assert "no network" in await read_tape(client, failed["problem"]["details"]["terminal_id"])
    repo = (await client.call("repo.list", workspace_id=workspace_id))["repos"][0]
    changed = {"repo_id": repo["repo_id"], "setup_script": "echo done > made.log"}
    await client.call("repo.update", changed, workspace_id=workspace_id)
    await client.call("lane.attach", lane_id=lane["lane_id"])
    assert (await client.wait("lane.attached"))["lane"]["status"] == "ready"
    assert (tree_of(lane) / "made.log").read_text() == "done\n"


async def test_a_setup_outlives_the_server_and_runs_once(rig: Rig, client: Client) -> None:
    gate = rig.folder / "gate"
    os.mkfifo(gate)
    workspace_id = await make_workspace(client, rig, setup_script=f"echo once >> made.log; echo > {gate}")
    lane = await start_lane(client, workspace_id)
    await client.wait("terminal.spawned")
    again = await restart(rig, last_seq(client))
    assert (await again.call("lane.get", lane_id=lane["lane_id"]))["lane"]["status"] == "provisioning"
    release(gate)
    assert (await again.wait("lane.created"))["lane"]["status"] == "ready"
    assert (tree_of(lane) / "made.log").read_text() == "once\n"
    await again.close()


async def test_a_parallel_setup_keeps_nobody_waiting(rig: Rig, client: Client) -> None:
    gate = rig.folder / "gate"
    os.mkfifo(gate)
    workspace_id = await make_workspace(client, rig, setup_script=f"echo > {gate}", parallel_setup_script=True)
    lane = await start_lane(client, workspace_id)
    await client.wait("lane.created")
    assert not client.payloads("terminal.closed")
    release(gate)
    assert (await client.wait("terminal.closed"))["terminal"]["lane_id"] == lane["lane_id"]


async def test_a_file_that_cannot_be_copied_is_named(rig: Rig, client: Client) -> None:
    repo = rig.folder / "repo"
    (repo / "away").symlink_to("/etc")
    workspace_id = await make_workspace(client, rig, copy_files="away/hostname")
    await start_lane(client, workspace_id)
    problem = (await client.wait("lane.create.failed"))["lane"]["problem"]
    assert (problem["code"], problem["details"]["path"]) == ("COPY_FAILED", "away/hostname")


async def test_a_lane_is_cleaned_up_before_it_is_removed(rig: Rig, client: Client) -> None:
    workspace_id = await make_workspace(client, rig, cleanup_script=f"pwd > {rig.folder}/cleaned; test -e fine.log")
    lane = await start_lane(client, workspace_id)
    await client.wait("lane.created")
    await client.call("lane.cleanup", lane_id=lane["lane_id"])
    failed = (await client.wait("lane.cleanup.failed"))["lane"]
    assert failed["problem"]["code"] == "SCRIPT_FAILED"
    assert tree_of(lane).exists()
    (tree_of(lane) / "fine.log").touch()
    await client.call("lane.cleanup", lane_id=lane["lane_id"])
    await client.wait("lane.cleaned")
    assert (rig.folder / "cleaned").read_text() == f"{tree_of(lane)}\n"
    assert not tree_of(lane).exists()


async def test_a_cleanup_that_fails_does_not_hold_up_force(rig: Rig, client: Client) -> None:
    workspace_id = await make_workspace(client, rig, cleanup_script="exit 1")
    lane = await start_lane(client, workspace_id)
    await client.wait("lane.created")
    await client.call("lane.cleanup", {"force": True}, lane_id=lane["lane_id"])
    assert (await client.wait("lane.cleaned"))["lane"]["status"] == "closed"


async def test_a_cleanup_outlives_the_server_and_runs_once(rig: Rig, client: Client) -> None:
    gate, count = rig.folder / "gate", rig.folder / "count"
    os.mkfifo(gate)
    workspace_id = await make_workspace(client, rig, cleanup_script=f"echo once >> {count}; echo > {gate}")
    lane = await start_lane(client, workspace_id)
    await client.wait("lane.created")
    await client.call("lane.cleanup", lane_id=lane["lane_id"])
    await client.wait("terminal.spawned")
    again = await restart(rig, last_seq(client))
    release(gate)
    await again.wait("lane.cleaned")
    assert count.read_text() == "once\n"
    await again.close()


async def test_a_dev_server_runs_once_at_a_time(rig: Rig, client: Client) -> None:
    workspace_id = await make_workspace(client, rig, dev_server_script="echo serving; exec cat")
    lane = await start_lane(client, workspace_id)
    await client.wait("lane.created")
    spawned = await client.call("terminal.spawn", {"script": "dev_server"}, lane_id=lane["lane_id"])
    terminal_id = spawned["terminal"]["terminal_id"]
    await client.wait("terminal.spawned")
    with pytest.raises(RpcError) as refused:
        await client.call("terminal.spawn", {"script": "dev_server"}, lane_id=lane["lane_id"])
    assert refused.value.code == "SCRIPT_RUNS"
    assert terminal_id in str(refused.value)
    await client.call("terminal.close", terminal_id=terminal_id)
    await client.wait("terminal.closed")
    await client.call("terminal.spawn", {"script": "dev_server"}, lane_id=lane["lane_id"])
