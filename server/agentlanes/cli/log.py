"""`agentlanes log`: what happened, from the log itself."""

from __future__ import annotations

import argparse
import sys

import msgspec

from agentlanes.cli.client import connect
from agentlanes.cli.events import Printer
from agentlanes.cli.watch import follow

PAGE = 1000


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--after", type=int, default=0, metavar="SEQ", help="only what followed this position")
    parser.add_argument("--follow", action="store_true", help="then go on with what happens")
    parser.add_argument("--json", action="store_true", help="envelopes as JSON lines, also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Print the events of the log in order."""
    printer = Printer(arguments.json)
    after: int = arguments.after
    with connect("log") as client:
        end = client.call("server.status")["seq"]
        while after < end:
            events = client.call("event.list", {"after_seq": after, "limit": PAGE})["events"]
            if not events:
                break
            for event in events:
                printer.show(msgspec.json.encode(event))
            after = events[-1]["seq"]
        sys.stdout.flush()
        return follow(client, printer, after) if arguments.follow else 0
