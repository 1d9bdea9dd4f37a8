"""What a dead runner left behind, and the end of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from agentlanes.runner.journal import Story
from agentlanes.runner.table import Hunt, read_boot_id
from agentlanes.runner.wire import LANE_MARKER, PROCESS_MARKER

SWEEP_FOR = 10.0
SWEEP_PAUSE = 0.02
EMPTY_ROUNDS = 3
"""A process that forks while the table is read can be missed. No reaper tells us of it, as one tells a runner."""


def sweep_survivors(story: Story) -> int:
    """Kill what lives of the processes that the journal calls lost, or that were being swept. Blocks up to 10 s.

    Their own pids count only with the start time that the journal tells, everything else by its marker, and nothing
    that is older than the runner was. After a reboot there are no survivors. Returns how many were killed.
    """
    owed = {
        process_id: process
        for process_id, process in story.processes.items()
        if process["state"] == "lost" or process.get("sweeping")
    }
    if not owed or story.boot_id != read_boot_id():
        return 0
    hunt = Hunt(
        story.home,
        markers=frozenset(f"{PROCESS_MARKER}={process_id}" for process_id in owed),
        since=story.runner_start,
        roots={
            process["pid"]: process["start"]
            for process in owed.values()
            if isinstance(process["pid"], int) and isinstance(process["start"], int)
        },
    )
    return _pursue(hunt)[0]


def sweep_processes(tapes_dir: Path, process_ids: Sequence[str]) -> tuple[int, tuple[int, ...]]:
    """Kill whatever processes that no runner holds have left behind. Blocks up to 10 s.

    Returns how many were hit, and the pids of those that did not die of it.
    """
    return _pursue(Hunt(str(tapes_dir), frozenset(f"{PROCESS_MARKER}={id}" for id in process_ids), since=0, roots={}))


def sweep_lanes(tapes_dir: Path, lane_ids: Sequence[str]) -> tuple[int, tuple[int, ...]]:
    """Kill whatever a process of these lanes, of any of their runners, has left behind. Blocks up to 10 s.

    Returns how many were hit, and the pids of those that did not die of it.
    """
    return _pursue(Hunt(str(tapes_dir), frozenset(f"{LANE_MARKER}={id}" for id in lane_ids), since=0, roots={}))


def _pursue(hunt: Hunt) -> tuple[int, tuple[int, ...]]:
    hit: set[tuple[int, int]] = set()
    found: set[tuple[int, int]] = set()
    empty = 0
    deadline = time.monotonic() + SWEEP_FOR
    while empty < EMPTY_ROUNDS and time.monotonic() < deadline:
        found = hunt.chase() | hunt.kill()
        empty = 0 if found else empty + 1
        if found <= hit:
            # Nothing new forks; what was killed takes a moment to die.
            time.sleep(SWEEP_PAUSE)
        hit |= found
    return len(hit), tuple(pid for pid, _ in sorted(found))
