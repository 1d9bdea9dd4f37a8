"""What can be answered to an approval by choosing one of a few words: buttons, or code actions."""

from __future__ import annotations

from typing import Any, NamedTuple

from agentlanes.wire.models import Approval


class Choice(NamedTuple):
    """A word to choose, and the payload of `approval.resolve` that it stands for."""

    label: str
    payload: dict[str, Any]


def list_choices(approval: Approval) -> list[Choice]:
    """The choices, no two with the same label. None where the answer takes more than one word of several."""
    id = approval.approval_id
    if approval.questions:
        (question, *more) = approval.questions
        if more or question.secret:
            return []
        found = [
            Choice(option.label, {"answers": [{"question_id": question.question_id, "values": [option.label]}]})
            for option in question.options
        ]
    else:
        found = [Choice(option.label, {"option_id": option.option_id}) for option in approval.options]
    labels = [choice.label for choice in found]
    return [
        Choice(label if labels.count(label) == 1 else f"{label} ({number})", {"approval_id": id, **payload})
        for number, (label, payload) in enumerate(found, 1)
    ]


def describe(approval: Approval) -> str:
    """What is asked."""
    questions = " / ".join(question.text for question in approval.questions)
    return f"{approval.title}: {questions}" if questions else approval.title
