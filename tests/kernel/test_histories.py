"""Random histories: users, drivers, runners, restarts and failing disks, in any order.

After each move the state keeps its rules; at the end the log explains everything that both stores hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlanes.wire.table import TOPICS
from kernel.history import MISSING, PROBLEM, History

Move = Callable[[History], None]

ANY = range(100)
"""Picks one of what there is."""
FEW = (1, 2, 3)
FLAG = (True, False)
RARELY = (False, False, False, True)
CORRELATION = (None, None, "c1", "c2")
ITEMS = ((), (), ("in_progress",), ("in_progress", "in_progress"), ("completed",), ("failed", "in_progress"))

MOVES: list[tuple[int, Callable[..., None], dict[str, Sequence[Any]]]] = [
    (1, History.create_workspace, {}),
    (
        3,
        History.touch_workspace,
        {"method": ("workspace.open", "workspace.close", "workspace.update", "repo.update", "repo.remove")},
    ),
    (1, History.touch_workspace, {"method": ("workspace.delete", "repo.remove")}),
    (3, History.create_lane, {"number": FEW, "correlation_id": CORRELATION}),
    (
        5,
        History.touch_lane,
        {"number": FEW, "verb": ("attach", "update", "commit", "merge"), "correlation_id": CORRELATION},
    ),
    (4, History.touch_lane, {"number": FEW, "verb": ("cleanup", "cleanup", "delete"), "correlation_id": CORRELATION}),
    (3, History.create_session, {"lane": FEW, "number": FEW, "attach": FLAG, "correlation_id": CORRELATION}),
    (5, History.touch_session, {"number": FEW, "verb": ("attach", "detach", "update"), "correlation_id": CORRELATION}),
    (2, History.touch_session, {"number": FEW, "verb": ("terminate", "delete"), "correlation_id": CORRELATION}),
    (1, History.rewind_session, {"number": FEW, "index": ANY}),
    (9, History.create_turn, {"session": FEW, "priority": (0, 50, 100)}),
    (1, History.create_turn_again, {"number": ANY, "session": FEW}),
    (4, History.touch_turn, {"number": ANY, "verb": ("cancel", "interrupt", "update"), "late": RARELY}),
    (3, History.replace_turn, {"number": ANY, "late": RARELY}),
    (4, History.move_turn, {"number": ANY, "beside": ANY, "how": ("first", "last", "before", "after")}),
    (3, History.steer_turn, {"number": ANY}),
    (2, History.prefer_route, {"number": FEW, "transport": ("cliproxy_harness", "cliproxy_harness", "native_openai")}),
    (2, History.settle_harness, {"status": ("healthy", "healthy", "degraded", "unavailable")}),
    (3, History.touch_constraint, {"number": FEW, "verb": ("create", "create", "update"), "default": FLAG}),
    (1, History.touch_constraint, {"number": FEW, "verb": ("delete",), "default": FLAG}),
    (1, History.limit_lane, {"number": FEW, "constraint": ("limits 1", "limits 2", "default")}),
    (2, History.halt_turn, {"number": ANY}),
    (1, History.stop_all, {"profile": (None, None, "demo", "other"), "correlation_id": CORRELATION}),
    (6, History.settle_stop, {"index": ANY}),
    (
        12,
        History.decide,
        {
            "index": ANY,
            "kind": ("allow_once", "reject_once", None),
            "scope": (None, None, "session", "lane", "workspace"),
        },
    ),
    (2, History.prompt_all, {"lane": FEW, "priority": (10, 90)}),
    (
        1,
        History.set_rules,
        {
            "number": FEW,
            "mode": ("supervised", "supervised", "supervised", "plan", "auto"),
            "effect": ("allow", "deny", "ask", "ask"),
        },
    ),
    (2, History.revoke_grant, {"index": ANY}),
    (8, History.spawn_terminal, {"session": FEW, "inside": FLAG, "number": FEW, "correlation_id": CORRELATION}),
    (4, History.touch_terminal, {"number": ANY, "verb": ("close", "close", "update", "delete")}),
    (
        2,
        History.switch_renderer,
        {"index": ANY, "whole": RARELY, "mode": ("mode_b", "mode_b", "mode_a"), "works": (True, True, True, False)},
    ),
    (4, History.settle_renderer, {"index": ANY, "problem": (None, None, PROBLEM)}),
    (12, History.settle_lane, {"index": ANY, "problem": (None, None, PROBLEM, MISSING)}),
    (12, History.attach_agent, {"index": ANY, "works": (True, True, True, False)}),
    (1, History.stop_without_process, {"index": ANY}),
    (8, History.report_terminal, {"index": ANY, "works": FLAG}),
    (3, History.throttle, {"index": ANY, "throttled": FLAG}),
    (3, History.exit_process, {"index": ANY, "code": (0, 1, None)}),
    (
        20,
        History.step_driver,
        {
            "index": ANY,
            "late": RARELY,
            "fresh": ITEMS,
            "closed": ITEMS,
            "approvals": (0, 0, 1, 2),
            "answered": FLAG,
            "end": (None, None, None, "completed", "failed", "interrupted"),
        },
    ),
    (1, History.restart, {}),
    (1, History.lose_a_commit, {"number": FEW}),
]

SHRINKABLE: st.SearchStrategy[Move] = st.sampled_from([(move, choices) for _, move, choices in MOVES]).flatmap(
    lambda row: st.builds(partial, st.just(row[0]), **{name: st.sampled_from(of) for name, of in row[1].items()})
)
RARE = ("workspace.deleted", "repo.removed")
WALKS = 400 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 12


def play(moves: Sequence[Move]) -> set[str]:
    """The topics that were seen."""
    history = History()
    try:
        history.begin()
        for move in moves:
            move(history)
            history.check()
        history.end()
        return {row.topic for row in history.store.rows}
    finally:
        history.release()


def draw(random: Random, count: int) -> list[Move]:
    rows = random.choices(MOVES, [weight for weight, _, _ in MOVES], k=count)
    return [partial(move, **{name: random.choice(of) for name, of in choices.items()}) for _, move, choices in rows]


@settings(max_examples=settings().max_examples // 3)
@given(st.lists(SHRINKABLE, min_size=20, max_size=60))
def test_every_history_keeps_the_rules(moves: list[Move]) -> None:
    play(moves)


@pytest.mark.parametrize("seed", range(WALKS))
def test_long_histories(seed: int) -> None:
    play(draw(Random(seed), 250))


def test_histories_leave_no_topic_out() -> None:
    seen: set[str] = set()
    for seed in range(1000, 1012):
        seen |= play(draw(Random(seed), 300))
    # Nothing ends a session but its process, and that always works.
    assert {name for name, topic in TOPICS.items() if topic.logged} - seen <= {"session.terminate.failed", *RARE}
