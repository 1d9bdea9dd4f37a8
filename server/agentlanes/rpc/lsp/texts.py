"""The documents that a client has open, as it edits them.

Lines end where LSP says: at `\\n`, `\\r\\n` and `\\r`, and nowhere else. A change costs what it touches: a client that
types fast, or a program that edits for it, holds up nobody.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

log = logging.getLogger(__name__)

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def split_lines(text: str) -> list[str]:
    """The lines of a text with their ends; the last one has none and may be empty."""
    lines = _LINE.findall(text)
    if not lines or lines[-1][-1] in "\r\n":
        lines.append("")
    return lines


def find_index(line: str, character: int, encoding: str) -> int:
    """Where in a line a position is, counted in code points. A position within a code point is before it, one behind
    the line's text is at its end."""
    text = line.rstrip("\r\n")
    if encoding == "utf-32" or text.isascii():
        return max(0, min(character, len(text)))
    units = 0
    for index, point in enumerate(text):
        units += len(point.encode("utf-8", "surrogatepass")) if encoding == "utf-8" else 1 + (point > "\uffff")
        if units > character:
            return index
    return len(text)


class Texts:
    """The open documents of one client, by URI."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._lines: dict[str, list[str]] = {}

    def lines(self, uri: str) -> Sequence[str]:
        """The lines of a document with their ends; none where it is not open."""
        return self._lines.get(uri, ())

    def hear(self, method: str, params: dict[str, Any]) -> None:
        """Takes didOpen, didChange or didClose. What is not of their shape is logged and changes nothing."""
        try:
            self._take(method, params)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            log.info("notification %s is not as LSP describes it: %r", method[:200], error)

    def _take(self, method: str, params: dict[str, Any]) -> None:
        document = params["textDocument"]
        uri = str(document["uri"])
        if method == "textDocument/didOpen":
            self._lines[uri] = split_lines(document["text"])
        elif method == "textDocument/didClose":
            self._lines.pop(uri, None)
        else:
            # Of a document that was never opened nobody knows what it is a change of.
            lines = self._lines[uri]
            for change in params["contentChanges"]:
                self._change(lines, change)

    def _change(self, lines: list[str], change: dict[str, Any]) -> None:
        text, place = change["text"], change.get("range")
        if place is None:
            lines[:] = split_lines(text)
            return
        first, start = self._find(lines, place["start"])
        last, end = self._find(lines, place["end"])
        if (last, end) < (first, start):
            (first, start), (last, end) = (last, end), (first, start)
        joined = lines[first][:start] + text + lines[last][end:]
        if first > 0 and lines[first - 1].endswith("\r"):
            # With a `\n` behind it, its `\r` ends no line of its own any more.
            first -= 1
            joined = lines[first] + joined
        parts = split_lines(joined)
        if last + 1 < len(lines) and parts[-1] == "":
            # The line's end is the beginning of the next one, which is there.
            parts.pop()
        lines[first : last + 1] = parts

    def _find(self, lines: list[str], position: dict[str, int]) -> tuple[int, int]:
        number = position["line"]
        if number >= len(lines):
            return len(lines) - 1, len(lines[-1])
        return max(0, number), find_index(lines[number], position["character"], self._encoding)
