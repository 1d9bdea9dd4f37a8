"""Decisions about approvals: the policy's where it is certain, else the first one of a person; and silence rejects."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from agentlanes.core import grant as grants
from agentlanes.core import policy, queue
from agentlanes.core.answers import check_answers
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.moment import add_time
from agentlanes.core.world import PathsSeen
from agentlanes.wire.models import (
    Answer,
    Approval,
    ApprovalAnswered,
    ApprovalOption,
    ApprovalRef,
    ApprovalRequest,
    ApprovalResolve,
    ApprovalState,
    Decision,
    ToolCall,
)

APPROVAL_TIMEOUT = timedelta(hours=10)
MOST = 20
"""Questions about tools of ours that may wait in a turn."""
OPTIONS = (
    ApprovalOption(option_id="allow", label="Allow", kind="allow_once"),
    ApprovalOption(option_id="reject", label="Reject", kind="reject_once"),
)
"""How a question about a tool of ours is decided."""


def request(draft: Draft, command: Command[ApprovalRequest]) -> None:
    """Asks about a tool of ours. What was asked before in this turn is not asked again, and a decision is told once."""
    payload = command.payload
    session = draft.session(command.context.session_id)
    turn = queue.active(draft, session.session_id)
    if turn is None:
        raise Refusal(
            "TURN_NOT_RUNNING",
            f"the agent of session {session.session_id} works on nothing, so that nobody waits for what it wants; "
            "turn.create gives it a turn",
            session_id=session.session_id,
        )
    tool = ToolCall(
        tool_call_id=payload.tool,
        title=payload.tool,
        tool_kind="other",
        status="pending",
        raw_input=dict(payload.arguments),
    )
    ours = [a for a in draft.approvals(session.session_id) if a.process_id is None and a.turn_id == turn.turn_id]
    approval = next((a for a in ours if (a.title, a.preview) == (payload.title, tool)), None)
    if approval is None:
        if len(ours) >= MOST:
            raise Refusal("TOO_MANY_APPROVALS", f"{MOST} of the turn's questions wait already; decide one of them")
        approval = Approval(
            approval_id=command.minter.mint("approval"),
            workspace_id=session.workspace_id,
            lane_id=session.lane_id,
            session_id=session.session_id,
            turn_id=turn.turn_id,
            request_id=payload.tool,
            status="pending",
            title=payload.title,
            preview=tool,
            options=OPTIONS,
            requested_at=command.at,
            expires_at=add_time(command.at, APPROVAL_TIMEOUT),
        )
        ask(draft, approval)
        approval = draft.find("approval", approval.approval_id)
    if approval.status != "pending":
        approval = draft.change("approval.answered", approval, answered=True)
    draft.answer = ApprovalState(approval=approval)


def ask(draft: Draft, approval: Approval) -> None:
    """Records what an agent asks. The policy decides at once what it can."""
    if draft.get("approval", approval.approval_id) is not None:
        return
    seen = draft.command.facts
    real, roots = (seen.real, seen.roots) if isinstance(seen, PathsSeen) else ({}, ())
    approval = msgspec.structs.replace(approval, touches=policy.look(approval.preview, real, roots))
    draft.put("approval.requested", approval)
    turn = queue.active(draft, approval.session_id)
    if turn is None or turn.turn_id != approval.turn_id:
        # Nobody can decide for a turn that is over. The agent is told, and then it is answered.
        draft.change("approval.resolved", approval, status="canceled")
    elif not apply_policy(draft, approval) and turn.status == "running":
        queue.wait(draft, turn)


def apply_policy(draft: Draft, approval: Approval) -> bool:
    """Decides a pending approval as the policy says. False where a person has to."""
    lane = draft.lane(approval.lane_id)
    verdict = policy.judge(approval, lane.permission_mode, lane.rules, grants.in_scope(draft, approval))
    if verdict.effect == "ask":
        return False
    allows = verdict.effect == "allow"
    option = _find_kind(approval, "allow_once") if allows else _find_rejecting(approval)
    if allows and option is None:
        # An agent that offers to remember only is not told to remember by a rule.
        return False
    told: dict[str, Any] = {"reason": verdict.reason, "grant_id": verdict.grant_id}
    _decide(draft, approval, "approved" if allows else "denied", option, policy.ACTOR, **told)
    return True


def note_answer(draft: Draft, session_id: str, answered: ApprovalAnswered) -> None:
    """Records that the agent was told."""
    for approval in draft.approvals(session_id):
        if approval.approval_id == answered.approval_id:
            if approval.status == "pending":
                draft.change(
                    "approval.resolved", approval, status="canceled", answered=True, answer_n=answered.answer_n
                )
                queue.resume_turn(draft, approval.turn_id)
            else:
                draft.change("approval.answered", approval, answered=True, answer_n=answered.answer_n)


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
    if payload.answers:
        _answer(draft, approval, payload)
        return
    option = next(
        (o for o in approval.options if payload.option_id in (None, o.option_id) and payload.kind in (None, o.kind)),
        None,
    )
    declines = approval.questions and payload.option_id is None and payload.kind in ("reject_once", "reject_always")
    if option is None and declines:
        # A question can be left without an answer, whether or not its agent offers that.
        _decide(draft, approval, "denied", None, command.actor, reason=payload.reason, kind=payload.kind)
        return
    if option is None or (payload.option_id is None and payload.kind is None):
        raise Refusal(
            "OPTION_NOT_OFFERED",
            "name option_id or kind of one of the options that the agent offered"
            + (", or answers to its questions" if approval.questions else ""),
            offered=[{"option_id": o.option_id, "kind": o.kind, "label": o.label} for o in approval.options],
        )
    if approval.questions and option.kind.startswith("allow"):
        check_answers(approval, ())
    _choose(draft, approval, option, payload)


def _choose(draft: Draft, approval: Approval, option: ApprovalOption, payload: ApprovalResolve) -> None:
    allows = option.kind.startswith("allow")
    scope = payload.scope or "once"
    if scope != "once":
        grants.add(draft, approval, scope, "allow" if allows else "deny", payload.reason)
        # The agent is told once, so that what is decided for more than that stays with us, where it can be revoked.
        option = _find_kind(approval, "allow_once" if allows else "reject_once") or option
    status = "approved" if allows else "denied"
    _decide(draft, approval, status, option, draft.command.actor, reason=payload.reason, scope=payload.scope)
    if scope != "once":
        _apply_to_pending(draft, approval.workspace_id)


def _apply_to_pending(draft: Draft, workspace_id: str) -> None:
    """What waits already, and is now decided as well."""
    for lane in draft.lanes(workspace_id):
        for session in draft.sessions(lane.lane_id):
            for other in draft.approvals(session.session_id):
                if other.status == "pending":
                    apply_policy(draft, other)


def _answer(draft: Draft, approval: Approval, payload: ApprovalResolve) -> None:
    answers = check_answers(approval, payload.answers)
    if payload.scope not in (None, "once"):
        raise Refusal("SCOPE_REFUSED", "an answer counts for its question only; scope once works")
    is_secret = {question.question_id for question in approval.questions if question.secret}
    secret = tuple(answer for answer in answers if answer.question_id in is_secret)
    if secret:
        draft.unlogged[approval.approval_id] = secret
    shown = tuple(answer for answer in answers if answer.question_id not in is_secret)
    option = next((option for option in approval.options if option.kind.startswith("allow")), None)
    told: dict[str, Any] = {"reason": payload.reason, "answers": shown}
    _decide(draft, approval, "approved", option, draft.command.actor, **told)


def expire(draft: Draft, command: Command[ApprovalRef]) -> None:
    approval: Approval = draft.find("approval", command.payload.approval_id)
    if approval.status != "pending":
        raise Refusal("STALE", f"approval {approval.approval_id} is {approval.status}")
    reason = f"nobody decided until {approval.expires_at}"
    _decide(draft, approval, "expired", _find_rejecting(approval), command.actor, reason=reason)


def _find_kind(approval: Approval, kind: str) -> ApprovalOption | None:
    return next((option for option in approval.options if option.kind == kind), None)


def _find_rejecting(approval: Approval) -> ApprovalOption | None:
    return _find_kind(approval, "reject_once") or _find_kind(approval, "reject_always")


def _decide(
    draft: Draft,
    approval: Approval,
    status: str,
    option: ApprovalOption | None,
    actor: str,
    *,
    answers: tuple[Answer, ...] = (),
    **told: Any,
) -> None:
    told.setdefault("kind", option.kind if option else None)
    decision = Decision(
        option_id=option.option_id if option else None,
        answers=answers,
        actor=actor,
        decided_at=draft.command.at,
        **told,
    )
    draft.change("approval.resolved", approval, status=status, decision=decision)
    queue.resume_turn(draft, approval.turn_id)
