"""ACP's version 2: a prompt is accepted at once, and the turn ends when the agent says that it is idle."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from agentlanes.wire.models import Choice, FileChange, SessionOrigin
from agents.conversation import Dialogue, text
from agents.core_double import CoreDouble

INFO = {"name": "second", "title": "Second", "version": "2.0"}
OPTION = {
    "configId": "mode",
    "name": "Mode",
    "category": "mode",
    "type": "select",
    "currentValue": "ask",
    "options": [{"value": "ask", "name": "Ask"}, {"value": "plan", "name": "Plan"}],
}


def open_second(core: CoreDouble | None = None, session: dict[str, Any] | None = None, **opened: Any) -> Dialogue:
    dialogue = Dialogue(core)
    capabilities = {"session": {"mcp": {"stdio": {}}, **(session or {})}}
    dialogue.answer(1, {"protocolVersion": 2, "info": INFO, "capabilities": capabilities})
    dialogue.answer(2, {"sessionId": "s1", **opened})
    return dialogue


@pytest.fixture
def work() -> Dialogue:
    """An agent that took a prompt and works on it."""
    dialogue = open_second()
    dialogue.core.prompt("go")
    dialogue.settle()
    dialogue.answer(3, {"messageId": "m-user"})
    state(dialogue, "running")
    return dialogue


def state(dialogue: Dialogue, name: str, **fields: Any) -> None:
    dialogue.update("state_update", state=name, **fields)


def status(dialogue: Dialogue) -> tuple[str, str | None]:
    return dialogue.core.last_turn.status, dialogue.core.last_turn.stop_reason


def test_the_version_is_agreed_on() -> None:
    dialogue = open_second(configOptions=[OPTION], availableCommands=[{"name": "compact", "description": "c"}])
    session = dialogue.core.session
    assert (session.status, session.resumable) == ("attached", True)
    assert session.identity is not None
    assert (session.identity.protocol, session.identity.title) == ("acp/2", "Second")
    assert session.offer is not None and session.offer.compact and session.offer.settings[0].setting_id == "mode"
    assert dialogue.sent()[1]["params"] == {"cwd": "/nowhere", "mcpServers": []}


def test_an_agent_that_says_back_what_it_was_asked_speaks_the_first() -> None:
    """Examples of SDKs answer with the version of the request, whatever it is."""
    dialogue = Dialogue()
    dialogue.introduce(protocolVersion=2, agentCapabilities={"loadSession": True})
    session = dialogue.core.session
    assert session.identity is not None and session.identity.protocol == "acp/1" and session.resumable
    dialogue.core.prompt("go")
    dialogue.settle()
    dialogue.end()
    assert status(dialogue) == ("completed", "end_turn")


@pytest.mark.parametrize("code", [-32022, -32602])
def test_an_agent_that_refuses_the_second_is_asked_for_the_first(code: int) -> None:
    dialogue = Dialogue()
    dialogue.answer(1, error={"code": code, "message": "Unsupported protocol version", "data": {"supported": [1]}})
    assert dialogue.sent()[1]["params"]["protocolVersion"] == 1
    dialogue.restart()
    dialogue.answer(2, {"protocolVersion": 1})
    dialogue.answer(3, {"sessionId": "s1"})
    assert dialogue.core.session.status == "attached" and len(dialogue.sent()) == 3


def test_an_agent_that_refuses_both_is_refused() -> None:
    dialogue = Dialogue()
    dialogue.answer(1, error={"code": -32602, "message": "no"})
    dialogue.answer(2, error={"code": -32602, "message": "never"})
    assert dialogue.core.problem is not None and "never" in dialogue.core.problem.message


def test_a_turn_runs_until_the_agent_is_idle(work: Dialogue) -> None:
    turn = work.core.last_turn
    assert (turn.status, turn.agent_turn_id) == ("running", "m-user")
    work.say("Hello", messageId="m1")
    state(work, "requires_action")
    state(work, "running")
    assert work.core.last_turn.status == "running"
    usage = {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}
    state(work, "idle", stopReason="end_turn", usage=usage)
    turn = work.core.last_turn
    assert status(work) == ("completed", "end_turn")
    assert turn.summary == "Hello" and turn.usage is not None and turn.usage.total_tokens == 7


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ({"stopReason": "cancelled"}, ("interrupted", "cancelled")),
        ({"stopReason": "refusal"}, ("completed", "refusal")),
        ({"stopReason": "_vendor"}, ("completed", "_vendor")),
        ({}, ("completed", None)),
        ({"stopReason": None}, ("completed", None)),
        ({"stopReason": "error", "error": {"code": -32603, "message": "out of luck"}}, ("failed", None)),
        ({"stopReason": "error"}, ("failed", None)),
    ],
)
def test_how_a_turn_ends(work: Dialogue, stop: dict[str, Any], expected: tuple[str, str | None]) -> None:
    state(work, "idle", **stop)
    assert status(work) == expected


def test_an_idle_of_before_is_no_end() -> None:
    """The agent may have worked by itself; and it may tell its state again, with the last reason."""
    dialogue = open_second()
    state(dialogue, "running")
    dialogue.core.prompt("go")
    dialogue.settle()
    state(dialogue, "idle", stopReason="end_turn")
    dialogue.answer(3, {"messageId": "m"})
    state(dialogue, "idle", stopReason="end_turn")
    assert dialogue.core.last_turn.status == "running"
    state(dialogue, "running")
    state(dialogue, "idle", stopReason="end_turn")
    assert status(dialogue) == ("completed", "end_turn")


def test_a_prompt_that_joins_work_in_progress_ends_with_it() -> None:
    dialogue = open_second()
    state(dialogue, "running")
    dialogue.core.prompt("go")
    dialogue.settle()
    dialogue.answer(3, {"messageId": "m"})
    state(dialogue, "idle", stopReason="end_turn")
    assert status(dialogue) == ("completed", "end_turn")


@pytest.mark.parametrize("cut", range(4))
def test_an_end_that_comes_before_the_acceptance_counts(cut: int) -> None:
    """Each is told by another part of the agent; a restart in between changes nothing."""
    dialogue = open_second()
    dialogue.core.prompt("go")
    dialogue.settle()
    steps: list[Any] = [
        lambda: state(dialogue, "running"),
        lambda: state(dialogue, "idle", stopReason="end_turn"),
        lambda: dialogue.answer(3, {"messageId": "m"}),
    ]
    for number, step in enumerate(steps):
        if number == cut:
            dialogue.restart()
        step()
    assert status(dialogue) == ("completed", "end_turn") and dialogue.core.last_turn.agent_turn_id == "m"


def test_a_prompt_that_is_not_accepted_fails() -> None:
    dialogue = open_second()
    dialogue.core.prompt("go")
    dialogue.settle()
    dialogue.answer(3, error={"code": -32603, "message": "no credit"})
    problem = dialogue.core.last_turn.problem
    assert problem is not None and "no credit" in problem.message
    state(dialogue, "idle", stopReason="error")
    assert dialogue.core.last_turn.problem == problem


def test_an_acceptance_without_an_id_is_noted() -> None:
    dialogue = open_second()
    dialogue.core.prompt("go")
    dialogue.settle()
    dialogue.answer(3, {})
    assert dialogue.core.last_turn.agent_turn_id == "3"
    assert "without a messageId" in (dialogue.items()[0].text or "")


def test_an_interrupt_ends_with_the_agents_idle(work: Dialogue) -> None:
    work.core.interrupt()
    work.restart()
    assert work.methods()[-1] == "session/cancel"
    state(work, "idle", stopReason="cancelled")
    assert status(work) == ("interrupted", "cancelled")


def test_a_message_is_told_whole_after_its_chunks(work: Dialogue) -> None:
    work.update("user_message", messageId="m-user", content=[text("go")])
    work.say("Hel", messageId="m1")
    work.update("agent_message", messageId="m1", content=[text("Hello")])
    work.update("agent_thought", messageId="m2", content=[text("Hm"), text("!")])
    work.restart()
    work.update("agent_message", messageId="m1", content=[text("Hello")])
    work.update("agent_message", messageId="m1", content=None)
    work.update("agent_message", messageId="m3")
    state(work, "idle", stopReason="end_turn")
    assert [(item.kind, item.text) for item in work.items()] == [("message", "Hello"), ("thought", "Hm!")]


def test_a_message_that_is_replaced_is_another_item(work: Dialogue) -> None:
    """What was streamed stays: text only grows."""
    work.say("Wrong", messageId="m1")
    work.update("agent_message", messageId="m1", content=[text("Right")])
    work.update("agent_message", messageId="m1", content=[text("Right!")])
    state(work, "idle", stopReason="end_turn")
    assert [item.text for item in work.items()] == ["Wrong", "Right!"]


def test_a_tool_call_shows_the_agents_terminal(work: Dialogue) -> None:
    work.update("terminal_update", terminalId="term", command="make", cwd="/")
    work.update("terminal_output_chunk", terminalId="term", data=encode(b"one\n\xc3"))
    work.update("tool_call_update", toolCallId="t", title="Make", kind="execute", status="in_progress")
    work.update("tool_call_update", toolCallId="t", content=[{"type": "terminal", "terminalId": "term"}])
    work.restart()
    work.update("terminal_output_chunk", terminalId="term", data=encode(b"\xa9\n"))
    work.update("terminal_update", terminalId="term", output={"data": encode("one\né\nthree".encode())})
    work.update("terminal_update", terminalId="term", exitStatus={"exitCode": 2, "signal": None})
    work.update("tool_call_update", toolCallId="t", status="failed")
    (item,) = work.items()
    assert (item.status, item.text) == ("failed", "one\né\nthree")
    assert item.tool is not None and (item.tool.command, item.tool.exit_code) == ("make", 2)


@pytest.mark.parametrize(
    "fields", [{"terminalId": 4, "data": "aGk="}, {"terminalId": "t", "data": "%"}, {"data": None}]
)
def test_output_that_cannot_be_read_is_noted(work: Dialogue, fields: dict[str, Any]) -> None:
    work.update("terminal_output_chunk", **fields)
    assert "output of a terminal" in (work.items()[0].text or "")


def test_content_of_a_tool_call_in_pieces(work: Dialogue) -> None:
    for word in ("one", "two"):
        piece = {"type": "content", "content": text(word)}
        work.update("tool_call_content_chunk", toolCallId="t", content=piece)
    work.update("tool_call_update", toolCallId="t", status="completed", title="Count")
    assert [(item.kind, item.text) for item in work.items()] == [("tool_call", "onetwo")]


PATCH = """diff --git a/src/a.py b/src/a.py
--- a/src/a.py
+++ b/src/a.py
@@ -1,2 +1,2 @@
 kept
-old
+new
@@ -9 +9 @@
-nine
+ten
diff --git a/b.txt b/b.txt
new file mode 100644
--- /dev/null
+++ b/b.txt
@@ -0,0 +1 @@
+fresh
"""


def test_a_diff_is_the_changes_of_its_patch(work: Dialogue) -> None:
    changes = [
        {"operation": "modify", "path": "/w/src/a.py"},
        {"operation": "add", "path": "/w/b.txt"},
        {"operation": "move", "oldPath": "/w/c", "newPath": "/w/d"},
    ]
    diff = {"type": "diff", "changes": changes, "patch": {"format": "git_patch", "text": PATCH}}
    work.update("tool_call_update", toolCallId="t", kind="edit", status="completed", content=[diff])
    tool = work.items()[0].tool
    assert tool is not None and list(tool.changes) == [
        FileChange(path="/w/src/a.py", old_text="kept\nold", new_text="kept\nnew"),
        FileChange(path="/w/src/a.py", old_text="nine", new_text="ten"),
        FileChange(path="/w/b.txt", new_text="fresh"),
        FileChange(path="/w/d", new_text=""),
    ]


OPTIONS = [
    {"optionId": "y", "name": "Yes", "kind": "allow_once"},
    {"optionId": "n", "name": "No", "kind": "reject_once"},
]


@pytest.mark.parametrize(
    ("subject", "tool"),
    [
        ({"type": "tool_call", "toolCall": {"toolCallId": "t", "title": "Make"}}, ("t", "Make", None)),
        ({"type": "command", "command": "make", "cwd": "/"}, ("permission 5", "Run make?", "make")),
        ({"type": "command", "command": "make", "cwd": "/", "toolCallId": "t"}, ("t", "Run make?", "make")),
        ({"type": "_vendor", "what": 1}, ("permission 5", "Run make?", None)),
        (None, ("permission 5", "Run make?", None)),
    ],
)
def test_permission_is_asked_for_any_subject(work: Dialogue, subject: Any, tool: tuple[str, str, str | None]) -> None:
    params = {"sessionId": "s1", "title": "Run make?", "description": "It builds", "subject": subject}
    message = {"jsonrpc": "2.0", "id": 5, "method": "session/request_permission"}
    work.feed({**message, "params": {**params, "options": OPTIONS}})
    approval = work.core.pending()[0]
    assert approval.title == "Run make?: It builds" and approval.preview is not None
    assert (approval.preview.tool_call_id, approval.preview.title, approval.preview.command) == tool
    work.core.decide(approval, "allow_once")
    work.settle()
    assert work.sent()[-1]["result"] == {"outcome": {"outcome": "selected", "optionId": "y"}}


def test_settings_are_config_options_only() -> None:
    dialogue = open_second(configOptions=[OPTION])
    dialogue.core.prompt("go", choice=Choice(mode="plan"))
    dialogue.settle()
    params = {"sessionId": "s1", "configId": "mode", "value": "plan", "type": "id"}
    assert (dialogue.methods()[-1], dialogue.sent()[-1]["params"]) == ("session/set_config_option", params)


def test_an_old_session_is_resumed_without_its_history() -> None:
    dialogue = open_second(CoreDouble(agent_session_id="s1", listed=True))
    assert dialogue.methods() == ["initialize", "session/resume"]
    assert "replayFrom" not in dialogue.sent()[1]["params"]
    assert dialogue.core.session.status == "attached"


def test_a_fork_is_a_session_of_its_own() -> None:
    origin = SessionOrigin(kind="fork", agent_session_id="parent")
    dialogue = open_second(CoreDouble(origin=origin), {"fork": {}})
    assert (dialogue.methods()[1], dialogue.sent()[1]["params"]["sessionId"]) == ("session/fork", "parent")
    assert dialogue.core.session.agent_session_id == "s1"
    assert dialogue.core.session.offer is not None and dialogue.core.session.offer.fork


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
