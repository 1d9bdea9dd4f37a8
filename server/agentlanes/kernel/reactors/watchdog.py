"""Watches agents that work: those that fall silent, try the same for ever, go in circles, or do not stop when asked.

One timer for all of them. What an agent prints moves no timer; it only changes what is found when one is due.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from agentlanes.core.moment import read_milliseconds
from agentlanes.core.route import HARNESS, must_stay
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.kernel.ports.patience import Patience
from agentlanes.kernel.ports.runners import Runners
from agentlanes.kernel.ports.store import Selection
from agentlanes.kernel.progress import Circle, Pace
from agentlanes.kernel.reactors.alarm import Alarm
from agentlanes.kernel.reactors.limits import halt
from agentlanes.kernel.vitals import Vitals
from agentlanes.wire.models import HarnessStatus, Item, Problem, Session, Turn

log = logging.getLogger(__name__)

ITEMS_LOOKED_AT = 2000
"""How many items of a turn are read after a restart to see whether its agent goes in circles."""
AGAIN_MS = 10_000
"""When to end an agent once more that was to be ended and still is there."""

Abandon = Callable[[str, Problem], Awaitable[bool]]
"""Ends an agent's process with a problem; False where it has no conversation yet."""


class Watchdog:
    """Patience with agents, and the end of it."""

    def __init__(
        self,
        kernel: Kernel,
        runners: Runners,
        vitals: Vitals,
        clock: Clock,
        abandon: Abandon,
        find_patience: Callable[[], Patience],
    ) -> None:
        self._kernel = kernel
        self._runners = runners
        self._vitals = vitals
        self._clock = clock
        self._abandon = abandon
        self._find_patience = find_patience
        self._circles: dict[str, Circle] = {}
        self._alarm = Alarm(clock, self._look, "watchdog")

    def start(self) -> None:
        """Begins to watch."""
        for turn in self._list_turns():
            self._recall(turn)
        self._kernel.listen(self._hear)
        self._alarm.start()

    async def close(self) -> None:
        """Stops watching."""
        await self._alarm.close()

    def _hear(self, committed: Committed) -> None:
        for event in committed.events:
            entity: Any = event.entity
            if event.topic.noun == "turn":
                if event.topic.name in ("turn.started", "turn.resumed"):
                    self._vitals.paces[entity.session_id] = Pace(self._clock.milliseconds())
                if entity.ended_at is not None:
                    self._circles.pop(entity.turn_id, None)
                self._alarm.ring()
            elif event.topic.noun == "harness":
                self._alarm.ring()
            elif event.topic.name == "item.completed" and entity.tool is not None:
                circle = self._circles.setdefault(entity.turn_id, Circle())
                circle.take(entity)
                if circle.count >= self._find_patience().repeats > 0:
                    self._alarm.ring()

    def _list_turns(self) -> list[Turn]:
        return [turn for turn in self._kernel.state.all("turn") if turn.status in ("running", "waiting")]

    async def _look(self, now: int) -> int | None:
        patience = self._find_patience()
        due: list[int] = []
        turns = self._list_turns()
        for turn in turns:
            if turn.interrupt is not None:
                due += await self._see_interrupt(turn, patience, now)
            elif turn.status == "running":
                problem = self._see_circle(turn, patience) or self._see_silence(turn, patience, now, due)
                if problem is not None:
                    await halt(self._kernel, turn, problem)
        self._circles = {turn.turn_id: self._circles[turn.turn_id] for turn in turns if turn.turn_id in self._circles}
        return min(due, default=None)

    async def _see_interrupt(self, turn: Turn, patience: Patience, now: int) -> list[int]:
        """When to look again at a turn that was asked to stop."""
        assert turn.interrupt is not None
        if not patience.cancel_seconds or turn.process_id is None:
            return []
        end = read_milliseconds(turn.interrupt.requested_at) + round(patience.cancel_seconds * 1000)
        if now < end:
            return [end]
        problem = Problem(
            code="AGENT_UNSTOPPABLE",
            message=f"the agent was asked to stop and did not within {patience.cancel_seconds:g} s; it was ended, and "
            "session.attach starts it again",
            details={"requested_at": turn.interrupt.requested_at},
        )
        await self._abandon(turn.process_id, problem)
        return [now + AGAIN_MS]

    def _see_circle(self, turn: Turn, patience: Patience) -> Problem | None:
        circle = self._circles.get(turn.turn_id)
        if circle is None or not 0 < patience.repeats <= circle.count:
            return None
        return Problem(
            code="AGENT_LOOPS",
            message=f"the agent was stopped: it made the same tool call {circle.count} times in a row with the same "
            f"result ({circle.title[:200]})",
            details={"repeats": circle.count, "tool": circle.title[:1000]},
        )

    def _see_silence(self, turn: Turn, patience: Patience, now: int, due: list[int]) -> Problem | None:
        session: Session | None = self._kernel.state.get("session", turn.session_id)
        limits = turn.limits
        given = limits.silence_limit_ms if limits is not None else None
        if session is None or (given is None and session.driver == "terminal"):
            # Nobody can tell how a program in a terminal gets on.
            return None
        pace = self._vitals.paces.get(turn.session_id) or self._begin(turn)
        silence = given if given is not None else round(patience.silence_seconds * 1000)
        ends = [(pace.at + silence, silence)] if silence else []
        harness = self._find_cut(session) if given is None else None
        # What an agent prints, or begins, moves no timer, so that it is looked whether it has by then.
        retry = round(patience.retry_seconds * 1000) if given is None else 0
        if retry and pace.printed:
            ends.append((pace.since + retry, retry))
        elif retry:
            due.append(now + retry)
        cut = round(patience.harness_seconds * 1000) if harness is not None else 0
        if harness is not None and cut and not self._runs_tool(turn):
            # It can only be waiting for its model, and that cannot answer.
            ends.append((max(pace.at, read_milliseconds(harness.changed_at)) + cut, cut))
        elif cut:
            due.append(now + cut)
        if not ends:
            return None
        end, bound = min(ends)
        if now < end:
            due.append(end)
            return None
        silent = now - pace.at
        if pace.printed:
            told = (
                f"printed {pace.printed} frames and did not get on for {silent / 1000:g} s (it may try again for ever)"
            )
        else:
            told = f"was silent for {silent / 1000:g} s"
        told += f", where {bound / 1000:g} s are allowed"
        if limits is not None and given is not None:
            told += f" by constraint {limits.name}"
        if harness is not None:
            told += f"; the harness that it goes through is {harness.status}, and the next turn goes around it"
        details: dict[str, Any] = {"limit": "silence_limit_ms", "value": bound, "used": silent, "printed": pace.printed}
        if limits is not None and given is not None:
            details |= {"constraint_id": limits.constraint_id, "constraint": limits.name}
        if session.activity:
            details["activity"] = session.activity
        if harness is not None:
            details["harness"] = {"status": harness.status, "fault": harness.fault}
        return Problem(code="AGENT_SILENT", message=f"the agent was stopped: it {told}", details=details)

    def _find_cut(self, session: Session) -> HarnessStatus | None:
        """The harness, where the session's agent goes through it and it is not there."""
        if session.transport != HARNESS or must_stay(session):
            return None
        harness: HarnessStatus | None = next(iter(self._kernel.state.all("harness")), None)
        return harness if harness is not None and harness.status == "unavailable" else None

    def _runs_tool(self, turn: Turn) -> bool:
        items: Iterable[Item] = self._kernel.state.children("item", turn.turn_id)
        return any(item.kind == "tool_call" for item in items)

    def _recall(self, turn: Turn) -> None:
        """What the last server saw of a turn's tool calls."""
        stored = self._kernel.store.select(Selection("item", parent=turn.turn_id, limit=ITEMS_LOOKED_AT))
        if len(stored) == ITEMS_LOOKED_AT:
            return
        circle = self._circles[turn.turn_id] = Circle()
        items = [msgspec.json.decode(json, type=Item) for _, json in stored]
        for item in sorted(items, key=lambda item: item.position):
            circle.take(item)

    def _begin(self, turn: Turn) -> Pace:
        """After a restart: the agent got on when it printed last, or when its turn began."""
        times = [read_milliseconds(turn.started_at)] if turn.started_at is not None else []
        if turn.process_id is not None:
            session: Session | None = self._kernel.state.get("session", turn.session_id)
            tape = self._runners.tape(turn.process_id, "pty" if session and session.driver == "terminal" else "out")
            try:
                times += [mark["t"] for mark in tape.marks()[-1:] if isinstance(mark.get("t"), int)]  # type: ignore[misc]
            except OSError as error:
                log.info("turn %s: %s", turn.turn_id, error)
            finally:
                tape.close()
        return self._vitals.paces.setdefault(turn.session_id, Pace(max(times, default=self._clock.milliseconds())))
