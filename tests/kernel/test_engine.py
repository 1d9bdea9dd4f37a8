"""Operations end, also where their effects are refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agentlanes.core.errors import Refusal
from agentlanes.core.facts import RepoFacts
from agentlanes.core.world import LaneBase, ProfileSeen
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.reactors.engine import TRIES, Engine
from agentlanes.wire.models import Lane, LaneSettle, Problem
from kernel.driving import ask, ask_workspace, number_id

COMMIT = "a" * 40


@pytest.fixture
async def lane(kernel: Kernel) -> Lane:
    """A lane whose worktree is being made."""
    workspace_id = number_id("workspace", 1)
    await kernel.submit(ask_workspace(workspace_id=workspace_id))
    repo = RepoFacts("/src", "/src/.git", "/o", "sha1", "main", COMMIT, False, False, ())
    await kernel.submit(ask("repo.add", {"path": "/src"}, workspace_id=workspace_id, facts=repo))
    base = (ProfileSeen("demo", "acp", ("demo",)), LaneBase("/lanes", COMMIT, COMMIT, False, None))
    accepted = await kernel.submit(ask("lane.create", {"name": "a"}, workspace_id=workspace_id, facts=base))
    made: Lane = accepted.entity
    assert made.operation is not None
    return made


async def settle(kernel: Kernel, lane: Lane, problem: Problem | None = None) -> None:
    payload = LaneSettle(kind="create", problem=problem)
    assert lane.operation is not None
    await kernel.perform("lane.settle", payload, correlation_id=lane.operation.correlation_id, lane_id=lane.lane_id)


async def run(kernel: Kernel, effect: Any, give_ups: dict[tuple[str, str], Any], lane: Lane) -> Lane:
    """The lane when it has no operation any more."""
    engine = Engine(kernel, {("lane", "create"): effect}, give_ups, retry_seconds=0.0)
    engine.start()
    async with asyncio.timeout(20):
        await kernel.until(lambda state: state.get("lane", lane.lane_id).operation is None)  # type: ignore[union-attr]
    await engine.close()
    found = kernel.state.get("lane", lane.lane_id)
    assert isinstance(found, Lane)
    return found


async def test_an_effect_that_is_refused_for_good_ends_with_the_refusal(kernel: Kernel, lane: Lane) -> None:
    tries = 0

    async def refuse(entity: Lane) -> None:
        nonlocal tries
        tries += 1
        raise Refusal("REPO_NOT_FOUND", "it is gone")

    async def give_up(entity: Lane, problem: Problem) -> None:
        await settle(kernel, entity, problem)

    ended = await run(kernel, refuse, {("lane", "create"): give_up}, lane)
    assert tries == TRIES
    assert (ended.status, ended.problem and ended.problem.code) == ("error", "REPO_NOT_FOUND")


async def test_an_effect_that_is_refused_once_is_driven_again(kernel: Kernel, lane: Lane) -> None:
    tries = 0

    async def refuse_first(entity: Lane) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Refusal("STALE", "the world changed")
        await settle(kernel, entity)

    assert (await run(kernel, refuse_first, {}, lane)).status == "ready"
    assert tries == 2


async def test_an_effect_whose_operation_ended_is_not_driven_again(kernel: Kernel, lane: Lane) -> None:
    tries = 0

    async def settle_and_refuse(entity: Lane) -> None:
        nonlocal tries
        tries += 1
        await settle(kernel, entity)
        raise Refusal("STALE", "nothing is left to do")

    assert (await run(kernel, settle_and_refuse, {}, lane)).status == "ready"
    await asyncio.sleep(0)
    assert tries == 1
