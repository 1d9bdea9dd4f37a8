"""Group commit: one thread writes whatever waits, in the order in which it was decided.

While a commit is on its way to the disk, the next commands are decided and wait; the following commit takes them all.
Work that was decided after a commit that failed was decided on a state that never came to be: it is refused with it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

from agentlanes.crash_points import reached
from agentlanes.kernel.ports.store import Store, StoreUnavailable, Transaction

log = logging.getLogger(__name__)

BATCH_CAP = 2000


class Entry(NamedTuple):
    """A transaction, the epoch of the state that it was decided on, and who waits for it."""

    transaction: Transaction
    epoch: int
    done: Callable[[StoreUnavailable | None], None]


Report = Callable[[Sequence[Entry], StoreUnavailable | None], None]


class Committer:
    """The writer thread. `report` is called on the loop, once for each batch, in order."""

    def __init__(self, store: Store, report: Report) -> None:
        self._store = store
        self._report = report
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Queues a transaction."""
        self._queue.put(entry)

    async def close(self) -> None:
        """Commits what waits and ends the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        failed_epoch = -1
        closing = False
        while not closing:
            waiting = [self._queue.get()]
            while len(waiting) < BATCH_CAP:
                try:
                    waiting.append(self._queue.get_nowait())
                except Empty:
                    break
            closing = None in waiting
            batch = [entry for entry in waiting if entry is not None]
            stale = [entry for entry in batch if entry.epoch <= failed_epoch]
            if stale:
                self._tell(stale, StoreUnavailable("an earlier command could not be written"))
                batch = [entry for entry in batch if entry.epoch > failed_epoch]
            if not batch:
                continue
            reached("commit.before")
            try:
                self._store.commit([entry.transaction for entry in batch])
            except Exception as error:
                if not isinstance(error, StoreUnavailable):
                    log.exception("the store failed in a way of its own")
                    error = StoreUnavailable(repr(error))
                failed_epoch = batch[-1].epoch
                self._tell(batch, error)
            else:
                reached("commit.after")
                self._tell(batch, None)

    def _tell(self, batch: Sequence[Entry], error: StoreUnavailable | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._report, batch, error)
        except RuntimeError:
            # The loop is closed: nobody is left to be told.
            return
