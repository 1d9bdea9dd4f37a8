"""What Codex asks its user, and what it is told when that was decided."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.wire.models import Answer, Decision
from agents.codex import begin, request
from agents.core_double import AT
from agents.speakers import CodexSpeaker


def decide(speaker: CodexSpeaker, option_id: str | None, answers: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """Decides the one question that waits; what Codex is told."""
    core = speaker.dialogue.core
    (approval,) = core.pending()
    option = next((option for option in approval.options if option.option_id == option_id), None)
    assert option is not None or option_id is None, approval.options
    given = tuple(Answer(question_id=name, values=tuple(values)) for name, values in (answers or {}).items())
    kind = option.kind if option is not None else None
    decision = Decision(option_id=option_id, kind=kind, answers=given, actor="client/test", decided_at=AT)
    status = "approved" if kind is not None and kind.startswith("allow") else "denied"
    core.approvals[approval.approval_id] = msgspec.structs.replace(approval, status=status, decision=decision)
    core.turns[-1] = msgspec.structs.replace(core.turns[-1], status="running")
    # What was decided comes back from the log, maybe to another process of the server.
    speaker.dialogue.restart()
    (told,) = speaker.answers()[7]
    result: dict[str, Any] = told["result"]
    return result


COMMAND = "item/commandExecution/requestApproval"
RULE = {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["touch", "x"]}}
HOST = {"applyNetworkPolicyAmendment": {"network_policy_amendment": {"host": "h", "action": "deny"}}}
FORM = {"type": "object", "properties": {"n": {"type": "integer"}, "b": {"type": "boolean"}, "t": {"type": "string"}}}
ASKED = [{"id": "q", "header": "H", "question": "Which?", "options": [{"label": "A", "description": "a"}]}]
GRANT = {"network": {"enabled": True}, "fileSystem": None}


@pytest.mark.parametrize(
    ("method", "params", "option_id", "answers", "told"),
    [
        (COMMAND, {"itemId": "c1", "command": "x"}, "accept", None, {"decision": "accept"}),
        (COMMAND, {"itemId": "c1", "command": "x"}, "acceptForSession", None, {"decision": "acceptForSession"}),
        (
            COMMAND,
            {"itemId": "c1", "availableDecisions": ["accept", "cancel"]},
            "decline",
            None,
            {"decision": "decline"},
        ),
        (
            COMMAND,
            {"itemId": "c1", "availableDecisions": [RULE]},
            msgspec.json.encode(RULE).decode(),
            None,
            {"decision": RULE},
        ),
        (
            COMMAND,
            {"itemId": "c1", "availableDecisions": [HOST]},
            msgspec.json.encode(HOST).decode(),
            None,
            {"decision": HOST},
        ),
        (COMMAND, {"itemId": "c1"}, None, None, {"decision": "cancel"}),
        ("item/fileChange/requestApproval", {"itemId": "c1"}, "cancel", None, {"decision": "cancel"}),
        (
            "item/permissions/requestApproval",
            {"itemId": "c1", "permissions": GRANT},
            "grant:session",
            None,
            {"permissions": {"network": {"enabled": True}}, "scope": "session"},
        ),
        (
            "item/permissions/requestApproval",
            {"itemId": "c1", "permissions": GRANT},
            "grant:none",
            None,
            {"permissions": {}, "scope": "turn"},
        ),
        (
            "item/tool/requestUserInput",
            {"itemId": "c1", "questions": ASKED},
            "answer",
            {"q": ["A"]},
            {"answers": {"q": {"answers": ["A"]}}},
        ),
        ("item/tool/requestUserInput", {"itemId": "c1", "questions": ASKED}, "skip", None, {"answers": {}}),
        (
            "mcpServer/elicitation/request",
            {"serverName": "s", "mode": "form", "message": "m", "requestedSchema": FORM},
            "elicitation:accept",
            {"n": ["3"], "b": ["true"], "t": ["x"]},
            {"action": "accept", "content": {"n": 3, "b": True, "t": "x"}, "_meta": None},
        ),
        (
            "mcpServer/elicitation/request",
            {"serverName": "s", "mode": "url", "message": "m", "url": "https://example.org"},
            "elicitation:decline",
            None,
            {"action": "decline", "content": None, "_meta": None},
        ),
        ("execCommandApproval", {"callId": "c1", "command": ["a", "b c"]}, "approved", None, {"decision": "approved"}),
        ("execCommandApproval", {"callId": "c1", "command": ["a"]}, None, None, {"decision": "abort"}),
        (
            "applyPatchApproval",
            {"callId": "c1", "fileChanges": {"/w/n": {"type": "add", "content": "x"}}},
            '{"denied":{"rejection":"The user rejected it"}}',
            None,
            {"decision": {"denied": {"rejection": "The user rejected it"}}},
        ),
    ],
)
def test_a_decision_is_told_in_the_words_of_its_question(
    method: str,
    params: dict[str, Any],
    option_id: str | None,
    answers: dict[str, list[str]] | None,
    told: dict[str, Any],
) -> None:
    speaker = begin()
    asked = request(speaker, method, **params)
    if "Approval" in method and "/" not in method:
        asked["params"]["conversationId"] = asked["params"].pop("threadId")
    speaker.feed([asked])
    assert decide(speaker, option_id, answers) == told


def test_a_question_of_the_agent_carries_its_options() -> None:
    speaker = begin()
    speaker.feed([request(speaker, "item/tool/requestUserInput", itemId="c1", questions=ASKED)])
    (approval,) = speaker.dialogue.core.pending()
    assert approval.kind == "question"
    assert (approval.questions[0].text, approval.questions[0].options[0].label) == ("Which?", "A")
    decide(speaker, "answer", {"q": ["A"]})
    speaker.feed([speaker.tell("serverRequest/resolved", requestId=7)])
    assert [item.status for item in speaker.dialogue.items()] == ["completed"]


def test_what_was_asked_for_runs_from_its_grant_on() -> None:
    speaker = begin()
    speaker.feed([*speaker.begin_tool("c1"), *speaker.ask(7, "c1")])
    assert [item.tool and item.tool.status for item in speaker.dialogue.items()] == ["pending"]
    decide(speaker, "accept")
    speaker.feed([speaker.tell("serverRequest/resolved", requestId=7)])
    assert [item.tool and item.tool.status for item in speaker.dialogue.items()] == ["in_progress"]


def test_a_question_that_is_resolved_elsewhere_is_closed() -> None:
    speaker = begin()
    speaker.feed([*speaker.begin_tool("c1"), *speaker.ask(7, "c1")])
    speaker.feed([speaker.tell("serverRequest/resolved", requestId=7)])
    assert [approval.status for approval in speaker.dialogue.core.approvals.values()] == ["canceled"]


@pytest.mark.parametrize(
    "method",
    ["item/tool/call", "account/chatgptAuthTokens/refresh", "attestation/generate", "currentTime/read", COMMAND],
)
def test_a_request_that_nobody_can_decide_is_refused(method: str) -> None:
    speaker = begin()
    speaker.feed([{"id": 7, "method": method, "params": {"threadId": speaker.THREAD}}])
    assert "error" in speaker.answers()[7][0]
