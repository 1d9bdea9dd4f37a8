"""What people see: colour and tables on a terminal, the same lines as plain text elsewhere.

Agents, repositories and programs are not trusted, so their text is printed without its control characters.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_STATUS_STYLES = {"added": "green", "modified": "yellow", "deleted": "red"}
_LINE_STYLES = {"+": "green", "-": "red"}


def clean(text: str) -> str:
    """Text from elsewhere, with what could steer a terminal made visible."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def is_for_people() -> bool:
    """Whether a person reads stdout, rather than a program."""
    return sys.stdout.isatty()


class Screen:
    """Writes lines, and text that grows at the end of the current line."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._is_open = False

    @property
    def is_terminal(self) -> bool:
        """Whether a person can be asked something."""
        return self._console.is_terminal and sys.stdin.isatty()

    def line(self, text: str = "", style: str = "", mark: str = "", mark_style: str = "bold cyan") -> None:
        """One or more whole lines, with a mark before the first."""
        self.end_line()
        written = Text()
        if mark:
            written.append(f"{mark} ", mark_style)
        self._console.print(written.append(clean(text), style or None))

    def grow(self, text: str, style: str = "") -> None:
        """Text that continues where the last one ended."""
        if text:
            shown = clean(text)
            self._console.print(Text(shown, style), end="")
            self._is_open = not shown.endswith("\n")

    def end_line(self) -> None:
        """Ends the line that `grow` left open."""
        if self._is_open:
            self._is_open = False
            self._console.print()

    def line_was_ended(self) -> None:
        """The person ended the open line, by typing an answer."""
        self._is_open = False

    def wait(self, text: str) -> AbstractContextManager[Any]:
        """Shows, on a terminal, that something is under way while the context lasts."""
        self.end_line()
        if not self._console.is_terminal:
            return nullcontext()
        return self._console.status(Text(clean(text), "dim"), spinner="dots")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table without borders."""
        table = Table(*columns, box=None, pad_edge=False, header_style="bold", show_edge=False)
        for row in rows:
            table.add_row(*(Text(clean(cell)) for cell in row))
        self._console.print(table, soft_wrap=False)

    def json(self, value: Any) -> None:
        """JSON for eyes."""
        self._console.print_json(data=value)

    def diff(self, files: Iterable[dict[str, Any]]) -> None:
        """Changed files as a unified diff, as `lane.diff` gives them."""
        for file in files:
            style = _STATUS_STYLES.get(file["status"], "cyan")
            moved = f" (from {file['old_path']})" if "old_path" in file else ""
            counts = f"+{file['additions']} -{file['deletions']}"
            self.line(f"{file['status']} {file['path']}{moved}  {counts}", f"bold {style}")
            if file["binary"]:
                self.line("  binary", "dim")
            for hunk in file.get("hunks", ()):
                self._show_hunk(hunk)
            if file.get("truncated"):
                self.line("  … the rest is too large to show", "dim")

    def _show_hunk(self, hunk: dict[str, Any]) -> None:
        old, new = (f"{hunk[f'{side}_start']},{hunk[f'{side}_lines']}" for side in ("old", "new"))
        self.line(f"  @@ -{old} +{new} @@ {hunk['section']}".rstrip(), "cyan")
        for line in hunk["text"].splitlines():
            self.line(f"  {line}", _LINE_STYLES.get(line[:1], ""))
