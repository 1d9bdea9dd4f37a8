"""The agent asks, somebody decides, the agent is told: once, and what was decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from agentlanes.core.moment import add_time
from agentlanes.wire.models import Approval, ApprovalOption, FileChange
from agents.conversation import Dialogue
from agents.core_double import AT

OPTIONS = [
    {"optionId": "go", "name": "Allow", "kind": "allow_once"},
    {"optionId": "go2", "name": "Allow too", "kind": "allow_once"},
    {"optionId": "no", "name": "Reject", "kind": "reject_once"},
]


def ask(talk: Dialogue, request_id: Any = 0, *, options: Any = OPTIONS, session: str = "s1", **tool_call: Any) -> None:
    params = {"sessionId": session, "toolCall": {"toolCallId": "t", **tool_call}, "options": options}
    talk.feed({"jsonrpc": "2.0", "id": request_id, "method": "session/request_permission", "params": params})


def answers(talk: Dialogue) -> list[tuple[Any, Any]]:
    """Request ids and outcomes that the agent was told."""
    return [(message["id"], message["result"]["outcome"]) for message in talk.sent() if "result" in message]


def refusals(talk: Dialogue) -> list[tuple[Any, int]]:
    return [(message["id"], message["error"]["code"]) for message in talk.sent() if "error" in message]


def only(talk: Dialogue) -> Approval:
    (approval,) = talk.core.approvals.values()
    return approval


def test_a_question_is_an_approval_of_its_tool_call(talk: Dialogue) -> None:
    diff = {"type": "diff", "path": "/f", "newText": "b"}
    talk.update("tool_call", toolCallId="t", title="Edit f", kind="edit", content=[diff])
    ask(talk, "r1", rawInput={"path": "/f"})
    approval = only(talk)
    (item,) = talk.core.items.values()
    assert (approval.item_id, approval.title, approval.request_id) == (item.item_id, "Edit f", '"r1"')
    assert approval.options == (
        ApprovalOption(option_id="go", label="Allow", kind="allow_once"),
        ApprovalOption(option_id="go2", label="Allow too", kind="allow_once"),
        ApprovalOption(option_id="no", label="Reject", kind="reject_once"),
    )
    assert approval.preview is not None and approval.preview.changes == (FileChange(path="/f", new_text="b"),)
    assert approval.preview.raw_input == {"path": "/f"}
    assert (approval.requested_at, approval.expires_at) == (AT, "2026-01-02T13:04:05.678Z")
    assert talk.core.last_turn.status == "waiting"
    assert talk.core.session.activity == "Waits for a decision: Edit f"


def test_a_question_about_a_tool_call_that_was_never_announced(talk: Dialogue) -> None:
    ask(talk, title="Run ls", status="pending", kind="execute")
    (item,) = talk.core.items.values()
    assert item.tool is not None and (item.tool.title, item.tool.tool_kind) == ("Run ls", "execute")
    assert only(talk).item_id == item.item_id
    talk.core.decide(only(talk), "allow_once")
    talk.update("tool_call_update", toolCallId="t", status="completed")
    assert [item.status for item in talk.core.items.values()] == ["completed"]


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_a_question_does_not_end_its_tool_call(talk: Dialogue, status: str) -> None:
    ask(talk, status=status)
    (item,) = talk.core.items.values()
    assert item.status == "in_progress"


@pytest.mark.parametrize("request_id", [0, 7, -1, "0", "", "r\n\u2028", 1.5])
def test_the_answer_carries_the_option_and_the_agents_own_id(talk: Dialogue, request_id: Any) -> None:
    ask(talk, request_id)
    talk.core.decide(only(talk), "reject_once")
    talk.settle()
    talk.settle()
    assert answers(talk) == [(request_id, {"outcome": "selected", "optionId": "no"})]
    assert only(talk).answer_n == len(talk.core.writes)


def test_a_decision_without_an_option_cancels(talk: Dialogue) -> None:
    ask(talk, options=OPTIONS[:1])
    talk.core.decide(only(talk), None, "expired")
    talk.settle()
    assert answers(talk) == [(0, {"outcome": "cancelled"})]


def test_a_canceled_approval_cancels(talk: Dialogue) -> None:
    ask(talk)
    approval = only(talk)
    talk.core.approvals[approval.approval_id] = msgspec.structs.replace(approval, status="canceled")
    talk.settle()
    assert answers(talk) == [(0, {"outcome": "cancelled"})]


def test_several_questions_are_answered_each(talk: Dialogue) -> None:
    for number in range(3):
        ask(talk, number, toolCallId=f"t{number}")
    first, second, third = talk.core.approvals.values()
    talk.core.decide(third, "allow_once")
    talk.settle()
    talk.core.decide(first, "reject_once")
    talk.core.decide(second, "allow_once")
    talk.settle()
    assert [request_id for request_id, _ in answers(talk)] == [2, 0, 1]
    assert talk.core.last_turn.status == "running"


def test_an_answer_is_given_once_across_restarts(talk: Dialogue) -> None:
    ask(talk)
    talk.restart()
    assert len(talk.core.approvals) == 1
    talk.core.decide(only(talk), "allow_once")
    talk.restart()
    talk.restart()
    assert answers(talk) == [(0, {"outcome": "selected", "optionId": "go"})]


def test_an_interrupt_answers_what_is_pending_after_the_cancel(talk: Dialogue) -> None:
    ask(talk, "a")
    talk.core.interrupt()
    talk.settle()
    ask(talk, "b", toolCallId="u")
    assert [message.get("method") or message["id"] for message in talk.sent()[3:]] == ["session/cancel", "a", "b"]
    assert {outcome["outcome"] for _, outcome in answers(talk)} == {"cancelled"}
    assert [approval.status for approval in talk.core.approvals.values()] == ["canceled"]
    talk.end("cancelled")
    assert {item.status for item in talk.core.items.values()} == {"canceled"}


def test_the_end_of_a_turn_answers_what_is_pending(talk: Dialogue) -> None:
    ask(talk)
    talk.end()
    assert answers(talk) == [(0, {"outcome": "cancelled"})]
    assert only(talk).status == "canceled" and talk.core.last_turn.status == "completed"


def test_a_question_and_the_end_of_its_turn_may_come_together(talk: Dialogue) -> None:
    params = {"sessionId": "s1", "toolCall": {"toolCallId": "t"}, "options": OPTIONS}
    talk.feed(
        {"jsonrpc": "2.0", "id": 0, "method": "session/request_permission", "params": params},
        {"jsonrpc": "2.0", "id": 3, "result": {"stopReason": "end_turn"}},
    )
    assert answers(talk) == [(0, {"outcome": "cancelled"})]
    assert (only(talk).status, talk.core.last_turn.status) == ("canceled", "completed")


def test_a_withdrawn_question_is_closed(talk: Dialogue) -> None:
    ask(talk, "a")
    talk.feed({"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"requestId": "a"}})
    assert answers(talk) == [("a", {"outcome": "cancelled"})]
    assert only(talk).status == "canceled" and talk.core.last_turn.status == "running"
    for params in (None, {}, {"requestId": "a"}, {"requestId": ["x"]}, 7):
        talk.feed({"jsonrpc": "2.0", "method": "$/cancel_request", "params": params})
    ask(talk, "a")
    assert len(answers(talk)) == 1, "what was withdrawn before says nothing about a later request"


def test_nobody_is_asked_outside_of_a_turn(talk: Dialogue) -> None:
    talk.end()
    ask(talk)
    assert answers(talk) == [(0, {"outcome": "cancelled"})]
    assert not talk.core.approvals
    fresh = Dialogue()
    fresh.open()
    ask(fresh)
    assert answers(fresh) == [(0, {"outcome": "cancelled"})]


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        {"sessionId": "s1"},
        {"sessionId": "s1", "toolCall": {}, "options": OPTIONS},
        {"sessionId": "s1", "toolCall": "t", "options": OPTIONS},
        {"sessionId": "s1", "toolCall": {"toolCallId": "t"}},
        {"sessionId": "s1", "toolCall": {"toolCallId": "t"}, "options": {}},
        {"sessionId": "s1", "toolCall": {"toolCallId": "t"}, "options": [7, {}, {"optionId": 1, "kind": "x"}]},
        {"sessionId": "s1", "toolCall": {"toolCallId": "t"}, "options": [{"optionId": "x" * 513, "kind": "a"}]},
        {"sessionId": "s2", "toolCall": {"toolCallId": "t"}, "options": OPTIONS},
    ],
)
def test_a_question_that_cannot_be_decided_is_refused(talk: Dialogue, params: Any) -> None:
    talk.feed({"jsonrpc": "2.0", "id": 5, "method": "session/request_permission", "params": params})
    assert refusals(talk) == [(5, -32602)] and not talk.core.approvals


def test_an_option_is_known_by_its_id_where_it_has_no_name(talk: Dialogue) -> None:
    ask(talk, options=[{"optionId": "go", "kind": "allow_once"}, {"optionId": "", "kind": "allow_once"}])
    assert only(talk).options == (ApprovalOption(option_id="go", label="go", kind="allow_once"),)
    assert only(talk).title == "The agent asks for permission"


@pytest.mark.parametrize("method", ["fs/read_text_file", "terminal/create", "_x/y"])
def test_any_other_request_is_answered_too(talk: Dialogue, method: str) -> None:
    talk.feed({"jsonrpc": "2.0", "id": "r", "method": method, "params": {"sessionId": "s1"}})
    (refused,) = [message["error"] for message in talk.sent() if "error" in message]
    assert refused["code"] == -32601 and refused["message"].startswith(f"{method} is not offered")


@pytest.mark.parametrize("request_id", [None, True, [], {}])
def test_a_request_without_a_usable_id_is_noted(talk: Dialogue, request_id: Any) -> None:
    ask(talk, request_id)
    assert not talk.core.approvals and not refusals(talk)
    (notice,) = talk.core.items.values()
    assert "a request whose id is no text and no number" in (notice.text or "") + str(talk.core.grown)


def test_a_request_with_a_huge_id_is_refused(talk: Dialogue) -> None:
    ask(talk, "x" * 600)
    assert refusals(talk) == [("x" * 600, -32602)]


def test_a_shorter_time_to_decide() -> None:
    talk = Dialogue(approval_timeout=timedelta(seconds=1.5))
    talk.open()
    talk.core.prompt("go")
    talk.settle()
    ask(talk)
    assert only(talk).expires_at == "2026-01-02T03:04:07.178Z"


def test_times_are_added_across_the_year() -> None:
    assert add_time("2026-12-31T23:59:59.999Z", timedelta(milliseconds=1)) == "2027-01-01T00:00:00.000Z"


def test_a_flood_of_questions_is_not_asked(talk: Dialogue) -> None:
    for number in range(250):
        ask(talk, number, toolCallId=f"t{number}")
    assert len(talk.core.pending()) == 100 and len(answers(talk)) == 150
    for approval in talk.core.pending():
        talk.core.decide(approval, "reject_once")
    talk.settle()
    ask(talk, "again")
    assert [approval.request_id for approval in talk.core.pending()] == ['"again"']


def test_what_people_decide_by_is_shown_as_it_is(talk: Dialogue) -> None:
    """Neither terminal escapes nor turned text may make a question look like another one."""
    options = [{"optionId": "y", "name": "A\u202ellow\x1b[8m", "kind": "allow_once"}]
    ask(talk, title="rm -r /\x1b[2K\rls\n\u2066 👩\u200d🚀", options=options)
    assert only(talk).title == "rm -r /\ufffd[2K\ufffdls\n\ufffd 👩\u200d🚀"
    assert only(talk).options[0].label == "A\ufffdllow\ufffd[8m"
