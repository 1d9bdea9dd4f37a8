"""Problems behind errors that an agent answers with."""

from __future__ import annotations

from typing import Any

from agentlanes.adapters.agents.dialogue.frames import bound_value, show_error
from agentlanes.wire.models import Problem

DETAILS_CAP = 16 << 10


def describe_refusal(method: str, error: dict[str, Any], hint: str = "") -> Problem:
    """The agent refused a request; `hint` says what would work."""
    return Problem(
        code="AGENT_REFUSED",
        message=f"the agent answered {method} with an error: {show_error(error)}" + (f"; {hint}" if hint else ""),
        details={"error": bound_value(error, DETAILS_CAP)},
    )


def describe_lost_conversation(agent_session_id: str | None, error: dict[str, Any], verb: str = "continue") -> Problem:
    """The agent refused to go on with a conversation; `verb` says how it should have."""
    return Problem(
        code="RESUME_FAILED",
        message=f"the agent could not {verb} the conversation ({show_error(error)}); nothing fresh was started in "
        f"its place. Attach again if the cause is gone, or make a new session",
        details={"agent_session_id": agent_session_id, "error": bound_value(error, DETAILS_CAP)},
    )
