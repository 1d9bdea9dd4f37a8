"""From checks to what is said of the harness: rows of checks and what each of them changes."""

from __future__ import annotations

from typing import Any

import pytest

from agentlanes.kernel.health import Health, find_status
from agentlanes.kernel.ports.harness import Finding, HarnessPlan

PLAN = HarnessPlan("http://127.0.0.1:8317", failures=2, successes=3, cooldown_seconds=60)
WELL = Finding("healthy")
GONE = Finding("unavailable", "unreachable", "refused")
SLOW = Finding("unavailable", "timeout", "no answer")
BUSY = Finding("degraded", "overloaded", "503")
NEW = Finding("unavailable", "not_checked")


def play(current: Finding, checks: str) -> str:
    """What is told after each check: a letter where it changes, a dot where not."""
    found = {"w": WELL, "g": GONE, "s": SLOW, "b": BUSY}
    names: dict[Any, str] = {None: "w", "unreachable": "g", "timeout": "s", "overloaded": "b", "flapping": "f"}
    health = Health(current)
    told = []
    for second, letter in enumerate(checks):
        change = health.take(found[letter], PLAN, float(second))
        told.append("." if change is None else names[change.fault])
    return "".join(told)


@pytest.mark.parametrize(
    ("current", "checks", "told"),
    [
        (NEW, "w", "w"),
        (NEW, "g", "g"),
        (WELL, "wwww", "...."),
        (WELL, "gw", ".."),
        (WELL, "gg", ".g"),
        (WELL, "gsg", ".s."),
        (WELL, "bb", ".b"),
        (WELL, "ggggwwwwwwww", ".g....w....."),
        (WELL, "gwgwwww", "......."),
        (GONE, "ww", ".."),
        (GONE, "wwgwww", ".....w"),
        (GONE, "www", "..w"),
        (GONE, "ss", ".s"),
        (GONE, "sg", ".."),
        (BUSY, "gg", ".g"),
        (WELL, "gwgwgwgw", "......f."),
        (WELL, "gwgwgwgwwwwwwwww", "......f.......w."),
        (WELL, "gwgwgwgg", "......f."),
        (WELL, "gwgwgwgwgg", "......f..g"),
        (WELL, "wwwwwwwwgwwwwwwwwgw", "..................."),
    ],
)
def test_checks(current: Finding, checks: str, told: str) -> None:
    assert play(current, checks) == told


def test_what_an_agent_met_counts_at_once_and_outweighs_checks_for_a_while() -> None:
    health = Health(WELL)
    assert health.meet(BUSY, PLAN, 100.0) == BUSY
    assert health.meet(BUSY, PLAN, 101.0) is None, "the same is told once"
    assert [health.take(WELL, PLAN, at) for at in (110.0, 130.0, 150.0, 160.0)] == [None] * 4
    assert [health.take(WELL, PLAN, at) for at in (161.0, 162.0, 163.0)] == [None, None, WELL]


def test_while_it_cools_down_it_can_still_be_gone() -> None:
    health = Health(WELL)
    health.meet(BUSY, PLAN, 100.0)
    assert [health.take(GONE, PLAN, at) for at in (101.0, 102.0)] == [None, GONE]


def test_doubt_is_while_failures_are_too_few() -> None:
    health = Health(WELL)
    doubts = []
    for second, found in enumerate([WELL, GONE, WELL, GONE, GONE]):
        health.take(found, PLAN, float(second))
        doubts.append(health.is_in_doubt)
    assert doubts == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (None, None),
        ("the tests failed", None),
        ("HTTP 503 Service Unavailable", 503),
        ("auth_unavailable: no auth available (providers=codex)", 503),
        ("exceeded retry limit, last status: 429 Too Many Requests", 429),
        ({"error": {"code": "model_cooldown", "message": "cooling down", "reset_seconds": 41}}, 429),
        ({"codexErrorInfo": {"responseTooManyFailedAttempts": {"httpStatusCode": 429}}}, 429),
        ({"details": {"httpStatusCode": 503}}, 503),
        ({"request_id": "req_011C4290503", "line": 503}, None),
        ([None, {"message": "x", "details": [{"status": 503}]}], 503),
    ],
)
def test_the_status_is_found_wherever_an_agent_put_it(problem: Any, status: int | None) -> None:
    assert find_status(problem) == status
