"""Recordings of terminals: asciicast version 3 (docs.asciinema.org/manual/asciicast/v3) and plain text.

Output comes with the times of the tape's index, which notes at most five a second: what came between two of them is one
event.
"""

from __future__ import annotations

import codecs
import shlex
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from agentlanes.cli.archive import NotKept, open_archive
from agentlanes.kernel.ports.runners import TapeReader
from agentlanes.wire.models import Terminal
from agentlanes.wire.table import PREFIXES

READ_BYTES = 1 << 20
TERM = "xterm-256color"

Mark = dict[str, Any]


class Recording(NamedTuple):
    """A terminal's tape and what is known of the terminal."""

    tape: TapeReader
    title: str
    argv: tuple[str, ...]
    cols: int
    rows: int
    began: int
    """Epoch milliseconds."""


def find_recording(id: str) -> Recording:
    """The recording of a terminal, or of a process on one. Raises NotKept."""
    with open_archive() as archive:
        if id.startswith(f"{PREFIXES['terminal']}_"):
            terminal: Terminal = archive.find("terminal", id)
            size, process_id = (terminal.cols, terminal.rows), terminal.process_id
            title, argv, since = terminal.title, terminal.argv, terminal.created_at
        else:
            process = archive.find("process", id)
            if not process.pty:
                raise NotKept(f"process {id} ran on no terminal; agentlanes log --raw shows an agent's frames")
            size, process_id, title, argv, since = (80, 24), id, id, process.argv, process.started_at
        tape = archive.tape(process_id, "pty")
    if tape.span() == (0, 0) and not tape.marks():
        raise NotKept(f"nothing is kept of what {id} showed")
    return Recording(tape, title, argv, *size, round(datetime.fromisoformat(since).timestamp() * 1000))


def write_text(recording: Recording) -> Iterator[bytes]:
    """What is kept of the output, byte for byte."""
    with closing(recording.tape) as tape:
        start, end = tape.span()
        while start < end:
            chunk = tape.read(start, min(READ_BYTES, end - start))
            if not chunk.data:
                return
            start = chunk.offset + len(chunk.data)
            yield chunk.data


def write_asciicast(recording: Recording) -> Iterator[bytes]:
    """The lines of the asciicast. Bytes that are no UTF-8 become U+FFFD, because the format is JSON."""
    with closing(recording.tape) as tape:
        start, end = tape.span()
        marks: list[Mark] = tape.marks()
        # A terminal's tape begins with the size that it was spawned with; its oldest part may be gone.
        sizes = [mark for mark in marks if mark["k"] == "resize"]
        size = next((mark for mark in reversed(sizes) if mark["o"] < start), sizes[0] if sizes else {})
        cols, rows = size.get("cols", recording.cols), size.get("rows", recording.rows)
        first = next((mark["t"] for mark in marks if mark["o"] >= start), recording.began)
        yield _line(
            {
                "version": 3,
                "term": {"cols": cols, "rows": rows, "type": TERM},
                "timestamp": first // 1000,
                "command": shlex.join(recording.argv),
                "title": recording.title,
            }
        )
        yield from _write_events(tape, marks, start, end, first, (cols, rows))


def _write_events(
    tape: TapeReader, marks: list[Mark], start: int, end: int, now: int, size: tuple[int, int]
) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    clock, offset = now, start
    ending: str | None = None

    def event(code: str, data: str) -> bytes:
        nonlocal clock
        # A clock that was set back does not run backwards here.
        passed, clock = max(0, now - clock), max(clock, now)
        return _line([passed / 1000, code, data])

    def read(until: int) -> Iterator[bytes]:
        nonlocal offset
        while offset < until:
            chunk = tape.read(offset, min(READ_BYTES, until - offset))
            if not chunk.data:
                return
            offset = chunk.offset + len(chunk.data)
            text = decoder.decode(chunk.data)
            if text:
                yield event("o", text)

    for mark in marks:
        # What stands before this mark came at the time of the mark before it.
        yield from read(min(mark["o"], end))
        if mark["o"] < start:
            continue
        now = mark["t"]
        if mark["k"] == "resize" and (mark["cols"], mark["rows"]) != size:
            size = (mark["cols"], mark["rows"])
            yield event("r", f"{size[0]}x{size[1]}")
        elif mark["k"] == "exit":
            ending = _tell_exit(mark)
    yield from read(end)
    rest = decoder.decode(b"", final=True)
    if rest:
        yield event("o", rest)
    if ending is not None:
        yield event("x", ending)


def _tell_exit(mark: Mark) -> str:
    """The exit status, as a shell has it: 128 and the signal's number for what a signal ended."""
    ended_by = mark.get("signal")
    if isinstance(ended_by, str):
        ended_by = getattr(signal, ended_by, 0)
    return str(128 + int(ended_by) if ended_by else mark.get("exit_code") or 0)


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"
