"""What is rescued from a lane comes back whole, and depends on nothing that the user may throw away."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.git.scene import NOW, CrashError, Scene, crash_at, write
from agentlanes.core.facts import AssessmentFacts, RescueFacts
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def assess(scene: Scene, target: str | None = "main") -> AssessmentFacts:
    return await scene.port.assess(scene.lane(), target)


async def rescue(scene: Scene, time: int = NOW) -> RescueFacts:
    return await scene.port.rescue(scene.lane(), "saved", time)


async def refusal(scene: Scene, fingerprint: str, **options: object) -> GitRefusal:
    with pytest.raises(GitRefusal) as refused:
        await scene.port.remove(scene.lane(), fingerprint, **options)  # type: ignore[arg-type]
    return refused.value


async def test_a_rescue_brings_everything_back(repo: Scene) -> None:
    lane = await repo.provision()
    head = repo.git("rev-parse", "main")
    write(lane / "readme", "changed\n")
    write(lane / "new", "n\n")
    (lane / "src" / "a.txt").unlink()
    saved = await rescue(repo)
    assert (saved.repo_id, saved.lane_id, saved.time, saved.base_commit) == ("repo_1", "lane_1", NOW, head)
    assert (saved.moved_to, saved.ref) == (None, f"refs/rescue/lane_1/{NOW}")
    assert repo.status(lane) != "", "the lane stays as it is"
    await repo.port.remove(repo.lane(), saved.fingerprint)
    repo.assert_gone(lane)
    branch = repo.bring_back(saved)
    assert repo.git("rev-parse", f"{branch}^") == head
    assert repo.git("diff", "--name-status", head, branch) == "A\tnew\nM\treadme\nD\tsrc/a.txt"
    assert repo.git("log", "-1", "--format=%s %ct", branch) == f"saved {NOW}"


async def test_a_rescue_depends_on_nothing_that_gc_takes(repo: Scene) -> None:
    lane = await repo.provision()
    repo.git("checkout", "-q", "--detach", cwd=lane)
    write(lane / "committed", "c\n")
    loose = repo.commit_all("loose", cwd=lane)
    write(lane / "staged", "s\n")
    repo.git("add", "staged", cwd=lane)
    write(lane / "staged", "on disk\n")
    saved = await rescue(repo)
    await repo.port.remove(repo.lane(), saved.fingerprint)
    repo.git("update-ref", "-d", "refs/heads/agent/lane_1")
    write(repo.repo / "readme", "history is rewritten\n")
    repo.git("checkout", "-q", "--orphan", "fresh")
    repo.commit_all("fresh")
    repo.git("branch", "-q", "-D", "main")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    assert repo.git("cat-file", "-t", loose, check=False) == ""
    branch = repo.bring_back(saved)
    assert repo.git("fsck", "--full", "--strict") == ""
    assert repo.git("show", f"{branch}:staged") == "on disk"
    assert repo.git("show", f"{branch}^2:staged") == "s"
    assert repo.git("show", f"{loose}:committed") == "c"


async def test_nothing_to_rescue(repo: Scene) -> None:
    await repo.provision()
    saved = await rescue(repo)
    assert (saved.commit, saved.ref, saved.restore, saved.moved_to) == (None, None, None, None)
    await repo.port.remove(repo.lane(), saved.fingerprint)


async def test_conflicts_are_rescued_with_all_their_sides(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "readme", "stashed\n")
    repo.git("stash", cwd=lane)
    write(lane / "readme", "committed\n")
    await repo.commit_lane()
    repo.git("stash", "apply", cwd=lane, check=False)
    repo.git("stash", "drop", cwd=lane)
    saved = await rescue(repo)
    await repo.port.remove(repo.lane(), saved.fingerprint)
    branch = repo.bring_back(saved)
    assert "<<<<<<<" in repo.git("show", f"{branch}:readme")
    sides = [repo.git("show", f"{branch}^2:readme~stage{stage}") for stage in (1, 2, 3)]
    assert sides == ["hello", "committed", "stashed"]


async def test_an_operation_is_rescued_with_its_commits(repo: Scene) -> None:
    write(repo.repo / "readme", "main\n")
    repo.commit_all("main")
    lane = await repo.provision(base=repo.git("rev-parse", "HEAD~1"))
    write(lane / "other", "x\n")
    repo.commit_all("first of the lane", cwd=lane)
    write(lane / "readme", "lane\n")
    repo.commit_all("lane", cwd=lane)
    repo.bring("main", lane)
    repo.git("rebase", "main", cwd=lane, check=False)
    picked = repo.git("rev-parse", "HEAD", cwd=lane)
    saved = await rescue(repo)
    await repo.port.remove(repo.lane(), saved.fingerprint)
    branch = repo.bring_back(saved)
    assert repo.git("merge-base", branch, picked) == picked


async def test_nested_repositories_are_moved_with_the_directory(repo: Scene) -> None:
    lane = await repo.provision()
    (lane / "nested").mkdir()
    repo.git("init", "-q", cwd=lane / "nested")
    write(lane / "nested" / "inner", "x\n")
    inner = repo.commit_all("inner", cwd=lane / "nested")
    write(lane / "new", "n\n")
    saved = await rescue(repo)
    assert saved.moved_to == str(repo.data / "rescue" / "lane_1" / "repo_1" / str(NOW) / "worktree")
    assert not lane.exists()
    removed = await repo.port.remove(repo.lane(), saved.fingerprint)
    assert removed.was_missing
    repo.assert_gone(lane)
    assert repo.git("rev-parse", "HEAD", cwd=Path(saved.moved_to) / "nested") == inner
    assert repo.git("show", f"{repo.bring_back(saved)}:new") == "n"


async def test_submodules_are_moved_with_their_git_directories(repo: Scene) -> None:
    source = repo.root / "source"
    repo.git("clone", "-q", str(repo.repo), str(source))
    repo.git("submodule", "--quiet", "add", str(source), "module")
    repo.commit_all("module")
    lane = await repo.provision()
    repo.git("submodule", "--quiet", "update", "--init", cwd=lane)
    inner = repo.commit_all("inside", cwd=lane / "module")
    saved = await rescue(repo)
    await repo.port.remove(repo.lane(), saved.fingerprint)
    assert saved.moved_to is not None
    assert (saved.admin_moved_to is not None) is (repo.mode == "worktree")
    module = Path(saved.admin_moved_to or f"{saved.moved_to}/.git") / "modules" / "module"
    files = Path(saved.moved_to) / "module"
    assert repo.git(f"--git-dir={module}", f"--work-tree={files}", "log", "-1", "--format=%H") == inner


@pytest.mark.only_mode("worktree")
async def test_a_locked_worktree_is_not_moved(repo: Scene) -> None:
    lane = await repo.provision()
    (lane / "nested").mkdir()
    repo.git("init", "-q", cwd=lane / "nested")
    repo.git("worktree", "lock", str(lane))
    with pytest.raises(GitRefusal) as refused:
        await rescue(repo)
    assert refused.value.code is RefusalCode.WORKTREE_LOCKED


@pytest.mark.parametrize("how", ["moved", "no repository any more", "part of another"])
async def test_a_repository_that_is_gone(repo: Scene, how: str) -> None:
    lane = await repo.provision()
    write(lane / "new", "n\n")
    if how == "moved":
        repo.repo.rename(repo.root / "moved")
    else:
        (repo.repo / ".git").rename(repo.root / "moved")
        if how == "part of another":
            repo.git("init", "-q", cwd=repo.root)
            repo.git("commit", "-q", "--allow-empty", "-m", "outer", cwd=repo.root)
    facts = await assess(repo)
    assert (facts.presence, facts.risks) == ("foreign", ("repository_missing",))
    assert (await refusal(repo, facts.fingerprint)).code is RefusalCode.WORK_WOULD_BE_LOST
    saved = await rescue(repo)
    assert saved == await rescue(repo)
    assert saved.moved_to is not None
    assert (Path(saved.moved_to) / "new").read_text() == "n\n"
    assert (await assess(repo)).risks == ()
    assert (await repo.port.remove(repo.lane(), saved.fingerprint)).was_missing
    assert await repo.port.list_rescues(repo.address) == (saved,)


@pytest.mark.only_mode("clone")
async def test_a_repository_that_is_gone_with_the_clone(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "n\n")
    loose = repo.commit_all("on the branch", cwd=lane)
    await assess(repo)
    lane.rename(repo.root / "deleted")
    repo.repo.rename(repo.root / "moved")
    facts = await assess(repo)
    assert (facts.presence, facts.risks) == ("missing", ("repository_missing",))
    assert (await refusal(repo, facts.fingerprint)).code is RefusalCode.WORK_WOULD_BE_LOST
    saved = await rescue(repo)
    assert saved.admin_moved_to is not None
    taken = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f"{saved.admin_moved_to}/taken"}
    assert repo.git("show", f"{loose}:new", cwd=repo.root / "moved", extra=taken) == "n"
    assert (await repo.port.remove(repo.lane(), saved.fingerprint)).was_missing
    assert not repo.store().exists()


async def test_rescues_are_listed(repo: Scene) -> None:
    assert await repo.port.list_rescues(repo.address) == ()
    lane = await repo.provision()
    write(lane / "new", "1\n")
    first = await rescue(repo)
    write(lane / "new", "2\n")
    second = await rescue(repo, NOW + 1)
    assert await repo.make_port().list_rescues(repo.address) == (first, second)
    (repo.repo).rename(repo.root / "moved")
    assert await repo.port.list_rescues(repo.address) == (first, second)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("point", ["saved", "recorded", "moved", "admin moved"])
async def test_a_cut_rescue_is_finished_by_a_repeat(repo: Scene, point: str, nested: bool) -> None:
    lane = await repo.provision()
    write(lane / "new", "n\n")
    if nested:
        (lane / "nested").mkdir()
        repo.git("init", "-q", cwd=lane / "nested")

    if nested or point in ("saved", "recorded"):
        with pytest.raises(CrashError):
            await repo.make_port(crash_at(point)).rescue(repo.lane(), "saved", NOW)
    saved = await repo.make_port().rescue(repo.lane(), "saved", NOW)
    assert (saved.moved_to is not None) is nested
    await repo.make_port().remove(repo.lane(), saved.fingerprint)
    repo.assert_gone(lane)
    assert repo.git("show", f"{repo.bring_back(saved)}:new") == "n"
    assert len(await repo.port.list_rescues(repo.address)) == 1


async def test_a_sha256_repository(scene: Scene) -> None:
    scene.make_repo("--object-format=sha256")
    lane = await scene.provision()
    write(lane / "new", "n\n")
    saved = await rescue(scene)
    await scene.port.remove(scene.lane(), saved.fingerprint)
    assert scene.git("show", f"{scene.bring_back(saved)}:new") == "n"


async def test_a_shallow_clone(repo: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit_all("second")
    repo.git("clone", "-q", "--depth=1", f"file://{repo.repo}", str(repo.root / "shallow"))
    monkeypatch.setattr(Scene, "repo", property(lambda scene: scene.root / "shallow"))
    lane = await repo.provision()
    write(lane / "new", "n\n")
    saved = await rescue(repo)
    await repo.port.remove(repo.lane(), saved.fingerprint)
    assert repo.git("show", f"{repo.bring_back(saved)}:new") == "n"
