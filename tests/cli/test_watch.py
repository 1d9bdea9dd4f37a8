"""`agentlanes watch` and `agentlanes log`."""

from __future__ import annotations

import json

from cli.place import Place
from cli.seat import Seat


def test_watch_prints_envelopes_as_they_come(place: Place) -> None:
    place.run("serve", "--daemon")
    with place.start("watch", "--topics", "workspace.*") as watching:
        assert watching.stdout is not None
        while not any(peer["subscribed"] for peer in json.loads(place.run("status").stdout)["peers"]):
            pass
        workspace = place.call("workspace.create", {"root_paths": [str(place.folder)]})["workspace"]
        event = json.loads(watching.stdout.readline())
        assert (event["topic"], event["seq"]) == ("workspace.created", 1)
        assert event["payload"]["workspace"] == workspace
        place.run("stop")
        out, err = watching.communicate()
    assert out == ""
    assert err == "agentlanes: the server went away; `--after 1` continues here\n"
    assert watching.returncode == 1


def test_the_log_is_what_watch_replays(place: Place) -> None:
    place.run("try")
    log = place.run("log").stdout.splitlines()
    events = [json.loads(line) for line in log]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    replayed = place.run("watch", "--after", "0", "--until", "workspace.closed").stdout.splitlines()
    assert [json.loads(line) for line in replayed if "seq" in json.loads(line)] == events
    assert [json.loads(line) for line in place.run("log", "--after", "5").stdout.splitlines()] == events[5:]


def test_people_get_lines(place: Place) -> None:
    place.run("try")
    with Seat(place, "log") as seat:
        assert seat.end() == 0
    assert "lane.merged" in seat.text
    assert "{" not in seat.text
    with Seat(place, "log", "--json", columns=1000) as seat:
        assert seat.end() == 0
    assert json.loads(seat.text.splitlines()[0])["seq"] == 1
