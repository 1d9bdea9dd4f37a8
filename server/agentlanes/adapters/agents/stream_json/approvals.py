"""What Claude Code asks before it uses a tool, as approvals: may it run, is its plan accepted, what is the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_title
from agentlanes.wire.models import Approval, ApprovalKind, ApprovalOption, Question, QuestionOption

Request = dict[str, Any]
QUESTION_TOOL = "AskUserQuestion"
PLAN_TOOLS = frozenset({"ExitPlanMode"})
ALLOW, ALWAYS, DENY = "allow", "allow_always", "deny"
_TEXT_CAP = 8192
_RULES = frozenset({"addRules", "addDirectories"})


def find_kind(request: Request) -> ApprovalKind:
    """What is asked."""
    name = request.get("tool_name")
    return "question" if name == QUESTION_TOOL else "plan" if name in PLAN_TOOLS else "permission"


def read_options(request: Request) -> tuple[ApprovalOption, ...]:
    """The ways to decide."""
    kind = find_kind(request)
    yes, no = {
        "question": ("Answer", "Do not answer"),
        "plan": ("Accept the plan", "Keep planning"),
        "permission": ("Allow", "Reject"),
    }[kind]
    options = [ApprovalOption(option_id=ALLOW, label=yes, kind="allow_once")]
    if kind == "permission" and (suggested := find_permanent(request)):
        what = "; ".join(_describe(each) for each in suggested)
        label = bound_title(f"Allow from now on in this session: {what}", _TEXT_CAP)
        options.append(ApprovalOption(option_id=ALWAYS, label=label, kind="allow_always"))
    options.append(ApprovalOption(option_id=DENY, label=no, kind="reject_once"))
    return tuple(options)


def read_questions(request: Request) -> tuple[Question, ...]:
    """What the agent wants to know."""
    return tuple(
        Question(
            question_id=str(number),
            text=bound_title(given["question"], 65_536),
            header=bound_line(given["header"], 200) if type(given.get("header")) is str else None,
            options=tuple(_read_answers(given.get("options"))),
            multiple=True if given.get("multiSelect") is True else None,
            free=True,
        )
        for number, given in _each_question(request)
    )


def find_permanent(request: Request) -> list[dict[str, Any]]:
    """The agent's suggestions for what to allow from now on; for this session, so that no file of the user changes."""
    given = request.get("permission_suggestions")
    suggestions = [each for each in (given[:50] if isinstance(given, list) else []) if isinstance(each, dict)]
    rules = [each for each in suggestions if each.get("type") in _RULES]
    return [{**each, "destination": "session"} for each in rules or suggestions]


def write_outcome(approval: Approval, request: Request | None) -> dict[str, object]:
    """What the agent is told: that it may, with the input as it is to be, or that it may not, and why."""
    decision = approval.decision
    given = request.get("input") if request is not None else None
    if approval.status != "approved" or decision is None:
        why = decision.reason if decision is not None and decision.reason else _explain(approval)
        return {"behavior": "deny", "message": why}
    outcome: dict[str, object] = {"behavior": "allow"}
    if isinstance(given, dict):
        outcome["updatedInput"] = given
    if approval.kind == "question":
        chosen = {answer.question_id: ", ".join(answer.values) for answer in decision.answers}
        questions = dict(_each_question(request or {}))
        answers = {
            questions[int(n)]["question"]: text for n, text in chosen.items() if n.isdigit() and int(n) in questions
        }
        if not answers:
            return {"behavior": "deny", "message": decision.reason or "The user gave no answer."}
        outcome["updatedInput"] = {**(given if isinstance(given, dict) else {}), "answers": answers}
    elif decision.kind == "allow_always" and request is not None:
        outcome["updatedPermissions"] = find_permanent(request)
    return outcome


def _explain(approval: Approval) -> str:
    if approval.status in ("pending", "canceled"):
        return "The turn was stopped before anybody decided."
    if approval.status == "expired":
        return "Nobody decided in time."
    return "The user rejected this."


def _each_question(request: Request) -> Iterator[tuple[int, dict[str, Any]]]:
    given = request.get("input")
    questions = given.get("questions") if isinstance(given, dict) else None
    for number, question in enumerate(questions[:20] if isinstance(questions, list) else [], 1):
        if isinstance(question, dict) and type(question.get("question")) is str:
            yield number, question


def _read_answers(options: object) -> Iterator[QuestionOption]:
    for option in options[:50] if isinstance(options, list) else []:
        label = option.get("label") if isinstance(option, dict) else None
        if type(label) is str and label:
            text = option.get("description")
            description = bound_title(text, _TEXT_CAP) if type(text) is str and text else None
            yield QuestionOption(label=bound_title(label, _TEXT_CAP), description=description)


def _describe(suggestion: dict[str, Any]) -> str:
    kind = suggestion.get("type")
    if kind == "addRules" and isinstance(rules := suggestion.get("rules"), list):
        return ", ".join(
            f"{rule.get('toolName')}({rule['ruleContent']})" if rule.get("ruleContent") else str(rule.get("toolName"))
            for rule in rules[:20]
            if isinstance(rule, dict)
        )
    if kind == "addDirectories" and isinstance(folders := suggestion.get("directories"), list):
        return f"work in {', '.join(str(folder) for folder in folders[:20])}"
    if kind == "setMode":
        return f"mode {suggestion.get('mode')}"
    return str(kind)
