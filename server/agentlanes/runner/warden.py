"""What a process and all below it take of memory and cpu: measured when somebody asks, and held to a limit where there
is one.

Sampled from /proc, because cgroups are delegated to hardly anybody's shell. Nothing is looked at while nobody asks and
nothing is limited. Resident memory counts shared pages once per process, so before anything is ended for it the
proportional size decides, which costs a walk over its mappings.
"""

from __future__ import annotations

import collections
import os
import sys
import time

from agentlanes.runner.table import Hunt
from agentlanes.runner.wire import PROCESS_MARKER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentlanes.runner.loop import Loop, Timer
    from agentlanes.runner.process import Process
    from agentlanes.runner.table import Entry

AVAILABLE = sys.platform == "linux"
EVERY = 1.0
CPU_WINDOW = 10.0
"""Seconds over which cpu counts: compiling for a moment on every processor is no reason to end an agent."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage:
    """What a tree of processes takes: `cpu` in seconds since its processes began, `memory` in bytes."""

    __slots__ = ("count", "cpu", "entries", "memory")

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.count = 0
        self.cpu = 0.0
        self.memory = 0
        for entry in entries:
            found = _read_usage(entry.pid)
            if found is not None:
                self.count += 1
                self.cpu += found[0] / _TICKS
                self.memory += found[1] * _PAGE

    def read_proportional(self) -> int:
        """Bytes with each shared page counted in parts; resident bytes where the system does not tell."""
        return sum(_read_proportional(entry.pid) for entry in self.entries)


class Limit:
    """What a process may take, and what it took lately."""

    __slots__ = ("cpu_percent", "cpu_window", "every", "memory", "samples")

    def __init__(self, memory: int | None, cpu_percent: int | None, cpu_window: float, every: float) -> None:
        self.memory = memory
        self.cpu_percent = cpu_percent
        self.cpu_window = cpu_window
        self.every = every
        self.samples: collections.deque[tuple[float, float]] = collections.deque()

    def judge(self, usage: Usage, now: float) -> dict[str, object] | None:
        """What is exceeded, with the numbers; None if nothing is."""
        if self.memory is not None and usage.memory > self.memory:
            used = usage.read_proportional()
            if used > self.memory:
                return {"limit": "memory_limit_mb", "value": self.memory >> 20, "used": -(-used >> 20)}
        if self.cpu_percent is None:
            return None
        self.samples.append((now, usage.cpu))
        while len(self.samples) > 1 and self.samples[1][0] <= now - self.cpu_window:
            self.samples.popleft()
        since, before = self.samples[0]
        if now - since < self.cpu_window:
            return None
        # What was ended meanwhile took its share along.
        percent = max(0.0, usage.cpu - before) / (now - since) * 100
        if percent <= self.cpu_percent:
            return None
        return {
            "limit": "cpu_limit_percent",
            "value": self.cpu_percent,
            "used": round(percent),
            "window_ms": round((now - since) * 1000),
        }


class Warden:
    """Looks at what is limited, as often as its limit says. `exceeded` ends the process."""

    def __init__(self, loop: Loop, home: str, exceeded: Callable[[Process, dict[str, object]], None]) -> None:
        self._loop = loop
        self._home = home
        self._exceeded = exceeded
        self._limits: dict[Process, Limit] = {}
        self._timers: dict[Process, Timer] = {}

    def measure(self, process: Process) -> Usage:
        hunt = Hunt(
            self._home,
            markers=frozenset((f"{PROCESS_MARKER}={process.id}",)),
            since=process.start,
            roots={process.pid: process.start},
            reaper=os.getpid(),
        )
        return Usage(hunt.find())

    def limit(self, process: Process, limit: Limit | None) -> None:
        """Hold a process to a limit from now on, or to none."""
        self.forget(process)
        if limit is not None:
            self._limits[process] = limit
            self._timers[process] = self._loop.later(0, lambda: self._look(process))

    def is_limited(self, process: Process) -> bool:
        return process in self._limits

    def forget(self, process: Process) -> None:
        self._limits.pop(process, None)
        timer = self._timers.pop(process, None)
        if timer is not None:
            timer.cancel()

    def _look(self, process: Process) -> None:
        limit = self._limits[process]
        breach = limit.judge(self.measure(process), time.monotonic())
        if breach is None:
            self._timers[process] = self._loop.later(limit.every, lambda: self._look(process))
            return
        self.forget(process)
        self._exceeded(process, breach)


def _read_usage(pid: int) -> tuple[int, int] | None:
    """Ticks of cpu, of children that it waited for too, and resident pages."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            content = stat.read(1024)
    except OSError:
        return None
    fields = content[content.rfind(b")") + 2 :].split()
    if len(fields) < 22:
        return None
    return sum(map(int, fields[11:15])), max(0, int(fields[21]))


def _read_proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb", buffering=0) as maps:
            for line in maps.read(8192).split(b"\n"):
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    found = _read_usage(pid)
    return found[1] * _PAGE if found is not None else 0
