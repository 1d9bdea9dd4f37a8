"""Decisions about renderer modes. The mode changes only when a switch has succeeded, so a failed one leaves nothing to
take back."""

from __future__ import annotations

from agentlanes.core.command import Command
from agentlanes.core.draft import Draft, refuse_while_operating
from agentlanes.core.errors import Refusal
from agentlanes.core.world import RendererSeen
from agentlanes.wire.models import (
    Problem,
    RendererMode,
    RendererSettle,
    RendererSwitch,
    RendererSwitchTo,
    Terminal,
    Workspace,
)

RAW: RendererMode = "mode_a"
RENDERED: RendererMode = "mode_b"


def find_mode(workspace: Workspace | None, terminal: Terminal) -> RendererMode:
    """The mode in which a terminal is handed out."""
    return terminal.active_renderer_mode or (workspace.active_renderer_mode if workspace is not None else RAW)


def switch(draft: Draft, command: Command[RendererSwitchTo]) -> None:
    context, mode = command.context, command.payload.mode
    terminal: Terminal | None = None
    if context.terminal_id is not None:
        terminal = draft.terminal(context.terminal_id)
        if terminal.state == "closed":
            raise Refusal("TERMINAL_CLOSED", f"terminal {terminal.title} is closed; terminal.render still shows it")
        refuse_while_operating("terminal", terminal.terminal_id, terminal.operation)
    elif context.workspace_id is None:
        raise Refusal(
            "MISSING_CONTEXT_ID",
            "renderer.switch needs a terminal_id, or a workspace_id for all of its terminals",
            missing=["terminal_id"],
        )
    workspace = draft.workspace(terminal.workspace_id if terminal is not None else context.workspace_id)
    seen: RendererSeen = command.facts
    if mode == RENDERED and seen.problem is not None:
        raise Refusal("RENDERER_SWITCH_UNSUPPORTED", seen.problem, mode=mode, fallback=RAW)
    _refuse_while_switching(draft, workspace, terminal)
    draft.put(
        "renderer.switch.started",
        RendererSwitch(
            switch_id=command.minter.mint("renderer"),
            workspace_id=workspace.workspace_id,
            lane_id=terminal.lane_id if terminal is not None else None,
            terminal_id=terminal.terminal_id if terminal is not None else None,
            from_mode=find_mode(workspace, terminal) if terminal is not None else workspace.active_renderer_mode,
            to_mode=mode,
            status="switching",
            operation=draft.begin("switch"),
            created_at=command.at,
        ),
    )


def settle(draft: Draft, command: Command[RendererSettle]) -> None:
    found: RendererSwitch | None = draft.get("renderer", command.payload.switch_id)
    if found is None:
        raise Refusal("STALE", f"switch {command.payload.switch_id} has ended")
    problem = command.payload.problem or _find_obstacle(draft, found)
    if problem is not None:
        draft.change(
            "renderer.switch.failed", found, status="failed", operation=None, problem=problem, ended_at=command.at
        )
        return
    if found.terminal_id is not None:
        terminal = draft.terminal(found.terminal_id)
        draft.change("terminal.updated", terminal, active_renderer_mode=found.to_mode)
    else:
        workspace = draft.workspace(found.workspace_id)
        draft.change("workspace.updated", workspace, active_renderer_mode=found.to_mode)
    draft.change("renderer.switch.succeeded", found, status="succeeded", operation=None, ended_at=command.at)


def _find_obstacle(draft: Draft, switch: RendererSwitch) -> Problem | None:
    """What ended while the switch was under way."""
    if switch.terminal_id is None:
        return None
    terminal = draft.get("terminal", switch.terminal_id)
    if terminal is None or terminal.state == "closed":
        return Problem(code="TERMINAL_CLOSED", message="the terminal was closed meanwhile")
    return None


def _refuse_while_switching(draft: Draft, workspace: Workspace, terminal: Terminal | None) -> None:
    """One switch at a time for each terminal; one of a workspace is about all of its terminals."""
    for other in draft.switches(workspace.workspace_id):
        if terminal is None or other.terminal_id in (None, terminal.terminal_id):
            refuse_while_operating("renderer", other.switch_id, other.operation)
