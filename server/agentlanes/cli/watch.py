"""`agentlanes watch`: events as they happen."""

from __future__ import annotations

import argparse
import sys

from agentlanes.cli.client import Client, Gone, connect
from agentlanes.cli.commands import fail
from agentlanes.cli.events import Printer


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--topics", nargs="+", metavar="TOPIC", help="only these, as lane.created or turn.*; all of them where absent"
    )
    parser.add_argument("--after", type=int, metavar="SEQ", help="first what followed this position of the log")
    parser.add_argument("--until", metavar="TOPIC", help="end when an event of this topic has come")
    parser.add_argument("--json", action="store_true", help="envelopes as JSON lines, also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Print envelopes, one line each, until the topic came, the server goes away or the user stops it."""
    with connect("watch") as client:
        return follow(client, Printer(arguments.json), arguments.after, arguments.topics, arguments.until)


def follow(
    client: Client, printer: Printer, after: int | None, topics: list[str] | None = None, until: str | None = None
) -> int:
    """Print what comes after a position of the log, or from now on; the exit code."""
    seq = client.call("server.status")["seq"] if after is None else after
    client.call("event.subscribe", {"after_seq": seq, **({"topics": topics} if topics else {})})
    try:
        for message in client.notifications():
            seq = printer.show(bytes(message.params)) or seq
            sys.stdout.flush()
            if message.method == until:
                break
    except Gone:
        return fail(f"the server went away; `--after {seq}` continues here")
    return 0
