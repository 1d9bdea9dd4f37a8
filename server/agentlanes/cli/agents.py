"""`agentlanes agents`: which agents there are, and what each wants before it can work."""

from __future__ import annotations

import argparse
import shlex
import sys

from agentlanes.cli.client import Json, connect
from agentlanes.cli.output import show

_LOGINS = {"signed_in": "yes", "signed_out": "no", "unknown": "?"}


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("name", nargs="?", help="one agent, with all that is known of it")
    parser.add_argument("--all", action="store_true", help="also those that are not installed and not configured")
    parser.add_argument("--json", action="store_true", help="JSON also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Show the agents. In a pipe each is one line of JSON."""
    with connect("agents") as client:
        if arguments.name is not None:
            answer = client.call("agent.get", {"name": arguments.name})["agent"]
            answer["options"] = client.call("agent.options", {"name": arguments.name})
            show(answer)
            return 0
        agents = client.call("agent.list")["agents"]
    listed = [agent for agent in agents if arguments.all or agent["available"] or _is_written(agent)]
    if arguments.json or not sys.stdout.isatty():
        for agent in listed:
            show(agent)
    else:
        _show_people(listed, len(agents) - len(listed))
    return 0


def _is_written(agent: Json) -> bool:
    return bool(agent["profile"]["source"] != "built in")


def _show_people(agents: list[Json], hidden: int) -> None:
    from agentlanes.cli.screen import Screen

    screen = Screen()
    screen.table(
        ("agent", "title", "version", "login", "status", "activity", "sessions"),
        [
            (
                f"{agent['name']}{' *' if agent['profile']['default'] else ''}",
                agent["profile"]["title"],
                agent.get("version", "" if agent["available"] else "not found"),
                _LOGINS[agent["login"]] if agent["available"] else "",
                agent["status"].lower(),
                agent["activity_state"].lower(),
                str(agent["sessions"]),
            )
            for agent in agents
        ],
    )
    screen.line()
    for agent in agents:
        told = find_advice(agent)
        if told is not None:
            screen.line(f"{agent['name']}: {told}")
    screen.line("* is used where nothing names a profile")
    if hidden:
        screen.line(f"{hidden} more are known and not installed; `agentlanes agents --all` lists them")


def find_advice(agent: Json) -> str | None:
    """What to do about an agent that cannot work yet."""
    if not agent["available"]:
        return str(agent["unavailable_reason"])
    if agent["login"] == "signed_out" and agent["setup"]["login"]:
        command = agent["setup"]["login"][0]
        return f"{command['title']}: {shlex.join(command['argv'])}"
    return str(agent["problem"]["message"]) if agent.get("problem") and agent["status"] == "ERROR" else None
