"""Tapes: append-only bytes of one process stream, addressed by offset, in segment files.

A tape is a folder of `<20-digit start offset>.seg` files that follow each other without a hole, and `index.jsonl`,
which says when (`t`, epoch ms) the byte at an offset (`o`) came, what size the terminal had from there, and how it
ended.

The writer is the runner; readers are anybody, at the same time, without a lock: a byte is readable once the file's size
covers it, a full segment never changes, and segments are dropped oldest first. The server imports `Reader`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time

SEGMENT_SUFFIX = ".seg"
INDEX_NAME = "index.jsonl"
MARK_INTERVAL = 0.2
INDEX_LIMIT = 1 << 20

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Limit:
    """How much of a tape is kept: see TapeLimit of the server's port for what the fields mean."""

    __slots__ = ("cap_bytes", "lossless", "segment_bytes")

    def __init__(self, cap_bytes: int, segment_bytes: int, lossless: bool) -> None:
        self.cap_bytes = cap_bytes
        self.segment_bytes = segment_bytes
        self.lossless = lossless


def segment_name(start: int) -> str:
    return f"{start:020d}{SEGMENT_SUFFIX}"


def list_segments(folder: str) -> list[int]:
    """Start offsets of the segments that exist, ascending; empty if there is no tape."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(int(name[:20]) for name in names if name.endswith(SEGMENT_SUFFIX) and name[:20].isdigit())


class Writer:
    """The appending side. It never raises for a disk: what cannot be written waits in memory, and `fault` says why.

    The owner must stop feeding it while `fault` is set or `room` is used up, and call `retry` from time to time.
    """

    def __init__(self, folder: str, limit: Limit) -> None:
        self.folder = folder
        self.limit = limit
        self.fault: str | None = None
        self._fd: int | None = None
        self._fill = 0
        self._pending = bytearray()
        self._notes: list[dict[str, object]] = []
        self._marked = 0.0
        self._index_bytes = 0
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._starts = list_segments(folder)
        self.end = 0
        if self._starts:
            self.end = self._starts[-1] + os.stat(os.path.join(folder, segment_name(self._starts[-1]))).st_size
        self.released = self.start

    @property
    def start(self) -> int:
        return self._starts[0] if self._starts else self.end

    @property
    def room(self) -> int | None:
        """Bytes that a lossless tape may still take until the reader releases some; None where nothing bounds it."""
        if not self.limit.lossless:
            return None
        return max(0, self.limit.cap_bytes - (self.end + len(self._pending) - self.released))

    def append(self, data: memoryview) -> None:
        self._mark()
        if self.fault is None:
            self._write(data)
        else:
            self._pending += data

    def retry(self) -> bool:
        """Try again to write what waits; true if nothing waits any more."""
        waiting = self._pending
        self._pending = bytearray()
        self.fault = None
        self._write(memoryview(waiting))
        return self.fault is None

    def release(self, offset: int) -> None:
        """The reader of a lossless tape needs nothing before `offset`. Offsets never go back."""
        self.released = max(self.released, min(offset, self.end))
        self._drop()

    def note(self, kind: str, **fields: object) -> None:
        """Add a line to the index, at the tape's end. What the disk refuses is written with the next line."""
        self._notes.append({"t": int(time.time() * 1000), "o": self.end, "k": kind, **fields})
        lines = b"".join(json.dumps(note, separators=(",", ":")).encode() + b"\n" for note in self._notes)
        try:
            fd = os.open(
                os.path.join(self.folder, INDEX_NAME), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600
            )
        except OSError:
            return
        try:
            size = os.fstat(fd).st_size
            written = os.write(fd, lines)
            if written < len(lines):
                os.ftruncate(fd, size)
                return
        except OSError:
            return
        finally:
            os.close(fd)
        self._notes.clear()
        self._index_bytes += len(lines)
        if self._index_bytes > INDEX_LIMIT:
            self._thin_index()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, data: memoryview) -> None:
        while data:
            try:
                if self._fd is None or self._fill >= self.limit.segment_bytes:
                    self._roll()
                assert self._fd is not None
                count = os.write(self._fd, data[: self.limit.segment_bytes - self._fill])
            except OSError as error:
                self._pending += data
                self.fault = "disk_full" if error.errno in _DISK_FULL else "tape_unwritable"
                return
            data = data[count:]
            self._fill += count
            self.end += count

    def _roll(self) -> None:
        path = os.path.join(self.folder, segment_name(self.end))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        try:
            fd = os.open(path, flags, 0o600)
        except FileNotFoundError:
            # Somebody deleted the tape's folder. What was in it is gone; what comes now is kept.
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            fd = os.open(path, flags, 0o600)
        self.close()
        self._fd = fd
        self._fill = 0
        if self.end not in self._starts[-1:]:
            self._starts.append(self.end)
        self._drop()

    def _drop(self) -> None:
        before = self.start
        while len(self._starts) > 1:
            if self.limit.lossless:
                if self._starts[1] > self.released:
                    break
            elif self.end - self._starts[0] + self.limit.segment_bytes <= self.limit.cap_bytes:
                break
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, segment_name(self._starts[0])))
            del self._starts[0]
        if self.start > before and not self.limit.lossless:
            self.note("skipped", to=self.start)

    def _mark(self) -> None:
        now = time.monotonic()
        if now - self._marked >= MARK_INTERVAL:
            self._marked = now
            self.note("mark")

    def _thin_index(self) -> None:
        """Halve the time marks and forget what retention dropped, so that a long life has a bounded index."""
        path = os.path.join(self.folder, INDEX_NAME)
        try:
            with open(path, "rb") as index:
                lines = index.readlines()
            kept = []
            odd = False
            for line in lines:
                if b'"k":"mark"' in line:
                    odd = not odd
                    if odd or json.loads(line)["o"] < self.start:
                        continue
                elif b'"k":"write"' in line and json.loads(line)["o"] < self.start:
                    continue
                kept.append(line)
            with open(path + ".new", "wb") as index:
                index.writelines(kept)
            os.replace(path + ".new", path)
        except (OSError, ValueError):
            # The index only tells when; it may stay as it is until the disk allows.
            self._index_bytes = 0
            return
        self._index_bytes = sum(map(len, kept))


class Chunk:
    """Bytes of a tape. `skipped` bytes before `offset` were asked for and are gone."""

    __slots__ = ("data", "offset", "skipped")

    def __init__(self, offset: int, data: bytes, skipped: int) -> None:
        self.offset = offset
        self.data = data
        self.skipped = skipped


class Reader:
    """The reading side: one open segment at most, no state shared with the writer but the files."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._fd: int | None = None
        self._start = 0

    def span(self) -> tuple[int, int]:
        """First offset that is kept, and the end; (0, 0) if there is no such tape."""
        while True:
            starts = list_segments(self.folder)
            if not starts:
                return 0, 0
            try:
                return starts[0], starts[-1] + os.stat(os.path.join(self.folder, segment_name(starts[-1]))).st_size
            except FileNotFoundError:
                if not os.path.isdir(self.folder):
                    return 0, 0

    def read(self, offset: int, limit: int) -> Chunk:
        """At most `limit` bytes from `offset`; empty at the end. Where retention was faster, from the first kept."""
        asked = offset
        while True:
            data = self._pread(offset, limit)
            if data:
                return Chunk(offset, data, offset - asked)
            # The open segment ends here, or it is another one that holds the offset. Segments follow each other, so
            # the next one is named by this offset, unless it does not exist yet or was dropped already.
            if self._open(offset):
                continue
            found = self._seek(offset)
            if found is None:
                return Chunk(asked, b"", 0)
            offset = found

    def marks(self) -> list[dict[str, object]]:
        """The index, oldest first. A line that is being written, or was cut by a crash, is left out."""
        try:
            with open(os.path.join(self.folder, INDEX_NAME), "rb") as index:
                lines = index.read().split(b"\n")
        except FileNotFoundError:
            return []
        marks = []
        for line in lines[:-1]:
            with contextlib.suppress(ValueError):
                mark = json.loads(line)
                if isinstance(mark, dict):
                    marks.append(mark)
        return marks

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pread(self, offset: int, limit: int) -> bytes:
        if self._fd is None or offset < self._start:
            return b""
        return os.pread(self._fd, limit, offset - self._start)

    def _open(self, start: int) -> bool:
        if self._fd is not None and self._start == start:
            return False
        try:
            fd = os.open(os.path.join(self.folder, segment_name(start)), os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        self.close()
        self._fd = fd
        self._start = start
        return True

    def _seek(self, offset: int) -> int | None:
        """Where reading can go on when no segment begins at `offset`: there, further on, or (None) nowhere yet.

        A directory listing is not atomic: a segment that is made or dropped meanwhile may be missing from it. One that
        is complete before the listing begins and still there after it is never missing, so a hole is believed only
        when a second listing shows it too.
        """
        hole: int | None = None
        while True:
            starts = list_segments(self.folder)
            before = [start for start in starts if start <= offset]
            after = [start for start in starts if start > offset]
            if before and self._holds(before[-1], offset):
                return offset
            if not after:
                return None
            if hole == after[0]:
                self._open(hole)
                return hole
            hole = after[0]

    def _holds(self, start: int, offset: int) -> bool:
        if self._fd is None or self._start != start:
            self._open(start)
        return bool(self._pread(offset, 1)) if self._start == start else False


class Sizes:
    """The resizes in a tape's index, followed while the runner adds to it.

    A resize stands in the index before any byte that follows it is on the tape. So who looks at the tape's end first,
    and here then, knows every resize before that end.
    """

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, INDEX_NAME)
        self._file: tuple[int, int] | None = None
        self._read = 0
        self._resizes: list[tuple[int, int, int]] = []

    def look(self) -> None:
        """Take in what was added."""
        try:
            with open(self._path, "rb") as index:
                status = os.fstat(index.fileno())
                if self._file != (status.st_dev, status.st_ino):
                    # A thinned index is another file; its resizes are the same.
                    self._file, self._read, self._resizes = (status.st_dev, status.st_ino), 0, []
                if status.st_size == self._read:
                    return
                index.seek(self._read)
                lines = index.read().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines[:-1]:
            self._read += len(line) + 1
            if b'"k":"resize"' in line:
                with contextlib.suppress(ValueError, KeyError):
                    note = json.loads(line)
                    self._resizes.append((int(note["o"]), int(note["cols"]), int(note["rows"])))

    def find_next(self, known: int) -> tuple[int, int, int] | None:
        """The resize after the first `known`: its offset, columns and rows."""
        return self._resizes[known] if known < len(self._resizes) else None
