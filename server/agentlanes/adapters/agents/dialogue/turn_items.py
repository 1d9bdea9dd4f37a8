"""The items of the turn that the agent works on: what its updates make of them, and what is news about them.

Only open items are held. An item that the log cannot give back whole pins the tape: a restarted driver reads again from
the first frame whose effect on an open item is not in the log. What would pin too much of the tape is cut or split.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agentlanes.adapters.agents.dialogue.frames import bound_text, bound_value
from agentlanes.adapters.agents.dialogue.growing import OUTPUT_CAP, GrowingItems
from agentlanes.adapters.agents.dialogue.item import OpenItem, reopen
from agentlanes.adapters.agents.dialogue.said import Said, measure, split
from agentlanes.adapters.agents.dialogue.tools import FINAL, ToolUpdate, merge_tool
from agentlanes.wire.models import Item, ItemStatus, PlanEntry, ToolCall, Usage

SPEECH_CAP = 1 << 20
"""Bytes of one message or thought; what follows becomes the next item."""
NOTICE_CAP = 16 << 10
NOTICES_CAP = 16
SINGLES_CAP = 100
RAW_NOTICE_CAP = 64 << 10
SPAN_CAP = 32 << 20
"""Bytes of tape that an open item may pin."""
SUMMARY_CAP = 65_536
REPEATS_SPAN = 256 << 10
"""Bytes of tape after a tool call's end within which the same end, told again, is known as a repeat."""
OPEN_TOOLS_CAP = 1000
"""Tool calls that are held open at a time; one that begins beyond that closes the one that began first."""
_OTHER_NOTICES = "Other messages that were not understood"


class TurnItems(GrowingItems):
    """Items by what they are about."""

    def __init__(self, process_id: str) -> None:
        super().__init__(process_id)
        self._speech: OpenItem | None = None
        self._plan: OpenItem | None = None
        self._tools: dict[str, OpenItem] = {}
        self._closed_tools: dict[str, tuple[bytes, int]] = {}
        """Fingerprint and offset of the update that closed a tool call, the oldest first."""
        self._notices: dict[str, OpenItem] = {}
        self._others: dict[str, OpenItem] = {}
        """Compactions and questions, by a key of the driver's."""
        self._said: dict[str, Said] = {}
        """What was said under the agent's own ids of messages, where the agent repeats messages whole."""
        self._singles = 0
        self._spoken: OpenItem | None = None
        self._logged_open: frozenset[str] = frozenset()
        """Items that the log has as open: no frame that it knows has closed them."""
        self.spilled_summary: str | None = None
        """Text of the last message, where the tape is not kept for it any more: to be recorded with the turn."""

    def restore(self, turn_id: str, logged: Iterable[Item], rest: int) -> None:
        """Take back open items that began before `rest`; the frames from there on make the others again."""
        self._turn_id = turn_id
        logged = tuple(item for item in logged if item.status == "in_progress" and item.turn_id == turn_id)
        self._logged_open = frozenset(item.item_id for item in logged)
        for item in logged:
            self._created_at[item.item_id] = item.created_at
            if item.position < rest:
                self._adopt(reopen(item))

    def end_frame(self, end: int) -> None:
        """Let go of what pins more than SPAN_CAP bytes of tape."""
        while self._closed_tools:
            tool_call_id, (_, offset) = next(iter(self._closed_tools.items()))
            if end - offset <= REPEATS_SPAN:
                break
            del self._closed_tools[tool_call_id]
        while self._said:
            message_id, said = next(iter(self._said.items()))
            if end - said.offset <= REPEATS_SPAN:
                break
            del self._said[message_id]
        while self._pinned:
            oldest = next(iter(self._pinned.values()))
            assert oldest.pin is not None
            if end - oldest.pin <= SPAN_CAP:
                return
            self._unpin(oldest)
            if oldest is self._spoken:
                if not self._quiet:
                    self.spilled_summary = self.summary()
                self._spoken = None
            elif oldest.kind in ("message", "thought"):
                if oldest.kind == "message" and not self._quiet:
                    self.spilled_summary = bound_text(oldest.text(), SUMMARY_CAP)
                self._close(oldest, "completed")
            elif not oldest.frozen:
                self._freeze(oldest)

    def pin(self, end: int) -> int:
        """Where reading starts after a restart, if `end` is how far it came."""
        oldest = next(iter(self._pinned.values()), None)
        if oldest is not None and oldest.pin is not None:
            end = min(end, oldest.pin)
        end = min(end, next((said.offset for said in self._said.values()), end))
        return min(end, next((offset for _, offset in self._closed_tools.values()), end))

    def summary(self) -> str | None:
        """Text of the last message that was closed."""
        return None if self._spoken is None else bound_text(self._spoken.text(), SUMMARY_CAP)

    def speak(self, kind: str, message_id: str | None, text: str, *, repeats: bool = False) -> None:
        """A chunk of a message or thought: more of the open one, or the begin of another.

        `repeats` where the agent may tell the message again as a whole, with `speak_whole`.
        """
        if repeats and message_id is not None:
            self._said.setdefault(message_id, Said(self._offset)).add(text)
        speech = self._speech
        if speech is not None:
            known = speech.message_id
            other = known is not None and message_id is not None and known != message_id
            if speech.kind != kind or other:
                self._close(speech, "completed")
                speech = None
        size = measure(text)
        if speech is not None and speech.size + size > SPEECH_CAP:
            # Between frames, so that a restarted driver which begins with this frame makes the same items.
            self._close(speech, "completed")
            speech = None
        *whole, rest = [text] if size <= SPEECH_CAP else split(text, SPEECH_CAP)
        for piece in whole:
            self._grow(self._open_speech(kind, message_id), piece)
            self._end_speech()
        if rest:
            self._grow(speech or self._open_speech(kind, message_id), rest)

    def speak_whole(self, kind: str, message_id: str, text: str) -> None:
        """A whole message, of which parts may have been told: what is new of it is shown, after what was."""
        said = self._said.get(message_id)
        if said is not None:
            if said.is_start_of(text):
                text = text[said.length :]
            elif self._speech is not None and self._speech.message_id == message_id:
                self._end_speech()
                del self._said[message_id]
        if text:
            self.speak(kind, message_id, text, repeats=True)

    def end_speech(self, kind: str, message_id: str, text: str) -> None:
        """A message is whole, and does not come again."""
        self.speak_whole(kind, message_id, text)
        self._said.pop(message_id, None)
        if self._speech is not None and self._speech.message_id == message_id:
            self._end_speech()

    def show_plan(self, entries: tuple[PlanEntry, ...]) -> None:
        if self._plan is None:
            if not entries:
                return
            self._end_speech()
            self._plan = self._open("plan")
        if self._plan.plan != entries:
            self._plan.plan = entries
            self._touch(self._plan)

    def use_tool(self, update: ToolUpdate, *, begin: bool = False) -> OpenItem | None:
        """Merge what is said of a tool call into its item, which begins where none is open.

        None where there is nothing to begin one with, unless told to `begin`.
        """
        item = self._tools.get(update.tool_call_id)
        if item is None:
            if not begin and (update.shows_nothing() or self._is_repeat(update)):
                return None
            item = self._begin_tool(update.tool_call_id)
        assert item.tool is not None
        ends = update.status in FINAL
        before = item.tool
        item.tool = merge_tool(before, update)
        if item.frozen and not ends:
            item.tool = msgspec.structs.replace(item.tool, raw_output=before.raw_output)
        elif item.tool.raw_output is not before.raw_output:
            # Agents repeat the whole output with each update; the log gets it with the item's next change.
            self._set_pin(item)
            before = msgspec.structs.replace(before, raw_output=item.tool.raw_output)
        if item.tool != before:
            self._touch(item)
        if update.text is not None:
            self._show_output(item, update.text, ends=ends)
        if ends:
            self._closed_tools.pop(update.tool_call_id, None)
            self._closed_tools[update.tool_call_id] = (update.fingerprint(), self._offset)
            self._close(item, "completed" if update.status == "completed" else "failed")
        return item

    def has_tool(self, tool_call_id: str) -> bool:
        """Whether the tool call is open."""
        return tool_call_id in self._tools

    def runs_command(self) -> bool:
        """Whether a shell command runs that the agent has not told the end of."""
        tools = [item.tool for item in self._tools.values() if item.tool is not None]
        return any(tool.command is not None and tool.status == "in_progress" for tool in tools)

    def note(self, heading: str, text: str, raw: object = None, cap: int = 2000) -> None:
        """Keep what was not understood: one notice per heading and turn, bounded in number and size."""
        item = self._notices.get(heading)
        if item is None:
            if len(self._notices) >= NOTICES_CAP:
                heading, raw = _OTHER_NOTICES, None
                item = self._notices.get(heading)
            if item is None:
                item = self._notices[heading] = self._open("notice")
                item.raw = bound_value(raw, RAW_NOTICE_CAP) if raw is not None else None
                self._grow(item, heading)
        if item.frozen:
            return
        self._grow(item, f"\n{bound_text(text, cap)}")
        if item.size > NOTICE_CAP:
            self._freeze(item)

    def grow_output(self, tool_call_id: str, text: str) -> bool:
        """More output of an open tool call, for agents that tell it piece by piece. False if it is not open."""
        item = self._tools.get(tool_call_id)
        if item is None or item.frozen or not text:
            return item is not None
        if not item.appended and item.content and not item.content.endswith("\n"):
            text = f"\n{text}"
        item.appended = True
        data = text.encode()
        room = OUTPUT_CAP - item.size
        if len(data) <= room:
            self._grow(item, text)
            return True
        if head := data[:room].decode("utf-8", "ignore"):
            self._grow(item, head)
        self._freeze(item)
        return True

    def hold_open(self, tool_call_id: str, offset: int) -> None:
        """Read from there again after a restart, as long as the tool call is open: the log has not all that it says."""
        item = self._tools.get(tool_call_id)
        if item is not None and not item.frozen:
            item.pin = offset if item.pin is None else min(item.pin, offset)
            self._pinned[item.item_id] = item
            self._pinned = dict(sorted(self._pinned.items(), key=lambda entry: entry[1].pin or 0))

    def open_other(self, key: str, kind: str, text: str = "") -> OpenItem:
        """An item of any other kind, open until `close_other` or the turn's end; the one that is open under the key."""
        item = self._others.get(key)
        if item is None:
            self._end_speech()
            item = self._others[key] = self._open(kind)
            self._set_pin(item)
            if text:
                self._grow(item, text)
        return item

    def grow_other(self, key: str, text: str, *, whole: bool = False) -> None:
        """More text of it; `whole` where the text is all of it, of which parts may have been told."""
        item = self._others.get(key)
        if item is None or item.frozen:
            return
        if whole:
            self._show_output(item, text, ends=False)
            return
        item.appended = True
        self._grow(item, text)
        if item.size > SPEECH_CAP:
            self._freeze(item)

    def close_other(self, key: str, status: ItemStatus, *, repeats: bool = False) -> None:
        """Close it; `repeats` where the agent may tell its end again, which `is_closed_other` knows then."""
        item = self._others.pop(key, None)
        if item is None:
            return
        if repeats:
            self._closed_tools.pop(key, None)
            self._closed_tools[key] = (b"", self._offset)
        self._close(item, status)

    def settle_other(self, key: str, status: ItemStatus) -> None:
        """Close it between frames: what ended it is no frame of the agent's."""
        self._quiet = False
        self.close_other(key, status)

    def is_closed_other(self, key: str) -> bool:
        """Whether an item was closed under the key a while ago: what is said of it again is no news."""
        return key in self._closed_tools and key not in self._others

    def tell(self, text: str, raw: object = None) -> None:
        """A notice of its own, as the agent gives it. So many in a turn are shown as one."""
        if self._singles >= SINGLES_CAP:
            self.note(_OTHER_NOTICES, text)
            return
        self._singles += 1
        self._end_speech()
        item = self._open("notice")
        item.raw = bound_value(raw, RAW_NOTICE_CAP) if raw is not None else None
        self._grow(item, bound_text(text, NOTICE_CAP))
        self._close(item, "completed")

    def record_usage(self, usage: Usage) -> None:
        """A usage that came after its turn was over."""
        item = self._open("usage")
        item.usage = usage
        self._close(item, "completed")

    def close_all(self, status: ItemStatus) -> None:
        """Close what is open, in order; the turn ends. A tool that never began is canceled in any case."""
        for item in sorted(self._all_open(), key=lambda item: item.position):
            never_ran = item.tool is not None and item.tool.status == "pending"
            self._close(item, "canceled" if never_ran and status == "completed" else status)

    def end_turn(self) -> str | None:
        """The text of the turn's last message. Nothing of the turn is remembered: its tape need not be kept."""
        summary = self.summary()
        self._closed_tools.clear()
        self._said.clear()
        self._singles = 0
        if self._spoken is not None:
            self._unpin(self._spoken)
            self._spoken = None
        return summary

    def _all_open(self) -> list[OpenItem]:
        single = [item for item in (self._speech, self._plan) if item is not None]
        return [*single, *self._tools.values(), *self._notices.values(), *self._others.values()]

    def _adopt(self, item: OpenItem) -> None:
        if item.tool is not None:
            self._tools[item.tool.tool_call_id] = item
        elif item.kind == "plan":
            self._plan = item
        elif item.kind == "notice" and item.frozen:
            self._notices[item.text().partition("\n")[0]] = item
        elif item.kind not in ("message", "thought", "notice"):
            self._others[item.item_id] = item
        if item.size:
            self._news[item.item_id] = item

    def _begin_tool(self, tool_call_id: str) -> OpenItem:
        self._end_speech()
        if len(self._tools) >= OPEN_TOOLS_CAP:
            self._close(min(self._tools.values(), key=lambda item: item.position), "completed")
        item = self._tools[tool_call_id] = self._open("tool_call")
        item.tool = ToolCall(tool_call_id=tool_call_id, status="pending")
        return item

    def _open_speech(self, kind: str, message_id: str | None) -> OpenItem:
        self._speech = self._open(kind)
        self._speech.message_id = message_id
        return self._speech

    def _end_speech(self) -> None:
        if self._speech is None or (self._quiet and self._speech.item_id in self._logged_open):
            # Read again, the end of a tool call whose begin is not read again looks like the begin of one.
            return
        self._close(self._speech, "completed")

    def _is_repeat(self, update: ToolUpdate) -> bool:
        closed = self._closed_tools.get(update.tool_call_id)
        return closed is not None and closed[0] == update.fingerprint()

    def _close(self, item: OpenItem, status: ItemStatus) -> None:
        item.status = status
        item.closed_at = self._at
        item.content = ""
        if item is self._speech:
            self._speech = None
        elif item is self._plan:
            self._plan = None
        elif item.tool is not None:
            self._tools.pop(item.tool.tool_call_id, None)
        else:
            for held in (self._notices, self._others):
                for key in [key for key, other in held.items() if other is item]:
                    del held[key]
        if item.kind == "message" and item.pin is not None:
            self._keep_spoken(item)
        else:
            self._unpin(item)
        self._touch(item)

    def _keep_spoken(self, item: OpenItem) -> None:
        if self._spoken is not None:
            self._unpin(self._spoken)
        self._spoken = item
