"""A merge into a branch that is checked out moves those files, and none that the user made or changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.git.scene import AUTHOR, NOW, Scene, files_below, write
from agentlanes.core.facts import MergeFacts, MergePlan
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


async def test_the_checkout_of_the_target_is_brought_along(repo: Scene) -> None:
    base = repo.git("rev-parse", "HEAD")
    lane = await lane_with_work(repo)
    source = repo.git("rev-parse", "HEAD", cwd=lane)
    merged = await repo.port.merge(repo.plan_merge())
    assert merged == MergeFacts(merged.commit, "main", base, source, True, ("new", "readme"), str(repo.repo))
    assert repo.git("log", "-1", "--format=%H %P|%an|%ae|%ct|%s", "main") == (
        f"{merged.commit} {base} {source}|{AUTHOR.name}|{AUTHOR.email}|{NOW}|Merge lane_1"
    )
    assert repo.status() == ""
    assert repo.git("diff-files", "--name-only") == ""
    assert (repo.repo / "new").read_text() == "n\n"
    assert repo.git("fsck", "--full", "--strict", "--no-dangling") == ""
    assert repo.git("reflog", "-1", "--format=%gs", "HEAD") == "merge agent/lane_1: agentlanes"


async def test_a_target_that_is_checked_out_in_a_linked_worktree(repo: Scene) -> None:
    other = repo.root / "other"
    repo.git("worktree", "add", "-q", str(other), "-b", "release")
    await lane_with_work(repo)
    merged = await repo.port.merge(repo.plan_merge("release"))
    assert merged.updated_worktree == str(other)
    assert repo.status(other) == ""
    assert (other / "new").exists()
    assert not (repo.repo / "new").exists()


@pytest.mark.parametrize(
    "change", ["modified", "staged", "staged and reverted", "deleted", "new staged", "mode", "conflict", "hidden"]
)
async def test_a_checkout_with_changes_of_its_own(repo: Scene, change: str) -> None:
    await lane_with_work(repo, {"readme": "lane\n"})
    path = repo.repo / "readme"
    expected = "readme"
    if change in ("modified", "staged", "staged and reverted", "hidden"):
        if change == "hidden":
            repo.git("update-index", "--assume-unchanged", "readme")
        write(path, "user's\n")
        if change.startswith("staged"):
            repo.git("add", "readme")
        if change == "staged and reverted":
            write(path, "hello\n")
    elif change == "deleted":
        path.unlink()
    elif change == "new staged":
        expected = "mine"
        write(repo.repo / "mine", "x\n")
        repo.git("add", "mine")
    elif change == "mode":
        path.chmod(0o755)
    else:
        write(path, "stash\n")
        repo.git("stash")
        write(path, "commit\n")
        repo.commit_all("commit")
        repo.git("stash", "apply", check=False)
        repo.git("branch", "release", "HEAD~1")
        expected = ""
    before = state_of(repo)
    found = await refusal(repo)
    if change == "conflict":
        assert found.code in (RefusalCode.MERGE_CONFLICT, RefusalCode.TARGET_CHECKED_OUT_DIRTY)
    else:
        assert found.code is RefusalCode.TARGET_CHECKED_OUT_DIRTY
        assert found.details["worktree"] == str(repo.repo)
        assert found.details["paths"] == ([] if change == "hidden" else [expected])
    assert state_of(repo) == before


@pytest.mark.parametrize(
    "kind", ["untracked", "ignored", "folder", "ignored folder", "parent", "ignored parent", "link"]
)
async def test_files_in_the_way_of_new_ones(repo: Scene, kind: str) -> None:
    """Also ignored files, which plain `git merge` overwrites."""
    write(repo.repo / ".gitignore", "new\n")
    repo.commit_all("ignore")
    lane = await repo.provision()
    name = "new/inner" if "parent" in kind or kind == "link" else "new"
    if "ignored" not in kind:
        write(repo.repo / ".git" / "info" / "exclude", "!new\n")
        write(lane / ".gitignore", "")
        write(repo.repo / ".gitignore", "")
        repo.commit_all("no ignore")
    write(lane / name, "lane's\n")
    repo.git("add", "-f", name, cwd=lane)
    await repo.commit_lane()
    if kind in ("untracked", "ignored", "parent", "ignored parent"):
        write(repo.repo / "new", "user's\n")
    elif kind == "link":
        (repo.repo / "new").symlink_to(repo.home)
    else:
        write(repo.repo / "new" / "precious", "user's\n")
    before = state_of(repo)
    found = await refusal(repo)
    assert found.code is RefusalCode.TARGET_CHECKED_OUT_DIRTY
    assert found.details["paths"] == ["new"]
    assert state_of(repo) == before
    assert not (repo.home / "inner").exists()


async def test_files_that_are_in_nobodys_way(repo: Scene) -> None:
    write(repo.repo / ".gitignore", "*.log\n")
    repo.commit_all("ignore")
    await lane_with_work(repo)
    write(repo.repo / "untracked", "user's\n")
    write(repo.repo / "a.log", "user's\n")
    await repo.port.merge(repo.plan_merge())
    assert repo.status() == "?? untracked"
    assert (repo.repo / "a.log").read_text() == "user's\n"


async def test_a_touched_file_is_not_a_changed_one(repo: Scene) -> None:
    await lane_with_work(repo)
    os.utime(repo.repo / "readme", (1, 1))
    await repo.port.merge(repo.plan_merge())
    assert repo.status() == ""


async def test_files_that_already_are_as_the_merge_makes_them(repo: Scene) -> None:
    await lane_with_work(repo)
    write(repo.repo / "new", "n\n")
    write(repo.repo / "readme", "changed\n")
    await repo.port.merge(repo.plan_merge())
    assert repo.status() == ""


async def test_deletions_renames_modes_and_links(repo: Scene) -> None:
    write(repo.repo / "gone", "x\n")
    write(repo.repo / "folder" / "x", "x\n")
    write(repo.repo / "plain", "x\n")
    repo.commit_all("more")
    lane = await repo.provision()
    (lane / "gone").unlink()
    (lane / "readme").rename(lane / "renamed")
    (lane / "folder" / "x").unlink()
    (lane / "folder").rmdir()
    write(lane / "folder", "now a file\n")
    (lane / "plain").unlink()
    write(lane / "plain" / "inner", "now a folder\n")
    (lane / "link").symlink_to("renamed")
    write(lane / "run", "#!/bin/sh\n").chmod(0o755)
    await repo.commit_lane()
    await repo.port.merge(repo.plan_merge())
    assert repo.status() == ""
    assert files_below(repo.repo) == files_below(lane)
    assert os.access(repo.repo / "run", os.X_OK)
    assert (repo.repo / "link").readlink() == Path("renamed")


async def test_an_obstacle_that_only_git_sees(repo: Scene) -> None:
    """The user hid a change from git's own comparison; what was staged for the merge by then is taken back."""
    await lane_with_work(repo, {"readme": "lane\n", "src/a.txt": "lane\n", "new": "n\n"})
    repo.git("update-index", "--assume-unchanged", "readme")
    write(repo.repo / "readme", "user's\n")
    write(repo.repo / "src" / "a.txt", "lane\n")
    write(repo.repo / "new", "n\n")
    before = (repo.refs(), files_below(repo.repo), repo.status(), repo.git("ls-files", "--stage"))
    assert (await refusal(repo)).code is RefusalCode.TARGET_CHECKED_OUT_DIRTY
    assert (repo.refs(), files_below(repo.repo), repo.status(), repo.git("ls-files", "--stage")) == before


async def test_a_checkout_in_the_middle_of_something(repo: Scene) -> None:
    await lane_with_work(repo)
    repo.git("bisect", "start")
    found = await refusal(repo)
    assert (found.code, found.details["worktree"]) == (RefusalCode.TARGET_CHECKED_OUT_DIRTY, str(repo.repo))


async def test_a_target_that_a_rebase_will_come_back_to(repo: Scene) -> None:
    await lane_with_work(repo, {"new": "n\n"})
    write(repo.repo / "readme", "other\n")
    repo.git("checkout", "-q", "-b", "other")
    repo.commit_all("other")
    repo.git("checkout", "-q", "main")
    write(repo.repo / "readme", "mine\n")
    repo.commit_all("mine")
    repo.git("rebase", "other", check=False)
    assert (await refusal(repo)).code is RefusalCode.TARGET_CHECKED_OUT_DIRTY


async def test_several_checkouts_of_the_target(repo: Scene) -> None:
    await lane_with_work(repo)
    repo.git("worktree", "add", "-q", "-f", str(repo.root / "other"), "main")
    assert (await refusal(repo)).code is RefusalCode.TARGET_CHECKED_OUT_DIRTY


async def test_a_locked_index_of_the_user(repo: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentlanes.adapters.git.index_lock.TRIES", 2)
    await lane_with_work(repo)
    before = state_of(repo)
    lock = write(repo.repo / ".git" / "index.lock", "")
    assert (await refusal(repo)).code is RefusalCode.INDEX_LOCKED
    assert state_of(repo) == before
    lock.unlink()
    await repo.port.merge(repo.plan_merge())


async def test_files_that_need_the_users_filter(repo: Scene) -> None:
    write(repo.repo / ".gitattributes", "*.bin filter=big\n")
    repo.commit_all("attributes")
    await lane_with_work(repo, {"a.bin": "pointer\n"})
    repo.git("config", "--global", "filter.big.smudge", "sed s/pointer/big/")
    before = state_of(repo)
    found = await refusal(repo)
    assert (found.code, found.details["paths"]) == (RefusalCode.FILTER_REQUIRED, ["a.bin"])
    assert state_of(repo) == before
    repo.git("checkout", "-q", "--detach")
    assert (await repo.port.merge(repo.plan_merge())).files == ("a.bin",), "without a checkout no filter is needed"


async def test_filters_that_the_merge_itself_brings(repo: Scene) -> None:
    await lane_with_work(repo, {".gitattributes": "*.bin filter=big\n", "a.bin": "pointer\n"})
    repo.git("config", "--global", "filter.big.smudge", "sed s/pointer/big/")
    assert (await refusal(repo)).code is RefusalCode.FILTER_REQUIRED


async def test_a_sparse_checkout_stays_sparse(repo: Scene) -> None:
    write(repo.repo / "wanted" / "x", "1\n")
    write(repo.repo / "unwanted" / "x", "1\n")
    repo.commit_all("folders")
    await lane_with_work(repo, {"wanted/x": "2\n", "unwanted/x": "2\n", "unwanted/y": "2\n"})
    repo.git("sparse-checkout", "set", "wanted")
    await repo.port.merge(repo.plan_merge())
    assert repo.status() == ""
    assert (repo.repo / "wanted" / "x").read_text() == "2\n"
    assert not (repo.repo / "unwanted").exists()
    assert repo.git("show", "HEAD:unwanted/y") == "2"


async def test_a_checkout_that_was_cut_is_finished(repo: Scene) -> None:
    """As after a power failure: some files are new, the index is old."""
    base = repo.git("rev-parse", "HEAD")
    await lane_with_work(repo, {"readme": "lane\n", "new": "n\n", "src/a.txt": "lane\n", "deep/x": "x\n"})
    write(repo.repo / "readme", "lane\n")
    write(repo.repo / "deep" / "x", "x\n")
    await repo.port.merge(repo.plan_merge(expected_target=base))
    assert repo.status() == ""
