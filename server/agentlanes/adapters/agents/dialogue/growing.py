"""Items as they grow: where each begins on the tape, what is news about it, from where the tape is needed for it."""

from __future__ import annotations

from agentlanes.adapters.agents.dialogue.ids import derive_id
from agentlanes.adapters.agents.dialogue.item import CUT, OpenItem
from agentlanes.adapters.agents.dialogue.said import measure
from agentlanes.kernel.ports.agents import Growth
from agentlanes.wire.models import Item, Session

OUTPUT_CAP = 512 << 10
"""Bytes of a tool's output; then only its end is added when the tool ends."""
OUTPUT_TAIL = 64 << 10
WHOLE = "… (the whole output:)\n"
"""Comes before an output of which only parts were told when it ran."""


class GrowingItems:
    """The items of one turn. Positions are unique: the offset of the frame, plus one for each item before."""

    def __init__(self, process_id: str) -> None:
        self._process_id = process_id
        self._turn_id = ""
        self._next_position = 0
        self._offset = 0
        self._at = ""
        self._quiet = False
        self._pinned: dict[str, OpenItem] = {}
        self._news: dict[str, OpenItem] = {}
        self._created_at: dict[str, str] = {}

    def begin_turn(self, turn_id: str) -> None:
        self._turn_id = turn_id

    def begin_frame(self, offset: int, at: str, *, quiet: bool) -> None:
        """What follows is the effect of the frame at `offset`; quietly where the log has it already."""
        self._offset = offset
        self._next_position = offset
        self._at = at
        self._quiet = quiet

    @property
    def offset(self) -> int:
        """Where the frame stands that is taken in."""
        return self._offset

    def collect(self, session: Session) -> tuple[tuple[Item, ...], tuple[Growth, ...]]:
        """Items that changed, by position, and how the texts of open items grew, since the last call."""
        if not self._news:
            return (), ()
        items: list[Item] = []
        growths: list[Growth] = []
        for item in sorted(self._news.values(), key=lambda item: item.position):
            if item.dirty:
                items.append(item.build(session))
            if item.is_open() and (growth := item.take_growth()) is not None:
                growths.append(Growth(item.header or item.build(session), *growth))
        self._news.clear()
        return tuple(items), tuple(growths)

    def _open(self, kind: str) -> OpenItem:
        position = self._next_position
        self._next_position += 1
        item_id = derive_id("it", self._process_id, position)
        item = OpenItem(item_id, self._turn_id, kind, position, self._created_at.pop(item_id, self._at))
        item.dirty = False
        self._touch(item)
        return item

    def _touch(self, item: OpenItem) -> None:
        self._news[item.item_id] = item
        if not self._quiet:
            item.dirty = True

    def _set_pin(self, item: OpenItem) -> None:
        if item.pin is None and not item.frozen:
            item.pin = self._offset
            self._pinned[item.item_id] = item

    def _unpin(self, item: OpenItem) -> None:
        item.pin = None
        self._pinned.pop(item.item_id, None)

    def _grow(self, item: OpenItem, text: str) -> None:
        if item.pin is None:
            self._set_pin(item)
        item.add(text, measure(text))
        self._news[item.item_id] = item

    def _freeze(self, item: OpenItem) -> None:
        self._grow(item, CUT)
        item.frozen = True
        item.content = ""
        self._unpin(item)
        self._touch(item)

    def _show_output(self, item: OpenItem, content: str, *, ends: bool) -> None:
        """Append what is new in a tool's content: agents send the whole of it each time, or another one."""
        if item.frozen:
            if ends:
                self._show_tail(item, content)
            return
        appended, item.appended = item.appended, False
        if appended:
            item.content = item.text()
        if content.startswith(item.content):
            fresh = content[len(item.content) :]
        elif item.content.startswith(content):
            return
        else:
            fresh = content if not item.size or item.content.endswith("\n") else f"\n{content}"
            if appended:
                # Some pieces were never told. What was shown stays, and all of it comes after.
                fresh = f"{'' if item.content.endswith(chr(10)) else chr(10)}{WHOLE}{content}"
        item.content = content
        room = OUTPUT_CAP - item.size
        data = fresh.encode()
        if len(data) <= room:
            if data:
                self._grow(item, fresh)
            return
        head = data[:room].decode("utf-8", "ignore")
        if head:
            self._grow(item, head)
        self._freeze(item)
        if ends:
            self._show_tail(item, content)

    def _show_tail(self, item: OpenItem, content: str) -> None:
        shown = item.text().removesuffix(CUT)
        fresh = content[len(shown) :] if content.startswith(shown) else content
        tail = fresh.encode()[-OUTPUT_TAIL:].decode("utf-8", "ignore")
        if tail:
            item.add(tail, measure(tail))
