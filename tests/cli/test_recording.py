"""Recordings of tapes as a runner writes them: what is cut, dropped, resized or no text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentlanes.cli.recording import Recording, write_asciicast, write_text
from agentlanes.runner.tape import Limit, Reader, Writer


def record(folder: Path, *steps: object, cap: int = 1 << 20, segment: int = 1 << 16) -> Recording:
    """A tape: bytes are output, a pair is a size, a dict is how the program ended."""
    writer = Writer(str(folder), Limit(cap, segment, lossless=False))
    for step in steps:
        if isinstance(step, bytes):
            # A mark before each part, as if it had come a while after the one before.
            writer._marked = float("-inf")
            writer.append(memoryview(step))
        elif isinstance(step, tuple):
            writer.note("resize", cols=step[0], rows=step[1])
        elif isinstance(step, dict):
            writer.note("exit", **step)
    writer.close()
    return Recording(Reader(str(folder)), "sh", ("sh", "-c", "a b"), 80, 24, 1_700_000_000_000)


def replay(recording: Recording) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    header, *events = [json.loads(line) for line in write_asciicast(recording)]
    assert all(interval >= 0 for interval, _, _ in events)
    return header, [(code, data) for _, code, data in events]


def test_a_character_that_came_in_two_parts_is_one(tmp_path: Path) -> None:
    fish = "🐟".encode()
    header, events = replay(record(tmp_path, (100, 30), b"a" + fish[:1], fish[1:3], fish[3:] + b"b"))
    assert "".join(data for _, data in events) == "a🐟b"
    assert header["term"] == {"cols": 100, "rows": 30, "type": "xterm-256color"}
    assert header["command"] == "sh -c 'a b'"


def test_what_is_no_text_is_shown_as_such_and_kept_in_the_text(tmp_path: Path) -> None:
    recording = record(tmp_path, b"a\xffb", b"\xf0\x9f")
    assert "".join(data for _, data in replay(recording)[1]) == "a\ufffdb\ufffd"
    assert b"".join(write_text(recording)) == b"a\xffb\xf0\x9f"


def test_sizes_and_the_end_stand_where_they_came(tmp_path: Path) -> None:
    steps = ((80, 24), b"one", (80, 24), (90, 25), b"two", (100, 26), {"exit_code": None, "signal": 9})
    header, events = replay(record(tmp_path, *steps))
    assert (header["term"]["cols"], header["term"]["rows"]) == (80, 24)
    assert events == [("o", "one"), ("r", "90x25"), ("o", "two"), ("r", "100x26"), ("x", "137")]


@pytest.mark.parametrize(("exit", "told"), [({"exit_code": 0}, "0"), ({"exit_code": 3, "signal": None}, "3")])
def test_the_exit_status_is_told(tmp_path: Path, exit: dict[str, object], told: str) -> None:
    assert replay(record(tmp_path, b"x", exit))[1][-1] == ("x", told)


def test_a_tape_whose_beginning_is_gone_begins_with_the_size_of_then(tmp_path: Path) -> None:
    steps = [(80, 24), b"a" * 64, (90, 25), b"b" * 64, (100, 26), b"c" * 64, b"d" * 64]
    recording = record(tmp_path, *steps, cap=128, segment=64)
    start, end = recording.tape.span()
    assert start > 64
    header, events = replay(recording)
    kept = ("a" * 64 + "b" * 64 + "c" * 64 + "d" * 64)[start:end]
    assert "".join(data for code, data in events if code == "o") == kept
    before = [size for size, at in (((80, 24), 0), ((90, 25), 64), ((100, 26), 128)) if at < start]
    assert (header["term"]["cols"], header["term"]["rows"]) == before[-1]
    sizes = [data for code, data in events if code == "r"]
    assert sizes == (["100x26"] if before[-1] != (100, 26) else [])
