"""Reckoning with the protocol's timestamps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def read_milliseconds(timestamp: str) -> int:
    """Milliseconds since the epoch of a protocol timestamp."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)


def add_time(at: str, duration: timedelta) -> str:
    """A timestamp of the protocol, later by a duration."""
    later = datetime.fromisoformat(at) + duration
    return later.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{later.microsecond // 1000:03d}Z"
