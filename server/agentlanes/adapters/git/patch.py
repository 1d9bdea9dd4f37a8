"""Reads the text of `diff-tree --patch`."""

from __future__ import annotations

import re

from msgspec import Struct

from agentlanes.core.facts import DiffHunk

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)", re.DOTALL)
_CONSUMES = {b" ": (1, 1), b"-": (1, 0), b"+": (0, 1), b"\\": (0, 0)}


class Section(Struct, frozen=True):
    """What stands under one `diff --git` line."""

    hunks: tuple[DiffHunk, ...]
    lossy: bool
    complete: bool
    """False for the last section of a patch that was cut."""


def parse_patch(patch: bytes, *, cut: bool) -> list[Section]:
    """The sections in order. Of a patch that was cut, only whole hunks are kept."""
    lines = patch.split(b"\n")
    # A newline ends the last line; where the patch was cut, what follows it is a part of one.
    lines.pop()
    sections: list[Section] = []
    at = 0
    while at < len(lines):
        end, hunks, lossy = _read_section(lines, at + 1)
        sections.append(Section(tuple(hunks), lossy, complete=True))
        at = end
    if cut and sections:
        last = sections[-1]
        # Whether its last hunk is whole cannot be told: a note about the missing newline may follow.
        sections[-1] = Section(last.hunks[:-1], last.lossy, complete=False)
    return sections


def _read_section(lines: list[bytes], at: int) -> tuple[int, list[DiffHunk], bool]:
    hunks: list[DiffHunk] = []
    lossy = False
    while at < len(lines) and not lines[at].startswith(b"diff --git "):
        header = _HUNK.match(lines[at])
        at += 1
        if header is None:
            continue
        old_start, old_lines, new_start, new_lines = (int(group or 1) for group in header.groups()[:4])
        start, old_left, new_left = at, old_lines, new_lines
        while at < len(lines) and (old_left or new_left or lines[at][:1] == b"\\"):
            old_read, new_read = _CONSUMES[lines[at][:1]]
            old_left, new_left, at = old_left - old_read, new_left - new_read, at + 1
        text, replaced = _decode(b"\n".join((header[5], *lines[start:at])))
        section, *body = text.split("\n")
        hunks.append(DiffHunk(old_start, old_lines, new_start, new_lines, section, tuple(body)))
        lossy = lossy or replaced
    return at, hunks, lossy


def _decode(raw: bytes) -> tuple[str, bool]:
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace"), True
