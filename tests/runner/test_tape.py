"""Tapes: what was appended is read at its offset, whole and once, while the writer goes on."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlanes.runner import tape
from agentlanes.runner.tape import Limit, Reader, Writer, list_segments
from runner.rig import make_folder

_NOISE = random.Random(7).randbytes(1 << 20)


def content(offset: int, size: int) -> bytes:
    """The bytes that every test tape holds at an offset: any chunk can be checked by itself."""
    return _NOISE[offset : offset + size]


def append(writer: Writer, size: int) -> None:
    writer.append(memoryview(content(writer.end, size)))


@pytest.fixture
def folder() -> Iterator[Path]:
    with make_folder() as folder:
        yield folder / "tape"


def read_all(folder: Path) -> bytes:
    with Reader(str(folder)) as reader:
        data = b""
        while chunk := reader.read(len(data), 1 << 20).data:
            data += chunk
        return data


class InterruptedOs:
    """`os` as the tape module sees it: before every call that touches files, somebody else may have done something."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt

    def __getattr__(self, name: str) -> Any:
        call = getattr(os, name)
        if name not in ("open", "pread", "listdir", "stat"):
            return call

        def interrupted(*arguments: Any, **options: Any) -> Any:
            self._interrupt()
            return call(*arguments, **options)

        return interrupted


SIZES = st.integers(min_value=1, max_value=40)


@given(
    segment=st.integers(min_value=1, max_value=24),
    segments=st.integers(min_value=1, max_value=5),
    lossless=st.booleans(),
    steps=st.lists(st.tuples(st.integers(0, 2), SIZES), max_size=40),
    meanwhile=st.lists(st.lists(SIZES, max_size=3), max_size=200),
)
@settings(max_examples=400, deadline=None)
def test_attaching_while_it_grows_has_no_gap_and_no_repeat(
    segment: int, segments: int, lossless: bool, steps: list[tuple[int, int]], meanwhile: list[list[int]]
) -> None:
    """Three readers, each with its own offset; between any two system calls of a read the tape may grow and roll."""
    with make_folder() as folder, pytest.MonkeyPatch.context() as patch:
        writer = Writer(str(folder), Limit(segment * segments, segment, lossless))
        turns = iter(meanwhile)
        interrupting = False

        def grow() -> None:
            nonlocal interrupting
            if interrupting:
                return
            interrupting = True
            for size in next(turns, ()):
                append(writer, size)
                if lossless:
                    writer.release(writer.end - size)
            interrupting = False

        readers = [Reader(str(folder)) for _ in range(3)]
        offsets = [0, 0, 0]
        patch.setattr(tape, "os", InterruptedOs(grow))
        for who, size in steps:
            if size % 3 == 0:
                interrupting = True
                append(writer, size)
                interrupting = False
            chunk = readers[who].read(offsets[who], size)
            assert chunk.offset == offsets[who] + chunk.skipped
            assert chunk.data == content(chunk.offset, len(chunk.data))
            assert chunk.data or chunk.skipped == 0
            assert len(chunk.data) <= size
            offsets[who] = chunk.offset + len(chunk.data)
            assert offsets[who] <= writer.end
        interrupting = True
        for who, reader in enumerate(readers):
            # Nothing moves any more, so that each reader arrives at the end.
            while chunk := reader.read(offsets[who], 64):
                assert chunk.data == content(chunk.offset, len(chunk.data))
                if not chunk.data:
                    break
                offsets[who] = chunk.offset + len(chunk.data)
            assert offsets[who] == writer.end
            reader.close()
        start, end = Reader(str(folder)).span()
        assert (start, end) == (writer.start, writer.end)
        writer.close()


@given(sizes=st.lists(st.integers(1, 300), max_size=30), segment=st.integers(1, 64), segments=st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_retention_keeps_the_newest_within_the_cap(sizes: list[int], segment: int, segments: int) -> None:
    with make_folder() as folder:
        cap = segment * segments
        writer = Writer(str(folder), Limit(cap, segment, lossless=False))
        for size in sizes:
            append(writer, size)
        starts = list_segments(str(folder))
        files = sum(path.stat().st_size for path in folder.glob("*.seg"))
        assert files == writer.end - writer.start
        assert files <= max(cap, segment)
        assert writer.end - writer.start >= min(writer.end, cap - segment)
        assert starts == sorted(starts)
        writer.close()


def test_a_reader_before_the_first_kept_byte_is_told_what_it_misses(folder: Path) -> None:
    writer = Writer(str(folder), Limit(cap_bytes=400, segment_bytes=100, lossless=False))
    append(writer, 1000)
    with Reader(str(folder)) as reader:
        chunk = reader.read(50, 1000)
        assert (chunk.offset, chunk.skipped) == (600, 550)
        assert chunk.data == content(600, 100)
        assert {mark["to"] for mark in reader.marks() if mark["k"] == "skipped"} == {100 * n for n in range(1, 7)}
    writer.close()


def test_a_reader_at_the_end_or_beyond_gets_nothing(folder: Path) -> None:
    writer = Writer(str(folder), Limit(400, 100, lossless=False))
    with Reader(str(folder)) as reader:
        assert (reader.read(0, 10).data, reader.span()) == (b"", (0, 0))
        append(writer, 100)
        assert (reader.read(100, 10).data, reader.read(100, 10).offset) == (b"", 100)
        assert (reader.read(700, 10).data, reader.read(700, 10).offset) == (b"", 700)
        assert reader.read(99, 10).data == content(99, 1)
    writer.close()


def test_a_reader_of_no_tape_gets_nothing(folder: Path) -> None:
    with Reader(str(folder / "nothing")) as reader:
        assert (reader.read(0, 10).data, reader.span(), reader.marks()) == (b"", (0, 0), [])


def test_a_lossless_tape_drops_only_what_was_released(folder: Path) -> None:
    writer = Writer(str(folder), Limit(cap_bytes=250, segment_bytes=100, lossless=True))
    append(writer, 230)
    assert writer.room == 20
    append(writer, 50)
    assert (writer.room, writer.start) == (0, 0)
    writer.release(199)
    assert (writer.room, writer.start) == (169, 100)
    writer.release(120)
    assert (writer.room, writer.start) == (169, 100)
    writer.release(10_000)
    assert (writer.room, writer.start) == (250, 200)
    writer.close()


class FullDisk:
    """`os` with a disk that takes so many more bytes, and a part of a write where it ends within one."""

    def __init__(self, free: int) -> None:
        self.free = free

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, fd: int, data: bytes) -> int:
        if not self.free:
            raise OSError(28, "No space left on device")
        count = os.write(fd, data[: self.free])
        self.free -= count
        return count


def test_nothing_is_lost_on_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(free=400)
    monkeypatch.setattr(tape, "os", disk)
    writer = Writer(str(folder), Limit(1 << 20, 100, lossless=False))
    append(writer, 230)
    writer.append(memoryview(content(230, 500)))
    end = writer.end
    assert 230 < end < 400
    assert not writer.retry()
    assert writer.fault == "disk_full"
    # The last reads of a process that has ended may still come.
    writer.append(memoryview(content(730, 70)))
    assert read_all(folder) == content(0, end)
    disk.free = 100
    assert not writer.retry()
    assert end < writer.end < 730
    disk.free = 10_000
    assert writer.retry()
    assert read_all(folder) == content(0, 800)
    writer.close()


def test_the_index_survives_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(free=0)
    writer = Writer(str(folder), Limit(1 << 20, 100, lossless=False))
    writer.note("resize", cols=80, rows=24)
    monkeypatch.setattr(tape, "os", disk)
    writer.note("resize", cols=100, rows=30)
    disk.free = 20
    writer.note("resize", cols=101, rows=31)
    with Reader(str(folder)) as reader:
        assert [mark["cols"] for mark in reader.marks()] == [80]
        disk.free = 10_000
        writer.note("exit", exit_code=0, signal=None)
        assert [mark["k"] for mark in reader.marks()] == ["resize", "resize", "resize", "exit"]


def test_a_tape_whose_folder_was_deleted_goes_on(folder: Path) -> None:
    writer = Writer(str(folder), Limit(1 << 20, 100, lossless=False))
    append(writer, 150)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    append(writer, 150)
    assert writer.fault is None
    with Reader(str(folder)) as reader:
        chunk = reader.read(0, 1000)
        assert (chunk.offset, chunk.data) == (200, content(200, 100))
    writer.close()


def test_the_index_of_a_long_life_stays_small(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "INDEX_LIMIT", 4096)
    monkeypatch.setattr(tape, "MARK_INTERVAL", 0.0)
    writer = Writer(str(folder), Limit(1 << 20, 1 << 16, lossless=False))
    for number in range(2000):
        append(writer, 3)
        if number % 500 == 0:
            writer.note("resize", cols=number + 1, rows=1)
    assert (folder / "index.jsonl").stat().st_size <= 4096 + 100
    with Reader(str(folder)) as reader:
        marks = reader.marks()
    assert [mark["cols"] for mark in marks if mark["k"] == "resize"] == [1, 501, 1001, 1501]
    offsets = [int(str(mark["o"])) for mark in marks]
    assert offsets == sorted(offsets)
    writer.close()


def test_a_cut_line_of_the_index_is_passed_over(folder: Path) -> None:
    writer = Writer(str(folder), Limit(1 << 20, 100, lossless=False))
    writer.note("resize", cols=80, rows=24)
    with (folder / "index.jsonl").open("ab") as index:
        index.write(b'{"t":1,"o":')
    with Reader(str(folder)) as reader:
        assert [mark["k"] for mark in reader.marks()] == ["resize"]
