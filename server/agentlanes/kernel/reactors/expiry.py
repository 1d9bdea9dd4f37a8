"""Approvals that nobody decides expire; those that are overdue at boot expire at once."""

from __future__ import annotations

import asyncio
import logging

from agentlanes.core.errors import Refusal
from agentlanes.kernel.clock import Clock, read_time
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.wire.models import Approval, ApprovalRef

log = logging.getLogger(__name__)

LONGEST_SLEEP = 3600.0


class Expiry:
    """One timer, set to the approval that expires next."""

    def __init__(self, kernel: Kernel, clock: Clock) -> None:
        self._kernel = kernel
        self._clock = clock
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to watch."""
        self._kernel.listen(self._hear)
        self._task = asyncio.create_task(self._run(), name="expiry")

    async def close(self) -> None:
        """Stops watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _hear(self, committed: Committed) -> None:
        if any(event.topic.noun == "approval" for event in committed.events):
            self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            now = self._clock.milliseconds() / 1000
            pending: list[Approval] = [a for a in self._kernel.state.all("approval") if a.status == "pending"]
            for approval in pending:
                if read_time(approval.expires_at) <= now:
                    await self._expire(approval)
            later = [read_time(a.expires_at) for a in pending if read_time(a.expires_at) > now]
            try:
                async with asyncio.timeout(min(min(later, default=now + LONGEST_SLEEP) - now, LONGEST_SLEEP)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _expire(self, approval: Approval) -> None:
        try:
            turn = self._kernel.state.get("turn", approval.turn_id)
            correlation_id = turn.correlation_id if turn is not None else None
            await self._kernel.perform(
                "approval.expire", ApprovalRef(approval_id=approval.approval_id), correlation_id=correlation_id
            )
        except Refusal as refusal:
            log.info("approval %s: %s", approval.approval_id, refusal.message)
            await asyncio.sleep(1.0)
