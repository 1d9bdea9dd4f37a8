"""The one exception of the core.

Exception
└── Refusal     a command is not accepted; `code` is a name of the protocol's error table
"""

from __future__ import annotations

from typing import Any

from agentlanes.wire.models import Problem
from agentlanes.wire.table import ERRORS


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault of ours
    """Says what was refused, because of what, and what would work. `details` are the facts behind the message."""

    def __init__(self, code: str, message: str, /, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    @property
    def retryable(self) -> bool:
        """Whether the same command may be accepted later."""
        return ERRORS[self.code].retryable

    def problem(self) -> Problem:
        """The form in which an entity remembers it."""
        return Problem(
            code=self.code,
            message=self.message[:8192],
            retryable=self.retryable or None,
            details=self.details or None,
        )
