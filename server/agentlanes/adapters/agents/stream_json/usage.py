"""Tokens and money, as the last message of a turn tells them."""

from __future__ import annotations

from typing import Any

import msgspec

from agentlanes.wire.models import Cost, Usage

CAP = 1 << 53


def read_usage(result: dict[str, Any], context_used: int | None, cost_before: float | None) -> Usage:
    """What a turn took. `cost_before` is what the process had cost before it, where that is known."""
    given = result.get("usage")
    usage = Usage()
    if isinstance(given, dict):
        cached = _count(given, "cache_read_input_tokens")
        inputs = [_count(given, "input_tokens"), _count(given, "cache_creation_input_tokens"), cached]
        told = None if inputs[0] is None else sum(count or 0 for count in inputs)
        output = _count(given, "output_tokens")
        details = given.get("output_tokens_details")
        usage = Usage(
            input_tokens=told,
            output_tokens=output,
            total_tokens=None if told is None and output is None else (told or 0) + (output or 0),
            cached_tokens=cached,
            thought_tokens=_count(details, "thinking_tokens") if isinstance(details, dict) else None,
        )
    return msgspec.structs.replace(
        usage, cost=_read_cost(result, cost_before), context_used=context_used, context_size=_read_window(result)
    )


def read_total(result: dict[str, Any]) -> float | None:
    """What the process has cost by now, in US dollars."""
    total = result.get("total_cost_usd")
    return float(total) if isinstance(total, (int, float)) and 0 <= total < CAP else None


def read_context(usage: object) -> int | None:
    """Tokens in the context after a message: what went in and what came out."""
    if not isinstance(usage, dict):
        return None
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    return sum(_count(usage, name) or 0 for name in names) or None


def _read_cost(result: dict[str, Any], before: float | None) -> Cost | None:
    since = result.get("model_usage_since_last_result")
    if isinstance(since, dict):
        parts = [model.get("costUSD") for model in since.values() if isinstance(model, dict)]
        amount = sum(float(part) for part in parts if isinstance(part, (int, float)))
    else:
        total = read_total(result)
        if total is None or before is None:
            return None
        amount = total - before
    return Cost(amount=round(max(0.0, amount), 9), currency="USD") if amount < CAP else None


def _read_window(result: dict[str, Any]) -> int | None:
    models = result.get("modelUsage")
    sizes = [_count(model, "contextWindow") for model in models.values()] if isinstance(models, dict) else []
    return max((size for size in sizes if size), default=None)


def _count(given: Any, name: str) -> int | None:
    value = given.get(name) if isinstance(given, dict) else None
    return value if type(value) is int and 0 <= value < CAP else None
