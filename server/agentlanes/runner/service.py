"""What a server may ask of a runner: each request is checked here and done by the lane."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import termios
import time

from agentlanes.runner.lane import Lane
from agentlanes.runner.spawn import Start
from agentlanes.runner.stop import signal_foreground
from agentlanes.runner.tape import Limit, Writer
from agentlanes.runner.warden import AVAILABLE, CPU_WINDOW, EVERY
from agentlanes.runner.warden import Limit as ResourceLimit
from agentlanes.runner.wire import LANE_MARKER, PROCESS_MARKER, STATE_MARKER, SUPPORTED, RefusedError, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentlanes.runner.process import Process

TAPE_LIMITS = {
    "pty": Limit(cap_bytes=64 << 20, segment_bytes=4 << 20, lossless=False),
    "out": Limit(cap_bytes=256 << 20, segment_bytes=4 << 20, lossless=True),
    "err": Limit(cap_bytes=256 << 10, segment_bytes=64 << 10, lossless=False),
    "in": Limit(16 << 20, 4 << 20, lossless=False),
}
FEATURES = ["limit", "measure"] if AVAILABLE else []
"""What a runner of this protocol version may do beyond the first of its kind: a server asks for nothing else."""
MAX_CELLS = 10_000
MAX_GRACE_MS = 600_000
MAX_OFFSET = 1 << 62


class Service:
    """The operations by name. Every one may be asked twice."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._operations: dict[str, Callable[[Request], dict[str, object]]] = {
            "spawn": self._spawn,
            "write": self._write,
            "resize": self._resize,
            "signal": self._signal,
            "close_stdin": self._close_stdin,
            "stop": self._stop,
            "limit": self._limit,
            "measure": self._measure,
            "release": self._release,
            "forget": self._forget,
            "shutdown": self._shutdown,
        }

    def greet(self, request: Request) -> dict[str, object]:
        if request.has("lane_id") and request.text("lane_id") != self._lane.settings.lane_id:
            raise RefusedError("RUNNER_LANE_MISMATCH", f"this is the runner of {self._lane.settings.lane_id}")
        versions = request.fields.get("versions")
        common = [version for version in SUPPORTED if version in versions] if isinstance(versions, list) else []
        if not common:
            raise RefusedError(
                "RUNNER_VERSION_UNSUPPORTED",
                f"this runner speaks {list(SUPPORTED)}, the server {versions}",
                supported=list(SUPPORTED),
            )
        return {"version": max(common), "features": FEATURES, **self._lane.report()}

    def serve(self, request: Request) -> dict[str, object]:
        operation = self._operations.get(request.op) if isinstance(request.op, str) else None
        if operation is None:
            raise RefusedError("BAD_REQUEST", f"unknown op {request.op!r}")
        return operation(request)

    def _find(self, request: Request) -> Process:
        process_id = request.text("process_id")
        process = self._lane.processes.get(process_id)
        if process is None:
            if process_id in self._lane.told:
                raise RefusedError("PROCESS_ENDED", f"process {process_id} belonged to an earlier runner")
            raise RefusedError("PROCESS_UNKNOWN", f"no process {process_id}")
        return process

    def _find_running(self, request: Request) -> Process:
        process = self._find(request)
        if not process.running:
            raise RefusedError("PROCESS_ENDED", f"process {process.id} has ended")
        return process

    def _spawn(self, request: Request) -> dict[str, object]:
        lane = self._lane
        process_id = request.text("process_id")
        if not process_id or "/" in process_id or process_id.startswith("."):
            raise RefusedError("BAD_REQUEST", "process_id names a folder")
        if process_id in lane.processes:
            return lane.processes[process_id].report()
        if process_id in lane.told:
            return lane.told[process_id]
        if lane.ending:
            raise RefusedError("RUNNER_ENDING", "this runner was told to end")
        argv = request.texts("argv")
        if not argv or not argv[0]:
            raise RefusedError("BAD_REQUEST", "argv is empty")
        cwd = request.text("cwd")
        if not os.path.isabs(cwd):
            raise RefusedError("BAD_REQUEST", "cwd must be absolute")
        env = {
            **request.environment("env"),
            PROCESS_MARKER: process_id,
            LANE_MARKER: lane.settings.lane_id,
            STATE_MARKER: lane.settings.home,
        }
        pty = request.part("pty")
        size = None if pty is None else (pty.number("cols", 1, MAX_CELLS), pty.number("rows", 1, MAX_CELLS))
        limits = request.part("limits") or Request.of({})
        memory_bytes = limits.number("memory_bytes", 1, MAX_OFFSET) if limits.has("memory_bytes") else None
        cpu_seconds = limits.number("cpu_seconds", 1, 1 << 31) if limits.has("cpu_seconds") else None
        tape_limits = read_tape_limits(request.part("tapes") or Request.of({}))
        sweep_on_exit = request.flag("sweep_on_exit")
        try:
            start = Start(argv, cwd, env, memory_bytes, cpu_seconds, lane.settings.open_files, lane.settings.umask)
            tapes = {
                name: Writer(os.path.join(lane.settings.home, process_id, name), tape_limits[name])
                for name in (("out", "err", "in") if size is None else ("pty",))
            }
            return lane.spawn(process_id, start, size, tapes, sweep_on_exit=sweep_on_exit).report()
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "UNKNOWN")
            raise RefusedError("SPAWN_FAILED", str(error), errno=name, path=error.filename) from None

    def _write(self, request: Request) -> dict[str, object]:
        process = self._find(request)
        data = request.bytes("data")
        n = request.number("n", 1, MAX_OFFSET) if request.has("n") else None
        input_id = request.text("input_id") if request.has("input_id") else None
        if not process.inbox.is_repeat(n, input_id):
            if not process.running:
                raise RefusedError("PROCESS_ENDED", f"process {process.id} has ended")
            if process.input_fd is None or process.stdin_closing:
                raise RefusedError("STDIN_CLOSED", f"stdin of process {process.id} is closed")
            if process.inbox.accept(data, n, input_id) and n is not None:
                process.record(request.bytes("kept") if request.has("kept") else data, n)
            self._lane.type_in(process)
        return {"last_n": process.inbox.last_n, "waiting": process.inbox.size}

    def _resize(self, request: Request) -> dict[str, object]:
        process = self._find_running(request)
        stream = process.terminal
        if stream is None:
            raise RefusedError("NOT_A_TERMINAL", f"process {process.id} has no terminal")
        cols, rows = request.number("cols", 1, MAX_CELLS), request.number("rows", 1, MAX_CELLS)
        if process.size != (cols, rows) and stream.fd is not None:
            fcntl.ioctl(stream.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
            process.size = (cols, rows)
            stream.tape.note("resize", cols=cols, rows=rows)
            self._lane.record("resized", process_id=process.id, cols=cols, rows=rows)
        return {}

    def _signal(self, request: Request) -> dict[str, object]:
        process = self._find_running(request)
        signal_foreground(process, request.number("signal", 1, signal.NSIG - 1))
        return {}

    def _close_stdin(self, request: Request) -> dict[str, object]:
        process = self._find_running(request)
        if process.terminal is not None and process.terminal.fd is not None:
            end_of_file: bytes = termios.tcgetattr(process.terminal.fd)[6][termios.VEOF]
            process.inbox.accept(end_of_file, None, None)
        else:
            process.stdin_closing = True
        self._lane.deliver(process)
        return {}

    def _stop(self, request: Request) -> dict[str, object]:
        process = self._find(request)
        self._lane.stop(process, request.number("grace_ms", 0, MAX_GRACE_MS) / 1000)
        return {}

    def _limit(self, request: Request) -> dict[str, object]:
        process = self._find_running(request)
        memory = request.number("memory_mb", 1, 1 << 40) << 20 if request.has("memory_mb") else None
        cpu = request.number("cpu_percent", 1, 1 << 30) if request.has("cpu_percent") else None
        window = request.number("cpu_window_ms", 1, 1 << 31, round(CPU_WINDOW * 1000)) / 1000
        every = request.number("every_ms", 1, 1 << 31, round(EVERY * 1000)) / 1000
        limited = memory is not None or cpu is not None
        self._lane.limit(process, ResourceLimit(memory, cpu, window, every) if limited else None)
        return {}

    def _measure(self, request: Request) -> dict[str, object]:
        """Of those that run among the processes that are named."""
        usages = {}
        for process_id in request.texts("process_ids"):
            process = self._lane.processes.get(process_id)
            if process is not None and process.running:
                usage = self._lane.measure(process)
                usages[process_id] = {
                    "cpu_ms": round(usage.cpu * 1000),
                    "memory_bytes": usage.memory,
                    "processes": usage.count,
                    "uptime_ms": round((time.time() - process.spawned_at) * 1000),
                }
        return {"usages": usages}

    def _release(self, request: Request) -> dict[str, object]:
        process = self._find(request)
        stream = process.streams.get(request.text("stream"))
        if stream is None or not stream.tape.limit.lossless:
            raise RefusedError("BAD_REQUEST", "only a lossless tape is released")
        self._lane.release(stream, request.number("offset", 0, MAX_OFFSET))
        return {}

    def _forget(self, request: Request) -> dict[str, object]:
        process_id = request.text("process_id")
        process = self._lane.processes.get(process_id)
        if process is not None and process.running:
            raise RefusedError("BAD_REQUEST", f"process {process_id} runs")
        self._lane.forget(process_id)
        return {}

    def _shutdown(self, request: Request) -> dict[str, object]:
        self._lane.shut_down(request.number("grace_ms", 0, MAX_GRACE_MS) / 1000)
        return {}


def read_tape_limits(request: Request) -> dict[str, Limit]:
    """The limits of each stream: what the request gives, and the defaults of the others."""
    limits = dict(TAPE_LIMITS)
    for name in limits:
        part = request.part(name)
        if part is not None:
            segment = part.number("segment_bytes", 1, MAX_OFFSET)
            limits[name] = Limit(part.number("cap_bytes", segment, MAX_OFFSET), segment, part.flag("lossless"))
    return limits
