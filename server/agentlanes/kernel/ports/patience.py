"""How long agents are waited for, as the user's config says."""

from __future__ import annotations

from msgspec import Struct


class Patience(Struct, frozen=True):
    """Seconds, and one count. A limit that a constraint gives goes before; 0 waits for ever."""

    silence_seconds: float = 3600.0
    """How long a running turn may show no progress. Generous: an agent that runs a long build prints nothing."""
    retry_seconds: float = 900.0
    """The same for an agent that keeps printing and shows no progress, as one that tries to reach its model again."""
    harness_seconds: float = 60.0
    """The same for an agent that runs no tool, where its way to the model is a harness that is gone."""
    cancel_seconds: float = 10.0
    """How long an agent may take to stop when it was asked to; then its process is ended."""
    repeats: int = 10
    """How often in a row it may make the same tool call with the same result."""
