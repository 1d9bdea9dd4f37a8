"""`agentlanes approvals`: the inbox of all lanes."""

from __future__ import annotations

import json

from cli.place import Place
from cli.seat import Seat

ASK = 'SCRIPT:[{"run": {"argv": ["touch", "%s"], "ask": true}}]ENDSCRIPT'


def prompt(place: Place, lane_id: str, name: str) -> None:
    """Lets a session of its own ask."""
    session = place.call("session.create", {}, "--lane", lane_id, "--wait")["session"]["session_id"]
    seq = find_seq(place)
    place.call("turn.create", {"prompt": ASK % name}, "--session", session)
    watch(place, seq, "approval.requested")


def find_seq(place: Place) -> str:
    return str(place.call("server.status")["seq"])


def watch(place: Place, seq: str, topic: str) -> None:
    done = place.run("watch", "--after", seq, "--until", topic)
    assert done.returncode == 0, done.stderr


def list_waiting(place: Place, *flags: str) -> list[dict[str, str]]:
    done = place.run("approvals", *flags)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["approvals"])


def test_what_waits_in_all_lanes_is_listed_and_decided(place: Place) -> None:
    first = place.make_lane()
    workspace = place.call("lane.get", {}, "--lane", first)["lane"]["workspace_id"]
    second = place.call("lane.create", {"name": "Other"}, "--workspace", workspace, "--wait")["lane"]["lane_id"]
    prompt(place, first, "one")
    prompt(place, second, "two")
    waiting = list_waiting(place)
    assert [approval["title"] for approval in waiting] == ["touch one", "touch two"]
    assert [approval["title"] for approval in list_waiting(place, "--lane", second)] == ["touch two"]
    one, two = [approval["approval_id"] for approval in waiting]

    nobody = place.run("approvals", "ask")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    unknown = place.run("approvals", "allow", "nonsense")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "0 approvals that wait end in nonsense" in unknown.stderr

    seq = find_seq(place)
    allowed = place.run("approvals", "allow", one[-8:].lower(), "--scope", "session", "--reason", "go on")
    assert allowed.returncode == 0, allowed.stderr
    decision = json.loads(allowed.stdout)["approval"]["decision"]
    assert (decision["kind"], decision["scope"], decision["reason"]) == ("allow_once", "session", "go on")
    watch(place, seq, "turn.completed")
    seq = find_seq(place)
    denied = place.run("approvals", "deny", two)
    assert json.loads(denied.stdout)["approval"]["status"] == "denied"
    watch(place, seq, "turn.completed")
    again = place.run("approvals", "deny", two)
    assert again.returncode == 1 and "APPROVAL_DECIDED" in again.stderr

    assert list_waiting(place) == []
    assert [approval["status"] for approval in list_waiting(place, "--all")] == ["approved", "denied"]
    answered = place.run("approvals", "answer", one, "color=Red")
    assert answered.returncode == 1 and "APPROVAL_DECIDED" in answered.stderr


def test_without_a_server_nothing_is_started(place: Place) -> None:
    done = place.run("approvals")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no server runs" in done.stderr


def test_a_person_goes_through_the_inbox(place: Place) -> None:
    lane_id = place.make_lane()
    prompt(place, lane_id, "one")
    with Seat(place, "approvals") as seat:
        seat.wait_for("touch one")
        assert "Try it" in seat.text
    seq = find_seq(place)
    with Seat(place, "approvals", "ask") as seat:
        seat.wait_for("your answer")
        seat.type("1\n")
        watch(place, seq, "turn.completed")
    assert [approval["status"] for approval in list_waiting(place, "--all")] == ["approved"]
