"""`agentlanes serve`: the server itself. Editors and commands start it by themselves where none runs."""

from __future__ import annotations

import argparse
import sys

from agentlanes import relay
from agentlanes.cli import stop
from agentlanes.cli.client import connect
from agentlanes.cli.output import tell


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--replace", action="store_true", help="take the place of the server that runs")
    parser.add_argument("--daemon", action="store_true", help="run in the background, with a log file")


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop, or start a server in the background and return."""
    if arguments.daemon:
        return _serve_in_background(arguments)
    from agentlanes.serve import run_server

    return run_server(replace=arguments.replace)


def _serve_in_background(arguments: argparse.Namespace) -> int:
    if arguments.replace:
        stopped = stop.run(arguments)
        if stopped:
            return stopped
    with connect("serve") as client:
        status = client.call("server.status")
    tell(
        f"server {status['pid']} runs, version {status['version']}, on {status['state_dir']}",
        pid=status["pid"],
        version=status["version"],
        state_dir=status["state_dir"],
    )
    if status["version"] != relay.VERSION:
        cure = "`agentlanes serve --daemon --replace` starts that one"
        print(f"agentlanes: this command is version {relay.VERSION}: {cure}", file=sys.stderr)
    return 0
