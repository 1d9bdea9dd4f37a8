"""An agent writes to its clone as it likes: nothing of that runs, and nothing reaches beyond its lane."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.git.scene import Scene, files_below, write
from adapters.git.test_git_malice import use_every_method
from agentlanes.adapters.git.folders import remove_folder
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode
from agentlanes.wire.models import LaneMode

SECRET = "what nobody else may read\n"
CONTENT = "changed by the agent\n"


@dataclass(frozen=True)
class Ground:
    """A lane with work in it, what lies around it, and a repository of the user's that the lane has no business in."""

    scene: Scene
    lane: Path
    other: Path
    victim: Path
    secret: Path
    secret_commit: str

    @property
    def git_dir(self) -> Path:
        return self.lane / ".git"

    def outside(self) -> dict[str, bytes]:
        """All files that an agent of this lane must not get changed, git directories included."""
        found: dict[str, bytes] = {}
        for folder in (self.other, self.victim, self.secret):
            found |= {f"{folder.name}/{path}": data for path, data in files_below(folder, skip=()).items()}
        source = files_below(self.scene.repo / ".git", skip=("refs", "logs", "objects"))
        # A merge moves the index of the user's checkout, and a ref may be written packed or not.
        found |= {f"source/{path}": data for path, data in source.items() if path not in ("index", "packed-refs")}
        return found


@pytest.fixture
def mode() -> LaneMode:
    return "clone"


@pytest.fixture
async def ground(repo: Scene) -> Ground:
    lane, other = await repo.provision(), await repo.provision("lane_3")
    secret = repo.root / "secret"
    secret.mkdir()
    repo.git("init", "-q", cwd=secret)
    write(secret / "secret", SECRET)
    commit = repo.commit_all("secret", cwd=secret)
    victim = repo.root / "victim"
    for name in ("file", "HEAD", "index", "log"):
        write(victim / name, f"precious {name}\n")
    write(lane / "readme", CONTENT)
    return Ground(repo, lane, other, victim, secret, commit)


TRICKS: list[Callable[[Ground], None]] = []


def trick(plant: Callable[[Ground], None]) -> Callable[[Ground], None]:
    TRICKS.append(plant)
    return plant


def replace(path: Path, target: Path) -> None:
    remove_folder(path)
    path.symlink_to(target)


@trick
def git_folder_is_a_symlink_to_the_users(ground: Ground) -> None:
    replace(ground.git_dir, ground.scene.repo / ".git")


@trick
def git_file_names_the_users(ground: Ground) -> None:
    remove_folder(ground.git_dir)
    write(ground.git_dir, f"gitdir: {ground.scene.repo}/.git\n")


@trick
def git_file_names_another_lanes(ground: Ground) -> None:
    remove_folder(ground.git_dir)
    write(ground.git_dir, f"gitdir: {ground.other}/.git\n")


@trick
def common_directory_of_another_lane(ground: Ground) -> None:
    write(ground.git_dir / "commondir", f"{ground.other}/.git\n")
    write(ground.git_dir / "gitdir", f"{ground.other}/.git\n")


@trick
def objects_of_another_repository(ground: Ground) -> None:
    replace(ground.git_dir / "objects", ground.secret / ".git" / "objects")
    write(ground.git_dir / "refs" / "heads" / "agent" / "lane_1", f"{ground.secret_commit}\n")


@trick
def packs_of_another_lane(ground: Ground) -> None:
    replace(ground.git_dir / "objects" / "pack", ground.other / ".git" / "objects" / "pack")


@trick
def refs_of_the_user(ground: Ground) -> None:
    replace(ground.git_dir / "refs" / "heads", ground.scene.repo / ".git" / "refs" / "heads")


@trick
def branch_of_another_lane(ground: Ground) -> None:
    replace(ground.git_dir / "refs" / "heads" / "agent", ground.other / ".git" / "refs" / "heads" / "agent")


@trick
def branch_is_a_symlink_to_a_file(ground: Ground) -> None:
    replace(ground.git_dir / "refs" / "heads" / "agent" / "lane_1", ground.victim / "file")


@trick
def branch_is_a_file_elsewhere(ground: Ground) -> None:
    """By a hardlink, through which a file is written wherever it is."""
    own = ground.git_dir / "refs" / "heads" / "agent" / "lane_1"
    write(ground.victim / "file", own.read_bytes())
    own.unlink()
    own.hardlink_to(ground.victim / "file")


@trick
def index_is_a_symlink_to_a_file(ground: Ground) -> None:
    replace(ground.git_dir / "index", ground.victim / "index")


@trick
def index_is_a_file_elsewhere(ground: Ground) -> None:
    write(ground.victim / "index", (ground.git_dir / "index").read_bytes())
    (ground.git_dir / "index").unlink()
    (ground.git_dir / "index").hardlink_to(ground.victim / "index")


@trick
def log_is_a_symlink_to_a_file(ground: Ground) -> None:
    replace(ground.git_dir / "logs" / "HEAD", ground.victim / "log")


@trick
def log_is_a_file_elsewhere(ground: Ground) -> None:
    (ground.git_dir / "logs" / "HEAD").unlink()
    (ground.git_dir / "logs" / "HEAD").hardlink_to(ground.victim / "log")


@trick
def names_of_ours_are_taken(ground: Ground) -> None:
    for name in ("agentlanes-index", "agentlanes-ref", "index.lock"):
        (ground.git_dir / name).symlink_to(ground.victim / "file")


@trick
def head_is_a_symlink_to_a_file(ground: Ground) -> None:
    replace(ground.git_dir / "HEAD", ground.victim / "HEAD")


@trick
def everything_is_a_pipe(ground: Ground) -> None:
    """Whoever opens one waits forever."""
    names = ("packed-refs", "shallow", "index", "ORIG_HEAD", "logs/HEAD", "refs/heads/pipe", "info/exclude")
    objects = ("objects/info/alternates", f"objects/aa/{'a' * 38}", f"objects/pack/pack-{'a' * 40}.pack")
    for name in (*names, *objects):
        path = ground.git_dir / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        os.mkfifo(path)


@trick
def own_hooks_and_filters(ground: Ground) -> None:
    ran = ground.victim / "ran"
    script = write(ground.lane / "payload", f"#!/bin/sh\n: > {ran}\ncat\n")
    script.chmod(0o755)
    for name in ("reference-transaction", "post-checkout", "pre-commit", "post-index-change", "post-merge"):
        (ground.git_dir / "hooks").mkdir(exist_ok=True)
        (ground.git_dir / "hooks" / name).symlink_to(script)
    with (ground.git_dir / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {script}\n\tsshCommand = {script}\n\tgitProxy = {script}\n")
        config.write(f'[filter "x"]\n\tclean = {script}\n\tsmudge = {script}\n\trequired = true\n')
        config.write(f'[remote "origin"]\n\tuploadpack = {script}\n\treceivepack = {script}\n')
        config.write(f"[include]\n\tpath = {ground.secret}/.git/config\n")
    write(ground.git_dir / "info" / "attributes", "* filter=x\n")


@trick
def no_rights(ground: Ground) -> None:
    for name in ("refs", "objects/pack", "logs"):
        (ground.git_dir / name).chmod(0)


@pytest.mark.parametrize("plant", TRICKS, ids=lambda plant: plant.__name__)
async def test_nothing_beyond_the_lane_changes(ground: Ground, plant: Callable[[Ground], None]) -> None:
    scene = ground.scene
    for warm in (False, True):
        if warm:
            # What was taken in before the trick is no way out either.
            scene.port = scene.make_port()
        else:
            await scene.port.assess(scene.lane())
            plant(ground)
            before = ground.outside()
        await use_every_method(scene, scene.port)
        assert ground.outside() == before
    assert scene.git("fsck", "--full", "--strict", "--no-dangling") == ""
    assert scene.git("cat-file", "-t", ground.secret_commit, check=False) == "", "and nothing comes in"


async def test_borrowed_objects_are_not_followed(ground: Ground) -> None:
    """What the agent may not read itself, the server does not fetch for it."""
    scene = ground.scene
    write(ground.git_dir / "objects" / "info" / "alternates", f"{ground.secret}/.git/objects\n")
    scene.git("reset", "-q", "--hard", ground.secret_commit, cwd=ground.lane)
    assert (ground.lane / "secret").read_text() == SECRET, "the agent's own git does follow them"
    for call in (
        scene.port.diff(scene.lane(), "main"),
        scene.port.merge(scene.plan_merge()),
        scene.port.commit(scene.plan_commit(ground.secret_commit)),
    ):
        with pytest.raises(GitRefusal) as refused:
            await call
        assert refused.value.code is RefusalCode.REPO_UNREADABLE
    facts = await scene.port.assess(scene.lane(), "main")
    assert "unstorable" in facts.risks
    saved = await scene.port.rescue(scene.lane(), "saved", 1)
    assert saved.commit is None
    assert saved.moved_to is not None
    await scene.port.remove(scene.lane(), saved.fingerprint)
    assert scene.git("status", "--porcelain", cwd=Path(saved.moved_to)) == "", "it went as it was, and still works"
    for folder in (scene.repo / ".git", *(scene.data / "repos").glob("*.git")):
        kind = scene.git(f"--git-dir={folder}", "cat-file", "-t", ground.secret_commit, check=False)
        assert kind == "", folder


async def test_an_object_under_a_wrong_name_is_not_believed(ground: Ground) -> None:
    scene = ground.scene
    blob = scene.git("rev-parse", "HEAD:readme")
    path = ground.git_dir / "objects" / blob[:2] / blob[2:]
    content = b"a lie\n"
    write(path, zlib.compress(b"blob %d\0%s" % (len(content), content)))
    (file,) = (await scene.port.diff(scene.lane(), "main")).files
    assert file.hunks[0].lines == ("-hello", f"+{CONTENT.strip()}")
    write(path.with_name("0" * 38), b"no object")
    assert (await scene.port.assess(scene.lane())).risks == ("uncommitted",)


async def test_a_tree_with_a_git_folder_in_it_comes_nowhere(ground: Ground) -> None:
    """A checkout of it would be a repository with hooks in the user's."""
    scene, lane = ground.scene, ground.lane
    hook = scene.git("hash-object", "-w", "--stdin", stdin=b"#!/bin/sh\n", cwd=lane)
    for name in ("hooks", ".git"):
        mode, kind = ("100755", "blob") if name == "hooks" else ("040000", "tree")
        hook = scene.git("mktree", stdin=f"{mode} {kind} {hook}\t{name}\n".encode(), cwd=lane)
    evil = scene.git("commit-tree", "-p", "HEAD", "-m", "evil", hook, cwd=lane)
    scene.git("update-ref", "refs/heads/agent/lane_1", evil, cwd=lane)
    scene.git("read-tree", "--empty", cwd=lane)
    made = await scene.port.commit(scene.plan_commit(evil))
    assert made.parent == evil, "in the clone it may be"
    with pytest.raises(GitRefusal) as refused:
        await scene.port.merge(scene.plan_merge())
    assert (refused.value.code, ".git" in refused.value.message) == (RefusalCode.GIT_FAILED, True)
    facts = await scene.port.assess(scene.lane(), "main")
    assert (facts.unreferenced_commits, facts.references) == ((made.commit,), ("refs/heads/agent/lane_1",))
    saved = await scene.port.rescue(scene.lane(), "saved", 1)
    await scene.port.remove(scene.lane(), saved.fingerprint)
    assert scene.git("cat-file", "-t", evil, check=False) == ""
    assert scene.git("rev-parse", "agent/lane_1") == scene.git("rev-parse", "main")


async def test_a_commit_that_no_index_holds_is_kept_as_a_whole(ground: Ground) -> None:
    scene, lane = ground.scene, ground.lane
    blob = scene.git("hash-object", "-w", "--stdin", stdin=b"x\n", cwd=lane)
    tree = scene.git("mktree", stdin=f"100644 blob {blob}\t..\n".encode(), cwd=lane)
    scene.git("update-ref", "HEAD", scene.git("commit-tree", "-p", "HEAD", "-m", "evil", tree, cwd=lane), cwd=lane)
    (scene.store() / "worktrees" / "lane_1" / "index").unlink()
    facts = await scene.port.assess(scene.lane(), "main")
    assert ("unstorable" in facts.risks, facts.unstorable[-1].path) == (True, ".git")
    saved = await scene.port.rescue(scene.lane(), "saved", 1)
    await scene.port.remove(scene.lane(), saved.fingerprint)
    assert saved.moved_to is not None
    assert (Path(saved.moved_to) / "readme").read_text() == CONTENT


async def test_what_hides_work_is_told(ground: Ground) -> None:
    scene = ground.scene
    (ground.git_dir / "refs" / "tags" / "away").symlink_to(ground.victim / "file")
    scene.git("worktree", "add", "-q", "--detach", str(scene.root / "elsewhere"), cwd=ground.lane)
    facts = await scene.port.assess(scene.lane())
    assert [skipped.path for skipped in facts.unstorable] == [".git/refs/tags/away", ".git/worktrees"]


async def test_a_clone_shares_no_file_with_the_users_repository(ground: Ground) -> None:
    """Who writes to one of its own objects changes nobody else's."""
    scene = ground.scene
    scene.git("gc", "-q")
    lane = await scene.provision("lane_4")
    objects = [path for path in (lane / ".git" / "objects").rglob("*") if path.is_file()]
    assert not (lane / ".git" / "objects" / "info" / "alternates").exists()
    for path in objects:
        assert path.stat().st_nlink == 1, path
        path.chmod(0o600)
        path.write_bytes(b"garbage")
    assert scene.git("fsck", "--full", "--strict", "--no-dangling") == ""
