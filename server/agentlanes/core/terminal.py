"""Decisions about terminals."""

from __future__ import annotations

from pathlib import PurePosixPath

from agentlanes.core import queue
from agentlanes.core import script as scripts
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft, illegal, refuse_while_operating
from agentlanes.core.errors import Refusal
from agentlanes.core.text import write_line
from agentlanes.core.world import Shell
from agentlanes.wire.models import (
    Empty,
    Lane,
    Process,
    ProcessExit,
    Terminal,
    TerminalClose,
    TerminalSettle,
    TerminalSpawn,
    TerminalThrottle,
    TerminalUpdate,
)

DEFAULT_COLS, DEFAULT_ROWS = 80, 24


def spawn(draft: Draft, command: Command[TerminalSpawn]) -> None:
    payload = command.payload
    lane = _find_lane(draft, command)
    session_id = command.context.session_id
    if session_id is not None and queue.is_over(draft.session(session_id)):
        raise Refusal(
            "SESSION_TERMINATED", f"session {session_id} is over; leave session_id out for a shell of the lane"
        )
    shell: Shell = command.facts
    if shell.problem is not None:
        raise Refusal("SPAWN_FAILED", shell.problem, cwd=shell.cwd)
    argv, cwd = shell.argv, shell.cwd
    if payload.script is not None:
        worktree = scripts.find_worktree(lane, payload.repo_id)
        argv, cwd = scripts.require_command(draft, lane, worktree, payload.script), worktree.path
    draft.put(
        "terminal.spawn.started",
        Terminal(
            terminal_id=draft.choose_id("terminal", payload.terminal_id),
            workspace_id=lane.workspace_id,
            lane_id=lane.lane_id,
            session_id=session_id,
            process_id=command.minter.mint("process"),
            run_reason=payload.script,
            title=payload.title or payload.script or write_line(PurePosixPath(argv[0]).name) or "terminal",
            state="spawning",
            argv=argv,
            cwd=cwd,
            cols=payload.cols or DEFAULT_COLS,
            rows=payload.rows or DEFAULT_ROWS,
            operation=draft.begin("spawn", env_names=sorted(payload.env) if payload.env else None),
            created_at=command.at,
            updated_at=command.at,
        ),
    )


def _find_lane(draft: Draft, command: Command[TerminalSpawn]) -> Lane:
    """The lane, which has to be usable; but its own operations run its scripts before it is, and after."""
    if command.actor == "server" and command.payload.script is not None:
        return draft.lane(command.context.lane_id)
    return queue.require_usable(draft, command.context.lane_id)


def close(draft: Draft, command: Command[TerminalClose]) -> None:
    terminal = draft.terminal(command.context.terminal_id)
    if terminal.state == "closed":
        raise illegal("terminal", terminal.terminal_id, "closed", "closed")
    refuse_while_operating("terminal", terminal.terminal_id, terminal.operation)
    draft.change("terminal.close.started", terminal, operation=draft.begin("close", grace_ms=command.payload.grace_ms))


def update(draft: Draft, command: Command[TerminalUpdate]) -> None:
    terminal = draft.terminal(command.context.terminal_id)
    draft.change("terminal.updated", terminal, title=command.payload.title or terminal.title)


def delete(draft: Draft, command: Command[Empty]) -> None:
    terminal = draft.terminal(command.context.terminal_id)
    if terminal.state != "closed":
        raise Refusal("TERMINAL_NOT_CLOSED", f"terminal {terminal.title} is {terminal.state}; terminal.close ends it")
    draft.put("terminal.deleted", terminal)


def settle(draft: Draft, command: Command[TerminalSettle]) -> None:
    terminal = draft.terminal(command.context.terminal_id)
    payload = command.payload
    if terminal.state != "spawning":
        raise Refusal("STALE", f"terminal {terminal.terminal_id} is {terminal.state}")
    if payload.problem is not None:
        draft.change(
            "terminal.spawn.failed",
            terminal,
            state="closed",
            operation=None,
            problem=payload.problem,
            closed_at=command.at,
        )
        return
    draft.put(
        "process.started",
        Process(
            process_id=terminal.process_id,
            workspace_id=terminal.workspace_id,
            lane_id=terminal.lane_id,
            session_id=terminal.session_id,
            run_reason=terminal.run_reason or "shell",
            pty=True,
            status="running",
            argv=terminal.argv,
            cwd=terminal.cwd,
            pid=payload.pid,
            started_at=command.at,
        ),
    )
    terminal = draft.change("terminal.state.changed", terminal, state="active")
    terminal = draft.change("terminal.spawned", terminal, operation=None)
    if terminal.session_id is not None:
        session = draft.get("session", terminal.session_id)
        if session is None or queue.is_over(session):
            begin_close(draft, terminal)


def show(draft: Draft, process: Process, cols: int, rows: int) -> Terminal:
    """The terminal that a session's agent runs on, so that people can watch it and type."""
    terminal = Terminal(
        terminal_id=draft.command.minter.mint("terminal"),
        workspace_id=process.workspace_id,
        lane_id=process.lane_id,
        session_id=process.session_id,
        process_id=process.process_id,
        title=write_line(PurePosixPath(process.argv[0]).name) or "agent",
        state="spawning",
        argv=process.argv,
        cwd=process.cwd,
        cols=cols,
        rows=rows,
        operation=draft.begin("spawn", apart=True),
        created_at=draft.command.at,
        updated_at=draft.command.at,
    )
    draft.put("terminal.spawn.started", terminal)
    terminal = draft.change("terminal.state.changed", terminal, state="active")
    shown: Terminal = draft.change("terminal.spawned", terminal, operation=None)
    return shown


def begin_close(draft: Draft, terminal: Terminal) -> None:
    """Decides to close a terminal because its session is over."""
    draft.change("terminal.close.started", terminal, operation=draft.begin("close", apart=True))


def throttle(draft: Draft, command: Command[TerminalThrottle]) -> None:
    terminal = draft.terminal(command.context.terminal_id)
    payload = command.payload
    if terminal.state not in ("active", "throttled") or (terminal.state == "throttled") == payload.on:
        raise Refusal("STALE", f"terminal {terminal.terminal_id} is {terminal.state}")
    draft.change(
        "terminal.state.changed",
        terminal,
        state="throttled" if payload.on else "active",
        throttle_reason=write_line(payload.reason) if payload.on else None,
    )


def end(draft: Draft, terminal: Terminal, exit: ProcessExit) -> None:
    """Its program ended."""
    draft.change(
        "terminal.closed",
        terminal,
        state="closed",
        operation=None,
        throttle_reason=None,
        cols=exit.cols or terminal.cols,
        rows=exit.rows or terminal.rows,
        exit_code=exit.exit_code,
        signal=exit.signal,
        problem=exit.problem,
        closed_at=draft.command.at,
    )
