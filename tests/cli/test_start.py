"""`agentlanes start`: one command from a prompt to an agent at work."""

from __future__ import annotations

import json

from cli.place import Place

WRITE = 'Greet the reader\nSCRIPT:[{"write": {"path": "hello.txt", "text": "hello\\n", "ask": false}}]ENDSCRIPT'


def test_a_prompt_is_started_and_waited_for(place: Place) -> None:
    repo = place.make_repo()
    done = place.run("start", WRITE, "--in", str(repo / "src"), "--envelope", "once", "--wait")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["lane"]["name"], made["turn"]["status"]) == ("Greet the reader", "completed")
    assert made["repo"]["path"] == str(repo)
    (worktree,) = place.call("lane.diff", {}, "--lane", made["lane"]["lane_id"])["worktrees"]
    assert [file["path"] for file in worktree["files"]] == ["hello.txt"]
    again = json.loads(place.run("start", WRITE, "--in", str(repo / "src"), "--envelope", "once").stdout)
    assert again["lane"]["lane_id"] == made["lane"]["lane_id"]
    assert len(place.call("lane.list")["lanes"]) == 1
    own = json.loads(place.run("start", WRITE, "--in", str(repo), "--lane-mode", "clone").stdout)
    assert own["lane"]["mode"] == "clone" and "mode" not in made["lane"]


def test_what_cannot_be_started_is_told_in_one_line(place: Place) -> None:
    outside = place.run("start", "x", "--in", "/")
    assert outside.returncode == 1 and len(outside.stderr.splitlines()) == 1, outside.stderr
    nobody = place.run("start", "x", "--in", str(place.make_repo()), "--profile", "nobody")
    assert nobody.returncode == 1 and "there is no profile nobody" in nobody.stderr


def test_an_agent_that_does_not_start_is_told(place: Place) -> None:
    place.configure('[profiles.broken]\nargv = ["false"]\n')
    done = place.run("start", "x", "--in", str(place.make_repo()), "--profile", "broken", "--wait")
    assert done.returncode == 1 and "agent" in done.stderr, done.stderr
