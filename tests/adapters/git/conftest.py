from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from adapters.git.scene import Scene
from agentlanes.wire.models import LaneMode


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Processes and pipes are the loop's business, so what runs them is tested on both loops."""
    if item.path.name == "test_git_invocation.py":
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


def open_files() -> set[str]:
    """What this process holds open, besides what the loop and pytest keep for themselves."""
    names = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("pipe:") or "/.git" in target or ".git/" in target:
            names.add(f"{link.name} {target}")
    return names


def children() -> list[int]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        # A thread may end while we look.
        with contextlib.suppress(OSError):
            found += [int(pid) for pid in (task / "children").read_text().split()]
    return found


@pytest.fixture(params=["worktree", "clone"])
def mode(request: pytest.FixtureRequest) -> LaneMode:
    """Of the lanes of a scene. What says nothing else holds for both."""
    chosen: LaneMode = request.param
    only = request.node.get_closest_marker("only_mode")
    if only is not None and chosen not in only.args:
        pytest.skip(f"of a {only.args[0]}")
    return chosen


@pytest.fixture
async def scene(tmp_path: Path, mode: LaneMode) -> AsyncIterator[Scene]:
    before = open_files()
    yield Scene(tmp_path, mode)
    assert open_files() <= before, "a pipe or a file of git stayed open"
    assert children() == [], "a process was left behind"


@pytest.fixture
def repo(scene: Scene) -> Scene:
    """A scene whose user has a repository with one commit."""
    scene.make_repo()
    return scene
