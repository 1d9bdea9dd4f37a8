"""The effect of an emergency stop: nothing that it stops lives when it says that it has ended.

That is every process of whole lanes; of a stop by profile, whose lanes go on, every agent, and whatever it left behind.

It looks and ends again until nothing is there: an agent that was just being started when the stop came is ended as soon
as it is there. Whatever a crash cut is begun anew by the next server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from agentlanes.core.state import State
from agentlanes.core.stop import GRACE_MS
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.ports.runners import Runners
from agentlanes.kernel.reactors.engine import Effect
from agentlanes.wire.models import Stop, StopSettle

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How long the log may take to hear of the ends before the world is looked at again."""


class Stops:
    """Emergency stops that are under way."""

    def __init__(self, kernel: Kernel, runners: Runners) -> None:
        self._kernel = kernel
        self._runners = runners

    def effects(self) -> dict[tuple[str, str], Effect]:
        """What the engine runs."""
        return {("stop", "stop"): self._stop}

    async def _stop(self, stop: Stop) -> None:
        assert stop.operation is not None
        while True:
            await self._end(stop)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._kernel.until(lambda state: _is_over(state, stop))
                    break
        # What was being started while the first look went on may have left something behind.
        left = await self._end(stop)
        if left:
            log.warning("emergency stop %s: processes %s would not die", stop.stop_id, left)
        await self._kernel.perform(
            "stop.settle",
            StopSettle(stop_id=stop.stop_id, survivor_pids=left),
            correlation_id=stop.operation.correlation_id,
        )

    async def _end(self, stop: Stop) -> tuple[int, ...]:
        """Ends what is stopped and what that left behind; the pids that would not die."""
        if stop.lane_ids:
            return await self._runners.stop_lanes(stop.lane_ids, grace_ms=GRACE_MS)
        return await self._runners.stop_fully(stop.process_ids, grace_ms=GRACE_MS)


def _is_over(state: State, stop: Stop) -> bool:
    """Whether the log knows of nothing that runs, or is being started, among what is stopped."""
    if any(state.get("process", process_id) is not None for process_id in stop.process_ids):
        return False
    for session_id in stop.session_ids:
        session = state.get("session", session_id)
        if session is not None and session.process_id in stop.process_ids:
            return False
    for lane_id in stop.lane_ids:
        if any(state.children("process", lane_id)):
            return False
        if any(terminal.state != "closed" for terminal in state.children("terminal", lane_id)):
            return False
    return not any(
        terminal is not None and terminal.state != "closed"
        for terminal in (state.get("terminal", terminal_id) for terminal_id in stop.terminal_ids)
    )
