"""`agentlanes attach`, on a terminal and in pipes."""

from __future__ import annotations

import os
import signal

from cli.place import Place
from cli.seat import Seat


def test_keys_go_through_and_the_window_size_counts(place: Place) -> None:
    terminal = place.make_terminal(place.make_lane(), "/bin/sh")
    with Seat(place, "attach", terminal, columns=101, rows=31) as seat:
        before = seat.modes()
        seat.wait_until(lambda: seat.modes() != before)
        seat.type("stty size\n")
        seat.wait_for("31 101")
        seat.resize(90, 20)
        seat.wait_until(lambda: _find_size(place, terminal) == (90, 20))
        seat.type("stty size\n")
        seat.wait_for("20 90")
        seat.type("\x1c")
        assert seat.end() == 0
        assert seat.modes() == before
    assert "comes back to it" in seat.text
    assert place.call("terminal.get", {}, "--terminal", terminal)["terminal"]["state"] == "active"


def test_what_a_program_switched_on_is_switched_off_on_leaving(place: Place) -> None:
    lane = place.make_lane()
    terminal = place.make_terminal(lane, "/bin/sh", "-c", r"printf '\033[?1049h\033[?25lfull'; exec cat")
    with Seat(place, "attach", terminal, "--detach-key", "^A") as seat:
        seat.wait_for("full")
        seat.type("\x1c\x01")
        assert seat.end() == 0
    assert b"\x1b[?1049l" in seat.raw and b"\x1b[?25h" in seat.raw


def test_the_program_ends_it_with_its_exit_code(place: Place) -> None:
    lane = place.make_lane()
    terminal = place.make_terminal(lane, "/bin/sh")
    with Seat(place, "attach", terminal) as seat:
        seat.type("exit 7\n")
        assert seat.end() == 7
    assert "ended with exit code 7" in seat.text
    again = place.run("attach", terminal)
    assert again.returncode == 7
    assert "exit 7" in again.stdout
    killed = place.make_terminal(lane, "/bin/sh")
    done = place.run("attach", killed, stdin="kill -9 $$\n")
    assert done.returncode == 128 + signal.SIGKILL


def test_a_signal_restores_the_terminal(place: Place) -> None:
    terminal = place.make_terminal(place.make_lane(), "cat")
    with Seat(place, "attach", terminal) as seat:
        before = seat.modes()
        seat.wait_until(lambda: seat.modes() != before)
        os.kill(seat.pid, signal.SIGTERM)
        assert seat.end() == 128 + signal.SIGTERM
        assert seat.modes() == before


def test_a_server_that_goes_away_restores_the_terminal(place: Place) -> None:
    terminal = place.make_terminal(place.make_lane(), "cat")
    with Seat(place, "attach", terminal) as seat:
        before = seat.modes()
        seat.wait_until(lambda: seat.modes() != before)
        place.run("stop")
        assert seat.end() == 1
        assert seat.modes() == before
    assert "the server went away" in seat.text


def test_pipes_carry_every_byte(place: Place) -> None:
    lane = place.make_lane()
    counted = place.make_terminal(lane, "/bin/sh", "-c", "seq 1 200000; exit 0")
    done = place.run("attach", counted)
    assert done.returncode == 0
    assert done.stdout.split() == [str(number) for number in range(1, 200001)]
    # `cat` is slow to be fed: the input is several times what a PTY and its runner hold.
    fed = place.make_terminal(lane, "/bin/sh", "-c", "stty raw -echo; printf ready; exec head -c 3000000")
    done = place.run("attach", fed, stdin="0123456789" * 300000)
    assert done.returncode == 0
    assert len(done.stdout.removeprefix("ready")) == 3000000


def test_a_terminal_that_is_not_there_is_told(place: Place) -> None:
    done = place.run("attach", "tm_01M7XA1ZFJBX84F8JP1QMT6001")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("agentlanes: TERMINAL_NOT_FOUND: ")
    assert place.run("attach", "x", "--detach-key", "Q").returncode == 2


def _find_size(place: Place, terminal: str) -> tuple[int, int]:
    found = place.call("terminal.get", {}, "--terminal", terminal)["terminal"]
    return found["cols"], found["rows"]
