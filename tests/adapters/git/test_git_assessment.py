"""What would be lost with a worktree: everything that only its files or its git directory hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.git.scene import NOW, Scene, write
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


async def test_a_fresh_lane_holds_nothing(repo: Scene) -> None:
    await repo.provision()
    facts = await assess(repo)
    assert (facts.presence, facts.risks, facts.branch_unmerged) == ("ok", (), 0)
    assert facts.branch_commit == repo.git("rev-parse", "main")


async def test_changes_and_untracked_files(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "readme", "changed\n")
    (lane / "src" / "a.txt").unlink()
    write(lane / "new", "x\n")
    write(lane / "staged", "x\n")
    repo.git("add", "staged", cwd=lane)
    facts = await assess(repo)
    assert facts.risks == ("uncommitted", "untracked")
    assert facts.uncommitted == ("readme", "src/a.txt", "staged")
    assert facts.untracked == ("new",)


async def test_ignored_files_are_counted(repo: Scene) -> None:
    write(repo.repo / ".gitignore", "*.log\nbuild/\n")
    repo.commit_all("ignore")
    lane = await repo.provision()
    for name in ("a.log", "b.log", "build/x", "build/y"):
        write(lane / name, "x\n")
    facts = await assess(repo)
    assert (facts.risks, facts.ignored_entries) == ((), 3)


async def test_committed_work_stays_with_its_branch(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "x\n")
    await repo.commit_lane()
    facts = await assess(repo)
    assert (facts.risks, facts.branch_unmerged) == ((), 1)
    assert (await assess(repo, None)).branch_unmerged is None
    assert (await assess(repo, "nope")).branch_unmerged is None


async def test_long_lists_are_cut(repo: Scene) -> None:
    lane = await repo.provision()
    for number in range(1100):
        write(lane / f"{number}", "x\n")
    facts = await assess(repo)
    assert (len(facts.untracked), facts.untracked_total) == (1000, 1100)


async def test_a_detached_head_with_commits(repo: Scene) -> None:
    lane = await repo.provision()
    repo.git("checkout", "-q", "--detach", cwd=lane)
    assert (await assess(repo)).risks == ()
    loose = repo.commit_all("loose", cwd=lane)
    facts = await assess(repo)
    assert (facts.risks, facts.unreferenced_commits) == (("unreferenced_commits",), (loose,))
    if repo.mode == "worktree":
        repo.git("tag", "kept", loose)
    else:
        repo.git("fetch", "-q", str(lane), f"{loose}:refs/tags/kept")
    assert (await assess(repo)).risks == ()


async def test_commits_that_were_left_behind(repo: Scene) -> None:
    """A detached HEAD went back to the branch: only HEAD's own log, which goes with the worktree, knows the commits."""
    lane = await repo.provision()
    repo.git("checkout", "-q", "--detach", cwd=lane)
    write(lane / "new", "x\n")
    repo.commit_all("one", cwd=lane)
    loose = repo.commit_all("two", cwd=lane)
    repo.git("checkout", "-q", "agent/lane_1", cwd=lane)
    assert (await assess(repo)).unreferenced_commits == (loose,)


async def test_amended_commits_stay_in_the_branchs_log(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "x\n")
    repo.commit_all("one", cwd=lane)
    first = repo.git("rev-parse", "HEAD", cwd=lane)
    repo.git("commit", "-q", "--amend", "-m", "better", cwd=lane)
    # A clone's log goes with the clone.
    assert (await assess(repo)).unreferenced_commits == (() if repo.mode == "worktree" else (first,))


async def test_staged_content_that_no_file_holds(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "readme", "staged\n")
    write(lane / "both", "same\n")
    repo.git("add", "readme", "both", cwd=lane)
    write(lane / "readme", "hello\n")
    assert (await assess(repo)).risks == ("uncommitted", "staged")


@pytest.mark.parametrize("operation", ["merge", "rebase"])
async def test_an_operation_under_way(repo: Scene, operation: str) -> None:
    write(repo.repo / "readme", "main\n")
    repo.commit_all("main")
    lane = await repo.provision(base=repo.git("rev-parse", "HEAD~1"))
    write(lane / "readme", "lane\n")
    repo.commit_all("lane", cwd=lane)
    repo.bring("main", lane)
    repo.git(operation, "main", cwd=lane, check=False)
    facts = await assess(repo)
    assert facts.operation == operation
    assert "operation" in facts.risks


async def test_nested_repositories(repo: Scene) -> None:
    write(repo.repo / ".gitignore", "vendor/\n")
    repo.commit_all("ignore")
    lane = await repo.provision()
    for name in ("nested", "src", "deep/er", "vendor/lib"):
        (lane / name).mkdir(parents=True, exist_ok=True)
        repo.git("init", "-q", cwd=lane / name)
    facts = await assess(repo)
    assert [(nested.path, nested.submodule) for nested in facts.nested] == [
        ("deep/er", False),
        ("nested", False),
        ("src", False),
    ]
    assert "nested_repository" in facts.risks


async def test_a_submodule_is_a_nested_repository(repo: Scene) -> None:
    source = repo.root / "source"
    repo.git("clone", "-q", str(repo.repo), str(source))
    repo.git("submodule", "--quiet", "add", str(source), "module")
    repo.commit_all("module")
    lane = await repo.provision()
    assert (await assess(repo)).risks == (), "not populated"
    repo.git("submodule", "--quiet", "update", "--init", cwd=lane)
    facts = await assess(repo)
    assert [(nested.path, nested.submodule) for nested in facts.nested] == [("module", True)]
    assert facts.risks[0] == "nested_repository"


async def test_what_no_commit_can_hold(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / ".GIT" / "x", "x\n")
    write(lane / "odd" / ".git" / "notes", "x\n")
    (lane / "empty" / ".git").mkdir(parents=True)
    facts = await assess(repo)
    assert [(skip.path, skip.reason) for skip in facts.unstorable] == [
        (".GIT/x", "forbidden_name"),
        ("odd/.git", "forbidden_name"),
    ]
    assert facts.risks == ("unstorable",)


async def test_what_nobody_may_read(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "closed" / "x", "x\n")
    write(lane / "secret", "x\n").chmod(0)
    (lane / "closed").chmod(0)
    if os.access(lane / "secret", os.R_OK):
        (lane / "closed").chmod(0o700)
        pytest.skip("this user reads everything")
    facts = await assess(repo)
    assert {(skip.path, skip.reason) for skip in facts.unstorable} == {
        ("closed", "unreadable"),
        ("secret", "unreadable"),
    }
    saved = await rescue(repo)
    assert saved.moved_to is not None
    (Path(saved.moved_to) / "closed").chmod(0o700)
    assert (Path(saved.moved_to) / "closed" / "x").read_text() == "x\n"


@pytest.mark.only_mode("worktree")
async def test_a_locked_worktree(repo: Scene) -> None:
    lane = await repo.provision()
    repo.git("worktree", "lock", "--reason", "on a stick", str(lane))
    facts = await assess(repo)
    assert (facts.risks, facts.locked_reason) == (("locked",), "on a stick")
    assert (await refusal(repo, facts.fingerprint)).code is RefusalCode.WORKTREE_LOCKED


@pytest.mark.parametrize("damage", ["missing", "garbage"])
async def test_an_index_that_cannot_be_read(repo: Scene, damage: str) -> None:
    await repo.provision()
    index = repo.admin() / "index"
    index.unlink()
    if damage == "garbage":
        write(index, "garbage" * 100)
    assert (await assess(repo)).risks == ("index_unreadable",)
    saved = await rescue(repo)
    assert saved.moved_to is not None
    await repo.port.remove(repo.lane(), saved.fingerprint)


async def test_the_fingerprint_changes_with_the_work(repo: Scene) -> None:
    lane = await repo.provision()
    seen = [(await assess(repo)).fingerprint]

    async def differs() -> None:
        seen.append((await assess(repo)).fingerprint)
        assert len(set(seen)) == len(seen)
        assert (await repo.make_port().assess(repo.lane())).fingerprint == seen[-1], "also for a new server"

    write(lane / "new", "1\n")
    await differs()
    write(lane / "new", "2\n")
    await differs()
    repo.git("add", "new", cwd=lane)
    write(lane / "new", "3\n")
    await differs()
    repo.git("checkout", "-q", "--detach", cwd=lane)
    await differs()
    repo.commit_all("loose", cwd=lane)
    await differs()
    (lane / "nested").mkdir()
    repo.git("init", "-q", cwd=lane / "nested")
    await differs()
