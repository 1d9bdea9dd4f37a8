"""`agentlanes stdio --embedded`: the server and its one client in one process. Without the flag the relay answers."""

from __future__ import annotations

import argparse


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--embedded", action="store_true", help="be the server too, for a script that wants no other")
    # VS Code appends it to whatever it is told to start.
    parser.add_argument("--stdio", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Serve stdin and stdout until the client has said all."""
    from agentlanes.serve import run_embedded

    return run_embedded()
