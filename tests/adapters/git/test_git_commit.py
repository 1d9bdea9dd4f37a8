"""Commits of a lane's working tree, made once whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import msgspec
import pytest

from adapters.git.scene import AUTHOR, NOW, CrashError, Scene, crash_at, write
from agentlanes.core.facts import CommitFacts, CommitPlan, Identity
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def refusal(scene: Scene, plan: CommitPlan) -> GitRefusal:
    with pytest.raises(GitRefusal) as refused:
        await scene.port.commit(plan)
    return refused.value


async def commit(scene: Scene, message: str = "work") -> CommitFacts:
    head = scene.git("rev-parse", "agent/lane_1")
    return await scene.port.commit(scene.plan_commit(head, message))


async def test_everything_is_committed_and_the_agents_status_is_clean(repo: Scene) -> None:
    base = repo.git("rev-parse", "HEAD")
    lane = await repo.provision()
    write(lane / "readme", "changed\n")
    write(lane / "new", "n\n")
    (lane / "src" / "a.txt").unlink()
    repo.git("add", "new", cwd=lane)
    made = await commit(repo, "a title\n\nA body.\n")
    assert made.parent == base
    assert repo.git("log", "-1", "--format=%H %P|%an|%ae|%at|%cn|%ce|%ct|%B", "agent/lane_1").strip() == (
        f"{made.commit} {base}|{AUTHOR.name}|{AUTHOR.email}|{NOW}|{AUTHOR.name}|{AUTHOR.email}|{NOW}|a title\n\nA body."
    )
    assert repo.git("diff", "--name-status", base, made.commit) == "A\tnew\nM\treadme\nD\tsrc/a.txt"
    assert repo.status(lane) == ""
    assert repo.git("diff-files", "--name-only", cwd=lane) == "", "with fresh stat data"
    assert repo.git("fsck", "--strict", "--no-dangling") == ""
    assert repo.git("reflog", "-1", "--format=%gs", "HEAD", cwd=lane) == "commit: a title"
    assert repo.git("reflog", "-1", "--format=%gs", "agent/lane_1", cwd=lane) == "commit: a title"


async def test_an_index_that_leads_elsewhere_is_not_written_there(repo: Scene, tmp_path: Path) -> None:
    lane = await repo.provision()
    write(lane / "readme", "changed\n")
    write(tmp_path / "precious", "mine\n")
    index = Path(repo.git("rev-parse", "--absolute-git-dir", cwd=lane)) / "index"
    index.unlink()
    index.symlink_to(tmp_path / "precious")
    # A clone's index is no link at any time, so one that is a link now is taken for changed meanwhile.
    with contextlib.suppress(GitRefusal):
        await commit(repo)
    assert (tmp_path / "precious").read_text() == "mine\n"


async def test_the_users_repository_holds_all_of_it(repo: Scene) -> None:
    """Nothing of the commit may depend on our object directory."""
    lane = await repo.provision()
    write(lane / "deep" / "er" / "new", "n\n")
    await repo.port.snapshot(repo.lane())
    made = await commit(repo)
    (repo.data / "repos").rename(repo.data / "gone")
    assert repo.git("fsck", "--full", "--strict") == ""
    assert repo.git("show", f"{made.commit}:deep/er/new") == "n"


async def test_a_large_commit_arrives_as_a_pack(repo: Scene) -> None:
    lane = await repo.provision()
    for number in range(400):
        write(lane / "many" / f"{number}", f"{number}\n")
    await commit(repo)
    assert repo.git("fsck", "--full", "--strict") == ""
    assert list((repo.repo / ".git" / "objects" / "pack").glob("*.pack"))


async def test_the_same_plan_gives_the_same_commit(repo: Scene) -> None:
    base = repo.git("rev-parse", "HEAD")
    for name in ("lane_1", "lane_2"):
        lane = await repo.provision(name, base)
        write(lane / "new", "n\n")
    plans = [repo.plan_commit(base, name=name) for name in ("lane_1", "lane_2")]
    made = [(await repo.port.commit(plan)).commit for plan in plans]
    assert made[0] == made[1]


async def test_nothing_to_commit(repo: Scene) -> None:
    lane = await repo.provision()
    head = repo.git("rev-parse", "HEAD")
    assert (await refusal(repo, repo.plan_commit(head))).code is RefusalCode.NOTHING_TO_COMMIT
    write(lane / "new", "n\n")
    repo.git("add", "new", cwd=lane)
    (lane / "new").unlink()
    assert (await refusal(repo, repo.plan_commit(head))).code is RefusalCode.NOTHING_TO_COMMIT


async def test_someone_committed_meanwhile(repo: Scene) -> None:
    head = repo.git("rev-parse", "HEAD")
    lane = await repo.provision()
    write(lane / "new", "n\n")
    theirs = repo.commit_all("the agent was faster", cwd=lane)
    write(lane / "newer", "n\n")
    found = await refusal(repo, repo.plan_commit(head))
    assert (found.code, found.details["head_commit"]) == (RefusalCode.STALE, theirs)
    assert (await refusal(repo, repo.plan_commit("0" * 40))).code is RefusalCode.STALE


async def test_someone_commits_between_our_steps(repo: Scene) -> None:
    head = repo.git("rev-parse", "HEAD")
    lane = await repo.provision()
    write(lane / "new", "n\n")

    def interfere(point: str) -> None:
        if point == "index":
            repo.git("update-ref", "refs/heads/agent/lane_1", tip, cwd=lane)

    tip = repo.git("commit-tree", "-p", head, "-m", "theirs", f"{head}^{{tree}}", cwd=lane)
    with pytest.raises(GitRefusal) as refused:
        await repo.make_port(interfere).commit(repo.plan_commit(head))
    assert refused.value.code is RefusalCode.STALE
    assert repo.git("rev-parse", "agent/lane_1", cwd=lane) == tip
    assert (lane / "new").read_text() == "n\n"
    assert repo.status(lane) == "A  new", "the worst that an agent sees is that its work is staged"


@pytest.mark.parametrize("where", ["detached", "other"])
async def test_a_head_that_is_elsewhere(repo: Scene, where: str) -> None:
    head = repo.git("rev-parse", "HEAD")
    lane = await repo.provision()
    repo.git("checkout", "-q", *(["--detach"] if where == "detached" else ["-b", "other"]), cwd=lane)
    write(lane / "new", "n\n")
    found = await refusal(repo, repo.plan_commit(head))
    assert found.code is RefusalCode.HEAD_NOT_ON_BRANCH
    assert found.details["head_branch"] == (None if where == "detached" else "other")


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry_pick", "revert", "bisect"])
async def test_an_operation_under_way(repo: Scene, operation: str) -> None:
    write(repo.repo / "readme", "main\n")
    repo.commit_all("main")
    lane = await repo.provision(base=repo.git("rev-parse", "HEAD~1"))
    write(lane / "readme", "lane\n")
    repo.commit_all("lane", cwd=lane)
    repo.bring("main", lane)
    command = {
        "merge": ["merge", "main"],
        "rebase": ["rebase", "main"],
        "cherry_pick": ["cherry-pick", "main"],
        "revert": ["revert", "--no-edit", "main"],
        "bisect": ["bisect", "start"],
    }[operation]
    repo.git(*command, cwd=lane, check=False)
    found = await refusal(repo, repo.plan_commit(repo.git("rev-parse", "agent/lane_1", cwd=lane)))
    assert (found.code, found.details["operation"]) == (RefusalCode.OPERATION_IN_PROGRESS, operation)
    facts = await repo.port.inspect_worktree(repo.lane())
    assert facts.operation == operation


async def test_conflicts_that_nobody_resolved(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "readme", "stashed\n")
    repo.git("stash", cwd=lane)
    write(lane / "readme", "committed\n")
    head = (await commit(repo)).commit
    repo.git("stash", "apply", cwd=lane, check=False)
    found = await refusal(repo, repo.plan_commit(head))
    assert (found.code, found.details["paths"]) == (RefusalCode.OPERATION_IN_PROGRESS, ["readme"])


async def test_an_index_that_stays_locked(repo: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentlanes.adapters.git.index_lock.TRIES", 2)
    head = repo.git("rev-parse", "HEAD")
    lane = await repo.provision()
    write(lane / "new", "n\n")
    lock = write(repo.admin() / "index.lock", "")
    found = await refusal(repo, repo.plan_commit(head))
    assert (found.code, found.details["path"]) == (RefusalCode.INDEX_LOCKED, str(lock))
    assert repo.git("rev-parse", "agent/lane_1") == head
    lock.unlink()
    assert (await commit(repo)).parent == head


async def test_an_index_that_is_locked_for_a_moment(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "n\n")
    lock = write(repo.admin() / "index.lock", "")
    asyncio.get_running_loop().call_later(0.3, lock.unlink)
    await commit(repo)
    assert repo.status(lane) == ""


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("", "a@b"),
        ("  ", "a@b"),
        ("x", ""),
        ("a<b", "a@b"),
        ("a\nb", "a@b"),
        ("x", "a>b"),
        ("a\0b", "c"),
        ("...", "a@b"),
    ],
)
async def test_identities_that_git_cannot_write(repo: Scene, name: str, email: str) -> None:
    await repo.provision()
    plan = msgspec.structs.replace(repo.plan_commit(repo.git("rev-parse", "HEAD")), author=Identity(name, email))
    assert (await refusal(repo, plan)).code is RefusalCode.INVALID_IDENTITY


@pytest.mark.parametrize("message", ["", "# not a comment", "ünï\ncödé\r\n", "-F x", "tail \ud800", "nul\0nul"])
async def test_any_message(repo: Scene, message: str) -> None:
    lane = await repo.provision()
    write(lane / "new", "n\n")
    made = await commit(repo, message)
    raw = repo.git_bytes("cat-file", "commit", made.commit).split(b"\n\n", 1)[1]
    assert raw.rstrip(b"\n") == message.replace("\0", "").encode("utf-8", "replace").rstrip(b"\n")


async def test_filtered_files_are_left_to_the_agents_git(repo: Scene) -> None:
    repo.git("config", "filter.big.clean", "sed s/big/pointer/")
    head = repo.git("rev-parse", "HEAD")
    lane = await repo.provision()
    write(lane / ".gitattributes", "*.bin filter=big\n")
    write(lane / "a.bin", "big\n")
    found = await refusal(repo, repo.plan_commit(head))
    assert (found.code, found.details["paths"]) == (RefusalCode.FILTER_REQUIRED, ["a.bin"])
    (lane / "a.bin").unlink()
    assert (await commit(repo)).parent == head, "the attribute alone is no obstacle"


async def test_skipped_paths_are_told(repo: Scene) -> None:
    lane = await repo.provision()
    (lane / "nested").mkdir()
    repo.git("init", "-q", cwd=lane / "nested")
    write(lane / "new", "n\n")
    made = await commit(repo)
    assert [skip.path for skip in made.skipped] == ["nested"]
    assert repo.git("ls-tree", "--name-only", made.commit).split() == ["new", "readme", "src"]


async def test_a_sha256_repository(scene: Scene) -> None:
    scene.make_repo("--object-format=sha256")
    lane = await scene.provision()
    write(lane / "new", "n\n")
    assert len((await commit(scene)).commit) == 64
    assert scene.git("fsck", "--full") == ""


@pytest.mark.parametrize("point", ["published", "index", "branch"])
@pytest.mark.parametrize("meanwhile", ["nothing", "more work"])
async def test_a_crash_in_the_middle_is_finished_by_a_repeat(repo: Scene, point: str, meanwhile: str) -> None:
    base = repo.git("rev-parse", "HEAD")
    lane = await repo.provision()
    write(lane / "new", "n\n")

    plan = repo.plan_commit(base)
    with pytest.raises(CrashError):
        await repo.make_port(crash_at(point)).commit(plan)
    if meanwhile == "more work":
        write(lane / "newer", "n\n")
    made = await repo.make_port().commit(plan)
    assert repo.git("rev-list", "agent/lane_1", f"^{base}") == made.commit, "one commit"
    assert (await repo.make_port().commit(plan)).commit == made.commit
    files = repo.git("ls-tree", "--name-only", made.commit).split()
    assert "new" in files
    assert repo.status(lane) == ("" if meanwhile == "nothing" or "newer" in files else "?? newer")


async def test_commits_of_many_lanes_at_once(repo: Scene) -> None:
    base = repo.git("rev-parse", "HEAD")
    names = [f"lane_{number}" for number in range(8)]
    for name in names:
        write(await repo.provision(name, base) / name, "x\n")
    made = await asyncio.gather(*(repo.port.commit(repo.plan_commit(base, name=name)) for name in names))
    for name, facts in zip(names, made, strict=True):
        assert repo.git("rev-parse", f"agent/{name}") == facts.commit
        assert repo.status(Path(repo.lane(name).path)) == ""
