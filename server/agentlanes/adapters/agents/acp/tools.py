"""What an ACP tool_call, tool_call_update or permission request says about a tool call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentlanes.adapters.agents.acp.patches import read_diff
from agentlanes.adapters.agents.acp.terminals import COMMAND_CAP
from agentlanes.adapters.agents.dialogue.frames import bound_text, bound_title, bound_value
from agentlanes.adapters.agents.dialogue.tools import (
    PATH_CAP,
    RAW_CAP,
    TITLE_CAP,
    ToolUpdate,
    bound_changes,
    bound_id,
)
from agentlanes.wire.models import FileChange, Location

_WORD_CAP = 64
_LOCATIONS_CAP = 100


def read_tool(given: dict[str, Any]) -> ToolUpdate | None:
    """Read an update; None where it does not say which tool call it is about."""
    tool_call_id = given.get("toolCallId")
    if type(tool_call_id) is not str or not tool_call_id:
        return None
    update = ToolUpdate(bound_id(tool_call_id))
    complaints: list[str] = []
    title = _read_text(given, "title", TITLE_CAP, complaints)
    update.title = None if title is None else bound_title(title, TITLE_CAP)
    update.tool_kind = _read_text(given, "kind", _WORD_CAP, complaints)
    update.status = _read_text(given, "status", _WORD_CAP, complaints)
    locations = _read_list(given, "locations", complaints)
    if locations is not None:
        update.locations = tuple(place for place in map(_read_location, locations[:_LOCATIONS_CAP]) if place)
    content = _read_list(given, "content", complaints)
    if content is not None:
        _read_content(content, update, complaints)
    if (raw_input := given.get("rawInput")) is not None:
        update.raw_input = bound_value(raw_input, RAW_CAP)
        update.command = _read_command(raw_input)
    if (raw_output := given.get("rawOutput")) is not None:
        update.raw_output = bound_value(raw_output, RAW_CAP)
        update.exit_code = _read_exit(raw_output)
    update.parent_tool_call_id = _read_parent(given.get("_meta"))
    update.complaints = tuple(complaints)
    return update


def read_block(block: object) -> str | None:
    """The text of an ACP content block; for what is no text, a word in brackets; None for what is no block."""
    if not isinstance(block, dict):
        return None
    kind = block.get("type")
    if kind == "text":
        text = block.get("text")
        return text if isinstance(text, str) else None
    if kind == "resource_link":
        return f"[{block.get('name') or 'link'}: {bound_text(str(block.get('uri')), PATH_CAP)}]"
    if kind == "resource" and isinstance(resource := block.get("resource"), dict):
        text = resource.get("text")
        return text if isinstance(text, str) else f"[resource {bound_text(str(resource.get('uri')), PATH_CAP)}]"
    return f"[{bound_text(kind, _WORD_CAP)}]" if isinstance(kind, str) else None


def read_text(blocks: list[Any]) -> str:
    """The text of several blocks, one after the other."""
    return "".join(text for block in blocks if (text := read_block(block)) is not None)


def read_terminals(content: object) -> Iterator[str]:
    """Ids of the terminals that a tool call's content shows. They are the agent's: none was offered to it."""
    for entry in content if isinstance(content, list) else []:
        if isinstance(entry, dict) and entry.get("type") == "terminal" and type(entry.get("terminalId")) is str:
            yield entry["terminalId"]


def _read_command(raw_input: object) -> str | None:
    """The shell command that most agents name so."""
    command = raw_input.get("command") if isinstance(raw_input, dict) else None
    if isinstance(command, list) and all(type(word) is str for word in command):
        command = " ".join(command)
    return bound_text(command, COMMAND_CAP) if type(command) is str and command else None


def _read_exit(raw_output: object) -> int | None:
    if not isinstance(raw_output, dict):
        return None
    metadata = raw_output.get("metadata")
    codes = [raw_output.get("exit_code"), raw_output.get("exitCode")]
    codes.append(metadata.get("exit") if isinstance(metadata, dict) else None)
    return next((code for code in codes if type(code) is int), None)


def _read_parent(meta: object) -> str | None:
    """The tool call of a sub-agent's tool call, as the adapter of Claude Code tells it."""
    told = meta.get("claudeCode") if isinstance(meta, dict) else None
    parent = told.get("parentToolUseId") if isinstance(told, dict) else None
    return bound_id(parent) if type(parent) is str and parent else None


def _read_text(given: dict[str, Any], key: str, cap: int, complaints: list[str]) -> str | None:
    value = given.get(key)
    if value is None:
        return None
    if type(value) is not str:
        complaints.append(f"{key} of a tool call is no text")
        return None
    return bound_text(value, cap)


def _read_list(given: dict[str, Any], key: str, complaints: list[str]) -> list[Any] | None:
    value = given.get(key)
    if value is None:
        return None
    if type(value) is not list:
        complaints.append(f"{key} of a tool call is no array")
        return None
    return value


def _read_location(place: object) -> Location | None:
    if not isinstance(place, dict) or type(path := place.get("path")) is not str:
        return None
    line = place.get("line")
    return Location(path=bound_text(path, PATH_CAP), line=line if type(line) is int and line >= 0 else None)


def _read_content(content: list[Any], update: ToolUpdate, complaints: list[str]) -> None:
    texts: list[str] = []
    changes: list[FileChange] = []
    for entry in content:
        kind = entry.get("type") if isinstance(entry, dict) else None
        if kind == "content" and (text := read_block(entry.get("content"))) is not None:
            texts.append(text if not texts or texts[-1].endswith("\n") else f"\n{text}")
        elif kind == "diff" and (change := _read_change(entry)) is not None:
            changes.append(change)
        elif kind == "diff" and (several := read_diff(entry)) is not None:
            changes += several
        elif kind != "terminal":
            complaints.append("content of a tool call has an entry that ACP does not know")
    update.text = "".join(texts) if texts else None
    if changes:
        update.changes = bound_changes(changes)


def _read_change(entry: dict[str, Any]) -> FileChange | None:
    path, old, new = entry.get("path"), entry.get("oldText"), entry.get("newText")
    if type(path) is not str or type(new) is not str or not (old is None or type(old) is str):
        return None
    return FileChange(path=bound_text(path, PATH_CAP), old_text=old, new_text=new)
