"""The server's life by hand: serve, status, stop, stdio."""

from __future__ import annotations

import json
import subprocess

from cli.place import WAIT_SECONDS, Place

VERSION = "0.1.0"


def test_nothing_starts_a_server_but_a_client_that_needs_one(place: Place) -> None:
    assert place.run("--version").stdout == f"agentlanes {VERSION}\n"
    status = place.run("status")
    assert (status.returncode, status.stdout) == (1, "")
    assert "`agentlanes serve` starts one" in status.stderr
    stopped = place.run("stop")
    assert (stopped.returncode, json.loads(stopped.stdout)) == (0, {"stopped": None})
    assert place.find_processes() == {}


def test_a_server_is_started_seen_and_stopped(place: Place) -> None:
    served = json.loads(place.run("serve", "--daemon").stdout)
    status = json.loads(place.run("status").stdout)
    assert status["pid"] == served["pid"]
    assert (status["version"], status["generation"]) == (VERSION, 1)
    assert [peer["client"] for peer in status["peers"]] == ["status"]
    assert json.loads(place.run("stop").stdout) == {"stopped": status["pid"], "runners": 0}
    assert place.find_processes() == {}
    assert json.loads(place.run("serve", "--daemon").stdout)["pid"] != status["pid"]


def test_a_second_server_is_refused_and_replace_takes_over(place: Place) -> None:
    with place.start("serve") as first:
        assert place.wait_for_server()["pid"] == first.pid
        second = place.run("serve")
        assert second.returncode == 75
        assert f"process {first.pid}" in second.stderr and "--replace" in second.stderr
        replaced = json.loads(place.run("serve", "--daemon", "--replace").stdout.splitlines()[-1])
        assert first.wait(WAIT_SECONDS) == 0
    assert json.loads(place.run("status").stdout)["pid"] == replaced["pid"]


def test_stop_tells_what_goes_on(place: Place) -> None:
    lane_id = place.make_lane()
    terminal_id = place.make_terminal(lane_id, "cat")
    assert json.loads(place.run("stop").stdout)["runners"] == 1
    assert place.call("terminal.get", {}, "--terminal", terminal_id)["terminal"]["state"] == "active"
    place.call("terminal.close", {}, "--terminal", terminal_id, "--wait")


def test_embedded_is_server_and_client_in_one(place: Place) -> None:
    def frame(message: dict[str, object]) -> str:
        body = json.dumps({"jsonrpc": "2.0", **message})
        return f"Content-Length: {len(body)}\r\n\r\n{body}"

    said = frame({"id": 1, "method": "initialize", "params": {}}) + frame({"id": 2, "method": "server.status"})
    said += frame({"id": 3, "method": "shutdown"}) + frame({"method": "exit"})
    done = place.run("stdio", "--embedded", "--stdio", stdin=said)
    assert done.returncode == 0, done.stderr
    assert '"capabilities"' in done.stdout and '"server_id"' in done.stdout
    assert place.find_processes() == {}


def test_a_server_that_cannot_start_says_why(place: Place) -> None:
    (place.folder / "s").write_text("in the way")
    done = place.run("call", "workspace.list")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "AGENTLANES_STATE_DIR" in done.stderr


def test_the_demo_agent_speaks_acp(place: Place) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": 1}}
    done = place.run("demo-agent", stdin=json.dumps(asked) + "\n")
    assert json.loads(done.stdout)["result"]["protocolVersion"] == 1


def test_a_reader_that_has_enough_is_no_error(place: Place) -> None:
    place.run("serve", "--daemon")
    piped = subprocess.run(
        ["/bin/sh", "-c", "agentlanes describe | head -c 10"],
        env=place.env,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert (len(piped.stdout), piped.stderr) == (10, "")
