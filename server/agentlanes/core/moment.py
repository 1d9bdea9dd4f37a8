"""Reckoning with the protocol's timestamps."""

from __future__ import annotations

from datetime import datetime


def read_milliseconds(timestamp: str) -> int:
    """Milliseconds since the epoch of a protocol timestamp."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
