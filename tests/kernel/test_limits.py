"""The reactors of limits and watchdogs on a kernel, with runners that refuse and a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from agentlanes.kernel.ports.patience import Patience
from agentlanes.kernel.ports.runners import RunnerError, RunnerErrorCode, Runners
from agentlanes.kernel.progress import Pace
from agentlanes.kernel.reactors.limits import Limits
from agentlanes.kernel.reactors.watchdog import Watchdog
from agentlanes.kernel.vitals import Vitals
from agentlanes.wire.models import Problem, Turn
from kernel.driving import ask, number_id
from kernel.history import History


class StandIn:
    """Runners that are told of limits, and refuse as they were told to."""

    def __init__(self, *refusals: RunnerErrorCode) -> None:
        self.refusals = list(refusals)
        self.told: list[tuple[str, int | None, int | None]] = []
        self.news = asyncio.Event()

    def reports(self) -> tuple[()]:
        return ()

    async def limit(self, process_id: str, *, memory_mb: int | None = None, cpu_percent: int | None = None) -> None:
        if self.refusals:
            raise RunnerError(self.refusals.pop(0), "an older version started it")
        self.told.append((process_id, memory_mb, cpu_percent))
        self.news.set()


@pytest.fixture
def history() -> Iterator[History]:
    history = History()
    try:
        yield history
    finally:
        history.release()


def begin(history: History, **limits: Any) -> Turn:
    """A turn that runs under these limits."""
    history.create_workspace()
    history.create_lane(1, None)
    history.settle_lane(0, None)
    workspace_id = number_id("workspace", 1)
    history.do(ask("constraint.create", {"name": "quick", "is_default": True, **limits}, workspace_id=workspace_id))
    history.create_session(1, 1, True, None)
    history.attach_agent(0, True)
    history.create_turn(1, 50)
    return find_turn(history)


def find_turn(history: History) -> Turn:
    (turn,) = history.kernel.state.all("turn")
    return cast(Turn, turn)


async def settle(reactor: Limits | Watchdog) -> None:
    """Until the reactor has looked at what there is."""
    for _ in range(50):
        await asyncio.sleep(0)
    await reactor._kernel.committed()


def test_a_runner_that_is_too_old_is_told_of(history: History) -> None:
    turn = begin(history, memory_limit_mb=100, time_limit_ms=3_600_000)
    runners = StandIn(RunnerErrorCode.RUNNER_TOO_OLD)

    async def run() -> None:
        limits = Limits(history.kernel, cast(Runners, runners), history.clock)
        limits.start()
        await history.kernel.until(lambda state: bool(state.get("turn", turn.turn_id).limits.unenforced))  # type: ignore[union-attr]
        await settle(limits)
        await limits.close()

    history.loop.run_until_complete(run())
    found = find_turn(history).limits
    assert found is not None
    assert (found.unenforced, found.unenforced_reason) == (("memory_limit_mb",), "an older version started it")
    assert runners.told == []


def test_a_runner_is_told_until_it_answers_and_let_go_when_the_turn_ends(history: History) -> None:
    turn = begin(history, memory_limit_mb=100, cpu_limit_percent=50)
    runners = StandIn(RunnerErrorCode.RUNNER_UNREACHABLE)

    async def run() -> None:
        limits = Limits(history.kernel, cast(Runners, runners), history.clock)
        limits.start()
        await runners.news.wait()
        runners.news.clear()
        await history.kernel.submit(
            ask("process.exit", {"process_id": turn.process_id, "exit_code": 0}, actor="server")
        )
        await runners.news.wait()
        await limits.close()

    history.loop.run_until_complete(run())
    assert runners.told == [(turn.process_id, 100, 50), (turn.process_id, None, None)]


@pytest.mark.parametrize("how", ["interrupt", "deadline"])
def test_an_agent_that_has_no_conversation_is_tried_again(history: History, how: str) -> None:
    turn = begin(history, time_limit_ms=1)
    abandoned: list[tuple[str, str]] = []
    ended = asyncio.Event()

    async def abandon(process_id: str, problem: Problem) -> bool:
        abandoned.append((process_id, problem.code))
        ended.set()
        return False

    async def run() -> None:
        if how == "interrupt":
            await history.kernel.submit(ask("turn.interrupt", {"turn_id": turn.turn_id}, facts=history.see("turn", "")))
        limits = Limits(history.kernel, cast(Runners, StandIn()), history.clock)
        patience = Patience(cancel_seconds=0.001)
        watchdog = Watchdog(
            history.kernel, cast(Runners, StandIn()), Vitals(), history.clock, abandon, lambda: patience
        )
        limits.start()
        watchdog.start()
        await ended.wait()
        await watchdog.close()
        await limits.close()

    history.loop.run_until_complete(run())
    assert abandoned[0] == (turn.process_id, "AGENT_UNSTOPPABLE")
    interrupt = find_turn(history).interrupt
    assert interrupt is not None
    assert (interrupt.problem is None) == (how == "interrupt")


def test_patience_that_is_zero_waits_for_ever(history: History) -> None:
    turn = begin(history)

    async def never(process_id: str, problem: Problem) -> bool:
        raise AssertionError(problem)

    async def run() -> None:
        await history.kernel.submit(ask("turn.interrupt", {"turn_id": turn.turn_id}, facts=history.see("turn", "")))
        endless = Patience(silence_seconds=0, retry_seconds=0, cancel_seconds=0, repeats=0)
        watchdog = Watchdog(history.kernel, cast(Runners, StandIn()), Vitals(), history.clock, never, lambda: endless)
        watchdog.start()
        assert await watchdog._look(history.clock.milliseconds() + 10**12) is None
        await watchdog.close()

    history.loop.run_until_complete(run())


def test_an_agent_that_is_silent_at_a_long_build_is_looked_at_now_and_then_only(history: History) -> None:
    turn = begin(history)
    vitals = Vitals()

    async def never(process_id: str, problem: Problem) -> bool:
        raise AssertionError(problem)

    async def run() -> None:
        watchdog = Watchdog(history.kernel, cast(Runners, StandIn()), vitals, history.clock, never, Patience)
        began = history.clock.milliseconds()
        vitals.paces[turn.session_id] = Pace(began)
        for minutes in (1, 16, 40, 59):
            now = began + minutes * 60_000
            due = await watchdog._look(now)
            assert due is not None and now + 60_000 <= due <= began + 3_600_000
        # A word that is no progress, after a quarter of an hour of silence, does not make it one that tries for ever.
        vitals.paces[turn.session_id].print(1, began + 20 * 60_000)
        assert await watchdog._look(began + 21 * 60_000) == began + 35 * 60_000
        assert find_turn(history).interrupt is None
        await watchdog._look(began + 35 * 60_000)
        interrupt = find_turn(history).interrupt
        assert interrupt is not None and interrupt.problem is not None
        assert (interrupt.problem.code, interrupt.problem.details["printed"]) == ("AGENT_SILENT", 1)  # type: ignore[index]

    history.loop.run_until_complete(run())
