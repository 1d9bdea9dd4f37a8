"""Promises 1 and 2: the server dies by SIGKILL at a named point, and nothing is lost or done twice."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from agentlanes.crash_points import POINTS
from e2e.rig import Rig, make_rig
from faults.invariants import check
from faults.returning import ReturningClient
from faults.scenario import play

pytestmark = pytest.mark.faults

ALL = os.environ.get("AGENTLANES_FAULTS") == "all"

# One of each kind, at a count at which something is under way.
CHOSEN = (
    "commit.before:9",
    "commit.after:6",
    "publish.before:12",
    "publish.after:3",
    "effect.before:4",
    "spawn.after:3",
    "attach.settling:1",
    "frames.read:6",
    "frames.applied:3",
    "frames.answered:1",
    "exit.before:1",
    "git.branch:3",
    "git.refs:1",
    "git.admin:2",
)
# A server that dies again while it comes back. The first death is in the middle of the turn.
CHOSEN_TWICE = ("boot.adopted:1",)

COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 40, 60)
"""At all points: how often a point is passed before it kills. The first count that a scenario never reaches is the
last."""


@pytest.fixture
def rig() -> Iterator[Rig]:
    with make_rig() as rig:
        rig.make_repo()
        yield rig


async def survive(rig: Rig, *crashes: str) -> int:
    """Plays the scenario on a server that dies, and checks what came of it. Returns how often it died."""
    client = ReturningClient(rig, crashes)
    try:
        outcome = await play(rig, client)
        await check(rig, client, outcome)
    finally:
        await client.close()
    return client.deaths


if ALL:

    @pytest.mark.parametrize("point", [point for point in POINTS if not point.startswith("boot.")])
    async def test_the_server_dies_at_every_point(point: str) -> None:
        for count in COUNTS:
            with make_rig() as rig:
                rig.make_repo()
                if not await survive(rig, f"{point}:{count}"):
                    assert count > 1, f"the scenario never reaches {point}"
                    return

    @pytest.mark.parametrize("first", ["frames.applied:2", "frames.applied:5", "git.branch:3", "effect.before:8"])
    @pytest.mark.parametrize("second", [f"{point}:1" for point in POINTS])
    async def test_the_server_dies_again_at_every_point(rig: Rig, first: str, second: str) -> None:
        assert await survive(rig, first, second) >= 1

else:

    @pytest.mark.parametrize("crash", CHOSEN)
    async def test_the_server_dies_at_a_point(rig: Rig, crash: str) -> None:
        assert await survive(rig, crash) == 1

    @pytest.mark.parametrize("crash", CHOSEN_TWICE)
    async def test_the_server_dies_again_while_it_comes_back(rig: Rig, crash: str) -> None:
        assert await survive(rig, "frames.applied:4", crash) == 2
