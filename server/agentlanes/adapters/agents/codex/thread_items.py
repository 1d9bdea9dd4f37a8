"""Items of a Codex thread that are tool calls: commands, file changes, searches, and what else it lets run."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

from agentlanes.adapters.agents.codex.fields import read_object, read_objects, read_text, read_texts
from agentlanes.adapters.agents.dialogue.frames import bound_text, bound_title, bound_value
from agentlanes.adapters.agents.dialogue.tools import PATH_CAP, RAW_CAP, TITLE_CAP, ToolUpdate, bound_changes, bound_id
from agentlanes.wire.models import FileChange, Location

COMMAND_CAP = 65_536
_LOCATIONS_CAP = 100
_STATUSES = {
    "inProgress": "in_progress",
    "in_progress": "in_progress",
    "completed": "completed",
    "failed": "failed",
    "declined": "failed",
    "interrupted": "failed",
}


def read_tool_item(item: dict[str, Any], *, ended: bool) -> ToolUpdate | None:
    """An item as a tool call; None where it is of a kind that is none. One that ended without saying how is done."""
    read = _KINDS.get(item.get("type"))  # type: ignore[arg-type]
    item_id = read_text(item, "id")
    if read is None or item_id is None:
        return None
    tool = ToolUpdate(bound_id(item_id))
    said = item.get("status")
    tool.status = _STATUSES.get(said) if isinstance(said, str) else None
    if tool.status is None or (ended and tool.status == "in_progress"):
        tool.status = "completed" if ended else "in_progress"
    read(item, tool)
    if said == "declined":
        tool.raw_output = "declined"
    tool.title = None if tool.title is None else bound_title(tool.title, TITLE_CAP)
    return tool


def read_command(command: object) -> str | None:
    """What a person would have typed: without the shell that Codex wraps it in."""
    if isinstance(command, list):
        words = [word for word in command if isinstance(word, str)]
        line = shlex.join(words)
    elif isinstance(command, str) and command:
        line = command
        try:
            words = shlex.split(command) if len(command) <= COMMAND_CAP else []
        except ValueError:
            words = []
    else:
        return None
    if len(words) == 3 and words[1] in ("-c", "-lc") and words[0].rsplit("/", 1)[-1] in ("sh", "bash", "zsh"):
        line = words[2]
    return bound_text(line, COMMAND_CAP)


def read_patch(path: str, diff: str) -> Iterator[FileChange]:
    """The hunks of a unified diff, each as the lines before and after; the file around them is not told."""
    old: list[str] = []
    new: list[str] = []
    for line in [*diff.splitlines(keepends=True), "@@"]:
        if line.startswith("@@"):
            if old or new:
                yield FileChange(path=path, old_text="".join(old), new_text="".join(new))
            old, new = [], []
        elif line.startswith("-"):
            old.append(line[1:])
        elif line.startswith("+"):
            new.append(line[1:])
        elif line.startswith(" "):
            old.append(line[1:])
            new.append(line[1:])


def _read_command(item: dict[str, Any], tool: ToolUpdate) -> None:
    tool.command = read_command(item.get("command"))
    tool.title = tool.command
    # Codex's own reading of what a command does is a guess, and whoever permits one by its kind must not rely on it.
    tool.tool_kind = "execute"
    places = [read_text(action, "path", PATH_CAP) for action in read_objects(item, "commandActions", _LOCATIONS_CAP)]
    tool.locations = tuple(Location(path=path) for path in places if path is not None) or None
    tool.text = read_text(item, "aggregatedOutput")
    code = item.get("exitCode")
    tool.exit_code = code if type(code) is int and -(1 << 31) <= code < 1 << 32 else None


def _read_changes(item: dict[str, Any], tool: ToolUpdate) -> None:
    changes: list[FileChange] = []
    places: list[str] = []
    kinds: set[object] = set()
    for change in read_objects(item, "changes"):
        path, diff = read_text(change, "path", PATH_CAP), read_text(change, "diff") or ""
        if path is None:
            continue
        kind, moved = (
            read_object(change, "kind").get("type"),
            read_text(read_object(change, "kind"), "move_path", PATH_CAP),
        )
        kinds.add("move" if moved else kind)
        places += [path, moved] if moved else [path]
        if kind == "add":
            changes.append(FileChange(path=path, new_text=diff))
        elif kind == "delete":
            changes.append(FileChange(path=path, old_text=diff, new_text=""))
        else:
            changes += read_patch(moved or path, diff)
    tool.tool_kind = "delete" if kinds == {"delete"} else "move" if kinds == {"move"} else "edit"
    tool.title = f"{tool.tool_kind.capitalize()} {', '.join(places)}" if places else None
    tool.locations = tuple(Location(path=path) for path in places[:_LOCATIONS_CAP]) or None
    tool.changes = bound_changes(changes) or None


def _read_mcp_call(item: dict[str, Any], tool: ToolUpdate) -> None:
    tool.tool_kind = "other"
    tool.title = ".".join(part for key in ("server", "tool") if (part := read_text(item, key, TITLE_CAP)))
    tool.raw_input = _keep(item.get("arguments"))
    result, error = read_object(item, "result"), read_object(item, "error")
    tool.raw_output = _keep(result or error or None)
    texts = [text for part in read_objects(result, "content") if (text := read_text(part, "text"))]
    tool.text = "\n".join(texts) or read_text(error, "message")


def _read_own_call(item: dict[str, Any], tool: ToolUpdate) -> None:
    tool.tool_kind = "other"
    tool.title = read_text(item, "tool", TITLE_CAP)
    tool.raw_input = _keep(item.get("arguments"))
    parts = read_objects(item, "contentItems")
    tool.raw_output = _keep(parts or None)
    tool.text = "\n".join(text for part in parts if (text := read_text(part, "text"))) or None
    if item.get("success") is False:
        tool.status = "failed"


def _read_sub_agent_call(item: dict[str, Any], tool: ToolUpdate) -> None:
    tool.tool_kind = "other"
    tool.title = f"Sub-agent: {read_text(item, 'prompt', 200) or read_text(item, 'tool', 200) or 'call'}"
    names = ("tool", "prompt", "model", "reasoningEffort", "receiverThreadIds")
    tool.raw_input = _keep({name: item[name] for name in names if item.get(name) is not None})
    tool.raw_output = _keep(item.get("agentsStates") or None)


def _read_search(item: dict[str, Any], tool: ToolUpdate) -> None:
    tool.tool_kind = "search"
    action = read_object(item, "action")
    queries = [
        read_text(item, "query", TITLE_CAP),
        read_text(action, "query", TITLE_CAP),
        *read_texts(action, "queries"),
    ]
    query, address = next((found for found in queries if found), None), read_text(action, "url", PATH_CAP)
    if address is not None:
        tool.tool_kind, tool.title = "fetch", f"Open {address}"
    else:
        tool.title = f"Search the web: {query}" if query else "Search the web"
    tool.raw_output = _keep(item.get("results"))


def _read_image(item: dict[str, Any], tool: ToolUpdate) -> None:
    tool.tool_kind = "read"
    path = read_text(item, "path", PATH_CAP)
    tool.title = f"Look at {path}" if path else "Look at an image"
    tool.locations = (Location(path=path),) if path else None


def _read_drawing(item: dict[str, Any], tool: ToolUpdate) -> None:
    tool.tool_kind = "other"
    tool.title = "Make an image"
    path = read_text(item, "savedPath", PATH_CAP)
    tool.locations = (Location(path=path),) if path else None
    tool.text = read_text(item, "revisedPrompt", RAW_CAP)


def _read_sleep(item: dict[str, Any], tool: ToolUpdate) -> None:
    tool.tool_kind, tool.title = "other", "Wait"


_KINDS: dict[str, Callable[[dict[str, Any], ToolUpdate], None]] = {
    "commandExecution": _read_command,
    "fileChange": _read_changes,
    "mcpToolCall": _read_mcp_call,
    "dynamicToolCall": _read_own_call,
    "collabAgentToolCall": _read_sub_agent_call,
    "webSearch": _read_search,
    "imageView": _read_image,
    "imageGeneration": _read_drawing,
    "sleep": _read_sleep,
}


def _keep(value: object) -> object:
    return None if value is None else bound_value(value, RAW_CAP)
