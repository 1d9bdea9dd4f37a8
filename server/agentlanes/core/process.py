"""Decisions about processes: that they run, and how they ended."""

from __future__ import annotations

from agentlanes.core import item as items
from agentlanes.core import session as sessions
from agentlanes.core import terminal as terminals
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.wire.models import Problem, Process, ProcessExit, ProcessStart


def start(draft: Draft, command: Command[ProcessStart]) -> None:
    payload = command.payload
    lane = draft.lane(command.context.lane_id)
    if draft.get("process", payload.process_id) is not None:
        raise Refusal("STALE", f"process {payload.process_id} is known to run")
    process = Process(
        process_id=payload.process_id,
        workspace_id=lane.workspace_id,
        lane_id=lane.lane_id,
        session_id=command.context.session_id,
        run_reason=payload.run_reason,
        status="running",
        argv=payload.argv,
        cwd=payload.cwd,
        pid=payload.pid,
        pty=True if payload.cols is not None else None,
        started_at=command.at,
    )
    draft.put("process.started", process)
    if payload.cols is not None and payload.rows is not None:
        terminal = terminals.show(draft, process, payload.cols, payload.rows)
        for session in draft.sessions(lane.lane_id):
            if session.process_id == process.process_id:
                draft.change("session.updated", session, terminal_id=terminal.terminal_id)


def exit(draft: Draft, command: Command[ProcessExit]) -> None:
    payload = command.payload
    process = draft.process(payload.process_id)
    status = "killed" if payload.signal else "completed" if payload.exit_code == 0 else "failed"
    draft.change(
        "process.exited",
        process,
        status=status,
        exit_code=payload.exit_code,
        signal=payload.signal,
        problem=payload.problem,
        completed_at=command.at,
    )
    for item in payload.items:
        if draft.get("item", item.item_id) is not None:
            items.record(draft, item)
    for session in draft.sessions(process.lane_id):
        if session.process_id == process.process_id:
            sessions.lose_process(draft, session, payload.problem or _describe(process, payload))
    for terminal in draft.terminals(process.lane_id):
        if terminal.process_id == process.process_id and terminal.state != "closed":
            terminals.end(draft, terminal, payload)


def _describe(process: Process, exit: ProcessExit) -> Problem:
    how = f"was ended by {exit.signal}" if exit.signal else f"ended with exit code {exit.exit_code}"
    return Problem(
        code="AGENT_EXITED",
        message=f"{process.argv[0]} {how}; session.attach starts it again",
        details={"exit_code": exit.exit_code, "signal": exit.signal},
    )
