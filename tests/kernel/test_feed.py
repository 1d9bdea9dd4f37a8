"""A reader with a cursor gets every row once, in order, wherever the rows come from and however reads interleave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.adapters.store.memory import MemoryStore
from agentlanes.kernel import feed as feeds
from agentlanes.kernel.feed import Feed
from agentlanes.kernel.ports.store import LogRow, Transaction
from kernel.driving import read


def make_rows(first: int, count: int, size: int = 10) -> list[LogRow]:
    return [LogRow(seq, "workspace.updated", None, "server", seq, b"x" * size) for seq in range(first, first + count)]


@pytest.fixture(autouse=True)
def small_window() -> Iterator[None]:
    with patch.object(feeds, "KEPT_ROWS", 4), patch.object(feeds, "KEPT_BYTES", 1000):
        yield


class Log:
    """A store and its feed; what is committed may be published later."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.feed = Feed(self.store, 0)
        self.unpublished: list[list[LogRow]] = []

    def commit(self, count: int, size: int = 10) -> None:
        rows = make_rows(len(self.store.rows) + 1, count, size)
        self.store.commit([Transaction(rows=rows)])
        self.unpublished.append(rows)

    def publish(self) -> None:
        if self.unpublished:
            self.feed.publish(self.unpublished.pop(0))
            self.feed.announce()


async def test_the_newest_rows_come_from_memory_and_older_ones_from_the_store() -> None:
    log = Log()
    for _ in range(6):
        log.commit(1)
        log.publish()
    assert isinstance(log.feed.read(2, 10), list)
    assert [row.seq for row in await read(log.feed, 2)] == [3, 4, 5, 6]
    older = log.feed.read(1, 10)
    assert isinstance(older, Awaitable)
    assert [row.seq for row in await older] == [2, 3, 4, 5, 6]
    assert [row.seq for row in await read(log.feed, 3, 2)] == [4, 5]
    assert await read(log.feed, 6) == await read(log.feed, 9) == []


async def test_a_feed_that_starts_in_the_middle() -> None:
    log = Log()
    log.commit(3)
    feed = Feed(log.store, 3)
    assert await read(feed, 3) == []
    assert [row.seq for row in await read(feed, 0)] == [1, 2, 3]


async def test_the_window_has_a_limit_in_bytes() -> None:
    log = Log()
    for _ in range(3):
        log.commit(1, size=600)
        log.publish()
    assert isinstance(log.feed.read(2, 1), list)
    older = log.feed.read(1, 1)
    assert isinstance(older, Awaitable)
    assert [row.seq for row in await older] == [2]


async def test_a_row_larger_than_the_window_is_read_from_the_store() -> None:
    log = Log()
    log.commit(1, size=5000)
    log.publish()
    assert [row.seq for row in await read(log.feed, 0)] == [1]
    assert await read(log.feed, 1) == []


def test_nothing_is_published_as_nothing() -> None:
    log = Log()
    log.feed.publish([])
    assert log.feed.head == 0


def test_who_stopped_listening_hears_nothing() -> None:
    log = Log()
    heard: list[int] = []
    unlisten = log.feed.listen(lambda: heard.append(log.feed.head))
    log.commit(1)
    log.publish()
    unlisten()
    unlisten()
    log.commit(1)
    log.publish()
    assert heard == [1]


class Reader:
    """Reads whenever it is told to; what the store answers arrives a step later."""

    def __init__(self, feed: Feed, after: int) -> None:
        self.feed = feed
        self.cursor = self.first = after
        self.got: list[int] = []
        self.coming: Sequence[LogRow] | None = None

    def step(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        if self.coming is not None:
            self.take(self.coming)
            self.coming = None
            return
        rows = self.feed.read(self.cursor, limit)
        if isinstance(rows, Awaitable):
            self.coming = loop.run_until_complete(rows)
        else:
            self.take(rows)

    def take(self, rows: Sequence[LogRow]) -> None:
        self.got += [row.seq for row in rows]
        if rows:
            self.cursor = rows[-1].seq


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(1, 6)),
        st.tuples(st.just("publish"), st.just(0)),
        st.tuples(st.just("read"), st.integers(1, 7)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=60,
)


@given(STEPS, st.integers(0, 3))
def test_no_gap_and_no_repeat(steps: list[tuple[str, int]], after: int) -> None:
    log = Log()
    log.commit(3)
    log.publish()
    loop = asyncio.new_event_loop()
    try:
        reader = Reader(log.feed, after)
        for step, count in steps:
            if step == "commit":
                log.commit(count)
            elif step == "publish":
                log.publish()
            elif step == "restart":
                log.unpublished.clear()
                log.feed.restart(len(log.store.rows))
            else:
                reader.step(count, loop)
        while log.unpublished:
            log.publish()
        while reader.cursor < log.feed.head or reader.coming is not None:
            reader.step(3, loop)
        assert reader.got == list(range(after + 1, len(log.store.rows) + 1))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
