"""The terminal that a person sits at: its raw mode, its size, and what a program of a lane left switched on in it."""

from __future__ import annotations

import os
import re
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SWITCH = re.compile(rb"\x1b\[\?([0-9;]{1,40})([hl])")
_LONGEST_SWITCH = 48
_RESTED: dict[bytes, bytes] = {
    **dict.fromkeys((b"1", b"47", b"66", b"1000", b"1002", b"1003", b"1004", b"1005", b"1006", b"1015"), b"l"),
    **dict.fromkeys((b"1047", b"1049", b"2004", b"2026"), b"l"),
    b"7": b"h",
    b"25": b"h",
}
"""Modes that full-screen programs switch, and how a terminal rests: main screen, cursor shown, no mouse."""


class Switches:
    """Follows which modes the output has switched, to switch them back for a program that is still running."""

    def __init__(self) -> None:
        self._tail = b""
        self._now: dict[bytes, bytes] = {}

    def follow(self, data: bytes) -> None:
        """Take in output that is on its way to the terminal."""
        data = self._tail + data
        for found in _SWITCH.finditer(data):
            for mode in found[1].split(b";"):
                self._now[mode] = found[2]
        self._tail = data[-_LONGEST_SWITCH:]

    def reset(self) -> bytes:
        """What brings the terminal back."""
        changed = [mode for mode, rested in _RESTED.items() if self._now.get(mode, rested) != rested]
        return b"\x1b[0m" + b"".join(b"\x1b[?%s%s" % (mode, _RESTED[mode]) for mode in changed)


@contextmanager
def raw_mode(fd: int) -> Iterator[None]:
    """Every key as it is typed, for as long as the block runs; restored on every way out of it."""
    before = termios.tcgetattr(fd)
    handlers = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        # Now, so that what was typed ahead goes through.
        tty.setraw(fd, termios.TCSANOW)
        yield
    finally:
        # Now, because a window that no longer reads would never let the output drain.
        termios.tcsetattr(fd, termios.TCSANOW, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


@contextmanager
def size_changes() -> Iterator[int]:
    """A descriptor that becomes readable when the window changes its size."""
    read, write = os.pipe()
    for fd in (read, write):
        os.set_blocking(fd, False)
    before = signal.signal(signal.SIGWINCH, lambda number, frame: None)
    previous = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(previous)
        signal.signal(signal.SIGWINCH, before)
        os.close(read)
        os.close(write)


def find_size(fd: int) -> tuple[int, int]:
    """Columns and rows of the window."""
    size = os.get_terminal_size(fd)
    return max(1, size.columns), max(1, size.lines)
