"""Watches the harness: by checks at intervals, before a prompt that wants it, and by what agents meet in their turns.

What is said of it is one entity, whose change is an event. Where the config names no harness nothing is done but
looking whether it does now.
"""

from __future__ import annotations

import asyncio
import logging
import time

import msgspec

from agentlanes.core.errors import Refusal
from agentlanes.core.route import HARNESS
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.environments import Environments
from agentlanes.kernel.health import Health, find_status
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.kernel.ports.harness import Finding, Harness, HarnessPlan
from agentlanes.kernel.vitals import Vitals
from agentlanes.wire.models import (
    HarnessFault,
    HarnessGet,
    HarnessSettle,
    HarnessSource,
    HarnessState,
    HarnessStatus,
    Item,
    Turn,
)

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""Between two looks at whether a harness is configured."""
BUSY_SECONDS = 1.0
"""Between two checks while an agent runs through the harness, or while it is out."""
AGAIN_SECONDS = 0.2
"""Between the beginnings of a check that failed and of the one that confirms it."""
ON_DEMAND_SECONDS = 1.8
"""For as long a prompt waits to know its route; then the route is around the harness."""


class Watch:
    """The one that checks."""

    def __init__(
        self, kernel: Kernel, harness: Harness, environments: Environments, vitals: Vitals, clock: Clock
    ) -> None:
        self._kernel = kernel
        self._harness = harness
        self._environments = environments
        self._vitals = vitals
        self._clock = clock
        self._health = Health(Finding("unavailable", "not_checked"))
        self._checked = 0.0
        self._checking = asyncio.Lock()
        self._wakeup = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to watch."""
        known = self._known()
        if known is not None:
            self._health = Health(Finding(known.status, known.fault, known.degrade_reason))
        self._kernel.listen(self._hear)
        self._task = asyncio.create_task(self._run(), name="harness")

    async def close(self) -> None:
        """Stops watching."""
        tasks = [*self._tasks, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._harness.close()

    async def get(self, payload: HarnessGet) -> HarnessState:
        """The answer to harness.status.get."""
        if self._harness.plan() is None:
            raise Refusal(
                "HARNESS_NOT_CONFIGURED",
                'the config file names no harness; [harness] with url = "http://127.0.0.1:8317" in config.toml does',
            )
        if payload.fresh or self._known() is None:
            await self.refresh()
        known = self._known()
        assert known is not None
        shown: HarnessStatus = self._vitals.complete("harness", known)
        return HarnessState(harness=shown)

    async def refresh(self) -> None:
        """Makes what is said of the harness true now, before a route is chosen by it. Prompts that come together
        share a check, if it began after they came."""
        came = time.monotonic()
        deadline = came + ON_DEMAND_SECONDS
        async with self._checking:
            plan = await self._follow_plan()
            if plan is None or self._checked > came:
                return
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + deadline - time.monotonic()):
                    await self._check(plan, "on_demand")
                    while self._health.is_in_doubt:
                        # One that waited for its answer in vain has waited enough.
                        await asyncio.sleep(max(0.0, self._checked + AGAIN_SECONDS - time.monotonic()))
                        await self._check(plan, "on_demand")
            except TimeoutError:
                found = Finding("unavailable", "timeout", f"{plan.url} did not answer within {ON_DEMAND_SECONDS:g} s")
                for _ in range(plan.failures):
                    await self._take(found, plan, "on_demand")

    def _known(self) -> HarnessStatus | None:
        return next(iter(self._kernel.state.all("harness")), None)

    async def _run(self) -> None:
        while True:
            self._wakeup.clear()
            pause = LOOK_SECONDS
            try:
                async with self._checking:
                    plan = await self._follow_plan()
                    if plan is not None:
                        await self._check(plan, "interval")
                        pause = self._choose_pause(plan)
            except Refusal as refusal:
                log.info("harness: %s", refusal.message)
                pause = BUSY_SECONDS
            except Exception:
                log.exception("the check of the harness failed")
            try:
                async with asyncio.timeout(pause):
                    await self._wakeup.wait()
            except TimeoutError:
                continue

    def _choose_pause(self, plan: HarnessPlan) -> float:
        if self._health.is_in_doubt:
            return AGAIN_SECONDS
        if self._health.current.status == "healthy" and not self._is_used():
            return plan.interval_seconds
        return min(plan.interval_seconds, BUSY_SECONDS)

    def _is_used(self) -> bool:
        return any(s.transport == HARNESS and s.process_id is not None for s in self._kernel.state.all("session"))

    async def _follow_plan(self) -> HarnessPlan | None:
        """The plan, after the log says the same as the config file about which harness there is."""
        plan, known = self._harness.plan(), self._known()
        if plan is None:
            if known is not None and known.fault != "not_configured":
                reason = "the config file names no harness any more"
                await self._settle(Finding("unavailable", "not_configured", reason), known.url, "config")
        elif known is None or known.url != plan.url or known.fault == "not_configured":
            self._checked = 0.0
            self._health = Health(Finding("unavailable", "not_checked", "it was not checked yet"))
            await self._settle(self._health.current, plan.url, "config")
        return plan

    async def _check(self, plan: HarnessPlan, source: HarnessSource) -> None:
        key = self._environments.look_up(plan.key_env) if plan.key_env is not None else None
        self._checked = time.monotonic()
        found = await self._harness.probe(plan, key)
        self._vitals.harness_checked_at = self._clock.now()
        await self._take(found, plan, source)

    async def _take(self, found: Finding, plan: HarnessPlan, source: HarnessSource) -> None:
        told = self._health.take(found, plan, time.monotonic())
        if told is not None:
            await self._settle(told, plan.url, source)

    async def _settle(self, found: Finding, url: str, source: HarnessSource) -> None:
        try:
            await self._kernel.perform(
                "harness.settle",
                HarnessSettle(
                    url=url, status=found.status, fault=found.fault, degrade_reason=found.reason, source=source
                ),
            )
        except Refusal as refusal:
            if refusal.code != "STALE":
                # What could not be recorded is found out again.
                known = self._known()
                if known is not None:
                    self._health = Health(Finding(known.status, known.fault, known.degrade_reason))
                raise

    def _hear(self, committed: Committed) -> None:
        for event in committed.events:
            entity = event.entity
            if (isinstance(entity, Turn) and event.topic.name == "turn.failed") or (
                isinstance(entity, Item) and entity.kind == "error"
            ):
                self._meet(entity)

    def _meet(self, entity: Turn | Item) -> None:
        """An agent's error: where it went through the harness, it may be the harness'."""
        session = self._kernel.state.get("session", entity.session_id)
        plan = self._harness.plan()
        if session is None or session.transport != HARNESS or plan is None:
            return
        told = [entity.problem, entity.text if isinstance(entity, Item) else None]
        status = find_status(msgspec.to_builtins(told))
        self._wakeup.set()
        if status is None:
            return
        fault: HarnessFault = "overloaded" if status == 503 else "cooling_down"
        reason = f"an agent got {status} from it in its turn; it is tried again in {plan.cooldown_seconds:g} s"
        changed = self._health.meet(Finding("degraded", fault, reason), plan, time.monotonic())
        if changed is not None:
            task = asyncio.create_task(self._tell(changed, plan.url), name="harness.turn")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, told: Finding, url: str) -> None:
        try:
            await self._settle(told, url, "turn")
        except Refusal as refusal:
            log.info("harness: %s", refusal.message)
