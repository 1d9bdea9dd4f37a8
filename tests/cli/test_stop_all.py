"""The emergency stop by hand."""

from __future__ import annotations

import json
import os

from cli.place import Place


def test_stop_all_starts_a_server_to_end_what_runs_without_one(place: Place) -> None:
    lane_id = place.make_lane()
    terminal_id = place.make_terminal(lane_id, "cat")
    pid = place.call("process.list", {"status": "running"})["processes"][0]["pid"]
    place.run("stop")
    os.kill(pid, 0)
    told = json.loads(place.run("stop-all", "--reason", "lunch").stdout)["stop"]
    assert (told["status"], told["terminal_ids"], told["reason"]) == ("stopped", [terminal_id], "lunch")
    assert place.call("terminal.get", {}, "--terminal", terminal_id)["terminal"]["state"] == "closed"
    assert json.loads(place.run("status").stdout)["runners"] == 0


def test_stop_all_of_a_profile_leaves_shells_alone(place: Place) -> None:
    terminal_id = place.make_terminal(place.make_lane(), "cat")
    told = json.loads(place.run("stop-all", "--profile", "demo").stdout)["stop"]
    assert (told["status"], told["terminal_ids"]) == ("stopped", [])
    assert place.call("terminal.get", {}, "--terminal", terminal_id)["terminal"]["state"] == "active"
    place.run("stop-all")
