"""The prompt that the agent works on, or worked on last."""

from __future__ import annotations

from agentlanes.wire.models import Usage

NO_USAGE = Usage()


class Prompt:
    """A turn as the agent sees it: the write that carries it, and what was told and heard since."""

    __slots__ = ("cancel_n", "ended", "n", "summary", "turn_id", "usage")

    def __init__(self, turn_id: str, n: int) -> None:
        self.turn_id = turn_id
        self.n = n
        self.cancel_n: int | None = None
        self.ended = False
        """The agent answered: what still comes is late."""
        self.usage = NO_USAGE
        self.summary: str | None = None
        """Text of the last message, where it was recorded with the turn before the turn's end."""

    def is_over(self) -> bool:
        """Nothing is decided in this turn any more: it was cancelled, or the agent answered."""
        return self.ended or self.cancel_n is not None
