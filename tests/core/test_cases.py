"""Every case of protocol/v1/cases, and that they leave nothing out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.core.decisions import decide
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.state import State, is_resident
from agentlanes.wire.table import ENTITIES, MACHINES, METHODS
from core.case_files import CASES, Case, find_mismatch
from protocol.schemas import INDEX_ERRORS, METHOD_ERRORS, explain


def run(case: Case) -> tuple[State, Draft | Refusal]:
    state = case.state()
    try:
        return state, decide(state, case.command())
    except Refusal as refusal:
        return state, refusal


def plain(value: Any) -> Any:
    """As JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(value))


def write(draft: Draft) -> list[Any]:
    return [
        {**plain(event.entity), "topic": event.topic.name, "correlation_id": event.correlation_id}
        for event in draft.events
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.description}")
def test_case(case: Case) -> None:
    for noun, entity in case.given:
        assert explain(ENTITIES[noun].type.__name__, entity) is None, "given"
    if METHODS[case.method].kind == "command":
        assert explain(METHODS[case.method].params.__name__, case.when.get("payload", {})) is None, "when"
    _, outcome = run(case)
    if "refused" in case.then:
        assert isinstance(outcome, Refusal), write(outcome)
        refused = {"code": outcome.code, "message": outcome.message, "details": plain(outcome.details)}
        assert find_mismatch(case.then["refused"], refused) is None, refused
        if METHODS[case.method].kind == "command":
            assert outcome.code in METHOD_ERRORS[case.method] | INDEX_ERRORS, "not in the method's row"
        return
    assert isinstance(outcome, Draft), outcome
    events = write(outcome)
    expected = case.then["events"]
    assert [event["topic"] for event in events] == [event["topic"] for event in expected]
    assert find_mismatch(expected, events) is None, find_mismatch(expected, events)
    assert find_mismatch(case.then.get("writes", []), plain(outcome.writes)) is None
    assert find_mismatch(case.then.get("cursors", []), plain(outcome.cursors)) is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.description}")
def test_decisions_are_pure_and_legal(case: Case) -> None:
    state, outcome = run(case)
    untouched = case.state()
    for noun in ENTITIES:
        assert list(state.all(noun)) == list(untouched.all(noun))
    if isinstance(outcome, Refusal):
        return
    again = run(case)[1]
    assert isinstance(again, Draft) and again.events == outcome.events
    for event in outcome.events:
        noun = event.topic.noun
        assert explain(ENTITIES[noun].type.__name__, plain(event.entity)) is None
        before = state.get(noun, event.id)
        if before is not None and noun in MACHINES:
            machine = MACHINES[noun]
            old, new = getattr(before, machine.field), getattr(event.entity, machine.field)
            assert old == new or new in machine.edges[old]
        state.evolve(event)
        held = state.get(noun, event.id)
        assert held is (None if event.topic.drops or not is_resident(noun, event.entity) else event.entity)
