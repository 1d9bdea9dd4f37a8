"""No worktree goes while it holds work that exists nowhere else (promise 3)."""

from __future__ import annotations

import asyncio

import pytest

from adapters.git.scene import NOW, CrashError, Scene, crash_at, files_below, write
from agentlanes.adapters.git.folders import remove_folder
from agentlanes.core.facts import AssessmentFacts, RemovalFacts, RescueFacts, WorktreePlan
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def assess(scene: Scene, target: str | None = "main") -> AssessmentFacts:
    return await scene.port.assess(scene.lane(), target)


async def rescue(scene: Scene, time: int = NOW) -> RescueFacts:
    return await scene.port.rescue(scene.lane(), "saved", time)


async def refusal(scene: Scene, fingerprint: str, **options: object) -> GitRefusal:
    with pytest.raises(GitRefusal) as refused:
        await scene.port.remove(scene.lane(), fingerprint, **options)  # type: ignore[arg-type]
    return refused.value


async def test_a_lane_without_work_goes_without_a_trace(repo: Scene) -> None:
    lane = await repo.provision()
    removed = await repo.port.remove(repo.lane(), (await assess(repo)).fingerprint)
    assert removed == RemovalFacts(str(lane), was_missing=False, left_behind=False, branch_deleted=False)
    repo.assert_gone(lane)
    assert "refs/heads/agent/lane_1" in repo.refs()
    assert (await repo.port.remove(repo.lane(), "anything")).was_missing, "a repeat is fine"


async def test_work_that_nobody_saved(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "x\n")
    before = files_below(lane)
    found = await refusal(repo, (await assess(repo)).fingerprint)
    assert (found.code, found.details["risks"]) == (RefusalCode.WORK_WOULD_BE_LOST, ["untracked"])
    assert files_below(lane) == before
    assert repo.status(lane) == "?? new"


async def test_work_that_came_after_the_assessment(repo: Scene) -> None:
    lane = await repo.provision()
    fingerprint = (await assess(repo)).fingerprint
    write(lane / "late", "x\n")
    assert (await refusal(repo, fingerprint)).code is RefusalCode.STALE
    assert (lane / "late").read_text() == "x\n"
    saved = await rescue(repo)
    write(lane / "later", "x\n")
    assert (await refusal(repo, saved.fingerprint)).code is RefusalCode.STALE
    assert (lane / "later").exists()


async def test_work_that_comes_in_the_last_moment(repo: Scene) -> None:
    """Something still writes by a descriptor or a current directory that it has."""
    lane = await repo.provision()
    fingerprint = (await assess(repo)).fingerprint

    def interfere(point: str) -> None:
        if point == "aside":
            write(next(lane.parent.iterdir()) / "late", "x\n")

    with pytest.raises(GitRefusal) as refused:
        await repo.make_port(interfere).remove(repo.lane(), fingerprint)
    assert refused.value.code is RefusalCode.STALE
    assert (lane / "late").read_text() == "x\n"
    assert repo.status(lane) == "?? late"


@pytest.mark.only_mode("worktree")
async def test_a_worktree_that_the_user_deleted(repo: Scene) -> None:
    lane = await repo.provision()
    repo.git("worktree", "remove", str(lane))
    facts = await assess(repo)
    assert (facts.presence, facts.risks) == ("missing", ())
    assert (await repo.port.remove(repo.lane(), facts.fingerprint)).was_missing
    repo.assert_gone(lane)


async def test_a_directory_that_the_user_deleted(repo: Scene) -> None:
    """What its git directory alone still holds is not given up; nor what was taken in from a clone."""
    lane = await repo.provision()
    repo.git("checkout", "-q", "--detach", cwd=lane)
    write(lane / "new", "x\n")
    loose = repo.commit_all("loose", cwd=lane)
    write(lane / "staged", "s\n")
    repo.git("add", "staged", cwd=lane)
    await assess(repo)
    lane.rename(repo.root / "away")
    repo.port = repo.make_port()
    facts = await assess(repo)
    assert (facts.presence, facts.risks) == ("missing", ("staged", "unreferenced_commits"))
    assert (await refusal(repo, facts.fingerprint)).code is RefusalCode.WORK_WOULD_BE_LOST
    saved = await rescue(repo)
    assert (await repo.port.remove(repo.lane(), saved.fingerprint)).was_missing
    repo.assert_gone(lane)
    branch = repo.bring_back(saved)
    assert repo.git("merge-base", branch, loose) == loose
    assert repo.git("show", f"{branch}^2:staged") == "s"


@pytest.mark.parametrize("how", ["no .git", "own repository", "broken HEAD", "symlink"])
async def test_what_is_not_our_worktree_is_left_alone(repo: Scene, how: str) -> None:
    lane = await repo.provision()
    repo.git("checkout", "-q", "--detach", cwd=lane)
    write(lane / "new", "x\n")
    loose = repo.commit_all("loose", cwd=lane)
    await assess(repo)
    if how == "own repository" and repo.mode == "clone":
        pytest.skip("a clone is one")
    if how == "broken HEAD":
        write(repo.admin() / "HEAD", "garbage\n")
    elif how == "symlink":
        lane.rename(repo.root / "elsewhere")
        lane.symlink_to(repo.root / "elsewhere")
    else:
        remove_folder(lane / ".git")
        if how == "own repository":
            repo.git("init", "-q", cwd=lane)
    facts = await assess(repo)
    assert facts.presence == "foreign"
    assert facts.unreferenced_commits == (loose,), "what only the git directory knew"
    assert (await refusal(repo, facts.fingerprint)).code is RefusalCode.WORK_WOULD_BE_LOST
    saved = await rescue(repo)
    removed = await repo.port.remove(repo.lane(), saved.fingerprint)
    assert (removed.left_behind, removed.was_missing) == (True, False)
    assert (lane / "new").read_text() == "x\n"
    assert not (repo.repo / ".git" / "worktrees" / "lane_1").exists()
    assert (await repo.port.remove(repo.lane(), "again")).left_behind
    repo.bring_back(saved)
    assert repo.git("show", f"{loose}:new") == "x"


@pytest.mark.only_mode("worktree")
async def test_a_worktree_that_the_user_moved_goes_on(repo: Scene) -> None:
    lane, moved = await repo.provision(), repo.root / "moved"
    repo.git("worktree", "move", str(lane), str(moved))
    write(moved / "new", "x\n")
    facts = await assess(repo)
    assert (facts.presence, facts.risks) == ("missing", ())
    assert (await repo.port.remove(repo.lane(), facts.fingerprint)).was_missing
    assert repo.status(moved) == "?? new"
    assert repo.git("symbolic-ref", "--short", "HEAD", cwd=moved) == "agent/lane_1"


async def test_read_only_folders_go_too(repo: Scene) -> None:
    write(repo.repo / ".gitignore", "cache/\n")
    repo.commit_all("ignore")
    lane = await repo.provision()
    write(lane / "cache" / "mod" / "x", "x\n")
    (lane / "cache" / "mod").chmod(0o555)
    (lane / "cache").chmod(0o500)
    await repo.port.remove(repo.lane(), (await assess(repo)).fingerprint)
    repo.assert_gone(lane)


async def test_symlinks_are_not_followed(repo: Scene) -> None:
    write(repo.repo / ".gitignore", "link\n")
    repo.commit_all("ignore")
    lane = await repo.provision()
    outside = write(repo.root / "outside" / "precious", "x\n")
    (lane / "link").symlink_to(outside.parent)
    await repo.port.remove(repo.lane(), (await assess(repo)).fingerprint)
    assert outside.exists()


async def test_a_merged_branch_is_deleted_when_told(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "x\n")
    await repo.commit_lane()
    fingerprint = (await assess(repo)).fingerprint
    for target in ("main", "nope", None, "agent/lane_1"):
        found = await refusal(repo, fingerprint, delete_branch=True, target_branch=target)
        assert found.code is RefusalCode.BRANCH_NOT_MERGED
    assert repo.status(lane) == "", "nothing was touched"
    await repo.port.merge(repo.plan_merge())
    removed = await repo.port.remove(repo.lane(), fingerprint, delete_branch=True, target_branch="main")
    assert removed.branch_deleted
    repo.assert_gone(lane)
    assert "refs/heads/agent/lane_1" not in repo.refs()


async def test_a_branch_that_is_used_elsewhere_is_kept(repo: Scene) -> None:
    lane = await repo.provision()
    repo.git("checkout", "-q", "--detach", cwd=lane)
    repo.git("worktree", "add", "-q", str(repo.root / "other"), "agent/lane_1")
    found = await refusal(repo, (await assess(repo)).fingerprint, delete_branch=True, target_branch="main")
    assert found.code is RefusalCode.BRANCH_CHECKED_OUT


@pytest.mark.parametrize("point", ["aside", "verified", "refs", "admin", "files"])
@pytest.mark.parametrize("deleting", [False, True])
async def test_a_crash_in_the_middle_is_finished_by_a_repeat(repo: Scene, point: str, deleting: bool) -> None:
    lane = await repo.provision()
    fingerprint = (await assess(repo)).fingerprint
    target = "main" if deleting else None

    with pytest.raises(CrashError):
        await repo.make_port(crash_at(point)).remove(
            repo.lane(), fingerprint, delete_branch=deleting, target_branch=target
        )
    port = repo.make_port()
    again = (await port.assess(repo.lane())).fingerprint if point != "aside" else fingerprint
    await port.remove(repo.lane(), again, delete_branch=deleting, target_branch=target)
    repo.assert_gone(lane)
    assert ("refs/heads/agent/lane_1" in repo.refs()) is not deleting
    await port.provision(WorktreePlan(repo.lane(), repo.git("rev-parse", "main"), adopt_branch=not deleting))
    assert repo.status(lane) == ""


async def test_a_crash_before_the_check_leaves_the_lane_usable(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "x\n")

    with pytest.raises(CrashError):
        await repo.make_port(crash_at("aside")).remove(repo.lane(), (await assess(repo)).fingerprint)
    assert not lane.exists()
    assert (await repo.make_port().assess(repo.lane())).untracked == ("new",)
    assert repo.status(lane) == "?? new"


async def test_a_removed_lane_comes_back(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "x\n")
    await repo.commit_lane()
    base = repo.git("rev-parse", "main")
    await repo.port.remove(repo.lane(), (await assess(repo)).fingerprint)
    await repo.port.provision(WorktreePlan(repo.lane(), base, adopt_branch=True))
    assert (lane / "new").read_text() == "x\n"
    assert repo.status(lane) == ""


async def test_a_cancelled_removal_puts_the_lane_back(repo: Scene) -> None:
    lane = await repo.provision()
    running: asyncio.Task[RemovalFacts]

    def cancel(point: str) -> None:
        if point == "aside":
            running.cancel()

    fingerprint = (await assess(repo)).fingerprint
    running = asyncio.ensure_future(repo.make_port(cancel).remove(repo.lane(), fingerprint))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert repo.status(lane) == ""
