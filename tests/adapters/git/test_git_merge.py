"""Merges of a lane: computed on our side, and never at the cost of the user's own files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adapters.git.scene import NOW, CrashError, Scene, crash_at, files_below, write, write_raw
from agentlanes.core.facts import Identity, MergeFacts, MergePlan, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def refusal(scene: Scene, plan: MergePlan | None = None) -> GitRefusal:
    with pytest.raises(GitRefusal) as refused:
        await scene.port.merge(plan or scene.plan_merge())
    return refused.value


async def lane_with_work(scene: Scene, files: dict[str, str] | None = None) -> Path:
    lane = await scene.provision()
    for name, content in (files or {"new": "n\n", "readme": "changed\n"}).items():
        write(lane / name, content)
    await scene.commit_lane()
    return lane


def state_of(scene: Scene) -> tuple[object, ...]:
    """What a refused merge may not have touched."""
    return scene.refs(), files_below(scene.repo), scene.status(), (scene.repo / ".git" / "index").read_bytes()


async def test_both_sides_went_on(repo: Scene) -> None:
    await lane_with_work(repo, {"src/a.txt": "one\ntwo\nTHREE\n"})
    write(repo.repo / "src" / "a.txt", "ONE\ntwo\nthree\n")
    repo.commit_all("main goes on")
    merged = await repo.port.merge(repo.plan_merge())
    assert not merged.fast_forward_possible
    assert (repo.repo / "src" / "a.txt").read_text() == "ONE\ntwo\nTHREE\n"
    assert repo.status() == ""


async def test_a_target_that_is_not_checked_out(repo: Scene) -> None:
    repo.git("branch", "release")
    await lane_with_work(repo)
    before = files_below(repo.repo)
    merged = await repo.port.merge(repo.plan_merge("release"))
    assert merged.updated_worktree is None
    assert repo.git("rev-parse", "release") == merged.commit
    assert (files_below(repo.repo), repo.status()) == (before, "")


async def test_a_squash(repo: Scene) -> None:
    base = repo.git("rev-parse", "HEAD")
    lane = await lane_with_work(repo)
    write(lane / "second", "2\n")
    await repo.commit_lane("more")
    merged = await repo.port.merge(repo.plan_merge(squash=True))
    assert repo.git("log", "--format=%H %P", f"{base}..main") == f"{merged.commit} {base}"
    assert repo.git("diff", "--stat", "main", "agent/lane_1") == ""
    assert (await repo.port.merge(repo.plan_merge(squash=True))) == merged, "the same plan again"
    again = await refusal(repo, repo.plan_merge(squash=True, time=NOW + 1))
    assert again.code is RefusalCode.ALREADY_MERGED


async def test_nothing_to_merge(repo: Scene) -> None:
    await repo.provision()
    assert (await refusal(repo)).code is RefusalCode.ALREADY_MERGED


async def test_merging_twice(repo: Scene) -> None:
    lane = await lane_with_work(repo)
    await repo.port.merge(repo.plan_merge())
    assert (await refusal(repo, repo.plan_merge(time=NOW + 1))).code is RefusalCode.ALREADY_MERGED
    write(lane / "newer", "n\n")
    await repo.commit_lane("more")
    await repo.port.merge(repo.plan_merge(time=NOW + 2))
    assert (repo.repo / "newer").exists()


async def test_conflicts(repo: Scene) -> None:
    await lane_with_work(repo, {"src/a.txt": "lane\n", "both": "lane\n", "fine": "x\n"})
    write(repo.repo / "src" / "a.txt", "main\n")
    write(repo.repo / "both", "main\n")
    (repo.repo / "readme").unlink()
    repo.commit_all("main goes on")
    before = state_of(repo)
    found = await refusal(repo)
    assert found.code is RefusalCode.MERGE_CONFLICT
    assert found.details["paths"] == [{"path": "both", "stages": [2, 3]}, {"path": "src/a.txt", "stages": [1, 2, 3]}]
    assert state_of(repo) == before


async def test_conflicts_in_odd_names(repo: Scene) -> None:
    names = [b"new\nline", b"caf\xe9", b"tab\t1"]
    lane = await repo.provision()
    for name in names:
        write_raw(lane, name, b"lane\n")
        write_raw(repo.repo, name, b"main\n")
    await repo.commit_lane()
    repo.commit_all("main")
    paths: Any = (await refusal(repo)).details["paths"]
    assert {entry["path"] for entry in paths} == {text_of_bytes(name) for name in names}


async def test_a_folder_against_a_file(repo: Scene) -> None:
    await lane_with_work(repo, {"thing/inner": "x\n"})
    write(repo.repo / "thing", "a file\n")
    repo.commit_all("main")
    assert (await refusal(repo)).code is RefusalCode.MERGE_CONFLICT


async def test_unrelated_histories(repo: Scene) -> None:
    await lane_with_work(repo)
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit_all("unrelated")
    assert (await refusal(repo, repo.plan_merge("other"))).code is RefusalCode.MERGE_CONFLICT


async def test_attributes_of_the_target_decide_how_to_merge(repo: Scene) -> None:
    write(repo.repo / ".gitattributes", "log merge=union\n*.lock -merge\n")
    write(repo.repo / "log", "first\n")
    write(repo.repo / "a.lock", "1\n2\n3\n4\n5\n6\n7\n8\n")
    repo.commit_all("attributes")
    lane = await repo.provision()
    write(lane / "log", "first\nlane\n")
    await repo.commit_lane()
    write(repo.repo / "log", "first\nmain\n")
    repo.commit_all("main")
    await repo.port.merge(repo.plan_merge())
    assert (repo.repo / "log").read_text() == "first\nmain\nlane\n"
    write(lane / "a.lock", "1\n2\n3\n4\n5\n6\n7\nlane\n")
    await repo.commit_lane("lock")
    write(repo.repo / "a.lock", "main\n2\n3\n4\n5\n6\n7\n8\n")
    repo.commit_all("lock")
    assert (await refusal(repo, repo.plan_merge(time=NOW + 1))).code is RefusalCode.MERGE_CONFLICT


async def test_a_lane_cannot_choose_how_it_is_merged(repo: Scene) -> None:
    await lane_with_work(repo, {".gitattributes": "* merge=union\n", "src/a.txt": "lane\n"})
    write(repo.repo / "src" / "a.txt", "main\n")
    repo.commit_all("main")
    assert (await refusal(repo)).code is RefusalCode.MERGE_CONFLICT


async def test_uncommitted_work(repo: Scene) -> None:
    lane = await lane_with_work(repo)
    write(lane / "later", "x\n")
    found = await refusal(repo)
    assert (found.code, found.details["paths"]) == (RefusalCode.UNCOMMITTED_WORK, ["later"])


async def test_a_head_that_is_elsewhere(repo: Scene) -> None:
    lane = await lane_with_work(repo)
    repo.git("checkout", "-q", "--detach", cwd=lane)
    assert (await refusal(repo)).code is RefusalCode.HEAD_NOT_ON_BRANCH


async def test_a_worktree_that_the_user_deleted(repo: Scene) -> None:
    lane = await lane_with_work(repo)
    lane.rename(repo.root / "elsewhere")
    assert (await repo.port.merge(repo.plan_merge())).files == ("new", "readme")


async def test_branches_that_are_not_there(repo: Scene) -> None:
    await lane_with_work(repo)
    assert (await refusal(repo, repo.plan_merge("nope"))).code is RefusalCode.BRANCH_NOT_FOUND
    assert (await refusal(repo, repo.plan_merge("-f"))).code is RefusalCode.INVALID_BRANCH_NAME


async def test_an_identity_that_git_cannot_write(repo: Scene) -> None:
    await lane_with_work(repo)
    plan = MergePlan(repo.lane(), "main", "m", Identity("", ""), NOW)
    assert (await refusal(repo, plan)).code is RefusalCode.INVALID_IDENTITY


async def test_a_target_that_is_not_where_it_was_expected(repo: Scene) -> None:
    await lane_with_work(repo)
    old = repo.git("rev-parse", "main")
    new = repo.commit_all("main goes on")
    found = await refusal(repo, repo.plan_merge(expected_target=old))
    assert (found.code, found.details["commit"]) == (RefusalCode.TARGET_MOVED, new)
    assert (await repo.port.merge(repo.plan_merge(expected_target=new))).previous_target == new


@pytest.mark.parametrize("target", ["main", "release"])
async def test_a_target_that_moves_between_our_steps(repo: Scene, target: str) -> None:
    repo.git("branch", "release")
    await lane_with_work(repo)
    old = repo.git("rev-parse", target)
    moved = repo.git("commit-tree", "-p", old, "-m", "faster", f"{old}^{{tree}}")
    before = files_below(repo.repo)

    def interfere(point: str) -> None:
        if point == ("checkout" if target == "main" else "published"):
            repo.git("update-ref", f"refs/heads/{target}", moved)

    with pytest.raises(GitRefusal) as refused:
        await repo.make_port(interfere).merge(repo.plan_merge(target))
    assert (refused.value.code, refused.value.details["commit"]) == (RefusalCode.TARGET_MOVED, moved)
    assert repo.git("rev-parse", target) == moved
    assert (files_below(repo.repo), repo.status()) == (before, ""), "the checkout is put back"


async def test_a_sha256_repository(scene: Scene) -> None:
    scene.make_repo("--object-format=sha256")
    await lane_with_work(scene)
    assert len((await scene.port.merge(scene.plan_merge())).commit) == 64
    assert scene.status() == ""


async def test_a_lane_merges_into_another_lane(repo: Scene) -> None:
    await lane_with_work(repo)
    other = await repo.provision("lane_2")
    merged = await repo.port.merge(repo.plan_merge("agent/lane_2"))
    assert merged.updated_worktree == (str(other) if repo.mode == "worktree" else None)
    assert repo.status(other) == ""
    assert (await repo.port.assess(repo.lane("lane_2"))).risks == ()


async def test_many_lanes_merge_at_once(repo: Scene) -> None:
    names = [f"lane_{number}" for number in range(6)]
    base = repo.git("rev-parse", "HEAD")
    for name in names:
        write(await repo.provision(name, base) / name, "x\n")
        await repo.commit_lane(name=name)
    await asyncio.gather(*(repo.port.merge(repo.plan_merge(name=name)) for name in names))
    assert set(names) <= {path.name for path in repo.repo.iterdir()}
    assert repo.status() == ""
    assert repo.git("rev-list", "--count", "--merges", "main") == "6"


@pytest.mark.parametrize("point", ["published", "checkout", "branch"])
@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("meanwhile", ["nothing", "target goes on"])
async def test_a_crash_in_the_middle_is_finished_by_a_repeat(
    repo: Scene, point: str, squash: bool, meanwhile: str
) -> None:
    base = repo.git("rev-parse", "HEAD")
    await lane_with_work(repo)
    count = int(repo.git("rev-list", "--count", "main"))

    plan = repo.plan_merge(expected_target=base, squash=squash)
    with pytest.raises(CrashError):
        await repo.make_port(crash_at(point)).merge(plan)
    if meanwhile == "target goes on":
        if point != "branch":
            return
        repo.git("commit", "-q", "--allow-empty", "-m", "someone goes on")
        count += 1
    merged = await repo.make_port().merge(plan)
    assert await repo.make_port().merge(plan) == merged
    assert merged.previous_target == base
    assert int(repo.git("rev-list", "--count", "--first-parent", "main")) == count + 1
    assert repo.status() == ""
    assert (repo.repo / "new").read_text() == "n\n"


async def test_a_cancelled_merge_is_whole(repo: Scene) -> None:
    await lane_with_work(repo)
    running: asyncio.Task[MergeFacts]

    def cancel(point: str) -> None:
        if point == "checkout":
            running.cancel()

    running = asyncio.ensure_future(repo.make_port(cancel).merge(repo.plan_merge()))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert repo.git("log", "-1", "--format=%s", "main") == "Merge lane_1"
    assert repo.status() == ""
