"""A lane's worktree: made whole or not at all, and a worktree like any other for the agent's git."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import msgspec
import pytest

from adapters.git.scene import CrashError, Scene, crash_at, files_below, write, write_raw
from agentlanes.adapters.git.folders import remove_folder
from agentlanes.core.facts import WorktreeAddress, WorktreePlan
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


def plan(scene: Scene, name: str = "lane_1", **changes: object) -> WorktreePlan:
    made = WorktreePlan(scene.lane(name), scene.git("rev-parse", "HEAD"))
    return msgspec.structs.replace(made, **changes)


async def refusal(scene: Scene, wanted: WorktreePlan) -> GitRefusal:
    with pytest.raises(GitRefusal) as refused:
        await scene.port.provision(wanted)
    return refused.value


def state_of(scene: Scene) -> tuple[object, ...]:
    """What a refused provision may not have touched."""
    admins = scene.repo / ".git" / "worktrees"
    return scene.refs(), sorted(admins.iterdir()) if admins.exists() else [], (scene.root / "lanes" / "lane_1").exists()


async def test_the_agents_git_finds_a_clean_worktree_on_its_branch(repo: Scene) -> None:
    head = repo.git("rev-parse", "HEAD")
    facts = await repo.port.provision(plan(repo))
    lane = Path(facts.path)
    assert (facts.presence, facts.head_branch, facts.head_commit, facts.base_commit) == (
        "ok",
        "agent/lane_1",
        head,
        head,
    )
    assert files_below(lane) == files_below(repo.repo)
    assert repo.git("status", "--porcelain=v2", "--branch", cwd=lane).splitlines() == [
        f"# branch.oid {head}",
        "# branch.head agent/lane_1",
    ]
    listed = f"{lane}  {head[:7]} [agent/lane_1]" in repo.git("worktree", "list")
    assert listed is (repo.mode == "worktree")
    repo.git("worktree", "prune", "--expire=now")
    assert repo.git("rev-parse", "HEAD", cwd=lane) == head
    assert repo.git("fsck", "--strict") == ""
    write(lane / "new", "x\n")
    repo.commit_all("the agent's own", cwd=lane)
    assert repo.git("log", "--format=%s", "agent/lane_1", cwd=lane) == "the agent's own\nfirst"


async def test_the_index_is_fresh_for_the_agents_git(repo: Scene) -> None:
    lane = await repo.provision()
    # Plumbing that refreshes nothing: it would list every file whose stat data is unknown.
    assert repo.git("diff-files", "--name-only", cwd=lane) == ""


async def test_folders_are_for_this_user_only(repo: Scene) -> None:
    lane = await repo.provision()
    for folder in (lane, lane.parent, repo.data / "repos", repo.data / "repos" / "repo_1.git"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


async def test_modes_and_symlinks_are_checked_out(repo: Scene) -> None:
    write(repo.repo / "run.sh", "#!/bin/sh\n").chmod(0o755)
    (repo.repo / "link").symlink_to("/etc/hostname")
    repo.commit_all("modes")
    lane = await repo.provision()
    assert os.access(lane / "run.sh", os.X_OK)
    assert (lane / "link").readlink() == Path("/etc/hostname")
    assert repo.status(lane) == ""


async def test_the_base_survives_gc(repo: Scene) -> None:
    base = repo.commit_all("to be forgotten")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    await repo.port.provision(plan(repo, base_commit=base))
    repo.git("update-ref", "-d", "refs/heads/agent/lane_1")
    repo.git("symbolic-ref", "HEAD", "refs/heads/none", cwd=Path(repo.lane().path))
    repo.git("gc", "-q", "--prune=now")
    assert repo.git("cat-file", "-t", base) == "commit"
    assert (await repo.port.inspect_worktree(repo.lane())).base_commit == base


async def test_provision_again_changes_nothing(repo: Scene) -> None:
    first = await repo.port.provision(plan(repo))
    lane = Path(first.path)
    write(lane / "readme", "agent's\n")
    repo.git("checkout", "-q", "-b", "agents-own", cwd=lane)
    again = await repo.port.provision(plan(repo))
    assert (lane / "readme").read_text() == "agent's\n"
    assert again.head_branch == "agents-own"


async def test_many_lanes_at_once(repo: Scene) -> None:
    plans = [plan(repo, f"lane_{number}") for number in range(12)]
    facts = await asyncio.gather(*(repo.port.provision(wanted) for wanted in plans))
    assert {fact.head_branch for fact in facts} == {f"agent/lane_{number}" for number in range(12)}
    for fact in facts:
        assert repo.status(Path(fact.path)) == ""


async def test_a_sha256_repository(scene: Scene) -> None:
    scene.make_repo("--object-format=sha256")
    lane = await scene.provision()
    assert scene.status(lane) == ""


async def test_a_shallow_clone(repo: Scene) -> None:
    repo.commit_all("second")
    shallow = repo.root / "shallow"
    repo.git("clone", "-q", "--depth=1", f"file://{repo.repo}", str(shallow))
    address = msgspec.structs.replace(repo.address, repo_id="repo_2", path=str(shallow))
    lane = WorktreeAddress(address, "lane_2", str(repo.root / "lanes" / "two"), "two")
    await repo.port.provision(WorktreePlan(lane, repo.git("rev-parse", "HEAD")))
    write(Path(lane.path) / "new", "x\n")
    diff = await repo.port.diff(lane, "main")
    assert [file.path for file in diff.files] == ["new"]


async def test_a_repository_that_borrows_objects(repo: Scene) -> None:
    borrower = repo.root / "borrower"
    repo.git("clone", "-q", "--shared", str(repo.repo), str(borrower))
    write(borrower / ".git" / "objects" / "info" / "alternates", "../../../repo/.git/objects\n")
    address = msgspec.structs.replace(repo.address, repo_id="repo_2", path=str(borrower))
    lane = WorktreeAddress(address, "lane_2", str(repo.root / "lanes" / "two"), "two")
    await repo.port.provision(WorktreePlan(lane, repo.git("rev-parse", "HEAD")))
    assert repo.status(Path(lane.path)) == ""


async def test_paths_with_odd_names(scene: Scene) -> None:
    scene.repo.mkdir()
    scene.git("init", "-q")
    names = [b"new\nline", b'"quoted"', b"-dash", b"caf\xe9", b":(top)magic", b"*", "päth/ü".encode(), b"tab\t", b" "]
    for name in names:
        write_raw(scene.repo, name)
    scene.commit_all("odd")
    lane = await scene.provision()
    assert scene.status(lane) == ""
    assert {os.fsencode(path.relative_to(lane)) for path in lane.rglob("*") if path.is_file()} >= set(names)


async def test_a_repository_at_an_odd_path(scene: Scene) -> None:
    folder = scene.root / '"odd\n#path'
    folder.mkdir()
    scene.git("init", "-q", cwd=folder)
    write(folder / "a", "x\n")
    commit = scene.commit_all("first", cwd=folder)
    facts = await scene.port.inspect(str(folder))
    address = msgspec.structs.replace(scene.address, path=facts.top_level)
    lane = WorktreeAddress(address, "lane_1", str(scene.root / "lanes" / "one"), "one")
    await scene.port.provision(WorktreePlan(lane, commit))
    write(Path(lane.path) / "b", "y\n")
    assert [file.path for file in (await scene.port.diff(lane, "main")).files] == ["b"]


async def test_a_branch_of_someone_else(repo: Scene) -> None:
    repo.git("branch", "agent/lane_1")
    before = state_of(repo)
    found = await refusal(repo, plan(repo))
    assert found.code is RefusalCode.BRANCH_EXISTS
    assert state_of(repo) == before


@pytest.mark.parametrize(("existing", "wanted"), [("agent", "agent/lane_1"), ("agent/lane_1/sub", "agent/lane_1")])
async def test_a_branch_in_the_way(repo: Scene, existing: str, wanted: str) -> None:
    repo.git("branch", existing)
    before = state_of(repo)
    found = await refusal(repo, plan(repo))
    assert (found.code, found.details["existing"]) == (RefusalCode.BRANCH_EXISTS, existing)
    assert state_of(repo) == before


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "-d",
            "--force",
            "a..b",
            "a b",
            "a\nb",
            "a~1",
            "x.lock",
            "a/.b",
            "@",
            "HEAD",
            "a@{1}",
            "/a",
            "a/",
            "a//b",
        ),
        *("refs/heads/x", "a\\b", "a?", "a:b", "a^", "x.", '"\\q"', "a\x7f", "\ud800"),
    ],
)
async def test_names_that_no_branch_can_have(repo: Scene, name: str) -> None:
    before = state_of(repo)
    wanted = plan(repo, worktree=msgspec.structs.replace(repo.lane(), branch=name))
    assert (await refusal(repo, wanted)).code is RefusalCode.INVALID_BRANCH_NAME
    assert state_of(repo) == before


@pytest.mark.parametrize("name", ["feature/x", "ünïcode", "$(x)", "`x`", "a;b", "a&b", "'q'", "%s", "a|b", "#1"])
async def test_odd_names_that_a_branch_can_have(repo: Scene, name: str) -> None:
    facts = await repo.port.provision(plan(repo, worktree=msgspec.structs.replace(repo.lane(), branch=name)))
    assert facts.head_branch == name
    assert repo.git("symbolic-ref", "--short", "HEAD", cwd=Path(facts.path)) == name


@pytest.mark.parametrize("base", ["main", "", "-x", "0" * 40, "HEAD", "deadbeef"])
async def test_a_base_that_is_no_commit(repo: Scene, base: str) -> None:
    before = state_of(repo)
    assert (await refusal(repo, plan(repo, base_commit=base))).code is RefusalCode.COMMIT_NOT_FOUND
    assert state_of(repo) == before


async def test_a_tree_is_no_base(repo: Scene) -> None:
    tree = repo.git("rev-parse", "HEAD^{tree}")
    assert (await refusal(repo, plan(repo, base_commit=tree))).code is RefusalCode.COMMIT_NOT_FOUND


async def test_a_folder_that_is_in_use(repo: Scene) -> None:
    mine = write(repo.root / "lanes" / "lane_1" / "mine", "mine\n")
    before = state_of(repo)
    assert (await refusal(repo, plan(repo))).code is RefusalCode.PATH_IN_USE
    assert state_of(repo) == before
    assert mine.read_text() == "mine\n"


@pytest.mark.parametrize("kind", ["file", "symlink", "dangling"])
async def test_a_path_that_is_no_folder(repo: Scene, kind: str) -> None:
    path = repo.root / "lanes" / "lane_1"
    path.parent.mkdir()
    if kind == "file":
        write(path, "x")
    else:
        path.symlink_to(repo.home if kind == "symlink" else repo.root / "nowhere")
    assert (await refusal(repo, plan(repo))).code is RefusalCode.PATH_IN_USE


async def test_an_empty_folder_is_taken(repo: Scene) -> None:
    (repo.root / "lanes" / "lane_1").mkdir(parents=True)
    assert (await repo.port.provision(plan(repo))).presence == "ok"


async def test_parents_may_be_symlinks(repo: Scene) -> None:
    (repo.root / "real").mkdir()
    (repo.root / "lanes").symlink_to(repo.root / "real")
    facts = await repo.port.provision(plan(repo))
    assert facts.path == str(repo.root / "real" / "lane_1")
    assert repo.status(Path(facts.path)) == ""


@pytest.mark.parametrize("path", ["relative", "/", "/a\nb", "/tmp/.."])
async def test_a_path_that_cannot_be_a_worktree(repo: Scene, path: str) -> None:
    wanted = plan(repo, worktree=msgspec.structs.replace(repo.lane(), path=path))
    assert (await refusal(repo, wanted)).code is RefusalCode.PATH_NOT_ABSOLUTE


async def test_an_adopted_branch_is_checked_out_where_it_is(repo: Scene) -> None:
    base = repo.git("rev-parse", "HEAD")
    repo.git("branch", "agent/lane_1")
    tip = repo.git("commit-tree", "-p", base, "-m", "more", f"{base}^{{tree}}")
    repo.git("update-ref", "refs/heads/agent/lane_1", tip)
    facts = await repo.port.provision(plan(repo, adopt_branch=True))
    assert (facts.head_commit, facts.base_commit) == (tip, base)
    assert repo.status(Path(facts.path)) == ""


async def test_a_branch_that_cannot_be_adopted(repo: Scene) -> None:
    assert (await refusal(repo, plan(repo, adopt_branch=True))).code is RefusalCode.BRANCH_NOT_FOUND
    repo.git("checkout", "-q", "-b", "agent/lane_1")
    found = await refusal(repo, plan(repo, adopt_branch=True))
    assert (found.code, found.details["worktree"]) == (RefusalCode.BRANCH_CHECKED_OUT, str(repo.repo))


async def test_a_failed_checkout_leaves_nothing(repo: Scene) -> None:
    """The base lacks a blob, as in a partial clone."""
    blob = repo.git("rev-parse", "HEAD:src/a.txt")
    (repo.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    before = state_of(repo)
    found = await refusal(repo, plan(repo))
    assert found.code is RefusalCode.GIT_FAILED
    assert state_of(repo) == before
    repo.git("config", "extensions.partialClone", "origin")
    assert (await refusal(repo, plan(repo))).code is RefusalCode.REPO_UNREADABLE


async def test_a_cancelled_provision_leaves_nothing(repo: Scene) -> None:
    before = state_of(repo)
    begun = asyncio.Event()
    port = repo.make_port(lambda point: begun.set() if point == "linked" else None)
    running = asyncio.ensure_future(port.provision(plan(repo)))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert state_of(repo) == before


async def test_what_is_at_the_path_is_told(repo: Scene) -> None:
    assert (await repo.port.inspect_worktree(repo.lane())).presence == "missing"
    lane = await repo.provision()
    repo.git("checkout", "-q", "--detach", cwd=lane)
    facts = await repo.port.inspect_worktree(repo.lane())
    assert (facts.presence, facts.head_branch, facts.head_commit) == ("ok", None, repo.git("rev-parse", "main"))
    if repo.mode == "worktree":
        repo.git("worktree", "lock", str(lane))
    assert (await repo.port.inspect_worktree(repo.lane())).locked is (repo.mode == "worktree")


@pytest.mark.parametrize(
    "trick", ["no .git", "other .git", ".git symlink", ".git folder", "file", "symlink", "other gitdir"]
)
async def test_a_worktree_that_was_replaced_is_foreign(repo: Scene, trick: str) -> None:
    if repo.mode == "clone" and trick in ("other .git", ".git folder", "other gitdir"):
        pytest.skip("a clone has a .git folder of its own")
    lane = await repo.provision()
    other = await repo.provision("lane_2")
    if trick == "no .git":
        remove_folder(lane / ".git")
    elif trick == "other .git":
        (lane / ".git").write_bytes((other / ".git").read_bytes())
    elif trick == ".git symlink":
        (lane / ".git").rename(lane / "real")
        (lane / ".git").symlink_to("real")
    elif trick == ".git folder":
        (lane / ".git").unlink()
        repo.git("init", "-q", cwd=lane)
    elif trick == "other gitdir":
        write(repo.repo / ".git" / "worktrees" / "lane_1" / "gitdir", f"{other}/.git\n")
    else:
        lane.rename(lane.with_name("away"))
        if trick == "file":
            write(lane, "x")
        else:
            lane.symlink_to("away")
    assert (await repo.port.inspect_worktree(repo.lane())).presence == "foreign"
    for call in (repo.port.snapshot(repo.lane()), repo.port.merge(repo.plan_merge())):
        with pytest.raises(GitRefusal) as refused:
            await call
        assert refused.value.code is RefusalCode.WORKTREE_FOREIGN


async def test_a_crash_in_the_middle_is_finished_by_a_repeat(repo: Scene) -> None:
    for number, point in enumerate(("branch", "directory", "linked", "checked out", "index")):
        wanted = plan(repo, f"lane_{number}")
        with pytest.raises(CrashError):
            await repo.make_port(crash_at(point)).provision(wanted)
        facts = await repo.make_port().provision(wanted)
        assert (facts.presence, facts.head_branch) == ("ok", f"agent/lane_{number}"), point
        assert repo.status(Path(facts.path)) == "", point
        assert files_below(Path(facts.path)) == files_below(repo.repo), point


@pytest.mark.only_mode("worktree")
async def test_a_half_written_git_file_is_no_obstacle(repo: Scene) -> None:
    write(repo.root / "lanes" / "lane_1" / ".git", "gitdir: ")
    assert (await repo.port.provision(plan(repo))).presence == "ok"
