"""Traces: every item has its place below its turn, and the tree is whole whatever the agent names as parents."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.core.trace import find_model, trace_turn
from agentlanes.wire.models import Choice, Item, Problem, Session, Setting, ToolCall, Turn, Usage
from core.test_primer import SESSION, make_item, make_turn


def call(turn: Turn, number: int, call_id: str, parent: str | None = None, **changes: object) -> Item:
    tool = ToolCall(tool_call_id=call_id, status="completed", tool_kind="execute", parent_tool_call_id=parent)
    tool = msgspec.structs.replace(tool, title=f"Call {call_id}", command="make", exit_code=0)
    return make_item(turn, number, kind="tool_call", tool=tool, text="made", **changes)


def test_a_turn_is_a_tree() -> None:
    turn = make_turn(1, prompt="Fix it\nplease", ended_at="2026-03-01T11:00:02.500Z")
    usage = Usage(input_tokens=100, output_tokens=20, total_tokens=130)
    turn = msgspec.structs.replace(turn, usage=usage, choice=Choice(model="large"))
    items = [
        call(turn, 1, "inner", "outer"),
        call(turn, 2, "outer", ended_at="2026-03-01T11:00:00.250Z"),
        make_item(turn, 3, kind="thought", text="Hm"),
        make_item(turn, 4, kind="user_message", text="Fix it"),
        make_item(turn, 5, text="Done."),
    ]
    root, outer, thought, message, inner = trace_turn(turn, items, SESSION)
    assert (root.type, root.parent_id, root.name) == ("LLM_PROMPT", None, "Fix it")
    assert root.content == {"prompt": "Fix it\nplease", "model": "large"}
    assert (root.duration_ms, root.tokens_used, root.agent_id) == (2500, 130, "demo")
    assert (outer.type, outer.parent_id, outer.duration_ms) == ("TOOL_CALL", root.id, 250)
    assert outer.content == {"tool": "execute", "args": "make", "result": "made"}
    assert (inner.parent_id, inner.name) == (outer.id, "Call inner")
    assert (thought.name, thought.content, thought.tokens_used) == ("Thought", {"content": "Hm"}, None)
    assert (message.type, message.content) == ("RESPONSE", {"content": "Done.", "tokens_used": 20})
    assert {entry.command_id for entry in (root, outer, inner, thought, message)} == {turn.turn_id}


def test_what_failed_says_why() -> None:
    turn = msgspec.structs.replace(make_turn(1), problem=Problem(code="X", message="no disk"))
    failed = call(turn, 1, "c", status="failed")
    refused = call(turn, 2, "d", status="failed", problem=Problem(code="X", message="refused"))
    assert [entry.error for entry in trace_turn(turn, [failed, refused], SESSION)] == ["no disk", "made", "refused"]


def test_the_model_is_what_was_chosen_or_what_the_agent_says() -> None:
    turn = make_turn(1)
    setting = Setting(setting_id="m", name="Model", kind="model", value="small", values=())
    offering = msgspec.convert({**msgspec.to_builtins(SESSION), "offer": {"settings": [setting]}}, Session)
    assert find_model(turn, None) is None
    assert find_model(turn, offering) == "small"
    choosing = msgspec.structs.replace(offering, choice=Choice(model="middle"))
    assert find_model(turn, choosing) == "middle"


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([*"abcdef", None])), max_size=8))
def test_the_tree_is_whole_whatever_the_agent_names(edges: list[tuple[str, str | None]]) -> None:
    turn = make_turn(1)
    items = [call(turn, n, own, parent) for n, (own, parent) in enumerate(edges)]
    entries = trace_turn(turn, items, SESSION)
    assert sorted(entry.id for entry in entries) == sorted([turn.turn_id, *(item.item_id for item in items)])
    seen: set[str] = set()
    for entry in entries:
        assert entry.parent_id is None or entry.parent_id in seen
        seen.add(entry.id)
