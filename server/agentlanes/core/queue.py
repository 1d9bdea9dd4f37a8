"""The rules of a session's queue: which turn runs next, what its end closes, and what the lane is because of it."""

from __future__ import annotations

from typing import Any

from agentlanes.core.draft import Draft
from agentlanes.wire.models import Lane, Problem, Session, Turn

USABLE = ("ready", "running", "blocked")
"""States of a lane that has its worktree."""

_ENDS = {"completed": "turn.completed", "failed": "turn.failed", "interrupted": "turn.interrupted"}


def is_over(session: Session) -> bool:
    """Whether the session has ended, or is being ended."""
    return session.status == "terminated" or (session.operation is not None and session.operation.kind == "terminate")


def active(draft: Draft, session_id: str) -> Turn | None:
    """The turn that runs or waits; a session has one at most."""
    return next((turn for turn in draft.turns(session_id) if turn.status in ("running", "waiting")), None)


def start_next(draft: Draft, session: Session) -> None:
    """Starts the first queued turn, by priority and then by age, if the agent is there and idle."""
    if session.status != "attached" or session.operation is not None or active(draft, session.session_id) is not None:
        return
    lane = draft.lane(session.lane_id)
    if lane.status not in USABLE or is_leaving(lane):
        return
    queued = [turn for turn in draft.turns(session.session_id) if turn.status == "queued"]
    if not queued:
        return
    # Of equals, min takes the first, and turns stand in the order in which they came.
    first = min(queued, key=lambda turn: -turn.priority)
    draft.change("turn.started", first, status="running", process_id=session.process_id, started_at=draft.command.at)
    follow_turns(draft, session.lane_id)


def end(draft: Draft, turn: Turn, status: str, problem: Problem | None = None, **changes: Any) -> None:
    """Ends a running turn: what is open in it is closed first."""
    at = draft.command.at
    for item in draft.items(turn.turn_id):
        draft.change("item.completed", item, status="completed" if status == "completed" else "canceled", ended_at=at)
    for approval in draft.approvals(turn.session_id):
        if approval.turn_id == turn.turn_id and approval.status == "pending":
            draft.change("approval.resolved", approval, status="canceled", answered=True)
    draft.change(_ENDS[status], turn, status=status, problem=problem, ended_at=at, **changes)
    follow_turns(draft, turn.lane_id)


def resume_turn(draft: Draft, turn_id: str) -> None:
    """Lets a waiting turn go on when nothing in it is pending any more."""
    turn = draft.get("turn", turn_id)
    if turn is None or turn.status != "waiting":
        return
    if any(a.turn_id == turn_id and a.status == "pending" for a in draft.approvals(turn.session_id)):
        return
    draft.change("turn.resumed", turn, status="running")
    follow_turns(draft, turn.lane_id)


def is_leaving(lane: Lane) -> bool:
    """Whether the lane is being removed, so that nothing new may start in it."""
    return lane.operation is not None and lane.operation.kind == "cleanup"


def follow_turns(draft: Draft, lane_id: str) -> None:
    """Derives the lane's status from its turns: running while one runs, blocked while all that run wait."""
    lane = draft.lane(lane_id)
    if lane.status not in USABLE:
        return
    active = [
        turn.status
        for session in draft.sessions(lane_id)
        for turn in draft.turns(session.session_id)
        if turn.status in ("running", "waiting")
    ]
    status = "ready" if not active else "running" if "running" in active else "blocked"
    if status != lane.status:
        draft.change("lane.state.changed", lane, status=status)
