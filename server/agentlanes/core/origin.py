"""Decisions about what a new session goes on from: another session's conversation, one begun outside, or a handover."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from agentlanes.core import queue
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.world import OriginSeen
from agentlanes.wire.models import Lane, Offer, Session, SessionOrigin, Turn

HANDOVER_HINT = "origin {kind: handover} tells a new agent what was done"


def begin(draft: Draft, session: Session, lane: Lane, origin: SessionOrigin, seen: OriginSeen) -> Session:
    """The new session with what it goes on from; refuses what the agent cannot do."""
    if origin.kind == "adopt":
        return _adopt(draft, session, origin)
    source = _find_source(draft, lane, origin)
    if origin.kind == "fork":
        return msgspec.structs.replace(session, origin=_fork(draft, session, source, origin, seen))
    if seen.primer is None:
        raise Refusal(
            "ORIGIN_REFUSED",
            f"session {source.session_id} was never prompted, so there is nothing to hand over; make a fresh session",
            session_id=source.session_id,
        )
    kept = SessionOrigin(kind=origin.kind, session_id=source.session_id)
    return msgspec.structs.replace(session, origin=kept, primer=seen.primer)


def _adopt(draft: Draft, session: Session, origin: SessionOrigin) -> Session:
    if origin.agent_session_id is None:
        raise _incomplete(origin, "agent_session_id")
    _require_free(draft, session.driver, origin.agent_session_id)
    # Listed from the start: it was prompted, only not here. Attaching resumes it by its id or fails.
    return msgspec.structs.replace(
        session,
        origin=SessionOrigin(kind=origin.kind, agent_session_id=origin.agent_session_id),
        agent_session_id=origin.agent_session_id,
        codex_session_id=origin.agent_session_id if session.driver == "codex" else None,
        listed=True,
    )


def _require_free(draft: Draft, driver: str, agent_session_id: str) -> None:
    """Two processes that go on with one conversation would each lose what the other said."""
    for other in draft.all_sessions():
        if (other.driver, other.agent_session_id) == (driver, agent_session_id) and not queue.is_over(other):
            raise Refusal(
                "CONVERSATION_IN_USE",
                f"session {other.session_id} has the conversation {agent_session_id} already; use that one, or fork it",
                session_id=other.session_id,
            )


def _find_source(draft: Draft, lane: Lane, origin: SessionOrigin) -> Session:
    if origin.session_id is None:
        raise _incomplete(origin, "session_id")
    source = draft.session(origin.session_id)
    if source.workspace_id != lane.workspace_id:
        raise Refusal(
            "ORIGIN_REFUSED",
            f"session {source.session_id} belongs to another workspace; a session goes on inside its own",
            session_id=source.session_id,
        )
    return source


def _fork(draft: Draft, session: Session, source: Session, origin: SessionOrigin, seen: OriginSeen) -> SessionOrigin:
    if session.profile != source.profile:
        raise Refusal(
            "ORIGIN_REFUSED",
            f"only {source.profile} knows the conversation, so {session.profile} cannot fork it; {HANDOVER_HINT}",
            profile=source.profile,
        )
    if source.agent_session_id is None or not source.listed:
        raise Refusal(
            "ORIGIN_REFUSED",
            f"session {source.session_id} has no conversation to fork; make a fresh session",
            session_id=source.session_id,
        )
    last = _choose_turn(draft, source, origin, seen)
    offer = source.offer
    at_turn = offer is not None and offer.fork_at_turn is True and last is not None and last.agent_turn_id is not None
    if not at_turn:
        _require_end(draft, source, origin, seen)
    return SessionOrigin(
        kind=origin.kind,
        session_id=source.session_id,
        turn_id=last.turn_id if last is not None else None,
        agent_session_id=source.agent_session_id,
        agent_turn_id=last.agent_turn_id if at_turn and last is not None else None,
    )


def _choose_turn(draft: Draft, source: Session, origin: SessionOrigin, seen: OriginSeen) -> Turn | None:
    """The last turn that the fork keeps."""
    if origin.turn_id is None:
        return seen.newest
    turn = draft.get("turn", origin.turn_id) or seen.turn
    if turn is None:
        raise Refusal("TURN_NOT_FOUND", f"there is no turn {origin.turn_id}", turn_id=origin.turn_id)
    if turn.session_id != source.session_id:
        raise Refusal(
            "ORIGIN_REFUSED",
            f"turn {turn.turn_id} is of session {turn.session_id}; name that session, or a turn of this one",
            session_id=turn.session_id,
        )
    if not is_kept(turn):
        state = "was taken back" if turn.dropped else f"is {turn.status}"
        raise Refusal(
            "ORIGIN_REFUSED",
            f"turn {turn.turn_id} {state}; a fork keeps turns that ran and ended",
            turn_id=turn.turn_id,
            status=turn.status,
        )
    return turn


def is_kept(turn: Turn) -> bool:
    """Whether the turn ran, ended, and is part of the conversation."""
    return turn.status in ("completed", "failed", "interrupted") and turn.started_at is not None and not turn.dropped


def _require_end(draft: Draft, source: Session, origin: SessionOrigin, seen: OriginSeen) -> None:
    """Refuses what an agent that forks only the end of its conversation cannot do."""
    if source.offer is None or not (source.offer.fork or source.offer.fork_at_turn):
        known = "has not said that it can" if source.offer is None else "cannot"
        raise Refusal(
            "FORK_NOT_OFFERED",
            f"the agent of session {source.session_id} {known} fork a conversation; {HANDOVER_HINT}",
            session_id=source.session_id,
        )
    if origin.turn_id is not None and (seen.newest is None or seen.newest.turn_id != origin.turn_id):
        raise Refusal(
            "FORK_NOT_OFFERED",
            f"the agent of session {source.session_id} forks only the end of its conversation, not turn "
            f"{origin.turn_id}; leave turn_id out, or {HANDOVER_HINT}",
            newest=seen.newest.turn_id if seen.newest is not None else None,
        )
    active = queue.active(draft, source.session_id)
    if active is not None:
        raise Refusal(
            "SESSION_BUSY",
            f"turn {active.turn_id} runs, and its agent forks only the end of its conversation; wait for the turn or "
            "interrupt it",
            turn_id=active.turn_id,
        )
    if not source.offer.fork:
        raise Refusal(
            "FORK_NOT_OFFERED",
            f"the agent forks only at a turn that it has named, and session {source.session_id} has none; "
            f"{HANDOVER_HINT}",
            session_id=source.session_id,
        )


def complete_offer(offer: Offer | None) -> Offer | None:
    """What an agent offers, with what follows from it: one that forks at a turn can go back to one."""
    if offer is None or not offer.fork_at_turn or offer.rewind is not None:
        return offer
    return msgspec.structs.replace(offer, rewind=True)


class Back(Struct, frozen=True):
    """Where a session goes back to."""

    dropped: tuple[Turn, ...]
    origin: SessionOrigin | None
    """What its agent forks; None where it starts anew, because nothing is left before it."""
    primer: str | None
    """What was handed over, if the turn that told it is taken back."""


def go_back(draft: Draft, session: Session, turn_id: str, turns: Sequence[Turn]) -> Back:
    """What is taken back with a turn; refuses where the agent cannot go on from before it."""
    active = queue.active(draft, session.session_id)
    if active is not None:
        raise Refusal(
            "SESSION_BUSY",
            f"turn {active.turn_id} runs; interrupt it, then rewind",
            turn_id=active.turn_id,
        )
    kept = [turn for turn in turns if is_kept(turn)]
    first = next((number for number, turn in enumerate(kept) if turn.turn_id == turn_id), None)
    if first is None:
        raise Refusal(
            "TURN_NOT_FOUND",
            f"session {session.session_id} has no turn {turn_id} that ran and was not taken back",
            turn_id=turn_id,
        )
    dropped = tuple(kept[first:])
    primer = next((turn.primer for turn in dropped if turn.primer is not None), None)
    before = session.origin
    if first == 0 and (before is None or before.kind == "handover" or before.agent_turn_id is not None):
        # Nothing of this session is left: it begins again as it began.
        return Back(dropped, before, primer)
    last = kept[first - 1] if first > 0 else None
    offers = session.offer is not None and session.offer.fork_at_turn is True
    if last is None or last.agent_turn_id is None or session.agent_session_id is None or not offers:
        why = "the agent has no name for the turn before it" if offers else "it does not say that it forks at a turn"
        raise Refusal(
            "REWIND_NOT_OFFERED",
            f"the agent of session {session.session_id} cannot go back before turn {turn_id}: {why}. session.create "
            "with origin {kind: fork} goes on from the end where it can, and {kind: handover} tells a new agent what "
            "was done",
            turn_id=turn_id,
            instead=["fork", "handover"] if session.offer is not None and session.offer.fork else ["handover"],
        )
    conversation = session.agent_session_id
    newer = {turn.turn_id for turn in kept[first - 1 :]}
    if before is not None and before.session_id == session.session_id and before.turn_id in newer:
        # It was rewound before: what is older than that has its names in the conversation of then.
        conversation = before.agent_session_id or conversation
    origin = SessionOrigin(
        kind="fork",
        session_id=session.session_id,
        turn_id=last.turn_id,
        agent_session_id=conversation,
        agent_turn_id=last.agent_turn_id,
    )
    return Back(dropped, origin, primer)


def _incomplete(origin: SessionOrigin, field: str) -> Refusal:
    return Refusal(
        "ORIGIN_INCOMPLETE", f"an origin of kind {origin.kind} needs {field}", kind=origin.kind, missing=[field]
    )
