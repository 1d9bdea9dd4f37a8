"""ACP sessions that begin as a fork of another one's conversation."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.wire.models import SessionOrigin
from agents.conversation import Dialogue
from agents.core_double import CoreDouble

FORK: dict[str, Any] = {"sessionCapabilities": {"fork": {}, "resume": {}}}


def begin(capabilities: dict[str, Any], **origin: Any) -> Dialogue:
    core = CoreDouble(cwd="/lane")
    told = SessionOrigin(kind="fork", session_id=core.session.session_id, agent_session_id="old", **origin)
    core.session = msgspec.structs.replace(core.session, origin=told)
    dialogue = Dialogue(core)
    answer(dialogue, 1, {"protocolVersion": 1, "agentCapabilities": capabilities})
    return dialogue


def answer(dialogue: Dialogue, n: int, result: Any = None, error: Any = None) -> None:
    told = {"result": result} if error is None else {"error": error}
    dialogue.feed({"jsonrpc": "2.0", "id": n, **told})


def test_a_fork_is_asked_for_in_the_new_folder_and_is_a_session_of_its_own() -> None:
    dialogue = begin(FORK)
    asked = dialogue.sent()[-1]
    assert asked["method"] == "session/fork"
    assert asked["params"] == {"sessionId": "old", "cwd": "/lane", "mcpServers": []}
    answer(dialogue, 2, {"sessionId": "new"})
    session = dialogue.core.session
    assert (session.status, session.agent_session_id) == ("attached", "new")
    assert session.offer is not None and session.offer.fork
    dialogue.core.prompt("go on")
    dialogue.settle()
    assert dialogue.sent()[-1]["params"]["sessionId"] == "new"


def test_a_restart_before_the_answer_forks_once() -> None:
    dialogue = begin(FORK)
    dialogue.restart()
    answer(dialogue, 2, {"sessionId": "new"})
    assert [message["method"] for message in dialogue.sent()] == ["initialize", "session/fork"]
    assert dialogue.core.session.agent_session_id == "new"


@pytest.mark.parametrize(("capabilities", "origin"), [({}, {}), (FORK, {"agent_turn_id": "t1"})])
def test_what_the_agent_cannot_fork_starts_nothing_fresh(capabilities: Any, origin: Any) -> None:
    dialogue = begin(capabilities, **origin)
    problem = dialogue.core.problem
    assert problem is not None and problem.code == "RESUME_FAILED" and "handover" in problem.message
    assert [message["method"] for message in dialogue.sent()] == ["initialize"]


def test_a_fork_that_is_refused_starts_nothing_fresh() -> None:
    dialogue = begin(FORK)
    answer(dialogue, 2, error={"code": -32002, "message": "no such session"})
    problem = dialogue.core.problem
    assert problem is not None and problem.code == "RESUME_FAILED" and "could not fork" in problem.message
    assert [message["method"] for message in dialogue.sent()] == ["initialize", "session/fork"]
