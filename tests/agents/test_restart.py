"""Promise: a server that is started again makes of the rest of the tape what it would have made without the restart."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest import mock

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.adapters.agents.dialogue import growing, turn_items
from agents.conversation import LATER, Dialogue, update
from agents.core_double import CoreDouble

Action = tuple[str, Any]

TEXTS = st.sampled_from(["a", "word ", "é🙂", "line\n", ""])
TOOLS = st.sampled_from(["t1", "t2", "t3"])


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def content(value: str) -> dict[str, Any]:
    return {"type": "content", "content": text(value)}


DIFF = {"type": "diff", "path": "/f", "oldText": "a", "newText": "b"}
OPTIONS = [
    {"optionId": "y", "name": "Yes", "kind": "allow_once"},
    {"optionId": "n", "name": "No", "kind": "reject_once"},
]


@st.composite
def tool_fields(draw: st.DrawFn) -> dict[str, Any]:
    fields: dict[str, Any] = {"toolCallId": draw(TOOLS)}
    if draw(st.booleans()):
        fields["status"] = draw(st.sampled_from(["pending", "in_progress", "completed", "failed"]))
    if draw(st.booleans()):
        fields["title"] = draw(st.sampled_from(["Read", "Run"]))
    if draw(st.booleans()):
        fields["content"] = [draw(st.sampled_from([content("o" * n) for n in range(5)] + [content("x"), DIFF]))]
    if draw(st.booleans()):
        fields["rawOutput"] = {"n": draw(st.integers(0, 3))}
    return fields


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(
            ["agent_message_chunk"] * 3 + ["agent_thought_chunk"] * 2 + ["tool_call", "tool_call_update"] * 3
            + ["plan", "usage_update", "current_mode_update", "session_info_update", "user_message_chunk", "novel"]
        )
    )  # fmt: skip
    if kind.endswith("_chunk"):
        fields: dict[str, Any] = {"content": text(draw(TEXTS)), "messageId": draw(st.sampled_from([None, "m1", "m2"]))}
    elif kind.startswith("tool"):
        fields = draw(tool_fields())
    elif kind == "plan":
        statuses = draw(st.lists(st.sampled_from(["pending", "completed"]), max_size=2))
        fields = {"entries": [{"content": "step", "status": status} for status in statuses]}
    else:
        fields = {"used": draw(st.integers(0, 5)), "size": 9, "currentModeId": "m", "title": draw(TEXTS)}
    session = draw(st.sampled_from(["s1"] * 9 + ["s2"]))
    return update(kind, session, **fields)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    params = {"sessionId": "s1", "toolCall": draw(tool_fields()), "options": OPTIONS}
    return {"jsonrpc": "2.0", "id": draw(st.integers(0, 9)), "method": "session/request_permission", "params": params}


FRAMES = st.one_of(
    updates(),
    updates(),
    updates(),
    questions(),
    st.sampled_from([b"garbage", b"", b"[]", b'{"jsonrpc":"2.0","id":99,"result":{}}']),
    st.just({"jsonrpc": "2.0", "id": "x", "method": "fs/read_text_file", "params": {}}),
)
ACTIONS: st.SearchStrategy[list[Action]] = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), FRAMES),
        st.tuples(st.just("feed"), FRAMES),
        st.tuples(st.just("feed"), FRAMES),
        st.tuples(st.just("feed"), FRAMES),
        st.tuples(st.just("decide"), st.sampled_from(["allow_once", "reject_once", None])),
        st.tuples(st.just("interrupt"), st.none()),
        st.tuples(st.just("end"), st.sampled_from(["end_turn", "cancelled", "refusal", None])),
        st.tuples(st.just("prompt"), st.none()),
    ),
    max_size=25,
)


@dataclass
class Outcome:
    """What a run left behind."""

    items: list[Any]
    approvals: list[Any]
    turns: list[Any]
    sent: list[Any]
    title: str | None

    @classmethod
    def of(cls, core: CoreDouble) -> Outcome:
        return cls(
            [msgspec.to_builtins(item) for item in core.items.values()],
            [msgspec.to_builtins(approval) for approval in core.approvals.values()],
            [msgspec.to_builtins(turn) for turn in core.turns],
            [write.data for write in core.writes],
            core.session.title,
        )


def act(dialogue: Dialogue, action: Action, *, lost: bool) -> None:
    """Do one thing; with `lost`, the server dies between reading a frame and recording it."""
    core = dialogue.core
    kind, argument = action
    if kind == "feed" and core.active is None:
        # What comes after the end of a turn is kept with it, but not across a restart.
        return
    if kind == "feed":
        dialogue.feed(argument, settle=not lost)
        if lost:
            line, offset, end = dialogue.tape.lines[-1]
            dialogue.driver.receive(line, offset, end, LATER)
            dialogue.restart()
    elif kind == "decide" and core.pending():
        core.decide(core.pending()[0], argument)
    elif kind == "interrupt" and core.active is not None and core.active.interrupt is None:
        core.interrupt()
    elif kind == "prompt":
        core.prompt("go")
    elif kind == "end" and core.active is not None and core.active.input_n is not None:
        frame = {"jsonrpc": "2.0", "id": core.active.input_n}
        frame |= {"result": {"stopReason": argument}} if argument else {"error": {"code": 1, "message": "no"}}
        dialogue.feed(frame)
    dialogue.settle()


def run(actions: list[Action], cuts: set[int] = frozenset(), losses: set[int] = frozenset()) -> Outcome:  # type: ignore[assignment]
    dialogue = Dialogue(CoreDouble())
    # Before the first prompt there is no turn that anything could belong to.
    dialogue.open(then=[update("agent_message_chunk", content=text("Welcome")), b"garbage"])
    dialogue.core.prompt("go")
    dialogue.settle()
    if -1 in cuts:
        dialogue.restart()
    for number, action in enumerate(actions):
        act(dialogue, action, lost=number in losses)
        if number in cuts:
            dialogue.restart(piecewise=number % 2 == 0)
    return Outcome.of(dialogue.core)


@given(ACTIONS, st.sets(st.integers(-1, 24)), st.sets(st.integers(0, 24)))
def test_restarts_change_nothing(actions: list[Action], cuts: set[int], losses: set[int]) -> None:
    assert run(actions, cuts, losses) == run(actions)


CAPS = st.fixed_dictionaries(
    {
        "SPEECH_CAP": st.sampled_from([4, 7]),
        "OUTPUT_CAP": st.sampled_from([0, 3]),
        "OUTPUT_TAIL": st.just(2),
        "NOTICE_CAP": st.sampled_from([60, 200]),
        "NOTICES_CAP": st.sampled_from([1, 3]),
        "SPAN_CAP": st.sampled_from([10, 200, 500]),
        "REPEATS_SPAN": st.sampled_from([10, 400]),
        "OPEN_TOOLS_CAP": st.sampled_from([1, 2]),
    }
)


@given(ACTIONS, st.sets(st.integers(-1, 24)), st.sets(st.integers(0, 24)), CAPS)
def test_restarts_change_nothing_where_texts_are_cut(
    actions: list[Action], cuts: set[int], losses: set[int], caps: dict[str, Any]
) -> None:
    with ExitStack() as patched:
        for module in (growing, turn_items):
            patched.enter_context(
                mock.patch.multiple(module, **{name: cap for name, cap in caps.items() if hasattr(module, name)})
            )
        assert run(actions, cuts, losses) == run(actions)


@given(ACTIONS, st.sets(st.integers(0, 24)))
def test_what_arrives_together_makes_the_same_items(actions: list[Action], joined: set[int]) -> None:
    """How many frames one step takes in is an accident of timing."""
    frames = [argument for kind, argument in actions if kind == "feed"]
    whole, parts = Dialogue(), Dialogue()
    for dialogue in (whole, parts):
        dialogue.open()
        dialogue.core.prompt("go")
        dialogue.settle()
    whole.feed(*frames)
    for number, frame in enumerate(frames):
        parts.feed(frame, settle=number not in joined)
    for dialogue in (whole, parts):
        dialogue.end()
    one, other = Outcome.of(whole.core), Outcome.of(parts.core)
    assert sorted(one.items, key=lambda item: item["position"]) == sorted(other.items, key=lambda i: i["position"])
    assert one.turns == other.turns and one.title == other.title


@given(ACTIONS, st.integers(1, 2))
def test_a_restart_in_the_handshake_goes_on_where_it_was(actions: list[Action], answered: int) -> None:
    dialogue = Dialogue()
    dialogue.restart()
    dialogue.feed({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": 1}}, settle=answered > 1)
    dialogue.restart()
    dialogue.feed({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": "s1"}}, settle=False)
    dialogue.restart()
    assert [message["method"] for message in dialogue.sent()] == ["initialize", "session/new"]
    assert dialogue.core.session.status == "attached"
