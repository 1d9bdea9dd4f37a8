"""Prompts for several sessions at once."""

from __future__ import annotations

from collections.abc import Iterator

from agentlanes.core import queue
from agentlanes.core import turn as turns
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.world import ProfileSeen
from agentlanes.wire.models import Problem, PromptCreate, PromptReceipt, PromptRefusal, Session, Turn


def create(draft: Draft, command: Command[PromptCreate]) -> None:
    """One turn for each target, in one transaction. A target that refuses keeps none of the others from it."""
    payload = command.payload
    profiles: dict[str, ProfileSeen] = command.facts
    taken: list[Turn] = []
    refused: list[PromptRefusal] = []
    for session_id in dict.fromkeys(payload.session_ids or _find_targets(draft, command)):
        try:
            session = draft.session(session_id)
            _check_place(command, session)
            turns.require_open(draft, session)
            turn = turns.enqueue(
                draft,
                session,
                profiles.get(session.profile) or ProfileSeen(session.profile, None, tuple(profiles)),
                apart=True,
                turn_id=draft.choose_id("turn", None),
                prompt=payload.prompt,
                links=payload.links,
                priority=turns.DEFAULT_PRIORITY if payload.priority is None else payload.priority,
            )
        except Refusal as refusal:
            refused.append(PromptRefusal(session_id=session_id, problem=refusal.problem()))
        else:
            taken.append(turn)
    if not taken:
        raise _refuse([each.problem for each in refused])
    draft.answer = PromptReceipt(turns=tuple(taken), refused=tuple(refused))


def _find_targets(draft: Draft, command: Command[PromptCreate]) -> Iterator[str]:
    context = command.context
    if context.session_id is not None:
        yield context.session_id
        return
    if context.lane_id is not None:
        lane_ids = [context.lane_id]
    elif context.workspace_id is not None:
        lane_ids = [lane.lane_id for lane in draft.lanes(context.workspace_id)]
    else:
        raise Refusal("INVALID_PARAMS", "say who is prompted: session_ids, or lane_id or workspace_id of the envelope")
    for lane_id in lane_ids:
        for session in draft.sessions(lane_id):
            if not queue.is_over(session):
                yield session.session_id


def _check_place(command: Command[PromptCreate], session: Session) -> None:
    context = command.context
    for name in ("workspace_id", "lane_id"):
        wanted, found = getattr(context, name), getattr(session, name)
        if wanted not in (None, found):
            raise Refusal(
                "CONTEXT_MISMATCH", f"session {session.session_id} belongs to {name} {found}, not to {wanted}"
            )


def _refuse(problems: list[Problem]) -> Refusal:
    told = "; ".join(dict.fromkeys(problem.message for problem in problems[:5]))
    return Refusal(
        "PROMPT_REFUSED",
        f"no session took the prompt: {told}"
        if problems
        else "there is no session to prompt; session.create makes one",
        refused=[{"code": problem.code, "message": problem.message} for problem in problems],
    )
