"""One process, run to its end in a thread.

Not with asyncio's own subprocesses: on uvloop each of them forks the server's whole address space in the loop's thread
(5 ms against 2 ms here one after the other, and 5 ms against 0.7 ms when many start at once).
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field

_CHUNK = 1 << 18
_STDERR_KEPT = 4000


class Ending(Struct, frozen=True):
    """How a process ended. Nothing of it, nor of its group, runs any more."""

    code: int
    out: bytes
    complaints: bytes
    """The last part of what it wrote to stderr."""
    cut: bool = False
    """Its output passed `max_output`; it was stopped there."""
    late: bool = False
    """It was stopped because its time was over."""


class Child(Struct):
    """A process to be. `source` and `sink` are descriptors that take the place of pipes; they are closed here."""

    command: Sequence[str | bytes]
    environment: Mapping[str, str]
    folder: Path
    seconds: float
    stdin: bytes = b""
    max_output: int | None = None
    source: int | None = None
    sink: int | None = None
    _process: subprocess.Popen[bytes] | None = None
    _stopped: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """Makes `run` return soon, in whatever thread it is. May come before `run`."""
        with self._guard:
            self._stopped = True
            self._kill()

    def run(self) -> Ending | None:
        """Blocks until the process ended; None where it was stopped before it began. Raises OSError."""
        try:
            with self._guard:
                if self._stopped:
                    return None
                process = self._process = self._start()
        finally:
            for descriptor in (self.source, self.sink):
                if descriptor is not None:
                    os.close(descriptor)
        with process:
            try:
                return self._exchange(process)
            finally:
                with self._guard:
                    self._kill()

    def _start(self) -> subprocess.Popen[bytes]:
        fed = subprocess.PIPE if self.stdin else subprocess.DEVNULL
        return subprocess.Popen(
            self.command,
            stdin=fed if self.source is None else self.source,
            stdout=subprocess.PIPE if self.sink is None else self.sink,
            stderr=subprocess.PIPE,
            env=self.environment,
            cwd=self.folder,
            start_new_session=True,
            bufsize=0,
        )

    def _kill(self) -> None:
        # Until it is reaped, the process still owns its group's number.
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _exchange(self, process: subprocess.Popen[bytes]) -> Ending:
        deadline = time.monotonic() + self.seconds
        out, complaints = bytearray(), bytearray()
        cut = late = False
        waiting = memoryview(self.stdin)
        with selectors.PollSelector() as selector:
            for stream, event in (
                (process.stdin, selectors.EVENT_WRITE),
                (process.stdout, selectors.EVENT_READ),
                (process.stderr, selectors.EVENT_READ),
            ):
                if stream is not None:
                    os.set_blocking(stream.fileno(), False)
                    selector.register(stream, event)
            while selector.get_map() and not (cut or late):
                ready = selector.select(deadline - time.monotonic())
                late = time.monotonic() >= deadline
                for key, _ in ready:
                    if key.fileobj is process.stdin:
                        # A process that ends before it read everything says why by its exit code.
                        try:
                            waiting = waiting[os.write(key.fd, waiting[:_CHUNK]) :]
                        except BrokenPipeError:
                            waiting = memoryview(b"")
                        if not waiting:
                            selector.unregister(key.fileobj)
                            process.stdin.close()
                        continue
                    read = os.read(key.fd, _CHUNK)
                    if not read:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is process.stdout:
                        out += read
                        cut = self.max_output is not None and len(out) > self.max_output
                    else:
                        complaints = (complaints + read)[-_STDERR_KEPT:]
        if not (cut or late):
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                late = True
        with self._guard:
            self._kill()
        code = process.wait()
        return Ending(code, bytes(out[: self.max_output]), bytes(complaints), cut=cut, late=late)
