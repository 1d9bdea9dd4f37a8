"""`agentlanes describe`: what the server understands, as the server itself says."""

from __future__ import annotations

import argparse
import difflib
import sys

from agentlanes.cli.client import Json, connect
from agentlanes.cli.commands import fail
from agentlanes.cli.output import show


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a method, topic, type or error; everything if absent")
    parser.add_argument("--json", action="store_true", help="JSON also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Show the whole description, or one entry of it with the types that it needs."""
    with connect("describe") as client:
        description = client.call("protocol.describe")
    if arguments.name is not None:
        found = find_entry(description, arguments.name)
        if found is None:
            return fail(_tell_unknown(description, arguments.name))
        show(found)
    elif arguments.json or not sys.stdout.isatty():
        show(description)
    else:
        _show_people(description)
    return 0


def find_entry(description: Json, name: str) -> Json | None:
    """One method, topic, error, machine or type, with every type that it leads to."""
    types: Json = description["schema"]["$defs"]
    for kind in ("methods", "topics", "errors", "machines"):
        if name in description[kind]:
            row: Json = description[kind][name]
            named = [row[field] for field in ("params", "result", "payload") if field in row]
            return {name: row, "$defs": _collect(types, named)}
    return {"$defs": _collect(types, [name])} if name in types else None


def _collect(types: Json, names: list[str]) -> Json:
    """The named types and all that they refer to."""
    found: Json = {}
    while names:
        name = names.pop()
        if name in types and name not in found:
            found[name] = types[name]
            names += _find_references(types[name])
    return dict(sorted(found.items()))


def _find_references(schema: object) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"].rpartition("/")[2]] if isinstance(schema.get("$ref"), str) else []
        return own + [name for value in schema.values() for name in _find_references(value)]
    if isinstance(schema, list):
        return [name for value in schema for name in _find_references(value)]
    return []


def _tell_unknown(description: Json, name: str) -> str:
    known = [*description["methods"], *description["topics"], *description["schema"]["$defs"], *description["errors"]]
    close = difflib.get_close_matches(name, known, 3)
    return f"there is no method, topic, type or error {name}" + (
        f"; did you mean {' or '.join(close)}?" if close else ""
    )


def _show_people(description: Json) -> None:
    from agentlanes.cli.screen import Screen

    screen = Screen()
    screen.line(
        f"{description['name']} protocol {description['version']}, server {description['server_version']}", "bold"
    )
    screen.line()
    screen.table(
        ("method", "needs", "payload", ""),
        [
            (name, " ".join(row.get("context", ())), row["params"], row["summary"])
            for name, row in description["methods"].items()
        ],
    )
    screen.line()
    screen.table(
        ("topic", "payload", ""),
        [(name, row["payload"], row["summary"]) for name, row in description["topics"].items()],
    )
    screen.line()
    screen.line("`agentlanes describe NAME` shows one of them with its types.", "dim")
