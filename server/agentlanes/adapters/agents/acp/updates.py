"""What a session/update does to the items of the turn, in the words of the ACP schema, versions 1 and 2.

The kinds of one version are understood in the other as well; no two mean different things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from agentlanes.adapters.agents.acp.prompt import AcpPrompt, read_context, read_cost
from agentlanes.adapters.agents.acp.terminals import Terminals, is_terminal_meta
from agentlanes.adapters.agents.acp.tools import read_block, read_terminals, read_text, read_tool
from agentlanes.adapters.agents.dialogue.driver import ACTIVITY_CAP, News
from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text, show_value
from agentlanes.adapters.agents.dialogue.tools import FINAL
from agentlanes.adapters.agents.dialogue.turn_items import TurnItems
from agentlanes.wire.models import ItemStatus, PlanEntry, Usage

_TITLE_CAP = 200
_ENTRIES_CAP = 200
_ENTRY_CAP = 2000
_NOTICE_CAP = 16 << 10
_WORD_CAP = 20
_KIND_CAP = 80
_MALFORMED = "Updates that do not follow the protocol"
_IGNORED = frozenset(
    {
        "user_message_chunk",
        "user_message",
        "available_commands_update",
        "config_option_update",
        "state_update",
    }
)
"""What a session's log has in its own words, or what is taken in elsewhere."""
_COMPACTION_ENDS: dict[str, ItemStatus] = {"completed": "completed", "failed": "failed", "cancelled": "canceled"}


class Updates:
    """Takes in updates of one session. What it cannot place becomes a notice; nothing raises."""

    def __init__(self, items: TurnItems, news: News) -> None:
        self._items = items
        self._news = news
        self._terminals = Terminals(items)
        self._prompt: AcpPrompt | None = None
        self.repeats = False
        """Messages that came in chunks may be told again as a whole: so in version 2."""
        self.cost: float | None = None
        """What the session cost so far, as the agent told it last."""
        self.counted = 0.0
        """What the session's turns cost together that ended before this one."""
        self._kinds: dict[str, Callable[[dict[str, Any]], None]] = {
            "agent_message_chunk": self._take_message,
            "agent_thought_chunk": self._take_thought,
            "agent_message": self._take_whole_message,
            "agent_thought": self._take_whole_thought,
            "tool_call": self._take_tool,
            "tool_call_update": self._take_tool,
            "tool_call_content_chunk": self._take_content,
            "terminal_update": self._take_terminal,
            "terminal_output_chunk": self._take_output,
            "plan": self._take_plan,
            "plan_update": self._take_plan_update,
            "plan_removed": self._take_plan_end,
            "usage_update": self._take_usage,
            "current_mode_update": self._take_mode,
            "notice": self._take_notice,
            "compaction_update": self._take_compaction,
            "compaction_summary_chunk": self._take_summary,
        }

    def take(self, update: dict[str, Any], prompt: AcpPrompt | None) -> None:
        """Take in one update. Without a prompt there is no turn that its items could belong to."""
        kind = update.get("sessionUpdate")
        if kind == "session_info_update":
            title = update.get("title")
            if type(title) is str:
                self._news.title = bound_line(title, _TITLE_CAP) or self._news.title
            return
        if prompt is None:
            if kind == "usage_update" and (cost := read_cost(update)) is not None:
                self.cost = cost.amount
            return
        self._prompt = prompt
        if type(kind) is not str:
            self._items.note(_MALFORMED, f"an update without a kind: {show_value(update)}")
        elif (take := self._kinds.get(kind)) is not None:
            take(update)
        elif kind not in _IGNORED:
            self._keep_unknown(kind, update)

    def pin(self, end: int) -> int:
        """Where reading starts after a restart, as far as terminals go, if `end` is how far it came."""
        return self._terminals.pin(end)

    def _take_message(self, update: dict[str, Any]) -> None:
        self._take_chunk("message", "Writing", update)

    def _take_thought(self, update: dict[str, Any]) -> None:
        self._take_chunk("thought", "Thinking", update)

    def _take_chunk(self, kind: str, activity: str, update: dict[str, Any]) -> None:
        text = read_block(update.get("content"))
        if text is None:
            self._items.note(_MALFORMED, f"a {kind} without content that can be shown: {show_value(update)}")
            return
        message_id = update.get("messageId")
        self._items.speak(kind, message_id if type(message_id) is str else None, text, repeats=self.repeats)
        self._news.activity = activity

    def _take_whole_message(self, update: dict[str, Any]) -> None:
        self._take_whole("message", "Writing", update)

    def _take_whole_thought(self, update: dict[str, Any]) -> None:
        self._take_whole("thought", "Thinking", update)

    def _take_whole(self, kind: str, activity: str, update: dict[str, Any]) -> None:
        message_id, content = update.get("messageId"), update.get("content")
        if type(message_id) is not str or not (content is None or isinstance(content, list)):
            self._malformed(f"a whole {kind}", update)
        elif content is not None:
            self._items.speak_whole(kind, message_id, read_text(content))
            self._news.activity = activity

    def _take_tool(self, update: dict[str, Any]) -> None:
        tool = read_tool(update)
        if tool is None:
            self._items.note(_MALFORMED, f"a tool call without toolCallId: {show_value(update)}")
            return
        for complaint in tool.complaints:
            self._items.note(_MALFORMED, f"{complaint}: {show_value(update)}")
        terminals, meta = list(read_terminals(update.get("content"))), update.get("_meta")
        item = None
        if terminals or is_terminal_meta(meta):
            # What a terminal printed goes before the end of the call that shows it.
            ends, tool.status = tool.status, None if tool.status in FINAL else tool.status
            item = self._items.use_tool(tool)
            for terminal_id in terminals:
                self._terminals.show(tool.tool_call_id, terminal_id)
            self._terminals.take_meta(meta, tool.tool_call_id)
            tool.status = ends
        if item is None or tool.status in FINAL:
            item = self._items.use_tool(tool)
        if item is not None and item.is_open() and item.tool is not None:
            name = item.tool.title or item.tool.tool_kind or "a tool"
            self._news.activity = bound_line(name, ACTIVITY_CAP) or self._news.activity

    def _take_content(self, update: dict[str, Any]) -> None:
        tool_call_id, content = update.get("toolCallId"), update.get("content")
        tool = read_tool({"toolCallId": tool_call_id, "content": [content]})
        if tool is None or tool.complaints:
            self._malformed("a piece of a tool call's content", update)
            return
        text, tool.text = tool.text, None
        self._items.use_tool(tool, begin=True)
        if text is not None:
            self._items.grow_output(tool.tool_call_id, text)
        for terminal_id in read_terminals([content]):
            self._terminals.show(tool.tool_call_id, terminal_id)

    def _take_terminal(self, update: dict[str, Any]) -> None:
        if not self._terminals.take_update(update):
            self._malformed("a terminal without terminalId", update)

    def _take_output(self, update: dict[str, Any]) -> None:
        if not self._terminals.take_chunk(update):
            self._malformed("output of a terminal", update)

    def _take_plan(self, update: dict[str, Any]) -> None:
        entries = update.get("entries")
        if type(entries) is not list:
            self._items.note(_MALFORMED, f"a plan without entries: {show_value(update)}")
            return
        self._items.show_plan(tuple(_read_entries(entries)))

    def _take_plan_update(self, update: dict[str, Any]) -> None:
        plan = update.get("plan")
        if not isinstance(plan, dict):
            self._malformed("a plan_update without a plan", update)
        elif isinstance(entries := plan.get("entries"), list):
            self._items.show_plan(tuple(_read_entries(entries)))
        elif type(text := plan.get("content", plan.get("markdown"))) is str:
            key = f"plan {plan.get('planId')}"
            self._items.open_other(key, "plan")
            self._items.grow_other(key, text, whole=True)
        else:
            self._keep_unknown("plan_update", update)

    def _take_plan_end(self, update: dict[str, Any]) -> None:
        self._items.close_other(f"plan {update.get('planId')}", "completed")

    def _take_usage(self, update: dict[str, Any]) -> None:
        assert self._prompt is not None
        usage, cost = read_context(update, self._prompt.usage), read_cost(update)
        if cost is not None:
            self.cost = cost.amount
            if self._prompt.cost_before is None:
                # An agent that goes on with a session tells what all of it cost, or begins anew at nothing.
                self._prompt.cost_before = self.counted if cost.amount >= self.counted else 0.0
            spent = max(0.0, cost.amount - self._prompt.cost_before)
            if usage.cost is not None and usage.cost.currency == cost.currency:
                spent = max(spent, usage.cost.amount)
            # Sums of binary fractions: a millionth of a cent is enough.
            usage = msgspec.structs.replace(
                usage, cost=msgspec.structs.replace(cost, amount=round(spent, 8)), session_cost=cost
            )
        if self._prompt.ended:
            late = read_context(update, Usage())
            if late != Usage():
                self._items.record_usage(late)
        elif usage != self._prompt.usage:
            self._prompt.usage = usage
            self._news.usage_changed = True

    def _take_mode(self, update: dict[str, Any]) -> None:
        mode = update.get("currentModeId")
        if type(mode) is str:
            self._items.note("The agent changed its mode", bound_line(mode, ACTIVITY_CAP))

    def _take_notice(self, update: dict[str, Any]) -> None:
        title, description = update.get("title"), update.get("description")
        if type(title) is not str or not title:
            self._malformed("a notice without a title", update)
            return
        text = f"{title}\n{description}" if type(description) is str and description else title
        self._items.tell(bound_text(text, _NOTICE_CAP), update)

    def _take_compaction(self, update: dict[str, Any]) -> None:
        compaction_id, status = update.get("compactionId"), update.get("status")
        if type(compaction_id) is not str or type(status) is not str:
            self._malformed("a compaction without id or status", update)
            return
        if self._items.is_closed_other(key := _compaction(compaction_id)):
            return
        self._items.open_other(key, "compaction")
        self._news.activity = "Summing up"
        summary, error = update.get("summary"), update.get("error")
        if isinstance(summary, list):
            self._items.grow_other(key, read_text(summary), whole=True)
        if type(error) is str and error:
            self._items.grow_other(key, bound_text(error, _NOTICE_CAP))
        end = _COMPACTION_ENDS.get(status)
        if end is not None:
            self._items.close_other(key, end, repeats=True)

    def _take_summary(self, update: dict[str, Any]) -> None:
        compaction_id, text = update.get("compactionId"), read_block(update.get("content"))
        if type(compaction_id) is not str or text is None:
            self._malformed("a piece of a compaction's summary", update)
        elif not self._items.is_closed_other(key := _compaction(compaction_id)):
            self._items.open_other(key, "compaction")
            self._items.grow_other(key, text)

    def _malformed(self, what: str, update: dict[str, Any]) -> None:
        self._items.note(_MALFORMED, f"{what}: {show_value(update)}")

    def _keep_unknown(self, kind: str, update: dict[str, Any]) -> None:
        text = read_block(update.get("content"))
        heading = f"Update of kind {bound_line(kind, _KIND_CAP)}"
        self._items.note(heading, show_value(update) if text is None else text, raw=update)


def _compaction(compaction_id: str) -> str:
    return f"compaction {compaction_id}"


def _read_entries(entries: list[Any]) -> Iterator[PlanEntry]:
    for entry in entries[:_ENTRIES_CAP]:
        if not isinstance(entry, dict) or type(content := entry.get("content")) is not str:
            continue
        status, priority = entry.get("status"), entry.get("priority")
        yield PlanEntry(
            content=bound_text(content, _ENTRY_CAP),
            priority=bound_text(priority, _WORD_CAP) if type(priority) is str else None,
            status=bound_text(status, _WORD_CAP) if type(status) is str else "pending",
        )
