from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentlanes.core.command import Event
from agentlanes.core.state import State, is_resident
from agentlanes.wire.table import ENTITIES, TOPICS
from core.test_machines import make, operate


def test_an_entity_that_is_put_again_keeps_its_place() -> None:
    state = State()
    lanes = [make("lane", lane_id=f"ln_{n}") for n in (3, 1, 2)]
    for lane in lanes:
        state.put("lane", lane.lane_id, lane)
    state.put("lane", "ln_3", make("lane", lane_id="ln_3", name="other"))
    assert [lane.lane_id for lane in state.all("lane")] == ["ln_3", "ln_1", "ln_2"]
    workspace_id = lanes[0].workspace_id
    assert [lane.name for lane in state.children("lane", workspace_id)] == ["other", lanes[1].name, lanes[2].name]
    assert list(state.children("repo", workspace_id)) == []
    assert state.count()["lane"] == 3


def test_what_is_dropped_leaves_no_index() -> None:
    state = State()
    lane = operate(make("lane"), "c")
    state.put("lane", lane.lane_id, lane)
    assert state.operating("lane", "c") == lane.lane_id
    state.drop("lane", lane.lane_id)
    state.drop("lane", lane.lane_id)
    assert state.operating("lane", "c") is None
    assert list(state.children("lane", lane.workspace_id)) == list(state.all("lane")) == []


def test_an_operation_is_found_while_it_lasts() -> None:
    state = State()
    lane = make("lane")
    for correlation_id in ("c", "d"):
        state.put("lane", lane.lane_id, operate(lane, correlation_id))
    assert state.operating("lane", "c") is None
    assert state.operating("lane", "d") == lane.lane_id
    assert state.operating("session", "d") is None
    state.put("lane", lane.lane_id, lane)
    assert state.operating("lane", "d") is None


def test_what_ended_leaves_memory() -> None:
    state = State()
    for status, held in (("queued", True), ("running", True), ("completed", False)):
        turn = make("turn", status=status)
        assert is_resident("turn", turn) is held
        state.evolve(Event(TOPICS["turn.updated"], turn.turn_id, turn, "c"))
        assert (state.get("turn", turn.turn_id) is not None) is held


def test_an_approval_stays_until_the_agent_was_told() -> None:
    assert is_resident("approval", make("approval"))
    assert is_resident("approval", make("approval", status="approved"))
    assert is_resident("approval", make("approval", status="canceled", answered=False))
    assert not is_resident("approval", make("approval", status="approved", answered=True))


def test_what_has_no_end_stays() -> None:
    assert is_resident("session", make("session", status="terminated"))
    assert is_resident("lane", make("lane", status="closed"))
    assert is_resident("terminal", make("terminal", state="closed"))


NUMBERS = st.integers(1, 4)
ACTS = st.lists(st.tuples(st.sampled_from(["put", "operate", "drop"]), NUMBERS, st.integers(1, 2), NUMBERS))


@given(ACTS)
def test_indexes_agree_with_the_entities(acts: list[tuple[str, int, int, int]]) -> None:
    state = State()
    parents: dict[str, str] = {}
    used: dict[str, str] = {}
    for act, number, parent, correlation in acts:
        id = f"ln_{number}"
        workspace_id = parents.setdefault(id, f"ws_{parent}")
        if act == "drop":
            state.drop("lane", id)
            parents.pop(id)
            used.pop(id, None)
            continue
        lane = make("lane", lane_id=id, workspace_id=workspace_id)
        used.pop(id, None)
        if act == "operate" and f"c{correlation}" not in used.values():
            used[id] = f"c{correlation}"
            lane = operate(lane, used[id])
        state.put("lane", id, lane)
    for workspace_id in ("ws_1", "ws_2"):
        below = [lane for lane in state.all("lane") if lane.workspace_id == workspace_id]
        assert list(state.children("lane", workspace_id)) == below
    for correlation in range(1, 5):
        holders = [id for id, correlation_id in used.items() if correlation_id == f"c{correlation}"]
        assert state.operating("lane", f"c{correlation}") == (holders[0] if holders else None)
    assert state.count() == {noun: len(list(state.all(noun))) for noun in ENTITIES}
