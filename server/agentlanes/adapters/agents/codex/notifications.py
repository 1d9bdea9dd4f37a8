"""What Codex tells of its thread, as items of the turn and news of the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentlanes.adapters.agents.codex.approvals import name_question
from agentlanes.adapters.agents.codex.fields import read_object, read_objects, read_text, read_texts
from agentlanes.adapters.agents.codex.prompt import CodexPrompt, add_usage, show_failure
from agentlanes.adapters.agents.codex.thread_items import read_tool_item
from agentlanes.adapters.agents.dialogue.driver import ACTIVITY_CAP, NOT_EXPECTED, News
from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text, encode, show_value
from agentlanes.adapters.agents.dialogue.tools import ToolUpdate, bound_id
from agentlanes.adapters.agents.dialogue.turn_items import SPAN_CAP, TurnItems
from agentlanes.wire.models import PlanEntry, Usage

_TITLE_CAP = 200
_ENTRIES_CAP = 200
_ENTRY_CAP = 2000
_KIND_CAP = 80
_STEPS = {"pending": "pending", "inProgress": "in_progress", "completed": "completed"}
_LOGGED = frozenset({"userMessage"})
"""Items that the session's log has in its own words."""
_ASIDE = (
    "account/",
    "app/",
    "command/",
    "externalAgentConfig/",
    "fs/",
    "fuzzyFileSearch/",
    "hook/",
    "item/autoApprovalReview/",
    "item/fileChange/outputDelta",
    "item/commandExecution/terminalInteraction",
    "mcpServer/",
    "model/safetyBuffering",
    "model/verification",
    "modelProvider/",
    "process/",
    "project/",
    "rawResponse",
    "remoteControl/",
    "skills/",
    "thread/",
    "turn/diff/updated",
    "turn/moderationMetadata",
    "windows",
)
"""Begins of notifications about what nobody asked for here, or that the log says in other words."""


class Notifications:
    """Takes in notifications of one thread. What it cannot place becomes a notice; nothing raises."""

    def __init__(self, items: TurnItems, news: News) -> None:
        self._items = items
        self._news = news
        self._quiet = False
        self._offset = 0
        self._counted: dict[str, Any] | None = None
        """What all calls of the thread took, as it was told last in this turn."""
        self._counted_at = 0
        self.asked: dict[str, str] = {}
        """The tool call that each request is about."""
        self.allowed: set[str] = set()
        """Requests that were granted."""
        self._kinds: dict[str, Callable[[dict[str, Any], CodexPrompt], None]] = {
            "item/started": self._begin_item,
            "item/completed": self._end_item,
            "item/agentMessage/delta": self._grow_message,
            "item/reasoning/summaryTextDelta": self._grow_thought,
            "item/reasoning/textDelta": self._grow_thought,
            "item/reasoning/summaryPartAdded": self._part_thought,
            "item/plan/delta": self._grow_proposal,
            "item/commandExecution/outputDelta": self._grow_output,
            "item/mcpToolCall/progress": self._grow_progress,
            "item/fileChange/patchUpdated": self._change_patch,
            "turn/plan/updated": self._show_plan,
            "thread/tokenUsage/updated": self._count,
            "serverRequest/resolved": self._close_question,
            "error": self._show_error,
            "model/rerouted": self._show_route,
            "warning": self._warn,
            "guardianWarning": self._warn,
            "configWarning": self._warn,
            "deprecationNotice": self._warn,
        }

    def end_turn(self) -> None:
        """What was counted does not matter any more, and its frame is not read again."""
        self._counted = None

    def pin(self, end: int) -> int:
        """Where reading starts after a restart, if `end` is how far it came: counts are told as sums."""
        if self._counted is None:
            return end
        if end - self._counted_at > SPAN_CAP:
            self._counted = None
            return end
        return min(end, self._counted_at)

    def take(
        self, method: str, params: dict[str, Any], prompt: CodexPrompt | None, offset: int, *, quiet: bool
    ) -> None:
        """Take in one notification. Without a prompt there is no turn that its items could belong to."""
        self._offset = offset
        if method == "thread/name/updated":
            if title := read_text(params, "threadName", 10 * _TITLE_CAP):
                self._news.title = bound_line(title, _TITLE_CAP) or self._news.title
            return
        if prompt is None:
            return
        self._quiet = quiet
        take = self._kinds.get(method)
        if take is not None:
            take(params, prompt)
        elif not method.startswith(_ASIDE):
            heading = f"Notification {bound_line(method, _KIND_CAP)}"
            self._items.note(heading, show_value(params), {"method": method, "params": params})

    def _begin_item(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        item = params.get("item")
        if not isinstance(item, dict):
            self._items.note(NOT_EXPECTED, f"item/started without an item: {show_value(params)}")
            return
        kind = item.get("type")
        tool = read_tool_item(item, ended=False)
        if tool is not None:
            self._items.use_tool(tool, begin=True)
            self._news.activity = bound_line(tool.title or "", ACTIVITY_CAP) or self._news.activity
        elif kind == "contextCompaction":
            self._items.open_other(_key(item), "compaction")
            self._news.activity = "Sums up the context"
        elif kind == "enteredReviewMode":
            self._items.tell(f"Reviews {read_text(item, 'review', _ENTRY_CAP) or 'the changes'}")
            self._news.activity = "Reviewing"

    def _end_item(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        item = params.get("item")
        if not isinstance(item, dict):
            self._items.note(NOT_EXPECTED, f"item/completed without an item: {show_value(params)}")
            return
        kind, item_id = item.get("type"), read_text(item, "id") or ""
        tool = read_tool_item(item, ended=True)
        if tool is not None:
            self._items.use_tool(tool)
        elif kind == "agentMessage":
            self._items.end_speech("message", item_id, read_text(item, "text") or "")
        elif kind == "plan":
            self._items.end_speech("plan", item_id, read_text(item, "text") or "")
        elif kind == "reasoning":
            parts = read_texts(item, "summary") or read_texts(item, "content")
            self._items.end_speech("thought", item_id, "\n\n".join(parts))
        elif kind == "contextCompaction":
            self._items.open_other(_key(item), "compaction")
            self._items.close_other(_key(item), "completed")
        elif kind == "exitedReviewMode":
            # Its text comes as a message as well.
            self._items.tell("The review is done")
        elif kind not in _LOGGED and kind != "enteredReviewMode":
            self._keep_unknown(kind, item)

    def _grow_message(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        self._speak("message", "Writing", params)

    def _grow_thought(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        self._speak("thought", "Thinking", params)

    def _part_thought(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        if params.get("summaryIndex") not in (0, None):
            self._items.speak("thought", read_text(params, "itemId"), "\n\n", repeats=True)

    def _grow_proposal(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        self._speak("plan", "Planning", params)

    def _speak(self, kind: str, activity: str, params: dict[str, Any]) -> None:
        text, item_id = read_text(params, "delta"), read_text(params, "itemId")
        if text is not None:
            self._items.speak(kind, item_id, text, repeats=True)
            self._news.activity = activity

    def _grow_output(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        self._items.grow_output(bound_id(read_text(params, "itemId") or ""), read_text(params, "delta") or "")

    def _grow_progress(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        if message := read_text(params, "message"):
            self._items.grow_output(bound_id(read_text(params, "itemId") or ""), f"{message}\n")

    def _change_patch(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        item = {
            "type": "fileChange",
            "id": params.get("itemId"),
            "changes": params.get("changes"),
            "status": "inProgress",
        }
        tool = read_tool_item(item, ended=False)
        if tool is not None:
            self._items.use_tool(tool)

    def _show_plan(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        entries = [
            PlanEntry(content=bound_text(step, _ENTRY_CAP), status=_STEPS.get(str(entry.get("status")), "pending"))
            for entry in read_objects(params, "plan", _ENTRIES_CAP)
            if (step := read_text(entry, "step")) is not None
        ]
        self._items.show_plan(tuple(entries))

    def _count(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        """Frames that are read again only tell what the thread's count is; the log has what they added."""
        counted = params.get("tokenUsage")
        if not isinstance(counted, dict):
            return
        if prompt.ended:
            if not self._quiet:
                self._items.record_usage(add_usage(Usage(), counted, {}))
            return
        before, self._counted = self._counted, read_object(counted, "total")
        self._counted_at = self._offset
        if self._quiet:
            return
        if before is None and prompt.is_compaction:
            # It begins with the count that was told last in the turn before.
            before = self._counted
        usage = add_usage(prompt.usage, counted, before or {})
        if usage != prompt.usage:
            prompt.usage = usage
            self._news.usage_changed = True

    def _close_question(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        """What was asked for runs now, if it was granted. A question that is about nothing else is over."""
        request_id = encode(params.get("requestId"))
        self._items.use_tool(ToolUpdate(name_question(request_id), status="completed"))
        tool_call_id = self.asked.pop(request_id, None)
        if tool_call_id is not None and request_id in self.allowed and self._items.has_tool(tool_call_id):
            self._items.use_tool(ToolUpdate(tool_call_id, status="in_progress"))

    def _show_error(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        error = params.get("error")
        if not isinstance(error, dict):
            return
        prompt.error = error
        if params.get("willRetry") is True:
            self._items.note("Codex tries again", show_failure(error), {"error": error})
            self._news.activity = bound_line(f"Tries again: {show_failure(error)}", ACTIVITY_CAP)

    def _show_route(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        self._items.tell(f"Another model answers: {read_text(params, 'toModel', _TITLE_CAP) or '?'}", params)

    def _warn(self, params: dict[str, Any], prompt: CodexPrompt) -> None:
        text = read_text(params, "message") or read_text(params, "summary")
        self._items.note("Codex warns", text or show_value(params))

    def _keep_unknown(self, kind: object, item: dict[str, Any]) -> None:
        heading = f"Item of kind {bound_line(str(kind), _KIND_CAP)}"
        text = read_text(item, "text") or read_text(item, "message")
        self._items.tell(f"{heading}\n{text or show_value(item)}", item)


def _key(item: dict[str, Any]) -> str:
    return f"item-{bound_id(str(item.get('id')))}"
