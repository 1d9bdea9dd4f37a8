"""From initialize to an open session, and every way in which that can fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentlanes.kernel.ports.agents import Launch
from agentlanes.wire.models import Problem
from agents.conversation import Dialogue, update
from agents.core_double import CoreDouble

RESUME: dict[str, Any] = {"sessionCapabilities": {"resume": {}}}
LOAD = {"loadSession": True}
MODES = {"currentModeId": "ask", "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "plan", "name": "Plan"}]}
SELECT = {
    "id": "model-choice",
    "type": "select",
    "name": "Model",
    "category": "model",
    "currentValue": "small",
    "options": [
        {"group": "g", "name": "G", "options": [{"value": "small", "name": "S"}, {"value": "big", "name": "B"}]}
    ],
}


def launch(mode: str | None = None, model: str | None = None) -> Launch:
    return Launch(("agent",), {}, (), "acp", mode, model)


def old() -> CoreDouble:
    return CoreDouble(agent_session_id="old", listed=True, cwd="/lane")


def answer(n: int, result: Any = None, error: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": n} | ({"result": result} if error is None else {"error": error})


def introduce(dialogue: Dialogue, capabilities: dict[str, Any] | None = None, **more: Any) -> None:
    dialogue.feed(answer(1, {"protocolVersion": 1, "agentCapabilities": capabilities or {}, **more}))


def methods(dialogue: Dialogue) -> list[str]:
    return [message["method"] for message in dialogue.sent()]


def problem(dialogue: Dialogue) -> Problem:
    assert dialogue.core.problem is not None and dialogue.core.session.status == "attaching"
    return dialogue.core.problem


def test_a_new_session() -> None:
    dialogue = Dialogue(CoreDouble(cwd="/lane"), version="1.2")
    introduce(dialogue)
    dialogue.feed(answer(2, {"sessionId": "s1"}))
    initialize, new = dialogue.sent()
    assert initialize["params"] == {
        "protocolVersion": 2,
        "clientCapabilities": {
            "fs": {"readTextFile": False, "writeTextFile": False},
            "terminal": False,
            "session": {"compaction": {}, "notices": {}, "configOptions": {"boolean": {}}},
            "elicitation": {"form": {}},
        },
        "clientInfo": {"name": "agentlanes", "title": "agentlanes", "version": "1.2"},
        "capabilities": {"elicitation": {"form": {}}},
        "info": {"name": "agentlanes", "title": "agentlanes", "version": "1.2"},
    }
    assert (new["method"], new["params"]) == ("session/new", {"cwd": "/lane", "mcpServers": []})
    session = dialogue.core.session
    assert (session.status, session.agent_session_id, session.resumable) == ("attached", "s1", False)


@pytest.mark.parametrize("capabilities", [RESUME, LOAD])
def test_what_an_agent_advertises_makes_its_sessions_resumable(capabilities: dict[str, Any]) -> None:
    dialogue = Dialogue()
    dialogue.open(capabilities)
    assert dialogue.core.session.resumable


def test_an_old_session_is_resumed() -> None:
    dialogue = Dialogue(old())
    introduce(dialogue, RESUME | LOAD)
    assert dialogue.sent()[1]["params"] == {"sessionId": "old", "cwd": "/lane", "mcpServers": []}
    dialogue.feed(answer(2, None))
    assert methods(dialogue) == ["initialize", "session/resume"]
    assert (dialogue.core.session.status, dialogue.core.session.agent_session_id) == ("attached", "old")


def test_a_session_that_never_had_a_prompt_begins_anew() -> None:
    dialogue = Dialogue(CoreDouble(agent_session_id="old", listed=False))
    introduce(dialogue, RESUME)
    assert methods(dialogue) == ["initialize", "session/new"]


def test_a_loaded_session_tells_nothing_twice() -> None:
    """The log has the conversation already: the whole replay is suppressed."""
    dialogue = Dialogue(old())
    introduce(dialogue, LOAD)
    assert methods(dialogue)[-1] == "session/load"
    for _ in range(3):
        dialogue.say("from the past", session_id="old")
        dialogue.update("user_message_chunk", "old", content={"type": "text", "text": "asked"})
        dialogue.update("tool_call", "old", toolCallId="t", title="Ran")
    dialogue.feed(answer(2, {}))
    assert dialogue.core.session.status == "attached" and not dialogue.core.items
    dialogue.core.prompt("go on")
    dialogue.settle()
    dialogue.say("now", session_id="old")
    dialogue.end()
    assert [item.text for item in dialogue.core.items.values()] == ["now"]


def test_a_resume_that_the_agent_does_not_know_falls_back_to_load() -> None:
    dialogue = Dialogue(old())
    introduce(dialogue, RESUME | LOAD)
    dialogue.feed(answer(2, error={"code": -32601, "message": "Method not found"}))
    dialogue.restart()
    dialogue.feed(answer(3, None))
    assert methods(dialogue) == ["initialize", "session/resume", "session/load"]
    assert dialogue.core.session.status == "attached"


@pytest.mark.parametrize(("capabilities", "code"), [(RESUME, -32002), (LOAD, -32602), (RESUME | LOAD, -32603)])
def test_a_failed_resume_starts_nothing_fresh(capabilities: dict[str, Any], code: int) -> None:
    dialogue = Dialogue(old())
    introduce(dialogue, capabilities)
    dialogue.feed(answer(2, error={"code": code, "message": "Invalid session", "data": {"details": "it is gone"}}))
    failed = problem(dialogue)
    assert failed.code == "RESUME_FAILED" and "Invalid session: it is gone" in failed.message
    assert failed.details is not None and failed.details["agent_session_id"] == "old"
    assert "session/new" not in methods(dialogue)


def test_an_agent_that_cannot_resume_says_so_at_once() -> None:
    dialogue = Dialogue(old())
    introduce(dialogue)
    assert problem(dialogue).code == "RESUME_FAILED"
    assert methods(dialogue) == ["initialize"]


@pytest.mark.parametrize("version", [0, 3, "1", None, True, 1.0])
def test_another_protocol_version_is_refused(version: Any) -> None:
    dialogue = Dialogue()
    dialogue.feed(answer(1, {"protocolVersion": version}))
    assert problem(dialogue).code == "AGENT_PROTOCOL_ERROR"
    assert (
        f"protocol version {version!r}, and this driver speaks the versions 1 to 2 of ACP" in problem(dialogue).message
    )


@pytest.mark.parametrize("result", [None, 3, [], "x", {"sessionId": ""}, {"sessionId": 4}, {"sessionId": "x" * 513}])
def test_a_session_without_an_id_is_refused(result: Any) -> None:
    dialogue = Dialogue()
    introduce(dialogue)
    dialogue.feed(answer(2, result))
    assert problem(dialogue).code == "AGENT_PROTOCOL_ERROR"


def test_an_agent_that_wants_a_login_says_how() -> None:
    dialogue = Dialogue()
    introduce(dialogue, authMethods=[{"id": "oauth", "name": "Log in with a browser"}, {"id": "key"}, 7])
    dialogue.feed(answer(2, error={"code": -32000, "message": "Authentication required"}))
    refused = problem(dialogue)
    assert refused.code == "AGENT_REFUSED"
    assert "log in first (Log in with a browser, key): start it once in a terminal" in refused.message


@pytest.mark.parametrize("n", [1, 2])
def test_an_error_in_the_handshake_is_told(n: int) -> None:
    dialogue = Dialogue()
    if n == 2:
        introduce(dialogue)
    dialogue.feed(answer(n, error={"code": -32603, "message": "Internal error", "data": "no disk space"}))
    assert problem(dialogue).code == "AGENT_REFUSED"
    assert "Internal error: no disk space" in problem(dialogue).message


@pytest.mark.parametrize("error", [{}, {"message": 5}, {"data": []}, "text", 7, ["a"]])
def test_an_error_of_any_shape_is_an_error(error: Any) -> None:
    dialogue = Dialogue()
    dialogue.feed(answer(1, error=error))
    assert problem(dialogue).code == "AGENT_REFUSED"


def test_nothing_is_done_after_a_problem() -> None:
    dialogue = Dialogue()
    dialogue.feed(answer(1, error={"code": 1, "message": "no"}))
    introduce(dialogue)
    dialogue.feed(answer(2, {"sessionId": "s1"}))
    assert dialogue.core.session.status == "attaching" and methods(dialogue) == ["initialize"]


def test_a_mode_is_set_before_the_first_prompt() -> None:
    dialogue = Dialogue(launch=launch(mode="plan"))
    introduce(dialogue)
    dialogue.core.prompt("go")
    dialogue.feed(answer(2, {"sessionId": "s1", "modes": MODES}))
    assert dialogue.core.session.status == "attaching"
    assert dialogue.sent()[2]["params"] == {"sessionId": "s1", "modeId": "plan"}
    dialogue.restart()
    dialogue.feed(answer(3, {}))
    assert methods(dialogue) == ["initialize", "session/new", "session/set_mode", "session/prompt"]


def test_a_mode_that_is_set_already_is_not_asked_for() -> None:
    dialogue = Dialogue(launch=launch(mode="ask"))
    introduce(dialogue)
    dialogue.feed(answer(2, {"sessionId": "s1", "modes": MODES}))
    assert dialogue.core.session.status == "attached"


def test_a_mode_is_asked_for_where_the_agent_lists_none() -> None:
    """Agents that resume a session may answer without their modes."""
    dialogue = Dialogue(old(), launch=launch(mode="plan"))
    introduce(dialogue, RESUME)
    dialogue.feed(answer(2, None))
    assert methods(dialogue)[-1] == "session/set_mode"


def test_a_refused_mode_is_no_session() -> None:
    """Going on in another mode could permit what the profile forbids."""
    dialogue = Dialogue(launch=launch(mode="yolo"))
    introduce(dialogue)
    dialogue.feed(answer(2, {"sessionId": "s1", "modes": MODES}))
    dialogue.feed(answer(3, error={"code": 1, "message": "no such mode"}))
    refused = problem(dialogue)
    assert refused.message == (
        "mode 'yolo' is wanted and the agent refused (no such mode); it offers ask, plan; "
        "name one of them as mode of the profile or of the choice"
    )


def test_a_model_is_chosen_by_config_option_or_by_name() -> None:
    dialogue = Dialogue(launch=launch(mode="plan", model="big"))
    introduce(dialogue)
    dialogue.feed(answer(2, {"sessionId": "s1", "modes": MODES, "configOptions": [4, SELECT]}))
    dialogue.feed(answer(3, {}))
    assert dialogue.sent()[3]["method"] == "session/set_config_option"
    assert dialogue.sent()[3]["params"] == {"sessionId": "s1", "configId": "model-choice", "value": "big"}
    dialogue.feed(answer(4, {"configOptions": []}))
    assert dialogue.core.session.status == "attached"

    dialogue = Dialogue(launch=launch(model="big"))
    introduce(dialogue)
    models = {"currentModelId": "small", "availableModels": [{"modelId": "small"}, {"modelId": "big"}]}
    dialogue.feed(answer(2, {"sessionId": "s1", "models": models}))
    assert (dialogue.sent()[2]["method"], dialogue.sent()[2]["params"]["modelId"]) == ("session/set_model", "big")


def test_a_model_that_cannot_be_chosen_is_refused() -> None:
    dialogue = Dialogue(launch=launch(model="big"))
    introduce(dialogue)
    dialogue.feed(answer(2, {"sessionId": "s1"}))
    assert "model 'big' is wanted and the agent offers no choice" in problem(dialogue).message
    dialogue = Dialogue(launch=launch(model="huge"))
    introduce(dialogue)
    dialogue.feed(answer(2, {"sessionId": "s1", "configOptions": [SELECT]}))
    dialogue.feed(answer(3, error={"message": "unknown"}))
    assert "it offers small, big; name one" in problem(dialogue).message


def test_a_current_model_needs_nothing() -> None:
    dialogue = Dialogue(launch=launch(model="small"))
    introduce(dialogue)
    dialogue.feed(answer(2, {"sessionId": "s1", "configOptions": [SELECT]}))
    assert dialogue.core.session.status == "attached"


def test_requests_in_the_handshake_are_refused() -> None:
    dialogue = Dialogue()
    dialogue.feed({"jsonrpc": "2.0", "id": "a", "method": "session/request_permission", "params": {"sessionId": "s1"}})
    dialogue.feed({"jsonrpc": "2.0", "id": "b", "method": "fs/read_text_file", "params": {}})
    codes = [(message["id"], message["error"]["code"]) for message in dialogue.sent()[1:]]
    assert codes == [("a", -32602), ("b", -32601)]
    dialogue.feed(answer(1, {"protocolVersion": 1}))
    assert dialogue.sent()[3]["id"] == 4, "ids are the numbers of the writes"
    dialogue.feed(answer(4, {"sessionId": "s1"}))
    assert dialogue.core.session.status == "attached"


def test_what_a_program_prints_instead_of_a_handshake_is_shown() -> None:
    dialogue = Dialogue()
    dialogue.feed(b"agent-cli is no longer maintained, please install other-cli")
    assert dialogue.core.session.activity == (
        "The agent says: agent-cli is no longer maintained, please install other-cli"
    )


def test_a_program_that_only_prints_is_given_up() -> None:
    dialogue = Dialogue()
    dialogue.feed(*[b"log line"] * 9_999)
    before = dialogue.core.fatal
    dialogue.feed(b"the last one")
    fatal = dialogue.core.fatal
    assert before is None and fatal is not None
    assert (fatal.code, fatal.details) == ("AGENT_PROTOCOL_ERROR", {"last_line": "the last one"})


def test_updates_before_the_answer_to_session_new_are_taken_calmly() -> None:
    dialogue = Dialogue()
    introduce(dialogue)
    dialogue.feed(update("available_commands_update", "s1", availableCommands=[]))
    dialogue.feed(answer(2, {"sessionId": "s1"}))
    assert dialogue.core.session.status == "attached"


def test_the_handshake_is_asked_for_once() -> None:
    dialogue = Dialogue()
    for _ in range(3):
        dialogue.settle()
        dialogue.restart()
    assert json.loads(dialogue.core.writes[0].data)["method"] == "initialize"
    assert len(dialogue.core.writes) == 1
