"""What the agent wants to know: a form of ACP's elicitation/create as questions, and answers as the form's content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from agentlanes.adapters.agents.dialogue.frames import bound_title
from agentlanes.wire.models import Answer, Approval, ApprovalOption, Question, QuestionOption

METHOD = "elicitation/create"
ANSWER, DECLINE = "answer", "decline"
OPTIONS = (
    ApprovalOption(option_id=ANSWER, label="Answer", kind="allow_once"),
    ApprovalOption(option_id=DECLINE, label="Do not answer", kind="reject_once"),
)
CANCELLED: dict[str, object] = {"action": "cancel"}
NO_ANSWER = "No answer"
"""An option that stands for leaving a question out."""
_OWN_WORDS = "_custom"
"""Ends the name of the free text beside a choice, in the forms of Claude Code's adapter."""
_FIELDS_CAP = 20
_CHOICES_CAP = 50
_ID_CAP = 512
TITLE_CAP = 8192
_LABEL_CAP = 8192
_TEXT_CAP = 65_536


class Field(Struct, frozen=True):
    """One property of a form: the question that it is, and how an answer becomes its value."""

    question: Question
    kind: str
    """Its JSON type."""
    values: dict[str, object]
    """Values by the labels of its options."""
    own_words: str | None = None
    """The property for an answer that is none of the options."""

    def read(self, given: tuple[str, ...]) -> object:
        """The value that was meant; None for no answer. Raises ValueError where a number is none."""
        if self.kind == "array":
            chosen = [self.values.get(label, label) for label in given]
            return [str(value) for value in chosen if value is not None]
        if not given:
            return None
        if given[0] in self.values:
            return self.values[given[0]]
        if self.kind == "boolean":
            return given[0].casefold() in ("true", "yes", "on", "1")
        if self.kind == "integer":
            return int(given[0])
        return float(given[0]) if self.kind == "number" else given[0]


class Form(Struct, frozen=True):
    """A request that can be put to people."""

    message: str
    fields: tuple[Field, ...]
    tool_call_id: str | None

    def questions(self) -> tuple[Question, ...]:
        return tuple(field.question for field in self.fields)

    def fill(self, answers: tuple[Answer, ...]) -> dict[str, object]:
        """The form's content; what was not answered, or is no number where one was wanted, is left out."""
        given = {answer.question_id: answer.values for answer in answers}
        content: dict[str, object] = {}
        for field in self.fields:
            question_id = field.question.question_id
            if question_id not in given:
                continue
            labels = given[question_id]
            if field.own_words is not None:
                own = [label for label in labels if label not in field.values]
                labels = tuple(label for label in labels if label in field.values)
                if own:
                    content[field.own_words] = ", ".join(own)
            try:
                value = field.read(labels)
            except ValueError:
                continue
            if value not in (None, [], ""):
                content[question_id] = value
        return content


def read_form(params: dict[str, Any]) -> Form | None:
    """The form in a request; None for another mode, or one that cannot be shown."""
    schema, message = params.get("requestedSchema"), params.get("message")
    if params.get("mode", "form") != "form" or not isinstance(schema, dict) or type(message) is not str:
        return None
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict):
        properties = {}
    names = required if isinstance(required, list) else []
    fields = tuple(_read_fields(properties, message, names))
    tool_call_id = params.get("toolCallId")
    return Form(
        bound_title(message, _TEXT_CAP), fields, tool_call_id if type(tool_call_id) is str and tool_call_id else None
    )


def outcome(approval: Approval, form: Form | None) -> dict[str, object]:
    """What the agent is told."""
    decision = approval.decision
    if approval.status in ("pending", "canceled") or decision is None:
        return CANCELLED
    if approval.status != "approved":
        return {"action": "decline"}
    if form is None:
        form = Form("", tuple(Field(question, "string", {}) for question in approval.questions), None)
    return {"action": "accept", "content": form.fill(decision.answers)}


def _read_fields(properties: dict[str, Any], message: str, required: list[Any]) -> Iterator[Field]:
    for name, given in list(properties.items())[:_FIELDS_CAP]:
        if not isinstance(given, dict) or not 0 < len(name) <= _ID_CAP or _is_own_words(name, properties):
            continue
        kind = given.get("type")
        kind = kind if kind in ("string", "number", "integer", "boolean", "array") else "string"
        choices = list(_read_choices(given, kind))[:_CHOICES_CAP]
        title, description = _text(given.get("title")), _text(given.get("description"))
        own_words = next((own for own in properties if own == f"{name}{_OWN_WORDS}"), None)
        is_only = len(properties) == (1 if own_words is None else 2)
        text = description or (message if is_only else title or name)
        is_optional = bool(required) and name not in required
        if is_optional and choices and own_words is None:
            choices.append((QuestionOption(label=NO_ANSWER), None))
        yield Field(
            Question(
                question_id=name,
                header=bound_title(title or name, _LABEL_CAP),
                text=bound_title(f"{text} (optional)" if is_optional else text, _TEXT_CAP),
                options=tuple(option for option, _ in choices),
                multiple=True if kind == "array" else None,
                free=None if choices and own_words is None else True,
                secret=True if given.get("format") == "password" else None,
            ),
            kind,
            {option.label: value for option, value in choices},
            own_words,
        )


def _is_own_words(name: str, properties: dict[str, Any]) -> bool:
    """Whether the property is the free text that goes with another one, which offers options."""
    return name.endswith(_OWN_WORDS) and name.removesuffix(_OWN_WORDS) in properties


def _read_choices(given: dict[str, Any], kind: str) -> Iterator[tuple[QuestionOption, object]]:
    """Options and their values: titled ones, plain ones, those of an array's items, yes and no."""
    if kind == "boolean":
        yield QuestionOption(label="Yes"), True
        yield QuestionOption(label="No"), False
        return
    source = given.get("items") if kind == "array" else given
    if not isinstance(source, dict):
        return
    titled = source.get("oneOf") or source.get("anyOf")
    if isinstance(titled, list):
        for option in titled:
            value = option.get("const") if isinstance(option, dict) else None
            if type(value) is str and value:
                label = bound_title(_text(option.get("title")) or value, _LABEL_CAP)
                description = _text(option.get("description"))
                yield QuestionOption(label=label, description=bound_title(description, _LABEL_CAP) or None), value
        return
    plain = source.get("enum")
    for value in plain if isinstance(plain, list) else []:
        if type(value) is str and value:
            yield QuestionOption(label=bound_title(value, _LABEL_CAP)), value


def _text(value: object) -> str:
    return value if type(value) is str else ""
