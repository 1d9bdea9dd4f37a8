"""Requests for permission, and their answers, in the words of the ACP schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentlanes.adapters.agents.dialogue.frames import bound_title
from agentlanes.wire.models import Approval, ApprovalOption

METHOD = "session/request_permission"
CANCELLED: dict[str, object] = {"outcome": {"outcome": "cancelled"}}
_OPTIONS_CAP = 50
_ID_CAP = 512
_LABEL_CAP = 8192
_KIND_CAP = 64


def read_options(options: object) -> tuple[ApprovalOption, ...]:
    """The options that can be chosen; those without an id or a kind cannot."""
    return tuple(_read_options(options)) if isinstance(options, list) else ()


def _read_options(options: list[Any]) -> Iterator[ApprovalOption]:
    for option in options[:_OPTIONS_CAP]:
        if not isinstance(option, dict):
            continue
        option_id, name, kind = option.get("optionId"), option.get("name"), option.get("kind")
        if type(option_id) is str and 0 < len(option_id) <= _ID_CAP and type(kind) is str and len(kind) <= _KIND_CAP:
            label = name if type(name) is str and name else option_id
            yield ApprovalOption(option_id=option_id, label=bound_title(label, _LABEL_CAP), kind=kind)


def outcome(approval: Approval) -> dict[str, object]:
    """What the agent is told: the option that was chosen, or that nothing was."""
    decision = approval.decision
    if approval.status in ("pending", "canceled") or decision is None or decision.option_id is None:
        return CANCELLED
    return {"outcome": {"outcome": "selected", "optionId": decision.option_id}}
