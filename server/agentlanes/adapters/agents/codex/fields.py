"""Fields of what Codex says, of the type that they should have; None or nothing where they have another."""

from __future__ import annotations

from typing import Any

from agentlanes.adapters.agents.dialogue.frames import bound_text

WORD_CAP = 64


def read_text(given: object, key: str, cap: int = 1 << 24) -> str | None:
    """A text, cut to `cap` characters; None where it is absent or empty."""
    value = given.get(key) if isinstance(given, dict) else None
    return bound_text(value, cap) if type(value) is str and value else None


def read_count(given: object, key: str) -> int | None:
    value = given.get(key) if isinstance(given, dict) else None
    return value if type(value) is int and 0 <= value < 1 << 53 else None


def read_object(given: object, key: str) -> dict[str, Any]:
    value = given.get(key) if isinstance(given, dict) else None
    return value if isinstance(value, dict) else {}


def read_objects(given: object, key: str, cap: int = 1000) -> list[dict[str, Any]]:
    """The objects in an array; what else is in it is left out."""
    value = given.get(key) if isinstance(given, dict) else None
    return [entry for entry in value[:cap] if isinstance(entry, dict)] if isinstance(value, list) else []


def read_texts(given: object, key: str, cap: int = 1000) -> list[str]:
    value = given.get(key) if isinstance(given, dict) else None
    return [entry for entry in value[:cap] if isinstance(entry, str)] if isinstance(value, list) else []
