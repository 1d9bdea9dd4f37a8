"""Decisions about approvals: the first one wins, and silence rejects."""

from __future__ import annotations

from agentlanes.core import queue
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.wire.models import Approval, ApprovalOption, ApprovalRef, ApprovalResolve, Decision


def resolve(draft: Draft, command: Command[ApprovalResolve]) -> None:
    payload = command.payload
    approval: Approval = draft.recall("approval", payload.approval_id, command.facts)
    if approval.status != "pending":
        by = f" by {approval.decision.actor}" if approval.decision else ""
        raise Refusal(
            "APPROVAL_DECIDED",
            f"approval {approval.approval_id} is {approval.status} already{by}; the first decision counts",
            status=approval.status,
            option_id=approval.decision.option_id if approval.decision else None,
        )
    option = next(
        (o for o in approval.options if payload.option_id in (None, o.option_id) and payload.kind in (None, o.kind)),
        None,
    )
    if option is None or (payload.option_id is None and payload.kind is None):
        raise Refusal(
            "OPTION_NOT_OFFERED",
            "name option_id or kind of one of the options that the agent offered",
            offered=[{"option_id": o.option_id, "kind": o.kind, "label": o.label} for o in approval.options],
        )
    status = "approved" if option.kind.startswith("allow") else "denied"
    _decide(draft, approval, status, option, command.actor, payload.reason)


def expire(draft: Draft, command: Command[ApprovalRef]) -> None:
    approval: Approval = draft.find("approval", command.payload.approval_id)
    if approval.status != "pending":
        raise Refusal("STALE", f"approval {approval.approval_id} is {approval.status}")
    by_kind = {option.kind: option for option in reversed(approval.options)}
    _decide(
        draft,
        approval,
        "expired",
        by_kind.get("reject_once") or by_kind.get("reject_always"),
        command.actor,
        f"nobody decided until {approval.expires_at}",
    )


def _decide(
    draft: Draft, approval: Approval, status: str, option: ApprovalOption | None, actor: str, reason: str | None
) -> None:
    decision = Decision(
        option_id=option.option_id if option else None,
        kind=option.kind if option else None,
        actor=actor,
        reason=reason,
        decided_at=draft.command.at,
    )
    draft.change("approval.resolved", approval, status=status, decision=decision)
    queue.resume_turn(draft, approval.turn_id)
