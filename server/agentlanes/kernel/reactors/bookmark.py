"""How far into an agent's tape the log is."""

from __future__ import annotations

import msgspec

from agentlanes.wire.models import FrameCursor, SessionApply

LAG_BYTES = 256 << 10
"""Bytes that are at most understood again after a restart, where they made nothing that the log has."""


class Bookmark:
    """The cursor that the log has, and a newer one that need not be there yet.

    Text that grows is read again from where its item began, so a cursor that stays behind loses nothing: nobody waits
    for a disk to see the text, and no disk is asked for every word of twenty agents.
    """

    def __init__(self, recorded: FrameCursor) -> None:
        self.recorded = recorded
        self._due: FrameCursor | None = None

    def plan(self, apply: SessionApply) -> SessionApply | None:
        """What is to be recorded for a step: all of it with the newest cursor. None where the log needs nothing yet."""
        if apply.cursor is not None:
            self._due = apply.cursor
        elif self._due is not None:
            apply = msgspec.structs.replace(apply, cursor=self._due)
        moves_only = apply == SessionApply(process_id=apply.process_id, cursor=apply.cursor)
        if moves_only and self._lag() < LAG_BYTES:
            return None
        return apply

    def note(self, apply: SessionApply) -> None:
        """A step is recorded."""
        if apply.cursor is not None:
            self.recorded, self._due = apply.cursor, None

    def _lag(self) -> int:
        return 0 if self._due is None else self._due.applied - self.recorded.applied
