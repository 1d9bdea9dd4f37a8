"""What the tools of these agents are, by their names and inputs: kind, title, command, places, changes."""

from __future__ import annotations

import re
from typing import Any

from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text, bound_title, bound_value
from agentlanes.adapters.agents.dialogue.tools import (
    PATH_CAP,
    RAW_CAP,
    TITLE_CAP,
    ToolUpdate,
    bound_changes,
    bound_id,
)
from agentlanes.wire.models import FileChange, Location, PlanEntry

COMMAND_CAP = 65_536
ENTRIES_CAP = 200
_KINDS = {
    "read": "Read NotebookRead look_at read ViewImage view_image",
    "edit": "Edit MultiEdit Write NotebookEdit create_file edit_file undo_edit Create ApplyPatch edit write",
    "delete": "delete",
    "search": "Grep Glob LS finder glob grep ls ToolSearch semSearch semantic_search",
    "execute": "Bash BashOutput KillShell KillBash Execute shell Monitor",
    "fetch": "WebFetch WebSearch FetchUrl read_web_page web_search webFetch webSearch",
    "think": "Task Agent oracle TodoWrite TodoRead todo todoRead updateTodos Skill task librarian",
    "switch_mode": "ExitPlanMode EnterPlanMode ExitSpecMode",
}
KINDS = {name: kind for kind, names in _KINDS.items() for name in names.split()}
PLANS = frozenset({"TodoWrite", "todo", "updateTodos"})
_PATHS = ("file_path", "notebook_path", "path", "directory_path")
_SUBJECTS = ("description", "query", "pattern", "url", "prompt")
_EXIT = re.compile(r"(?:Error: )?Exit code (\d{1,3})\b")


def read_use(tool_id: object, name: object, given: object, parent: object = None) -> ToolUpdate | None:
    """A tool that the agent begins to use; None where it does not say which."""
    if type(tool_id) is not str or not tool_id or type(name) is not str:
        return None
    fields = given if isinstance(given, dict) else {}
    kind = KINDS.get(name, "other")
    update = ToolUpdate(bound_id(tool_id), status="in_progress", tool_kind=kind)
    update.title = _write_title(name, kind, fields)
    update.raw_input = bound_value(fields, RAW_CAP)
    command = fields.get("command")
    if kind == "execute" and type(command) is str:
        update.command = bound_text(command, COMMAND_CAP)
    path = next((fields[key] for key in _PATHS if type(fields.get(key)) is str), None)
    if path is not None:
        line = fields.get("offset")
        update.locations = (Location(path=bound_text(path, PATH_CAP), line=line if type(line) is int else None),)
        if kind == "edit" and (changes := _read_changes(path, fields)):
            update.changes = bound_changes(changes)
    if type(parent) is str and parent:
        update.parent_tool_call_id = bound_id(parent)
    return update


def read_result(tool_id: object, content: object, failed: object, detail: object = None) -> ToolUpdate | None:
    """How a tool ended; None where it is not said which. `detail` is what the agent tells beyond what its model got."""
    if type(tool_id) is not str or not tool_id:
        return None
    text = read_content(content)
    update = ToolUpdate(bound_id(tool_id), status="failed" if failed is True else "completed", text=text or None)
    if isinstance(detail, dict):
        if type(stdout := detail.get("stdout")) is str and failed is not True:
            update.exit_code = None if detail.get("interrupted") is True else 0
            update.text = stdout + _follow(stdout, detail.get("stderr")) or update.text
        update.raw_output = bound_value(detail, RAW_CAP)
    elif failed is True and text and (found := _EXIT.match(text)):
        update.exit_code = int(found[1])
    return update


def read_content(content: object) -> str:
    """The text of a message's content: a text, or blocks; what is no text is named in brackets."""
    if type(content) is str:
        return content
    texts = []
    for block in content if isinstance(content, list) else []:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text" and type(block.get("text")) is str:
            texts.append(block["text"])
        elif type(kind) is str:
            texts.append(f"[{bound_line(kind, 64)}]")
    return "\n".join(texts)


def read_plan(given: object) -> tuple[PlanEntry, ...]:
    """The steps of a tool that writes a list of things to do."""
    todos = given.get("todos") if isinstance(given, dict) else None
    return tuple(
        PlanEntry(
            content=bound_text(todo["content"], 2000),
            status=bound_text(str(todo.get("status") or "pending"), 20).lower().removeprefix("todo_status_"),
            priority=bound_text(todo["priority"], 20) if type(todo.get("priority")) is str else None,
        )
        for todo in (todos[:ENTRIES_CAP] if isinstance(todos, list) else [])
        if isinstance(todo, dict) and type(todo.get("content")) is str
    )


def _write_title(name: str, kind: str, given: dict[str, Any]) -> str:
    command = given.get("command")
    if kind == "execute" and type(command) is str and command:
        return bound_title(command, TITLE_CAP)
    subject = next((given[key] for key in (*_PATHS, *_SUBJECTS) if type(given.get(key)) is str), "")
    return bound_line(f"{name} {subject}".strip(), 500)


def _read_changes(path: str, given: dict[str, Any]) -> list[FileChange]:
    path = bound_text(path, PATH_CAP)
    if type(content := given.get("content", given.get("fileText"))) is str:
        return [FileChange(path=path, new_text=content)]
    edits = given["edits"][:100] if isinstance(given.get("edits"), list) else [given]
    changes = []
    for edit in edits:
        old = edit.get("old_string", edit.get("old_str")) if isinstance(edit, dict) else None
        new = edit.get("new_string", edit.get("new_str")) if isinstance(edit, dict) else None
        if type(new) is str:
            changes.append(FileChange(path=path, old_text=old if type(old) is str else None, new_text=new))
    return changes


def _follow(text: str, more: object) -> str:
    if type(more) is not str or not more:
        return ""
    return more if not text or text.endswith("\n") else f"\n{more}"
