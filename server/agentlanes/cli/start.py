"""`agentlanes start`: from a prompt to an agent at work in a lane of its own."""

from __future__ import annotations

import argparse
from pathlib import Path

from agentlanes.cli.client import Client, Json, connect
from agentlanes.cli.outcome import Outcome
from agentlanes.cli.output import tell

_CHOICES = ("name", "profile", "target_branch", "base", "branch", "mode", "permission_mode", "constraint")


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("prompt", metavar="PROMPT", help="what the agent is asked")
    parser.add_argument("--in", dest="path", default=".", metavar="PATH", help="a file or folder of the repository")
    parser.add_argument("--name", help="of the lane; the first line of the prompt where absent")
    parser.add_argument("--profile", help="the agent; the default profile where absent")
    parser.add_argument("--target", dest="target_branch", metavar="BRANCH", help="where the lane merges into")
    parser.add_argument("--base", metavar="REVISION", help="where it starts; the target where absent")
    parser.add_argument("--branch", help="the lane's own; made from its name where absent")
    parser.add_argument(
        "--lane-mode",
        dest="mode",
        choices=("worktree", "clone"),
        help="a worktree of the repository, or a repository of its own in which the agent can commit itself; "
        "the repo's lane_mode where absent",
    )
    parser.add_argument(
        "--mode", dest="permission_mode", choices=("supervised", "plan", "auto"), help="what the agent may do unasked"
    )
    parser.add_argument("--constraint", metavar="NAME", help="limits of its turns")
    parser.add_argument("--envelope", dest="envelope_id", metavar="ID", help="makes a repeat of the command harmless")
    parser.add_argument("--wait", action="store_true", help="wait until the turn has ended")


def run(arguments: argparse.Namespace) -> int:
    """Start it and say what was made; with `--wait`, what became of it. Raises Refused."""
    payload: Json = {"prompt": arguments.prompt, "path": str(Path(arguments.path).expanduser().resolve())}
    payload |= {name: value for name in _CHOICES if (value := getattr(arguments, name)) is not None}
    envelope: Json = {"payload": payload}
    if arguments.envelope_id is not None:
        # A repeat is told by all that it says.
        envelope |= {"envelope_id": arguments.envelope_id, "correlation_id": arguments.envelope_id}
    with connect("start") as client:
        if arguments.wait:
            client.call("event.subscribe", {"topics": ["lane.*", "session.*", "turn.*"]})
        answer = client.request("lane.start", envelope)
        made = answer["payload"]
        if arguments.wait:
            made |= _wait(client, answer)
    lane, turn = made["lane"], made["turn"]
    tell(
        f"lane {lane['name']} ({lane['lane_id']}) of {made['repo']['display_name']}, branch {lane['branch']}\n"
        f"turn {turn['turn_id']} is {turn['status']}; `agentlanes watch` shows what happens, "
        "`agentlanes approvals` what waits for you",
        **made,
    )
    return 0


def _wait(client: Client, answer: Json) -> Json:
    """What was made, when the turn has ended. Raises Refused where the lane, the agent or the turn failed."""
    followed = {noun: Outcome(noun, answer["payload"][noun], answer["seq"]) for noun in ("lane", "session", "turn")}
    while not followed["turn"].settled:
        message = client.receive()
        if message is None or message.method is None:
            continue
        for outcome in followed.values():
            outcome.hear(message.event)
            if outcome.settled:
                outcome.check()
    return {noun: outcome.check() for noun, outcome in followed.items()}
