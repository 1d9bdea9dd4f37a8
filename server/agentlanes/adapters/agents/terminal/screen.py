"""What a terminal's bytes amount to as plain text, and what they say about the program that wrote them.

Lines are told when the program has moved on from them. A program that moves its cursor back up draws a screen: its
lines are told when they scroll away, or when the screen is asked for. So what is drawn over and over is told once.
"""

from __future__ import annotations

import codecs
import re

ROWS = 200
"""Lines that a program which draws can go back to."""
COLUMNS_CAP = 10_000
_SEQUENCE = re.compile(
    "\x1b(?:"
    "\\[([0-?]*)([ -/]*)([@-~])"  # CSI: parameters, intermediates, final
    "|[\\]PX^_]((?:[^\x1b\x07]|\x1b(?!\\\\))*)(?:\x07|\x1b\\\\)"  # OSC and other strings, to BEL or ST
    "|[ -/]+[0-~]|[0-OQ-WYZ\\\\`-~])"
    "|[\x00-\x1f\x7f]"
)
_BEGUN = re.compile("\x1b(?:\\[[0-?]*[ -/]*|[\\]PX^_](?:[^\x1b\x07]|\x1b(?!\\\\))*|[ -/]*)\\Z")
"""The begin of a sequence whose end has yet to come."""
_STRING_CAP = 64 << 10
_UP = frozenset("AFHfdSTLMr")
"""Finals of sequences after which what is printed may stand above what was printed before."""


class Screen:
    """Takes in bytes from any point on, and gives plain text that only grows."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""
        self._lines: list[str] = [""]
        self._row = self._column = 0
        self._draws = False
        self._hidden = False
        """An editor or pager has taken the whole screen for itself."""
        self._told: list[str] = []
        self.pastes = False
        """The program asked for pasted text to be marked."""
        self.busy: bool | None = None
        """What the program's marks say: that it works, that it waits for input; None where there are none."""
        self.title = ""

    def begin(self) -> str:
        """Forget what was printed, but for the line that the program stopped in, which is given."""
        line = self._lines[self._row]
        self._lines, self._row, self._column = [line], 0, min(self._column, len(line))
        self._told.clear()
        self._draws = False
        return line.rstrip()

    def line(self) -> str:
        """The line in which the cursor is."""
        return self._lines[self._row].rstrip()

    def show(self) -> str:
        """What is on the screen and was not told."""
        return "\n".join(line.rstrip() for line in self._lines).rstrip()

    def feed(self, data: bytes) -> list[str]:
        """Take in bytes; the result are the lines that are whole by now."""
        text = self._rest + self._decoder.decode(data)
        at = 0
        self._rest = ""
        for found in _SEQUENCE.finditer(text):
            if found.start() > at:
                self._print(text[at : found.start()])
            at = found.end()
            if found[0] == "\x1b":
                # The rest of a sequence is still to come, unless it is none.
                if len(text) - found.start() <= _STRING_CAP and _BEGUN.match(text, found.start()):
                    self._rest = text[found.start() :]
                    at = len(text)
                    break
                continue
            self._obey(found)
        if at < len(text):
            self._print(text[at:])
        lines, self._told = self._told, []
        return lines

    def list_rest(self) -> list[str]:
        """All lines that were not told."""
        lines = [line.rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _print(self, text: str) -> None:
        if self._hidden:
            return
        line = self._lines[self._row]
        column = self._column
        if column == len(line):
            line += text
        else:
            line = line.ljust(column)[:column] + text + line[column + len(text) :]
        self._lines[self._row] = line[:COLUMNS_CAP]
        self._column = min(column + len(text), COLUMNS_CAP)

    def _obey(self, found: re.Match[str]) -> None:
        sequence = found[0]
        if len(sequence) == 1:
            self._control(sequence)
        elif found[3] is not None:
            self._steer(found[1], found[3])
        elif found[4] is not None and sequence[1] == "]":
            self._note(found[4])

    def _control(self, control: str) -> None:
        if self._hidden:
            return
        if control == "\n":
            self._move_down()
        elif control == "\r":
            self._column = 0
        elif control == "\b":
            self._column = max(0, self._column - 1)
        elif control == "\t":
            self._column = min(self._column + 8 - self._column % 8, COLUMNS_CAP)

    def _move_down(self) -> None:
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append("")
        keep = ROWS if self._draws else 1
        while len(self._lines) > keep and self._row >= keep:
            self._told.append(self._lines.pop(0).rstrip())
            self._row -= 1
        # A line feed of the terminal goes with a carriage return; without one the cursor stays in its column.
        self._column = min(self._column, COLUMNS_CAP)

    def _steer(self, parameters: str, final: str) -> None:
        if parameters.startswith("?"):
            if final in "hl":
                self._switch(parameters[1:].split(";"), on=final == "h")
            return
        numbers = [int(part) if part.isdigit() else 0 for part in parameters.split(";")]
        first = max(1, numbers[0])
        if final in _UP:
            self._move_up(final, first, numbers)
        elif final == "K" and not self._hidden:
            line = self._lines[self._row]
            self._lines[self._row] = line[: self._column] if numbers[0] == 0 else "" if numbers[0] == 2 else line
        elif final == "C":
            self._column = min(self._column + first, COLUMNS_CAP)
        elif final == "D":
            self._column = max(0, self._column - first)
        elif final == "G":
            self._column = min(first - 1, COLUMNS_CAP)
        elif final == "P" and not self._hidden:
            line = self._lines[self._row]
            self._lines[self._row] = line[: self._column] + line[self._column + first :]
        elif final == "J" and not self._hidden:
            self._erase(numbers[0])
        elif final in "BE":
            for _ in range(min(first, ROWS)):
                self._move_down()
            self._column = 0 if final == "E" else self._column

    def _move_up(self, final: str, first: int, numbers: list[int]) -> None:
        if self._hidden or final in "STLMr":
            return
        self._draws = True
        if final in "AF":
            self._row = max(0, self._row - first)
            self._column = 0 if final == "F" else self._column
            return
        row = min(first, ROWS) - 1
        while len(self._lines) <= row:
            self._lines.append("")
        self._row = row
        if final in "Hf":
            self._column = min((numbers[1] or 1) - 1 if len(numbers) > 1 else 0, COLUMNS_CAP)

    def _erase(self, how: int) -> None:
        if how >= 2:
            self._lines, self._draws = [""] * (self._row + 1), True
        elif how == 0:
            self._lines[self._row] = self._lines[self._row][: self._column]
            del self._lines[self._row + 1 :]

    def _switch(self, modes: list[str], *, on: bool) -> None:
        if "2004" in modes:
            self.pastes = on
        if any(mode in ("1049", "1047", "47") for mode in modes):
            self._hidden = on

    def _note(self, text: str) -> None:
        """An operating system command: the title, marks of a shell, or progress."""
        kind, _, rest = text.partition(";")
        if kind in ("0", "2"):
            self.title = rest[:1000]
        elif kind == "133" and rest[:1] in ("A", "B", "C", "D"):
            self.busy = rest[0] == "C"
        elif kind == "9" and rest.startswith("4;"):
            self.busy = rest[2:3] not in ("0", "")
