"""What the messages of an agent do to the items of its turn, in the words of Anthropic's Messages and their heirs.

A message is told in parts (`stream_event`) and then whole (`assistant`), block by block; the whole one counts. Messages
of a sub-agent carry the tool call that it works for, and are that call's output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentlanes.adapters.agents.dialogue.driver import ACTIVITY_CAP, News
from agentlanes.adapters.agents.dialogue.frames import bound_line, show_value
from agentlanes.adapters.agents.dialogue.tools import FINAL, ToolUpdate
from agentlanes.adapters.agents.dialogue.turn_items import TurnItems
from agentlanes.adapters.agents.stream_json.tools import PLANS, read_content, read_plan, read_result, read_use
from agentlanes.adapters.agents.stream_json.usage import read_context

Message = dict[str, Any]
_SPEECH = {"text": ("message", "text"), "thinking": ("thought", "thinking")}
_DELTAS = {"text_delta": ("message", "text"), "thinking_delta": ("thought", "thinking")}
MALFORMED = "Messages that do not follow the format"


class Transcript:
    """Takes in messages. What it cannot place becomes a notice; nothing raises."""

    def __init__(self, items: TurnItems, news: News) -> None:
        self._items = items
        self._news = news
        self._message_id = ""
        self._told: dict[str, int] = {}
        """How many whole blocks of the message were told, by kind."""
        self.context_used: int | None = None
        """Tokens in the context, by the last message of the agent itself."""
        self.error: str | None = None
        """The kind of error that the agent says its last message is."""
        self.kinds: dict[str, Callable[[Message], None]] = {
            "assistant": self._take_assistant,
            "user": self._take_user,
            "stream_event": self._take_part,
            "tool_call": self._take_tool_call,
            "thinking": self._take_thinking,
            "message": self._take_flat_message,
            "reasoning": self._take_reasoning,
            "tool_result": self._take_tool_result,
        }

    def forget(self) -> None:
        """A turn begins."""
        self._message_id, self.error = "", None
        self._told.clear()

    def show_unknown(self, kind: str, message: Message) -> None:
        """Keep a message of a kind that nobody told us of."""
        self._items.note(f"Message of type {bound_line(kind, 80)}", show_value(message), raw=message)

    def _take_assistant(self, message: Message) -> None:
        body, parent = message.get("message"), message.get("parent_tool_use_id")
        content = body.get("content") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(content, (str, list)):
            self._complain(message)
            return
        if not parent:
            self._begin(body.get("id"))
            self.context_used = read_context(body.get("usage")) or self.context_used
            error = message.get("error")
            self.error = error if type(error) is str else None
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        for block in blocks:
            if isinstance(block, dict):
                self._take_block(block, parent)

    def _take_block(self, block: Message, parent: object) -> None:
        kind = block.get("type")
        if kind == "tool_use" or kind == "server_tool_use":
            self._use(read_use(block.get("id"), block.get("name"), block.get("input"), parent), block.get("input"))
        elif kind in _SPEECH:
            item_kind, key = _SPEECH[kind]
            text = block.get(key)
            if type(text) is not str or not text:
                return
            if type(parent) is str and parent:
                self._say_below(parent, item_kind, text)
            else:
                self._items.speak_whole(item_kind, self._name(item_kind), text)
                self._told[item_kind] = self._told.get(item_kind, 0) + 1
        elif kind != "redacted_thinking":
            self._items.note(f"Content of type {bound_line(str(kind), 80)}", show_value(block))

    def _say_below(self, parent: str, kind: str, text: str) -> None:
        if kind == "message" and not self._items.grow_output(parent, f"{text}\n"):
            self._items.note("A sub-agent says", text, cap=16_000)

    def _take_part(self, message: Message) -> None:
        event = message.get("event")
        if not isinstance(event, dict) or message.get("parent_tool_use_id"):
            return
        kind = event.get("type")
        if kind == "message_start" and isinstance(begun := event.get("message"), dict):
            self._begin(begun.get("id"))
        elif kind == "content_block_delta" and isinstance(delta := event.get("delta"), dict):
            item_kind, key = _DELTAS.get(str(delta.get("type")), ("", ""))
            text = delta.get(key)
            if type(text) is str and text:
                self._begin(message.get("api_message_id"))
                self._items.speak(item_kind, self._name(item_kind), text, repeats=True)
                self._news.activity = "Writing" if item_kind == "message" else "Thinking"

    def _begin(self, message_id: object) -> None:
        """Blocks that follow are of this message; where no id is given, of the one before."""
        if type(message_id) is str and message_id and message_id != self._message_id:
            self._message_id = message_id
            self._told.clear()

    def _name(self, kind: str) -> str:
        """A name of the block of this kind that is told now."""
        return f"{self._message_id}/{kind}/{self._told.get(kind, 0)}"

    def _take_user(self, message: Message) -> None:
        """Results of tools. What the user said is in the log already."""
        body = message.get("message")
        content = body.get("content") if isinstance(body, dict) else None
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict) and block.get("type") == "tool_result":
                detail = message.get("tool_use_result")
                done = read_result(block.get("tool_use_id"), block.get("content"), block.get("is_error"), detail)
                self._end(done, message)

    def _take_tool_call(self, message: Message) -> None:
        """A tool of Cursor, which names it by the key, or of Droid, which names it by toolName."""
        call = message.get("tool_call")
        if isinstance(call, dict):
            name, body = next(((k, v) for k, v in call.items() if isinstance(v, dict)), ("", {}))
            if name == "function":
                name, arguments = str(body.get("name")), body.get("arguments")
            else:
                name, arguments = name.removesuffix("ToolCall"), body.get("args")
            if message.get("subtype") == "completed":
                self._end_outcome(message.get("call_id"), body.get("result"), message)
            else:
                self._use(read_use(message.get("call_id"), name, arguments), arguments)
        elif "toolName" in message or "toolId" in message:
            given = message.get("parameters")
            self._use(read_use(message.get("id"), message.get("toolName") or message.get("toolId"), given), given)
        else:
            self._complain(message)

    def _end_outcome(self, tool_id: object, result: object, message: Message) -> None:
        """A result as Cursor tells it: `{"success": {…}}`, or what went wrong under another name."""
        outcome = result if isinstance(result, dict) else {}
        fine = outcome.get("success")
        told = fine if fine is not None else next(iter(outcome.values()), result)
        done = read_result(tool_id, _show_outcome(told), fine is None and bool(outcome))
        if done is not None and isinstance(told, dict):
            code = told.get("exitCode")
            done.exit_code = code if type(code) is int else None
            if done.exit_code:
                done.status = "failed"
        self._end(done, message)

    def _take_tool_result(self, message: Message) -> None:
        failed = message.get("isError", message.get("is_error"))
        content = message.get("value", message.get("content"))
        if isinstance(error := message.get("error"), dict):
            content = error.get("message")
        self._end(read_result(message.get("id"), content, failed), message)

    def _take_flat_message(self, message: Message) -> None:
        if message.get("role") == "assistant":
            self._take_flat("message", message)

    def _take_reasoning(self, message: Message) -> None:
        self._take_flat("thought", message)

    def _take_flat(self, kind: str, message: Message) -> None:
        text, message_id = message.get("text"), message.get("id")
        if type(text) is not str:
            self._complain(message)
        elif text:
            self._items.speak_whole(kind, f"{message_id}/{kind}", text)
            self._news.activity = "Writing" if kind == "message" else "Thinking"

    def _take_thinking(self, message: Message) -> None:
        text = message.get("text")
        if type(text) is str and text:
            self._items.speak("thought", None, text)
            self._news.activity = "Thinking"

    def _use(self, used: ToolUpdate | None, given: object) -> None:
        if used is None:
            self._items.note(MALFORMED, "a tool call without an id or a name")
            return
        item = self._items.use_tool(used, begin=True)
        if item is not None and item.tool is not None:
            self._news.activity = bound_line(item.tool.title or "Working", ACTIVITY_CAP)
        name = (used.title or "").partition(" ")[0]
        if name in PLANS and (entries := read_plan(given)):
            self._items.show_plan(entries)

    def _end(self, done: ToolUpdate | None, message: Message) -> None:
        if done is None:
            self._complain(message)
            return
        assert done.status in FINAL
        self._items.use_tool(done)

    def _complain(self, message: Message) -> None:
        self._items.note(MALFORMED, show_value(message))


def _show_outcome(told: object) -> object:
    """The text in what a tool gave back, by the names that it goes under."""
    if not isinstance(told, dict):
        return told if type(told) is str else read_content(told)
    for key in ("content", "stdout", "output", "text", "error", "message", "reason"):
        text = told.get(key)
        if type(text) is str and text:
            more = told.get("stderr") if key == "stdout" else None
            return f"{text}\n{more}" if type(more) is str and more else text
    return show_value(told) if told else ""
