"""What a terminal's bytes amount to as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.adapters.agents.terminal.screen import Screen

CASES = [
    (b"one\r\ntwo\r\nthr", ["one", "two", "thr"]),
    (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07text\r\n", ["red text"]),
    (b"10%\r20%\r100%\r\ndone\r\n", ["100%", "done"]),
    (b"abc\b\bX\r\n", ["aXc"]),
    (b"long line\r\x1b[Kshort\r\n", ["short"]),
    (b"a\tb\r\n", ["a       b"]),
    (b"\xc3", [""]),
    (b"\xff\xfe\r\n", ["\ufffd\ufffd"]),
    # A spinner that is drawn over, and an answer below it.
    (b"work |\r\n\x1b[1Awork /\r\n\x1b[1Awork -\r\nanswer\r\n", ["work |", "work -", "answer"]),
    (b"a\r\nb\x1b[A\r\nc\r\nd\x1b[2A\x1b[2K\rB\x1b[2B\r\n", ["a", "B", "c", "d"]),
    (b"a\x1b\\b\r\n", ["ab"]),
    (b"\x1b\xc3\xa9 stray\r\n", ["\u00e9 stray"]),
    # A program that takes the whole screen leaves nothing behind.
    (b"before\r\n\x1b[?1049h\x1b[2J\x1b[Hmenu\r\nitem\x1b[?1049lafter\r\n", ["before", "after"]),
    (b"\x1bP+q544e\x1b\\kept\x1b(B\r\n", ["kept"]),
    (b"x\x1b[5Cy\r\n", ["x     y"]),
    (b"del\x1b[2D\x1b[1Px\r\n", ["dx"]),
    (b"\x1b[99999999999999B\x1b[999;999Hz\x1b[0J", None),
]


def read(*chunks: bytes) -> tuple[list[str], Screen]:
    screen = Screen()
    lines = [line for chunk in chunks for line in screen.feed(chunk)]
    return lines + screen.list_rest(), screen


@pytest.mark.parametrize(("data", "lines"), CASES, ids=range(len(CASES)))
def test_bytes_become_lines(data: bytes, lines: list[str] | None) -> None:
    told, _ = read(data)
    assert lines is None or [line for line in told if line] == [line for line in lines if line]


@pytest.mark.parametrize(("data", "lines"), CASES, ids=range(len(CASES)))
def test_it_does_not_matter_in_which_pieces_they_come(data: bytes, lines: list[str] | None) -> None:
    assert read(*(data[at : at + 1] for at in range(len(data))))[0] == read(data)[0]


@given(
    st.lists(
        st.sampled_from(
            [
                b"\x1b[",
                b"A",
                b"2J",
                b"H",
                b"\x1b]0;",
                b"\x07",
                b"\x1b",
                b"\\",
                b"\r\n",
                b"text",
                b"\xe2",
                b"\x82\xac",
                b"?1049h",
                b"?1049l",
                b"999",
                b";",
                b"\b",
                b"K",
                b"P",
                b"133;D",
            ]
        ),
        max_size=40,
    ),
    st.data(),
)
def test_no_bytes_break_it_and_pieces_never_matter(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    at = data.draw(st.integers(0, len(whole)))
    first, second = read(whole), read(whole[:at], whole[at:])
    assert first[0] == second[0]
    assert (first[1].busy, first[1].pastes, first[1].title) == (second[1].busy, second[1].pastes, second[1].title)


@pytest.mark.parametrize(
    ("data", "busy"),
    [
        (b"", None),
        (b"\x1b]133;A\x07$ \x1b]133;B\x07", False),
        (b"\x1b]133;C\x1b\\", True),
        (b"\x1b]133;C\x07out\r\n\x1b]133;D;0\x07", False),
        (b"\x1b]9;4;3\x07", True),
        (b"\x1b]9;4;1;50\x07\x1b]9;4;0\x07", False),
        (b"\x1b]9;hello\x07", None),
    ],
)
def test_marks_say_whether_it_works(data: bytes, busy: bool | None) -> None:
    assert read(data)[1].busy is busy


def test_the_line_of_the_cursor_stays_when_the_rest_is_forgotten() -> None:
    screen = Screen()
    screen.feed(b"\x1b[?2004hmuch\r\nmore\r\n>>> ")
    assert screen.begin() == ">>>" and screen.pastes
    assert screen.feed(b"echo\r\nout\r\n>>> ") == [">>> echo", "out"]
    assert screen.list_rest() == [">>>"] and screen.line() == ">>>"
