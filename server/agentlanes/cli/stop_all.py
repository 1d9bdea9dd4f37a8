"""`agentlanes stop-all`: the emergency stop."""

from __future__ import annotations

import argparse

from agentlanes.cli.client import Json, connect
from agentlanes.cli.outcome import await_outcome, find_outcome
from agentlanes.cli.output import tell


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--profile", help="only the agents of this profile; shells and other agents go on")
    parser.add_argument("--workspace", metavar="ID", help="only the lanes of this workspace")
    parser.add_argument("--reason", help="told wherever something ended because of this")


def run(arguments: argparse.Namespace) -> int:
    """Stop every agent and wait until none of their processes lives; 1 if one would not die.

    Where no server runs one is started: agents outlive it, and only a server can end them.
    """
    payload = {name: value for name in ("profile", "reason") if (value := getattr(arguments, name)) is not None}
    envelope: Json = {"payload": payload}
    if arguments.workspace is not None:
        envelope["workspace_id"] = arguments.workspace
    with connect("stop-all") as client:
        client.call("event.subscribe", {"topics": ["stop.*"]})
        outcome = find_outcome(client.request("agent.stop_all", envelope))
        assert outcome is not None
        stop = await_outcome(client, outcome)
    counts = {
        "agents": len(stop["session_ids"]),
        "terminals": len(stop["terminal_ids"]),
        "turns interrupted": len(stop["interrupted_turn_ids"]),
        "queued turns canceled": len(stop["canceled_turn_ids"]),
    }
    done = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    survivors = ", ".join(map(str, stop.get("survivor_pids", ())))
    told = f"stopped: {done}" if done else "nothing was running"
    tell(f"{told}; these would not die: {survivors}" if survivors else told, stop=stop)
    return 1 if survivors else 0
