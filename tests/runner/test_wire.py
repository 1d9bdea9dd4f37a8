"""The runner's protocol at its lowest: lines however they are cut, and fields of the wrong type."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.runner import wire
from agentlanes.runner.wire import Lines, RefusedError, Request, encode_line


@given(lines=st.lists(st.binary().filter(lambda line: b"\n" not in line)), cuts=st.lists(st.integers(1, 9)))
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    cutter = Lines()
    got = []
    for cut in cuts:
        got += cutter.feed(data[:cut])
        data = data[cut:]
    got += cutter.feed(data)
    assert got == lines


def test_a_line_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_LINE", 10)
    lines = Lines()
    assert lines.feed(b"1234567890\n12345") == [b"1234567890"]
    with pytest.raises(RefusedError):
        lines.feed(b"678901")


@pytest.mark.parametrize(
    "read",
    [
        lambda request: request.text("number"),
        lambda request: request.text("absent"),
        lambda request: request.text("nul"),
        lambda request: request.flag("number"),
        lambda request: request.number("flag", 0, 9),
        lambda request: request.number("number", 6, 9),
        lambda request: request.number("number", 0, 4),
        lambda request: request.number("absent", 0, 9),
        lambda request: request.bytes("text"),
        lambda request: request.texts("text"),
        lambda request: request.texts("numbers"),
        lambda request: request.environment("numbers"),
        lambda request: request.environment("environment"),
        lambda request: request.part("text"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused(read: Callable[[Request], object]) -> None:
    fields = {
        "number": 5,
        "flag": True,
        "text": "not*base64",
        "nul": "a\0b",
        "numbers": [1],
        "environment": {"": "x"},
    }
    with pytest.raises(RefusedError) as refused:
        read(Request(encode_line(fields)))
    assert refused.value.code == "BAD_REQUEST"
