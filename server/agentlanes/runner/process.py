"""One process of the lane as the runner holds it: its streams, its input, and how far its end has come."""

from __future__ import annotations

import contextlib
import os

from agentlanes.runner.inbox import Inbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentlanes.runner.loop import Watch
    from agentlanes.runner.tape import Writer


class Stream:
    """One output of a process: a descriptor that is read into a tape."""

    __slots__ = (
        "calm_since",
        "fd",
        "held",
        "held_since",
        "hot_until",
        "name",
        "process",
        "spent",
        "stalled",
        "tape",
        "watch",
        "window_bytes",
        "window_start",
    )

    def __init__(self, process: Process, name: str, fd: int, tape: Writer) -> None:
        self.process = process
        self.name = name
        self.fd: int | None = fd
        self.tape = tape
        self.watch: Watch | None = None
        self.stalled: str | None = None
        """Why it is not read at all."""
        self.held = False
        """It is read only in the ticks of the byte budget."""
        self.held_since = 0.0
        self.calm_since = float("-inf")
        """When it was held last; it is not reported as throttled again and again for a short pause."""
        self.hot_until = 0.0
        self.spent = 0
        self.window_start = 0.0
        self.window_bytes = 0

    @property
    def open(self) -> bool:
        return self.fd is not None

    def close(self) -> None:
        if self.watch is not None:
            self.watch.end()
            self.watch = None
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        self.held = False
        self.tape.close()

    def report(self) -> dict[str, object]:
        return {"start": self.tape.start, "end": self.tape.end, "open": self.open, "stalled": self.stalled}


class Process:
    """A child of the runner, from its start until its end is forgotten."""

    def __init__(self, process_id: str, pid: int, start: int, spawned_at: float, *, sweep_on_exit: bool) -> None:
        self.id = process_id
        self.pid = pid
        self.start = start
        """Start time, see `table`."""
        self.spawned_at = spawned_at
        self.exited_at: float | None = None
        self.sweep_on_exit = sweep_on_exit
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.streams: dict[str, Stream] = {}
        self.inbox = Inbox()
        self.sent: Writer | None = None
        """Tape of the numbered writes."""
        self.stdin: int | None = None
        """Our end of the stdin pipe; None for a terminal, and once closed."""
        self.stdin_watch: Watch | None = None
        self.stdin_closing = False
        self.size: tuple[int, int] | None = None
        """Columns and rows of a terminal."""
        self.typed_at = float("-inf")
        self.throttled = False
        self.stopping = False
        self.sweeping = False
        self.swept: tuple[int, list[int]] | None = None
        """How many were killed of what it left behind, and the pids that would not die."""
        self.breach: dict[str, object] | None = None
        """The limit for which it is ended, with the numbers."""
        self.forgotten = False
        """A server has recorded its end."""

    @property
    def running(self) -> bool:
        return self.exited_at is None

    @property
    def settled(self) -> bool:
        """Nothing of it needs the runner any more."""
        return not self.running and not self.sweeping and not any(stream.open for stream in self.streams.values())

    @property
    def terminal(self) -> Stream | None:
        return self.streams.get("pty")

    @property
    def input_fd(self) -> int | None:
        """Where input is written; None if nothing can be written any more."""
        if self.terminal is not None:
            return self.terminal.fd
        return self.stdin

    def record(self, data: bytes, n: int) -> None:
        """Keep a numbered write, and how far the output was when it came: so the order of both can be told later."""
        if self.sent is None:
            return
        self.sent.note("write", n=n, out=self.streams["out"].tape.end)
        self.sent.append(memoryview(data))

    def close_stdin(self) -> None:
        """Close the stdin pipe, with what waits in it. A terminal keeps its one descriptor."""
        self.inbox.discard()
        self.stdin_closing = True
        if self.sent is not None:
            self.sent.close()
        if self.stdin_watch is not None:
            self.stdin_watch.end()
            self.stdin_watch = None
        if self.stdin is not None:
            with contextlib.suppress(OSError):
                os.close(self.stdin)
            self.stdin = None

    def ends(self) -> dict[str, int]:
        return {name: stream.tape.end for name, stream in self.streams.items()}

    def report(self) -> dict[str, object]:
        cols, rows = self.size or (None, None)
        return {
            "process_id": self.id,
            "pid": self.pid,
            "state": "running" if self.running else "exited",
            "exit_code": self.exit_code,
            "signal": self.signal,
            "breach": self.breach,
            "streams": {name: stream.report() for name, stream in self.streams.items()},
            "last_n": self.inbox.last_n,
            "pty": self.size is not None,
            "cols": cols,
            "rows": rows,
            "throttled": self.throttled,
            "stopping": self.stopping,
            "sweeping": self.sweeping,
            "swept": {"killed": self.swept[0], "left": self.swept[1]} if self.swept is not None else None,
            "spawned_at": self.spawned_at,
            "exited_at": self.exited_at,
        }
