"""`agentlanes doctor`, on installations that are well and ones that are not."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from cli.place import Place, Run
from cli.seat import Seat


def read(done: Run) -> dict[str, dict[str, Any]]:
    """Findings by subject."""
    return {finding["subject"]: finding for finding in map(json.loads, done.stdout.splitlines())}


def test_a_fresh_installation_is_well_and_nothing_is_started(place: Place) -> None:
    done = place.run("doctor")
    findings = read(done)
    assert done.returncode == 0, done.stdout
    assert {"python", "system", "git", "command", "state", "data", "server", "log", "config"} <= set(findings)
    assert findings["agent demo"]["level"] == "ok"
    assert place.find_processes() == {}


def test_the_log_is_folded_while_the_server_runs(place: Place) -> None:
    place.run("try")
    findings = read(place.run("doctor"))
    status = json.loads(place.run("status").stdout)
    assert findings["log"]["message"].startswith(f"{status['seq']} events fold to ")
    assert f"generation {status['generation']}" in findings["server"]["message"]


def test_entities_that_are_not_the_fold_of_the_log_fail(place: Place) -> None:
    place.run("try")
    place.run("stop")
    with sqlite3.connect(place.log_path) as log:
        log.execute("UPDATE entities SET json = replace(json, 'archived', 'active') WHERE noun = 'workspace'")
    log.close()
    done = place.run("doctor")
    assert done.returncode == 1
    assert "1 entities differ from the fold" in read(done)["log"]["message"]
    with sqlite3.connect(place.log_path) as log:
        log.execute("DELETE FROM events WHERE seq = 3")
    log.close()
    assert "event 3 is missing" in read(place.run("doctor"))["log"]["message"]
    place.log_path.write_bytes(b"this is no database at all" * 100)
    assert "cannot be read" in read(place.run("doctor"))["log"]["message"]


def test_a_config_that_is_wrong_fails_and_is_cured_by_its_message(place: Place) -> None:
    place.configure('[profiles.mine]\nargv = "claude"\n[profiles.absent]\nargv = ["no-such-agent"]\n')
    done = place.run("doctor")
    findings = read(done)
    assert done.returncode == 1
    assert "mine" in findings["config"]["message"] and "argv" in findings["config"]["message"]
    assert findings["agent absent"]["level"] == "warn"
    assert "no-such-agent was not found on PATH" in findings["agent absent"]["message"]
    assert findings["agent demo"]["level"] == "ok"


def test_what_is_in_the_way_of_the_state_fails(place: Place) -> None:
    (place.folder / "s").write_text("a file")
    done = place.run("doctor")
    assert done.returncode == 1
    assert read(done)["state"]["cure"]


def test_people_get_words(place: Place) -> None:
    with Seat(place, "doctor") as seat:
        assert seat.end() == 0
    assert "ok   python" in seat.text
    assert "{" not in seat.text
