"""Decisions about turns."""

from __future__ import annotations

from typing import Any

import msgspec

from agentlanes.core import limits, queue, settings, steering
from agentlanes.core import session as sessions
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft, illegal
from agentlanes.core.errors import Refusal
from agentlanes.core.text import write_line
from agentlanes.core.world import ProfileSeen, Stored
from agentlanes.wire.models import (
    Choice,
    Interrupt,
    Session,
    Steer,
    Turn,
    TurnAction,
    TurnCreate,
    TurnExempt,
    TurnHalt,
    TurnMove,
    TurnRef,
    TurnReplace,
    TurnReplaced,
    TurnSteer,
    TurnUpdate,
)

QUEUE_CAP = 100
DEFAULT_PRIORITY = 50
REPLACING_PRIORITY = 100
"""Of a turn that replaces another one: nothing enters the queue before it."""
TITLE_CAP = 80
AUDIT_KINDS = {
    "time_limit_ms": "TIME_LIMIT_EXCEEDED",
    "token_budget": "TOKEN_LIMIT_EXCEEDED",
    "cost_limit": "COST_LIMIT_EXCEEDED",
}

DEFAULT_PROMPTS: dict[TurnAction, str] = {
    "compact": "Sum up the conversation so far.",
    "review": "Review the changes of this lane.",
}
_INSTEAD = {
    "queued": "it waits in the queue: turn.update edits it, turn.move and turn.cancel work as well",
    "running": "it runs: turn.steer adds to it, turn.replace puts another prompt in its place",
    "waiting": "it waits for a decision: turn.steer adds to it, turn.replace puts another prompt in its place",
}


def create(draft: Draft, command: Command[TurnCreate]) -> None:
    payload = command.payload
    session = draft.session(command.context.session_id)
    require_open(draft, session)
    check_asked(session, payload.action, payload.prompt, payload.choice)
    enqueue(
        draft,
        session,
        command.facts,
        turn_id=draft.choose_id("turn", payload.turn_id),
        action=payload.action,
        prompt=payload.prompt or DEFAULT_PROMPTS[payload.action or "compact"],
        links=payload.links,
        priority=DEFAULT_PRIORITY if payload.priority is None else payload.priority,
        choice=payload.choice,
        constraint_id=limits.choose(draft, session.workspace_id, payload.constraint),
    )


def check_asked(session: Session, action: TurnAction | None, prompt: str | None, choice: Choice | None) -> None:
    """Refuses what cannot be asked of the session's agent."""
    if prompt is None and action in (None, "prompt"):
        raise Refusal("INVALID_PARAMS", "a prompt needs a text; only the actions compact and review do without")
    settings.check_action(session.offer, action)
    settings.check_choice(session.offer, choice)


def require_open(draft: Draft, session: Session) -> None:
    """Refuses a session that takes no prompt."""
    if queue.is_over(session):
        raise Refusal("SESSION_TERMINATED", f"session {session.session_id} is over; session.create makes a new one")
    queue.require_usable(draft, session.lane_id)
    queue.refuse_stopped(draft, session)
    queued = len(queue.waiting(draft, session.session_id))
    if queued >= QUEUE_CAP:
        raise Refusal(
            "QUEUE_FULL",
            f"{QUEUE_CAP} turns wait in session {session.session_id}; turn.cancel takes one back",
            queued=queued,
        )


def enqueue(
    draft: Draft,
    session: Session,
    profile: ProfileSeen,
    *,
    apart: bool = False,
    **turn: Any,
) -> Turn:
    """Queues a turn, and starts it or the agent. Refuses before anything is recorded. The turn has its place already
    where it has a position; `apart` says that other sessions are attached by the same command."""
    command = draft.command
    # A session that was made with its lane is attached when the lane is ready.
    is_early = draft.lane(session.lane_id).status not in queue.USABLE
    attaches = session.status == "detached" and session.operation is None and not is_early
    detaches = session.operation is not None and session.operation.kind == "detach"
    if attaches or detaches:
        profile.check()
    turn.setdefault("position", queue.enter(draft, session.session_id, turn["priority"]))
    queued = Turn(
        workspace_id=session.workspace_id,
        lane_id=session.lane_id,
        session_id=session.session_id,
        status="queued",
        correlation_id=command.correlation_id,
        created_at=command.at,
        **turn,
    )
    draft.put("turn.queued", queued)
    if not session.listed:
        title = session.title or write_line(queued.prompt.strip().split("\n", 1)[0], TITLE_CAP)
        session = draft.change("session.updated", session, listed=True, title=title)
    if attaches:
        sessions.begin_attach(draft, session, apart=apart)
    elif detaches:
        sessions.note_prompt(draft, session)
    else:
        queue.start_next(draft, session)
    found: Turn = draft.find("turn", queued.turn_id)
    return found


def cancel(draft: Draft, command: Command[TurnRef]) -> None:
    turn: Turn = draft.recall("turn", command.payload.turn_id, command.facts)
    if turn.status != "queued":
        raise illegal("turn", turn.turn_id, turn.status, "canceled")
    draft.change("turn.canceled", turn, status="canceled", ended_at=command.at)


def interrupt(draft: Draft, command: Command[TurnRef]) -> None:
    turn: Turn = draft.recall("turn", command.payload.turn_id, command.facts)
    if turn.status not in ("running", "waiting"):
        raise illegal("turn", turn.turn_id, turn.status, "interrupted")
    _interrupt(draft, turn)


def _interrupt(draft: Draft, turn: Turn) -> None:
    command = draft.command
    if turn.interrupt is None:
        draft.change("turn.updated", turn, interrupt=Interrupt(requested_at=command.at, actor=command.actor))
    else:
        draft.put("turn.updated", turn)


def replace(draft: Draft, command: Command[TurnReplace]) -> None:
    """Whether the turn still runs is settled here, by the state: it is told to stop, or stays as it ended."""
    payload = command.payload
    stored, profile = command.facts
    assert isinstance(stored, Stored) and isinstance(profile, ProfileSeen)
    turn: Turn = draft.recall("turn", payload.turn_id, stored)
    if turn.status == "queued":
        raise _refuse_running(turn)
    session = draft.session(turn.session_id)
    require_open(draft, session)
    check_asked(session, None, payload.prompt, payload.choice)
    is_active = turn.status in ("running", "waiting")
    if is_active:
        _interrupt(draft, turn)
    new = enqueue(
        draft,
        session,
        profile,
        turn_id=draft.choose_id("turn", payload.new_turn_id),
        prompt=payload.prompt,
        links=payload.links,
        priority=REPLACING_PRIORITY,
        position=queue.make_room(draft, queue.waiting(draft, session.session_id), 0),
        choice=payload.choice,
        constraint_id=turn.constraint_id,
        replaces=turn.turn_id,
    )
    draft.answer = TurnReplaced(turn=new, replaced=draft.get("turn", turn.turn_id) or turn, interrupted=is_active)


def steer(draft: Draft, command: Command[TurnSteer]) -> None:
    payload = command.payload
    turn: Turn = draft.recall("turn", payload.turn_id, command.facts)
    if turn.status not in ("running", "waiting"):
        raise _refuse_running(turn)
    if turn.interrupt is not None:
        raise Refusal(
            "TURN_NOT_RUNNING", f"turn {turn.turn_id} is being interrupted; turn.create asks after it", id=turn.turn_id
        )
    session = draft.session(turn.session_id)
    if session.offer is None or not session.offer.steer:
        raise Refusal(
            "STEER_NOT_SUPPORTED",
            f"the agent of session {session.session_id} takes no input while a turn runs; turn.create asks after the "
            "turn, turn.replace interrupts it",
            session_id=session.session_id,
        )
    if len(turn.steers) >= steering.STEERS_CAP:
        raise Refusal("STEERS_FULL", f"turn {turn.turn_id} was steered {steering.STEERS_CAP} times; turn.create works")
    added = Steer(
        number=len(turn.steers) + 1,
        prompt=payload.prompt,
        links=payload.links,
        actor=command.actor,
        requested_at=command.at,
    )
    draft.change("turn.updated", turn, steers=(*turn.steers, added))


def move(draft: Draft, command: Command[TurnMove]) -> None:
    payload = command.payload
    if sum(place is not None for place in (payload.before, payload.after, payload.to)) != 1:
        raise Refusal("INVALID_PARAMS", "say one of before, after and to")
    turn = _require_queued(draft.recall("turn", payload.turn_id, command.facts))
    others = [each for each in queue.waiting(draft, turn.session_id) if each.turn_id != turn.turn_id]
    if payload.to is not None:
        index = 0 if payload.to == "first" else len(others)
    else:
        index = _find_beside(others, turn, payload.before or payload.after) + (payload.after is not None)
    position = queue.make_room(draft, others, index)
    draft.change("turn.updated", turn, position=position)


def _find_beside(others: list[Turn], turn: Turn, beside: str | None) -> int:
    index = next((index for index, each in enumerate(others) if each.turn_id == beside), None)
    if index is None:
        raise Refusal(
            "TURN_NOT_QUEUED",
            f"turn {beside} does not wait beside turn {turn.turn_id} in session {turn.session_id}; to says an end",
            turn_id=beside,
            queue=[each.turn_id for each in others],
        )
    return index


def halt(draft: Draft, command: Command[TurnHalt]) -> None:
    payload = command.payload
    turn: Turn = draft.find("turn", payload.turn_id)
    if turn.status not in ("running", "waiting") or turn.interrupt is not None:
        raise Refusal("STALE", f"turn {turn.turn_id} is {turn.status}, and is being stopped already or need not be")
    asked = Interrupt(requested_at=command.at, actor=command.actor, problem=payload.problem)
    draft.change("turn.updated", turn, interrupt=asked)
    draft.audit_kind = AUDIT_KINDS.get(str((payload.problem.details or {}).get("limit")))


def exempt(draft: Draft, command: Command[TurnExempt]) -> None:
    payload = command.payload
    turn: Turn = draft.find("turn", payload.turn_id)
    if turn.status not in ("running", "waiting") or turn.limits is None:
        raise Refusal("STALE", f"turn {turn.turn_id} is {turn.status}, and has no limits to enforce")
    told = msgspec.structs.replace(turn.limits, unenforced=payload.unenforced, unenforced_reason=payload.reason)
    draft.change("turn.updated", turn, limits=told)


def update(draft: Draft, command: Command[TurnUpdate]) -> None:
    payload = command.payload
    turn: Turn = draft.recall("turn", payload.turn_id, command.facts)
    changes: dict[str, Any] = {} if payload.seen is None else {"seen": payload.seen}
    if (payload.prompt, payload.links, payload.priority, payload.choice) != (None, (), None, None):
        _require_queued(turn)
        settings.check_choice(draft.session(turn.session_id).offer, payload.choice)
        changes |= {
            "prompt": payload.prompt or turn.prompt,
            "links": payload.links or turn.links,
            "choice": settings.merge(turn.choice, payload.choice),
        }
        if payload.priority is not None and payload.priority != turn.priority:
            position = queue.enter(draft, turn.session_id, payload.priority, leaving=turn.turn_id)
            changes |= {"priority": payload.priority, "position": position}
    draft.change("turn.updated", turn, **changes)


def _require_queued(turn: Turn) -> Turn:
    if turn.status != "queued":
        instead = _INSTEAD.get(turn.status, "it is over: turn.create asks again")
        raise Refusal(
            "TURN_NOT_QUEUED", f"turn {turn.turn_id} cannot be changed; {instead}", id=turn.turn_id, status=turn.status
        )
    return turn


def _refuse_running(turn: Turn) -> Refusal:
    instead = _INSTEAD.get(turn.status, "it is over: turn.create asks again")
    return Refusal(
        "TURN_NOT_RUNNING", f"turn {turn.turn_id} does not run; {instead}", id=turn.turn_id, status=turn.status
    )
