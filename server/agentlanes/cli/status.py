"""`agentlanes status`: the server, its clients and what it holds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agentlanes.cli.client import Json, connect
from agentlanes.cli.output import show


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--json", action="store_true", help="JSON also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Show the status; a server that does not run is not started for it, and told with exit code 1."""
    with connect("status", start=False) as client:
        status = client.call("server.status")
        if arguments.json or not sys.stdout.isatty():
            show(status)
        else:
            _show_people(status, client.call("lane.list", {"limit": 1000})["lanes"])
    return 0


def _show_people(status: Json, lanes: list[Json]) -> None:
    from agentlanes.cli.screen import Screen

    screen = Screen()
    screen.line(
        f"server {status['version']}, process {status['pid']}, started {status['started_at']}, "
        f"generation {status['generation']}",
        "bold",
    )
    screen.line(f"state  {status['state_dir']}, {status['seq']} events, {status['runners']} runners")
    held = [f"{count} {noun}" for noun, count in status["counts"].items() if count]
    screen.line(f"holds  {', '.join(held) or 'nothing yet; `agentlanes try` shows what it is for'}")
    screen.line()
    screen.table(
        ("client", "connected", "events"),
        [(peer["client"], peer["connected_at"], "yes" if peer["subscribed"] else "no") for peer in status["peers"]],
    )
    shown = [lane for lane in lanes if lane["status"] != "closed"]
    if shown:
        screen.line()
        screen.table(
            ("lane", "status", "name", "worktree"),
            [(lane["lane_id"], lane["status"], lane["name"], _find_folder(lane)) for lane in shown],
        )


def _find_folder(lane: Json) -> str:
    path = lane["worktrees"][0]["path"] if lane["worktrees"] else ""
    home = str(Path.home())
    return f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path
