"""The journal of a runner that is dead: read for what became of its processes, once, under its lock."""

from __future__ import annotations

import logging

from agentlanes.adapters.runners.place import RunnerPlace
from agentlanes.adapters.runners.survivors import sweep_survivors
from agentlanes.runner.journal import Journal, JournalBusyError, Story, lock_journal, read_journal

log = logging.getLogger(__name__)


def bury(place: RunnerPlace) -> Story | None:
    """Kill what a dead runner left behind, once, and tell its story. None if it lives. Blocks up to 10 s."""
    try:
        fd = lock_journal(str(place.journal), create=False)
    except FileNotFoundError:
        return Story()
    except JournalBusyError:
        return None
    # While the lock is ours no new runner of this lane can start, nor another server do the same.
    with Journal(fd, str(place.journal)) as journal:
        story = read_journal(str(place.journal), alive=False)
        if not story.ended:
            killed = sweep_survivors(story)
            log.warning("the runner of %s died; %d survivors were killed", place.lane_id, killed)
            journal.append("end")
            place.socket.unlink(missing_ok=True)
            if place.log.exists() and not place.log.stat().st_size:
                place.log.unlink()
        if not story.processes:
            journal.remove()
    return story


def forget(place: RunnerPlace, process_id: str) -> bool:
    """Have the end of a process forgotten. False where a runner has taken the journal meanwhile."""
    try:
        fd = lock_journal(str(place.journal), create=False)
    except FileNotFoundError:
        return True
    except JournalBusyError:
        return False
    with Journal(fd, str(place.journal)) as journal:
        journal.append("forgotten", process_id=process_id)
        if not read_journal(str(place.journal), alive=False).processes:
            journal.remove()
    return True
