"""Tapes that are played: resizes where they were, what retention dropped, and a start at any time."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agentlanes.renderer.emulator import Emulator
from agentlanes.renderer.player import SLICE_BYTES, Player
from agentlanes.runner.tape import Limit, Sizes, Writer
from renderer.rig import paint, read_text, write_tape

SIZE = st.tuples(st.integers(1, 30), st.integers(1, 12))
OUTPUT = st.text(st.sampled_from("ab 日\n\r\t"), max_size=60).map(lambda text: text.replace("\n", "\r\n").encode())


def play(player: Player) -> None:
    while player.play(player.find_end()):
        pass


def test_resizes_stand_where_they_were(tmp_path: Path) -> None:
    folder = write_tape(tmp_path / "t", (10, 4), b"x" * 15, (20, 4), b"\r\n" + b"y" * 15)
    player = Player(str(folder))
    play(player)
    screen, lines = paint(player.emulator)
    assert (screen["cols"], screen["rows"]) == (20, 4)
    # Ten columns wrapped it, and twenty put it together again.
    assert read_text(lines) == ["x" * 15, "y" * 15, "", ""]
    player.close()


@given(st.lists(SIZE | OUTPUT, max_size=12), st.data())
def test_who_begins_late_sees_the_same(steps: list[bytes | tuple[int, int]], data: st.DataObject) -> None:
    """One player that looks after every step, one that begins in the middle, one at the end: and the emulator alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tape"
        writer = Writer(str(path), Limit(1 << 30, 1 << 10, lossless=False))
        writer.note("resize", cols=20, rows=6)
        alone = Emulator(20, 6)
        early = Player(str(path))
        middle: Player | None = None
        begins = data.draw(st.integers(0, len(steps)))
        for number, step in enumerate(steps):
            if number == begins:
                middle = Player(str(path))
            if isinstance(step, bytes):
                writer.append(memoryview(step))
                alone.feed(step)
            else:
                writer.note("resize", cols=step[0], rows=step[1])
                alone.resize(*step)
            play(early)
            paint(early.emulator)
            if middle is not None:
                play(middle)
        late = Player(str(path))
        play(late)
        play(early)
        wanted = paint(alone)
        for player in (early, late, *([middle] if middle is not None else [])):
            play(player)
            player.emulator._painted = []
            assert paint(player.emulator) == wanted
            player.close()
        alone.close()
        writer.close()


def test_what_was_dropped_does_not_leave_half_a_sequence(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    writer = Writer(str(folder), Limit(1 << 12, 1 << 10, lossless=False))
    writer.note("resize", cols=30, rows=4)
    for number in range(1000):
        writer.append(memoryview(b"\033[38;2;100;100;%dmline %04d\r\n" % (number % 256, number)))
    player = Player(str(folder))
    assert player.offset > 0
    play(player)
    _, lines = paint(player.emulator)
    assert read_text(lines) == ["line 0997", "line 0998", "line 0999", ""]
    for number in range(1000, 3000):
        writer.append(memoryview(b"\033[38;2;100;100;%dmline %04d\r\n" % (number % 256, number)))
    play(player)
    _, lines = paint(player.emulator, lines)
    assert read_text(lines) == ["line 2997", "line 2998", "line 2999", ""]
    shown = "".join(player.emulator.read_history(1000))
    assert ";2;100" not in shown and "38;" not in shown
    player.close()
    writer.close()


def test_a_slice_is_all_that_is_played_at_once(tmp_path: Path) -> None:
    folder = write_tape(tmp_path / "t", (80, 24), b"x" * (3 * SLICE_BYTES + 5))
    player = Player(str(folder))
    end = player.find_end()
    turns = 1
    while player.play(end):
        assert player.offset <= turns * SLICE_BYTES
        turns += 1
    assert player.offset == end and turns == 4
    player.close()


def test_an_index_that_was_thinned_has_the_same_sizes(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    writer = Writer(str(folder), Limit(1 << 30, 1 << 20, lossless=False))
    sizes = Sizes(str(folder))
    sizes.look()
    assert sizes.find_next(0) is None
    writer.note("resize", cols=10, rows=5)
    sizes.look()
    writer.append(memoryview(b"abc"))
    writer.note("resize", cols=11, rows=6)
    sizes.look()
    assert [sizes.find_next(number) for number in range(3)] == [(0, 10, 5), (3, 11, 6), None]
    writer._thin_index()
    writer.note("resize", cols=12, rows=7)
    sizes.look()
    assert [sizes.find_next(number) for number in range(4)] == [(0, 10, 5), (3, 11, 6), (3, 12, 7), None]
    writer.close()


def test_a_tape_that_is_not_there(tmp_path: Path) -> None:
    player = Player(str(tmp_path / "none"))
    assert not player.is_known
    player.close()
    folder = write_tape(tmp_path / "t", (30, 5))
    player = Player(str(folder))
    assert player.is_known
    play(player)
    assert paint(player.emulator)[0]["cols"] == 30
    player.close()
