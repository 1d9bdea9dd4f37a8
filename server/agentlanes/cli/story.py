"""`agentlanes try`: what the whole thing is for, on the user's own server, in a minute.

A workspace opens, a lane gets its worktree, a session starts an agent, a prompt streams back, the agent asks before it
writes, the diff is shown, the lane is merged and closed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from agentlanes.cli.client import Client, Gone, Json, Message, NoServer, Refused, connect
from agentlanes.cli.commands import INTERRUPTED, fail
from agentlanes.cli.example import NoGit, make_repository
from agentlanes.cli.outcome import Outcome, find_outcome
from agentlanes.cli.question import Decider, Left, ask_line
from agentlanes.cli.screen import Screen
from agentlanes.cli.transcript import Transcript

PROMPT = "Add a CONTRIBUTING.md that tells newcomers how to propose a change"
LANE = "Say how to contribute"


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--repo", type=find_folder, metavar="DIR", help="your repository; a throw-away one if absent")
    parser.add_argument("--profile", metavar="NAME", help="the agent; the bundled demo agent if absent")
    parser.add_argument("--yes", action="store_true", help="answer the agent's questions, and merge, without asking")


def find_folder(text: str) -> Path:
    """An argument that names a folder."""
    folder = Path(text).expanduser().resolve()
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return folder


def run(arguments: argparse.Namespace) -> int:
    """Tell the story. The last line of one that went well names the merge commit."""
    screen = Screen()
    try:
        repository = arguments.repo or make_repository()
    except NoGit as error:
        return fail(str(error))
    with connect("try") as client:
        story = Story(client, screen, repository, is_own=arguments.repo is not None, yes=arguments.yes)
        try:
            return story.tell(arguments.profile or "demo")
        except (KeyboardInterrupt, Left):
            story.tell_what_goes_on()
            return INTERRUPTED
        except (Refused, Gone, NoServer) as error:
            story.tell_what_goes_on()
            return fail(str(error))


class Story:
    """One telling. `is_own` says that the repository is the user's, not ours to play with."""

    def __init__(self, client: Client, screen: Screen, repository: Path, *, is_own: bool, yes: bool) -> None:
        self._client = client
        self._screen = screen
        self._repository = repository
        self._is_own = is_own
        self._automatic = "--yes was given" if yes else None if screen.is_terminal else "nobody is at a terminal"
        self._transcript = Transcript(screen)
        self._decider = Decider(client, screen, self._automatic, self._hear)
        self._asked: list[Json] = []
        self._workspace_id = ""
        self._lane: Json = {}
        self._outcome: Outcome | None = None

    def tell(self, profile: str) -> int:
        """From the workspace to the merge; the exit code. Raises Refused, Left, Gone."""
        self._open_workspace()
        self._make_lane(profile)
        session = self._start_session()
        self._prompt(session)
        if not self._show_diff():
            self._clean_up()
            self._screen.line("nothing was merged: the agent changed nothing")
            return 0
        if not self._may_merge():
            self._screen.line("not merged; the lane stays as it is")
            self.tell_what_goes_on()
            return 0
        commit = self._merge()
        self._clean_up()
        self._screen.line(f"merge commit {commit}")
        return 0

    def tell_what_goes_on(self) -> None:
        """What is left, and how to come back to it or end it."""
        self._screen.end_line()
        if not self._lane:
            return
        lane_id = self._lane["lane_id"]
        self._screen.line(f"lane {lane_id} stays, with all that is in it and all that runs in it", "bold")
        self._screen.line("  see it    agentlanes watch")
        for approval in self._asked:
            decision = f'{{"approval_id": "{approval["approval_id"]}", "kind": "allow_once"}}'
            self._screen.line(f"  decide    agentlanes call approval.resolve '{decision}'")
        self._screen.line(f"  merge it  agentlanes call lane.merge --wait --lane {lane_id}")
        self._screen.line(f"  end it    agentlanes call lane.cleanup --wait --lane {lane_id} '{{\"force\": true}}'")

    def _open_workspace(self) -> None:
        server = self._client.server
        self._step("server", f"{server['version']}, generation {server['generation']}; `agentlanes stop` ends it")
        made = "" if self._is_own else " (made for this; delete it when you like)"
        self._step("repository", f"{self._repository}{made}")
        workspace = (
            self._find_workspace()
            or self._client.call(
                "workspace.create", {"root_paths": [str(self._repository)], "name": self._repository.name}
            )["workspace"]
        )
        self._workspace_id = workspace["workspace_id"]
        seq = self._client.call("server.status")["seq"]
        self._client.call("event.subscribe", {"after_seq": seq, "workspace_ids": [self._workspace_id]})
        try:
            self._client.call("repo.add", {"path": str(self._repository)}, workspace_id=self._workspace_id)
        except Refused as refused:
            if refused.name != "REPO_EXISTS":
                raise
        self._step("workspace", f"{workspace['name']} ({self._workspace_id})")

    def _find_workspace(self) -> Json | None:
        """The active workspace of the user's repository, if there is one already."""
        listed = self._client.call("workspace.list", {"status": "active", "limit": 1000})["workspaces"]
        return next((found for found in listed if found["root_paths"] == [str(self._repository)]), None)

    def _make_lane(self, profile: str) -> None:
        with self._screen.wait("making a worktree"):
            outcome = self._begin("lane.create", {"name": LANE, "profile": profile}, workspace_id=self._workspace_id)
            self._lane = outcome.entity
            self._lane = self._follow(outcome)
        worktree = self._lane["worktrees"][0]
        self._step("lane", f"{self._lane['name']} ({self._lane['lane_id']})")
        self._step("branch", f"{worktree['branch']}, from {worktree['target_branch']} {worktree['base_commit'][:10]}")
        self._step("worktree", worktree["path"])

    def _start_session(self) -> Json:
        with self._screen.wait("starting the agent"):
            session = self._follow(self._begin("session.create", {}, lane_id=self._lane["lane_id"]))
        self._step("session", f"{session['profile']} over {session['driver']} ({session['session_id']})")
        return session

    def _prompt(self, session: Json) -> None:
        self._screen.line()
        self._screen.line(PROMPT, "bold", mark="❯", mark_style="bold green")
        turn = self._follow(self._begin("turn.create", {"prompt": PROMPT}, session_id=session["session_id"]))
        tokens = turn.get("usage", {}).get("total_tokens")
        self._screen.line()
        self._step("turn", turn["status"] + (f", {tokens} tokens" if tokens else ""))

    def _show_diff(self) -> bool:
        """Whether there is anything to merge."""
        (worktree,) = self._client.call("lane.diff", lane_id=self._lane["lane_id"])["worktrees"]
        self._step("diff", f"{len(worktree['files'])} changed, +{worktree['additions']} -{worktree['deletions']}")
        self._screen.diff(worktree["files"])
        self._screen.line()
        return bool(worktree["files"])

    def _may_merge(self) -> bool:
        target = self._lane["worktrees"][0]["target_branch"]
        if not self._is_own:
            return True
        if self._automatic is not None:
            self._screen.line(f"merging into your {target} without asking: {self._automatic}", "yellow")
            return True
        question = f"merge this into {target} of {self._repository}? [y/N] "
        line = ask_line(self._screen, self._client, question, self._hear_unmoved)
        return line is not None and line.lower() in ("y", "yes")

    def _merge(self) -> str:
        with self._screen.wait("merging"):
            lane = self._follow(self._begin("lane.merge", {}, lane_id=self._lane["lane_id"]))
        merge: Json = lane["merges"][-1]
        self._step("merged", f"into {merge['target_branch_name']} of {self._repository}")
        return str(merge["merge_commit"])

    def _clean_up(self) -> None:
        lane_id = self._lane["lane_id"]
        with self._screen.wait("removing the worktree"):
            self._follow(self._begin("lane.cleanup", {"delete_branch": True}, lane_id=lane_id))
        self._lane = {}
        if not self._is_own:
            self._client.call("workspace.close", {}, workspace_id=self._workspace_id)
        self._step("lane", "closed; its worktree is gone, its log stays")

    def _begin(self, method: str, payload: Json, **ids: str) -> Outcome:
        """Send a command whose end is to be followed."""
        outcome = find_outcome(self._client.request(method, {"payload": payload, **ids}))
        assert outcome is not None
        return outcome

    def _follow(self, outcome: Outcome) -> Json:
        """The entity at its end; what happens until then is told."""
        self._outcome = outcome
        while not outcome.settled:
            if self._asked:
                self._decider.decide(self._asked[0])
                self._asked.pop(0)
                continue
            message = self._client.receive()
            if message is not None:
                self._hear(message)
        return outcome.check()

    def _hear(self, message: Message) -> None:
        """Take in an event, also one that comes while somebody thinks about an answer."""
        event = message.event
        if event.get("lane_id") != self._lane.get("lane_id"):
            # The workspace may be one that others work in.
            return
        if self._outcome is not None:
            self._outcome.hear(event)
        if message.method == "approval.requested":
            self._asked.append(event["payload"]["approval"])
        else:
            self._transcript.hear(event)

    def _hear_unmoved(self, message: Message) -> bool:
        """Nothing that the server says answers the question."""
        self._hear(message)
        return False

    def _step(self, what: str, text: str) -> None:
        self._screen.line(text, mark=f"● {what:<10}")
