"""`agentlanes call` and `describe`, as scripts use them."""

from __future__ import annotations

import json

from cli.place import Place


def test_answers_are_one_line_of_json(place: Place) -> None:
    done = place.run("call", "workspace.list")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"workspaces": []}
    assert done.stdout.count("\n") == 1


def test_a_refusal_is_json_on_stderr_and_exit_code_1(place: Place) -> None:
    done = place.run("call", "lane.get", "--lane", "ln_01M7XA1ZFJBX84F8JP1QMT6001")
    assert (done.returncode, done.stdout) == (1, "")
    error = json.loads(done.stderr)
    assert error["data"]["code"] == "LANE_NOT_FOUND"
    assert error["data"]["correlation_id"].startswith("cli-")


def test_wrong_usage_is_one_line_and_exit_code_2(place: Place) -> None:
    for arguments in (["call"], ["call", "lane.get", "{"], ["call", "lane.get", "[]"], ["nonsense"], ["stop", "now"]):
        done = place.run(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert done.stderr.count("\n") == 1, done.stderr
        assert "--help` shows the usage" in done.stderr


def test_flags_and_json_make_the_envelope_in_any_order(place: Place) -> None:
    (place.folder / "repo").mkdir()
    payload = json.dumps({"root_paths": [str(place.folder / "repo")]})
    first = place.run("call", "--envelope", "once", "--correlation", "c-1", "workspace.create", payload)
    again = place.run("call", "workspace.create", payload, "--correlation", "c-1", "--envelope", "once")
    whole = json.dumps({"envelope_id": "once", "correlation_id": "c-1", "payload": json.loads(payload)})
    third = place.run("call", "workspace.create", "-", stdin=whole)
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout == third.stdout
    assert len(place.call("workspace.list")["workspaces"]) == 1


def test_wait_prints_the_entity_at_its_end(place: Place) -> None:
    lane_id = place.make_lane()
    session = place.call("session.create", {}, "--lane", lane_id, "--wait")["session"]
    assert session["status"] == "attached"
    prompt = 'SCRIPT:[{"say": "hello"}, {"stop": "end_turn"}]ENDSCRIPT'
    turn = place.call("turn.create", {"prompt": prompt}, "--session", session["session_id"], "--wait")["turn"]
    assert (turn["status"], turn["summary"]) == ("completed", "hello")
    closed = place.call("lane.cleanup", {}, "--lane", lane_id, "--wait")["lane"]
    assert closed["status"] == "closed"


def test_wait_fails_with_the_problem_of_the_operation(place: Place) -> None:
    lane_id = place.make_lane()
    done = place.run("call", "lane.merge", "--lane", lane_id, "--wait")
    assert (done.returncode, done.stdout) == (1, "")
    error = json.loads(done.stderr)
    assert error["data"]["code"] == "ALREADY_MERGED"
    assert error["code"] == -31310


def test_describe_shows_a_method_with_its_types(place: Place) -> None:
    described = json.loads(place.run("describe", "lane.merge").stdout)
    assert described["lane.merge"]["params"] == "LaneMerge"
    assert {"LaneMerge", "LaneState", "Lane", "Worktree"} <= set(described["$defs"])
    assert "TerminalSpawn" not in described["$defs"]
    whole = json.loads(place.run("describe").stdout)
    assert {"methods", "topics", "errors", "machines", "schema"} <= set(whole)
    unknown = place.run("describe", "lane.crate")
    assert unknown.returncode == 1
    assert "did you mean lane.create" in unknown.stderr


def test_two_operations_under_one_correlation_are_refused(place: Place) -> None:
    place.configure('[profiles.mute]\nargv = ["sleep", "100"]\n')
    lane_id = place.make_lane()
    arguments = ("call", "session.create", '{"profile": "mute"}', "--lane", lane_id, "--correlation", "twice")
    assert place.run(*arguments).returncode == 0
    refused = place.run(*arguments)
    assert refused.returncode == 1
    error = json.loads(refused.stderr)
    assert (error["data"]["code"], error["data"]["correlation_id"]) == ("ORDERING_VIOLATION", "twice")
    place.call("lane.cleanup", {"force": True}, "--lane", lane_id, "--wait")


def test_a_field_is_printed_alone_for_shells(place: Place) -> None:
    lane_id = place.make_lane()
    found = place.run("call", "lane.list", "--field", "lanes.0.lane_id")
    assert found.stdout == f"{lane_id}\n"
    assert place.run("call", "lane.list", "--field", "lanes.0.worktrees").stdout.startswith('[{"repo_id"')
    missing = place.run("call", "lane.list", "--field", "lanes.1.name")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == "agentlanes: the answer to lane.list has no lanes.1.name; it has lanes\n"
