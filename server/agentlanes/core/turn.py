"""Decisions about turns."""

from __future__ import annotations

from agentlanes.core import lane as lanes
from agentlanes.core import queue
from agentlanes.core import session as sessions
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft, illegal
from agentlanes.core.errors import Refusal
from agentlanes.core.text import write_line
from agentlanes.core.world import ProfileSeen
from agentlanes.wire.models import Interrupt, Turn, TurnCreate, TurnRef, TurnUpdate

QUEUE_CAP = 100
DEFAULT_PRIORITY = 50
TITLE_CAP = 80


def create(draft: Draft, command: Command[TurnCreate]) -> None:
    payload = command.payload
    session = draft.session(command.context.session_id)
    if queue.is_over(session):
        raise Refusal("SESSION_TERMINATED", f"session {session.session_id} is over; session.create makes a new one")
    lanes.require_usable(draft, session.lane_id)
    waiting = [turn for turn in draft.turns(session.session_id) if turn.status == "queued"]
    if len(waiting) >= QUEUE_CAP:
        raise Refusal(
            "QUEUE_FULL",
            f"{QUEUE_CAP} turns wait in session {session.session_id}; turn.cancel takes one back",
            queued=len(waiting),
        )
    turn = Turn(
        turn_id=draft.choose_id("turn", payload.turn_id),
        workspace_id=session.workspace_id,
        lane_id=session.lane_id,
        session_id=session.session_id,
        status="queued",
        prompt=payload.prompt,
        links=payload.links,
        priority=DEFAULT_PRIORITY if payload.priority is None else payload.priority,
        correlation_id=command.correlation_id,
        created_at=command.at,
    )
    draft.put("turn.queued", turn)
    if not session.listed:
        title = session.title or write_line(payload.prompt.strip().split("\n", 1)[0], TITLE_CAP)
        session = draft.change("session.updated", session, listed=True, title=title)
    if session.status == "detached" and session.operation is None:
        profile: ProfileSeen = command.facts
        profile.check()
        sessions.begin_attach(draft, session)
    else:
        queue.start_next(draft, session)


def cancel(draft: Draft, command: Command[TurnRef]) -> None:
    turn: Turn = draft.recall("turn", command.payload.turn_id, command.facts)
    draft.change("turn.canceled", _require(turn, "queued", "canceled"), status="canceled", ended_at=command.at)


def interrupt(draft: Draft, command: Command[TurnRef]) -> None:
    turn: Turn = draft.recall("turn", command.payload.turn_id, command.facts)
    if turn.status not in ("running", "waiting"):
        raise illegal("turn", turn.turn_id, turn.status, "interrupted")
    if turn.interrupt is None:
        draft.change("turn.updated", turn, interrupt=Interrupt(requested_at=command.at, actor=command.actor))
    else:
        draft.put("turn.updated", turn)


def update(draft: Draft, command: Command[TurnUpdate]) -> None:
    turn: Turn = draft.recall("turn", command.payload.turn_id, command.facts)
    draft.change("turn.updated", turn, seen=turn.seen if command.payload.seen is None else command.payload.seen)


def _require(turn: Turn, status: str, wanted: str) -> Turn:
    if turn.status != status:
        raise illegal("turn", turn.turn_id, turn.status, wanted)
    return turn
