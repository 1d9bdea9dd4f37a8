"""A snapshot holds everything that git would add, and the agent's git notices nothing of it."""

from __future__ import annotations

import os

import pytest

from adapters.git.scene import Scene, write, write_raw
from agentlanes.core.facts import SnapshotFacts
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


def listing(scene: Scene, tree: str) -> dict[bytes, bytes]:
    """Path to mode and id, out of our repository."""
    git_dir = scene.store()
    records = scene.git_bytes(f"--git-dir={git_dir}", "ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")[:-1]
    return {record.split(b"\t", 1)[1]: record.split(b"\t", 1)[0] for record in records}


async def snapshot(scene: Scene) -> SnapshotFacts:
    return await scene.port.snapshot(scene.lane())


async def test_an_untouched_lane_is_its_commit(repo: Scene) -> None:
    await repo.provision()
    facts = await snapshot(repo)
    assert facts.tree == repo.git("rev-parse", "HEAD^{tree}")
    assert facts.head_commit == repo.git("rev-parse", "HEAD")


async def test_changes_of_every_kind(repo: Scene) -> None:
    write(repo.repo / "gone", "x\n")
    write(repo.repo / "run", "x\n")
    write(repo.repo / "becomes-link", "x\n")
    write(repo.repo / "becomes-folder", "x\n")
    write(repo.repo / "folder" / "file", "x\n")
    repo.commit_all("more")
    lane = await repo.provision()
    (lane / "gone").unlink()
    (lane / "run").chmod(0o755)
    (lane / "becomes-link").unlink()
    (lane / "becomes-link").symlink_to("/outside/the/lane")
    (lane / "becomes-folder").unlink()
    write(lane / "becomes-folder" / "inner", "y\n")
    (lane / "folder" / "file").unlink()
    (lane / "folder").rmdir()
    write(lane / "folder", "now a file\n")
    write(lane / "deep" / "er" / "new", "n\n")
    (lane / "empty").mkdir()
    ours = await snapshot(repo)
    repo.git("add", "-A", cwd=lane)
    assert ours.tree == repo.git("write-tree", cwd=lane)
    assert ours.skipped == ()


async def test_the_agents_index_and_head_stay_as_they_are(repo: Scene) -> None:
    lane = await repo.provision()
    admin = repo.admin()
    write(lane / "readme", "staged\n")
    repo.git("add", "readme", cwd=lane)
    write(lane / "readme", "on disk\n")
    before = {path.name: path.read_bytes() for path in admin.iterdir() if path.is_file()}
    objects = sorted((repo.repo / ".git" / "objects").rglob("*"))
    await snapshot(repo)
    assert {path.name: path.read_bytes() for path in admin.iterdir() if path.is_file()} == before
    assert sorted((repo.repo / ".git" / "objects").rglob("*")) == objects, "objects of snapshots are ours"


async def test_a_snapshot_follows_the_files(repo: Scene) -> None:
    lane = await repo.provision()
    trees = []
    for content in ("a\n", "b\n", "c\n", "b\n"):
        write(lane / "file", content)
        trees.append((await snapshot(repo)).tree)
        assert (await snapshot(repo)).tree == trees[-1]
    assert trees[1] == trees[3]
    assert len(set(trees)) == 3
    (lane / "file").unlink()
    assert (await snapshot(repo)).tree == repo.git("rev-parse", "HEAD^{tree}")


async def test_same_size_changes_right_after_a_snapshot_are_seen(repo: Scene) -> None:
    lane = await repo.provision()
    for number in range(30):
        write(lane / "file", f"{number:04}\n")
        tree = (await snapshot(repo)).tree
        assert listing(repo, tree)[b"file"].endswith(repo.git("hash-object", str(lane / "file")).encode())


async def test_ignored_files_stay_out(repo: Scene) -> None:
    write(repo.repo / ".git" / "info" / "exclude", "by-repo\n!kept\n")
    lane = await repo.provision()
    write(repo.home / "own-ignore", "by-user\nkept\n")
    repo.git("config", "--global", "core.excludesFile", "~/own-ignore")
    write(lane / ".gitignore", "by-tree/\n*.log\n!important.log\n")
    for name in ("by-repo", "by-user", "by-tree/x", "a.log", "important.log", "kept", "new"):
        write(lane / name, "x\n")
    names = set(listing(repo, (await snapshot(repo)).tree))
    assert names == {b".gitignore", b"important.log", b"kept", b"new", b"readme", b"src/a.txt"}
    repo.git("add", "-A", cwd=lane)
    assert set(repo.git("ls-files", cwd=lane).encode().splitlines()) == names


async def test_the_default_place_of_the_users_ignores(repo: Scene) -> None:
    lane = await repo.provision()
    write(repo.home / ".config" / "git" / "ignore", "*.secret\n")
    write(lane / "a.secret", "x\n")
    assert b"a.secret" not in listing(repo, (await snapshot(repo)).tree)


async def test_a_file_that_becomes_ignored_leaves(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / ".env", "SECRET=1\n")
    assert b".env" in listing(repo, (await snapshot(repo)).tree)
    write(lane / ".gitignore", ".env\n")
    assert b".env" not in listing(repo, (await snapshot(repo)).tree)
    write(lane / ".gitignore", "")
    assert b".env" in listing(repo, (await snapshot(repo)).tree)


async def test_ignored_files_that_are_tracked_stay(repo: Scene) -> None:
    write(repo.repo / ".gitignore", "build/\n")
    repo.commit_all("ignore")
    lane = await repo.provision()
    await snapshot(repo)
    write(lane / "build" / "forced", "1\n")
    write(lane / "build" / "other", "1\n")
    assert b"build/forced" not in listing(repo, (await snapshot(repo)).tree)
    repo.git("add", "-f", "build/forced", cwd=lane)
    assert b"build/forced" in listing(repo, (await snapshot(repo)).tree), "staged"
    repo.git("commit", "-q", "-m", "forced", cwd=lane)
    assert b"build/forced" in listing(repo, (await snapshot(repo)).tree), "committed"
    write(lane / "build" / "forced", "2\n")
    facts = await snapshot(repo)
    assert facts.tree != repo.git("rev-parse", "HEAD^{tree}", cwd=lane), "changed"
    repo.git("rm", "-q", "--cached", "build/forced", cwd=lane)
    assert b"build/forced" not in listing(repo, (await snapshot(repo)).tree), "taken out of the index"
    repo.git("commit", "-q", "-m", "not forced", cwd=lane)
    assert b"build/forced" not in listing(repo, (await snapshot(repo)).tree), "taken out of HEAD"
    assert b"build/other" not in listing(repo, (await snapshot(repo)).tree)


async def test_a_switch_of_branches_is_followed(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "file", "x\n")
    await snapshot(repo)
    repo.git("checkout", "-q", "-b", "other", cwd=lane)
    repo.commit_all("on other", cwd=lane)
    assert (await snapshot(repo)).tree == repo.git("rev-parse", "other^{tree}", cwd=lane)
    repo.git("checkout", "-q", "agent/lane_1", cwd=lane)
    assert (await snapshot(repo)).tree == repo.git("rev-parse", "agent/lane_1^{tree}")
    repo.git("checkout", "-q", "--orphan", "empty", cwd=lane)
    facts = await snapshot(repo)
    assert (facts.head_commit, facts.tree) == (None, repo.git("rev-parse", "agent/lane_1^{tree}"))


async def test_bits_that_hide_changes_from_the_agents_git_do_not_hide_them_here(repo: Scene) -> None:
    lane = await repo.provision()
    for bit, name in (("--assume-unchanged", "readme"), ("--skip-worktree", "src/a.txt")):
        repo.git("update-index", bit, name, cwd=lane)
        write(lane / name, "hidden\n")
    assert repo.status(lane) == ""
    tree = listing(repo, (await snapshot(repo)).tree)
    blob = repo.git("hash-object", str(lane / "readme")).encode()
    assert tree[b"readme"].endswith(blob)
    assert tree[b"src/a.txt"].endswith(blob)


async def test_odd_names(repo: Scene) -> None:
    lane = await repo.provision()
    names = [b"new\nline", b'"quoted"', b"-dash", b"caf\xe9", b":(top)magic", b":!x", b"*", b" lead", b"tab\t", b"a\\b"]
    names += [b"--remove", b"? question", b"1 .M N... fake", b"sub/\xff\xfe/x"]
    for name in names:
        write_raw(lane, name)
    for _ in range(2):
        assert set(names) <= set(listing(repo, (await snapshot(repo)).tree))
    write_raw(lane, b".gitignore", b"*\n!.gitignore\n")
    assert set(listing(repo, (await snapshot(repo)).tree)) == {b".gitignore", b"readme", b"src/a.txt"}


async def test_names_that_git_refuses_are_told(repo: Scene) -> None:
    lane = await repo.provision()
    for name in (b".GIT/config", b"sub/.Git/x", b"git~1", b"sub/.git. /y", b".gitx", b"git~2"):
        write_raw(lane, name)
    facts = await snapshot(repo)
    skipped = {(skip.path, skip.reason) for skip in facts.skipped}
    assert skipped == {(name, "forbidden_name") for name in (".GIT/config", "sub/.Git/x", "git~1", "sub/.git. /y")}
    assert {b".gitx", b"git~2"} <= set(listing(repo, facts.tree))


async def test_unreadable_files_are_told(repo: Scene) -> None:
    closed = write(repo.root / "closed", "x")
    closed.chmod(0)
    if os.access(closed, os.R_OK):
        pytest.skip("this user reads everything")
    lane = await repo.provision()
    write(lane / "secret", "x\n").chmod(0)
    write(lane / "open", "x\n")
    facts = await snapshot(repo)
    assert [(skip.path, skip.reason) for skip in facts.skipped] == [("secret", "unreadable")]
    assert b"open" in listing(repo, facts.tree)


async def test_nested_repositories_are_told(repo: Scene) -> None:
    lane = await repo.provision()
    for name in ("nested", "empty"):
        (lane / name).mkdir()
        repo.git("init", "-q", cwd=lane / name)
    write(lane / "nested" / "inner", "x\n")
    repo.commit_all("inner", cwd=lane / "nested")
    write(lane / "beside", "x\n")
    facts = await snapshot(repo)
    assert [(skip.path, skip.reason) for skip in facts.skipped] == [
        ("empty", "nested_repository"),
        ("nested", "nested_repository"),
    ]
    assert set(listing(repo, facts.tree)) == {b"beside", b"readme", b"src/a.txt"}


async def test_submodules_count_by_their_commit(repo: Scene) -> None:
    source = repo.root / "source"
    repo.git("clone", "-q", str(repo.repo), str(source))
    lane = await repo.provision()
    repo.git("submodule", "--quiet", "add", str(source), "module", cwd=lane)

    async def same() -> bool:
        ours = (await snapshot(repo)).tree
        repo.git("add", "-A", cwd=lane)
        return ours == repo.git("write-tree", cwd=lane)

    assert await same(), "staged"
    repo.git("commit", "-q", "-m", "module", cwd=lane)
    assert await same(), "committed"
    write(lane / "module" / "readme", "dirty\n")
    assert await same(), "dirty inside"
    repo.commit_all("new commit inside", cwd=lane / "module")
    assert await same(), "moved on"
    repo.git("commit", "-q", "-m", "module moved", cwd=lane)
    repo.git("submodule", "--quiet", "deinit", "-f", "module", cwd=lane)
    assert await same(), "empty again"
    repo.git("checkout", "-q", "HEAD~1", cwd=lane)
    assert await same(), "another commit, still empty"
    (lane / "module").rmdir()
    assert await same(), "deleted"
    write(lane / "module" / "vendored", "x\n")
    assert await same(), "replaced by files"
    assert await same()


async def test_symlinks_out_of_the_lane_are_not_followed(repo: Scene) -> None:
    lane = await repo.provision()
    write(repo.root / "outside" / "secret", "secret\n")
    (lane / "folder").symlink_to(repo.root / "outside")
    (lane / "file").symlink_to(repo.root / "outside" / "secret")
    tree = listing(repo, (await snapshot(repo)).tree)
    assert tree[b"folder"].startswith(b"120000")
    assert tree[b"file"].startswith(b"120000")
    assert not [name for name in tree if name.startswith(b"folder/")]


async def test_line_ends_are_stored_as_the_repository_wants_them(repo: Scene) -> None:
    repo.git("config", "core.autocrlf", "input")
    lane = await repo.provision()
    write(lane / "dos.txt", "a\r\nb\r\n")
    write(lane / ".gitattributes", "*.bat text eol=crlf\n")
    write(lane / "x.bat", "a\r\n")
    ours = (await snapshot(repo)).tree
    repo.git("add", "-A", cwd=lane)
    assert ours == repo.git("write-tree", cwd=lane)


async def test_a_sha256_repository(scene: Scene) -> None:
    scene.make_repo("--object-format=sha256")
    lane = await scene.provision()
    write(lane / "new", "x\n")
    facts = await snapshot(scene)
    assert len(facts.tree) == 64
    assert b"new" in listing(scene, facts.tree)


async def test_a_lock_of_the_agents_git_is_no_obstacle(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "x\n")
    write(repo.admin() / "index.lock", "")
    assert b"new" in listing(repo, (await snapshot(repo)).tree)


@pytest.mark.parametrize("damage", ["missing", "garbage", "empty", "folder"])
async def test_a_broken_index_of_the_agent_is_no_obstacle(repo: Scene, damage: str) -> None:
    lane = await repo.provision()
    write(lane / "new", "x\n")
    index = repo.admin() / "index"
    index.unlink()
    if damage == "folder":
        index.mkdir()
    elif damage != "missing":
        index.write_bytes(b"" if damage == "empty" else b"DIRC garbage" * 10)
    assert b"new" in listing(repo, (await snapshot(repo)).tree)


async def test_an_old_lock_of_ours_is_taken_away(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "x\n")
    lock = write(repo.store() / "worktrees" / "lane_1" / "index.lock", "")
    os.utime(lock, (1, 1))
    assert b"new" in listing(repo, (await snapshot(repo)).tree)


async def test_our_index_can_be_made_again(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "readme", "changed\n")
    before = await snapshot(repo)
    (repo.store() / "worktrees" / "lane_1" / "index").unlink()
    assert await repo.make_port().snapshot(repo.lane()) == before


async def test_a_lane_with_a_split_index(repo: Scene) -> None:
    lane = await repo.provision()
    repo.git("update-index", "--split-index", cwd=lane)
    write(lane / "new", "x\n")
    repo.git("add", "-N", "new", cwd=lane)
    assert b"new" in listing(repo, (await snapshot(repo)).tree)


async def test_filtered_files_are_taken_as_the_agents_git_stored_them(repo: Scene) -> None:
    """As with Git LFS: on disk the content, in git a pointer."""
    repo.git("config", "--global", "filter.big.clean", "sed s/big/pointer/")
    repo.git("config", "--global", "filter.big.smudge", "sed s/pointer/big/")
    write(repo.repo / ".gitattributes", "*.bin filter=big\n")
    write(repo.repo / "a.bin", "big a\n")
    repo.commit_all("filtered")
    lane = await repo.provision()
    assert (lane / "a.bin").read_text() == "pointer a\n", "no smudge filter of ours"
    (lane / "a.bin").unlink()
    repo.git("checkout", "-q", "a.bin", cwd=lane)
    assert (lane / "a.bin").read_text() == "big a\n"
    write(lane / "b.bin", "big b\n")
    # Files that are as young as the index could have changed unseen; such entries would not be believed.
    for name in ("a.bin", "b.bin"):
        os.utime(lane / name, (1_000_000_000, 1_000_000_000))
    repo.git("add", "a.bin", "b.bin", cwd=lane)
    ours = await snapshot(repo)
    assert ours.tree == repo.git("write-tree", cwd=lane)
    write(lane / "a.bin", "big changed\n")
    changed = await snapshot(repo)
    assert changed.tree != ours.tree


async def test_the_worktree_must_be_there(repo: Scene) -> None:
    with pytest.raises(GitRefusal) as refused:
        await snapshot(repo)
    assert refused.value.code is RefusalCode.WORKTREE_MISSING
