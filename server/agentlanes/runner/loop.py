"""The runner's loop: readiness of file descriptors by rank, and timers. One thread, `selectors`, nothing else."""

from __future__ import annotations

import heapq
import itertools
import selectors
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL, TYPED, BULK = 0, 1, 2
"""Ranks: signals and the server, then terminals that somebody types in, then everything else."""

FAULTS_LOGGED = 100
FAULT_PAUSE = 1.0


class Watch:
    """Interest in one descriptor. It is not polled at all while neither reading nor writing is wanted, so that a
    descriptor which is only hung up costs nothing."""

    __slots__ = ("_events", "_loop", "ended", "fd", "rank", "readable", "writable")

    def __init__(
        self, loop: Loop, fd: int, rank: int, readable: Callable[[], None], writable: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._events = 0
        self.ended = False
        self.fd = fd
        self.rank = rank
        self.readable = readable
        self.writable = writable

    @property
    def reading(self) -> bool:
        return bool(self._events & selectors.EVENT_READ)

    @property
    def writing(self) -> bool:
        return bool(self._events & selectors.EVENT_WRITE)

    def want(self, *, read: bool | None = None, write: bool | None = None) -> None:
        """Change what is wanted; None leaves it."""
        read = self.reading if read is None else read
        write = self.writing if write is None else write
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        if events == self._events:
            return
        selector = self._loop.selector
        if not events:
            selector.unregister(self.fd)
        elif not self._events:
            selector.register(self.fd, events, self)
        else:
            selector.modify(self.fd, events, self)
        self._events = events

    def end(self) -> None:
        """For good, before the descriptor is closed."""
        self.want(read=False, write=False)
        self.ended = True

    def serve(self, events: int) -> None:
        # Each callback may end the interest of the other.
        if events & self._events & selectors.EVENT_READ:
            self.readable()
        if events & self._events & selectors.EVENT_WRITE:
            self.writable()


class Timer:
    """A call to come; `cancel` is final and may come late."""

    __slots__ = ("call", "canceled")

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.canceled = False

    def cancel(self) -> None:
        self.canceled = True


class Loop:
    """Runs until `end` is called. A callback that raises is logged and the loop goes on: agents depend on it."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._ended = False
        self._faults = 0

    def watch(
        self,
        fd: int,
        rank: int,
        readable: Callable[[], None] = lambda: None,
        writable: Callable[[], None] = lambda: None,
    ) -> Watch:
        """Prepare an interest; nothing is polled until `want` says what for."""
        return Watch(self, fd, rank, readable, writable)

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(call)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def end(self) -> None:
        self._ended = True

    def run(self) -> None:
        while not self._ended:
            self._turn()
        self.selector.close()

    def serve_urgent(self) -> None:
        """Serve what is ready and no bulk. For callbacks that take long, between two steps."""
        for key, events in self.selector.select(0):
            if key.data.rank < BULK:
                self._serve(key.data, events)

    def _turn(self) -> None:
        ready = self.selector.select(self._patience())
        if len(ready) > 1:
            ready.sort(key=lambda pair: pair[0].data.rank)
        for key, events in ready:
            self._serve(key.data, events)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.canceled:
                continue
            try:
                timer.call()
            except Exception:
                self._log_fault()

    def _serve(self, watch: Watch, events: int) -> None:
        try:
            watch.serve(events)
        except Exception:
            self._log_fault()
            self._pause(watch)

    def _pause(self, watch: Watch) -> None:
        """A descriptor that is ready stays ready: without a pause a fault would repeat as fast as the CPU allows."""
        read, write = watch.reading, watch.writing
        watch.want(read=False, write=False)
        self.later(FAULT_PAUSE, lambda: watch.want(read=read, write=write) if not watch.ended else None)

    def _patience(self) -> float | None:
        while self._timers and self._timers[0][2].canceled:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _log_fault(self) -> None:
        self._faults += 1
        if self._faults <= FAULTS_LOGGED:
            sys.__excepthook__(*sys.exc_info())
