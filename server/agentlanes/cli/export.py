"""`agentlanes export`: what a terminal showed, with its real times, from its tape. Needs no server."""

from __future__ import annotations

import argparse
import sys

from agentlanes.cli.recording import Recording, find_recording, write_asciicast, write_text


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="TERMINAL", help="terminal_id, or process_id of a process on a terminal")
    parser.add_argument(
        "--format",
        choices=("asciicast", "text"),
        default="asciicast",
        help="asciicast: version 3, for asciinema and its players; text: the output as it came",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the recording to stdout."""
    recording: Recording = find_recording(arguments.id)
    write = write_asciicast if arguments.format == "asciicast" else write_text
    for part in write(recording):
        sys.stdout.buffer.write(part)
    sys.stdout.flush()
    return 0
