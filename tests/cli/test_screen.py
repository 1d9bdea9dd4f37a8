"""`agentlanes screen`: what a terminal shows, for scripts."""

from __future__ import annotations

import json

from cli.place import Place


def test_the_screen_of_a_terminal(place: Place) -> None:
    lane_id = place.make_lane()
    line = r"printf '\033[?2004h'; seq 30; printf '\033[1;32mdone\033[m $ '; exec cat"
    terminal_id = place.make_terminal(lane_id, "sh", "-c", line)
    shown = place.run("screen", terminal_id)
    while shown.returncode == 0 and "done $" not in shown.stdout:
        shown = place.run("screen", terminal_id)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == "".join(f"{number}\n" for number in range(8, 31)) + "done $\n"
    more = place.run("screen", "--history", "2", terminal_id)
    assert more.stdout == "6\n7\n" + shown.stdout
    told = json.loads(place.run("screen", "--json", terminal_id).stdout)
    assert told["screen"]["lines"][-1]["runs"][0] == {"text": "done", "cells": 4, "fg": "2", "bold": True}
    assert told["screen"]["bracketed_paste"] is True
    place.call("terminal.close", {}, "--terminal", terminal_id)
    assert place.run("screen", terminal_id).stdout.startswith(shown.stdout[:40]), "a closed one is shown as it was"


def test_a_switch_waits_for_its_end(place: Place) -> None:
    terminal_id = place.make_terminal(place.make_lane(), "cat")
    switched = place.call("renderer.switch", {"mode": "mode_b"}, "--terminal", terminal_id, "--wait")["renderer"]
    assert (switched["status"], switched["from_mode"], switched["to_mode"]) == ("succeeded", "mode_a", "mode_b")
    assert place.call("terminal.get", {}, "--terminal", terminal_id)["terminal"]["active_renderer_mode"] == "mode_b"


def test_a_terminal_that_is_not_there(place: Place) -> None:
    done = place.run("screen", "tm_01M7XA1ZFJBX84F8JP1QMT6001")
    assert (done.returncode, done.stdout) == (1, "")
    assert "TERMINAL_NOT_FOUND" in done.stderr and done.stderr.count("\n") == 1
