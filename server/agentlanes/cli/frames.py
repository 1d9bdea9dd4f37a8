"""The raw frames of a session's agents, in both directions, as the tapes hold them.

The tape `out` has what an agent printed, `in` what it was sent. The runner notes with each write how far `out` was
then, so the order between the two is exact; times are those of the tapes' indexes, which note at most five a second.
"""

from __future__ import annotations

import shlex
import sys
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from agentlanes.cli.archive import Archive
from agentlanes.kernel.ports.runners import TapeReader
from agentlanes.wire.models import Process, Turn

READ_BYTES = 1 << 20
_VISIBLE = {code: chr(0x2400 + code) for code in range(32) if code != 9} | {127: "\u2421"}

Mark = dict[str, Any]


class Frame(NamedTuple):
    """One line that an agent printed or was sent."""

    process: Process
    at: int
    """Epoch milliseconds."""
    n: int | None
    """Number of the write; None for what the agent printed."""
    offset: int
    """Where it stands on its tape."""
    skipped: int
    """Bytes before it that are no longer kept."""
    turn: Turn | None
    """The turn that began last before it."""
    begins: bool
    """It is the write that carried the turn's prompt."""
    data: bytes


class SessionFrames:
    """All agents' processes of a session, one after the other. Reads on where it left."""

    def __init__(self, archive: Archive, session_id: str) -> None:
        self._archive = archive
        self._session_id = session_id
        self._readers: dict[str, ProcessFrames] = {}

    def read(self) -> Iterator[Frame]:
        """The frames that came since the last call."""
        for process in self._archive.list_of_session("process", self._session_id):
            if process.run_reason == "agent" and not process.pty:
                reader = self._readers.setdefault(process.process_id, ProcessFrames(self._archive, process))
                yield from reader.read()


class ProcessFrames:
    """The frames of one process. Reads on where it left."""

    def __init__(self, archive: Archive, process: Process) -> None:
        self._archive = archive
        self.process = process
        self._sent = 0
        self._sent_n = 0
        self._received = 0
        self._since = 0
        self._turn: Turn | None = None

    def read(self) -> Iterator[Frame]:
        """The frames that came since the last call."""
        process_id = self.process.process_id
        with (
            closing(self._archive.tape(process_id, "out")) as out,
            closing(self._archive.tape(process_id, "in")) as into,
        ):
            times = _Times(out.marks())
            prompts = {
                turn.input_n: turn
                for turn in self._archive.list_of_session("turn", self.process.session_id or "")
                if turn.process_id == process_id
            }
            for write, data in self._read_sent(into):
                yield from self._read_received(out, times, write["out"])
                turn = prompts.get(write["n"])
                self._turn = turn or self._turn
                self._since = write["t"]
                yield Frame(self.process, write["t"], write["n"], write["o"], 0, self._turn, turn is not None, data)
            yield from self._read_received(out, times, None)

    def _read_sent(self, tape: TapeReader) -> Iterator[tuple[Mark, bytes]]:
        start, end = tape.span()
        marks: list[Mark] = tape.marks()
        writes = [mark for mark in marks if mark["k"] == "write" and mark["n"] > self._sent_n]
        for write, following in zip(writes, [*writes[1:], {"o": end}], strict=True):
            self._sent_n = write["n"]
            if write["o"] >= start:
                yield write, _read_all(tape, write["o"], following["o"]).rstrip(b"\n")

    def _read_received(self, tape: TapeReader, times: _Times, until: int | None) -> Iterator[Frame]:
        """Whole lines that began before an offset of the tape; all that are there where none is given."""
        rest = bytearray()
        while until is None or self._received < until:
            chunk = tape.read(self._received + len(rest), READ_BYTES)
            if chunk.skipped:
                rest.clear()
                self._received = chunk.offset
            if not chunk.data:
                return
            rest += chunk.data
            *lines, rest_of = rest.split(b"\n")
            for number, line in enumerate(lines):
                if until is not None and self._received >= until:
                    return
                skipped = chunk.skipped if number == 0 else 0
                # It came after the last write, which the index may be too coarse to tell.
                at = max(self._since, times.find(self._received))
                yield Frame(self.process, at, None, self._received, skipped, self._turn, False, bytes(line))
                self._received += len(line) + 1
            rest = rest_of


class FramePrinter:
    """Prints frames: JSON lines for programs; for people the time, an arrow, and the frame as it is."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json or not sys.stdout.isatty()
        self._process_id = ""

    def show(self, frame: Frame) -> None:
        """Print one."""
        line = _encode(frame) if self._as_json else self._draw(frame)
        sys.stdout.buffer.write(line + b"\n")

    def _draw(self, frame: Frame) -> bytes:
        heads = []
        if frame.process.process_id != self._process_id:
            self._process_id = frame.process.process_id
            heads.append(f"── {frame.process.process_id}: {shlex.join(frame.process.argv)}")
        if frame.begins and frame.turn is not None:
            first = frame.turn.prompt.strip().split("\n", 1)[0]
            heads.append(f"── {frame.turn.turn_id}: {first[:80]}")
        if frame.skipped:
            heads.append(f"── {frame.skipped} bytes are no longer kept")
        arrow = f"→ #{frame.n}" if frame.n is not None else "←"
        text = "".join(f"{head}\n" for head in heads) + f"{_write_time(frame.at)[11:23]} {arrow} "
        # What an agent prints must not steer the terminal.
        return (text + frame.data.decode(errors="replace").translate(_VISIBLE)).encode(errors="replace")


def _encode(frame: Frame) -> bytes:
    told: dict[str, Any] = {
        "at": _write_time(frame.at),
        "process_id": frame.process.process_id,
        "direction": "received" if frame.n is None else "sent",
        "offset": frame.offset,
    }
    if frame.n is not None:
        told["n"] = frame.n
    if frame.skipped:
        told["skipped"] = frame.skipped
    if frame.turn is not None:
        told["turn_id"] = frame.turn.turn_id
    try:
        told["frame"] = msgspec.json.decode(frame.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told["text"] = frame.data.decode(errors="replace")
    return msgspec.json.encode(told)


def _write_time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_all(tape: TapeReader, start: int, end: int) -> bytes:
    data = bytearray()
    while start + len(data) < end:
        chunk = tape.read(start + len(data), end - start - len(data))
        if not chunk.data or chunk.skipped:
            break
        data += chunk.data
    return bytes(data)


class _Times:
    """When bytes came, by the last mark that is not after them."""

    def __init__(self, marks: list[Mark]) -> None:
        self._offsets = [int(mark["o"]) for mark in marks]
        self._times = [int(mark["t"]) for mark in marks]

    def find(self, offset: int) -> int:
        number = bisect_right(self._offsets, offset)
        return self._times[max(0, number - 1)] if self._times else 0
