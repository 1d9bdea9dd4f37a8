"""`agentlanes try`, by a script and by a person."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from cli.place import Place
from cli.seat import Seat


def find_example(text: str) -> Path:
    """The repository that the story made."""
    found = re.search(r"repository +(\S+) \(made for this", text)
    assert found is not None, text
    return Path(found[1])


def test_without_a_terminal_it_answers_for_the_user_and_says_so(place: Place) -> None:
    told = place.run("try")
    assert told.returncode == 0, told.stderr
    assert "\x1b" not in told.stdout
    assert "answered Allow (allow_once) by itself: nobody is at a terminal" in told.stdout
    assert "+# Contributing" in told.stdout
    repo = find_example(told.stdout)
    commit = place.git("rev-parse", "main", cwd=repo)
    assert told.stdout.splitlines()[-1] == f"merge commit {commit}"
    assert place.git("rev-list", "--count", "--merges", "main", cwd=repo) == "1"
    assert (repo / "CONTRIBUTING.md").read_text().startswith("# Contributing")
    assert place.git("status", "--porcelain", cwd=repo) == ""
    assert place.git("branch", "--format=%(refname:short)", cwd=repo) == "main"
    (lane,) = place.call("lane.list")["lanes"]
    assert lane["status"] == "closed"
    assert not Path(lane["worktrees"][0]["path"]).exists()
    assert [workspace["status"] for workspace in place.call("workspace.list")["workspaces"]] == ["archived"]


def test_a_person_answers_and_sees_it_merged(place: Place) -> None:
    with Seat(place, "try") as seat:
        seat.wait_for("your answer, 1 to 4: ")
        seat.type("yes\n")
        seat.wait_for("yes is not one of them")
        seat.wait_for("your answer, 1 to 4: ")
        seat.type("1\n")
        assert seat.end() == 0
    shown = seat.text
    assert b"\x1b[32m" in seat.raw
    for part in ("worktree", "session", "❯ Add a CONTRIBUTING.md", "plan ☑", "✓ Write CONTRIBUTING.md", "merged"):
        assert part in shown
    commit = place.git("rev-parse", "main", cwd=find_example(shown))
    assert shown.rstrip().splitlines()[-1] == f"merge commit {commit}"


def test_a_rejection_merges_nothing_and_closes_the_lane(place: Place) -> None:
    with Seat(place, "try") as seat:
        seat.wait_for("your answer, 1 to 4: ")
        seat.type("3\n")
        assert seat.end() == 0
    assert "✗ Write CONTRIBUTING.md" in seat.text
    assert seat.text.rstrip().splitlines()[-1] == "nothing was merged: the agent changed nothing"
    assert [lane["status"] for lane in place.call("lane.list")["lanes"]] == ["closed"]


def test_leaving_says_what_goes_on_and_it_can_be_finished(place: Place) -> None:
    with Seat(place, "try") as seat:
        seat.wait_for("your answer, 1 to 4: ")
        seat.type("\x03")
        assert seat.end() == 130
    (lane,) = place.call("lane.list")["lanes"]
    assert lane["status"] == "blocked"
    assert f"lane {lane['lane_id']} stays," in seat.text
    (approval,) = place.call("approval.list", {"status": "pending"})["approvals"]
    assert f'{{"approval_id": "{approval["approval_id"]}", "kind": "allow_once"}}' in seat.text
    place.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    (turn,) = place.call("turn.list")["turns"]
    place.run("watch", "--after", "0", "--until", "turn.completed")
    assert place.call("turn.get", {"turn_id": turn["turn_id"]})["turn"]["status"] == "completed"
    merged = place.call("lane.merge", {}, "--lane", lane["lane_id"], "--wait")["lane"]
    assert merged["merges"]
    place.call("lane.cleanup", {}, "--lane", lane["lane_id"], "--wait")


def test_another_client_may_decide_first(place: Place) -> None:
    with Seat(place, "try") as seat:
        seat.wait_for("your answer, 1 to 4: ")
        (approval,) = place.call("approval.list", {"status": "pending"})["approvals"]
        place.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
        seat.wait_for("approved by client/cli")
        assert seat.end() == 0
    assert "merge commit" in seat.text


def test_ones_own_repository_is_asked_about_before_the_merge(place: Place) -> None:
    repo = place.make_repo()
    before = place.git("rev-parse", "main")
    with Seat(place, "try", "--repo", str(repo)) as seat:
        seat.wait_for("your answer, 1 to 4: ")
        seat.type("1\n")
        seat.wait_for("[y/N] ")
        seat.type("n\n")
        assert seat.end() == 0
    assert place.git("rev-parse", "main") == before
    (lane,) = place.call("lane.list", {"status": "ready"})["lanes"]
    assert f"lane.merge --wait --lane {lane['lane_id']}" in seat.text
    told = place.run("try", "--repo", "repo", "--yes")
    assert told.returncode == 0, told.stderr
    assert "merging into your main without asking: --yes was given" in told.stdout
    assert told.stdout.splitlines()[-1] == f"merge commit {place.git('rev-parse', 'main')}"
    assert len(place.call("workspace.list")["workspaces"]) == 1


def test_others_in_the_same_workspace_are_left_alone(place: Place) -> None:
    lane = place.make_lane()
    session = place.call("session.create", {}, "--lane", lane, "--wait")["session"]["session_id"]
    place.call("turn.create", {"prompt": "Write SECRET"}, "--session", session)
    place.run("watch", "--after", "0", "--until", "approval.requested")
    told = place.run("try", "--repo", "repo", "--yes")
    assert told.returncode == 0, told.stderr
    assert "SECRET" not in told.stdout
    assert [turn["status"] for turn in place.call("turn.list", {}, "--session", session)["turns"]] == ["waiting"]
    place.call("lane.cleanup", {"force": True}, "--lane", lane, "--wait")


def test_what_cannot_work_is_told_in_one_line(place: Place) -> None:
    unknown = place.run("try", "--profile", "nobody")
    assert unknown.returncode == 1
    (line,) = unknown.stderr.splitlines()
    assert line.startswith("agentlanes: PROFILE_NOT_FOUND: there is no profile nobody; there are demo, codex, claude, ")
    plain = place.run("try", "--repo", str(place.folder / "home"))
    assert plain.returncode == 1
    assert plain.stderr.startswith("agentlanes: REPO_REFUSED: ")
    without_git = place.run("try", PATH=place.env["PATH"].split(":")[0])
    assert without_git.returncode == 1
    assert without_git.stderr.startswith("agentlanes: git is not installed")


def test_an_agent_that_does_not_start_is_told_with_its_reason(place: Place) -> None:
    place.configure('[profiles.broken]\nargv = ["/bin/sh", "-c", "echo no key >&2; exit 3"]\n')
    told = place.run("try", "--profile", "broken")
    assert told.returncode == 1
    assert "AGENT_EXITED" in told.stderr and "exit code 3" in told.stderr
    assert "agentlanes call lane.cleanup" in told.stdout


def test_a_signal_leaves_the_terminal_as_it_was(place: Place) -> None:
    with Seat(place, "try") as seat:
        before = seat.modes()
        seat.wait_for("your answer, 1 to 4: ")
        os.kill(seat.pid, signal.SIGINT)
        assert seat.end() == 130
        assert seat.modes() == before
