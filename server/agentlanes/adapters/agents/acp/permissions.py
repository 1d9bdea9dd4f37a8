"""Requests for permission, and their answers, in the words of the ACP schema, versions 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from agentlanes.adapters.agents.acp.quirks import Quirks
from agentlanes.adapters.agents.acp.terminals import COMMAND_CAP
from agentlanes.adapters.agents.acp.tools import read_tool
from agentlanes.adapters.agents.dialogue.frames import bound_text, bound_title, bound_value
from agentlanes.adapters.agents.dialogue.tools import RAW_CAP, ToolUpdate, bound_id
from agentlanes.wire.models import Approval, ApprovalKind, ApprovalOption

METHOD = "session/request_permission"
CANCELLED: dict[str, object] = {"outcome": {"outcome": "cancelled"}}
_OPTIONS_CAP = 50
_ID_CAP = 512
_LABEL_CAP = 8192
_KIND_CAP = 64


class Request(Struct, frozen=True):
    """What the agent asks permission for."""

    tool: ToolUpdate
    title: str | None
    """What is asked, in the words of version 2; the tool call's title in those of version 1."""
    options: tuple[ApprovalOption, ...]

    def kind(self) -> ApprovalKind | None:
        """Leaving a mode in which it plans is what asks whether a plan is accepted."""
        return "plan" if self.tool.tool_kind == "switch_mode" else None


def read_request(params: dict[str, Any], request_id: str, quirks: Quirks) -> Request | None:
    """The request in either version of ACP; None where nobody could decide it."""
    options = tuple(_read_options(params.get("options"), quirks))
    asked, title = params.get("toolCall"), params.get("title")
    if asked is None and type(title) is str and title:
        tool = _read_subject(params.get("subject"), title, request_id)
        description = params.get("description")
        if type(description) is str and description:
            title = f"{title}: {description}"
    else:
        tool, title = read_tool(asked) if isinstance(asked, dict) else None, None
    if tool is None or not options:
        return None
    return Request(tool, None if title is None else bound_title(title, _LABEL_CAP), options)


def _read_subject(subject: object, title: str, request_id: str) -> ToolUpdate | None:
    """What a permission of version 2 is about: a tool call, a command, or something that only its title names."""
    given = subject if isinstance(subject, dict) else {}
    if given.get("type") == "tool_call":
        return read_tool(given["toolCall"]) if isinstance(given.get("toolCall"), dict) else None
    tool_call_id = given.get("toolCallId")
    if type(tool_call_id) is not str or not tool_call_id:
        tool_call_id = f"permission {request_id}"
    tool = ToolUpdate(bound_id(tool_call_id), title=bound_title(title, _LABEL_CAP))
    if given.get("type") == "command" and type(command := given.get("command")) is str:
        tool.command, tool.tool_kind = bound_text(command, COMMAND_CAP), "execute"
    elif subject is not None:
        tool.raw_input = bound_value(subject, RAW_CAP)
    return tool


def _read_options(options: object, quirks: Quirks) -> Iterator[ApprovalOption]:
    """The options that can be chosen; those without an id or a kind cannot."""
    for option in options[:_OPTIONS_CAP] if isinstance(options, list) else []:
        if not isinstance(option, dict):
            continue
        option_id, name, kind = option.get("optionId"), option.get("name"), option.get("kind")
        if type(option_id) is str and 0 < len(option_id) <= _ID_CAP and type(kind) is str and len(kind) <= _KIND_CAP:
            label = name if type(name) is str and name else option_id
            if quirks.reject_ends_turn and kind.startswith("reject"):
                label = f"{label} (it ends its turn then)"
            yield ApprovalOption(option_id=option_id, label=bound_title(label, _LABEL_CAP), kind=kind)


def outcome(approval: Approval) -> dict[str, object]:
    """What the agent is told: the option that was chosen, or that nothing was."""
    decision = approval.decision
    if approval.status in ("pending", "canceled") or decision is None or decision.option_id is None:
        return CANCELLED
    return {"outcome": {"outcome": "selected", "optionId": decision.option_id}}
