"""Limits: which ones a turn begins with, and when one of them is reached.

A turn's time is the time in which its agent works: while it waits for a decision the clock stands still, or every turn
that asks in the evening would be over in the morning.
"""

from __future__ import annotations

from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.moment import read_milliseconds
from agentlanes.core.usage import count_tokens
from agentlanes.wire.models import Constraint, Lane, Limits, Problem, Session, Turn, Usage

NO_CHOICE = "default"


def choose(draft: Draft, workspace_id: str, chosen: str | None) -> str | None:
    """The id of the constraint that an id or a name means; None where nothing is chosen, or a choice is taken back."""
    if chosen is None or chosen == NO_CHOICE:
        return None
    known = draft.constraints(workspace_id)
    for constraint in known:
        if chosen in (constraint.constraint_id, constraint.name):
            return constraint.constraint_id
    raise Refusal(
        "CONSTRAINT_NOT_FOUND",
        f"the workspace has no constraint {chosen}; "
        + (f"there are {', '.join(c.name for c in known)}" if known else "constraint.create makes one"),
        constraint=chosen,
        known=[constraint.name for constraint in known],
    )


def find_in_force(draft: Draft, lane: Lane, session: Session, turn: Turn) -> Limits | None:
    """What limits a turn that begins now: the turn's own choice, else the session's, the lane's, the default."""
    known = {constraint.constraint_id: constraint for constraint in draft.constraints(lane.workspace_id)}
    for chosen in (turn.constraint_id, session.constraint_id, lane.constraint_id):
        if chosen is not None and chosen in known:
            return _copy(known[chosen])
    return next((_copy(constraint) for constraint in known.values() if constraint.is_default), None)


def _copy(constraint: Constraint) -> Limits:
    return Limits(
        constraint_id=constraint.constraint_id,
        name=constraint.name,
        time_limit_ms=constraint.time_limit_ms,
        token_budget=constraint.token_budget,
        cost_limit=constraint.cost_limit,
        memory_limit_mb=constraint.memory_limit_mb,
        cpu_limit_percent=constraint.cpu_limit_percent,
        silence_limit_ms=constraint.silence_limit_ms,
    )


def count_worked(turn: Turn, at: str) -> int:
    """Milliseconds for which the turn's agent has worked."""
    if turn.started_at is None:
        return 0
    until = turn.ended_at or turn.waiting_since or at
    return max(0, read_milliseconds(until) - read_milliseconds(turn.started_at) - (turn.waited_ms or 0))


def count_budget(usage: Usage) -> int:
    """Tokens that count towards a budget. An agent that tells only how full its context is has read at least that:
    every request reads the whole context."""
    counted = count_tokens(usage)
    return counted if counted is not None else usage.context_used or 0


def find_time_end(turn: Turn) -> int | None:
    """When the turn's time is over, in milliseconds since the epoch; None while nothing counts towards it."""
    if turn.limits is None or turn.limits.time_limit_ms is None or turn.started_at is None:
        return None
    if turn.waiting_since is not None:
        return None
    return read_milliseconds(turn.started_at) + (turn.waited_ms or 0) + turn.limits.time_limit_ms


def find_breach(turn: Turn, at: str) -> Problem | None:
    """The limit that the turn has reached, if it has: of its time, its tokens or its cost."""
    limits = turn.limits
    if limits is None:
        return None
    worked = count_worked(turn, at)
    if limits.time_limit_ms is not None and worked >= limits.time_limit_ms:
        return _reach(
            limits, "time_limit_ms", limits.time_limit_ms, worked, f"{limits.time_limit_ms / 1000:g} s of work"
        )
    usage = turn.usage
    if usage is None:
        return None
    tokens = count_budget(usage)
    if limits.token_budget is not None and tokens > limits.token_budget:
        return _reach(limits, "token_budget", limits.token_budget, tokens, f"{limits.token_budget} tokens")
    cost = limits.cost_limit
    if cost is not None and usage.cost is not None and usage.cost.currency == cost.currency:
        told = f"{cost.amount:g} {cost.currency}"
        if usage.cost.amount > cost.amount:
            return _reach(limits, "cost_limit", cost.amount, usage.cost.amount, told)
    return None


def _reach(limits: Limits, name: str, value: float, used: float, told: str) -> Problem:
    return Problem(
        code="LIMIT_REACHED",
        message=f"the turn was stopped: constraint {limits.name} allows it {told}, and it took "
        f"{used / 1000 if name == 'time_limit_ms' else used:g}{' s' if name == 'time_limit_ms' else ''}; "
        "prompt again to go on, or choose another constraint",
        details={
            "limit": name,
            "value": value,
            "used": used,
            "constraint_id": limits.constraint_id,
            "constraint": limits.name,
        },
    )
