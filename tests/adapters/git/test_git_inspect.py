"""Which repository a path belongs to, and what we refuse to work with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.git.scene import Scene, write
from agentlanes.core.facts import text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def refusal(scene: Scene, path: Path | str) -> GitRefusal:
    with pytest.raises(GitRefusal) as refused:
        await scene.port.inspect(str(path))
    assert refused.value.message
    return refused.value


async def test_a_repository_is_found_from_any_path_inside(repo: Scene) -> None:
    for path in (repo.repo, repo.repo / "src", repo.repo / "src" / "a.txt"):
        facts = await repo.port.inspect(str(path))
        assert facts.top_level == str(repo.repo)
        assert facts.common_dir == str(repo.repo / ".git")
        assert facts.object_dir == str(repo.repo / ".git" / "objects")
        assert facts.head_branch == "main"
        assert facts.head_commit == repo.git("rev-parse", "HEAD")
        assert (facts.bare, facts.has_submodules, facts.object_format) == (False, False, "sha1")


async def test_a_detached_head_has_no_branch(repo: Scene) -> None:
    commit = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "--detach")
    facts = await repo.port.inspect(str(repo.repo))
    assert (facts.head_branch, facts.head_commit) == (None, commit)


async def test_packed_refs_are_read(repo: Scene) -> None:
    repo.git("pack-refs", "--all", "--prune")
    assert (await repo.port.inspect(str(repo.repo))).head_commit == repo.git("rev-parse", "HEAD")


async def test_symlinks_lead_to_the_real_place(repo: Scene) -> None:
    (repo.root / "link").symlink_to(repo.repo / "src")
    assert (await repo.port.inspect(str(repo.root / "link"))).top_level == str(repo.repo)


async def test_a_linked_worktree_leads_to_the_main_repository(repo: Scene) -> None:
    repo.git("worktree", "add", "-q", str(repo.root / "other"), "-b", "other")
    facts = await repo.port.inspect(str(repo.root / "other" / "src"))
    assert (facts.top_level, facts.head_branch) == (str(repo.repo), "main")


async def test_a_worktree_of_a_bare_repository_stands_for_it(repo: Scene) -> None:
    repo.git("clone", "-q", "--bare", str(repo.repo), str(repo.root / "bare.git"))
    repo.git("worktree", "add", "-q", str(repo.root / "tree"), "main", cwd=repo.root / "bare.git")
    facts = await repo.port.inspect(str(repo.root / "tree"))
    assert (facts.top_level, facts.bare, facts.head_branch) == (str(repo.root / "tree"), True, "main")


async def test_a_separate_git_directory_is_followed(repo: Scene) -> None:
    repo.git("init", "-q", "--separate-git-dir", str(repo.root / "elsewhere"))
    facts = await repo.port.inspect(str(repo.repo))
    assert (facts.top_level, facts.common_dir) == (str(repo.repo), str(repo.root / "elsewhere"))


async def test_sha256_repositories_are_known(scene: Scene) -> None:
    scene.make_repo("--object-format=sha256")
    facts = await scene.port.inspect(str(scene.repo))
    assert facts.object_format == "sha256"
    assert len(facts.head_commit) == 64


async def test_names_that_are_not_utf8_have_a_text(scene: Scene) -> None:
    folder = scene.root / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    scene.git("init", "-q", cwd=folder)
    scene.commit_all("first", cwd=folder)
    facts = await scene.port.inspect(text_of_bytes(os.fsencode(folder)))
    assert facts.top_level == text_of_bytes(os.fsencode(folder))


async def test_filters_of_the_user_and_the_repository_are_named(repo: Scene) -> None:
    repo.git("config", "--global", "filter.lfs.process", "git-lfs filter-process")
    repo.git("config", "filter.Own.clean", "own")
    assert (await repo.port.inspect(str(repo.repo))).filters == ("Own", "lfs")


async def test_submodules_are_seen(repo: Scene) -> None:
    write(repo.repo / ".gitmodules", "")
    assert (await repo.port.inspect(str(repo.repo))).has_submodules


async def test_a_folder_outside_any_repository(scene: Scene) -> None:
    assert (await refusal(scene, scene.home)).code is RefusalCode.NOT_A_REPOSITORY


async def test_a_repository_without_a_commit(scene: Scene) -> None:
    scene.repo.mkdir()
    scene.git("init", "-q")
    assert (await refusal(scene, scene.repo)).code is RefusalCode.REPO_HAS_NO_COMMIT


async def test_a_bare_repository(repo: Scene) -> None:
    repo.git("clone", "-q", "--bare", str(repo.repo), str(repo.root / "bare.git"))
    assert (await refusal(repo, repo.root / "bare.git")).code is RefusalCode.REPO_IS_BARE
    assert (await refusal(repo, repo.root / "bare.git" / "refs")).code is RefusalCode.REPO_IS_BARE


async def test_the_inside_of_a_git_directory(repo: Scene) -> None:
    found = await refusal(repo, repo.repo / ".git" / "refs")
    assert (found.code, found.details["worktree"]) == (RefusalCode.NOT_A_REPOSITORY, str(repo.repo))


@pytest.mark.parametrize("path", ["", "relative/path", "~/repo", "./x"])
async def test_a_relative_path(scene: Scene, path: str) -> None:
    assert (await refusal(scene, path)).code is RefusalCode.PATH_NOT_ABSOLUTE


@pytest.mark.parametrize("path", ["/no/such/path", "/etc/passwd/below", "/a\0b", "/" + "x" * 5000])
async def test_a_path_where_nothing_is(scene: Scene, path: str) -> None:
    assert (await refusal(scene, path)).code is RefusalCode.PATH_NOT_FOUND


async def test_a_symlink_loop(scene: Scene) -> None:
    (scene.root / "a").symlink_to(scene.root / "b")
    (scene.root / "b").symlink_to(scene.root / "a")
    assert (await refusal(scene, scene.root / "a" / "c")).code is RefusalCode.PATH_IS_SYMLINK_LOOP


async def test_a_git_file_that_leads_nowhere(repo: Scene) -> None:
    (repo.repo / ".git").rename(repo.root / "moved")
    write(repo.repo / ".git", "gitdir: /nowhere\n")
    assert (await refusal(repo, repo.repo)).code is RefusalCode.NOT_A_REPOSITORY


@pytest.mark.parametrize("extension", ["refStorage=reftable", "somethingNew=true", "objectFormat=md5"])
async def test_a_format_that_we_do_not_know(repo: Scene, extension: str) -> None:
    name, value = extension.split("=")
    with (repo.repo / ".git" / "config").open("a") as config:
        config.write(f"[extensions]\n\t{name} = {value}\n")
    found = await refusal(repo, repo.repo)
    assert found.code is RefusalCode.REPO_UNREADABLE
    assert found.details["extensions"] == [extension.lower()]


async def test_a_config_that_is_no_file(repo: Scene) -> None:
    (repo.repo / ".git" / "config").unlink()
    os.mkfifo(repo.repo / ".git" / "config")
    assert (await refusal(repo, repo.repo)).code is RefusalCode.REPO_UNREADABLE


async def test_a_repository_of_another_user(repo: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = repo.repo.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    found = await refusal(repo, repo.repo)
    assert (found.code, found.details["owner"]) == (RefusalCode.REPO_UNREADABLE, owner)
    repo.git("config", "--global", "--add", "safe.directory", str(repo.repo))
    assert (await repo.port.inspect(str(repo.repo))).head_branch == "main"


async def test_branches_and_where_they_are_checked_out(repo: Scene) -> None:
    repo.git("branch", "topic/one")
    repo.git("worktree", "add", "-q", str(repo.root / "other"), "-b", "other")
    head = repo.git("rev-parse", "HEAD")
    branches = await repo.port.list_branches(repo.address)
    assert [(b.name, b.commit, b.checked_out_at) for b in branches] == [
        ("main", head, (str(repo.repo),)),
        ("other", head, (str(repo.root / "other"),)),
        ("topic/one", head, ()),
    ]


async def test_names_that_resolve(repo: Scene) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.git("tag", "-a", "v1", "-m", "one")
    repo.git("update-ref", "refs/remotes/origin/main", head)
    for name in ("main", "v1", "origin/main", "refs/heads/main", "HEAD", head, head[:10]):
        assert await repo.port.resolve(repo.address, name) == head, name


async def test_a_branch_goes_before_a_tag_of_its_name(repo: Scene) -> None:
    first = repo.git("rev-parse", "HEAD")
    second = repo.commit_all("second")
    repo.git("tag", "main", first)
    assert await repo.port.resolve(repo.address, "main") == second


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nope",
        "-h",
        "--all",
        "main~1",
        "main^",
        "main@{0}",
        "HEAD:readme",
        ":/first",
        "a..b",
        "a b",
        "x\ny",
        '"\\q"',
        "@",
    ],
)
async def test_names_that_do_not_resolve(repo: Scene, name: str) -> None:
    assert await repo.port.resolve(repo.address, name) is None


async def test_a_blob_is_no_commit(repo: Scene) -> None:
    assert await repo.port.resolve(repo.address, repo.git("rev-parse", "HEAD:readme")) is None
