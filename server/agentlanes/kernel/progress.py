"""What counts as progress of an agent, and what as going in circles."""

from __future__ import annotations

import hashlib

import msgspec

from agentlanes.kernel.ports.agents import Step
from agentlanes.wire.models import Item

STANDING_STILL = frozenset({"notice", "error", "usage"})
"""Kinds of items that an agent also makes which only tries the same again."""


class Pace:
    """When a session's agent got on last, in milliseconds since the epoch, how many frames it printed since, and since
    when it does."""

    __slots__ = ("at", "printed", "since")

    def __init__(self, at: int) -> None:
        self.at = at
        self.printed = 0
        self.since = at

    def print(self, frames: int, now: int) -> None:
        """Counts frames that showed no progress."""
        if not self.printed:
            self.since = now
        self.printed += frames


def shows_progress(step: Step) -> bool:
    """Whether the agent got on: text, a tool call, a plan, a question; neither a notice nor a bare frame."""
    if any(growth.item.kind not in STANDING_STILL for growth in step.growths):
        return True
    apply = step.apply
    return bool(apply.approvals or apply.answered) or any(item.kind not in STANDING_STILL for item in apply.items)


class Circle:
    """Counts how often in a row a turn's agent made the same tool call with the same result."""

    __slots__ = ("_last", "count", "title")

    def __init__(self) -> None:
        self._last = b""
        self.count = 0
        self.title = ""

    def take(self, item: Item) -> None:
        """Takes in a tool call that has ended."""
        call = item.tool
        if call is None or item.status not in ("completed", "failed"):
            return
        # What an agent calls it may count up; what it asks for says what it is.
        asked = call.command or call.raw_input or call.title
        came = (call.exit_code, call.raw_output, item.text, call.status)
        what = (call.tool_kind, asked, call.locations, call.changes, came)
        digest = hashlib.blake2b(msgspec.json.encode(what), digest_size=16).digest()
        self.count = self.count + 1 if digest == self._last else 1
        self._last = digest
        self.title = call.command or call.title or call.tool_kind or "a tool"
