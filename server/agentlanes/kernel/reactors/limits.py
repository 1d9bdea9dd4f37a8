"""Limits of running turns: time, tokens and cost are kept here, memory and cpu by the runner that is told of them.

Everything is taken from the state, so a restart goes on with the same deadlines.
"""

from __future__ import annotations

import logging

from agentlanes.core.errors import Refusal
from agentlanes.core.limits import find_breach, find_time_end
from agentlanes.kernel.clock import Clock, write_time
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.kernel.ports.runners import RunnerError, RunnerErrorCode, Runners
from agentlanes.kernel.reactors.alarm import Alarm
from agentlanes.wire.models import LimitName, Problem, Turn, TurnExempt, TurnHalt
from agentlanes.wire.models import Limits as TurnLimits

log = logging.getLogger(__name__)

RETRY_MS = 1000

Hold = tuple[int | None, int | None]
"""MiB of memory, percent of cpu."""


class Limits:
    """Asks agents to stop at their limits, and tells runners what they may take."""

    def __init__(self, kernel: Kernel, runners: Runners, clock: Clock) -> None:
        self._kernel = kernel
        self._runners = runners
        self._held: dict[str, Hold] = {}
        """What runners were told, by process."""
        self._exempt: set[str] = set()
        """Turns that were told that nobody holds them to memory or cpu."""
        self._alarm = Alarm(clock, self._look, "limits")

    def start(self) -> None:
        """Begins to watch."""
        # Limits of a turn that ended just before the last server did.
        self._held = {report.process_id: (1, 1) for report in self._runners.reports() if report.limited}
        self._kernel.listen(self._hear)
        self._alarm.start()

    async def close(self) -> None:
        """Stops watching; runners go on."""
        await self._alarm.close()

    def _hear(self, committed: Committed) -> None:
        if any(event.topic.noun in ("turn", "process") for event in committed.events):
            self._alarm.ring()

    async def _look(self, now: int) -> int | None:
        at = write_time(now / 1000)
        due: list[int] = []
        turns: list[Turn] = [t for t in self._kernel.state.all("turn") if t.status in ("running", "waiting")]
        for turn in turns:
            if turn.limits is None or turn.interrupt is not None:
                continue
            problem = find_breach(turn, at)
            if problem is not None:
                await halt(self._kernel, turn, problem)
                continue
            end = find_time_end(turn)
            if end is not None:
                due.append(end)
        if not await self._hold(turns):
            due.append(now + RETRY_MS)
        return min(due, default=None)

    async def _hold(self, turns: list[Turn]) -> bool:
        """Has runners hold what the turns say. False if one could not be told now."""
        wanted: dict[str, tuple[Hold, Turn]] = {}
        for turn in turns:
            hold = (turn.limits.memory_limit_mb, turn.limits.cpu_limit_percent) if turn.limits is not None else None
            if hold in (None, (None, None)) or turn.process_id is None or turn.turn_id in self._exempt:
                continue
            assert hold is not None
            if self._kernel.state.get("process", turn.process_id) is not None:
                wanted[turn.process_id] = hold, turn
        self._exempt &= {turn.turn_id for turn in turns}
        told = True
        for process_id in [*wanted, *(self._held.keys() - wanted.keys())]:
            hold, turn_of = wanted.get(process_id, ((None, None), None))
            if self._held.get(process_id) != hold:
                told = await self._tell(process_id, hold, turn_of) and told
        return told

    async def _tell(self, process_id: str, hold: Hold, turn: Turn | None) -> bool:
        try:
            await self._runners.limit(process_id, memory_mb=hold[0], cpu_percent=hold[1])
        except RunnerError as error:
            if error.retryable:
                return False
            self._held.pop(process_id, None)
            if turn is not None and error.code is RunnerErrorCode.RUNNER_TOO_OLD:
                await self._tell_exempt(turn, error.message)
            return True
        if turn is None:
            self._held.pop(process_id, None)
        else:
            self._held[process_id] = hold
        return True

    async def _tell_exempt(self, turn: Turn, reason: str) -> None:
        assert turn.limits is not None
        self._exempt.add(turn.turn_id)
        log.warning("turn %s: %s", turn.turn_id, reason)
        payload = TurnExempt(turn_id=turn.turn_id, unenforced=_list_held(turn.limits), reason=reason)
        try:
            await self._kernel.perform("turn.exempt", payload, correlation_id=turn.correlation_id)
        except Refusal as refusal:
            log.info("turn %s: %s", turn.turn_id, refusal.message)


_HELD: tuple[LimitName, ...] = ("memory_limit_mb", "cpu_limit_percent")


def _list_held(limits: TurnLimits) -> tuple[LimitName, ...]:
    return tuple(name for name in _HELD if getattr(limits, name) is not None)


async def halt(kernel: Kernel, turn: Turn, problem: Problem) -> None:
    """Asks the turn's agent to stop because of a problem, unless it is being stopped already."""
    log.info("turn %s: %s", turn.turn_id, problem.message)
    try:
        payload = TurnHalt(turn_id=turn.turn_id, problem=problem)
        await kernel.perform("turn.halt", payload, correlation_id=turn.correlation_id)
    except Refusal as refusal:
        if refusal.code == "STORE_UNAVAILABLE":
            raise
        log.info("turn %s: %s", turn.turn_id, refusal.message)
