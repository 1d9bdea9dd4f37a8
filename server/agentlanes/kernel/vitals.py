"""Live values that are read, never logged: the text of items in progress, heartbeats, sizes, tapes' ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agentlanes.kernel.ports.runners import TerminalSize
from agentlanes.kernel.progress import Pace
from agentlanes.wire.models import HarnessStatus, Item, Session, Terminal


class LiveText:
    """The text of one item in progress, as bytes of UTF-8. It only grows."""

    __slots__ = ("correlation_id", "data", "item")

    def __init__(self, item: Item, correlation_id: str | None) -> None:
        self.item = item
        self.correlation_id = correlation_id
        self.data = bytearray()


class Vitals:
    """What is live, by id. `listen` hears which item's text grew, or ended."""

    def __init__(self) -> None:
        self.texts: dict[str, LiveText] = {}
        self.heartbeats: dict[str, str] = {}
        self.paces: dict[str, Pace] = {}
        self.harness_checked_at: str | None = None
        self.ends: dict[str, int] = {}
        self.sizes: dict[str, TerminalSize] = {}
        self._listeners: dict[object, Callable[[str], None]] = {}

    def listen(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Calls `callback` with an item's id when its text grew, until the returned function is called."""
        key = object()
        self._listeners[key] = callback

        def unlisten() -> None:
            self._listeners.pop(key, None)

        return unlisten

    def grow(self, item: Item, offset: int, data: str, correlation_id: str | None = None) -> None:
        """Text at an offset. What is there already is dropped: after a restart the same text comes again."""
        text = self.texts.get(item.item_id)
        if text is None:
            text = self.texts[item.item_id] = LiveText(item, correlation_id)
        fresh = data.encode()[len(text.data) - offset :] if offset < len(text.data) else data.encode()
        if not fresh or offset > len(text.data):
            return
        text.data += fresh
        for listener in list(self._listeners.values()):
            listener(item.item_id)

    def end_text(self, item_id: str) -> None:
        """The item is closed: its whole text is in the log."""
        self.texts.pop(item_id, None)

    def forget_process(self, process_id: str) -> None:
        """The process ended, and its terminal with it."""
        self.sizes.pop(process_id, None)

    def complete(self, noun: str, entity: Any) -> Any:
        """The entity with its vitals filled in, as reads show it."""
        if noun == "item" and isinstance(entity, Item):
            # A closed item has its whole text, and what grew of it may not be gone yet.
            text = self.texts.get(entity.item_id) if entity.status == "in_progress" else None
            return entity if text is None else msgspec.structs.replace(entity, text=text.data.decode())
        if noun == "session" and isinstance(entity, Session):
            heartbeat = self.heartbeats.get(entity.session_id)
            return entity if heartbeat is None else msgspec.structs.replace(entity, last_heartbeat_at=heartbeat)
        if noun == "harness" and isinstance(entity, HarnessStatus):
            checked = self.harness_checked_at
            return entity if checked is None else msgspec.structs.replace(entity, last_check_at=checked)
        if noun == "terminal" and isinstance(entity, Terminal):
            size = self.sizes.get(entity.process_id)
            end = self.ends.get(entity.process_id)
            if size is not None:
                entity = msgspec.structs.replace(entity, cols=size.cols, rows=size.rows)
            return entity if end is None else msgspec.structs.replace(entity, last_output_seq=end)
        return entity
