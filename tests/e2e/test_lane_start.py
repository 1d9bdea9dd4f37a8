"""From a prompt and a path to an agent at work, in one step that happens whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import WAIT_SECONDS, Client, Rig, RpcError
from e2e.story import add_lane, make_lane, script, wait_turn

HELLO = script({"say": "Hello."})


async def start(client: Client, path: Path, prompt: str = HELLO, **payload: Any) -> dict[str, Any]:
    made: dict[str, Any] = await client.call("lane.start", {"prompt": prompt, "path": str(path), **payload})
    return made


async def test_a_prompt_and_a_path_are_enough(rig: Rig, client: Client) -> None:
    repo = rig.folder / "repo"
    made = await start(client, repo / "src" / "not_written_yet.py", f"Greet\tthe reader\n{HELLO}")
    assert made["workspace"]["root_paths"] == [str(repo)] and made["repo"]["path"] == str(repo)
    assert made["lane"]["name"] == "Greet the reader" and made["lane"]["status"] == "provisioning"
    assert made["session"]["status"] == "detached" and made["turn"]["status"] == "queued"
    topic, turn = await wait_turn(client, made["turn"]["turn_id"])
    assert topic == "turn.completed" and turn["summary"] == "Hello."
    correlations = {frame["params"]["correlation_id"] for frame in client.notifications if "seq" in frame["params"]}
    assert correlations == {turn["correlation_id"]}, "one intent, one correlation"
    # What is known by now is used again.
    again = await start(client, repo)
    assert again["workspace"]["workspace_id"] == made["workspace"]["workspace_id"]
    assert again["repo"]["repo_id"] == made["repo"]["repo_id"]
    assert (await wait_turn(client, again["turn"]["turn_id"]))[0] == "turn.completed"


async def test_the_innermost_repository_is_meant(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    workspace_id = lane["workspace_id"]
    inner = rig.folder / "repo" / "vendor" / "inner"
    inner.mkdir(parents=True)
    rig.git("init", "-q", "-b", "trunk", cwd=inner)
    rig.git("commit", "-q", "--allow-empty", "-m", "First", cwd=inner)
    made = await start(client, inner / "a.c", target_branch="trunk")
    assert made["repo"]["path"] == str(inner) and made["workspace"]["workspace_id"] == workspace_id
    assert (await wait_turn(client, made["turn"]["turn_id"]))[0] == "turn.completed"
    # A file of a lane belongs to the lane's repo.
    made = await start(client, Path(lane["worktrees"][0]["path"]) / "README.md")
    assert made["repo"]["path"] == str(rig.folder / "repo")
    assert (await wait_turn(client, made["turn"]["turn_id"]))[0] == "turn.completed"
    link = rig.folder / "link"
    link.symlink_to(rig.folder / "repo" / "README.md")
    made = await start(client, link)
    assert made["repo"]["path"] == str(rig.folder / "repo")
    assert (await wait_turn(client, made["turn"]["turn_id"]))[0] == "turn.completed"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"prompt": "x", "path": "/"}, "REPO_REFUSED"),
        ({"prompt": "x"}, "REPO_REQUIRED"),
        ({"prompt": "x", "path": "repo"}, "INVALID_PARAMS"),
        ({"prompt": "x", "path": "REPO", "profile": "nobody"}, "PROFILE_NOT_FOUND"),
        ({"prompt": "x", "path": "REPO", "target_branch": "nowhere"}, "BRANCH_NOT_FOUND"),
        ({"prompt": "x", "path": "REPO", "branch": "main"}, "BRANCH_EXISTS"),
        ({"prompt": "x", "path": "REPO", "constraint": "none"}, "CONSTRAINT_NOT_FOUND"),
    ],
)
async def test_a_refusal_leaves_nothing_behind(rig: Rig, client: Client, payload: dict[str, Any], code: str) -> None:
    if payload.get("path") == "REPO":
        payload = {**payload, "path": str(rig.folder / "repo")}
    seq = (await client.call("server.status"))["seq"]
    with pytest.raises(RpcError) as refused:
        await client.call("lane.start", payload)
    assert refused.value.code == code
    assert (await client.call("server.status"))["seq"] == seq


async def test_a_repo_is_added_with_its_target_branch(rig: Rig, client: Client) -> None:
    rig.git("branch", "next")
    workspace = (await client.call("workspace.create", {"root_paths": [str(rig.folder / "repo")]}))["workspace"]
    wanted = {"path": str(rig.folder / "repo"), "default_target_branch": "nope"}
    with pytest.raises(RpcError) as refused:
        await client.call("repo.add", wanted, workspace_id=workspace["workspace_id"])
    assert refused.value.code == "BRANCH_NOT_FOUND"
    wanted["default_target_branch"] = "next"
    repo = (await client.call("repo.add", wanted, workspace_id=workspace["workspace_id"]))["repo"]
    assert repo["default_target_branch"] == "next"
    lane = await add_lane(client, workspace["workspace_id"], "Next")
    assert lane["worktrees"][0]["target_branch"] == "next"


async def test_what_could_not_be_made_goes_on_when_it_can(rig: Rig, client: Client) -> None:
    lanes = rig.folder / "data" / "agentlanes" / "lanes"
    lanes.parent.mkdir(parents=True, exist_ok=True)
    if lanes.exists():
        lanes.rmdir()
    lanes.write_text("in the way")
    made = await start(client, rig.folder / "repo")
    failed = (await client.wait("lane.create.failed"))["lane"]
    assert failed["status"] == "error" and failed["problem"]["message"]
    turn = (await client.call("turn.get", {"turn_id": made["turn"]["turn_id"]}))["turn"]
    assert turn["status"] == "queued"
    lanes.unlink()
    await client.call("lane.attach", lane_id=failed["lane_id"])
    assert (await wait_turn(client, turn["turn_id"]))[0] == "turn.completed"


async def test_a_repeat_starts_nothing_twice(rig: Rig, client: Client) -> None:
    params = {
        "envelope_id": "start-1",
        "correlation_id": "c-1",
        "payload": {"prompt": HELLO, "path": str(rig.folder / "repo")},
    }
    answers = await asyncio.gather(*[client.request("lane.start", params) for _ in range(5)])
    assert all(answer == answers[0] for answer in answers)
    await wait_turn(client, answers[0]["payload"]["turn"]["turn_id"])
    assert await client.request("lane.start", params) == answers[0]
    assert len((await client.call("lane.list"))["lanes"]) == 1
    with pytest.raises(RpcError) as refused:
        await client.request("lane.start", {**params, "payload": {**params["payload"], "name": "Other"}})  # type: ignore[dict-item]
    assert refused.value.code == "ENVELOPE_ID_REUSED"


@pytest.mark.parametrize("point", ["commit.before", "commit.after", "effect.before", "git.linked", "spawn.after"])
async def test_the_server_dies_in_the_middle(rig: Rig, client: Client, point: str) -> None:
    """Sent again with the same envelope_id after the server died, it is done once, and to its end."""
    await client.close()
    rig.stop()
    rig.start(AGENTLANES_CRASH_AT=f"{point}:1")
    dying = await rig.connect()
    params = {
        "envelope_id": "start-1",
        "correlation_id": "c-1",
        "payload": {"prompt": HELLO, "path": str(rig.folder / "repo")},
    }
    with contextlib.suppress(ConnectionError):
        await dying.request("lane.start", params)
    assert rig.server is not None
    await asyncio.to_thread(rig.server.wait, WAIT_SECONDS)
    await dying.close()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    made = (await again.request("lane.start", params))["payload"]
    assert (await wait_turn(again, made["turn"]["turn_id"]))[0] == "turn.completed"
    assert [lane["lane_id"] for lane in (await again.call("lane.list"))["lanes"]] == [made["lane"]["lane_id"]]
    assert len((await again.call("session.list"))["sessions"]) == 1
    assert len((await again.call("workspace.list"))["workspaces"]) == 1
    await again.close()
