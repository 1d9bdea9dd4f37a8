"""One timer for whatever is due next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agentlanes.kernel.clock import Clock

log = logging.getLogger(__name__)

LONGEST_SLEEP_MS = 3_600_000
RETRY_MS = 1000

Look = Callable[[int], Awaitable[int | None]]
"""Does what is due at this time, in milliseconds since the epoch, and says when to look again; None where only news can
change that."""


class Alarm:
    """Looks when something is due or `ring` says that something changed. What it looks at is the state, so that nothing
    is lost when the server ends: the next one looks at the same."""

    def __init__(self, clock: Clock, look: Look, name: str) -> None:
        self._clock = clock
        self._look = look
        self._name = name
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def close(self) -> None:
        """Looks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def ring(self) -> None:
        """Look now."""
        self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            now = self._clock.milliseconds()
            try:
                due = await self._look(now)
            except Exception:
                log.exception("%s failed; it looks again", self._name)
                due = now + RETRY_MS
            seconds = None if due is None else min(max(due - self._clock.milliseconds(), 0), LONGEST_SLEEP_MS) / 1000
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            except TimeoutError:
                continue
