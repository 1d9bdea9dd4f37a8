"""Answers to secret questions reach the agent, and nothing that is recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from agentlanes.adapters.agents.dialogue.outbox import Outbox
from agentlanes.adapters.agents.dialogue.questions import Questions
from agentlanes.wire.models import Answer, Approval, Decision

AT = "2026-03-01T12:00:00.000Z"
PIN = Answer(question_id="pin", values=("hunter2",))
COLOR = Answer(question_id="color", values=("Red",))


def tell(approval: Approval) -> dict[str, object]:
    answers = approval.decision.answers if approval.decision is not None else ()
    return {answer.question_id: list(answer.values) for answer in answers}


def decide(secrets: dict[str, Any]) -> tuple[Any, dict[int, str]]:
    """What is recorded of the answer, and what is delivered in its place."""
    approval = Approval(
        approval_id="ap",
        workspace_id="ws",
        lane_id="ln",
        session_id="ss",
        turn_id="tn",
        process_id="pr",
        request_id="7",
        status="approved",
        title="What?",
        options=(),
        decision=Decision(answers=(COLOR,), actor="client/test", decided_at=AT),
        requested_at=AT,
        expires_at=AT,
    )
    outbox = Outbox()
    questions = Questions("pr", outbox, timedelta(hours=1), tell)
    assert questions.answer([approval], None, secrets)
    assert not questions.answer([approval], None, secrets), "once"
    (write,) = outbox.take()
    assert write.n == 1
    return msgspec.json.decode(write.data), outbox.take_unlogged()


def test_the_agent_hears_what_is_recorded_nowhere() -> None:
    recorded, unlogged = decide({"ap": (PIN,)})
    assert recorded == {"jsonrpc": "2.0", "id": 7, "result": {"color": ["Red"]}}
    assert msgspec.json.decode(unlogged[1]) == {
        "jsonrpc": "2.0",
        "id": 7,
        "result": {"color": ["Red"], "pin": ["hunter2"]},
    }


def test_after_a_restart_the_agent_hears_what_is_recorded() -> None:
    recorded, unlogged = decide({})
    assert recorded["result"] == {"color": ["Red"]}
    assert unlogged == {}
