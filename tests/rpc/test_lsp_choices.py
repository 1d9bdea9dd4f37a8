"""What can be answered with one word of several."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.rpc.lsp.choices import describe, list_choices
from agentlanes.wire.models import Approval
from core.case_files import write_out

COLOR = {"question_id": "color", "text": "Which color?", "options": [{"label": "Red"}, {"label": "Blue"}]}
PIN = {"question_id": "pin", "text": "Your PIN?", "free": True, "secret": True}


def make(name: str, **changes: Any) -> Approval:
    return msgspec.convert(write_out({name: changes})[1], Approval)


def test_the_options_of_a_tool_call() -> None:
    approval = make("approval")
    found = {choice.label: choice.payload for choice in list_choices(approval)}
    assert list(found) == ["Allow", "Always", "Reject", "Never"]
    assert found["Reject"] == {"approval_id": approval.approval_id, "option_id": "no"}
    assert describe(approval) == "Run the tests"


def test_a_question_with_options() -> None:
    approval = make("question", questions=[COLOR])
    (_, blue) = list_choices(approval)
    answers = [{"question_id": "color", "values": ["Blue"]}]
    assert blue == ("Blue", {"approval_id": approval.approval_id, "answers": answers})
    assert describe(approval) == "What shall it be?: Which color?"


@pytest.mark.parametrize("questions", [[COLOR, PIN], [PIN], [{**COLOR, "options": []}]])
def test_what_takes_more_than_a_choice(questions: list[Any]) -> None:
    assert list_choices(make("question", questions=questions)) == []


def test_no_two_have_the_same_label() -> None:
    options = [{"option_id": id, "label": "Allow", "kind": "allow_once"} for id in ("a", "b")]
    assert [choice.label for choice in list_choices(make("approval", options=options))] == ["Allow (1)", "Allow (2)"]
