"""One item while it is open in the driver's memory."""

from __future__ import annotations

from agentlanes.wire.models import Item, ItemStatus, PlanEntry, Session, ToolCall, Usage

CUT = "\n… (the rest is left out here)\n"
"""Ends the text of an item that takes no more text. It also tells a restored driver that this is so."""

_PARTS_KEPT = 256


class OpenItem:
    """What an item holds so far. Text is kept in the parts in which it was told."""

    __slots__ = (
        "appended",
        "closed_at",
        "content",
        "created_at",
        "dirty",
        "frozen",
        "grown",
        "header",
        "item_id",
        "kind",
        "message_id",
        "parts",
        "pin",
        "plan",
        "position",
        "raw",
        "size",
        "status",
        "tool",
        "turn_id",
        "untold",
        "usage",
    )

    def __init__(self, item_id: str, turn_id: str, kind: str, position: int, created_at: str) -> None:
        self.item_id = item_id
        self.turn_id = turn_id
        self.kind = kind
        self.position = position
        self.created_at = created_at
        self.closed_at: str | None = None
        self.status: ItemStatus = "in_progress"
        self.tool: ToolCall | None = None
        self.plan: tuple[PlanEntry, ...] = ()
        self.usage: Usage | None = None
        self.raw: object = None
        self.message_id: str | None = None
        """The agent's id of a message or thought, where it gives one."""
        self.content = ""
        """A tool's content as last given, which the next one is compared with."""
        self.appended = False
        """Output came in pieces since the content was last given whole."""
        self.parts: list[str] = []
        self.untold = 0
        """Index of the first part that was not told as growth."""
        self.size = 0
        """Bytes of UTF-8 of the text."""
        self.grown = 0
        """Bytes of the text that were told as growth."""
        self.frozen = False
        """Takes no more text before its end."""
        self.dirty = True
        """Differs from the log by more than its growing text."""
        self.pin: int | None = None
        """Offset of the first frame that the log does not hold the effect of; reading starts there after a restart."""
        self.header: Item | None = None
        """As it was last handed over."""

    def text(self) -> str:
        return "".join(self.parts)

    def add(self, text: str, size: int) -> None:
        """Append text of `size` bytes."""
        self.parts.append(text)
        self.size += size

    def is_open(self) -> bool:
        return self.status == "in_progress"

    def take_growth(self) -> tuple[int, str] | None:
        """Offset and text that were not told yet."""
        if self.grown == self.size:
            return None
        offset, data = self.grown, "".join(self.parts[self.untold :])
        self.parts[self.untold :] = [data]
        if len(self.parts) > _PARTS_KEPT:
            self.parts = ["".join(self.parts)]
        self.untold = len(self.parts)
        self.grown = self.size
        return offset, data

    def build(self, session: Session) -> Item:
        """The item as it is now."""
        self.dirty = False
        self.header = Item(
            item_id=self.item_id,
            workspace_id=session.workspace_id,
            lane_id=session.lane_id,
            session_id=session.session_id,
            turn_id=self.turn_id,
            kind=self.kind,
            status=self.status,
            position=self.position,
            text=self.text() if self.parts else None,
            tool=self.tool,
            plan=self.plan,
            usage=self.usage,
            raw=self.raw,
            created_at=self.created_at,
            ended_at=self.closed_at,
        )
        return self.header


def reopen(item: Item) -> OpenItem:
    """An item of the log. Its text is left to the frames that are read again, unless it takes no more."""
    opened = OpenItem(item.item_id, item.turn_id, item.kind, item.position, item.created_at)
    opened.tool, opened.plan, opened.usage, opened.raw = item.tool, item.plan, item.usage, item.raw
    opened.header, opened.dirty = item, False
    if item.text is not None and item.text.endswith(CUT):
        opened.add(item.text, len(item.text.encode()))
        opened.frozen = True
    return opened
