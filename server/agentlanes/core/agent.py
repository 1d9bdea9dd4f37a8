"""Decisions about agents: the emergency stop.

Sessions are detached and not terminated, because nothing is lost by that; their queues are canceled, because what was
stopped in an emergency must not begin again by itself. Without a profile the lanes are stopped whole: whatever an agent
left running in them ends too, and the user's own shells with it.
"""

from __future__ import annotations

import msgspec

from agentlanes.core import terminal as terminals
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.stop import GRACE_MS, describe
from agentlanes.wire.models import AgentStopAll, Interrupt, Lane, Problem, Session, Stop, Terminal

AUDIT_KIND = "EMERGENCY_STOP"


def stop_all(draft: Draft, command: Command[AgentStopAll]) -> None:
    payload = command.payload
    workspace_id = command.context.workspace_id
    if workspace_id is not None:
        draft.workspace(workspace_id)
    lanes: list[Lane] = [
        lane for lane in draft.all("lane") if lane.status != "closed" and workspace_id in (None, lane.workspace_id)
    ]
    sessions = [
        session
        for lane in lanes
        for session in draft.sessions(lane.lane_id)
        if session.status != "terminated" and payload.profile in (None, session.profile)
    ]
    chosen = {session.session_id for session in sessions}
    open_terminals = [
        terminal
        for lane in lanes
        for terminal in draft.terminals(lane.lane_id)
        if terminal.state != "closed" and (payload.profile is None or terminal.session_id in chosen)
    ]
    stop_id = command.minter.mint("stop")
    problem = describe(stop_id, payload.reason)
    interrupted: list[str] = []
    canceled: list[str] = []
    running: list[Session] = []
    # What the answer tells is collected on the way, but the stop comes first: nothing may start while it is open.
    stop = Stop(
        stop_id=stop_id,
        workspace_id=workspace_id,
        profile=payload.profile,
        reason=payload.reason,
        actor=command.actor,
        status="stopping",
        lane_ids=() if payload.profile is not None else tuple(lane.lane_id for lane in lanes),
        session_ids=tuple(s.session_id for s in sessions if s.process_id is not None),
        process_ids=_list_processes(draft, lanes, sessions, open_terminals, whole=payload.profile is None),
        terminal_ids=tuple(terminal.terminal_id for terminal in open_terminals),
        interrupted_turn_ids=(),
        canceled_turn_ids=(),
        # Nobody may be refused a stop because another one is under way, not even under the same correlation.
        operation=draft.begin("stop", apart=any(_is_of(other, command.correlation_id) for other in draft.all("stop"))),
        created_at=command.at,
    )
    for session in sessions:
        for turn in draft.turns(session.session_id):
            if turn.status == "queued":
                canceled.append(turn.turn_id)
            else:
                interrupted.append(turn.turn_id)
        if session.process_id is not None:
            running.append(session)
    draft.put(
        "stop.started",
        msgspec.structs.replace(stop, interrupted_turn_ids=tuple(interrupted), canceled_turn_ids=tuple(canceled)),
    )
    for session in sessions:
        _end_turns(draft, session, problem)
    for session in running:
        _detach(draft, session, problem)
    for terminal in open_terminals:
        if terminal.operation is None:
            terminals.begin_close(draft, terminal)
    draft.audit_kind = AUDIT_KIND


def _is_of(stop: Stop, correlation_id: str) -> bool:
    return stop.operation is not None and stop.operation.correlation_id == correlation_id


def _list_processes(
    draft: Draft, lanes: list[Lane], sessions: list[Session], open_terminals: list[Terminal], *, whole: bool
) -> tuple[str, ...]:
    ids = [session.process_id for session in sessions if session.process_id is not None]
    ids += [terminal.process_id for terminal in open_terminals]
    if whole:
        ids += [process.process_id for lane in lanes for process in draft.processes(lane.lane_id)]
    return tuple(dict.fromkeys(ids))


def _end_turns(draft: Draft, session: Session, problem: Problem) -> None:
    at, actor = draft.command.at, draft.command.actor
    for turn in draft.turns(session.session_id):
        if turn.status == "queued":
            draft.change("turn.canceled", turn, status="canceled", problem=problem, ended_at=at)
        else:
            asked = turn.interrupt or Interrupt(requested_at=at, actor=actor)
            draft.change("turn.updated", turn, interrupt=msgspec.structs.replace(asked, problem=problem))


def _detach(draft: Draft, session: Session, problem: Problem) -> None:
    if session.operation is not None:
        if session.operation.kind != "attach":
            # It is being ended already.
            return
        # Its process may run already, and stays the session's until it has ended.
        session = draft.change("session.attach.failed", session, status="detached", operation=None, problem=problem)
    details = {"grace_ms": GRACE_MS, "problem": msgspec.to_builtins(problem)}
    draft.change("session.detach.started", session, operation=draft.begin("detach", apart=True, **details))
