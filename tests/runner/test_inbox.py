"""The inbox: what is accepted is delivered once, in order, however slowly the process reads."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlanes.runner import inbox
from agentlanes.runner.inbox import INPUT_IDS, Inbox
from agentlanes.runner.wire import RefusedError

PIECES = st.lists(st.tuples(st.binary(max_size=200_000), st.integers(0, 100_000)), max_size=12)


@given(pieces=PIECES)
@settings(max_examples=30)
def test_everything_accepted_is_delivered_once_and_in_order(pieces: list[tuple[bytes, int]]) -> None:
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        os.set_blocking(reading, False)
        box = Inbox()
        got = b""
        for n, (data, size) in enumerate(pieces, start=1):
            assert box.accept(data, n, None)
            assert not box.accept(b"never", n, None)
            box.deliver(writing)
            if size:
                try:
                    got += os.read(reading, size)
                except BlockingIOError:
                    assert not box.size
        while not box.deliver(writing):
            got += os.read(reading, 1 << 20)
        os.close(writing)
        writing = -1
        while data := os.read(reading, 1 << 20):
            got += data
        assert got == b"".join(data for data, _ in pieces)
        assert box.size == 0
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


def test_a_refused_write_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "INPUT_LIMIT", 10)
    box = Inbox()
    assert box.accept(b"123456", 1, "a")
    with pytest.raises(RefusedError) as refused:
        box.accept(b"12345", 2, "b")
    assert refused.value.code == "INPUT_FULL"
    assert (box.last_n, box.size, box.is_repeat(2, None), box.is_repeat(None, "b")) == (1, 6, False, False)


def test_one_write_larger_than_the_limit_is_accepted_when_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "INPUT_LIMIT", 10)
    assert Inbox().accept(b"12345678901", 1, None)


def test_input_ids_are_remembered_for_a_while() -> None:
    box = Inbox()
    for number in range(INPUT_IDS + 1):
        assert box.accept(b"", None, str(number))
    assert not box.accept(b"", None, "1")
    assert box.accept(b"", None, "0")
