"""The cases leave nothing out: every method, every topic, every edge, every refusal that a method's row announces."""

from __future__ import annotations

from functools import cache

import pytest

from agentlanes.core.decisions import DECISIONS
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.wire.table import MACHINES, METHODS, TOPICS
from core.case_files import CASES, Case
from core.test_cases import run
from protocol.schemas import METHOD_ERRORS

DECIDED = sorted(name for name, row in METHODS.items() if row.kind in ("command", "internal"))

# Edges that the machines allow and nothing that is built yet takes.
UNUSED_EDGES = {
    ("workspace", "active", "error"),
    ("lane", "new", "provisioning"),
    ("lane", "provisioning", "closed"),
    ("session", "attaching", "terminated"),
    ("terminal", "idle", "spawning"),
}
# Nothing fails to end a session: its process can always be killed.
UNUSED_TOPICS = {"session.terminate.failed"}


@cache
def outcome_of(case: Case) -> Draft | Refusal:
    return run(case)[1]


@pytest.mark.parametrize("method", DECIDED)
def test_every_method_has_an_accepted_and_a_refused_case(method: str) -> None:
    outcomes = [outcome_of(case) for case in CASES if case.method == method]
    assert any(isinstance(outcome, Draft) for outcome in outcomes)
    assert any(isinstance(outcome, Refusal) for outcome in outcomes) or not METHOD_ERRORS[method]


@pytest.mark.parametrize("method", DECIDED)
def test_every_refusal_of_a_row_has_a_case(method: str) -> None:
    seen = {
        outcome.code for case in CASES if case.method == method and isinstance(outcome := outcome_of(case), Refusal)
    }
    assert METHOD_ERRORS[method] <= seen


def test_every_topic_is_decided_somewhere() -> None:
    seen = {event.topic.name for case in CASES if isinstance(o := outcome_of(case), Draft) for event in o.events}
    assert {name for name, topic in TOPICS.items() if topic.logged} - seen == UNUSED_TOPICS


def test_every_edge_is_taken_somewhere() -> None:
    taken = set()
    for case in CASES:
        state, outcome = run(case)
        if isinstance(outcome, Refusal):
            continue
        for event in outcome.events:
            noun = event.topic.noun
            before = state.get(noun, event.id) or next((e for kind, e in _stored(case) if kind == noun), None)
            if noun in MACHINES and before is not None:
                field = MACHINES[noun].field
                taken.add((noun, getattr(before, field), getattr(event.entity, field)))
            state.evolve(event)
    edges = {
        (noun, a, b) for noun, machine in MACHINES.items() for a, targets in machine.edges.items() for b in targets
    }
    assert {edge for edge in taken if edge[1] != edge[2]} <= edges
    assert edges - taken == UNUSED_EDGES


def _stored(case: Case) -> list[tuple[str, object]]:
    facts = case.command().facts
    entity = getattr(facts, "entity", None)
    return [] if entity is None else [(case.method.split(".")[0], entity)]


def test_every_decision_belongs_to_a_method() -> None:
    assert sorted(DECISIONS) == DECIDED
