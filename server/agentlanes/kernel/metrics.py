"""How agents are: what their processes take, and how their turns went.

Nothing is measured before somebody asks. Cpu is told for the time since the last look, so two that look share it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection

import msgspec

from agentlanes.core.limits import count_worked
from agentlanes.core.moment import read_milliseconds
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.kernel.ports.runners import Runners, Usage
from agentlanes.kernel.ports.store import Selection
from agentlanes.kernel.vitals import Vitals
from agentlanes.wire.models import (
    Agent,
    AgentPage,
    AgentState,
    AgentVitals,
    HealthMetrics,
    Session,
    SessionVitals,
    Turn,
)

SHORTEST_LOOK_MS = 200
"""Cpu over less than this says nothing; what was told last is told again."""
TURNS_READ = 100_000
SETTLING_MS = 10_000
"""A turn that ended so shortly before the first look may be heard of once more after it."""
_ENDS = frozenset({"completed", "failed", "interrupted"})
_BYTES_PER_MB = 1_000_000


class _Tally:
    """Turns of one profile that ended, and the milliseconds that they took."""

    __slots__ = ("count", "worked")

    def __init__(self) -> None:
        self.count = 0
        self.worked = 0

    def take(self, turn: Turn) -> None:
        assert turn.ended_at is not None
        self.count += 1
        self.worked += count_worked(turn, turn.ended_at)


class _Sample:
    """What a process took until it was looked at last."""

    __slots__ = ("at", "cpu_ms", "percent")

    def __init__(self, at: int, cpu_ms: int, percent: float) -> None:
        self.at = at
        self.cpu_ms = cpu_ms
        self.percent = percent


class Metrics:
    """Health of agents by the profile's name, and of sessions."""

    def __init__(self, kernel: Kernel, runners: Runners, vitals: Vitals, clock: Clock) -> None:
        self._kernel = kernel
        self._runners = runners
        self._vitals = vitals
        self._clock = clock
        self._samples: dict[str, _Sample] = {}
        self._tallies: dict[str, _Tally] | None = None
        self._counted: set[str] = set()
        kernel.listen(self._hear)

    async def complete(
        self, asked: AgentPage | AgentState | Awaitable[AgentPage] | Awaitable[AgentState]
    ) -> AgentPage | AgentState:
        """Agents with their health, as reads show them."""
        shown = await asked if isinstance(asked, Awaitable) else asked
        if isinstance(shown, AgentState):
            (found,) = await self.measure((shown.agent.name,))
            return AgentState(agent=_complete(shown.agent, found))
        found_by_name = {one.name: one for one in await self.measure([agent.name for agent in shown.agents])}
        agents = tuple(_complete(agent, found_by_name[agent.name]) for agent in shown.agents)
        return msgspec.structs.replace(shown, agents=agents)

    async def measure(self, names: Collection[str]) -> list[AgentVitals]:
        """How the agents of these profiles are now, in their order."""
        sessions: list[Session] = [
            session
            for session in self._kernel.state.all("session")
            if session.profile in names and session.process_id is not None and session.status == "attached"
        ]
        usages = await self._runners.measure([session.process_id for session in sessions if session.process_id])
        now = self._clock.milliseconds()
        self._samples = {id: sample for id, sample in self._samples.items() if self._kernel.state.get("process", id)}
        tallies = await self._count()
        shown = []
        for name in names:
            found = [
                self._show(session, usages[session.process_id], now)
                for session in sessions
                if session.profile == name and session.process_id is not None and session.process_id in usages
            ]
            shown.append(AgentVitals(name=name, health_metrics=_sum(found, tallies.get(name)), sessions=tuple(found)))
        return shown

    def _show(self, session: Session, usage: Usage, now: int) -> SessionVitals:
        assert session.process_id is not None
        return SessionVitals(
            session_id=session.session_id,
            process_id=session.process_id,
            cpu_usage=round(self._rate(session.process_id, usage, now), 1),
            memory_usage=round(usage.memory_bytes / _BYTES_PER_MB, 1),
            uptime=usage.uptime_ms / 1000,
            processes=usage.processes,
            last_heartbeat_at=self._vitals.heartbeats.get(session.session_id),
        )

    def _rate(self, process_id: str, usage: Usage, now: int) -> float:
        """Percent of one processor since the last look."""
        last = self._samples.get(process_id)
        if last is None:
            percent = usage.cpu_ms / max(1, usage.uptime_ms) * 100
        elif now - last.at < SHORTEST_LOOK_MS:
            return last.percent
        else:
            # What ended since took its share along.
            percent = max(0, usage.cpu_ms - last.cpu_ms) / (now - last.at) * 100
        self._samples[process_id] = _Sample(now, usage.cpu_ms, percent)
        return percent

    async def _count(self) -> dict[str, _Tally]:
        """How turns went: read once, heard of from then on."""
        await self._kernel.committed()
        if self._tallies is None:
            self._tallies = {}
            late = self._clock.milliseconds() - SETTLING_MS
            for session in self._kernel.state.all("session"):
                stored = self._kernel.store.select(Selection("turn", session_id=session.session_id, limit=TURNS_READ))
                for _, json in stored:
                    turn = msgspec.json.decode(json, type=Turn)
                    if turn.status in _ENDS and turn.ended_at is not None:
                        self._tallies.setdefault(session.profile, _Tally()).take(turn)
                        if read_milliseconds(turn.ended_at) > late:
                            self._counted.add(turn.turn_id)
        return self._tallies

    def _hear(self, committed: Committed) -> None:
        if self._tallies is None:
            return
        for event in committed.events:
            turn = event.entity
            if not isinstance(turn, Turn) or turn.status not in _ENDS or not event.topic.name.endswith(turn.status):
                continue
            session = self._kernel.state.get("session", turn.session_id)
            if turn.turn_id in self._counted:
                self._counted.discard(turn.turn_id)
            elif session is not None:
                self._tallies.setdefault(session.profile, _Tally()).take(turn)


def _complete(agent: Agent, found: AgentVitals) -> Agent:
    return msgspec.structs.replace(agent, health_metrics=found.health_metrics)


def _sum(sessions: list[SessionVitals], tally: _Tally | None) -> HealthMetrics:
    return HealthMetrics(
        cpu_usage=round(sum(session.cpu_usage for session in sessions), 1),
        memory_usage=round(sum(session.memory_usage for session in sessions), 1),
        uptime=max((session.uptime for session in sessions), default=0.0),
        commands_processed=tally.count if tally is not None else 0,
        average_response_time=round(tally.worked / tally.count, 1) if tally is not None and tally.count else 0.0,
    )
