"""The port to the renderer: what terminals show, as text with attributes, for whoever has no terminal.

A terminal is rendered only while somebody watches it. The renderer reads tapes itself; what it is told is that there is
something to read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from agentlanes.wire.models import RendererLimits, Screen, ScreenLine


class RendererError(Exception):
    """A screen that cannot be rendered; the message says why, for people."""


class Picture:
    """The newest screen of a terminal, and for each line with which change it came."""

    def __init__(self) -> None:
        self.version = 0
        self._screen: Screen | None = None
        self._lines: list[ScreenLine] = []
        self._changed: list[int] = []
        self._sized = 0

    def take(self, screen: Screen) -> bool:
        """A newer screen, with the lines that changed. False where it is the one that is known."""
        known = self._screen
        bare = msgspec.structs.replace(screen, lines=())
        if bare == known and all(self._lines[line.row] == line for line in screen.lines):
            return False
        self.version += 1
        if known is None or (known.cols, known.rows) != (screen.cols, screen.rows):
            self._sized = self.version
            self._lines = [ScreenLine(row=row, runs=()) for row in range(screen.rows)]
            self._changed = [self.version] * screen.rows
        for line in screen.lines:
            if self._lines[line.row] != line:
                self._lines[line.row] = line
                self._changed[line.row] = self.version
        self._screen = bare
        return True

    def show(self, since: int = 0) -> tuple[Screen, bool]:
        """The screen with the lines that changed after a version, and whether those are all: the size is another one,
        or nothing was seen before."""
        assert self._screen is not None, "only a watch that was ready has a picture"
        full = since < self._sized
        lines = tuple(line for line, changed in zip(self._lines, self._changed, strict=True) if full or changed > since)
        return msgspec.structs.replace(self._screen, lines=lines), full

    def read_text(self) -> str:
        """The screen as plain text."""
        return "".join("".join(run.text for run in line.runs).rstrip() + "\n" for line in self._lines)


class Watch(Protocol):
    """One interest in a terminal's screen. It costs nothing more where others watch the same."""

    @property
    def picture(self) -> Picture:
        """The newest screen, once `ready` has returned."""

    @property
    def failure(self) -> RendererError | None:
        """Why there are no more screens."""

    async def ready(self) -> None:
        """Returns when the screen is as far as the tape is now. Raises RendererError."""

    async def read_history(self, lines: int) -> tuple[str, ...]:
        """The newest lines above the screen, oldest first. Raises RendererError."""

    def close(self) -> None:
        """No more interest. May be called again."""


class Renderers(Protocol):
    """Screens of all terminals."""

    @property
    def engine(self) -> str | None:
        """What renders, with its version; None where nothing can."""

    @property
    def problem(self) -> str | None:
        """Why nothing can be rendered here, and what would help."""

    @property
    def limits(self) -> RendererLimits:
        """Bounds of screens."""

    def watch(self, process_id: str, changed: Callable[[], None]) -> Watch:
        """Renders a terminal from now on; `changed` is called on the loop when its screen is another one, or it failed.
        Raises RendererError."""

    def wake(self, process_id: str) -> None:
        """Says that a terminal's size may be another one."""

    async def close(self) -> None:
        """Renders nothing any more."""
