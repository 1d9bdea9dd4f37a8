"""What a profile says about a program of the terminal, in its table of quirks."""

from __future__ import annotations

import re

from msgspec import Struct

from agentlanes.kernel.ports.agents import Launch


class Habits(Struct, frozen=True):
    """How the program behaves. Times are seconds."""

    quiet: float = 10.0
    """Silence after which a program that says nothing about itself is taken to be done."""
    settle: float = 0.2
    """Silence after which a program that is back at its prompt is taken to be done, and a fresh one to be ready."""
    start: float = 2.0
    """Silence after which a program that printed nothing is taken to be ready."""
    idle: re.Pattern[str] | None = None
    """What the line with the cursor, or the screen, shows while the program waits for input."""
    idle_title: re.Pattern[str] | None = None
    """The same of the title."""
    interrupt: str = "\x03"
    """The keys that stop what the program does."""
    enter: str = "\r"
    """The key that ends the input."""
    cols: int = 120
    rows: int = 40


_USUAL = Habits()


def read_habits(launch: Launch) -> Habits:
    """The profile's word, or else the usual. What makes no sense is left out."""
    quirks = launch.quirks

    def read_seconds(name: str, usual: float) -> float:
        value = quirks.get(name)
        return float(value) if isinstance(value, (int, float)) and 0 < value <= 86_400 else usual

    def read_keys(name: str, usual: str) -> str:
        value = quirks.get(name)
        return value if isinstance(value, str) and value else usual

    def read_pattern(name: str) -> re.Pattern[str] | None:
        value = quirks.get(name)
        try:
            return re.compile(value, re.MULTILINE) if isinstance(value, str) and value else None
        except re.error:
            return None

    def read_cells(name: str, usual: int) -> int:
        value = quirks.get(name)
        return value if isinstance(value, int) and 1 <= value <= 10_000 else usual

    return Habits(
        quiet=read_seconds("quiet_seconds", _USUAL.quiet),
        settle=read_seconds("settle_seconds", _USUAL.settle),
        start=read_seconds("start_seconds", _USUAL.start),
        idle=read_pattern("idle_pattern"),
        idle_title=read_pattern("idle_title"),
        interrupt=read_keys("interrupt_keys", _USUAL.interrupt),
        enter=read_keys("enter_key", _USUAL.enter),
        cols=read_cells("cols", _USUAL.cols),
        rows=read_cells("rows", _USUAL.rows),
    )
