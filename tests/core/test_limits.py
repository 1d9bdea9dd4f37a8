"""When a turn has reached a limit, by the state alone."""

from __future__ import annotations

from typing import Any

import pytest

from agentlanes.core.limits import count_budget, count_worked, find_breach, find_time_end
from agentlanes.core.moment import read_milliseconds
from agentlanes.wire.models import Cost, CostLimit, Limits, Turn, Usage

STARTED = "2026-03-01T12:00:00.000Z"
START_MS = read_milliseconds(STARTED)


def at(seconds: float) -> str:
    return f"2026-03-01T12:{int(seconds) // 60:02}:{int(seconds) % 60:02}.{round(seconds * 1000) % 1000:03}Z"


def turn(limits: dict[str, Any] | None, **fields: Any) -> Turn:
    return Turn(
        turn_id="tn_1",
        workspace_id="ws_1",
        lane_id="ln_1",
        session_id="ss_1",
        prompt="Go",
        priority=50,
        created_at=STARTED,
        **{
            "status": "running",
            "started_at": STARTED,
            "limits": None if limits is None else Limits(constraint_id="ct_1", name="quick", **limits),
            **fields,
        },
    )


TIME = {"time_limit_ms": 60_000}
USD = {"cost_limit": CostLimit(amount=0.5, currency="USD")}


@pytest.mark.parametrize(
    ("running", "now", "limit"),
    [
        (turn(None, usage=Usage(total_tokens=10**9)), 3000, None),
        (turn({}, usage=Usage(total_tokens=10**9)), 3000, None),
        (turn(TIME), 59.999, None),
        (turn(TIME), 60, "time_limit_ms"),
        (turn(TIME, waited_ms=5000), 64.999, None),
        (turn(TIME, waited_ms=5000), 65, "time_limit_ms"),
        (turn(TIME, status="waiting", waiting_since=at(30)), 3000, None),
        (turn(TIME, status="waiting", waiting_since=at(30), waited_ms=1000), 3000, None),
        (turn({"token_budget": 100}), 3000, None),
        (turn({"token_budget": 100}, usage=Usage(total_tokens=100)), 1, None),
        (turn({"token_budget": 100}, usage=Usage(total_tokens=101)), 1, "token_budget"),
        (turn({"token_budget": 100}, usage=Usage(input_tokens=60, output_tokens=41)), 1, "token_budget"),
        (turn({"token_budget": 100}, usage=Usage(total_tokens=50, context_used=101)), 1, None),
        (turn({"token_budget": 100}, usage=Usage(context_used=101)), 1, "token_budget"),
        (turn(USD, usage=Usage(total_tokens=5)), 1, None),
        (turn(USD, usage=Usage(cost=Cost(amount=0.5, currency="USD"))), 1, None),
        (turn(USD, usage=Usage(cost=Cost(amount=0.51, currency="USD"))), 1, "cost_limit"),
        (turn(USD, usage=Usage(cost=Cost(amount=5, currency="EUR"))), 1, None),
        (turn({**TIME, **USD}, usage=Usage(cost=Cost(amount=5, currency="USD"))), 60, "time_limit_ms"),
    ],
)
def test_breach(running: Turn, now: float, limit: str | None) -> None:
    problem = find_breach(running, at(now))
    if limit is None:
        assert problem is None
        return
    assert problem is not None and problem.details is not None
    assert (problem.code, problem.details["limit"], problem.details["constraint"]) == ("LIMIT_REACHED", limit, "quick")
    assert problem.details["used"] >= problem.details["value"]


def test_the_end_of_a_turns_time() -> None:
    assert find_time_end(turn(TIME)) == START_MS + 60_000
    assert find_time_end(turn(TIME, waited_ms=1500)) == START_MS + 61_500
    assert find_time_end(turn(TIME, status="waiting", waiting_since=at(3))) is None
    assert find_time_end(turn({"token_budget": 5})) is None
    assert find_time_end(turn(None)) is None
    assert find_time_end(turn(TIME, status="queued", started_at=None)) is None


def test_what_is_counted() -> None:
    assert count_worked(turn(TIME, status="queued", started_at=None), at(9)) == 0
    assert count_worked(turn(TIME, ended_at=at(8)), at(60)) == 8000
    assert count_worked(turn(TIME), "2026-03-01T11:59:00.000Z") == 0
    assert count_budget(Usage()) == 0
