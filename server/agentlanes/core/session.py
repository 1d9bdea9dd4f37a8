"""Decisions about sessions: their life, and what drivers report of their agents."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from agentlanes.core import approval as approvals
from agentlanes.core import grant as grants
from agentlanes.core import item as items
from agentlanes.core import limits, queue, route, settings, steering
from agentlanes.core import origin as origins
from agentlanes.core import terminal as terminals
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft, illegal, refuse_while_operating
from agentlanes.core.errors import Refusal
from agentlanes.core.text import write_line
from agentlanes.core.world import OriginSeen, ProfileSeen, TurnsSeen
from agentlanes.wire.models import (
    Empty,
    Lane,
    Problem,
    Session,
    SessionApply,
    SessionCreate,
    SessionOrigin,
    SessionRewind,
    SessionRoute,
    SessionSettle,
    SessionUpdate,
    Transport,
    TurnProgress,
)

STOPPING = ("detach", "terminate", "reroute", "rewind")
"""Operations that end the agent's process."""


def create(draft: Draft, command: Command[SessionCreate]) -> None:
    lane = queue.require_usable(draft, command.context.lane_id)
    session = make(draft, lane, command.payload, command.facts)
    if command.payload.attach is not False:
        begin_attach(draft, session)


def make(draft: Draft, lane: Lane, payload: SessionCreate, seen: OriginSeen) -> Session:
    """A new session of a lane, detached."""
    at = draft.command.at
    profile = seen.profile
    driver = profile.check()
    transport, chosen = route.prefer(draft, payload.transport, profile)
    session = Session(
        session_id=draft.choose_id("session", payload.session_id),
        workspace_id=lane.workspace_id,
        lane_id=lane.lane_id,
        profile=profile.name,
        driver=driver,
        status="detached",
        transport=transport,
        route=chosen,
        title=payload.title,
        choice=payload.choice,
        constraint_id=limits.choose(draft, lane.workspace_id, payload.constraint),
        listed=False,
        created_at=at,
        updated_at=at,
    )
    if payload.origin is not None:
        session = origins.begin(draft, session, lane, payload.origin, seen)
    draft.put("session.created", session)
    return session


def attach(draft: Draft, command: Command[Empty]) -> None:
    session = draft.session(command.context.session_id)
    if session.status != "detached":
        raise illegal("session", session.session_id, session.status, "attaching")
    queue.require_usable(draft, session.lane_id)
    profile: ProfileSeen = command.facts
    profile.check()
    begin_attach(draft, session)


def begin_attach(draft: Draft, session: Session, *, apart: bool = False, caller: str | None = None) -> None:
    """Decides to start the session's agent, as a process of a fresh id, on the route that is open now.

    `caller` is the correlation of who wants it, where that is not this command; `apart` says that this command attaches
    others as well."""
    refuse_while_operating("session", session.session_id, session.operation)
    queue.refuse_stopped(draft, session)
    transport, chosen = route.decide(draft, session)
    draft.change(
        "session.attach.started",
        session,
        status="attaching",
        transport=transport,
        route=chosen,
        process_id=draft.command.minter.mint("process"),
        operation=draft.begin(
            "attach",
            apart=apart or caller is not None,
            caller=caller or (draft.command.correlation_id if apart else None),
        ),
        problem=None,
    )


def note_prompt(draft: Draft, session: Session) -> None:
    """Notes that a session was prompted while it is being detached: it is attached again when it is."""
    assert session.operation is not None
    details = {**(session.operation.details or {}), "prompted": draft.command.correlation_id}
    operation = msgspec.structs.replace(session.operation, details=details)
    draft.change("session.updated", session, operation=operation)


def detach(draft: Draft, command: Command[Empty]) -> None:
    session = draft.session(command.context.session_id)
    refuse_while_operating("session", session.session_id, session.operation)
    if session.status != "attached":
        raise illegal("session", session.session_id, session.status, "detached")
    draft.change("session.detach.started", session, operation=draft.begin("detach"))


def rewind(draft: Draft, command: Command[SessionRewind]) -> None:
    """Forks the agent's conversation before the turn and goes on with the fork: what every agent that forks can do."""
    session = draft.session(command.context.session_id)
    seen: TurnsSeen = command.facts
    refuse_while_operating("session", session.session_id, session.operation)
    if queue.is_over(session):
        raise Refusal("SESSION_TERMINATED", f"session {session.session_id} is over; session.create makes a new one")
    back = origins.go_back(draft, session, command.payload.turn_id, seen.turns)
    for turn in back.dropped:
        draft.change("turn.updated", turn, dropped=True)
    origin = msgspec.to_builtins(back.origin) if back.origin is not None else None
    operation = draft.begin("rewind", origin=origin, primer=back.primer)
    session = draft.change("session.rewind.started", session, operation=operation)
    if session.process_id is None:
        _go_back(draft, session, {"operation": None})


def _go_back(draft: Draft, session: Session, common: dict[str, Any]) -> Session:
    """The conversation is now what it goes on from; the agent forks it when it is attached."""
    details = (session.operation.details if session.operation is not None else None) or {}
    told = details.get("origin")
    common |= {"agent_session_id": None, "codex_session_id": None, "status": "detached", "problem": None}
    return cast(
        Session,
        draft.change(
            "session.rewound",
            session,
            origin=None if told is None else msgspec.convert(told, SessionOrigin),
            primer=details.get("primer") or session.primer,
            **common,
        ),
    )


def terminate(draft: Draft, command: Command[Empty]) -> None:
    session = draft.session(command.context.session_id)
    if session.status == "terminated":
        raise illegal("session", session.session_id, "terminated", "terminated")
    if session.operation is not None:
        if session.operation.kind != "attach":
            refuse_while_operating("session", session.session_id, session.operation)
        problem = Problem(code="SESSION_TERMINATED", message="the session was terminated before it was attached")
        # Its process may run already, and stays the session's until it has ended.
        session = draft.change("session.attach.failed", session, status="detached", operation=None, problem=problem)
    session = draft.change("session.terminate.started", session, operation=draft.begin("terminate"))
    for turn in draft.turns(session.session_id):
        if turn.status == "queued":
            draft.change("turn.canceled", turn, status="canceled", ended_at=command.at)
    for terminal in draft.terminals(session.lane_id):
        if terminal.session_id == session.session_id and terminal.state != "closed" and terminal.operation is None:
            terminals.begin_close(draft, terminal)
    if session.process_id is None:
        _end_session(draft, session, None)


def update(draft: Draft, command: Command[SessionUpdate]) -> None:
    session = draft.session(command.context.session_id)
    payload = command.payload
    settings.check_choice(session.offer, payload.choice)
    changes: dict[str, Any] = {"title": payload.title or session.title}
    changes["choice"] = settings.merge(session.choice, payload.choice)
    if payload.transport is not None:
        changes["route"] = _reroute(draft, session, payload.transport, command.facts)
    draft.change("session.updated", session, **changes)


def _reroute(draft: Draft, session: Session, wanted: Transport, profile: ProfileSeen) -> SessionRoute:
    """The preference alone: an agent that runs keeps its transport until its next turn."""
    _, chosen = route.prefer(draft, wanted, profile)
    chosen = chosen or SessionRoute(preferred_transport=wanted, decided_at=draft.command.at)
    # A session without a route may have been prompted; one that was has a conversation to keep.
    prompted = session.route.prompted if session.route is not None else session.listed
    return msgspec.structs.replace(chosen, prompted=prompted)


def delete(draft: Draft, command: Command[Empty]) -> None:
    session = draft.session(command.context.session_id)
    if session.status != "terminated":
        raise Refusal(
            "SESSION_NOT_TERMINATED", f"session {session.session_id} is {session.status}; session.terminate ends it"
        )
    draft.put("session.deleted", session)


def settle(draft: Draft, command: Command[SessionSettle]) -> None:
    """The handshake succeeded, or the operation ended with no process left (a process that ran ends it by its exit)."""
    payload = command.payload
    session = _require_process(draft, command.context.session_id, payload.process_id)
    if session.operation is None:
        raise Refusal("STALE", f"session {session.session_id} has no operation to end")
    attaching = session.operation.kind == "attach"
    if not attaching and payload.agent_session_id is not None:
        raise Refusal("STALE", f"session {session.session_id} is no longer attaching: {session.operation.kind}")
    if payload.problem is not None or not attaching:
        lose_process(draft, session, payload.problem)
        return
    agent_id = payload.agent_session_id
    session = draft.change(
        "session.attached",
        session,
        status="attached",
        operation=None,
        agent_session_id=agent_id,
        codex_session_id=agent_id if session.driver == "codex" else session.codex_session_id,
        resumable=payload.resumable,
        attached_at=command.at,
        identity=payload.identity,
        offer=origins.complete_offer(payload.offer),
        title=session.title or write_line(payload.title),
    )
    if payload.cursor is not None:
        draft.move(payload.process_id, payload.cursor)
    queue.start_next(draft, session)


def apply(draft: Draft, command: Command[SessionApply]) -> None:
    """One step of a driver: items, approvals, the turn's progress, and writes, all or nothing."""
    payload = command.payload
    session = _require_process(draft, command.context.session_id, payload.process_id)
    for write in payload.writes:
        draft.write(payload.process_id, write.n, write.data)
    if payload.cursor is not None:
        draft.move(payload.process_id, payload.cursor)
    for item in payload.items:
        items.record(draft, item)
    for approval in payload.approvals:
        approvals.ask(draft, approval)
    for answered in payload.answered:
        approvals.note_answer(draft, session.session_id, answered)
    if payload.turn is not None:
        _progress(draft, payload.turn)
        if not payload.ended:
            queue.start_next(draft, draft.session(session.session_id))
    changes: dict[str, Any] = {}
    title, activity = write_line(payload.title), write_line(payload.activity)
    if title is not None and title != session.title:
        changes["title"] = title
    if payload.activity is not None and activity != session.activity:
        changes["activity"] = activity
    offer = origins.complete_offer(payload.offer)
    if offer is not None and offer != session.offer:
        changes["offer"] = offer
    if payload.agent_session_id is not None and payload.agent_session_id != session.agent_session_id:
        changes["agent_session_id"] = payload.agent_session_id
    if changes:
        draft.change("session.updated", draft.session(session.session_id), **changes)
    if payload.ended:
        _release(draft, draft.session(session.session_id), payload.problem)


def _release(draft: Draft, session: Session, problem: Problem | None) -> None:
    """The session's process is done, as it had to be. What waits in the queue starts the next one."""
    lose_process(draft, session, problem)
    session = draft.session(session.session_id)
    waiting = next((turn for turn in draft.turns(session.session_id) if turn.status == "queued"), None)
    stays = not queue.is_leaving(draft.lane(session.lane_id))
    if session.status == "detached" and problem is None and waiting is not None and stays:
        begin_attach(draft, session, caller=waiting.correlation_id)


def _require_process(draft: Draft, session_id: str | None, process_id: str) -> Session:
    session = draft.session(session_id)
    if session.process_id != process_id:
        raise Refusal("STALE", f"session {session_id} no longer runs as process {process_id}", process_id=process_id)
    return session


def _progress(draft: Draft, progress: TurnProgress) -> None:
    turn = draft.get("turn", progress.turn_id)
    if turn is None:
        return
    changes: dict[str, Any] = {}
    if progress.input_n is not None:
        changes["input_n"] = progress.input_n
    if progress.agent_turn_id is not None:
        changes["agent_turn_id"] = progress.agent_turn_id
    if progress.usage is not None:
        changes["usage"] = progress.usage
    if progress.summary is not None:
        changes["summary"] = progress.summary
    if progress.stop_reason is not None:
        changes["stop_reason"] = progress.stop_reason
    if progress.interrupt_n is not None and turn.interrupt is not None:
        changes["interrupt"] = msgspec.structs.replace(turn.interrupt, input_n=progress.interrupt_n)
    if progress.steered:
        changes["steers"] = steering.note(turn.steers, progress.steered)
    if progress.status in ("completed", "failed", "interrupted"):
        queue.end(draft, turn, progress.status, progress.problem, **changes)
    elif changes:
        draft.change("turn.updated", turn, **changes)


def lose_process(draft: Draft, session: Session, problem: Any) -> None:
    """The agent's process is gone: the turn is cut, and the session is what its operation wanted, or detached."""
    turn = queue.active(draft, session.session_id)
    if queue.is_leaving(draft.lane(session.lane_id)):
        # Who removes the lane asked for it.
        problem = None
    if turn is not None:
        stopped = session.operation is not None and session.operation.kind in (
            "detach",
            "terminate",
            "reroute",
            "rewind",
        )
        queue.end(draft, turn, "interrupted", None if stopped else problem, resumable=bool(session.resumable))
    for approval in draft.approvals(session.session_id):
        if approval.status == "pending":
            draft.change("approval.resolved", approval, status="canceled", answered=True)
        else:
            draft.change("approval.answered", approval, answered=True)
    _end_session(draft, draft.session(session.session_id), problem)
    if turn is not None and turn.interrupt is not None and session.operation is None:
        # Its agent did not stop by itself. What waits was to run after the turn, not after somebody has a look.
        waiting = queue.waiting(draft, session.session_id)
        _go_on(draft, session.session_id, waiting[0].correlation_id if waiting else None)


def _go_on(draft: Draft, session_id: str, caller: str | None) -> None:
    """Starts the agent again for what waits, if anything may start. `caller` is the correlation of who wants it."""
    session = draft.session(session_id)
    can_start = session.status == "detached" and session.operation is None and queue.can_start(draft, session)
    if can_start and caller is not None and queue.waiting(draft, session_id):
        begin_attach(draft, session, caller=caller)


def _end_session(draft: Draft, session: Session, problem: Any) -> None:
    kind = session.operation.kind if session.operation is not None else None
    common: dict[str, Any] = {"process_id": None, "operation": None, "activity": None}
    if session.status == "attached":
        common["detached_at"] = draft.command.at
    if not session.listed:
        # Agents keep a conversation from its first prompt on; before it there is nothing to resume.
        common |= {"agent_session_id": None, "codex_session_id": None}
    if kind == "terminate":
        draft.change("session.terminated", session, status="terminated", **common)
        grants.end(draft, (g for g in draft.grants(session.workspace_id) if g.session_id == session.session_id))
    elif kind == "attach":
        draft.change("session.attach.failed", session, status="detached", problem=problem, **common)
    elif kind == "detach":
        draft.change("session.detached", session, status="detached", problem=_explain(session), **common)
        prompted = ((session.operation.details if session.operation is not None else None) or {}).get("prompted")
        _go_on(draft, session.session_id, prompted)
    elif kind == "reroute":
        _start_anew(draft, session, common)
    elif kind == "rewind":
        began = session.operation
        session = _go_back(draft, session, common)
        if began is not None and queue.can_start(draft, session):
            begin_attach(draft, session, caller=began.correlation_id)
    else:
        draft.change("session.detached", session, status="detached", problem=problem, **common)


def _explain(session: Session) -> Problem | None:
    """Why it is detached, where it was not simply asked for."""
    details = session.operation.details if session.operation is not None else None
    told = (details or {}).get("problem")
    return msgspec.convert(told, Problem) if told is not None else None


def _start_anew(draft: Draft, session: Session, common: dict[str, Any]) -> None:
    """The agent ended so that its next turn takes another route."""
    began = session.operation
    assert began is not None
    if session.route is None or not session.route.prompted:
        common |= {"agent_session_id": None, "codex_session_id": None}
    session = draft.change("session.detached", session, status="detached", problem=None, **common)
    if queue.can_start(draft, session):
        begin_attach(draft, session, caller=(began.details or {}).get("caller"))
