"""Every edge that a machine has is taken, every other one is refused and the refusal names what is legal."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.core.command import Command, Context
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.ids import Minter
from agentlanes.core.state import State
from agentlanes.wire.models import Operation
from agentlanes.wire.table import ENTITIES, MACHINES, METHODS, TOPICS
from core.case_files import GIVEN, write_out

NAMES = {entity["noun"]: name for name, entity in reversed(GIVEN["entities"].items())}
PAIRS = [(noun, a, b) for noun, machine in MACHINES.items() for a in machine.edges for b in machine.edges]


def make(noun: str, **changes: Any) -> Any:
    _, entity = write_out({NAMES[noun]: changes})
    return msgspec.convert(entity, ENTITIES[noun].type)


def make_draft(*entities: tuple[str, Any], correlation_id: str = "asked") -> Draft:
    state = State()
    for noun, entity in entities:
        state.put(noun, getattr(entity, ENTITIES[noun].id), entity)
    command = Command(
        method=METHODS["workspace.open"],
        envelope_id="e",
        correlation_id=correlation_id,
        actor="client/test",
        at="2026-03-01T12:00:00.000Z",
        context=Context(),
        payload=None,
        minter=Minter(1),
    )
    return Draft(state, command)


def topic_of(noun: str) -> str:
    """One that neither starts nor ends anything; where a noun does nothing else, one that ends what it has begun."""
    rows = [row for row in TOPICS.values() if row.noun == noun and row.logged and not row.drops]
    return min((row for row in rows if row.phase != "start"), key=lambda row: row.phase is not None).name


@pytest.mark.parametrize(("noun", "before", "after"), PAIRS)
def test_edges(noun: str, before: str, after: str) -> None:
    machine = MACHINES[noun]
    entity = make(noun, **{machine.field: before})
    draft = make_draft((noun, entity))
    changed = msgspec.structs.replace(entity, **{machine.field: after})
    if before == after or after in machine.edges[before]:
        draft.put(topic_of(noun), changed)
        assert [event.entity for event in draft.events] == [changed]
        return
    with pytest.raises(Refusal) as refused:
        draft.put(topic_of(noun), changed)
    assert refused.value.code == "ILLEGAL_TRANSITION"
    assert refused.value.details == {
        "id": getattr(entity, ENTITIES[noun].id),
        "state": before,
        "wanted": after,
        "legal": list(machine.edges[before]),
    }
    assert draft.events == []


def operate(entity: Any, correlation_id: str) -> Any:
    operation = Operation(kind="attach", correlation_id=correlation_id, started_at=GIVEN["at"], actor="client/other")
    return msgspec.structs.replace(entity, operation=operation)


STARTS = sorted(name for name, topic in TOPICS.items() if topic.phase == "start")
ENDS = sorted(name for name, topic in TOPICS.items() if topic.phase == "end")


@pytest.mark.parametrize("topic", STARTS)
def test_a_second_start_under_one_correlation(topic: str) -> None:
    noun = TOPICS[topic].noun
    first, second = operate(make(noun), "c"), make(noun, **{ENTITIES[noun].id: _other_id(noun)})
    draft = make_draft((noun, first), (noun, second), correlation_id="c")
    with pytest.raises(Refusal) as refused:
        draft.put(topic, operate(second, "c"))
    assert refused.value.code == "ORDERING_VIOLATION"
    other = make_draft((noun, first), (noun, second), correlation_id="d")
    other.put(topic, operate(second, "d"))
    assert other.events[0].correlation_id == "d"


@pytest.mark.parametrize("topic", ENDS)
def test_an_end_without_a_start(topic: str) -> None:
    noun = TOPICS[topic].noun
    entity = make(noun, operation=None)
    with pytest.raises(Refusal) as refused:
        make_draft((noun, entity)).put(topic, entity)
    assert refused.value.code == "ORDERING_VIOLATION"


@pytest.mark.parametrize("topic", ENDS)
def test_an_end_carries_the_correlation_of_its_start(topic: str) -> None:
    noun = TOPICS[topic].noun
    draft = make_draft((noun, operate(make(noun), "c")), correlation_id="d")
    draft.put(topic, make(noun, operation=None))
    assert draft.events[0].correlation_id == "c"


@pytest.mark.parametrize("noun", ["lane", "session", "terminal"])
def test_a_start_after_the_end_in_the_same_decision(noun: str) -> None:
    start, end = (next(t for t in group if TOPICS[t].noun == noun) for group in (STARTS, ENDS))
    draft = make_draft((noun, operate(make(noun), "c")), correlation_id="c")
    draft.put(end, make(noun))
    draft.put(start, operate(make(noun), "c"))
    assert len(draft.events) == 2


def _other_id(noun: str) -> str:
    id: str = GIVEN["entities"][NAMES[noun]][ENTITIES[noun].id]
    return id[:-1] + "9"
