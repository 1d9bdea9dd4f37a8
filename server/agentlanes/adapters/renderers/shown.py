"""One terminal that is rendered: its newest screen, who looks at it, and what was asked of the renderer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from agentlanes.kernel.ports.renderers import Picture, RendererError
from agentlanes.wire.models import Screen, ScreenCursor, ScreenLine


class Heard(msgspec.Struct):
    """A frame of the renderer."""

    screen: str
    op: str
    done: bool = False
    offset: int = 0
    cols: int = 0
    rows: int = 0
    title: str = ""
    cursor: ScreenCursor | None = None
    alternate: bool = False
    application_cursor_keys: bool = False
    bracketed_paste: bool = False
    mouse_tracking: bool = False
    history_lines: int = 0
    lines: list[msgspec.Raw] = []
    reason: str = ""


class Shown:
    """One terminal that is rendered."""

    def __init__(self, process_id: str) -> None:
        self.process_id = process_id
        self.picture = Picture()
        self.watches: dict[object, Callable[[], None]] = {}
        self.failure: RendererError | None = None
        self.is_open = False
        self.is_asked = False
        self.is_stale = False
        self.strikes = 0
        self.asked_at = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.awaited: list[asyncio.Future[None]] = []
        """Who waits for the look that is asked for."""
        self.waiting: list[asyncio.Future[None]] = []
        """Who waits for the next one."""
        self.histories: list[tuple[int, asyncio.Future[tuple[str, ...]]]] = []

    def drop_timer(self) -> None:
        """What was to be looked at later is not."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def take(self, heard: Heard) -> bool:
        """The screen of a frame. True where it is another one than the last."""
        assert heard.cursor is not None
        return self.picture.take(
            Screen(
                offset=heard.offset,
                cols=heard.cols,
                rows=heard.rows,
                title=heard.title,
                cursor=heard.cursor,
                alternate=heard.alternate,
                application_cursor_keys=heard.application_cursor_keys,
                bracketed_paste=heard.bracketed_paste,
                mouse_tracking=heard.mouse_tracking,
                history_lines=heard.history_lines,
                lines=tuple(msgspec.json.decode(line, type=ScreenLine) for line in heard.lines),
            )
        )

    def take_history(self, heard: Heard) -> None:
        """The lines above the screen, for who asked first."""
        if self.histories:
            _, found = self.histories.pop(0)
            if not found.done():
                found.set_result(tuple(msgspec.json.decode(line, type=str) for line in heard.lines))

    def finish_look(self) -> None:
        """What was asked for is here."""
        self.is_asked = False
        self.strikes = 0
        for waiter in self.awaited:
            if not waiter.done():
                waiter.set_result(None)
        self.awaited = []

    def lose_look(self) -> None:
        """What was asked for does not come; the next look stands for it."""
        self.is_asked = False
        self.waiting[:0] = self.awaited
        self.awaited = []

    def fail(self, failure: RendererError) -> None:
        """There are no more screens of it."""
        self.failure = failure
        self.drop_timer()
        waiters: list[asyncio.Future[Any]] = [*self.awaited, *self.waiting]
        for waiter in [*waiters, *(found for _, found in self.histories)]:
            if not waiter.done():
                waiter.set_exception(failure)
                # Whoever asked may be gone.
                waiter.exception()
        self.awaited, self.waiting, self.histories = [], [], []
        self.tell()

    def tell(self) -> None:
        """Tells who watches that there is something to look at."""
        for changed in list(self.watches.values()):
            changed()
