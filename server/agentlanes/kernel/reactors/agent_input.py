"""What is written to an agent: recorded first, then handed over in order, each number once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from agentlanes.kernel.ports.agents import Start
from agentlanes.kernel.ports.runners import RunnerError, Runners
from agentlanes.wire.models import AgentWrite

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.2


class Input:
    """The recorded writes of one agent process, of which the runner drops those that it has."""

    def __init__(self, runners: Runners, process_id: str, line_end: bytes) -> None:
        self._runners = runners
        self._process_id = process_id
        self._line_end = line_end
        self._waiting: list[AgentWrite] = []
        self._unlogged: dict[int, str] = {}
        """What is handed over in place of what is recorded, by number."""
        self._wrote = False

    def restore(self, writes: Sequence[AgentWrite]) -> None:
        """Begin with what the log has."""
        self._waiting = list(writes)
        self._wrote = bool(writes)

    def add(self, writes: Sequence[AgentWrite], unlogged: Mapping[int, str]) -> None:
        """What was recorded now."""
        self._waiting += writes
        self._unlogged |= unlogged
        self._wrote = self._wrote or bool(writes)

    async def deliver(self, is_over: Callable[[], bool]) -> None:
        """Hands over what waits. What an agent does not take any more that has ended is dropped."""
        while self._waiting:
            write = self._waiting[0]
            try:
                recorded = write.data.encode() + self._line_end
                unlogged = self._unlogged.get(write.n)
                if unlogged is None:
                    await self._runners.write(self._process_id, recorded, n=write.n)
                else:
                    data = unlogged.encode() + self._line_end
                    await self._runners.write(self._process_id, data, n=write.n, kept=recorded)
            except RunnerError as error:
                if not error.retryable:
                    log.info("agent %s takes no input: %s", self._process_id, error)
                    self._waiting.clear()
                    return
                if is_over():
                    return
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._unlogged.pop(write.n, None)
                self._waiting.pop(0)

    async def close(self, start: Start | None) -> None:
        """Closes the input of an agent that reads one prompt, behind it. Doing it again does nothing."""
        if start is None or not start.closes_input or self._waiting or not (start.fills or self._wrote):
            return
        try:
            await self._runners.close_stdin(self._process_id)
        except RunnerError as error:
            log.info("agent %s: %s", self._process_id, error)
