"""What an ACP tool_call, tool_call_update or permission request says about a tool call."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from agentlanes.adapters.agents.acp.frames import bound_text, bound_title, bound_value
from agentlanes.wire.models import FileChange, Location, ToolCall

CHANGES_CAP = 384 << 10
RAW_CAP = 64 << 10
_TITLE_CAP = 8192
_PATH_CAP = 4096
_ID_CAP = 512
_WORD_CAP = 64
_LOCATIONS_CAP = 100
FINAL = frozenset({"completed", "failed"})


@dataclass(slots=True)
class ToolUpdate:
    """The fields that were given; None for those that were not, or that made no sense."""

    tool_call_id: str
    title: str | None = None
    tool_kind: str | None = None
    status: str | None = None
    locations: tuple[Location, ...] | None = None
    text: str | None = None
    """All text of the content that was given: the whole output so far, in the words of the ACP schema."""
    changes: tuple[FileChange, ...] | None = None
    raw_input: object = None
    raw_output: object = None
    complaints: tuple[str, ...] = ()
    """What about the update does not follow the ACP schema."""

    def shows_nothing(self) -> bool:
        """Whether it carries no more than an end: nothing that an item of its own would show."""
        fields = (self.title, self.text, self.changes, self.raw_input, self.raw_output, self.locations)
        return all(field is None for field in fields) and (self.status is None or self.status in FINAL)

    def fingerprint(self) -> bytes:
        """The same for updates that show the same output."""
        return blake2b(msgspec.json.encode((self.text, self.changes)), digest_size=8).digest()


def read_tool(given: dict[str, Any]) -> ToolUpdate | None:
    """Read an update; None where it does not say which tool call it is about."""
    tool_call_id = given.get("toolCallId")
    if type(tool_call_id) is not str or not tool_call_id:
        return None
    update = ToolUpdate(bound_id(tool_call_id))
    complaints: list[str] = []
    title = _read_text(given, "title", _TITLE_CAP, complaints)
    update.title = None if title is None else bound_title(title, _TITLE_CAP)
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
    if (raw_output := given.get("rawOutput")) is not None:
        update.raw_output = bound_value(raw_output, RAW_CAP)
    update.complaints = tuple(complaints)
    return update


def merge_tool(tool: ToolCall, update: ToolUpdate) -> ToolCall:
    """The tool call after an update. Diffs stay until other diffs come: an output that follows does not undo them."""
    changes: dict[str, Any] = {}
    for field in ("title", "tool_kind", "status", "locations", "changes", "raw_input", "raw_output"):
        value = getattr(update, field)
        if value is not None and value != getattr(tool, field):
            changes[field] = value
    return msgspec.structs.replace(tool, **changes) if changes else tool


def bound_id(tool_call_id: str) -> str:
    """An id that fits; a longer one keeps its start and a digest of the whole."""
    if len(tool_call_id) <= _ID_CAP:
        return tool_call_id
    digest = blake2b(tool_call_id.encode(), digest_size=8).hexdigest()
    return f"{tool_call_id[: _ID_CAP - 17]}-{digest}"


def read_block(block: object) -> str | None:
    """The text of an ACP content block; for what is no text, a word in brackets; None for what is no block."""
    if not isinstance(block, dict):
        return None
    kind = block.get("type")
    if kind == "text":
        text = block.get("text")
        return text if isinstance(text, str) else None
    if kind == "resource_link":
        return f"[{block.get('name') or 'link'}: {bound_text(str(block.get('uri')), _PATH_CAP)}]"
    if kind == "resource" and isinstance(resource := block.get("resource"), dict):
        text = resource.get("text")
        return text if isinstance(text, str) else f"[resource {bound_text(str(resource.get('uri')), _PATH_CAP)}]"
    return f"[{bound_text(kind, _WORD_CAP)}]" if isinstance(kind, str) else None


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
    return Location(path=bound_text(path, _PATH_CAP), line=line if type(line) is int and line >= 0 else None)


def _read_content(content: list[Any], update: ToolUpdate, complaints: list[str]) -> None:
    texts: list[str] = []
    changes: list[FileChange] = []
    for entry in content:
        kind = entry.get("type") if isinstance(entry, dict) else None
        if kind == "content" and (text := read_block(entry.get("content"))) is not None:
            texts.append(text if not texts or texts[-1].endswith("\n") else f"\n{text}")
        elif kind == "diff" and (change := _read_change(entry)) is not None:
            changes.append(change)
        elif kind != "terminal":
            # A terminal of ours cannot be meant, for none was offered; the output comes as text at the end.
            complaints.append("content of a tool call has an entry that ACP does not know")
    update.text = "".join(texts) if texts else None
    if changes:
        update.changes = _bound_changes(changes)


def _read_change(entry: dict[str, Any]) -> FileChange | None:
    path, old, new = entry.get("path"), entry.get("oldText"), entry.get("newText")
    if type(path) is not str or type(new) is not str or not (old is None or type(old) is str):
        return None
    return FileChange(path=bound_text(path, _PATH_CAP), old_text=old, new_text=new)


def _bound_changes(changes: list[FileChange]) -> tuple[FileChange, ...]:
    sizes = [len(change.new_text.encode()) + len((change.old_text or "").encode()) for change in changes]
    if sum(sizes) <= CHANGES_CAP:
        return tuple(changes)
    cap = max(1000, CHANGES_CAP // (8 * len(changes)))
    cut = [
        msgspec.structs.replace(
            change,
            old_text=None if change.old_text is None else _cut_change(change.old_text, cap),
            new_text=_cut_change(change.new_text, cap),
        )
        for change in changes[:100]
    ]
    return tuple(cut)


def _cut_change(text: str, cap: int) -> str:
    return text if len(text) <= cap else f"{text[:cap]}\n… (cut: {len(text)} characters in all)\n"
