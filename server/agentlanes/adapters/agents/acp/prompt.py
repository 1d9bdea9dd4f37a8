"""A turn in the words of the ACP schema: its prompt, how it ended, and what it used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentlanes.adapters.agents.dialogue.frames import bound_text
from agentlanes.adapters.agents.dialogue.prompt import NO_USAGE, Prompt
from agentlanes.wire.models import AgentWrite, Turn, TurnStatus, Usage

METHOD = "session/prompt"
CANCEL_METHOD = "session/cancel"
_STOP_REASON_CAP = 100


def write(turn: Turn, agent_session_id: str) -> dict[str, object]:
    """The params of session/prompt."""
    blocks: list[dict[str, object]] = [{"type": "text", "text": turn.prompt}]
    blocks += [{"type": "resource_link", "uri": link.uri, "name": link.name} for link in turn.links]
    return {"sessionId": agent_session_id, "prompt": blocks}


def read(writes: Sequence[AgentWrite], turn: Turn | None) -> Prompt | None:
    """The prompt that is in flight, by what was written and the turn that runs."""
    if turn is None or turn.input_n is None:
        return None
    prompt = Prompt(turn.turn_id, turn.input_n)
    prompt.usage = turn.usage or NO_USAGE
    prompt.summary = turn.summary
    for write in writes[turn.input_n :]:
        if msgspec.json.decode(write.data).get("method") == CANCEL_METHOD:
            prompt.cancel_n = write.n
    return prompt


def read_end(result: Any) -> tuple[TurnStatus, str | None]:
    """How the turn ended, and the agent's own word for it."""
    reason = result.get("stopReason") if isinstance(result, dict) else None
    if type(reason) is not str or not reason:
        return "completed", None
    return "interrupted" if reason == "cancelled" else "completed", bound_text(reason, _STOP_REASON_CAP)


def read_context(update: dict[str, Any], known: Usage) -> Usage:
    """The usage after a usage_update, which tells how full the context is."""
    used, size = _count(update.get("used")), _count(update.get("size"))
    return msgspec.structs.replace(
        known,
        context_used=known.context_used if used is None else used,
        context_size=known.context_size if size is None else size,
    )


def read_tokens(result: Any, known: Usage) -> Usage:
    """The usage after the answer to the prompt, which may count tokens."""
    usage = result.get("usage") if isinstance(result, dict) else None
    if not isinstance(usage, dict):
        return known
    counts = {
        "input_tokens": _count(usage.get("inputTokens")),
        "output_tokens": _count(usage.get("outputTokens")),
        "total_tokens": _count(usage.get("totalTokens")),
    }
    return msgspec.structs.replace(known, **{name: count for name, count in counts.items() if count is not None})


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 53 else None
