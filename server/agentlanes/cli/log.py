"""`agentlanes log`: what happened, from the log itself."""

from __future__ import annotations

import argparse
import sys
import time

import msgspec

from agentlanes.cli.archive import open_archive
from agentlanes.cli.client import connect
from agentlanes.cli.events import Printer
from agentlanes.cli.watch import follow

PAGE = 1000
POLL_SECONDS = 0.2
"""How often a tape is looked at; nobody tells of its growth without a server."""


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--after", type=int, default=0, metavar="SEQ", help="only what followed this position")
    parser.add_argument("--follow", action="store_true", help="then go on with what happens")
    parser.add_argument("--json", action="store_true", help="envelopes as JSON lines, also on a terminal")
    parser.add_argument(
        "--raw",
        metavar="SESSION",
        help="instead of events, the frames that the agent of a session printed and was sent; needs no server",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the events of the log in order, or the frames of a session."""
    if arguments.raw is not None:
        return _show_frames(arguments.raw, as_json=arguments.json, go_on=arguments.follow)
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


def _show_frames(session_id: str, *, as_json: bool, go_on: bool) -> int:
    from agentlanes.cli.frames import FramePrinter, SessionFrames

    printer = FramePrinter(as_json)
    with open_archive() as archive:
        frames = SessionFrames(archive, archive.find("session", session_id).session_id)
        while True:
            for frame in frames.read():
                printer.show(frame)
            sys.stdout.flush()
            if not go_on:
                return 0
            time.sleep(POLL_SECONDS)
