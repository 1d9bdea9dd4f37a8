"""What a peer's queue is filled from. Structural, so that what implements these need not import `rpc`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol


class Row(Protocol):
    """One event of the log in its wire form."""

    @property
    def seq(self) -> int: ...

    @property
    def topic(self) -> str: ...

    @property
    def workspace_id(self) -> str | None: ...

    @property
    def frame(self) -> bytes:
        """The finished JSON of the whole notification, without a header."""


class Feed(Protocol):
    """The committed log, read by cursor."""

    @property
    def head(self) -> int:
        """The newest committed `seq`; 0 for an empty log. It has moved before any answer names the new position."""

    def read(self, after: int, limit: int) -> Sequence[Row] | Awaitable[Sequence[Row]]:
        """At most `limit` rows with a `seq` above `after`, in order. Rows that are gone are left out, which the reader
        sees by the numbers. At once where they are in memory, awaitable where they come from the store."""

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on the loop's thread after each move of `head`, until the returned function is called."""


class StreamSource(Protocol):
    """What one peer sees of one stream: it reads at that peer's own offset, so nothing is buffered for the peer."""

    def next_frame(self) -> bytes | None:
        """The next finished notification, without a header, or None until the next `Outbound.wake`. Called only when
        the peer can take it. It must not raise: what it cannot read it says in a frame of its own."""
