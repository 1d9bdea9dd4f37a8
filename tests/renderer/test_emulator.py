"""What a terminal shows: attributes, wide characters, other screens; and bytes that want to do harm."""

from __future__ import annotations

import os
import random
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.renderer.emulator import CLUSTER_LENGTH, Emulator
from agentlanes.renderer.wire import HISTORY_LINES, MAX_CELLS
from protocol.schemas import explain
from renderer.rig import Tmux, paint, read_text, show, slices

COLS, ROWS = 40, 10


def test_attributes_stand_with_the_text_that_has_them() -> None:
    _, lines = show(
        b"a\033[1;3;31mred\033[22;23;38;2;1;2;3;48;5;200mrgb\033[0;4:3;58:5:9mc\033[0;2;5;7;8;9;53mall\033[m z"
    )
    flags = dict.fromkeys(("faint", "blink", "inverse", "invisible", "strikethrough", "overline"), True)
    assert lines[0] == [
        {"text": "a", "cells": 1},
        {"text": "red", "cells": 3, "fg": "1", "bold": True, "italic": True},
        {"text": "rgb", "cells": 3, "fg": "#010203", "bg": "200"},
        {"text": "c", "cells": 1, "underline": "curly", "underline_color": "9"},
        {"text": "all", "cells": 3, **flags},
        {"text": " z", "cells": 2},
    ]


def test_blanks_with_a_background_are_shown_and_others_are_not() -> None:
    _, lines = show(b"a   \033[44m\033[K\033[m\r\nb   ", cols=10)
    assert lines[0] == [{"text": "a   ", "cells": 4}, {"text": "      ", "cells": 6, "bg": "4"}]
    assert lines[1] == [{"text": "b", "cells": 1}]
    assert show(b"\033[48;2;9;8;7m\033[2J")[1][3] == [{"text": " " * COLS, "cells": COLS, "bg": "#090807"}]


def test_wide_and_combined_characters_take_their_cells() -> None:
    screen, lines = show("日本e\u0301 👩x".encode())
    assert lines[0] == [{"text": "日本e\u0301 👩x", "cells": 9}]
    assert screen["cursor"]["col"] == 9
    assert read_text(show("日".encode() * 3, cols=5)[1])[:2] == ["日日", "日"]
    # What is left of a wide character that loses a half is a blank.
    assert read_text(show("日本\033[1;2HX".encode())[1])[0] == " X本"
    assert read_text(show(b"\033(0lqk\033(B")[1])[0] == "┌─┐"


def test_another_screen_comes_and_goes() -> None:
    emulator = Emulator(COLS, ROWS)
    emulator.feed(b"shell$ \033[?1049h\033[?1h\033[?2004h\033[?1000h\033[2 q\033[?25l\033[HFULL")
    screen, lines = paint(emulator)
    assert (screen["alternate"], screen["application_cursor_keys"], screen["bracketed_paste"]) == (True, True, True)
    assert screen["mouse_tracking"] is True and screen["cursor"]["visible"] is False
    assert read_text(lines)[0] == "FULL"
    emulator.feed(b"\033[?1049l\033[?25h")
    screen, lines = paint(emulator, lines)
    assert screen["alternate"] is False and screen["cursor"]["visible"] is True
    assert read_text(lines)[0] == "shell$"
    emulator.close()


def test_what_scrolled_out_can_be_read() -> None:
    emulator = Emulator(COLS, 4)
    emulator.feed(b"".join(b"line %d\r\n" % number for number in range(HISTORY_LINES * 3)))
    screen, _ = paint(emulator)
    kept = screen["history_lines"]
    assert 0 < kept <= HISTORY_LINES + 1000
    history = emulator.read_history(5)
    assert history == [f"line {HISTORY_LINES * 3 - 3 - back}" for back in range(5, 0, -1)]
    assert len(emulator.read_history(10_000_000)) == kept
    emulator.close()


def test_only_lines_that_changed_are_told() -> None:
    emulator = Emulator(COLS, ROWS)
    emulator.feed(b"one\r\ntwo\r\n")
    assert sorted(emulator.paint()[1]) == list(range(ROWS))
    emulator.feed(b"three")
    assert list(emulator.paint()[1]) == [2]
    assert emulator.paint()[1] == {}
    emulator.feed(b"\033[1;1Hone")
    assert emulator.paint()[1] == {}, "the same again is no change"
    emulator.close()


def test_a_size_beyond_the_bounds_is_cut() -> None:
    emulator = Emulator(10_000, 10_000)
    emulator.feed(b"x" * 100 + b"\033[9999;9999Hy")
    screen, lines = paint(emulator)
    assert screen["cols"] == 10_000 and screen["rows"] == MAX_CELLS // 10_000 == len(lines)
    emulator.resize(1, 1)
    emulator.resize(10_000, 1)
    emulator.resize(1, 10_000)
    assert paint(emulator)[0]["rows"] == 10_000
    emulator.close()


HOSTILE = {
    "counts": b"".join(b"\033[999999999999%c" % final for final in b"ABCDEFGHIJKLMPSTXZ@`abdefg") + b"\033[99999999b",
    "many parameters": b"\033[" + b"1;" * 200_000 + b"m",
    "many digits": b"\033[" + b"9" * 200_000 + b"m",
    "a title without an end": b"\033]0;" + b"x" * 3_000_000,
    "a long title": b"\033]0;" + b"t\033[31m" * 500_000 + b"\007",
    "a device control string without an end": b"\033Pq" + b"#0;2;0;0;0" * 300_000,
    "an image": b"\033_Gf=32,s=10000,v=10000,a=T,m=1;" + b"AAAA" * 500_000 + b"\033\\",
    "an image from a file": b"\033_Gf=100,t=f,a=T;L2V0Yy9wYXNzd2Q=\033\\",
    "a tower of accents": ("a" + "\u0301" * 500_000).encode(),
    "links": b"".join(b"\033]8;id=%d;http://x/%d\033\\a" % (number, number) for number in range(20_000)),
    "styles": b"".join(b"\033[38;2;%d;%d;%dma" % (n % 256, n // 256 % 256, n // 65536) for n in range(50_000)),
    "screens": b"\033[?1049h\033[?1049l" * 50_000,
    "regions": b"".join(b"\033[%d;%dr\033M\n" % (n % 12, n % 15) for n in range(50_000)),
    "resets": b"\033c" * 20_000,
    "clipboard": b"\033]52;c;" + b"QUFB" * 500_000 + b"\007",
    "questions": b"\033[c\033[6n\033[?u\033]11;?\007\033P+q544e\033\\" * 20_000,
    "eight-bit controls": bytes(range(0x80, 0xA0)) * 1000,
    "noise": random.Random(4).randbytes(2_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_bytes_that_want_to_do_harm(name: str) -> None:
    emulator = Emulator(COLS, ROWS)
    emulator.feed(HOSTILE[name])
    screen, lines = paint(emulator)
    assert len(lines) == ROWS
    told = {**screen, "offset": 0, "lines": [{"row": row, "runs": runs} for row, runs in lines.items()]}
    assert explain("Screen", told) is None
    for runs in lines.values():
        assert sum(run["cells"] for run in runs) <= COLS
        for run in runs:
            assert not any(char < " " or "\x7f" <= char <= "\x9f" for char in run["text"])
            assert len(run["text"]) <= run["cells"] * CLUSTER_LENGTH
    emulator.feed(b"\033\\\030\033c still there")
    assert "still there" in read_text(paint(emulator, lines)[1])[0]
    emulator.close()


def test_memory_is_bounded() -> None:
    def measure() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    emulator = Emulator(200, 50)
    emulator.feed(b"".join(HOSTILE.values()))
    before = measure()
    tracemalloc.start()
    for _ in range(5):
        emulator.feed(b"".join(HOSTILE.values()))
        emulator.paint()
    assert tracemalloc.get_traced_memory()[0] < 16 << 20
    tracemalloc.stop()
    assert measure() - before < 64 << 20
    emulator.close()


TEXT = st.text(st.characters(codec="utf-8"), max_size=12).map(str.encode)
NUMBER = st.integers(0, 14).map(lambda number: b"%d" % number if number else b"")
SEQUENCE = st.builds(
    lambda first, second, final: b"\033[" + first + (b";" + second if second else b"") + final,
    NUMBER,
    NUMBER,
    st.sampled_from([bytes([final]) for final in b"ABCDEFGHJKLMPSTX@dfmr"]),
)
KEYS = [b"\r", b"\n", b"\r\n", b"\t", b"\b", b"\0337", b"\0338", b"\033M", b"\033D", b"\033E"]
MODES = [b"\033[?%d%c" % (mode, final) for mode in (6, 7, 1049) for final in b"hl"]
CONTROL = st.sampled_from([*KEYS, *MODES, b"\033[1;31m", b"\033[48;2;1;2;3m", b"\033[m", b"\033]0;t\007"])
STREAM = st.lists(TEXT | SEQUENCE | CONTROL | st.binary(max_size=6), max_size=40).map(b"".join)


@given(STREAM, st.lists(st.integers(0, 10_000), max_size=12))
def test_parts_show_what_the_whole_shows(data: bytes, cuts: list[int]) -> None:
    whole, parts = Emulator(20, 6), Emulator(20, 6)
    whole.feed(data)
    lines: dict[int, object] = {}
    for part in slices(data, cuts):
        parts.feed(part)
        _, lines = paint(parts, lines)
    assert paint(parts, lines) == paint(whole)
    whole.close()
    parts.close()


@pytest.fixture(scope="module")
def tmux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    other = Tmux(tmp_path_factory.mktemp("tmux"), COLS, ROWS)
    yield other
    other.close()


SHARED = {
    "lines": b"".join(b"line %d\r\n" % number for number in range(25)),
    "wrapping": b"x" * 95 + b"\r\n" + b"y" * 40 + b"z",
    "cursor": b"\033[3;5Hthree\033[2A\033[10Done\033[Bback\033[9G!\033[5d5\033[H0\033[99;99Hend",
    "erasing": b"a" * 400 + b"\033[3;10H\033[K\033[5;10H\033[1K\033[7;1H\033[J\033[2;3H\033[4X",
    "inserting": b"one\r\ntwo\r\nthree\033[2;2H\033[3@\033[1;1H\033[2L\033[4;1H\033[1M\033[5;2H\033[2P",
    "a region": b"".join(b"%d\r\n" % n for n in range(9))
    + b"\033[3;6r\033[6;1Hone\ntwo\nthree\033[3;1H\033M\033M!\033[r",
    "scrolling": b"".join(b"%d\r\n" % n for n in range(9)) + b"\033[3S\033[1T",
    "tabs": b"\ta\t\tb\r\n\033[5G\033Hx\r\n\tq\033[3g\ty",
    "wide": "日本語テキスト".encode() + "ab日\r\n".encode() * 3 + b"\033[1;3HX",
    "saved": b"\033[2;3H\0337\033[5;5Hx\0338y\033[s\033[7;7Hz\033[uw",
    "a full screen": b"$ vi\r\n\033[?1049h\033[2J\033[Htext\033[?1049l$ back",
    "repeating": b"ab\033[5b|",
    "origin": b"\033[3;7r\033[?6h\033[1;1Htop\033[9;1Hbottom\033[?6l\033[1;1Hreal",
    "no wrapping": b"\033[?7l" + b"x" * 60 + b"y\033[?7h",
    "unknown": b"a\033[>4;2m\033[?2026h\033[=1;1u\033P+q544e\033\\b\033[?2026l\033]999;x\007c\033_apc\033\\d",
    "colours": b"\033[38:2::1:2:3ma\033[48;5;9mb\033[1;4:3mc\033[m",
}


def check_same(data: bytes, tmux: Tmux) -> None:
    screen, lines = show(data)
    others, (col, row) = tmux.show(data)
    assert read_text(lines) == others
    # At the end of a line tmux tells the cursor beyond it.
    assert (screen["cursor"]["col"], screen["cursor"]["row"]) == (min(col, COLS - 1), row)


@pytest.mark.parametrize("name", SHARED)
def test_another_emulator_shows_the_same(name: str, tmux: Tmux) -> None:
    check_same(SHARED[name], tmux)


def make_stream(seed: int) -> bytes:
    """Something that a program could print, of what every terminal does in the same way."""
    chance = random.Random(seed)

    def edit() -> bytes:
        return b"\033[%d%c" % (chance.randint(1, 9), chance.choice(b"LMST")) + chance.choice([b"\n\n\n", b"\033M", b""])

    parts = [
        lambda: b"".join(chance.choice([b"ab ", b"word ", b"12345"]) for _ in range(chance.randrange(8))),
        lambda: b"\033[%d;%dH" % (chance.randint(1, ROWS + 2), chance.randint(1, COLS + 2)),
        lambda: b"\033[%d%c" % (chance.randint(1, 12), chance.choice(b"ABCDPSTX@")),
        # Where the cursor is after lines were inserted, the two do not agree.
        lambda: b"\r\033[%d%c" % (chance.randint(1, 12), chance.choice(b"LM")),
        lambda: b"\033[%d%c" % (chance.randint(0, 2), chance.choice(b"JK")),
        lambda: chance.choice([b"\r\n", b"\n", b"\r", b"\b", b"\t", b"\033M", b"\033D", b"\033E"]),
        # Beside the region the two insert lines in different ways.
        lambda: b"\033[%d;%dr\033[%d;1H%b\033[r" % (2, 8, chance.randint(2, 8), edit()),
        lambda: chance.choice([b"\0337", b"\0338", b"\033[1;31m", b"\033[44m", b"\033[m"]),
    ]
    return b"\0337" + b"".join(chance.choice(parts)() for _ in range(60))


@pytest.mark.parametrize("seed", range(30))
def test_another_emulator_shows_the_same_of_anything(seed: int, tmux: Tmux) -> None:
    check_same(make_stream(seed), tmux)
