"""What turns took, and what that comes to."""

from __future__ import annotations

import msgspec

from agentlanes.wire.models import Cost, Usage

_COUNTS = ("input_tokens", "output_tokens", "total_tokens", "cached_tokens", "thought_tokens")


def count_tokens(usage: Usage | None) -> int | None:
    """The tokens that were taken, as far as the agent counts them."""
    if usage is None:
        return None
    if usage.total_tokens is not None:
        return usage.total_tokens
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)


def add(known: Usage | None, turn: Usage) -> Usage:
    """What a session took with one more turn. What tells of now, and not of the turn, is the turn's."""
    if known is None:
        return turn
    sums = {name: _add(getattr(known, name), getattr(turn, name)) for name in _COUNTS}
    now = {
        name: told
        for name in ("context_used", "context_size", "session_cost")
        if (told := getattr(turn, name)) is not None
    }
    return msgspec.structs.replace(known, **sums, **now, cost=_add_cost(known.cost, turn.cost))


def _add(known: int | None, more: int | None) -> int | None:
    return known if more is None else (known or 0) + more


def _add_cost(known: Cost | None, more: Cost | None) -> Cost | None:
    """Money of another currency than the first is not added."""
    if known is None or more is None or known.currency != more.currency:
        return known or more
    # Sums of binary fractions: a millionth of a cent is enough.
    return Cost(amount=round(known.amount + more.amount, 8), currency=known.currency)
