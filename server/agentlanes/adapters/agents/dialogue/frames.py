"""One line of an agent's output as a JSON object, and the bounds of what is taken over from it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

NESTING_CAP = 100
_KEPT_NESTING = 64
"""Depth up to which a value is kept as it is; it travels inside events, whose own levels come on top."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters but tab and newline, what turns the direction of text, and what takes no room."""


class GarbledError(ValueError):
    """A line is no JSON object that can be taken in; the text says why."""


def decode(line: bytes) -> dict[str, Any] | None:
    """The object in a line; None for a blank one. Raises GarbledError."""
    try:
        message = _decode(line)
    except (ValueError, RecursionError):
        message = _decode_again(line)
    if type(message) is not dict:
        if message is None and not line.strip():
            return None
        raise GarbledError("a message is one JSON object")
    # Counting is cheap and never too low, so that only lines that could be too deep are measured.
    if line.count(b"[") + line.count(b"{") > NESTING_CAP and is_deeper(message, NESTING_CAP):
        raise GarbledError(f"it nests deeper than {NESTING_CAP} levels")
    return message


def _decode_again(line: bytes) -> Any:
    """Half a surrogate pair, which JavaScript writes when it cuts an emoji in two, becomes U+FFFD."""
    if not line.strip():
        return None
    try:
        return _decode(_ESCAPES.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], line))
    except RecursionError:
        raise GarbledError(f"it nests deeper than {NESTING_CAP} levels") from None
    except ValueError as error:
        raise GarbledError(str(error)) from None


def encode(message: object) -> str:
    """A message as one line of JSON without its newline."""
    return _encode(message).decode()


def is_deeper(value: object, cap: int) -> bool:
    """Whether objects and arrays nest more than `cap` levels deep."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(cap):
        if not level:
            return False
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
    return bool(level)


def bound_value(value: object, cap: int) -> object:
    """The value, or, where its JSON passes `cap` bytes or nests too deep, the start of its JSON that says so."""
    if type(value) is str and len(value) * 4 <= cap:
        return value
    text = _encode(value)
    if len(text) <= cap and not is_deeper(value, _KEPT_NESTING):
        return value
    return f"{text[:cap].decode('utf-8', 'ignore')}… (cut: {len(text)} bytes of JSON in all)"


def bound_title(text: str, cap: int) -> str:
    """A text that people decide by: cut to `cap` characters, and nothing in it that steers how the rest is shown."""
    return _STEERING.sub("\ufffd", bound_text(text, cap))


def bound_text(text: str, cap: int) -> str:
    """The text, cut to `cap` characters."""
    return text if len(text) <= cap else f"{text[: cap - 1]}…"


def bound_line(text: str, cap: int) -> str:
    """The text on one line of at most `cap` characters; empty where there is nothing to see."""
    return bound_title(" ".join(text[: 4 * cap].split()), cap)


def show_line(line: bytes) -> str:
    """A line that is no message, as text on one line, bounded."""
    return bound_line(line[:4000].decode("utf-8", "replace"), 1000)


def show_value(value: object) -> str:
    """A value as JSON on one line, bounded."""
    return bound_text(encode(value), 1000)


def show_error(error: dict[str, Any]) -> str:
    """A JSON-RPC error on one line; agents put the cause into data as often as into message."""
    message = error.get("message")
    text = message if isinstance(message, str) and message else "no message"
    data = error.get("data")
    cause = data.get("details") or data.get("message") if isinstance(data, dict) else data
    if isinstance(cause, str) and cause and cause not in text:
        text = f"{text}: {cause}"
    return bound_text(" ".join(text[:4000].split()), 1000)
