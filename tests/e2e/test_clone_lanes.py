"""A lane of mode clone: its agent commits with a git of its own, and the server takes what it made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import add_lane, make_lane, make_session, prompt, script, wait_turn


def git(*arguments: str) -> dict[str, Any]:
    """A step in which the agent runs its git."""
    return {"run": ["git", *arguments]}


async def let_work(client: Client, lane: dict[str, Any], *steps: dict[str, Any]) -> None:
    session = await make_session(client, lane)
    topic, turn = await wait_turn(client, await prompt(client, session, script(*steps)))
    assert topic == "turn.completed", turn


def write(path: str, text: str) -> dict[str, Any]:
    return {"write": {"path": path, "text": text, "ask": False}}


async def test_an_agent_commits_itself(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig, mode="clone")
    tree, branch = Path(lane["worktrees"][0]["path"]), lane["branch"]
    assert lane["mode"] == "clone"
    assert (tree / ".git").is_dir()
    await let_work(
        client,
        lane,
        write("one.txt", "one\n"),
        git("add", "one.txt"),
        git("commit", "-q", "-m", "The agent's own"),
        write("two.txt", "two\n"),
    )
    assert rig.git("log", "-1", "--format=%s by %an", cwd=tree) == "The agent's own by User"
    diff = (await client.call("lane.diff", lane_id=lane["lane_id"]))["worktrees"][0]
    assert ({file["path"] for file in diff["files"]}, diff["uncommitted"]) == ({"one.txt", "two.txt"}, True)
    await client.call("lane.commit", {"message": "The rest"}, lane_id=lane["lane_id"])
    await client.wait("lane.committed")
    assert rig.git("log", "--format=%s", f"main..{branch}").splitlines() == ["The rest", "The agent's own"]
    assert rig.git("status", "--porcelain", cwd=tree) == "", "and the agent's git agrees"
    await client.call("lane.merge", lane_id=lane["lane_id"])
    merged = (await client.wait("lane.merged"))["lane"]
    assert rig.git("rev-parse", "main") == merged["merges"][0]["merge_commit"]
    assert (rig.folder / "repo" / "one.txt").read_text() == "one\n"
    assert rig.git("status", "--porcelain") == ""
    assert rig.git("fsck", "--full", "--strict", "--no-dangling") == ""
    await client.call("lane.cleanup", {"delete_branch": True}, lane_id=lane["lane_id"])
    assert (await client.wait("lane.cleaned"))["lane"]["status"] == "closed"
    assert not tree.exists()
    assert branch not in rig.git("branch", "--list")


async def test_everything_that_only_the_clone_holds_is_told_and_saved(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig, mode="clone")
    tree = Path(lane["worktrees"][0]["path"])
    await let_work(
        client,
        lane,
        write("kept.txt", "kept\n"),
        git("add", "."),
        git("commit", "-q", "-m", "On the lane's branch"),
        git("switch", "-q", "-c", "side"),
        write("side.txt", "side\n"),
        git("add", "."),
        git("commit", "-q", "-m", "On a branch of its own"),
        git("tag", "-a", "-m", "A note", "marked"),
        write("kept.txt", "stashed\n"),
        git("stash", "-q"),
        write("staged.txt", "staged\n"),
        git("add", "."),
        write("staged.txt", "changed again\n"),
        write("untracked.txt", "untracked\n"),
    )
    with pytest.raises(RpcError) as refused:
        await client.call("lane.cleanup", lane_id=lane["lane_id"])
    assert refused.value.code == "LANE_HOLDS_WORK"
    assert "refs/heads/side, refs/stash, refs/tags/marked" in str(refused.value)
    (work,) = refused.value.error["data"]["details"]["work"]
    assert set(work["risks"]) == {"untracked", "uncommitted", "staged", "unreferenced_commits", "references"}
    await client.call("lane.cleanup", {"force": True}, lane_id=lane["lane_id"])
    (rescue,) = (await client.wait("lane.cleaned"))["lane"]["rescues"]
    assert not tree.exists()
    assert rig.git("show", f"{lane['branch']}:kept.txt") == "kept", "the lane's branch is in the repository"
    rig.run_shell(rescue["restore"])
    refs = dict(
        line.split(" ") for line in rig.git("for-each-ref", "--format=%(refname) %(objectname)", "refs").splitlines()
    )
    saved = next(ref for ref in refs if ref.startswith("refs/heads/rescue/"))
    assert rig.git("show", f"{saved}:untracked.txt") == "untracked"
    assert rig.git("show", f"{saved}:staged.txt") == "changed again"
    assert rig.git("show", f"{saved}^2:staged.txt") == "staged"
    names = {ref.split("/", 3)[3]: ref for ref in refs if ref.startswith("refs/rescued/")}
    assert names.keys() == {"heads/side", "stash", "tags/marked"}
    assert rig.git("show", f"{names['heads/side']}:side.txt") == "side"
    assert rig.git("show", f"{names['stash']}:kept.txt") == "stashed"
    assert rig.git("cat-file", "-t", names["tags/marked"]) == "tag"


async def test_a_clone_that_was_deleted_comes_back(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig, mode="clone")
    tree = Path(lane["worktrees"][0]["path"])
    await let_work(client, lane, write("one.txt", "one\n"), git("add", "."), git("commit", "-q", "-m", "One"))
    assert (await client.call("lane.diff", lane_id=lane["lane_id"]))["worktrees"][0]["files"]
    rig.git("checkout", "-q", "--detach", cwd=tree)
    rig.git("commit", "-q", "--allow-empty", "-m", "Loose", cwd=tree)
    await client.call("lane.diff", lane_id=lane["lane_id"])
    shutil.rmtree(tree)
    await client.call("lane.attach", lane_id=lane["lane_id"])
    back = (await client.wait("lane.attached"))["lane"]
    assert back["status"] == "ready"
    assert (tree / "one.txt").read_text() == "one\n", "what was seen of it, though no command had asked to keep it"
    assert rig.git("log", "-1", "--format=%s", cwd=tree) == "One"
    rig.run_shell(back["rescues"][0]["restore"])
    assert "Loose" in rig.git("log", "--format=%s", "--branches=rescue/*")


async def test_a_repo_says_how_its_lanes_are_made(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    workspace_id = lane["workspace_id"]
    repo_id = lane["worktrees"][0]["repo_id"]
    assert lane.get("mode") is None
    await client.call("repo.update", {"repo_id": repo_id, "lane_mode": "clone"}, workspace_id=workspace_id)
    other = await add_lane(client, workspace_id, "Other")
    assert (Path(other["worktrees"][0]["path"]) / ".git").is_dir()
    third = await add_lane(client, workspace_id, "Third", mode="worktree")
    assert (Path(third["worktrees"][0]["path"]) / ".git").is_file()
