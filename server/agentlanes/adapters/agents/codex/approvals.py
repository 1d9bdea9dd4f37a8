"""What Codex asks its user, as approvals, and what it is told when they were decided.

A decision comes back from the log, maybe in another process of the server, and the frame that asked is gone by then. So
an option's id is the decision itself in Codex's words; what is granted and the form that is filled in stand in the
preview. Codex does not list `decline` where a command may be declined all the same: with it the turn goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from agentlanes.adapters.agents.codex.fields import read_object, read_objects, read_text
from agentlanes.adapters.agents.codex.thread_items import read_command, read_patch
from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text, bound_title, bound_value, encode
from agentlanes.adapters.agents.dialogue.tools import PATH_CAP, RAW_CAP, TITLE_CAP, ToolUpdate, bound_changes, bound_id
from agentlanes.wire.models import (
    Answer,
    Approval,
    ApprovalKind,
    ApprovalOption,
    FileChange,
    Location,
    Question,
    QuestionOption,
)

_OPTION_ID_CAP = 512
_TEXT_CAP = 8192
_QUESTIONS_CAP = 20
_OPTIONS_CAP = 50


class Asked(Struct):
    """A request as an approval: the tool call that it is about, and how it can be decided."""

    tool: ToolUpdate
    options: tuple[ApprovalOption, ...]
    reason: str | None = None
    """Why, in Codex's words."""
    kind: ApprovalKind | None = None
    questions: tuple[Question, ...] = ()


_ONCE = ("allow_once", "Allow")
_SESSION = ("allow_always", "Allow for the rest of the session")
_NO = ("reject_once", "Reject")
_STOP = ("reject_once", "Reject and end the turn")
_WORDS = {
    "accept": _ONCE,
    "acceptForSession": _SESSION,
    "decline": _NO,
    "cancel": _STOP,
    "approved": _ONCE,
    "approved_for_session": _SESSION,
    "abort": _STOP,
    "grant:turn": ("allow_once", "Allow for this turn"),
    "grant:session": _SESSION,
    "grant:none": _NO,
    "answer": ("allow_once", "Answer"),
    "skip": ("reject_once", "Do not answer"),
    "elicitation:accept": _ONCE,
    "elicitation:decline": _NO,
    "elicitation:cancel": ("reject_once", "Cancel"),
}
_DENIED = {"denied": {"rejection": "The user rejected it"}}


def read_request(method: str, params: dict[str, Any], request_id: str) -> Asked | None:
    """The approval for a request; None where it is none, or does not say what it is about."""
    read = _READERS.get(method)
    return None if read is None else read(params, request_id)


def is_known(method: str) -> bool:
    """Whether it is a request that a user can decide."""
    return method in _READERS


def find_thread(params: dict[str, Any]) -> object:
    """The thread that asks; requests of older releases call it a conversation."""
    return params.get("threadId", params.get("conversationId"))


def give_up(method: str) -> dict[str, object]:
    """What Codex is told where nobody will decide: the turn is over."""
    if method == "item/permissions/requestApproval":
        return {"permissions": {}, "scope": "turn"}
    if method == "item/tool/requestUserInput":
        return {"answers": {}}
    if method == "mcpServer/elicitation/request":
        return _write_elicitation("cancel")
    return {"decision": "abort" if method in ("applyPatchApproval", "execCommandApproval") else "cancel"}


def find_outcome(approval: Approval) -> dict[str, object]:
    """What Codex is told: what was decided, or that nobody will."""
    offered = {option.option_id for option in approval.options}
    decision = approval.decision
    decided = decision is not None and approval.status not in ("pending", "canceled")
    chosen = decision.option_id if decision is not None and decided else None
    asked = approval.preview.raw_input if approval.preview is not None else None
    if "grant:none" in offered:
        granted = asked if chosen in ("grant:turn", "grant:session") and isinstance(asked, dict) else {}
        scope = "session" if chosen == "grant:session" else "turn"
        return {"permissions": {name: value for name, value in granted.items() if value is not None}, "scope": scope}
    answers = decision.answers if decision is not None and decided else ()
    if "skip" in offered:
        given = {} if chosen == "skip" else {answer.question_id: {"answers": list(answer.values)} for answer in answers}
        return {"answers": given}
    if "elicitation:cancel" in offered:
        action = chosen.removeprefix("elicitation:") if chosen is not None else "accept" if answers else "cancel"
        return _write_elicitation(action, answers, asked)
    if chosen is None:
        return {"decision": "abort" if "abort" in offered else "cancel"}
    return {"decision": msgspec.json.decode(chosen) if chosen.startswith("{") else chosen}


def _ask_command(params: dict[str, Any], request_id: str) -> Asked | None:
    item_id = read_text(params, "itemId")
    if item_id is None:
        return None
    command = read_command(params.get("command"))
    reason = read_text(params, "reason", _TEXT_CAP)
    tool = ToolUpdate(bound_id(item_id), title=_show(command), tool_kind="execute", status="pending", command=command)
    network = read_object(params, "networkApprovalContext")
    if network:
        tool.raw_input = bound_value({"network": network}, RAW_CAP)
        reason = reason or f"Network access to {network.get('host')}"
    if extra := read_object(params, "additionalPermissions"):
        tool.raw_input = bound_value({"additionalPermissions": extra}, RAW_CAP)
    offered = params.get("availableDecisions")
    decisions = list(offered[:_OPTIONS_CAP]) if isinstance(offered, list) else ["accept", "acceptForSession", "cancel"]
    if "decline" not in decisions:
        decisions.insert(decisions.index("cancel") if "cancel" in decisions else len(decisions), "decline")
    options = tuple(option for decision in decisions if (option := _read_decision(decision)) is not None)
    return Asked(tool, options, reason)


def _ask_change(params: dict[str, Any], request_id: str) -> Asked | None:
    item_id = read_text(params, "itemId")
    if item_id is None:
        return None
    tool = ToolUpdate(bound_id(item_id), tool_kind="edit", status="pending")
    reason = read_text(params, "reason", _TEXT_CAP)
    if root := read_text(params, "grantRoot", PATH_CAP):
        tool.locations = (Location(path=root),)
        reason = join(f"to write anywhere in {root} from now on", reason)
    return Asked(tool, _offer("accept", "acceptForSession", "decline", "cancel"), reason)


def _ask_permissions(params: dict[str, Any], request_id: str) -> Asked | None:
    item_id, wanted = read_text(params, "itemId"), read_object(params, "permissions")
    kept = bound_value(wanted, RAW_CAP)
    if item_id is None or kept is not wanted:
        return None
    title = f"More permissions: {bound_text(encode(wanted), 1000)}"
    tool = ToolUpdate(bound_id(item_id), title=title, tool_kind="other", status="pending", raw_input=kept)
    return Asked(tool, _offer("grant:turn", "grant:session", "grant:none"), read_text(params, "reason", _TEXT_CAP))


def _ask_input(params: dict[str, Any], request_id: str) -> Asked | None:
    asked = [_read_question(entry) for entry in read_objects(params, "questions", _QUESTIONS_CAP)]
    questions = tuple(question for question in asked if question is not None)
    item_id = read_text(params, "itemId")
    if item_id is None or not questions:
        return None
    title = bound_title(questions[0].header or questions[0].text, TITLE_CAP)
    tool = ToolUpdate(name_question(request_id), title=title, tool_kind="other", status="in_progress")
    return Asked(tool, _offer("answer", "skip"), None, "question", questions)


def _ask_elicitation(params: dict[str, Any], request_id: str) -> Asked | None:
    server = read_text(params, "serverName", 200) or "An MCP server"
    message = read_text(params, "message", _TEXT_CAP) or read_text(params, "description", _TEXT_CAP)
    if address := read_text(params, "url", _TEXT_CAP):
        message = join(message or "asks to open a page", address)
    schema = read_object(params, "requestedSchema")
    kept = bound_value(schema, RAW_CAP)
    if kept is not schema:
        return None
    title = bound_title(f"{server}: {message}" if message else server, TITLE_CAP)
    tool = ToolUpdate(name_question(request_id), title=title, tool_kind="other", status="in_progress", raw_input=kept)
    questions = tuple(_read_property(name, entry) for name, entry in list(_properties(schema).items())[:_QUESTIONS_CAP])
    options = _offer("elicitation:accept", "elicitation:decline", "elicitation:cancel")
    return Asked(tool, options, None, "question" if questions else None, questions)


def _ask_old_command(params: dict[str, Any], request_id: str) -> Asked | None:
    call_id = read_text(params, "callId")
    if call_id is None:
        return None
    command = read_command(params.get("command"))
    tool = ToolUpdate(bound_id(call_id), title=_show(command), tool_kind="execute", status="pending", command=command)
    options = _offer("approved", "approved_for_session", _DENIED, "abort")
    return Asked(tool, options, read_text(params, "reason", _TEXT_CAP))


def _ask_old_change(params: dict[str, Any], request_id: str) -> Asked | None:
    call_id = read_text(params, "callId")
    if call_id is None:
        return None
    changes: list[FileChange] = []
    for path, change in list(read_object(params, "fileChanges").items())[:100]:
        kind = read_text(change, "type")
        if kind == "update":
            changes += read_patch(path, read_text(change, "unified_diff") or "")
        else:
            content = read_text(change, "content") or ""
            old = content if kind == "delete" else None
            changes.append(FileChange(path=path, old_text=old, new_text="" if kind == "delete" else content))
    title = f"Edit {', '.join(change.path for change in changes)}"
    tool = ToolUpdate(bound_id(call_id), title=bound_title(title, TITLE_CAP), tool_kind="edit", status="pending")
    tool.changes = bound_changes(changes) or None
    options = _offer("approved", "approved_for_session", _DENIED, "abort")
    return Asked(tool, options, read_text(params, "reason", _TEXT_CAP))


_READERS: dict[str, Callable[[dict[str, Any], str], Asked | None]] = {
    "item/commandExecution/requestApproval": _ask_command,
    "item/fileChange/requestApproval": _ask_change,
    "item/permissions/requestApproval": _ask_permissions,
    "item/tool/requestUserInput": _ask_input,
    "mcpServer/elicitation/request": _ask_elicitation,
    "execCommandApproval": _ask_old_command,
    "applyPatchApproval": _ask_old_change,
}


def name_question(request_id: str) -> str:
    """The id of the tool call that stands for a question which is about none."""
    return bound_id(f"question-{request_id}")


def _offer(*decisions: object) -> tuple[ApprovalOption, ...]:
    return tuple(option for decision in decisions if (option := _read_decision(decision)) is not None)


def _read_decision(decision: object) -> ApprovalOption | None:
    """A decision that can be made; None for one that is not known, or too long to come back whole."""
    if isinstance(decision, str):
        known = _WORDS.get(decision)
        return None if known is None else ApprovalOption(option_id=decision, label=known[1], kind=known[0])
    if not isinstance(decision, dict) or len(option_id := encode(decision)) > _OPTION_ID_CAP:
        return None
    if "denied" in decision:
        return ApprovalOption(option_id=option_id, label=_NO[1], kind=_NO[0])
    amendment = read_object(decision, "acceptWithExecpolicyAmendment").get("execpolicy_amendment")
    if isinstance(amendment, list):
        words = bound_line(" ".join(str(word) for word in amendment), 200)
        label = f"Allow, and from now on every command that begins with: {words}"
        return ApprovalOption(option_id=option_id, label=label, kind="allow_always")
    rule = read_object(read_object(decision, "applyNetworkPolicyAmendment"), "network_policy_amendment")
    host, action = read_text(rule, "host", 200), rule.get("action")
    if host is None or action not in ("allow", "deny"):
        return None
    label = f"Always {action} the network access to {bound_line(host, 200)}"
    return ApprovalOption(
        option_id=option_id, label=label, kind="allow_always" if action == "allow" else "reject_always"
    )


def _read_question(entry: dict[str, Any]) -> Question | None:
    question_id, text = read_text(entry, "id", 512), read_text(entry, "question", _TEXT_CAP)
    if question_id is None or text is None:
        return None
    header = read_text(entry, "header", _TEXT_CAP)
    options = [
        QuestionOption(label=label, description=read_text(option, "description", _TEXT_CAP))
        for option in read_objects(entry, "options", _OPTIONS_CAP)
        if (label := read_text(option, "label", _TEXT_CAP)) is not None
    ]
    return Question(
        question_id=question_id,
        header=header,
        text=text,
        options=tuple(options),
        free=not options or entry.get("isOther") is True,
        secret=True if entry.get("isSecret") is True else None,
    )


def _properties(schema: object) -> dict[str, dict[str, Any]]:
    return {name: entry for name, entry in read_object(schema, "properties").items() if isinstance(entry, dict)}


def _read_property(name: str, entry: dict[str, Any]) -> Question:
    """A field of a form. What may be chosen is a list of texts or of constants with titles; yes and no are a choice."""
    items = read_object(entry, "items") or entry
    choices = [option for option in items.get("enum") or () if isinstance(option, str)]
    choices += [c for option in read_objects(items, "oneOf", _OPTIONS_CAP) if (c := read_text(option, "const", 512))]
    if entry.get("type") == "boolean":
        choices = ["true", "false"]
    text = read_text(entry, "description", _TEXT_CAP) or read_text(entry, "title", _TEXT_CAP) or name
    return Question(
        question_id=name[:512] or "?",
        header=read_text(entry, "title", _TEXT_CAP),
        text=text,
        options=tuple(QuestionOption(label=choice) for choice in choices[:_OPTIONS_CAP] if choice),
        multiple=True if entry.get("type") == "array" else None,
        free=not choices,
    )


def _write_elicitation(action: str, answers: tuple[Answer, ...] = (), schema: object = None) -> dict[str, object]:
    """The answer to a form; what is no text is read as what the form's schema says that it is."""
    if action != "accept":
        return {"action": action, "content": None, "_meta": None}
    properties = _properties(schema)
    content = {answer.question_id: _fill(properties.get(answer.question_id), answer.values) for answer in answers}
    return {"action": "accept", "content": content, "_meta": None}


def _fill(entry: dict[str, Any] | None, values: tuple[str, ...]) -> object:
    kind = entry.get("type") if entry is not None else None
    if kind == "array":
        return list(values)
    value = values[0] if values else ""
    if kind == "boolean":
        return value.lower() in ("true", "yes")
    if kind in ("integer", "number"):
        try:
            return int(value) if kind == "integer" else float(value)
        except ValueError:
            return value
    return value


def _show(command: str | None) -> str | None:
    return bound_line(command, TITLE_CAP) if command is not None else None


def join(title: str, reason: str | None) -> str:
    """What is asked for, and why."""
    return bound_title(f"{title} ({reason})" if reason else title, TITLE_CAP)


def is_granted(outcome: dict[str, object]) -> bool:
    """Whether Codex was told that it may run or change something."""
    decision = outcome.get("decision")
    if isinstance(decision, dict):
        return "denied" not in decision
    return decision in ("accept", "acceptForSession", "approved", "approved_for_session")
