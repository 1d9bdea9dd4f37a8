"""Prompts, how they end, and what comes in between or too late."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from agentlanes.adapters.agents.dialogue import turn_items
from agentlanes.adapters.agents.dialogue.item import OpenItem
from agentlanes.wire.models import ResourceLink
from agents.conversation import Dialogue


def methods(talk: Dialogue) -> list[str]:
    return [message["method"] for message in talk.sent() if "method" in message]


def end_frame(talk: Dialogue, result: Any = None, **more: Any) -> dict[str, Any]:
    turn = talk.core.active
    assert turn is not None
    return {"jsonrpc": "2.0", "id": turn.input_n, "result": result} | more


def test_a_prompt_carries_text_and_links() -> None:
    talk = Dialogue()
    talk.open()
    talk.core.prompt("read this", [ResourceLink(uri="file:///a b", name="a b")])
    talk.settle()
    message = talk.sent()[-1]
    assert message == {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "session/prompt",
        "params": {
            "sessionId": "s1",
            "prompt": [
                {"type": "text", "text": "read this"},
                {"type": "resource_link", "uri": "file:///a b", "name": "a b"},
            ],
        },
    }
    assert talk.core.last_turn.input_n == 3


def test_one_prompt_is_in_flight_at_a_time(talk: Dialogue) -> None:
    talk.core.prompt("second")
    talk.settle()
    talk.settle()
    assert methods(talk).count("session/prompt") == 1
    talk.end()
    assert methods(talk).count("session/prompt") == 2
    talk.say("two")
    talk.end()
    first, second = talk.core.turns
    assert (first.status, second.status) == ("completed", "completed")
    assert [item.turn_id for item in talk.core.items.values()] == [second.turn_id]


@pytest.mark.parametrize(
    ("stop_reason", "status"),
    [
        ("end_turn", "completed"),
        ("max_tokens", "completed"),
        ("max_turn_requests", "completed"),
        ("refusal", "completed"),
        ("cancelled", "interrupted"),
        ("vendor_reason", "completed"),
    ],
)
def test_how_a_turn_ends(talk: Dialogue, stop_reason: str, status: str) -> None:
    talk.say("first")
    talk.say("hm", "thought")
    talk.say("last words")
    talk.update("tool_call", toolCallId="begun", title="Run", status="in_progress")
    talk.update("tool_call", toolCallId="waits", title="Run", status="pending")
    talk.update("plan", entries=[{"content": "x", "status": "pending"}])
    talk.end(stop_reason)
    turn = talk.core.last_turn
    assert (turn.status, turn.stop_reason, turn.summary) == (status, stop_reason, "last words")
    ends = [item.status for item in talk.core.items.values()]
    if status == "completed":
        assert ends == ["completed", "completed", "completed", "completed", "canceled", "completed"]
    else:
        assert ends == ["completed", "completed", "completed", "canceled", "canceled", "canceled"]
    assert talk.core.cursor.rest == talk.core.cursor.applied == talk.tape.end


def test_an_open_message_of_an_interrupted_turn_is_canceled(talk: Dialogue) -> None:
    talk.say("half a sent")
    talk.core.interrupt()
    talk.settle()
    talk.end("cancelled")
    (item,) = talk.core.items.values()
    assert (item.text, item.status) == ("half a sent", "canceled")
    assert talk.core.last_turn.summary == "half a sent"


def test_an_error_fails_the_turn(talk: Dialogue) -> None:
    talk.say("before")
    talk.feed(end_frame(talk) | {"error": {"code": -32603, "message": "Internal error", "data": {"details": "429"}}})
    turn = talk.core.last_turn
    assert turn.status == "failed" and turn.problem is not None
    assert turn.problem.code == "AGENT_REFUSED" and turn.problem.message.endswith("Internal error: 429")
    assert turn.problem.details is not None and turn.problem.details["error"]["code"] == -32603


def test_an_agent_that_was_logged_out_says_what_to_do(talk: Dialogue) -> None:
    talk.feed(end_frame(talk) | {"error": {"code": -32000, "message": "Authentication required"}})
    problem = talk.core.last_turn.problem
    assert problem is not None and problem.message.endswith("log in to the agent in a terminal, then try again")


@pytest.mark.parametrize("result", [None, {}, [], "end_turn", {"stopReason": 5}, {"stopReason": ""}])
def test_an_end_without_a_reason_is_an_end(talk: Dialogue, result: Any) -> None:
    talk.feed(end_frame(talk, result))
    assert (talk.core.last_turn.status, talk.core.last_turn.stop_reason) == ("completed", None)
    (notice,) = talk.core.items.values()
    assert "an end of the turn without a stopReason" in (notice.text or "")


def test_an_interrupt_is_told_once(talk: Dialogue) -> None:
    talk.core.interrupt()
    for _ in range(3):
        talk.settle()
    talk.restart()
    assert methods(talk)[-1] == "session/cancel" and methods(talk).count("session/cancel") == 1
    interrupt = talk.core.last_turn.interrupt
    assert interrupt is not None and interrupt.input_n == 4
    talk.end("end_turn")
    assert talk.core.last_turn.status == "completed", "the agent was faster"


def test_an_error_after_an_interrupt_is_an_interrupt(talk: Dialogue) -> None:
    talk.core.interrupt()
    talk.settle()
    talk.feed(end_frame(talk) | {"error": {"code": -32800, "message": "Request cancelled"}})
    turn = talk.core.last_turn
    assert (turn.status, turn.stop_reason, turn.problem) == ("interrupted", "cancelled", None)


def test_a_turn_that_was_interrupted_before_it_was_sent_is_never_sent() -> None:
    """Agents that are cancelled while they start a turn run it all the same."""
    talk = Dialogue()
    talk.core.prompt("no, wait")
    talk.feed({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": 1}})
    talk.feed({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": "s1"}}, settle=False)
    for line, offset, end in talk.tape.lines[1:]:
        talk.driver.receive(line, offset, end, "2026-01-02T03:04:05.678Z")
    talk.driver.follow(talk.core.view())
    step = talk.driver.collect(talk.core.view())
    assert step is not None
    talk.core.apply(step)
    talk.core.interrupt()
    talk.restart()
    assert "session/prompt" not in methods(talk) and "session/cancel" not in methods(talk)
    assert (talk.core.last_turn.status, talk.core.last_turn.stop_reason) == ("interrupted", "cancelled")
    talk.core.prompt("go")
    talk.settle()
    assert methods(talk)[-1] == "session/prompt"


def test_output_after_the_end_stays_with_its_turn(talk: Dialogue) -> None:
    talk.update("tool_call", toolCallId="t", title="Run", status="in_progress")
    talk.end()
    content = [{"type": "content", "content": {"type": "text", "text": "late"}}]
    talk.update("tool_call_update", toolCallId="t", content=content)
    talk.update("usage_update", used=3, size=9)
    talk.feed(b"garbage")
    talk.say("one", settle=False)
    talk.say(" message")
    _, tool, usage, notice, message = talk.core.items.values()
    turn_id = talk.core.last_turn.turn_id
    assert {item.turn_id for item in (tool, usage, notice, message)} == {turn_id}
    assert (tool.text, tool.status) == ("late", "canceled")
    assert usage.kind == "usage" and usage.usage is not None and usage.usage.context_used == 3
    assert notice.kind == "notice" and message.text == "one message"
    assert talk.core.cursor.rest == talk.tape.end


def test_late_output_after_a_restart_stays_with_its_turn(talk: Dialogue) -> None:
    talk.say("in time")
    talk.end()
    ended = talk.core.last_turn
    talk.restart()
    talk.say("late")
    talk.feed(b"garbage")
    (in_time, late, notice) = talk.core.items.values()
    assert [(item.turn_id, item.status) for item in (in_time, late, notice)] == [(ended.turn_id, "completed")] * 3
    assert (late.text, notice.kind, talk.core.last_turn) == ("late", "notice", ended)
    talk.restart(piecewise=True)
    assert list(talk.core.items.values()) == [in_time, late, notice]
    talk.core.prompt("next")
    talk.settle()
    talk.say("now")
    assert [item.turn_id for item in talk.core.items.values()][3:] == [talk.core.last_turn.turn_id]


def test_reading_again_tells_nothing_of_what_is_closed(talk: Dialogue) -> None:
    for word in ("one ", "message"):
        talk.say(word)
    talk.update("tool_call", toolCallId="t", title="Run")
    talk.core.grown.clear()
    talk.restart(piecewise=True)
    assert not talk.core.grown
    talk.end()
    assert talk.core.last_turn.summary == "one message"


def test_nothing_belongs_to_no_turn() -> None:
    talk = Dialogue()
    talk.open()
    talk.say("hello")
    talk.feed(b"garbage", {"jsonrpc": "2.0", "id": 77, "result": {}})
    talk.update("session_info_update", title="Named")
    assert not talk.core.items and talk.core.session.title == "Named"


@pytest.mark.parametrize(
    "frame",
    [
        {"id": 99, "result": {}},
        {"id": "3", "result": {}},
        {"id": 3.0, "result": {}},
        {"id": None, "error": {"code": -32700, "message": "Parse error"}},
        {"id": None, "result": {}},
        {"id": 3},
        {"result": {}},
        {"id": True, "result": {}},
        {"method": 5, "id": 1},
        {"method": None, "params": {}},
        {},
    ],
)
def test_answers_to_nothing_are_noted(talk: Dialogue, frame: dict[str, Any]) -> None:
    talk.feed({"jsonrpc": "2.0"} | frame)
    (item,) = talk.core.items.values()
    assert item.kind == "notice" and talk.core.last_turn.status == "running"


def test_a_second_answer_is_late_news(talk: Dialogue) -> None:
    frame = end_frame(talk, {"stopReason": "end_turn"})
    talk.feed(frame, frame)
    talk.core.prompt("next")
    talk.settle()
    talk.feed(frame)
    assert [turn.status for turn in talk.core.turns] == ["completed", "running"]
    assert all(item.kind == "notice" for item in talk.core.items.values())


def test_a_repeated_answer_of_the_handshake_is_ignored(talk: Dialogue) -> None:
    talk.feed({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": "other"}})
    assert talk.core.session.agent_session_id == "s1" and not talk.core.items


def test_unknown_notifications_are_ignored(talk: Dialogue) -> None:
    for method in ("_auth/status_update", "qwen/notify/x", "elicitation/complete", "initialized"):
        talk.feed({"jsonrpc": "2.0", "method": method, "params": {"sessionId": "s1"}})
    assert not talk.core.items


def test_the_summary_survives_a_tape_that_is_not_kept(talk: Dialogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_items, "SPAN_CAP", 1000)
    talk.say("the last message")
    talk.update("tool_call", toolCallId="t", title="Run", status="in_progress")
    for n in range(50):
        talk.update("tool_call_update", toolCallId="t", rawInput={"n": n})
    assert talk.core.cursor.rest > talk.tape.end - 2000
    talk.restart()
    talk.end()
    assert talk.core.last_turn.summary == "the last message"


def test_closed_items_are_not_kept(talk: Dialogue) -> None:
    def count() -> int:
        gc.collect()
        return sum(isinstance(found, OpenItem) for found in gc.get_objects())

    before = count()
    for number in range(500):
        talk.say(f"message {number}")
        talk.update("tool_call", toolCallId=f"t{number}", title="Run")
        talk.update("tool_call_update", toolCallId=f"t{number}", status="completed")
    assert count() <= before + 1, "the last message, for the turn's summary"
    talk.end()
    assert count() == before


def test_a_chatty_tool_does_not_hold_the_tape_for_ever(talk: Dialogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tape that nobody releases stops the agent at its cap."""
    monkeypatch.setattr(turn_items, "SPAN_CAP", 4000)
    talk.update("tool_call", toolCallId="t", title="Run", status="in_progress")

    def show(n: int, **fields: Any) -> None:
        text = "".join(f"{line}\n" for line in range(n))
        content = [{"type": "content", "content": {"type": "text", "text": text}}]
        talk.update("tool_call_update", toolCallId="t", content=content, **fields)

    for n in range(100):
        show(n)
        assert talk.tape.end - talk.core.cursor.rest < 6000
    talk.restart()
    show(100, status="completed")
    (item,) = talk.core.items.values()
    head, _, tail = (item.text or "").partition("\n… (the rest is left out here)\n")
    assert (head + tail) == "".join(f"{line}\n" for line in range(100))
