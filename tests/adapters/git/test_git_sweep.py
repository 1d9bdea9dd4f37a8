"""Our own object directory does not grow for ever, and never loses what is needed."""

from __future__ import annotations

import os
from pathlib import Path

from adapters.git.scene import NOW, Scene, write
from agentlanes.adapters.git.sweep import KEPT_SECONDS


def loose(scene: Scene) -> list[Path]:
    return sorted((scene.store() / "objects").glob("??/*"))


def age(scene: Scene, *extra: Path) -> None:
    """As if a day went by."""
    for path in (*loose(scene), *extra):
        then = path.stat().st_mtime - KEPT_SECONDS - 1
        os.utime(path, (then, then))


async def remove(scene: Scene, name: str) -> None:
    facts = await scene.port.assess(scene.lane(name))
    await scene.port.remove(scene.lane(name), facts.fingerprint)


async def test_old_objects_go_and_used_ones_stay(repo: Scene) -> None:
    kept, other, idle = [await repo.provision(name) for name in ("lane_1", "lane_2", "lane_3")]
    trees = []
    for number in range(5):
        write(kept / "work", f"version {number}\n")
        trees.append((await repo.port.snapshot(repo.lane())).tree)
    write(other / "rescued", "r\n")
    saved = await repo.port.rescue(repo.lane("lane_2"), "saved", NOW)
    await repo.port.remove(repo.lane("lane_2"), saved.fingerprint)
    before = loose(repo)
    age(repo, repo.store() / "swept")
    write(kept / "late", "fresh\n")
    await repo.port.snapshot(repo.lane())
    await remove(repo, idle.name)
    assert len(loose(repo)) < len(before)
    again = await repo.port.snapshot(repo.lane())
    (kept / "late").unlink()
    assert (await repo.port.snapshot(repo.lane())).tree == trees[-1] != again.tree
    assert [file.path for file in (await repo.port.diff(repo.lane(), "main")).files] == ["work"]
    assert saved.restore is not None
    repo.git(*saved.restore.split()[1:])
    assert repo.git("show", f"rescue/lane_2-{NOW}:rescued") == "r"


async def test_young_objects_stay(repo: Scene) -> None:
    lane = await repo.provision()
    idle = await repo.provision("lane_2")
    for number in range(3):
        write(lane / "work", f"version {number}\n")
        await repo.port.snapshot(repo.lane())
    before = loose(repo)
    await remove(repo, idle.name)
    assert loose(repo) == before


async def test_an_object_that_is_gone_all_the_same_is_made_again(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "work", "w\n")
    tree = (await repo.port.snapshot(repo.lane())).tree
    for path in loose(repo):
        path.unlink()
    write(lane / "more", "m\n")
    assert (await repo.make_port().snapshot(repo.lane())).tree != tree
    (lane / "more").unlink()
    assert (await repo.make_port().snapshot(repo.lane())).tree == tree


async def test_a_damaged_index_of_ours_is_made_again(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "work", "w\n")
    before = await repo.port.snapshot(repo.lane())
    index = repo.store() / "worktrees" / "lane_1" / "index"
    index.write_bytes(index.read_bytes()[:100])
    assert await repo.make_port().snapshot(repo.lane()) == before
