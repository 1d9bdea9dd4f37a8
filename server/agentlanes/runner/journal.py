"""The journal of a runner: what it started and how that ended, for a server that was away or comes after it.

JSON lines, appended one whole line at a time. A runner holds an exclusive flock on its journal for as long as it lives,
and the kernel lets go of it however the runner ends: a journal that can be locked belongs to a dead runner.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time

Record = dict[str, object]


class JournalBusyError(Exception):
    """Another runner lives on this journal."""


def lock_journal(path: str, *, create: bool) -> int:
    """Open and lock a journal. Raises JournalBusyError while a runner holds it, FileNotFoundError if there is none.

    Whoever holds the lock may delete the file, so it is checked that what was locked still is the file at this path.
    """
    while True:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | (os.O_CREAT if create else 0), 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(fd), os.stat(path)):
                return fd
        except BlockingIOError:
            os.close(fd)
            raise JournalBusyError(path) from None
        except FileNotFoundError:
            pass
        os.close(fd)


class Journal:
    """The writing side, on a locked file. A line that the disk refuses is kept and written before the next."""

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._path = path
        self._waiting: list[bytes] = []
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            # A runner died within a line, which nobody can read any more.
            self._waiting.append(b"\n")

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        """Lets go of the lock too."""
        os.close(self._fd)

    def append(self, kind: str, **fields: object) -> bool:
        """True if the line, and every one before it, is in the file."""
        record = {"k": kind, "t": int(time.time() * 1000), **fields}
        self._waiting.append(json.dumps(record, separators=(",", ":")).encode() + b"\n")
        return self.flush()

    def append_or_fail(self, kind: str, **fields: object) -> None:
        """Raises OSError, with nothing left to be written, where `append` would have kept the line."""
        if not self.append(kind, **fields):
            self._waiting.pop()
            raise OSError(28, "the journal cannot be written")

    def flush(self) -> bool:
        while self._waiting:
            line = self._waiting[0]
            size = os.fstat(self._fd).st_size
            try:
                if os.write(self._fd, line) < len(line):
                    os.ftruncate(self._fd, size)
                    return False
            except OSError:
                return False
            del self._waiting[0]
        return True

    def remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)


class Story:
    """What a journal tells, over all the runners that wrote it one after the other."""

    def __init__(self) -> None:
        self.lane_id = ""
        self.home = ""
        self.runner_pid = 0
        self.runner_start = 0
        self.boot_id = ""
        self.ended = True
        """The last runner ended in order, or none ever started."""
        self.processes: dict[str, Record] = {}
        """By process id, in the order of spawning: `pid`, `start`, `state`, and what else was recorded of each."""


def read_journal(path: str, *, alive: bool) -> Story:
    """Read a journal. Lines that are cut or unknown are passed over.

    Unless its runner is `alive`, a process whose end was not recorded is `lost`.
    """
    story = Story()
    try:
        with open(path, "rb") as journal:
            lines = journal.read().split(b"\n")
    except FileNotFoundError:
        return story
    for line in lines[:-1]:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            _tell(story, record)
    if not alive:
        _lose_running(story)
    return story


def _lose_running(story: Story) -> None:
    for process in story.processes.values():
        if process["state"] == "running":
            process["state"] = "lost"


def _tell(story: Story, record: Record) -> None:
    kind = record.get("k")
    process_id = str(record.get("process_id"))
    process = story.processes.get(process_id)
    if kind == "start":
        _lose_running(story)
        story.lane_id = str(record.get("lane_id"))
        story.home = str(record.get("home"))
        story.runner_pid = _number(record.get("pid"))
        story.runner_start = _number(record.get("start"))
        story.boot_id = str(record.get("boot_id"))
        story.ended = False
    elif kind == "end":
        story.ended = True
    elif kind == "spawning":
        # Between this line and `spawned` there may be a child that nobody knows the pid of.
        story.processes[process_id] = {
            "pid": None,
            "start": None,
            "state": "running",
            "exit_code": None,
            "signal": None,
            "breach": None,
            "last_n": 0,
            "spawned_at": _number(record.get("t")) / 1000,
            "exited_at": None,
            "pty": record.get("pty"),
            "cols": record.get("cols"),
            "rows": record.get("rows"),
        }
    elif kind in ("spawn_failed", "forgotten"):
        story.processes.pop(process_id, None)
    elif process is None:
        return
    elif kind == "spawned":
        process.update(pid=record.get("pid"), start=record.get("start"))
    elif kind == "resized":
        process.update(cols=record.get("cols"), rows=record.get("rows"))
    elif kind == "exited":
        process.update(
            state="exited",
            exit_code=record.get("exit_code"),
            signal=record.get("signal"),
            last_n=record.get("last_n"),
            sweeping=record.get("sweeping"),
            exited_at=_number(record.get("t")) / 1000,
        )

    elif kind == "breach":
        process.update(breach=record.get("breach"))
    elif kind == "sweeping":
        process.update(sweeping=True)
    elif kind == "swept":
        process.update(sweeping=False, swept={"killed": record.get("killed"), "left": record.get("left")})


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
