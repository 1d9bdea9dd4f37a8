"""Reading every output into its tape, under a byte budget while somebody types or many terminals flood.

Every descriptor is always drained, but with both cores busy a keystroke waits for the CPU, not for the loop: only
bounding what is read in all keeps its echo fast (measured, facts/performance.md C: 20 MB/s in ticks of 8 ms keep the
median at 0.2 ms under twenty floods, where reading everything gives 3 ms). A terminal that is held back costs nothing:
its process waits in write().
"""

from __future__ import annotations

import os
import time

from agentlanes.runner.loop import BULK, TYPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentlanes.runner.loop import Loop, Timer
    from agentlanes.runner.process import Process, Stream

READ_BYTES = 64 << 10
READS_PER_WAKE = 16
"""A terminal gives about 4 KB per read, so this many make one write of a tape and still less than a millisecond."""
WAKE_BYTES = 64 << 10

TICK = 0.008
TICK_PAUSE = 0.001
BUDGET_PER_SECOND = 20_000_000
TICK_BYTES = int(BUDGET_PER_SECOND * TICK)
TYPED_SHARE = 64 << 10
"""Bytes that a terminal may give per tick beside the budget while somebody types in it."""
LEAST_SHARE = 4 << 10

TYPED_FOR = 2.0
"""Seconds after a keystroke in which its terminal is served first."""
FLOODS = 4
"""More streams than this flood at once: the budget is in force though nobody types."""
HOT_WINDOW = 0.1
HOT_BYTES = 64 << 10
HOT_FOR = 0.5

THROTTLED_AFTER = 0.25
THROTTLED_UNTIL = 0.5

RETRY_DISK = 0.5
RETRY_HUNG_UP = 1.0
DRAIN_LIMIT = 1 << 20
"""Bytes read at most when a process has ended: the largest pipe that Linux gives without privilege."""


class Ingest:
    """Owns the read side of all streams of the lane."""

    def __init__(
        self,
        loop: Loop,
        grew: Callable[[Stream], None],
        stalled: Callable[[Stream], None],
        throttled: Callable[[Process], None],
        closed: Callable[[Stream], None],
    ) -> None:
        self._loop = loop
        self._grew = grew
        self._stalled = stalled
        self._throttled = throttled
        self._closed = closed
        self._buffer = memoryview(bytearray(WAKE_BYTES))
        self._streams: list[Stream] = []
        self._held: list[Stream] = []
        self._retries: dict[Stream, Timer] = {}
        self._typed: dict[Process, Timer] = {}
        self._budget = False
        self._left = 0
        """Bytes of this tick's budget that nobody has used."""
        self._share = TICK_BYTES
        """Bytes of it that each stream may give as they come; then it is held until the next tick."""
        self._ticking: Timer | None = None
        self._judged = 0.0

    def add(self, stream: Stream) -> None:
        assert stream.fd is not None
        stream.watch = self._loop.watch(stream.fd, BULK, readable=lambda: self._wake(stream))
        self._streams.append(stream)
        stream.watch.want(read=True)

    def typed(self, process: Process) -> None:
        """Somebody typed in this terminal: serve it first for a while."""
        process.typed_at = time.monotonic()
        if process not in self._typed and process.terminal is not None and process.terminal.watch is not None:
            process.terminal.watch.rank = TYPED
            self._typed[process] = self._loop.later(TYPED_FOR, lambda: self._untype(process))
            self._judge(process.typed_at)

    def drain(self, stream: Stream) -> None:
        """Read what an ended process has left in the kernel, beside every budget and cap: it will not be much."""
        left = DRAIN_LIMIT
        empty = False
        while left > 0 and not empty and stream.open and stream.tape.fault is None:
            count, empty = self._read(stream, WAKE_BYTES, capped=False)
            left -= count
        if empty and stream.name == "pty" and stream.tape.fault is None:
            # The end of a session hangs up its terminal: nobody can write to it any more, though a process that was
            # left behind may hold it open and keep it from telling so.
            self.discard(stream)

    def released(self, stream: Stream) -> None:
        """The reader of a lossless tape has made room."""
        if stream.stalled == "tape_full" and stream.tape.room:
            self._resume(stream)

    def discard(self, stream: Stream) -> None:
        """Nothing more is read from it."""
        retry = self._retries.pop(stream, None)
        if retry is not None:
            retry.cancel()
        if stream in self._streams:
            self._release_hold(stream)
            self._streams.remove(stream)
            stream.close()
            if stream.stalled is not None:
                stream.stalled = None
                self._stalled(stream)
            self._closed(stream)

    def _wake(self, stream: Stream) -> None:
        if not self._budget:
            self._read(stream, WAKE_BYTES)
            return
        typed = stream.process in self._typed
        share = TYPED_SHARE - stream.spent if typed else min(self._share - stream.spent, self._left)
        empty = False
        if share > 0:
            count, empty = self._read(stream, share)
            stream.spent += count
            share -= count
            if not typed:
                self._left -= count
        if share <= 0 and not empty and stream.watch is not None and stream.stalled is None:
            self._hold(stream)

    def _read(self, stream: Stream, limit: int, *, capped: bool = True) -> tuple[int, bool]:
        """Read at most `limit` bytes into the tape. Returns how many, and whether nothing is left to read now."""
        fd = stream.fd
        if fd is None:
            return 0, True
        limit = min(limit, WAKE_BYTES)
        room = stream.tape.room if capped else None
        if room is not None and room < limit:
            limit = room
            if not room:
                self._stall(stream, "tape_full")
                return 0, True
        filled = 0
        empty = ended = False
        for _ in range(READS_PER_WAKE):
            try:
                count = os.readv(fd, [self._buffer[filled : min(limit, filled + READ_BYTES)]])
            except BlockingIOError:
                empty = True
                break
            except OSError:
                # A terminal without any process on it answers EIO.
                empty = ended = True
                break
            if count == 0:
                empty = ended = True
                break
            filled += count
            if filled >= limit:
                break
        if filled:
            stream.tape.append(self._buffer[:filled])
            self._measure(stream, filled)
            self._grew(stream)
            if stream.tape.fault is not None:
                self._stall(stream, stream.tape.fault)
        if ended:
            self._end(stream)
        return filled, empty

    def _end(self, stream: Stream) -> None:
        if stream.tape.fault is not None:
            # Bytes wait for the disk; the descriptor tells again that it has ended once they are written.
            return
        if stream.process.running and stream.name == "pty":
            # The process let go of its terminal and may open it again.
            assert stream.watch is not None
            stream.watch.want(read=False)
            self._retry(stream, RETRY_HUNG_UP)
            return
        self.discard(stream)

    def _stall(self, stream: Stream, reason: str) -> None:
        self._release_hold(stream)
        if stream.watch is not None:
            stream.watch.want(read=False)
        if reason != "tape_full":
            self._retry(stream, RETRY_DISK)
        if stream.stalled != reason:
            stream.stalled = reason
            self._stalled(stream)

    def _retry(self, stream: Stream, seconds: float) -> None:
        previous = self._retries.get(stream)
        if previous is not None:
            previous.cancel()
        self._retries[stream] = self._loop.later(seconds, lambda: self._resume(stream))

    def _resume(self, stream: Stream) -> None:
        self._retries.pop(stream, None)
        if stream.watch is None:
            return
        if stream.tape.fault is not None:
            end = stream.tape.end
            written = stream.tape.retry()
            if stream.tape.end != end:
                self._grew(stream)
            if not written:
                self._stall(stream, stream.tape.fault or "tape_unwritable")
                return
        if stream.stalled is not None:
            stream.stalled = None
            self._stalled(stream)
        stream.watch.want(read=True)
        if not stream.process.running:
            self.drain(stream)

    def _measure(self, stream: Stream, count: int) -> None:
        now = time.monotonic()
        if now - stream.window_start > HOT_WINDOW:
            stream.window_start = now
            stream.window_bytes = 0
        stream.window_bytes += count
        if stream.window_bytes >= HOT_BYTES:
            stream.hot_until = now + HOT_FOR
            if now - self._judged > TICK:
                self._judge(now)

    def _judge(self, now: float) -> None:
        """Decide whether the budget is in force."""
        self._judged = now
        hot = [stream for stream in self._streams if stream.hot_until > now]
        self._share = max(LEAST_SHARE, TICK_BYTES // max(1, len(hot)))
        beside = any(stream.process not in self._typed for stream in hot)
        # A single terminal that floods after a keystroke of its own disturbs nobody.
        budget = len(hot) > FLOODS or (bool(self._typed) and beside)
        if budget and not self._budget:
            self._budget = True
            self._left = TICK_BYTES
            self._tick_in(TICK)
        elif not budget and self._budget:
            self._budget = False
            for stream in list(self._held):
                self._release_hold(stream)

    def _hold(self, stream: Stream) -> None:
        assert stream.watch is not None
        stream.watch.want(read=False)
        stream.held = True
        now = time.monotonic()
        if now - stream.calm_since > HOT_WINDOW:
            stream.held_since = now
        self._held.append(stream)

    def _release_hold(self, stream: Stream) -> None:
        if not stream.held:
            return
        stream.held = False
        stream.calm_since = time.monotonic()
        self._held.remove(stream)
        if stream.watch is not None and stream.stalled is None:
            stream.watch.want(read=True)

    def _tick_in(self, seconds: float) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        self._ticking = self._loop.later(seconds, self._tick)

    def _tick(self) -> None:
        """Share this tick's bytes among the streams that are held, the typed ones first, the others in turn."""
        self._ticking = None
        now = time.monotonic()
        self._judge(now)
        for stream in self._streams:
            stream.spent = 0
        self._left = TICK_BYTES
        held = sorted(self._held, key=lambda stream: stream.process not in self._typed)
        share = max(LEAST_SHARE, self._left // len(held)) if held else 0
        for stream in held:
            if self._left <= 0:
                break
            if stream.held:
                # Who was served goes to the back, so that a small budget reaches everybody in turn.
                self._held.remove(stream)
                self._held.append(stream)
                stream.hot_until = now + HOT_FOR
                self._serve_held(stream, share)
        throttling = self._tell_throttled(now)
        if self._budget:
            self._tick_in(max(TICK_PAUSE, now + TICK - time.monotonic()))
        elif throttling:
            self._tick_in(THROTTLED_UNTIL)

    def _serve_held(self, stream: Stream, share: int) -> None:
        while stream.held and stream.spent < share:
            count, empty = self._read(stream, share - stream.spent)
            stream.spent += count
            self._left -= count
            if empty:
                self._release_hold(stream)
            self._loop.serve_urgent()

    def _tell_throttled(self, now: float) -> bool:
        """Report who is held back for long, or no more; true if somebody still is reported as held back."""
        throttling = False
        for process in {stream.process for stream in self._streams}:
            streams = process.streams.values()
            if not process.throttled:
                on = any(stream.held and now - stream.held_since > THROTTLED_AFTER for stream in streams)
            else:
                on = any(stream.held or now - stream.calm_since < THROTTLED_UNTIL for stream in streams)
            if on != process.throttled:
                process.throttled = on
                self._throttled(process)
            throttling = throttling or on
        return throttling

    def _untype(self, process: Process) -> None:
        left = process.typed_at + TYPED_FOR - time.monotonic()
        if left > 0:
            self._typed[process] = self._loop.later(left, lambda: self._untype(process))
            return
        del self._typed[process]
        if process.terminal is not None and process.terminal.watch is not None:
            process.terminal.watch.rank = BULK
