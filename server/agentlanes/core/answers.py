"""Answers to an agent's questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agentlanes.core.errors import Refusal
from agentlanes.wire.models import Answer, Approval, Question


def check_answers(approval: Approval, answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """The answers in the order of the questions. Refuses what does not fit, without saying what a secret one was."""
    questions = {question.question_id: question for question in approval.questions}
    given = {answer.question_id: answer for answer in answers}
    for question_id, count in Counter(answer.question_id for answer in answers).items():
        if question_id not in questions:
            raise Refusal(
                "ANSWER_REFUSED",
                f"there is no question {question_id[:100]} in approval {approval.approval_id}"
                + (f"; there are {', '.join(questions)[:2000]}" if questions else ", which asks for a decision only"),
                question_id=question_id,
                questions=list(questions),
            )
        if count > 1:
            raise Refusal("ANSWER_REFUSED", f"question {question_id} is answered twice", question_id=question_id)
    missing = [question_id for question_id in questions if question_id not in given]
    if missing:
        raise Refusal(
            "ANSWER_REFUSED",
            f"every question needs an answer; {', '.join(missing)[:2000]} has none",
            question_id=missing[0],
            questions=list(questions),
        )
    for question in approval.questions:
        _check_values(question, given[question.question_id].values)
    return tuple(given[question_id] for question_id in questions)


def _check_values(question: Question, values: Sequence[str]) -> None:
    labels = [option.label for option in question.options]
    problem = None
    if not values:
        problem = "needs an answer"
    elif len(values) > 1 and not question.multiple:
        problem = "takes one answer"
    elif not question.free and labels:
        wrong = next((value for value in values if value not in labels), None)
        if wrong is not None:
            shown = "what was given" if question.secret else repr(wrong[:200])
            problem = f"does not offer {shown}; it offers {', '.join(labels)[:2000]}"
    if problem is not None:
        raise Refusal(
            "ANSWER_REFUSED",
            f"question {question.question_id} {problem}",
            question_id=question.question_id,
            offered=labels,
        )
