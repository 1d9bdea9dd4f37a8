"""The committed log as consumers read it: by cursor, the newest part from memory.

Nothing here knows who reads. A reader keeps its own position, is told when the head moved, and reads on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from agentlanes.kernel.ports.store import LogRow, Store

log = logging.getLogger(__name__)

KEPT_ROWS = 16_384
KEPT_BYTES = 16 << 20


class Feed:
    """The head of the log, and a window of rows behind it."""

    def __init__(self, store: Store, head: int) -> None:
        self._store = store
        self._rows: deque[LogRow] = deque()
        self._bytes = 0
        self._listeners: dict[object, Callable[[], None]] = {}
        self.head = head

    def publish(self, rows: Sequence[LogRow]) -> None:
        """Takes in rows that were committed, in order."""
        if not rows:
            return
        self._rows.extend(rows)
        self._bytes += sum(len(row.frame) for row in rows)
        while len(self._rows) > KEPT_ROWS or self._bytes > KEPT_BYTES:
            self._bytes -= len(self._rows.popleft().frame)
        self.head = rows[-1].seq

    def restart(self, head: int) -> None:
        """Forgets its window: what the store holds up to `head` did not all pass through here."""
        self._rows.clear()
        self._bytes = 0
        self.head = head

    def announce(self) -> None:
        """Tells readers that the head moved. Apart from publish, so that one announcement serves a whole batch."""
        for listener in list(self._listeners.values()):
            try:
                listener()
            except Exception:
                log.exception("a reader of the feed failed")

    def read(self, after: int, limit: int) -> Sequence[LogRow] | Awaitable[Sequence[LogRow]]:
        """At most `limit` rows above a position: at once from memory, else awaitable from the store."""
        first = self.head - len(self._rows) + 1
        if after + 1 >= first:
            start = after + 1 - first
            return list(islice(self._rows, start, start + limit))
        return asyncio.to_thread(self._store.events, after, limit)

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls `callback` after each move of the head until the returned function is called."""
        key = object()
        self._listeners[key] = callback

        def unlisten() -> None:
            self._listeners.pop(key, None)

        return unlisten
