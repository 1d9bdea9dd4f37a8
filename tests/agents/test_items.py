"""How updates become items."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.wire.models import Cost, PlanEntry, Usage
from agents.conversation import Dialogue, output, text


def test_chunks_of_a_kind_are_one_item(talk: Dialogue) -> None:
    for word in ("Hello ", "wörld", "!"):
        talk.say(word)
    talk.say("hm", "thought")
    talk.say("so", "thought")
    talk.say("Bye")
    talk.end()
    assert [(item.kind, item.text, item.status) for item in talk.items()] == [
        ("message", "Hello wörld!", "completed"),
        ("thought", "hmso", "completed"),
        ("message", "Bye", "completed"),
    ]


def test_text_is_told_as_it_grows_with_offsets_in_bytes(talk: Dialogue) -> None:
    for word in ("é", "🙂", "x"):
        talk.say(word)
    (item,) = talk.core.items.values()
    assert talk.core.grown[item.item_id] == "é🙂x".encode()
    assert len(talk.core.item_events) == 1, "growing text is no event"


def test_another_message_id_is_another_message(talk: Dialogue) -> None:
    for message_id, word in (("a", "1"), ("a", "2"), (None, "3"), ("b", "4"), (5, "5")):
        talk.say(word, messageId=message_id)
    talk.end()
    assert [item.text for item in talk.items()] == ["123", "45"]


def test_an_item_that_begins_ends_the_message_before_it(talk: Dialogue) -> None:
    talk.say("before")
    talk.update("tool_call", toolCallId="t", title="Run")
    talk.say("while")
    talk.update("tool_call_update", toolCallId="t", content=output("o"))
    talk.say(" it runs")
    talk.update("plan", entries=[{"content": "step", "priority": "high", "status": "pending"}])
    talk.say("after")
    talk.update("plan", entries=[{"content": "step", "priority": "high", "status": "completed"}])
    talk.say("wards")
    talk.end()
    assert [(item.kind, item.text) for item in talk.items()] == [
        ("message", "before"),
        ("tool_call", "o"),
        ("message", "while it runs"),
        ("plan", None),
        ("message", "afterwards"),
    ]


def test_ids_follow_from_the_tape_and_sort_by_it(talk: Dialogue) -> None:
    for word in "abc":
        talk.say(word)
        talk.say(word, "thought")
    found = talk.items()
    assert [item.item_id for item in found] == sorted(item.item_id for item in found)
    offsets = {offset for _, offset, _ in talk.tape.lines}
    assert {item.position for item in found} <= offsets


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (text("plain"), "plain"),
        ({"type": "resource_link", "uri": "file:///a", "name": "a"}, "[a: file:///a]"),
        ({"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}}, "inside"),
        ({"type": "resource", "resource": {"uri": "file:///a", "blob": "AA=="}}, "[resource file:///a]"),
        ({"type": "image", "data": "AA==", "mimeType": "image/png"}, "[image]"),
        ({"type": "hologram"}, "[hologram]"),
    ],
)
def test_content_that_is_no_text_is_named(talk: Dialogue, content: Any, shown: str) -> None:
    talk.update("agent_message_chunk", content=content)
    talk.end()
    assert talk.items()[0].text == shown


def test_a_plan_is_one_item_that_changes(talk: Dialogue) -> None:
    talk.update("plan", entries=[])
    assert not talk.core.items
    step = {"content": "step", "priority": "high", "status": "pending"}
    for status in ("pending", "pending", "in_progress", "completed"):
        talk.update("plan", entries=[step | {"status": status}, 7, {"content": None}, {"content": "x"}])
    (item,) = talk.items()
    assert item.plan == (
        PlanEntry(content="step", priority="high", status="completed"),
        PlanEntry(content="x", status="pending"),
    )
    assert len(talk.core.item_events) == 3, "a plan told again without a change is no event"


def test_usage_belongs_to_the_turn(talk: Dialogue) -> None:
    talk.update("usage_update", used=10, size=100, cost={"amount": 1, "currency": "USD"})
    assert talk.core.last_turn.usage == Usage(
        context_used=10,
        context_size=100,
        cost=Cost(amount=1.0, currency="USD"),
        session_cost=Cost(amount=1.0, currency="USD"),
    )
    talk.update("usage_update", used="many", size=-1)
    talk.end(
        usage={"totalTokens": 7, "inputTokens": 5, "outputTokens": 2, "cachedReadTokens": 3, "thoughtTokens": None}
    )
    assert talk.core.last_turn.usage == Usage(
        context_used=10,
        context_size=100,
        total_tokens=7,
        input_tokens=5,
        output_tokens=2,
        cached_tokens=3,
        cost=Cost(amount=1.0, currency="USD"),
        session_cost=Cost(amount=1.0, currency="USD"),
    )


def test_a_turn_costs_what_the_session_cost_more(talk: Dialogue) -> None:
    """Agents tell what all of a session cost so far."""
    talk.update("usage_update", used=1, size=100, cost={"amount": 0.1, "currency": "USD"})
    talk.end()
    talk.core.prompt("more")
    talk.settle()
    for amount in (0.15, 0.3, 0.25, -1, "much", True, 1e300):
        talk.update("usage_update", used=1, size=100, cost={"amount": amount, "currency": "USD"})
    talk.restart()
    talk.end()
    costs = [turn.usage.cost.amount for turn in talk.core.turns if turn.usage is not None and turn.usage.cost]
    assert costs == [0.1, 0.2]


def list_costs(talk: Dialogue) -> list[float]:
    return [turn.usage.cost.amount for turn in talk.core.turns if turn.usage is not None and turn.usage.cost]


def tell_cost(talk: Dialogue, amount: float) -> None:
    talk.update("usage_update", used=1, size=100, cost={"amount": amount, "currency": "USD"})


@pytest.mark.parametrize("when", ["before the prompt", "before the cost", "behind the cost"])
def test_what_a_turn_costs_a_restart_does_not_change(talk: Dialogue, when: str) -> None:
    tell_cost(talk, 5)
    talk.end()
    if when == "before the prompt":
        talk.restart()
    talk.core.prompt("more")
    talk.settle()
    if when == "before the cost":
        talk.restart()
    tell_cost(talk, 5.25)
    if when == "behind the cost":
        talk.restart()
    tell_cost(talk, 5.5)
    talk.end()
    assert list_costs(talk) == [5, 0.5]
    usage = talk.core.session.usage
    assert usage is not None and usage.cost == usage.session_cost == Cost(amount=5.5, currency="USD")


@pytest.mark.parametrize(("told", "cost"), [(5.5, 0.5), (0.5, 0.5)], ids=["from the session's beginning", "anew"])
def test_what_a_turn_costs_in_a_session_that_goes_on(talk: Dialogue, told: float, cost: float) -> None:
    spent = Usage(cost=Cost(amount=5, currency="USD"))
    talk.core.session = msgspec.structs.replace(talk.core.session, usage=spent)
    talk.restart()
    tell_cost(talk, told)
    talk.end()
    assert list_costs(talk) == [cost]


def test_the_agent_names_the_session(talk: Dialogue) -> None:
    talk.update("session_info_update", title="  Two\nlines " + "x" * 300)
    assert talk.core.session.title is not None
    assert talk.core.session.title.startswith("Two lines xxx") and len(talk.core.session.title) == 200
    for title in (None, 5, " \n"):
        talk.update("session_info_update", title=title)
    assert talk.core.session.title.startswith("Two lines")


def test_what_the_log_has_no_place_for_is_passed_over(talk: Dialogue) -> None:
    talk.update("user_message_chunk", content=text("echo"))
    talk.update("available_commands_update", availableCommands=[])
    talk.update("config_option_update", configOptions=[])
    assert not talk.core.items


def test_an_unknown_kind_is_kept_as_it_came(talk: Dialogue) -> None:
    talk.update("subagent_update", status="running", nested={"a": 1})
    talk.update("session_message_chunk", content=text("so far"))
    talk.update("subagent_update", status="done")
    talk.update("current_mode_update", currentModeId="auto")
    talk.end()
    first, second, third = talk.items()
    assert first.kind == "notice" and first.raw == {
        "sessionUpdate": "subagent_update",
        "status": "running",
        "nested": {"a": 1},
    }
    assert (first.text or "").startswith('Update of kind subagent_update\n{"sessionUpdate":"subagent_update"')
    assert (first.text or "").count("\n") == 2
    assert second.text == "Update of kind session_message_chunk\nso far"
    assert third.text == "The agent changed its mode\nauto"


def test_unknown_kinds_are_bounded(talk: Dialogue) -> None:
    for number in range(100):
        talk.update(f"kind{number}", blob="x" * 5000)
    for _ in range(100):
        talk.update("kind0", blob="x" * 5000)
    talk.end()
    assert len(talk.items()) == 17
    assert all(len(item.text or "") < 20_000 for item in talk.items())
    assert (talk.items()[-1].text or "").startswith("Other messages that were not understood")


def test_updates_of_another_session_are_refused(talk: Dialogue) -> None:
    for session in ("s2", "s3", None, ["s1"]):
        talk.update("agent_message_chunk", session, content=text("spoofed"), _meta={"session_id": "s1"})  # type: ignore[arg-type]
    talk.end()
    (item,) = talk.items()
    assert item.kind == "notice" and (item.text or "").startswith("Refused: updates of another session")
    assert "spoofed" not in (item.text or "")


def test_meta_is_merged_into_nothing(talk: Dialogue) -> None:
    meta = {"sessionId": "s2", "session_id": "s2", "toolCallId": "u", "content": text("spoofed"), "title": "spoofed"}
    talk.update("agent_message_chunk", content=text("real"), _meta=meta)
    talk.update("tool_call", toolCallId="t", title="Run", _meta=meta)
    talk.end()
    message, tool = talk.items()
    assert message.text == "real" and tool.tool is not None
    assert (tool.tool.tool_call_id, tool.tool.title) == ("t", "Run")


def test_garbage_is_one_notice_and_splits_no_message(talk: Dialogue) -> None:
    talk.say("one ")
    talk.feed(b"DEBUG connecting", b"\xff\xfe", b"[1,2]", b"7", b"{", b"   ", b"")
    talk.say("message")
    talk.end()
    message, notice = talk.items()
    assert message.text == "one message"
    lines = (notice.text or "").splitlines()
    assert notice.kind == "notice" and lines[0] == "Lines that are not messages of the protocol"
    assert len(lines) == 6 and lines[1].startswith("DEBUG connecting (JSON is malformed")


def test_endless_garbage_is_cut(talk: Dialogue) -> None:
    talk.feed(*[b"noise " * 1000] * 500)
    talk.end()
    (notice,) = talk.items()
    assert len(notice.text or "") < 20_000 and (notice.text or "").endswith("(the rest is left out here)\n")


def test_the_halves_of_an_emoji_do_not_lose_the_frame(talk: Dialogue) -> None:
    """JavaScript agents cut strings between the halves of a surrogate pair."""
    frame = (
        b'{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":'
        b'{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"%s"}}}}'
    )
    talk.feed(frame % rb"a\ud83d", frame % rb"\ude42b \ud83d\ude42 \\ud83d")
    talk.end()
    assert talk.items()[0].text == "a\ufffd\ufffdb 🙂 \\ud83d"


@pytest.mark.parametrize(
    "fields",
    [
        {"content": None},
        {"content": text("x") | {"text": 5}},
        {"content": "text"},
        {},
    ],
)
def test_a_malformed_chunk_is_noted(talk: Dialogue, fields: dict[str, Any]) -> None:
    talk.update("agent_message_chunk", **fields)
    talk.end()
    (notice,) = talk.items()
    assert (notice.text or "").startswith("Updates that do not follow the protocol\na message without content")


def test_a_long_message_goes_on_in_the_next_item(talk: Dialogue) -> None:
    """Nothing that an agent says is lost, and no item grows without bounds."""
    for _ in range(6):
        talk.say("ab" * (200 << 10))
    talk.say("é" * (3 << 19))
    talk.end()
    said = [item.text or "" for item in talk.items()]
    assert "".join(said) == "ab" * (1200 << 10) + "é" * (3 << 19)
    assert max(len(text.encode()) for text in said) == 1 << 20
    assert talk.core.last_turn.summary == "é" * 65_535 + "…"


def test_deep_nesting_is_refused(talk: Dialogue) -> None:
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    talk.update("tool_call", toolCallId="t", rawInput=deep)
    for levels in (200, 100_000):
        talk.feed(b'{"a":' * levels + b"1" + b"}" * levels)
    talk.end()
    notice = next(item for item in talk.items() if item.kind == "notice")
    tool = next(item for item in talk.items() if item.kind == "tool_call").tool
    assert (notice.text or "").count("it nests deeper than 100 levels") == 2
    assert tool is not None and str(tool.raw_input).startswith("[[[[")


def test_braces_in_strings_are_no_nesting(talk: Dialogue) -> None:
    talk.say("{[" * 5000)
    talk.end()
    assert talk.items()[0].text == "{[" * 5000


def test_activity_says_what_the_agent_does(talk: Dialogue) -> None:
    talk.say("hm", "thought")
    talk.say("ok")
    talk.update("tool_call", toolCallId="t", title="git  status\n--short")
    talk.update("tool_call_update", toolCallId="t", status="completed")
    talk.end()
    assert talk.core.activities == ["Working", "Thinking", "Writing", "git status --short", ""]


def test_a_question_is_not_hidden_by_what_came_before_it(talk: Dialogue) -> None:
    talk.say("May I?", settle=False)
    options = [{"optionId": "y", "name": "Yes", "kind": "allow_once"}]
    params = {"sessionId": "s1", "toolCall": {"toolCallId": "t", "title": "Edit"}, "options": options}
    talk.feed({"jsonrpc": "2.0", "id": 0, "method": "session/request_permission", "params": params}, settle=False)
    talk.update("usage_update", used=1, size=2)
    assert talk.core.session.activity == "Waits for a decision: Edit"
