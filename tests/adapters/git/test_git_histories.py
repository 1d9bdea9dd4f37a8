"""Whatever an agent did in its lane, removing the lane loses no content that existed the moment before."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.git.scene import NOTHING, NOW, Scene, write
from agentlanes.kernel.ports.git import GitRefusal
from agentlanes.wire.models import LaneMode

NAMES = ("readme", "src/a.txt", "new", "deep/er/file", "odd name")
MARK = b"content number "

Step = tuple[str, ...]
COMMANDS = (
    *("add -A", "commit -q -a -m agent", "commit -q -a --amend -m amended", "checkout -q agent/lane_1"),
    *("checkout -q --detach", "checkout -q -b side", "checkout -q --orphan orphan", "reset -q --hard HEAD~1"),
    *("reset -q HEAD~1", "stash -u", "stash pop", "merge -q --no-edit side", "rebase -q side", "cherry-pick side"),
    *("rm -q -r --cached .", "add readme", "add new", "clean -fd", "tag -m note marked", "branch -f kept"),
    *("gc -q", "branch -D side", "fetch -q origin", "stash drop", "pack-refs --all"),
)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["write", "work", "loose", "stage and forget"]), st.sampled_from(NAMES)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
    st.tuples(
        st.just("nested"), st.sampled_from(["nested", "deep/nested", "src"]), st.sampled_from(["commit", "files"])
    ),
    st.sampled_from(COMMANDS).map(lambda line: ("git", *line.split(" "))),
    st.sampled_from(COMMANDS).map(lambda line: ("git", *line.split(" "))),
    st.tuples(st.just("port"), st.sampled_from(["snapshot", "commit", "merge"])),
)


def contents(
    scene: Scene, git_dir: Path, *tips: str, index: bool = False, extra: Mapping[str, str] = NOTHING
) -> set[bytes]:
    """The marked contents that a repository's tips, and maybe its index, reach."""
    place = f"--git-dir={git_dir}"
    listed = scene.git(
        place, "rev-list", "--objects", "--no-object-names", *tips, check=False, extra=extra
    ).splitlines()
    if index:
        staged = scene.git(place, "ls-files", "--stage", check=False, extra=extra).splitlines()
        listed += [line.split()[1] for line in staged]
    wanted = "".join(f"{name}\n" for name in listed).encode()
    return marked([scene.git_bytes(place, "cat-file", "--batch", stdin=wanted, extra=extra)])


def marked(texts: Iterable[bytes]) -> set[bytes]:
    return {line for text in texts for line in text.split(b"\n") if line.startswith(MARK)}


def on_disk(folder: Path) -> set[bytes]:
    return marked(path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def in_nested(scene: Scene, folder: Path) -> set[bytes]:
    """What the repositories inside a folder hold."""
    found: set[bytes] = set()
    for dot_git in folder.rglob(".git"):
        if dot_git.is_dir():
            found |= contents(scene, dot_git, "--all", "--reflog", index=True)
    return found


def existing(scene: Scene, lane: Path) -> set[bytes]:
    """All that can be got at now, by any way that git or the file system offers."""
    found = contents(scene, scene.repo / ".git", "--all", "--reflog", index=True)
    found |= contents(scene, scene.data / "repos" / "repo_1.git", "--glob=refs/rescue/*", "--glob=refs/rescued/*")
    if scene.admin().is_dir():
        found |= contents(scene, scene.admin(), "HEAD", "--all", "--reflog", index=True)
    if scene.mode == "clone" and not lane.exists() and (scene.mirror() / "refs").is_dir():
        # A clone that the user deleted is what was taken in from it.
        objects = {"GIT_OBJECT_DIRECTORY": str(scene.store() / "objects")}
        found |= contents(scene, scene.mirror(), "HEAD", "--all", "--reflog", index=True, extra=objects)
    for folder in (lane, scene.data / "rescue"):
        found |= on_disk(folder) | in_nested(scene, folder)
    return found


async def take(scene: Scene, lane: Path, number: int, step: Step) -> None:
    kind, *words = step
    text = MARK.decode() + f"{number}\n"
    if kind in ("write", "work", "loose", "stage and forget"):
        if kind == "loose":
            scene.git("checkout", "-q", "--detach", cwd=lane, check=False)
        with contextlib.suppress(OSError):
            write(lane / words[0], text)
        if kind in ("work", "loose"):
            scene.git("add", "-A", cwd=lane, check=False)
            scene.git("commit", "-q", "-m", kind, cwd=lane, check=False)
        elif kind == "stage and forget":
            scene.git("add", words[0], cwd=lane, check=False)
            with contextlib.suppress(OSError):
                (lane / words[0]).unlink()
    elif kind == "delete":
        with contextlib.suppress(OSError):
            (lane / words[0]).unlink()
    elif kind == "nested":
        with contextlib.suppress(OSError):
            write(lane / words[0] / "inner", text)
            scene.git("init", "-q", cwd=lane / words[0])
            if words[1] == "commit":
                scene.commit_all("inner", cwd=lane / words[0])
    elif kind == "git":
        scene.git(*words, cwd=lane, check=False)
    else:
        with contextlib.suppress(GitRefusal):
            if words[0] == "snapshot":
                await scene.port.snapshot(scene.lane())
            elif words[0] == "commit":
                head = scene.git("rev-parse", "HEAD", cwd=lane, check=False)
                await scene.port.commit(scene.plan_commit(head, time=NOW + number))
            else:
                await scene.port.merge(scene.plan_merge(time=NOW + number))


async def live_and_remove(root: Path, steps: list[Step], mode: LaneMode, *, deleted: bool) -> None:
    scene = Scene(root, mode)
    scene.make_repo()
    lane = await scene.provision()
    for number, step in enumerate(steps):
        await take(scene, lane, number, step)
    if deleted:
        lane.rename(root / "deleted by the user")
    before = existing(scene, lane)
    scene.port = scene.make_port()
    facts = await scene.port.assess(scene.lane(), "main")
    fingerprint = facts.fingerprint
    if facts.risks:
        fingerprint = (await scene.port.rescue(scene.lane(), "saved", NOW)).fingerprint
    await scene.port.remove(scene.lane(), fingerprint)
    assert not lane.exists()
    assert not scene.admin().exists()
    assert mode == "worktree" or not scene.store().exists()
    lost = before - existing(scene, lane)
    assert lost == set(), facts


@pytest.mark.parametrize("mode", ["worktree", "clone"])
@settings(max_examples=30 if os.environ.get("HYPOTHESIS_PROFILE") is None else 300)
@given(steps=st.lists(STEPS, max_size=12), deleted=st.booleans())
def test_nothing_is_lost(mode: LaneMode, steps: list[Step], deleted: bool) -> None:
    with tempfile.TemporaryDirectory() as root:
        asyncio.run(live_and_remove(Path(root), steps, mode, deleted=deleted))
