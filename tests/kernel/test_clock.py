from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.core.ids import Minter, seed, write_ulid
from agentlanes.kernel.clock import Clock, read_time, write_time
from protocol.schemas import explain


def test_a_time_as_it_is_written() -> None:
    assert write_time(0) == "1970-01-01T00:00:00.000Z"
    assert write_time(1_772_366_400.5) == "2026-03-01T12:00:00.500Z"


@given(st.integers(0, 4_102_444_800_000))
def test_times_are_read_as_they_were_written(milliseconds: int) -> None:
    written = write_time(milliseconds / 1000)
    assert explain("Timestamp", written) is None
    assert round(read_time(written) * 1000) == milliseconds


def test_time_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    moments = iter([5_000, 9_000, 3_000, 9_000, 9_001])
    monkeypatch.setattr(time, "time_ns", lambda: next(moments) * 1_000_000)
    assert [clock.now()[17:23] for _ in range(5)] == ["05.000", "09.000", "09.000", "09.000", "09.001"]


def test_ids_sort_in_the_order_in_which_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", lambda: 1_772_366_400_000_000_000)
    ids = [clock.minter().mint("turn") for _ in range(1000)]
    ids += [clock.mint("turn") for _ in range(1000)]
    minter = clock.minter()
    ids += [minter.mint("turn") for _ in range(1000)]
    ids.append(clock.mint("turn"))
    assert ids == sorted(set(ids))
    assert all(explain("TurnId", id) is None for id in ids[:10])


def test_two_clocks_make_different_ids() -> None:
    assert Clock().mint("turn") != Clock().mint("turn")


def test_ids_of_one_seed_are_the_same() -> None:
    assert [Minter(seed(7, 9)).mint("item") for _ in range(2)] == [f"it_{write_ulid(seed(7, 9))}"] * 2


@given(st.integers(0, (1 << 128) - 1), st.integers(0, (1 << 128) - 1))
def test_ulids_sort_as_their_numbers(first: int, second: int) -> None:
    texts = write_ulid(first), write_ulid(second)
    assert (texts[0] < texts[1]) == (first < second)
    assert [len(text) for text in texts] == [26, 26]


def test_a_ulid_of_the_specification() -> None:
    value = 0
    for digit in "01ARZ3NDEKTSV4RRFFQ69G5FAV":
        value = value * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit)
    assert write_ulid(value) == "01ARZ3NDEKTSV4RRFFQ69G5FAV"
