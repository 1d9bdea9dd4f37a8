"""A turn in the words of the ACP schema: its prompt, how it ended, and what it used.

A prompt's life is that of ACP's version 2: sent, accepted, then running until the agent says that it is idle. In
version 1 the answer to the prompt is all of that at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentlanes.adapters.agents.dialogue.frames import bound_text
from agentlanes.adapters.agents.dialogue.prompt import NO_USAGE, Prompt
from agentlanes.wire.models import AgentWrite, Cost, ResourceLink, Turn, TurnStatus, Usage

METHOD = "session/prompt"
CANCEL_METHOD = "session/cancel"
_STOP_REASON_CAP = 100
_COUNTS = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "total_tokens": "totalTokens",
    "cached_tokens": "cachedReadTokens",
    "thought_tokens": "thoughtTokens",
}


class AcpPrompt(Prompt):
    """A turn as the agent sees it, in the states of version 2."""

    __slots__ = ("accepted", "cost_before", "idle", "ran", "since", "steers")

    def __init__(self, turn_id: str, n: int) -> None:
        super().__init__(turn_id, n)
        self.accepted = False
        """The agent took it. Before that, what it says of its state is about something else."""
        self.ran = False
        """The agent said that it works since the prompt was sent."""
        self.idle: dict[str, Any] | None = None
        """An end that was told before the prompt was accepted."""
        self.since: int | None = None
        """Where the tape ended when the prompt was sent, until it is accepted: from there it is read again."""
        self.steers: dict[int, int] = {}
        """Numbers of the turn's steers by those of the writes that carry them, while no answer came."""
        self.cost_before: float | None = None
        """What the session had cost when the turn began, where that was told: agents tell what all of it cost."""


def write(text: str, links: Sequence[ResourceLink], agent_session_id: str) -> dict[str, object]:
    """The params of session/prompt, or of a steer."""
    blocks: list[dict[str, object]] = [{"type": "text", "text": text}]
    blocks += [{"type": "resource_link", "uri": link.uri, "name": link.name} for link in links]
    return {"sessionId": agent_session_id, "prompt": blocks}


def read(writes: Sequence[AgentWrite], turn: Turn | None) -> AcpPrompt | None:
    """The prompt that is in flight, by what was written and the turn that runs."""
    if turn is None or turn.input_n is None:
        return None
    prompt = AcpPrompt(turn.turn_id, turn.input_n)
    prompt.accepted = turn.agent_turn_id is not None
    prompt.usage = turn.usage or NO_USAGE
    prompt.summary = turn.summary
    prompt.steers = {
        steer.input_n: steer.number for steer in turn.steers if steer.input_n is not None and steer.problem is None
    }
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


def read_cost(update: dict[str, Any]) -> Cost | None:
    """What the whole session cost so far, where a usage_update says it."""
    cost = update.get("cost")
    if not isinstance(cost, dict):
        return None
    amount, currency = cost.get("amount"), cost.get("currency")
    if (
        not isinstance(amount, (int, float))
        or type(amount) is bool
        or type(currency) is not str
        or not 1 <= len(currency) <= 8
    ):
        return None
    return Cost(amount=float(amount), currency=currency) if 0 <= amount < 1e12 else None


def read_tokens(result: Any, known: Usage) -> Usage:
    """The usage after the turn's end, which may count tokens."""
    usage = result.get("usage") if isinstance(result, dict) else None
    if not isinstance(usage, dict):
        return known
    counts = {name: count for name, key in _COUNTS.items() if (count := _count(usage.get(key))) is not None}
    return msgspec.structs.replace(known, **counts)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 53 else None
