"""`agentlanes call`: one method, for scripts."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from agentlanes.cli.client import Client, Json, Refused, connect, encode
from agentlanes.cli.commands import fail
from agentlanes.cli.output import show

IDS = ("workspace", "lane", "session", "terminal")
"""The ids of an envelope that have a flag."""


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("method", metavar="METHOD", help="for example lane.list; `agentlanes describe` lists them all")
    parser.add_argument(
        "json",
        nargs="?",
        type=read_json,
        default={},
        metavar="JSON",
        help="the payload, or a whole envelope with a payload in it; - reads stdin",
    )
    for noun in IDS:
        parser.add_argument(f"--{noun}", dest=f"{noun}_id", metavar="ID", help=f"{noun}_id of the envelope")
    parser.add_argument("--envelope", dest="envelope_id", metavar="ID", help="makes a repeat of the command harmless")
    parser.add_argument("--correlation", dest="correlation_id", metavar="ID", help="made up where absent")
    parser.add_argument("--wait", action="store_true", help="print the entity when the command has come to its end")
    parser.add_argument("--field", metavar="PATH", help="print only this, as lane.lane_id or lanes.0.name")


def run(arguments: argparse.Namespace) -> int:
    """Print the answer's payload; on failure the error on stderr, and 1."""
    envelope = make_envelope(arguments)
    try:
        with connect() as client:
            if arguments.wait:
                payload = _call_and_wait(client, arguments.method, envelope)
            else:
                payload = client.request(arguments.method, envelope)["payload"]
    except Refused as refused:
        sys.stderr.write(encode(refused.as_json()).decode() + "\n")
        return 1
    if arguments.field is None:
        show(payload)
        return 0
    try:
        value = find_field(payload, arguments.field)
    except LookupError:
        return fail(f"the answer to {arguments.method} has no {arguments.field}; it has {', '.join(payload)}")
    if isinstance(value, str):
        print(value)
    else:
        show(value)
    return 0


def find_field(value: Any, path: str) -> Any:
    """What stands at a path of names and positions. Raises LookupError."""
    for step in path.split("."):
        if isinstance(value, list) and step.isdecimal():
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value[step]
        else:
            raise LookupError(step)
    return value


def make_envelope(arguments: argparse.Namespace) -> Json:
    """The envelope to send, of the JSON and the flags."""
    envelope = dict(arguments.json) if "payload" in arguments.json else {"payload": arguments.json}
    for field in (*(f"{noun}_id" for noun in IDS), "envelope_id", "correlation_id"):
        value = getattr(arguments, field)
        if value is not None:
            envelope[field] = value
    return envelope


def read_json(text: str) -> Json:
    """An argument, or stdin for `-`, as a JSON object."""
    try:
        value = msgspec.json.decode(sys.stdin.buffer.read() if text == "-" else text)
    except msgspec.DecodeError as error:
        raise argparse.ArgumentTypeError(f"this is not JSON ({error}): {text[:80]}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'a JSON object is needed, as \'{{"name": "fix"}}\': {text[:80]}')
    return value


def _call_and_wait(client: Client, method: str, envelope: Json) -> Json:
    from agentlanes.cli.outcome import await_outcome, find_outcome

    # From before the command on, so that no event of it is missed.
    noun = method.partition(".")[0]
    client.call("event.subscribe", {"after_seq": client.call("server.status")["seq"], "topics": [f"{noun}.*"]})
    answer = client.request(method, envelope)
    outcome = find_outcome(answer)
    payload: Json = answer["payload"]
    return payload if outcome is None else {outcome.noun: await_outcome(client, outcome)}
