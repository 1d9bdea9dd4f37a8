"""The agent's questions, and what it is told when they were decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec

from agentlanes.adapters.agents.dialogue.ids import derive_id
from agentlanes.adapters.agents.dialogue.item import OpenItem
from agentlanes.adapters.agents.dialogue.outbox import Outbox
from agentlanes.core.moment import add_time
from agentlanes.wire.models import Answer, Approval, ApprovalAnswered, ApprovalKind, ApprovalOption, Question, Session

PENDING_CAP = 100
"""Questions of one agent that may wait at a time; more than that nobody reads."""

Outcome = Callable[[Approval], dict[str, object]]
"""What the agent is told: what was decided, or, of an approval that is still pending, that nobody will."""


class Questions:
    """Requests for permission that were not answered. The log holds them; here is only what is news."""

    def __init__(self, process_id: str, outbox: Outbox, timeout: timedelta, outcome: Outcome) -> None:
        self._process_id = process_id
        self._outbox = outbox
        self._timeout = timeout
        self._outcome = outcome
        self._asked: list[Approval] = []
        self._answers: list[ApprovalAnswered] = []
        self._answered: set[str] = set()
        """Approvals that were answered, as long as a view may not show it."""
        self._withdrawn: set[str] = set()
        self._pending = 0

    def is_full(self) -> bool:
        """Whether so many questions wait that another one is not asked."""
        return self._pending + len(self._asked) >= PENDING_CAP

    def ask(
        self,
        session: Session,
        request_id: str,
        item: OpenItem,
        options: tuple[ApprovalOption, ...],
        offset: int,
        at: str,
        *,
        kind: ApprovalKind | None = None,
        title: str | None = None,
        questions: tuple[Question, ...] = (),
    ) -> Approval:
        """Make the approval of a request. Its id follows from where the request stands on the tape.

        The title is the tool call's where none is given; so is what is asked, permission, where no kind is.
        """
        tool = item.tool
        title = title or (tool.title if tool is not None and tool.title else "The agent asks for permission")
        approval = Approval(
            approval_id=derive_id("ap", self._process_id, offset),
            workspace_id=session.workspace_id,
            lane_id=session.lane_id,
            session_id=session.session_id,
            turn_id=item.turn_id,
            item_id=item.item_id,
            process_id=self._process_id,
            request_id=request_id,
            status="pending",
            kind=kind,
            title=title,
            questions=questions,
            preview=tool,
            options=options,
            requested_at=at,
            expires_at=add_time(at, self._timeout),
        )
        self._asked.append(approval)
        return approval

    def asked(self) -> tuple[Approval, ...]:
        """What was asked and is yet to be recorded."""
        return tuple(self._asked)

    def withdraw(self, request_id: str) -> None:
        """The agent does not want an answer any more."""
        self._withdrawn.add(request_id)

    def answer(
        self, known: Iterable[Approval], over_turn_id: str | None, secrets: Mapping[str, Sequence[Answer]]
    ) -> bool:
        """Answer what was decided, was withdrawn, or belongs to the turn that was cancelled or has ended.

        The core makes an approval that is answered while it is pending a canceled one. True if anything was answered.
        """
        due = [approval for approval in (*known, *self._asked) if self._is_due(approval, over_turn_id)]
        for approval in due:
            secret = secrets.get(approval.approval_id)
            unlogged = self._outcome(_fill_in(approval, secret)) if secret else None
            n = self._outbox.answer(approval.request_id, self._outcome(approval), unlogged)
            self._answers.append(ApprovalAnswered(approval_id=approval.approval_id, answer_n=n))
            self._answered.add(approval.approval_id)
        return bool(due)

    def collect(self, known: Iterable[Approval]) -> tuple[tuple[Approval, ...], tuple[ApprovalAnswered, ...]]:
        """New approvals and answers since the last call."""
        known = tuple(known)
        asked, answers = tuple(self._asked), tuple(self._answers)
        self._pending = sum(approval.status == "pending" for approval in (*known, *asked))
        self._asked, self._answers = [], []
        self._withdrawn.clear()
        if self._answered:
            self._answered &= {approval.approval_id for approval in (*known, *asked)}
        return asked, answers

    def _is_due(self, approval: Approval, over_turn_id: str | None) -> bool:
        if approval.process_id != self._process_id or approval.answered or approval.answer_n is not None:
            return False
        if approval.approval_id in self._answered:
            return False
        if approval.status != "pending" or approval.request_id in self._withdrawn:
            return True
        return approval.turn_id == over_turn_id


def _fill_in(approval: Approval, secret: Sequence[Answer]) -> Approval:
    """The approval with the answers that its decision does not hold."""
    decision = approval.decision
    assert decision is not None
    return msgspec.structs.replace(
        approval, decision=msgspec.structs.replace(decision, answers=(*decision.answers, *secret))
    )
