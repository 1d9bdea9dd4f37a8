"""The process table as /proc tells it: who descends from whom, who carries a marker, and killing without mistakes.

Descent and environment are what tells whose a process is, and both can be shed: by a double fork, by `env -i`. So there
is a second mark that an exec with an empty environment keeps: the soft limit of file locks, which Linux has not looked
at since 2.4 and every child inherits. It decides only where the environment says nothing.

A pid alone names nothing for long. Here a process is its pid and its start time (field 22 of /proc/pid/stat, clock
ticks since boot), and a signal goes through a pidfd that is opened before the start time is checked.
"""

from __future__ import annotations

import binascii
import contextlib
import os
import resource
import signal

from agentlanes.runner.wire import LANE_MARKER, PROCESS_MARKER, STATE_MARKER

NEWEST = 16
"""How many of the newest processes are looked at when one is chased that lives for less than a millisecond."""


FREEZES = 20
"""How often what came up meanwhile is stopped as well before all is killed."""

RLIMIT_LOCKS = 10
"""On every architecture but Alpha and SPARC, where the mark is just not set; `resource` has no name for it."""
_OURS = 1 << 62
_FIELD_BITS = {STATE_MARKER: (50, 12), LANE_MARKER: (25, 25), PROCESS_MARKER: (0, 25)}


def _mark(name: str, value: str) -> tuple[int, int]:
    """Mask and bits of one variable within a mark."""
    shift, width = _FIELD_BITS[name]
    mask = (1 << width) - 1
    return mask << shift, (binascii.crc32(os.fsencode(value)) & mask) << shift


def set_mark(env: dict[str, str]) -> None:
    """Mark this process, and with it all that it will start, as the environment marks it."""
    mark = _OURS
    for name in _FIELD_BITS:
        mark |= _mark(name, env.get(name, ""))[1]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(RLIMIT_LOCKS, (mark, resource.getrlimit(RLIMIT_LOCKS)[1]))


def shed_mark() -> None:
    """Be nobody's: what this process starts is marked anew, and must not be taken for what it was itself part of."""
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(RLIMIT_LOCKS)[1]
        resource.setrlimit(RLIMIT_LOCKS, (hard, hard))


def read_mark(pid: int) -> int | None:
    """The mark of a process; None without one."""
    try:
        with open(f"/proc/{pid}/limits", "rb", buffering=0) as limits:
            content = limits.read(4096)
    except OSError:
        return None
    at = content.find(b"Max file locks")
    if at < 0:
        return None
    soft = content[at + len(b"Max file locks") :].split(None, 1)[0]
    if not soft.isdigit():
        return None
    mark = int(soft)
    return mark if mark & _OURS and mark < _OURS << 1 else None


class Entry:
    """One living process."""

    __slots__ = ("group", "parent", "pid", "session", "start")

    def __init__(self, pid: int, parent: int, group: int, session: int, start: int) -> None:
        self.pid = pid
        self.parent = parent
        self.group = group
        self.session = session
        self.start = start


def read_entry(pid: int) -> Entry | None:
    """The process, or None if it is gone or only a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            content = stat.read(1024)
    except OSError:
        return None
    # The command in parentheses may hold anything, closing parentheses too.
    fields = content[content.rfind(b")") + 2 :].split()
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    return Entry(pid, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def read_start(pid: int) -> int | None:
    """Start time of a process, a zombie's too; None if there is no such pid (or no /proc)."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            content = stat.read(1024)
    except OSError:
        return None
    fields = content[content.rfind(b")") + 2 :].split()
    return int(fields[19]) if len(fields) >= 20 else None


def read_boot_id() -> str:
    """Changes with every boot of the machine, after which no pid of a journal means anything; "" without /proc."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as boot:
            return boot.read().strip()
    except OSError:
        return ""


def list_pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def read_environment(pid: int) -> list[bytes]:
    """The `NAME=value` entries that a process was started with; empty if they cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as environ:
            return environ.read().split(b"\0")
    except OSError:
        return []


def signal_entry(pid: int, start: int, number: int) -> bool:
    """Signal the process with this pid and start time. False if it is gone; PermissionError if it is not ours."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if read_start(pid) != start:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


class Hunt:
    """A search for the processes that belong together, and the end of them.

    `markers` are whole `NAME=value` entries of an environment, of which one is enough, but only beside the marker of
    `state`: ids are unique within one state dir and no further. `since` is the start time of the oldest process that
    can belong: nothing older is ever looked at. `roots` (start times by pid) are processes whose descendants and
    session belong too. `reaper` is the living subreaper that all of them descend from, if there is one: then nothing
    that is not below it belongs by descent, so that a reused pid cannot mislead.
    """

    def __init__(
        self, state: str, markers: frozenset[str], since: int, roots: dict[int, int], reaper: int | None = None
    ) -> None:
        self._state = os.fsencode(f"{STATE_MARKER}={state}")
        self._markers = frozenset(os.fsencode(marker) for marker in markers)
        self._marks = {_join(_mark(STATE_MARKER, state), _mark(*marker.split("=", 1))) for marker in markers}
        self.since = since
        self.roots = roots
        self.reaper = reaper

    def find(self, *, orphans: bool = False) -> list[Entry]:
        """What belongs now. With `orphans`, also every process that has only the reaper left as a parent."""
        entries = [entry for pid in list_pids() if (entry := read_entry(pid)) is not None]
        children: dict[int, list[Entry]] = {}
        for entry in entries:
            children.setdefault(entry.parent, []).append(entry)
        young = [entry for entry in entries if entry.start >= self.since and entry.pid != os.getpid()]
        found = {entry.pid for entry in young if self._is_marked(entry.pid)}
        alive = {entry.pid for entry in young if self.roots.get(entry.pid) == entry.start}
        found |= alive
        if self.reaper is None:
            found |= {entry.pid for entry in young if entry.session in alive}
        else:
            below = _descend(children, [self.reaper])
            found |= {entry.pid for entry in young if entry.pid in below and entry.session in self.roots}
            if orphans:
                found |= {entry.pid for entry in young if entry.parent == self.reaper}
        found |= _descend(children, list(found))
        return [entry for entry in young if entry.pid in found]

    def chase(self, *, orphans: bool = False) -> set[tuple[int, int]]:
        """Kill what carries a marker (or is an orphan) among the newest processes, each as soon as it is seen.

        For what lives shorter than `kill` takes to look at everything, because each hands over to a child of its own.
        """
        hit = set()
        for pid in sorted(list_pids(), reverse=True)[:NEWEST]:
            entry = read_entry(pid)
            if entry is None or entry.start < self.since or pid == os.getpid():
                continue
            ours = orphans and entry.parent == self.reaper
            if ours or self._is_marked(pid):
                with contextlib.suppress(PermissionError):
                    if signal_entry(pid, entry.start, signal.SIGKILL):
                        hit.add((pid, entry.start))
        return hit

    def kill(self, *, orphans: bool = False) -> set[tuple[int, int]]:
        """Kill what is found, and return it as pids and start times: what is still there next time did not die yet.

        All of it is stopped before the first is killed: processes that start each other again have to see a death.
        """
        found: set[tuple[int, int]] = set()
        for _ in range(FREEZES):
            seen = {(entry.pid, entry.start) for entry in self.find(orphans=orphans)}
            if seen <= found:
                break
            _signal_all(seen - found, signal.SIGSTOP)
            found |= seen
        _signal_all(found, signal.SIGKILL)
        return found

    def _is_marked(self, pid: int) -> bool:
        environment = read_environment(pid)
        if self._state in environment:
            return not self._markers.isdisjoint(environment)
        if any(entry.startswith(_STATE_PREFIX) for entry in environment):
            # It says that it belongs to another server.
            return False
        mark = read_mark(pid)
        return mark is not None and any(mark & mask == bits for mask, bits in self._marks)


_STATE_PREFIX = f"{STATE_MARKER}=".encode()


def _join(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] | other[0], one[1] | other[1]


def _signal_all(entries: set[tuple[int, int]], number: int) -> None:
    for pid, start in entries:
        with contextlib.suppress(PermissionError):
            signal_entry(pid, start, number)


def _descend(children: dict[int, list[Entry]], pids: list[int]) -> set[int]:
    """Every pid below these."""
    below: set[int] = set()
    while pids:
        for child in children.get(pids.pop(), ()):
            if child.pid not in below:
                below.add(child.pid)
                pids.append(child.pid)
    return below
