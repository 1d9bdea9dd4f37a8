"""A person at a terminal: a pty with a command on it, what it shows, and keys to type."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from types import TracebackType

from cli.place import WAIT_SECONDS, Place

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]")

_SIT_DOWN = "import os, sys; os.login_tty(int(sys.argv[1])); os.execvp(sys.argv[2], sys.argv[2:])"
"""Gives the command the tty as its controlling terminal."""


class Seat:
    """One command on a pty of its own."""

    def __init__(self, place: Place, *arguments: str, columns: int = 100, rows: int = 30) -> None:
        self._screen = b""
        self._read = 0
        # The parent keeps the other end open too, so that the tty's modes can be read after the command's end.
        self._master, self._tty = pty.openpty()
        self.resize(columns, rows)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SIT_DOWN, str(self._tty), "agentlanes", *arguments],
            env=place.env,
            cwd=place.folder,
            pass_fds=[self._tty],
        )

    def __enter__(self) -> Seat:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)
        os.close(self._tty)

    @property
    def pid(self) -> int:
        """The command's process."""
        return self._process.pid

    @property
    def text(self) -> str:
        """All that was shown, without its escape sequences."""
        return _ESCAPE.sub("", self._screen.decode(errors="replace")).replace("\r", "")

    @property
    def raw(self) -> bytes:
        """All that was shown, as it came."""
        return self._screen

    def modes(self) -> list[object]:
        """The tty's settings."""
        return list(termios.tcgetattr(self._tty))

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size."""
        fcntl.ioctl(self._tty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str) -> None:
        """Until this is shown, after what was waited for before."""
        self._until(lambda: text in self.text[self._read :], text)
        self._read = self.text.index(text, self._read) + len(text)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Until something holds, reading what is shown meanwhile."""
        self._until(holds, "what was waited for")

    def end(self) -> int:
        """The command's exit code."""
        self._until(lambda: self._process.poll() is not None, "the end")
        self._take(0)
        return int(self._process.returncode)

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"{what!r} did not come:\n{self.text}"
            self._take(0.02)

    def _take(self, timeout: float) -> None:
        while select.select([self._master], [], [], timeout)[0]:
            self._screen += os.read(self._master, 65536)
            timeout = 0
