"""Promises 1 to 3 for lanes that are clones: the server dies by SIGKILL while one is made, taken over or removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentlanes.crash_points import POINTS
from e2e.rig import Rig, make_rig
from faults.returning import ReturningClient

pytestmark = pytest.mark.faults

# What a clone's life never passes: it is no entry in the user's git directory, and nothing of it lies outside of it.
NEVER = ("git.admin_moved", "git.moved")
ALL = [f"{point}:{count}" for point in POINTS if point.startswith("git.") and point not in NEVER for count in (1, 2)]
CHOSEN = (
    ALL
    if os.environ.get("AGENTLANES_FAULTS") == "all"
    else ["git.index:1", "git.aside:2", "git.verified:1", "git.saved:1"]
)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with make_rig() as rig:
        rig.make_repo()
        yield rig


async def make_clone(client: ReturningClient, workspace_id: str, name: str) -> dict[str, Any]:
    payload = {"name": name, "mode": "clone"}
    lane = (await client.command("lane.create", payload, workspace_id=workspace_id))["lane"]
    return await settled(client, "lane.created", "lane.create.failed", lane["lane_id"])


async def settled(client: ReturningClient, good: str, bad: str, lane_id: str) -> dict[str, Any]:
    topic, payload = await client.wait_one_of(good, bad, holds=lambda payload: payload["lane"]["lane_id"] == lane_id)
    assert topic == good, payload
    lane: dict[str, Any] = payload["lane"]
    return lane


def put(rig: Rig, tree: Path, name: str, *, commit: bool = True) -> None:
    (tree / name).write_text(f"{name}\n")
    if commit:
        rig.git("add", name, cwd=tree)
        rig.git("commit", "-q", "-m", name, cwd=tree)


@pytest.mark.parametrize("crash", CHOSEN)
async def test_the_server_dies_at_a_point(rig: Rig, crash: str) -> None:
    client = ReturningClient(rig, [crash])
    try:
        workspace = (await client.command("workspace.create", {"root_paths": [str(rig.folder / "repo")]}))["workspace"]
        workspace_id = workspace["workspace_id"]
        await client.command("repo.add", {"path": str(rig.folder / "repo")}, workspace_id=workspace_id)
        lane = await make_clone(client, workspace_id, "Merged")
        tree = Path(lane["worktrees"][0]["path"])
        assert rig.git("status", "--porcelain", cwd=tree) == ""
        put(rig, tree, "own.txt")
        put(rig, tree, "left.txt", commit=False)
        await client.command("lane.commit", {"message": "The rest"}, lane_id=lane["lane_id"])
        await settled(client, "lane.committed", "lane.commit.failed", lane["lane_id"])
        assert rig.git("status", "--porcelain", cwd=tree) == ""
        await client.command("lane.merge", {}, lane_id=lane["lane_id"])
        await settled(client, "lane.merged", "lane.merge.failed", lane["lane_id"])
        await client.command("lane.cleanup", {"delete_branch": True}, lane_id=lane["lane_id"])
        await settled(client, "lane.cleaned", "lane.cleanup.failed", lane["lane_id"])

        lost = await make_clone(client, workspace_id, "Lost")
        where = Path(lost["worktrees"][0]["path"])
        put(rig, where, "branch.txt")
        rig.git("switch", "-q", "-c", "side", cwd=where)
        put(rig, where, "side.txt")
        put(rig, where, "untracked.txt", commit=False)
        await client.command("lane.cleanup", {"force": True}, lane_id=lost["lane_id"])
        cleaned = await settled(client, "lane.cleaned", "lane.cleanup.failed", lost["lane_id"])
    finally:
        await client.close()

    assert rig.git("log", "--format=%s", "--first-parent", "main").splitlines()[0] == "Merge lane Merged"
    assert rig.git("log", "--format=%s", "main^2").splitlines()[:2] == ["The rest", "own.txt"]
    assert rig.git("status", "--porcelain") == ""
    assert rig.git("show", f"{lost['branch']}:branch.txt") == "branch.txt"
    (rescue,) = cleaned["rescues"]
    rig.run_shell(rescue["restore"])
    saved = rig.git("for-each-ref", "--format=%(refname)", "refs/heads/rescue").split()[0]
    for name in ("side.txt", "untracked.txt"):
        assert rig.git("show", f"{saved}:{name}") == name
    for folder in (tree, where):
        assert not folder.exists()
        assert list(folder.parent.iterdir()) == [], "nothing is left beside it"
    assert rig.git("fsck", "--full", "--strict", "--no-dangling") == ""
    assert client.deaths == (1 if CHOSEN is not ALL else client.deaths)
