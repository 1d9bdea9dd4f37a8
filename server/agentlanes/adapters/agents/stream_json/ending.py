"""How a turn ended, by the message that ends it."""

from __future__ import annotations

from typing import Any

from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text, bound_value
from agentlanes.wire.models import Problem

_REASONS = {"error_max_turns": "max_turn_requests", "error_max_structured_output_retries": "max_turn_requests"}
_DETAILS_CAP = 16 << 10
_LOGIN_STATUSES = (401, 403)
_LOGIN_WORDS = ("authenticate", "/login", "log in", "api key", "unauthorized")
_LATER_STATUSES = (408, 429, 500, 502, 503, 504, 529)


def read_ending(result: dict[str, Any], *, interrupted: bool, error: str | None = None) -> dict[str, Any]:
    """The progress of the turn that a result ends. `error` is what kind of error its last message said it was."""
    if interrupted:
        return {"status": "interrupted", "stop_reason": "cancelled"}
    subtype = str(result.get("subtype") or "success")
    if subtype in _REASONS:
        return {"status": "completed", "stop_reason": _REASONS[subtype]}
    if result.get("is_error") is True or subtype.startswith("error"):
        return {"status": "failed", "problem": describe_failure(result, error)}
    reason = result.get("stop_reason")
    return {"status": "completed", "stop_reason": bound_text(reason, 100) if type(reason) is str else "end_turn"}


def describe_failure(result: dict[str, Any], error: str | None = None) -> Problem:
    """What went wrong, and what to do where the agent's words say it."""
    errors = result.get("errors")
    texts = [text for text in errors if type(text) is str] if isinstance(errors, list) else []
    said = result.get("result") or "; ".join(texts) or result.get("message") or result.get("subtype") or "no reason"
    text = bound_line(str(said), 1000)
    status = result.get("api_error_status")
    login = status in _LOGIN_STATUSES or error == "authentication_failed" or _speaks_of_login(text)
    later = status in _LATER_STATUSES or error in ("rate_limit", "server_error", "overloaded")
    hint = (
        "; log in to the agent in a terminal, or give it its key through env or env_pass of the profile"
        if login
        else "; its service takes no more now, prompt again later"
        if later
        else ""
    )
    return Problem(
        code="AGENT_REFUSED",
        message=f"the agent failed: {text}{hint}",
        retryable=True if later and not login else None,
        details={"result": bound_value(result, _DETAILS_CAP)},
    )


def _speaks_of_login(text: str) -> bool:
    return any(word in text.lower() for word in _LOGIN_WORDS)
