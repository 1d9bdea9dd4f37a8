"""Decisions of people that count for later approvals, and when they end."""

from __future__ import annotations

from collections.abc import Iterable

from agentlanes.core import policy
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.wire.models import Approval, ApprovalScope, Grant, GrantRef, RuleEffect

PATHS_CAP = 20


def revoke(draft: Draft, command: Command[GrantRef]) -> None:
    draft.put("grant.revoked", draft.find("grant", command.payload.grant_id))


def add(draft: Draft, approval: Approval, scope: ApprovalScope, effect: RuleEffect, reason: str | None) -> None:
    """Lets a decision count in its scope from now on. Refuses what could mean more than was asked."""
    asked = policy.read_asked(approval)
    if approval.kind in ("plan", "question"):
        raise Refusal("SCOPE_REFUSED", f"a {approval.kind} is decided each time it comes; scope once works")
    outside = next((touch.path for touch in asked.touches if touch.inside is None), None)
    if effect == "allow" and outside is not None:
        raise Refusal(
            "SCOPE_REFUSED",
            f"{outside} lies outside of the lane, or belongs to git: that can be allowed once only",
            path=outside,
        )
    rules = policy.derive_rules(asked, effect)
    if len(rules) > PATHS_CAP:
        raise Refusal("SCOPE_REFUSED", f"it is about {len(rules)} files; lane.update sets a rule for so many")
    known = [(grant.scope, grant.rule) for grant in in_scope(draft, approval)]
    for rule in rules:
        if (scope, rule) in known:
            continue
        grant = Grant(
            grant_id=draft.command.minter.mint("grant"),
            workspace_id=approval.workspace_id,
            lane_id=approval.lane_id if scope in ("lane", "session") else None,
            session_id=approval.session_id if scope == "session" else None,
            scope=scope,
            rule=rule,
            approval_id=approval.approval_id,
            actor=draft.command.actor,
            reason=reason,
            created_at=draft.command.at,
        )
        draft.put("grant.created", grant)


def in_scope(draft: Draft, approval: Approval) -> list[Grant]:
    """The grants that count for an approval."""
    return [
        grant
        for grant in draft.grants(approval.workspace_id)
        if grant.lane_id in (None, approval.lane_id) and grant.session_id in (None, approval.session_id)
    ]


def end(draft: Draft, grants: Iterable[Grant]) -> None:
    """What they counted for is over."""
    for grant in list(grants):
        draft.put("grant.revoked", grant)
