"""The loop: ranks, timers, and callbacks that fail."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from agentlanes.runner import loop as loop_module
from agentlanes.runner.loop import BULK, CONTROL, TYPED, Loop


@pytest.fixture
def pipes() -> Iterator[list[tuple[int, int]]]:
    pipes = [os.pipe() for _ in range(3)]
    yield pipes
    for pair in pipes:
        for fd in pair:
            os.close(fd)


def test_control_comes_before_typing_before_bulk(pipes: list[tuple[int, int]]) -> None:
    loop = Loop()
    served: list[int] = []
    for (reading, writing), rank in zip(pipes, (BULK, CONTROL, TYPED), strict=True):
        os.write(writing, b"x")

        def read(rank: int = rank, reading: int = reading) -> None:
            os.read(reading, 1)
            served.append(rank)

        loop.watch(reading, rank, readable=read).want(read=True)
    loop.later(0, loop.end)
    loop.run()
    assert served == [CONTROL, TYPED, BULK]


def test_timers_come_in_order_and_not_when_canceled() -> None:
    loop = Loop()
    told: list[str] = []
    loop.later(0.02, loop.end)
    loop.later(0.01, lambda: told.append("second"))
    loop.later(0.0, lambda: told.append("first"))
    loop.later(0.005, lambda: told.append("never")).cancel()
    loop.run()
    assert told == ["first", "second"]


def test_a_callback_that_fails_pauses_and_the_loop_goes_on(
    pipes: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop_module, "FAULT_PAUSE", 0.01)
    loop = Loop()
    failures: list[int] = []

    def fail() -> None:
        failures.append(1)
        if len(failures) == 3:
            loop.later(0, loop.end)
        raise RuntimeError("a defect")

    os.write(pipes[0][1], b"x")
    loop.watch(pipes[0][0], BULK, readable=fail).want(read=True)
    served: list[bytes] = []
    os.write(pipes[1][1], b"y")
    loop.watch(pipes[1][0], BULK, readable=lambda: served.append(os.read(pipes[1][0], 1))).want(read=True)
    loop.run()
    assert served == [b"y"]
    assert capsys.readouterr().err.count("RuntimeError: a defect") == 3
