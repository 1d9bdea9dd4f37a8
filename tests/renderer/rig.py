"""Screens as plain lines, from our emulator and from another one."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from agentlanes.renderer.emulator import Emulator
from agentlanes.runner.tape import Limit, Writer

PATIENCE = 60.0


def paint(emulator: Emulator, lines: dict[int, Any] | None = None) -> tuple[dict[str, Any], dict[int, Any]]:
    """The screen and all of its lines; `lines` are those that were painted before."""
    screen, changed = emulator.paint()
    return screen, {**(lines or {}), **{row: json.loads(line) for row, line in changed.items()}}


def read_text(lines: dict[int, Any]) -> list[str]:
    """The lines as text without blanks at their ends."""
    return ["".join(run["text"] for run in lines[row]).rstrip() for row in sorted(lines)]


def show(data: bytes, cols: int = 40, rows: int = 10) -> tuple[dict[str, Any], dict[int, Any]]:
    """What a fresh terminal shows of some bytes."""
    emulator = Emulator(cols, rows)
    emulator.feed(data)
    shown = paint(emulator)
    emulator.close()
    return shown


def write_tape(folder: Path, *steps: bytes | tuple[int, int], cap: int = 1 << 30, segment: int = 1 << 20) -> Path:
    """A tape: bytes are output, a pair is a size."""
    writer = Writer(str(folder), Limit(cap, segment, lossless=False))
    for step in steps:
        if isinstance(step, bytes):
            writer.append(memoryview(step))
        else:
            writer.note("resize", cols=step[0], rows=step[1])
    writer.close()
    return folder


class Tmux:
    """A tmux of its own: another emulator, which says what it shows."""

    def __init__(self, folder: Path, cols: int, rows: int) -> None:
        self._folder = folder
        self._count = 0
        self.run("new-session", "-d", "-x", str(cols), "-y", str(rows), "sleep infinity")
        self.run("set-option", "-g", "status", "off")
        self.run("resize-window", "-x", str(cols), "-y", str(rows))

    def run(self, *arguments: str) -> str:
        """A command of tmux."""
        argv = ["tmux", "-S", str(self._folder / "socket"), "-f", "/dev/null", *arguments]
        done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout

    def show(self, data: bytes) -> tuple[list[str], tuple[int, int]]:
        """The lines and the cursor's column and row after some bytes."""
        self._count += 1
        sign = f"shown-{self._count}"
        path = self._folder / "bytes"
        # The title comes last, so whoever sees it sees all that came before.
        path.write_bytes(data + f"\033]2;{sign}\033\\".encode())
        self.run("respawn-pane", "-k", f"stty raw -echo; cat {shlex.quote(str(path))}; exec sleep infinity")
        deadline = time.monotonic() + PATIENCE
        while True:
            title, x, y = self.run("display-message", "-p", "#{pane_title} #{cursor_x} #{cursor_y}").split()
            if title == sign:
                break
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return [line.rstrip() for line in self.run("capture-pane", "-p").split("\n")[:-1]], (int(x), int(y))

    def close(self) -> None:
        """Ends it."""
        self.run("kill-server")


def slices(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The bytes in parts."""
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(bounds):
        yield data[start:end]
