"""Lanes on a real repository: made, changed, shown, committed, merged, removed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import add_lane, make_lane


async def test_a_lane_is_made_shown_merged_and_removed(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    tree = Path(lane["worktrees"][0]["path"])
    assert (tree / "README.md").read_text() == "# A small project\n"
    assert rig.git("status", "--porcelain", cwd=tree) == ""
    assert rig.git("branch", "--show-current", cwd=tree) == lane["branch"]
    (tree / "README.md").write_text("# A small project\n\nHello.\n")
    (tree / "new.txt").write_text("new\n")
    diff = (await client.call("lane.diff", lane_id=lane["lane_id"]))["worktrees"][0]
    assert {file["path"]: file["status"] for file in diff["files"]} == {"README.md": "modified", "new.txt": "added"}
    assert diff["uncommitted"] and diff["additions"] == 3
    await client.call("lane.merge", {"message": "Merge the greeting"}, lane_id=lane["lane_id"])
    merged = (await client.wait("lane.merged"))["lane"]
    commit = merged["merges"][0]["merge_commit"]
    assert rig.git("rev-parse", "main") == commit
    assert rig.git("log", "-1", "--format=%an <%ae>", "main") == "User <user@example.org>"
    assert (rig.folder / "repo" / "new.txt").read_text() == "new\n"
    assert rig.git("status", "--porcelain") == ""
    await client.call("lane.cleanup", {"delete_branch": True}, lane_id=lane["lane_id"])
    assert (await client.wait("lane.cleaned"))["lane"]["status"] == "closed"
    assert not tree.exists()
    assert lane["branch"] not in rig.git("branch", "--list")


async def test_work_that_exists_nowhere_else_is_kept(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    tree = Path(lane["worktrees"][0]["path"])
    (tree / "precious.txt").write_text("precious\n")
    with pytest.raises(RpcError) as refused:
        await client.call("lane.cleanup", lane_id=lane["lane_id"])
    assert refused.value.code == "LANE_HOLDS_WORK"
    assert "1 untracked files" in str(refused.value)
    assert (tree / "precious.txt").exists()
    await client.call("lane.cleanup", {"force": True}, lane_id=lane["lane_id"])
    rescue = (await client.wait("lane.cleaned"))["lane"]["rescues"][0]
    assert not tree.exists()
    rig.run_shell(rescue["restore"])
    branches = rig.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    contents = [rig.git("ls-tree", "--name-only", branch).split() for branch in branches]
    assert any("precious.txt" in names for names in contents)


async def test_a_removed_lane_comes_back(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    tree = Path(lane["worktrees"][0]["path"])
    (tree / "kept.txt").write_text("kept\n")
    await client.call("lane.commit", {"message": "Keep"}, lane_id=lane["lane_id"])
    await client.wait("lane.committed")
    await client.call("lane.cleanup", lane_id=lane["lane_id"])
    await client.wait("lane.cleaned")
    await client.call("lane.attach", lane_id=lane["lane_id"])
    assert (await client.wait("lane.attached"))["lane"]["status"] == "ready"
    assert (tree / "kept.txt").read_text() == "kept\n"


async def test_conflicts_are_told_by_path_and_change_nothing(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig, "One")
    other = await add_lane(client, lane["workspace_id"], "Two")
    for each, text in ((lane, "one"), (other, "two")):
        (Path(each["worktrees"][0]["path"]) / "README.md").write_text(f"# {text}\n")
    await client.call("lane.merge", lane_id=lane["lane_id"])
    await client.wait("lane.merged")
    head = rig.git("rev-parse", "main")
    await client.call("lane.merge", lane_id=other["lane_id"])
    problem = (await client.wait("lane.merge.failed"))["lane"]["problem"]
    assert problem["code"] == "MERGE_CONFLICT"
    assert "README.md" in str(problem["details"])
    assert rig.git("rev-parse", "main") == head


async def test_repositories_that_lanes_cannot_be_made_of(rig: Rig, client: Client) -> None:
    workspace = (await client.call("workspace.create", {"root_paths": [str(rig.folder)]}))["workspace"]
    workspace_id = workspace["workspace_id"]
    bare, empty, plain = rig.folder / "bare", rig.folder / "empty", rig.folder / "plain"
    for path in (bare, empty, plain):
        path.mkdir()
    rig.git("init", "-q", "--bare", cwd=bare)
    rig.git("init", "-q", cwd=empty)
    (rig.folder / "loop").symlink_to(rig.folder / "loop")
    reasons = {}
    for path in (bare, empty, plain, rig.folder / "missing", rig.folder / "loop"):
        with pytest.raises(RpcError) as refused:
            await client.call("repo.add", {"path": str(path)}, workspace_id=workspace_id)
        assert refused.value.code == "REPO_REFUSED"
        reasons[path.name] = refused.value.details["reason"]
    assert reasons == {
        "bare": "REPO_IS_BARE",
        "empty": "REPO_HAS_NO_COMMIT",
        "plain": "NOT_A_REPOSITORY",
        "missing": "PATH_NOT_FOUND",
        "loop": "PATH_IS_SYMLINK_LOOP",
    }
    with pytest.raises(RpcError) as refused:
        await client.call("repo.add", {"path": "relative"}, workspace_id=workspace_id)
    assert refused.value.code == "INVALID_PARAMS"
    with pytest.raises(RpcError) as refused:
        await client.call("workspace.create", {"root_paths": [str(rig.folder / "loop")]})
    assert refused.value.code == "ROOT_PATH_NOT_FOUND"
    odd = rig.folder / os.fsdecode(b"odd-\xff")
    odd.mkdir()
    (rig.folder / "to-odd").symlink_to(odd)
    with pytest.raises(RpcError) as refused:
        await client.call("workspace.create", {"root_paths": [str(rig.folder / "to-odd")]})
    assert refused.value.code == "ROOT_PATH_NOT_FOUND"
    assert "UTF-8" in str(refused.value.details)


async def test_a_detached_head_needs_a_target(rig: Rig, client: Client) -> None:
    rig.git("checkout", "-q", "--detach")
    workspace = (await client.call("workspace.create", {"root_paths": [str(rig.folder)]}))["workspace"]
    workspace_id = workspace["workspace_id"]
    await client.call("repo.add", {"path": str(rig.folder / "repo")}, workspace_id=workspace_id)
    with pytest.raises(RpcError) as refused:
        await client.call("lane.create", {"name": "Nowhere"}, workspace_id=workspace_id)
    assert refused.value.code == "TARGET_BRANCH_REQUIRED"
    await client.call("lane.create", {"name": "Somewhere", "target_branch": "main"}, workspace_id=workspace_id)
    assert (await client.wait("lane.created"))["lane"]["worktrees"][0]["target_branch"] == "main"
    with pytest.raises(RpcError) as refused:
        await client.call(
            "lane.create", {"name": "Taken", "target_branch": "main", "branch": "main"}, workspace_id=workspace_id
        )
    assert refused.value.code == "BRANCH_EXISTS"


async def test_a_worktree_that_vanished_is_recorded_not_repaired(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    tree = Path(lane["worktrees"][0]["path"])
    shutil.rmtree(tree)
    await client.call("lane.merge", lane_id=lane["lane_id"])
    failed = (await client.wait("lane.merge.failed"))["lane"]
    assert (failed["status"], failed["problem"]["code"]) == ("error", "WORKTREE_MISSING")
    assert not tree.exists()
    await client.call("lane.attach", lane_id=lane["lane_id"])
    topic, payload = await client.wait_one_of(
        {"lane.attached": lambda payload: True, "lane.attach.failed": lambda payload: True}
    )
    assert topic == "lane.attached", payload["lane"]["problem"]
    assert (tree / "README.md").exists()
