"""Everything that is written to one peer, in its order and at its pace.

Two lanes. The first is a FIFO of responses, requests and un-numbered notifications, and the peer's events, which are
read from the feed by cursor. The second holds stream chunks and moves only while the first is empty. What a peer does
not read stays where it is, in the log or on the tape: a slow peer costs a bounded queue, its transport's buffer, and a
cursor that stays behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from agentlanes.rpc.sources import Feed, Row, StreamSource
from agentlanes.rpc.subscription import Subscription

HIGH_WATER = 128 * 1024
"""Bytes in the transport's buffer above which the peer counts as slow; below a quarter of it, writing goes on."""

TURN_BYTES = 256 * 1024
"""Bytes that one peer may write before every other peer had its turn."""

BATCH_BYTES = 64 * 1024
"""Bytes that are handed to the transport at once."""

BATCH_ROWS = 128
"""Events that are read from the feed at once."""

QUEUE_BYTES = 1024 * 1024
"""Queued bytes above which no more requests are read from the peer and un-numbered notifications are refused."""

FRAME_COST = 128
"""Bytes that a queued frame counts beyond its own, so that many tiny ones weigh too."""

ROW_COST = 32
"""Bytes that an event counts beyond its own, so that those which the filter leaves out weigh too."""

RETRY_SECONDS = 1.0
"""How long a peer's events wait after the feed could not be read."""

log = logging.getLogger(__name__)


class Outbound:
    """The writer of one peer. Every method is for the loop's thread, none blocks, and none does anything once the
    peer is gone."""

    def __init__(self, feed: Feed, describe_gap: Callable[[int, int, str], bytes]) -> None:
        self._feed = feed
        self._describe_gap = describe_gap
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._congestion: Callable[[bool], None] | None = None
        self._queue: deque[tuple[int, bytes]] = deque()
        self._queued = 0
        self._congested = False
        self._paused = False
        self._corked = False
        self._scheduled = False
        self._ending = False
        self._subscription: Subscription | None = None
        self._unlisten: Callable[[], None] | None = None
        self._rows: Sequence[Row] = ()
        self._row = 0
        self._lost = 0
        self._reading: asyncio.Future[Sequence[Row]] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._ready: dict[StreamSource, None] = {}
        self._first: dict[StreamSource, None] = {}

    @property
    def cursor(self) -> int | None:
        """The newest `seq` that the peer's subscription has passed; None without one."""
        return None if self._subscription is None else self._subscription.cursor

    @property
    def queued(self) -> int:
        """Bytes of lane one that wait, with `FRAME_COST` for each frame."""
        return self._queued

    def notify(self, frame: bytes) -> bool:
        """Send an un-numbered notification after every event that is committed now.

        False if it was refused, because the peer is gone or far behind: the caller lets it go (it is said again, or is
        addressed by offset) or marks it as skipped. `frame` is finished JSON without a header.
        """
        if self._transport is None or self._queued > QUEUE_BYTES:
            return False
        self._queue.append((0 if self._subscription is None else self._feed.head, frame))
        self._queued += len(frame) + FRAME_COST
        if self._queued > QUEUE_BYTES:
            self._congest()
        self._schedule()
        return True

    def subscribe(
        self, after: int, topics: Iterable[str] | None = None, workspace_ids: Iterable[str] | None = None
    ) -> None:
        """Send the events after `after` that pass the filter, the missed ones first, and go on with new ones.

        A peer has one subscription: another one takes its place. Call it from `Reply.then`, so that no event comes
        before the answer.
        """
        if self._transport is None:
            return
        self.unsubscribe()
        self._subscription = Subscription(after, topics, workspace_ids)
        self._unlisten = self._feed.listen(self._schedule)
        self._schedule()

    def unsubscribe(self) -> None:
        """Send no more events. What waited for them goes at once."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._subscription = None
        self._rows = ()
        self._row = 0
        self._lost = 0
        self._schedule()

    def wants(self, topic: str, workspace_id: str | None) -> bool:
        """Whether the peer subscribed to such an event; for un-numbered notifications, which the feed does not hold."""
        return self._subscription is not None and self._subscription.wants(topic, workspace_id)

    def names(self, topic: str) -> bool:
        """Whether the peer asked for such a notification by its name, and not only for all there are."""
        return self._subscription is not None and self._subscription.names(topic)

    def wake(self, source: StreamSource, *, first: bool = False) -> None:
        """Say that `source` has something: it is asked for frames until it gives None, in turn with the others. With
        `first` its next frame is written at once, before those that wait: what is little, as the echo of a key, shares
        no batch with a flood."""
        if self._transport is not None:
            if first:
                self._first[source] = None
            else:
                self._ready[source] = None
            self._schedule()

    def drop(self, source: StreamSource) -> None:
        """Ask `source` for nothing more, also when it was woken."""
        self._ready.pop(source, None)
        self._first.pop(source, None)

    def connect(self, transport: asyncio.Transport, congestion: Callable[[bool], None]) -> None:
        """Begin to write. `congestion(True)` asks to read no more requests, `congestion(False)` to go on."""
        transport.set_write_buffer_limits(high=HIGH_WATER, low=HIGH_WATER // 4)
        self._transport = transport
        self._congestion = congestion

    def send(self, frame: bytes, seq: int = 0) -> None:
        """Queue a response, or a request of ours. With a `seq` it follows the peer's events up to there."""
        if self._transport is None:
            return
        self._queue.append((seq, frame))
        self._queued += len(frame) + FRAME_COST
        if self._queued > QUEUE_BYTES:
            self._congest()
        if not (self._corked or self._scheduled or self._paused):
            self._pump()

    def delay(self) -> None:
        """Write what is sent from now on at the end of this turn of the loop."""
        self._schedule()

    def cork(self) -> None:
        """Hold back what is sent until `uncork`."""
        self._corked = True

    def uncork(self) -> None:
        """Write what was held back."""
        self._corked = False
        if self._queue:
            self._pump()

    def pause(self) -> None:
        """The transport's buffer is full."""
        self._paused = True

    def resume(self) -> None:
        """The transport's buffer has room again."""
        self._paused = False
        self._pump()

    def end(self) -> None:
        """Write what is queued, then close the transport."""
        self._ending = True
        self._ready.clear()
        self._first.clear()
        self._schedule()

    def close(self) -> None:
        """The peer is gone: forget everything."""
        self._transport = None
        self._congestion = None
        self.unsubscribe()
        self._queue.clear()
        self._queued = 0
        self._ready.clear()
        self._first.clear()

    def _congest(self) -> None:
        if not self._congested and self._congestion is not None:
            self._congested = True
            self._congestion(True)

    def _schedule(self) -> None:
        if not (self._scheduled or self._paused) and self._transport is not None:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self._pump()

    def _pump(self) -> None:
        """Write until there is nothing more, the transport is full, or the turn is over."""
        left = TURN_BYTES
        while self._transport is not None and not self._paused:
            batch: list[bytes] = []
            streamed = 0
            spent = self._take_queue(batch) + self._take_events(batch)
            if not (spent or self._queue or self._reading or self._retry):
                streamed = self._take_stream(batch)
            if batch:
                self._transport.write(b"".join(batch))
            if self._ending and not self._queue:
                self._transport.close()
                return
            if not (spent or streamed):
                return
            left -= spent
            if streamed or left <= 0:
                # After each batch of streams, so that what goes first is heard of between two.
                self._schedule()
                return

    # Each of these adds frames to the batch and returns what they cost, in bytes; 0 where there was nothing to do.

    def _take_queue(self, batch: list[bytes]) -> int:
        queue = self._queue
        subscription = self._subscription
        cost = 0
        while queue and cost < BATCH_BYTES:
            seq, frame = queue[0]
            if subscription is not None and seq > subscription.cursor:
                break
            queue.popleft()
            size = len(frame)
            cost += size + FRAME_COST
            batch.append(b"Content-Length: %d\r\n\r\n" % size)
            batch.append(frame)
        self._queued -= cost
        if self._congested and self._queued < QUEUE_BYTES // 2 and self._congestion is not None:
            self._congested = False
            self._loop.call_soon(self._congestion, False)
        return cost

    def _take_events(self, batch: list[bytes]) -> int:
        subscription = self._subscription
        if subscription is None or self._reading is not None or self._retry is not None:
            return 0
        if self._row == len(self._rows):
            self._read(subscription)
        cursor = subscription.cursor
        if self._lost > cursor:
            _add(batch, self._describe_gap(cursor + 1, self._lost, "pruned"))
            subscription.cursor = self._lost
            return FRAME_COST
        rows = self._rows
        everything = subscription.everything
        cost = 0
        at = self._row
        while at < len(rows) and cost < BATCH_BYTES:
            row = rows[at]
            at += 1
            if row.seq != cursor + 1:
                _add(batch, self._describe_gap(cursor + 1, row.seq - 1, "pruned"))
            cursor = row.seq
            cost += ROW_COST
            if everything or subscription.wants(row.topic, row.workspace_id):
                frame = row.frame
                size = len(frame)
                cost += size
                batch.append(b"Content-Length: %d\r\n\r\n" % size)
                batch.append(frame)
        subscription.cursor = cursor
        self._row = at
        return cost

    def _read(self, subscription: Subscription) -> None:
        head = self._feed.head
        if subscription.cursor >= head:
            return
        try:
            answer = self._feed.read(subscription.cursor, BATCH_ROWS)
        except Exception as error:
            self._wait(error)
            return
        if isinstance(answer, Awaitable):
            self._reading = asyncio.ensure_future(answer)
            self._reading.add_done_callback(lambda reading: self._end_reading(reading, head))
        else:
            self._accept(answer, head)

    def _end_reading(self, reading: asyncio.Future[Sequence[Row]], head: int) -> None:
        error = asyncio.CancelledError() if reading.cancelled() else reading.exception()
        if self._reading is not reading:
            return
        self._reading = None
        if error is None:
            self._accept(reading.result(), head)
            self._schedule()
        else:
            self._wait(error)

    def _accept(self, rows: Sequence[Row], head: int) -> None:
        self._rows = rows
        self._row = 0
        if not rows:
            self._lost = head

    def _wait(self, error: BaseException) -> None:
        log.warning("the feed could not be read, trying again in %s s: %r", RETRY_SECONDS, error)
        self._retry = self._loop.call_later(RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._schedule()

    def _take_stream(self, batch: list[bytes]) -> int:
        first = self._first
        while first:
            source = next(iter(first))
            del first[source]
            cost = self._ask(source, batch)
            if cost:
                return cost
        ready = self._ready
        cost = 0
        while ready and cost < BATCH_BYTES:
            cost += self._ask(next(iter(ready)), batch)
        return cost

    def _ask(self, source: StreamSource, batch: list[bytes]) -> int:
        ready = self._ready
        # To the end of the line before it is asked: it may drop itself.
        ready.pop(source, None)
        ready[source] = None
        try:
            frame = source.next_frame()
        except Exception:
            log.exception("a stream source failed and is dropped")
            frame = None
        if frame is None:
            ready.pop(source, None)
            return 0
        _add(batch, frame)
        return len(frame) + FRAME_COST


def _add(batch: list[bytes], frame: bytes) -> None:
    batch.append(b"Content-Length: %d\r\n\r\n" % len(frame))
    batch.append(frame)
