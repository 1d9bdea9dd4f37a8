"""Drives every open operation, at boot and from then on.

An entity whose `operation` is set has an effect under way. Its effect is a coroutine that ends with an internal command
which clears the operation. The state is the queue: what a crash cut is found again in it, and run again; effects are
idempotent by the ids that the decision chose.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentlanes.core.errors import Refusal
from agentlanes.crash_points import reached
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.wire.models import Problem
from agentlanes.wire.table import ENTITIES

log = logging.getLogger(__name__)

Effect = Callable[[Any], Awaitable[None]]
"""Is given the entity with its operation. May raise Refusal: STALE means that there is nothing left to do."""

GiveUp = Callable[[Any, Problem], Awaitable[None]]
"""Ends an operation whose effect is refused again and again, with the refusal as its problem."""

RETRY_SECONDS = 1.0
TRIES = 4
"""How often an effect may be refused without having ended its operation."""


class Engine:
    """Runs one effect for each operation."""

    def __init__(
        self,
        kernel: Kernel,
        effects: dict[tuple[str, str], Effect],
        give_ups: Mapping[tuple[str, str], GiveUp],
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """Where there is no way to give up, an effect is driven for as long as its operation is open."""
        self._kernel = kernel
        self._effects = effects
        self._give_ups = give_ups
        self._retry_seconds = retry_seconds
        self._tasks: dict[tuple[str, str, str, str], asyncio.Task[None]] = {}

    def start(self) -> None:
        """Takes up what is open, and hears of what opens."""
        self._kernel.listen(self._hear)
        for noun in ENTITIES:
            for entity in list(self._kernel.state.all(noun)):
                self._drive(noun, entity)

    async def close(self) -> None:
        """Stops driving. What is cut is driven again after the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hear(self, committed: Committed) -> None:
        for event in committed.events:
            self._drive(event.topic.noun, event.entity)

    def _drive(self, noun: str, entity: Any) -> None:
        operation = getattr(entity, "operation", None)
        if operation is None or (noun, operation.kind) not in self._effects:
            return
        place = (noun, getattr(entity, ENTITIES[noun].id))
        key = (*place, operation.kind, operation.correlation_id)
        if key not in self._tasks:
            before = [task for other, task in self._tasks.items() if other[:2] == place]
            task = asyncio.create_task(self._run(noun, entity, before), name=f"{noun}.{operation.kind}")
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key, None))

    def _is_open(self, noun: str, entity: Any) -> bool:
        """Whether the entity still has the operation that its effect was started for."""
        current = self._kernel.state.get(noun, getattr(entity, ENTITIES[noun].id))
        operation = getattr(current, "operation", None)
        wanted = entity.operation
        return operation is not None and (operation.kind, operation.correlation_id) == (
            wanted.kind,
            wanted.correlation_id,
        )

    async def _run(self, noun: str, entity: Any, before: list[asyncio.Task[None]]) -> None:
        if before:
            # One effect at a time for each entity: what ends a session has to find what its start left.
            await asyncio.wait(before)
        key = (noun, entity.operation.kind)
        effect = self._effects[key]
        problem: Problem | None = None
        refused = 0
        while self._is_open(noun, entity):
            try:
                if problem is not None and refused >= TRIES and key in self._give_ups:
                    await self._give_ups[key](entity, problem)
                    return
                reached("effect.before")
                await effect(entity)
                reached("effect.after")
                return
            except Refusal as refusal:
                if refusal.code == "STORE_UNAVAILABLE":
                    log.warning("%s %s waits for the log", *key)
                else:
                    # What is open must end: nobody could do anything else with the entity.
                    log.info("%s %s: %s", *key, refusal.message)
                    refused, problem = refused + 1, refusal.problem()
            except Exception:
                log.exception("%s %s failed; it is driven again", *key)
            await asyncio.sleep(self._retry_seconds)
