"""Events in print: an envelope as a JSON line for programs, a short line for people."""

from __future__ import annotations

import sys

import msgspec

from agentlanes.cli.client import Json

_NAMES = ("activity", "title", "name", "prompt", "text", "argv")
"""Fields that say in words what it is about, best first."""
_STATES = ("status", "state")
_WIDTH = 60


class Printer:
    """Prints envelopes to stdout."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json or not sys.stdout.isatty()
        if not self._as_json:
            from agentlanes.cli.screen import Screen

            self._screen = Screen()

    def show(self, envelope: bytes) -> int | None:
        """Print one envelope, which is JSON; its position in the log, if it has one."""
        if self._as_json:
            sys.stdout.buffer.write(envelope + b"\n")
            return msgspec.json.decode(envelope, type=Position).seq
        event: Json = msgspec.json.decode(envelope)
        style = "red" if event["topic"].endswith(".failed") else "dim" if "seq" not in event else ""
        self._screen.line(describe(event), style)
        return event.get("seq")


class Position(msgspec.Struct):
    """An envelope's place in the log."""

    seq: int | None = None


def describe(event: Json) -> str:
    """One line: when, where in the log, what, and about which entity."""
    time = event["timestamp"][11:23]
    seq = str(event.get("seq", "·"))
    return f"{time} {seq:>6} {event['topic']:<24} {_tell(event)}".rstrip()


def _tell(event: Json) -> str:
    payload = event["payload"]
    noun = event["topic"].partition(".")[0]
    entity = payload.get(noun)
    if not isinstance(entity, dict):
        return _shorten(str(payload.get("data", "")))
    state = next((str(entity[field]) for field in _STATES if field in entity), "")
    tool = entity.get("tool", {}).get("title", "")
    name = tool or next((entity[field] for field in _NAMES if entity.get(field)), "")
    words = " ".join(name) if isinstance(name, list) else str(name)
    problem = entity.get("problem", {}).get("message", "")
    told = f"{state} {entity['kind']}" if noun == "item" else state
    parts = (entity.get(f"{noun}_id", ""), told, _shorten(words), problem and f"✗ {_shorten(problem)}")
    return "  ".join(part for part in parts if part)


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
