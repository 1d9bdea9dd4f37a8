"""Emergency stops: how one ends, and what it says wherever it ended something."""

from __future__ import annotations

from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.wire.models import Problem, Stop, StopSettle

GRACE_MS = 500
"""How long a process has after each step of the ladder that ends with KILL."""


def settle(draft: Draft, command: Command[StopSettle]) -> None:
    stop: Stop | None = draft.get("stop", command.payload.stop_id)
    if stop is None:
        raise Refusal("STALE", f"emergency stop {command.payload.stop_id} has ended")
    draft.change(
        "stop.ended",
        stop,
        status="stopped",
        survivor_pids=command.payload.survivor_pids,
        operation=None,
        ended_at=command.at,
    )


def describe(stop_id: str, reason: str | None) -> Problem:
    """Why something ended that an emergency stop ended."""
    because = f": {reason}" if reason else ""
    return Problem(
        code="EMERGENCY_STOP",
        message=f"an emergency stop ended it{because}; session.attach starts the agent again"[:8192],
        details={"stop_id": stop_id, **({"reason": reason} if reason else {})},
    )
