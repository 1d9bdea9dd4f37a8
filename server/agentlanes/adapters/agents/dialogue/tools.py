"""What is said about a tool call, in no agent's words, and how it changes what is known of it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from agentlanes.wire.models import FileChange, Location, ToolCall

TITLE_CAP = 8192
PATH_CAP = 4096
RAW_CAP = 64 << 10
CHANGES_CAP = 384 << 10
FINAL = frozenset({"completed", "failed"})
_ID_CAP = 512
_MERGED = (
    "title",
    "tool_kind",
    "status",
    "locations",
    "changes",
    "command",
    "exit_code",
    "parent_tool_call_id",
    "raw_input",
    "raw_output",
)


class ToolUpdate(Struct):
    """The fields that were given; None for those that were not, or that made no sense."""

    tool_call_id: str
    title: str | None = None
    tool_kind: str | None = None
    status: str | None = None
    locations: tuple[Location, ...] | None = None
    text: str | None = None
    """All text of the content that was given: the whole output so far, in the agent's words."""
    changes: tuple[FileChange, ...] | None = None
    command: str | None = None
    exit_code: int | None = None
    parent_tool_call_id: str | None = None
    raw_input: object = None
    raw_output: object = None
    complaints: tuple[str, ...] = ()
    """What about the update does not follow the protocol."""

    def shows_nothing(self) -> bool:
        """Whether it carries no more than an end: nothing that an item of its own would show."""
        fields = (self.title, self.text, self.changes, self.command, self.raw_input, self.raw_output, self.locations)
        return all(field is None for field in fields) and (self.status is None or self.status in FINAL)

    def fingerprint(self) -> bytes:
        """The same for updates that show the same output."""
        return blake2b(msgspec.json.encode((self.text, self.changes)), digest_size=8).digest()


def merge_tool(tool: ToolCall, update: ToolUpdate) -> ToolCall:
    """The tool call after an update. Diffs stay until other diffs come: an output that follows does not undo them."""
    changes: dict[str, Any] = {}
    for field in _MERGED:
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


def bound_changes(changes: list[FileChange]) -> tuple[FileChange, ...]:
    """The changes, each cut where they are too large together."""
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
