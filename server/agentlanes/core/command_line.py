"""Shell lines, cut into the commands that they run. What cannot be told for certain is not told at all.

A line is read as bash and a POSIX shell would read it, and refused where they differ, where something is expanded that
could run or name anything else, or where it writes to a file. So a line that is cut runs these commands and no other.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from agentlanes.wire.models import ToolCall

LINE_CAP = 65536
DEPTH_CAP = 4

_OPERATORS = ("&&", "||", ";", "|", "&")
_JOINING = frozenset(("&&", "||", "|"))
_REFUSED = frozenset("$`(){}<>")
_GLOBBING = frozenset("*?[~")
_HARMLESS = re.compile(r"(?:[12]?>>?|<)[ \t]*/dev/null(?=[ \t\n;|&]|$)|[12]?>&[12](?=[ \t\n;|&]|$)")
"""Redirections that write no file."""
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[.*\])?\+?=", re.DOTALL)
_RESERVED = frozenset(
    {
        "!", "[[", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
        "select", "then", "time", "until", "while",
    }
)  # fmt: skip
_SHELLS = re.compile(r"(?:/bin/|/usr/bin/)?(?:ba|da|z)?sh")
_SCRIPT_FLAGS = (("-c",), ("-lc",), ("-l", "-c"))


class Word(NamedTuple):
    """One word of a command."""

    text: str
    expands: bool = False
    """The shell makes any number of other words of it."""


Words = tuple[Word, ...]


def find_line(tool: ToolCall | None) -> str | None:
    """The shell line of a tool call, where it runs one. An argv is written as the line that means the same."""
    if tool is None:
        return None
    if tool.command is not None:
        return tool.command
    raw: Any = tool.raw_input
    command = raw.get("command") if isinstance(raw, dict) else None
    if isinstance(command, list | tuple) and command and all(isinstance(word, str) for word in command):
        return shlex.join(command)
    return command if isinstance(command, str) and command.strip() else None


def split(line: str, depth: int = 0) -> tuple[Words, ...] | None:
    """The commands of a line, in order; those of `sh -c` in its place. None where they cannot be told."""
    if len(line) > LINE_CAP or depth > DEPTH_CAP:
        return None
    try:
        commands = _Reader(line).read()
    except _UnclearError:
        return None
    found: list[Words] = []
    for command in commands:
        script = _find_script(command)
        inner = (command,) if script is None else split(script, depth + 1)
        if inner is None:
            return None
        found += inner
    return tuple(found)


def _find_script(command: Words) -> str | None:
    """What `sh -c` runs, where the command is that and no more."""
    texts = [word.text for word in command]
    is_plain = len(texts) > 2 and not any(word.expands for word in command) and _SHELLS.fullmatch(texts[0])
    return texts[-1] if is_plain and tuple(texts[1:-1]) in _SCRIPT_FLAGS else None


class _UnclearError(Exception):
    """What the line runs cannot be told."""


class _Reader:
    def __init__(self, line: str) -> None:
        self._line = line
        self._at = 0
        self._commands: list[Words] = []
        self._words: list[Word] = []
        self._text: list[str] | None = None
        """Of the word that is being read; None between words."""
        self._expands = False
        self._redirected = False

    def read(self) -> Sequence[Words]:
        line = self._line
        if any((ord(char) < 32 and char not in "\t\n") or ord(char) == 127 for char in line):
            raise _UnclearError
        joining = False
        while self._at < len(line):
            operator = self._find_operator()
            if operator is None:
                self._take(line[self._at])
                joining = joining and self._text is None and not self._words
                continue
            self._at += len(operator)
            if not self._end_command() and operator != "\n":
                raise _UnclearError
            joining = operator in _JOINING or (joining and operator == "\n")
        self._end_command()
        if joining or not self._commands:
            raise _UnclearError
        return self._commands

    def _find_operator(self) -> str | None:
        if self._line[self._at] == "\n":
            return "\n"
        # Bash takes &> for a redirection, other shells for & and >.
        if self._line.startswith("&>", self._at):
            raise _UnclearError
        return next((operator for operator in _OPERATORS if self._line.startswith(operator, self._at)), None)

    def _take(self, char: str) -> None:
        if char in " \t":
            self._end_word()
            self._at += 1
        elif self._text is None and (redirection := _HARMLESS.match(self._line, self._at)):
            self._redirected = True
            self._at = redirection.end()
        elif char in _REFUSED or (char == "#" and self._text is None) or (char != " " and char.isspace()):
            raise _UnclearError
        elif char == "'":
            end = self._find(char)
            self._add(self._line[self._at + 1 : end])
            self._at = end + 1
        elif char == '"':
            self._take_double_quoted()
        elif char == "\\":
            if self._line[self._at + 1 : self._at + 2] in ("", "\n"):
                raise _UnclearError
            self._add(self._line[self._at + 1])
            self._at += 2
        else:
            self._expands = self._expands or char in _GLOBBING
            self._add(char)
            self._at += 1

    def _find(self, quote: str) -> int:
        end = self._line.find(quote, self._at + 1)
        if end < 0:
            raise _UnclearError
        return end

    def _take_double_quoted(self) -> None:
        self._add("")
        self._at += 1
        while self._at < len(self._line):
            char = self._line[self._at]
            follows = self._line[self._at + 1 : self._at + 2]
            if char == '"':
                self._at += 1
                return
            if char in "$`" or (char == "\\" and follows == "\n"):
                raise _UnclearError
            if char == "\\" and follows and follows in '$`"\\':
                char = follows
                self._at += 1
            self._add(char)
            self._at += 1
        raise _UnclearError

    def _add(self, text: str) -> None:
        if self._text is None:
            self._text = []
        self._text.append(text)

    def _end_word(self) -> None:
        if self._text is None:
            return
        self._words.append(Word("".join(self._text), self._expands))
        self._text, self._expands = None, False

    def _end_command(self) -> bool:
        """Ends the command before an operator. False where there is none."""
        self._end_word()
        words, self._words = tuple(self._words), []
        redirected, self._redirected = self._redirected, False
        if not words:
            if redirected:
                raise _UnclearError
            return False
        name = words[0]
        if name.expands or not name.text or name.text[0] == "=" or name.text in _RESERVED:
            raise _UnclearError
        if _ASSIGNMENT.match(name.text):
            raise _UnclearError
        self._commands.append(words)
        return True
