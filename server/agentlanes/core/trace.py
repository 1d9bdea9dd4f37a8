"""Traces: a turn and its items as a tree of prompts, tool calls and responses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from agentlanes.core.usage import count_tokens
from agentlanes.wire.models import Item, Session, TraceEntry, TraceType, Turn

NAME_CAP = 200
_RESPONSES = {
    "message": "Message",
    "thought": "Thought",
    "plan": "Plan",
    "notice": "Notice",
    "error": "Error",
    "compaction": "Compaction",
    "question": "Question",
}


def trace_turn(turn: Turn, items: Sequence[Item], session: Session | None) -> list[TraceEntry]:
    """The tree of a turn: each entry after its parent, otherwise in the order in which they began."""
    agent = session.profile if session is not None else "unknown"
    entries = [_trace_prompt(turn, session, agent)]
    calls = {item.tool.tool_call_id: item.item_id for item in items if item.tool is not None}
    last = next((item.item_id for item in reversed(items) if item.kind == "message"), None)
    made = [_trace_item(turn, item, agent, calls, is_last=item.item_id == last) for item in items]
    # A sub-agent's call may be told before the call that it is part of.
    waiting = [entry for entry in made if entry is not None]
    placed = {turn.turn_id}
    while waiting:
        ready = [entry for entry in waiting if entry.parent_id in placed]
        if not ready:
            # They name each other: what has no way to the root hangs from it.
            ready = [msgspec.structs.replace(waiting[0], parent_id=turn.turn_id)]
            waiting = [ready[0], *waiting[1:]]
        entries += ready
        placed |= {entry.id for entry in ready}
        waiting = [entry for entry in waiting if entry.id not in placed]
    return entries


def find_model(turn: Turn, session: Session | None) -> str | None:
    """The model that the turn was asked of, as far as somebody chose it or the agent says."""
    if turn.choice is not None and turn.choice.model is not None:
        return turn.choice.model
    if session is None:
        return None
    if session.choice is not None and session.choice.model is not None:
        return session.choice.model
    settings = session.offer.settings if session.offer is not None else None
    return next((setting.value for setting in settings or () if setting.kind == "model"), None)


def _trace_prompt(turn: Turn, session: Session | None, agent: str) -> TraceEntry:
    content = {
        "prompt": turn.prompt,
        "primer": turn.primer,
        "model": find_model(turn, session),
        "steers": [steer.prompt for steer in turn.steers or ()] or None,
        "links": [link.uri for link in turn.links or ()] or None,
    }
    metadata = {
        "status": turn.status,
        "action": turn.action,
        "session_id": turn.session_id,
        "agent_session_id": session.agent_session_id if session is not None else None,
        "agent_turn_id": turn.agent_turn_id,
        "stop_reason": turn.stop_reason,
        "usage": turn.usage,
        "dropped": turn.dropped,
    }
    started = turn.started_at or turn.created_at
    return TraceEntry(
        id=turn.turn_id,
        command_id=turn.turn_id,
        agent_id=agent,
        type="LLM_PROMPT",
        name=_name(turn.prompt, "Prompt"),
        content=_told(content),
        started_at=started,
        completed_at=turn.ended_at,
        duration_ms=_measure(started, turn.ended_at),
        tokens_used=count_tokens(turn.usage),
        error=turn.problem.message if turn.problem is not None else None,
        metadata=_told(metadata),
    )


def _trace_item(turn: Turn, item: Item, agent: str, calls: dict[str, str], *, is_last: bool) -> TraceEntry | None:
    metadata: dict[str, Any] = {"status": item.status, "kind": item.kind}
    parent, tokens, error = turn.turn_id, None, None
    type_: TraceType
    content: dict[str, Any]
    if item.tool is not None:
        tool = item.tool
        type_, name = "TOOL_CALL", _name(tool.title, tool.tool_kind or "Tool")
        args = tool.raw_input if tool.raw_input is not None else tool.command
        result = tool.raw_output if tool.raw_output is not None else item.text
        content = {"tool": tool.tool_kind or tool.title, "args": args, "result": result}
        metadata |= {
            "tool_call_id": tool.tool_call_id,
            "command": tool.command,
            "exit_code": tool.exit_code,
            "locations": tool.locations or None,
            "changed": [change.path for change in tool.changes or ()] or None,
        }
        parent = calls.get(tool.parent_tool_call_id or "", parent)
        if tool.status == "failed" or item.status == "failed":
            error = item.problem.message if item.problem is not None else (item.text or "the tool call failed")
    elif item.kind in _RESPONSES or item.raw is not None:
        type_, name = "RESPONSE", _RESPONSES.get(item.kind, item.kind)
        text = "\n".join(f"{entry.status}: {entry.content}" for entry in item.plan or ()) if item.plan else item.text
        content = {"content": text or "", "raw": item.raw}
        if is_last and turn.usage is not None:
            tokens = content["tokens_used"] = turn.usage.output_tokens
        error = item.problem.message if item.problem is not None else None
    else:
        # What the user said is in the prompt, and what was counted in its metadata.
        return None
    return TraceEntry(
        id=item.item_id,
        command_id=turn.turn_id,
        agent_id=agent,
        parent_id=parent,
        type=type_,
        name=name,
        content=_told(content),
        started_at=item.created_at,
        completed_at=item.ended_at,
        duration_ms=_measure(item.created_at, item.ended_at),
        tokens_used=tokens,
        error=error,
        metadata=_told(metadata),
    )


def _name(text: str | None, otherwise: str) -> str:
    line = (text or "").strip().split("\n", 1)[0].strip()
    return line[:NAME_CAP] or otherwise


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _measure(start: str, end: str | None) -> int | None:
    if end is None:
        return None
    took = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(0, round(took.total_seconds() * 1000))
