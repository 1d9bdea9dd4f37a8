"""What a session/update does to the items of the turn, in the words of the ACP schema version 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentlanes.adapters.agents.acp.prompt import read_context
from agentlanes.adapters.agents.acp.tools import read_block, read_tool
from agentlanes.adapters.agents.dialogue.driver import ACTIVITY_CAP, News
from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text, show_value
from agentlanes.adapters.agents.dialogue.prompt import Prompt
from agentlanes.adapters.agents.dialogue.turn_items import TurnItems
from agentlanes.wire.models import PlanEntry, Usage

_TITLE_CAP = 200
_ENTRIES_CAP = 200
_ENTRY_CAP = 2000
_WORD_CAP = 20
_KIND_CAP = 80
_MALFORMED = "Updates that do not follow the protocol"
_IGNORED = frozenset({"user_message_chunk", "available_commands_update", "config_option_update"})
"""What a session's log has in its own words, or has no field for."""


class Updates:
    """Takes in updates of one session. What it cannot place becomes a notice; nothing raises."""

    def __init__(self, items: TurnItems, news: News) -> None:
        self._items = items
        self._news = news
        self._prompt: Prompt | None = None
        self._kinds: dict[str, Callable[[dict[str, Any]], None]] = {
            "agent_message_chunk": self._take_message,
            "agent_thought_chunk": self._take_thought,
            "tool_call": self._take_tool,
            "tool_call_update": self._take_tool,
            "plan": self._take_plan,
            "usage_update": self._take_usage,
            "current_mode_update": self._take_mode,
        }

    def take(self, update: dict[str, Any], prompt: Prompt | None) -> None:
        """Take in one update. Without a prompt there is no turn that its items could belong to."""
        kind = update.get("sessionUpdate")
        if kind == "session_info_update":
            title = update.get("title")
            if type(title) is str:
                self._news.title = bound_line(title, _TITLE_CAP) or self._news.title
            return
        if prompt is None:
            return
        self._prompt = prompt
        if type(kind) is not str:
            self._items.note(_MALFORMED, f"an update without a kind: {show_value(update)}")
        elif (take := self._kinds.get(kind)) is not None:
            take(update)
        elif kind not in _IGNORED:
            self._keep_unknown(kind, update)

    def _take_message(self, update: dict[str, Any]) -> None:
        self._take_chunk("message", "Writing", update)

    def _take_thought(self, update: dict[str, Any]) -> None:
        self._take_chunk("thought", "Thinking", update)

    def _take_chunk(self, kind: str, activity: str, update: dict[str, Any]) -> None:
        content = update.get("content")
        text = read_block(content)
        if text is None:
            self._items.note(_MALFORMED, f"a {kind} without content that can be shown: {show_value(update)}")
            return
        message_id = update.get("messageId")
        self._items.speak(kind, message_id if type(message_id) is str else None, text)
        self._news.activity = activity

    def _take_tool(self, update: dict[str, Any]) -> None:
        tool = read_tool(update)
        if tool is None:
            self._items.note(_MALFORMED, f"a tool call without toolCallId: {show_value(update)}")
            return
        for complaint in tool.complaints:
            self._items.note(_MALFORMED, f"{complaint}: {show_value(update)}")
        item = self._items.use_tool(tool)
        if item is not None and item.is_open() and item.tool is not None:
            name = item.tool.title or item.tool.tool_kind or "a tool"
            self._news.activity = bound_line(name, ACTIVITY_CAP) or self._news.activity

    def _take_plan(self, update: dict[str, Any]) -> None:
        entries = update.get("entries")
        if type(entries) is not list:
            self._items.note(_MALFORMED, f"a plan without entries: {show_value(update)}")
            return
        self._items.show_plan(tuple(entry for entry in map(_read_entry, entries[:_ENTRIES_CAP]) if entry))

    def _take_usage(self, update: dict[str, Any]) -> None:
        assert self._prompt is not None
        usage = read_context(update, self._prompt.usage)
        if self._prompt.ended:
            self._items.record_usage(read_context(update, Usage()))
        elif usage != self._prompt.usage:
            self._prompt.usage = usage
            self._news.usage_changed = True

    def _take_mode(self, update: dict[str, Any]) -> None:
        mode = update.get("currentModeId")
        if type(mode) is str:
            self._items.note("The agent changed its mode", bound_line(mode, ACTIVITY_CAP))

    def _keep_unknown(self, kind: str, update: dict[str, Any]) -> None:
        text = read_block(update.get("content"))
        heading = f"Update of kind {bound_line(kind, _KIND_CAP)}"
        self._items.note(heading, show_value(update) if text is None else text, raw=update)


def _read_entry(entry: object) -> PlanEntry | None:
    if not isinstance(entry, dict) or type(content := entry.get("content")) is not str:
        return None
    status, priority = entry.get("status"), entry.get("priority")
    return PlanEntry(
        content=bound_text(content, _ENTRY_CAP),
        priority=bound_text(priority, _WORD_CAP) if type(priority) is str else None,
        status=bound_text(status, _WORD_CAP) if type(status) is str else "pending",
    )
