"""Notices, compactions, plans, output in `_meta`, more input to a turn, questions, forks: what newer agents say."""

from __future__ import annotations

from typing import Any

import pytest

from agentlanes.wire.models import Answer, SessionOrigin
from agents.conversation import Dialogue, output, text
from agents.core_double import CoreDouble


def test_a_notice_is_an_item_of_its_own(talk: Dialogue) -> None:
    talk.say("before")
    talk.update("notice", severity="warning", title="Slow", description="The model is busy", vendor=1)
    talk.update("notice", severity="info", title="Again")
    talk.update("notice", severity="info")
    talk.end()
    _, slow, again, malformed = talk.items()
    assert (slow.kind, slow.status, slow.text) == ("notice", "completed", "Slow\nThe model is busy")
    assert isinstance(slow.raw, dict) and slow.raw["vendor"] == 1
    assert again.text == "Again" and "a notice without a title" in (malformed.text or "")


def test_endless_notices_are_one(talk: Dialogue) -> None:
    for number in range(300):
        talk.update("notice", severity="info", title=f"Number {number}")
    talk.end()
    assert len(talk.items()) == 101 and len(talk.items()[-1].text or "") < 20_000


@pytest.mark.parametrize(
    ("end", "status"), [("completed", "completed"), ("failed", "failed"), ("cancelled", "canceled")]
)
def test_a_compaction_is_an_item(talk: Dialogue, end: str, status: str) -> None:
    talk.update("compaction_update", compactionId="c", status="in_progress")
    talk.update("compaction_summary_chunk", compactionId="c", content=text("so "))
    talk.restart()
    talk.update("compaction_summary_chunk", compactionId="c", content=text("far"))
    talk.update("compaction_update", compactionId="c", status=end, summary=[text("so far, so good")])
    talk.update("compaction_update", compactionId="c", status=end)
    talk.end()
    (item,) = talk.items()
    assert (item.kind, item.status, item.text) == ("compaction", status, "so far, so good")


def test_a_compaction_that_fails_says_why(talk: Dialogue) -> None:
    talk.update("compaction_update", compactionId="c", status="failed", error="too long")
    talk.update("compaction_update", status="failed")
    failed, malformed = talk.items()
    assert (failed.status, failed.text) == ("failed", "too long") and malformed.kind == "notice"


def test_plans_of_every_form(talk: Dialogue) -> None:
    entries = [{"content": "Do", "priority": "high", "status": "pending"}]
    talk.update("plan_update", plan={"type": "items", "planId": "p", "entries": entries})
    talk.update(
        "plan_update", plan={"type": "items", "planId": "p", "entries": [{**entries[0], "status": "completed"}]}
    )
    talk.update("plan_update", plan={"type": "markdown", "planId": "q", "content": "# Plan"})
    talk.update("plan_update", plan={"type": "markdown", "planId": "q", "content": "# Plan\nand more"})
    talk.update("plan_removed", planId="q")
    talk.update("plan_update", plan={"type": "_vendor", "planId": "r"})
    talk.end()
    listed, written, unknown = talk.items()
    assert listed.plan[0].status == "completed"
    assert (written.kind, written.status, written.text) == ("plan", "completed", "# Plan\nand more")
    assert unknown.kind == "notice"


def test_output_in_meta_is_output(talk: Dialogue) -> None:
    """codex-acp shows a terminal that nobody made, and tells its output beside the protocol."""
    shown = [{"type": "terminal", "terminalId": "t"}]
    talk.update("tool_call", toolCallId="t", title="Run", status="in_progress", content=shown)
    for data in ("one\n", "two\n"):
        talk.update("tool_call_update", toolCallId="t", _meta={"terminal_output_delta": {"data": data}})
    end = {"terminal_output_delta": {"data": "three"}, "terminal_exit": {"exit_code": 3}}
    talk.update("tool_call_update", toolCallId="t", status="failed", _meta=end)
    talk.update("tool_call_update", toolCallId="t", _meta={"terminal_output_delta": {"data": "late"}})
    (item,) = talk.items()
    assert (item.status, item.text) == ("failed", "one\ntwo\nthree")
    assert item.tool is not None and item.tool.exit_code == 3


def test_output_in_pieces_is_bounded(talk: Dialogue) -> None:
    talk.update("tool_call", toolCallId="t", title="Run", status="in_progress")
    for _ in range(20):
        talk.update("tool_call_update", toolCallId="t", _meta={"terminal_output_delta": {"data": "x" * 50_000}})
    talk.update("tool_call_update", toolCallId="t", status="completed")
    assert 500_000 < len(talk.items()[0].text or "") < 600_000


def test_what_a_tool_call_runs_and_whose_it_is(talk: Dialogue) -> None:
    talk.update("tool_call", toolCallId="a", rawInput={"command": ["make", "all"]}, rawOutput={"metadata": {"exit": 1}})
    talk.update("tool_call", toolCallId="b", rawInput={"command": "ls"}, rawOutput={"exit_code": 0})
    talk.update("tool_call", toolCallId="c", title="Read", _meta={"claudeCode": {"parentToolUseId": "a"}})
    tools = [item.tool for item in talk.items()]
    told = [(tool.command, tool.exit_code, tool.parent_tool_call_id) for tool in tools if tool is not None]
    assert told == [("make all", 1, None), ("ls", 0, None), (None, None, "a")]


def test_pieces_and_then_the_whole_are_told_once(talk: Dialogue) -> None:
    talk.update("tool_call", toolCallId="t", title="Run", status="in_progress")
    talk.update("tool_call_update", toolCallId="t", _meta={"terminal_output": {"data": "one\n"}})
    talk.update("tool_call_update", toolCallId="t", status="completed", content=output("one\ntwo\n"))
    assert talk.items()[0].text == "one\ntwo\n"


def steer_dialogue(*, supported: bool = True) -> Dialogue:
    dialogue = Dialogue()
    dialogue.introduce(_meta={"steering": {"supported": supported}})
    dialogue.core.prompt("go")
    dialogue.settle()
    return dialogue


def test_more_input_goes_into_the_running_turn() -> None:
    dialogue = steer_dialogue()
    assert dialogue.core.session.offer is not None and dialogue.core.session.offer.steer
    dialogue.core.steer("faster")
    dialogue.settle()
    dialogue.restart()
    assert dialogue.sent()[3:] == [
        {
            "jsonrpc": "2.0",
            "id": 4,
            "method": "_session/steering",
            "params": {
                "sessionId": "s1",
                "prompt": [{"type": "text", "text": "faster"}],
                "_meta": {"steering": {"idleBehavior": "promptRequired"}},
            },
        }
    ]
    dialogue.answer(4, {"outcome": "injected"})
    (steer,) = dialogue.core.last_turn.steers
    assert (steer.input_n, steer.problem) == (4, None)
    dialogue.say("Faster, yes.")
    dialogue.end()
    assert dialogue.core.last_turn.summary == "Faster, yes."


@pytest.mark.parametrize(
    "answer", [{"result": {"outcome": "promptRequired"}}, {"error": {"code": -32603, "message": "ended"}}]
)
def test_input_that_the_agent_does_not_take_is_told(answer: dict[str, Any]) -> None:
    dialogue = steer_dialogue()
    dialogue.core.steer("faster")
    dialogue.settle()
    dialogue.feed({"jsonrpc": "2.0", "id": 4, **answer})
    problem = dialogue.core.last_turn.steers[0].problem
    assert problem is not None and "did not take the input" in problem.message
    assert dialogue.core.last_turn.status == "running"


def test_an_agent_that_takes_no_more_input_is_not_told() -> None:
    dialogue = steer_dialogue(supported=False)
    dialogue.core.steer("faster")
    dialogue.settle()
    problem = dialogue.core.last_turn.steers[0].problem
    assert problem is not None and "takes no further input to a running turn" in problem.message
    assert dialogue.methods()[-1] == "session/prompt"


FORM = {
    "mode": "form",
    "sessionId": "s1",
    "message": "How shall I go on?",
    "requestedSchema": {
        "type": "object",
        "properties": {
            "way": {"type": "string", "title": "Way", "oneOf": [{"const": "l", "title": "Left"}, {"const": "r"}]},
            "times": {"type": "integer", "description": "How often?"},
            "ratio": {"type": "number"},
            "sure": {"type": "boolean"},
            "colours": {"type": "array", "items": {"type": "string", "enum": ["red", "blue"]}},
            "word": {"type": "string", "format": "password"},
        },
        "required": ["way", "times"],
    },
}


def ask(dialogue: Dialogue, request_id: Any = 9, **fields: Any) -> None:
    params = {**FORM, **fields}
    dialogue.feed({"jsonrpc": "2.0", "id": request_id, "method": "elicitation/create", "params": params})


def test_a_question_of_the_agents(talk: Dialogue) -> None:
    ask(talk)
    (approval,) = talk.core.pending()
    assert (approval.kind, approval.title) == ("question", "How shall I go on?")
    told = [
        (q.question_id, q.text, [o.label for o in q.options], q.multiple, q.free, q.secret) for q in approval.questions
    ]
    assert told == [
        ("way", "Way", ["Left", "r"], None, None, None),
        ("times", "How often?", [], None, True, None),
        ("ratio", "ratio (optional)", [], None, True, None),
        ("sure", "sure (optional)", ["Yes", "No", "No answer"], None, None, None),
        ("colours", "colours (optional)", ["red", "blue", "No answer"], True, None, None),
        ("word", "word (optional)", [], None, True, True),
    ]
    assert [(item.kind, item.status, item.text) for item in talk.items()] == [
        ("question", "in_progress", "How shall I go on?")
    ]
    assert talk.core.session.activity == "Asks: How shall I go on?"


@pytest.mark.parametrize("restart", [False, True])
def test_the_answer_is_the_forms_content(talk: Dialogue, restart: bool) -> None:
    ask(talk)
    if restart:
        talk.restart()
    given = {"way": ["Left"], "times": ["3"], "ratio": ["many"], "sure": ["No"], "colours": ["red", "blue"]}
    answers = [Answer(question_id=name, values=tuple(values)) for name, values in given.items()]
    talk.core.decide(talk.core.pending()[0], "allow_once", answers=answers)
    talk.settle()
    content = {"way": "l", "times": 3, "sure": False, "colours": ["red", "blue"]}
    assert talk.sent()[-1] == {"jsonrpc": "2.0", "id": 9, "result": {"action": "accept", "content": content}}
    assert [(item.kind, item.status) for item in talk.items()] == [("question", "completed")]
    talk.restart()
    talk.end()
    assert [(item.kind, item.status) for item in talk.items()] == [("question", "completed")]


@pytest.mark.parametrize(
    ("values", "content"),
    [
        (["Left"], {"way": "Left"}),
        (["Up"], {"way_custom": "Up"}),
        (["Left", "Up"], {"way": "Left", "way_custom": "Up"}),
    ],
)
def test_an_answer_in_ones_own_words_has_its_own_place(talk: Dialogue, values: list[str], content: Any) -> None:
    """Claude Code offers a text beside each choice; it is one question all the same."""
    way = {"type": "string", "title": "Way", "oneOf": [{"const": "Left"}, {"const": "Right"}]}
    other = {"type": "string", "title": "Other"}
    schema = {"type": "object", "properties": {"way": way, "way_custom": other}}
    ask(talk, requestedSchema=schema)
    (approval,) = talk.core.pending()
    (question,) = approval.questions
    assert (question.text, question.free, len(question.options)) == ("How shall I go on?", True, 2)
    talk.core.decide(approval, "allow_once", answers=[Answer(question_id="way", values=tuple(values))])
    talk.settle()
    assert talk.sent()[-1]["result"]["content"] == content


def test_an_option_can_stand_for_no_answer(talk: Dialogue) -> None:
    ask(talk)
    given = {"way": ["r"], "times": ["1"], "ratio": [""], "sure": ["No answer"], "colours": ["No answer"], "word": [""]}
    answers = [Answer(question_id=name, values=tuple(values)) for name, values in given.items()]
    talk.core.decide(talk.core.pending()[0], "allow_once", answers=answers)
    talk.settle()
    assert talk.sent()[-1]["result"]["content"] == {"way": "r", "times": 1}


@pytest.mark.parametrize(("status", "action"), [("denied", "decline"), ("expired", "decline"), ("canceled", "cancel")])
def test_a_question_that_nobody_answers(talk: Dialogue, status: str, action: str) -> None:
    ask(talk)
    talk.core.decide(talk.core.pending()[0], None, status)
    talk.settle()
    assert talk.sent()[-1]["result"] == {"action": action}
    assert talk.items()[0].status == "canceled"


def test_an_interrupt_takes_the_question_back(talk: Dialogue) -> None:
    ask(talk)
    talk.core.interrupt()
    talk.settle()
    assert talk.sent()[-1]["result"] == {"action": "cancel"}
    talk.end("cancelled")
    assert [item.status for item in talk.items()] == ["canceled"]


@pytest.mark.parametrize("fields", [{"mode": "url", "url": "x"}, {"message": 4}, {"requestedSchema": None}])
def test_only_forms_are_offered(talk: Dialogue, fields: dict[str, Any]) -> None:
    ask(talk, **fields)
    assert talk.sent()[-1]["error"]["code"] == -32602 and not talk.core.pending()


def test_nobody_answers_outside_of_a_turn(talk: Dialogue) -> None:
    talk.end()
    ask(talk)
    assert talk.sent()[-1]["result"] == {"action": "cancel"}


def test_leaving_a_mode_asks_whether_a_plan_is_accepted(talk: Dialogue) -> None:
    options = [{"optionId": "go", "name": "Go", "kind": "allow_once"}]
    params = {"sessionId": "s1", "toolCall": {"toolCallId": "t", "kind": "switch_mode"}, "options": options}
    talk.feed({"jsonrpc": "2.0", "id": 1, "method": "session/request_permission", "params": params})
    assert talk.core.pending()[0].kind == "plan"


def test_a_session_is_forked_where_the_agent_can() -> None:
    core = CoreDouble(origin=SessionOrigin(kind="fork", agent_session_id="parent"), cwd="/lane")
    dialogue = Dialogue(core)
    dialogue.answer(1, {"protocolVersion": 1, "agentCapabilities": {"sessionCapabilities": {"fork": {}}}})
    assert dialogue.methods()[1] == "session/fork"
    assert dialogue.sent()[1]["params"] == {"sessionId": "parent", "cwd": "/lane", "mcpServers": []}
    dialogue.say("from the past", session_id="child")
    dialogue.restart()
    dialogue.answer(2, {"sessionId": "child"})
    assert core.session.agent_session_id == "child" and not core.items


@pytest.mark.parametrize(("parent", "capabilities"), [("parent", {}), (None, {"sessionCapabilities": {"fork": {}}})])
def test_a_fork_that_cannot_be_is_no_fresh_session(parent: str | None, capabilities: dict[str, Any]) -> None:
    dialogue = Dialogue(CoreDouble(origin=SessionOrigin(kind="fork", agent_session_id=parent)))
    dialogue.answer(1, {"protocolVersion": 1, "agentCapabilities": capabilities})
    assert dialogue.core.problem is not None and dialogue.core.problem.code == "RESUME_FAILED"
    assert dialogue.methods() == ["initialize"]


def test_a_session_that_was_begun_outside_is_loaded() -> None:
    dialogue = Dialogue(CoreDouble(origin=SessionOrigin(kind="adopt", agent_session_id="theirs")))
    dialogue.answer(1, {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}})
    assert (dialogue.methods()[1], dialogue.sent()[1]["params"]["sessionId"]) == ("session/load", "theirs")
    dialogue.answer(2, {})
    assert dialogue.core.session.agent_session_id == "theirs"
