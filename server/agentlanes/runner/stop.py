"""Ending a process and everything that it started, whatever it does against it.

Close stdin, TERM to the group, KILL to the group, each after a grace; then a sweep over the process table for what
carries the marker or descends from it, until nothing is found twice. Some agents outlive a closed stdin, some of their
tools outlive the group (facts/agents.md 4.1), so no step is left out.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import termios
import time

from agentlanes.runner.table import Hunt
from agentlanes.runner.wire import LANE_MARKER, PROCESS_MARKER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentlanes.runner.loop import Loop, Timer
    from agentlanes.runner.process import Process

SWEEP_FOR = 10.0
SWEEP_PAUSE = 0.01
CHASES = 10
EMPTY_ROUNDS = 2
"""A process that forks while the table is read can be missed once."""


class Stopper:
    """Runs the steps for each process, and for the lane as a whole."""

    def __init__(self, loop: Loop, home: str, lane_id: str, swept: Callable[[Process, int, list[int]], None]) -> None:
        self._loop = loop
        self._home = home
        self._lane_id = lane_id
        self._swept = swept
        self.strays = 0
        """How many children were reaped that nobody had started here: orphans that ended. As long as the number moves,
        something may be forking and ending faster than a round finds it."""
        self._steps: dict[Process, Timer] = {}

    def stop(self, process: Process, grace: float) -> None:
        """Begin, or begin again with another grace."""
        process.stopping = True
        if process.terminal is None:
            process.close_stdin()
        else:
            self._hang_up(process)
        self._step(process, grace, lambda: self._terminate(process, grace))

    def end_now(self, process: Process) -> None:
        """Kill it without asking first: what it would do meanwhile is what it must not do."""
        process.stopping = True
        self.ended(process)
        self._kill(process)

    def ended(self, process: Process) -> None:
        """The process itself was reaped: its number may mean another one from now on."""
        step = self._steps.pop(process, None)
        if step is not None:
            step.cancel()

    def sweep(self, process: Process, orphans: Callable[[], bool]) -> None:
        """Kill what an ended process left behind.

        While `orphans` is true, orphans count as its own of which nothing else tells whose they were. It must be false
        while any child that was started here runs: that one has no other parent than us either.
        """
        if process.sweeping:
            return
        process.sweeping = True
        hunt = Hunt(
            self._home,
            markers=frozenset((f"{PROCESS_MARKER}={process.id}",)),
            since=process.start,
            roots={process.pid: process.start},
            reaper=os.getpid(),
        )
        done = functools.partial(self._swept, process)
        _Sweep(self._loop, self, hunt, orphans, done).go_round()

    def sweep_lane(self, since: int, done: Callable[[int, list[int]], None]) -> None:
        """Kill what carries the lane's marker and every orphan of ours, once no process of the lane runs any more."""
        markers = frozenset((f"{LANE_MARKER}={self._lane_id}",))
        hunt = Hunt(self._home, markers, since, roots={}, reaper=os.getpid())
        _Sweep(self._loop, self, hunt, lambda: True, done).go_round()

    def _step(self, process: Process, seconds: float, call: Callable[[], None]) -> None:
        previous = self._steps.pop(process, None)
        if previous is not None:
            previous.cancel()
        self._steps[process] = self._loop.later(seconds, call)

    def _terminate(self, process: Process, grace: float) -> None:
        signal_group(process, signal.SIGTERM)
        signal_group(process, signal.SIGCONT)
        self._step(process, grace, lambda: self._kill(process))

    def _kill(self, process: Process) -> None:
        self._steps.pop(process, None)
        signal_group(process, signal.SIGKILL)

    def _hang_up(self, process: Process) -> None:
        """What closing a terminal's window does: a shell ignores TERM and obeys this."""
        for number in (signal.SIGHUP, signal.SIGCONT):
            signal_group(process, number)
        group = find_foreground(process)
        if group not in (None, process.pid):
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGHUP)
                os.killpg(group, signal.SIGCONT)


class _Sweep:
    """Kills what a hunt finds, round by round, until it finds nothing any more or its time is over."""

    def __init__(
        self,
        loop: Loop,
        stopper: Stopper,
        hunt: Hunt,
        orphans: Callable[[], bool],
        done: Callable[[int, list[int]], None],
    ) -> None:
        self._loop = loop
        self._stopper = stopper
        self._strays = stopper.strays
        self._hunt = hunt
        self._orphans = orphans
        self._done = done
        self._deadline = time.monotonic() + SWEEP_FOR
        self._hit: set[tuple[int, int]] = set()
        self._empty_rounds = 0

    def go_round(self) -> None:
        strays, self._strays = self._strays, self._stopper.strays
        moving = strays != self._strays
        orphans = self._orphans()
        if moving:
            for _ in range(CHASES):
                self._hit |= self._hunt.chase(orphans=orphans)
        found = self._hunt.kill(orphans=orphans)
        # What still forks is followed without a pause.
        pause = SWEEP_PAUSE if found <= self._hit and not moving else 0
        self._hit |= found
        self._empty_rounds = 0 if found or moving else self._empty_rounds + 1
        if self._empty_rounds < EMPTY_ROUNDS and time.monotonic() < self._deadline:
            self._loop.later(pause, self.go_round)
        else:
            self._done(len(self._hit) - len(found), [pid for pid, _ in found])


def signal_group(process: Process, number: int) -> None:
    """Signal the group of a process that was not reaped yet: until then its number cannot mean another group."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, number)


def signal_foreground(process: Process, number: int) -> None:
    """Signal what a key would: the foreground group of a process's terminal; without one, the process's own group."""
    group = find_foreground(process)
    if group is None:
        signal_group(process, number)
    else:
        with contextlib.suppress(OSError):
            os.killpg(group, number)


def find_foreground(process: Process) -> int | None:
    """The group that reads a process's terminal now; None without a terminal, or while nobody does."""
    fd = process.terminal.fd if process.terminal is not None else None
    if fd is None:
        return None
    try:
        group = os.tcgetpgrp(fd)
    except (OSError, termios.error):
        return None
    return group if group > 0 else None
