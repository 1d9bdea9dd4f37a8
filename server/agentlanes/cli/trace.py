"""`agentlanes trace`: what a turn was made of, for people, for programs and for OpenTelemetry."""

from __future__ import annotations

import argparse
import sys

import msgspec

from agentlanes.cli.client import Client, Json, connect
from agentlanes.cli.output import show
from agentlanes.wire.models import TraceEntry
from agentlanes.wire.table import PREFIXES


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="turn_id, or session_id for all of its turns")
    parser.add_argument(
        "--format",
        choices=("json", "otel"),
        default="json",
        help="json: the entries as trace.list tells them; otel: GenAI spans as OTLP/JSON, for a collector's /v1/traces",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the trees."""
    with connect("trace") as client:
        entries = read_traces(client, arguments.id)
    if arguments.format == "json":
        show({"traces": entries})
        return 0
    from agentlanes.cli.otel import write_spans

    spans = write_spans(msgspec.convert(entries, list[TraceEntry]))
    sys.stdout.buffer.write(msgspec.json.encode(spans) + b"\n")
    return 0


def read_traces(client: Client, id: str) -> list[Json]:
    """All entries of a turn or of a session."""
    if not id.startswith(f"{PREFIXES['session']}_"):
        found: list[Json] = client.call("trace.list", {"turn_id": id})["traces"]
        return found
    entries: list[Json] = []
    cursor: Json = {}
    while True:
        page = client.call("trace.list", cursor, session_id=id)
        entries += page["traces"]
        if "next_cursor" not in page:
            return entries
        cursor = {"cursor": page["next_cursor"]}
