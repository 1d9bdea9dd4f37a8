"""The rules of a session's queue: which turn runs next, what its end closes, and what the lane is because of it.

The queue is one order, and a turn's position says where in it the turn stands. Priority says where a turn enters: after
the last one that is at least as important. From then on only `turn.move` changes its place, whatever the priorities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentlanes.core import limits, route, settings, steering
from agentlanes.core import usage as usages
from agentlanes.core.draft import Draft, refuse_while_operating
from agentlanes.core.errors import Refusal
from agentlanes.core.moment import read_milliseconds
from agentlanes.wire.models import Lane, Problem, Session, Stop, Turn

USABLE = ("ready", "running", "blocked")
"""States of a lane that has its worktree."""

STEP = 1024
"""Between neighbours, so that most moves change one turn only."""

_ENDS = {"completed": "turn.completed", "failed": "turn.failed", "interrupted": "turn.interrupted"}


def is_over(session: Session) -> bool:
    """Whether the session has ended, or is being ended."""
    return session.status == "terminated" or (session.operation is not None and session.operation.kind == "terminate")


def active(draft: Draft, session_id: str) -> Turn | None:
    """The turn that runs or waits; a session has one at most."""
    return next((turn for turn in draft.turns(session_id) if turn.status in ("running", "waiting")), None)


def waiting(draft: Draft, session_id: str) -> list[Turn]:
    """The queued turns, in the order in which they will run."""
    return sorted((turn for turn in draft.turns(session_id) if turn.status == "queued"), key=find_position)


def find_position(turn: Turn) -> tuple[int, int]:
    """What queued turns are sorted by."""
    return turn.position or 0, -turn.priority


def enter(draft: Draft, session_id: str, priority: int, leaving: str | None = None) -> int:
    """The position of a turn that enters by its priority. `leaving` is itself, where it is in the queue already."""
    queue = [turn for turn in waiting(draft, session_id) if turn.turn_id != leaving]
    behind = [index for index, turn in enumerate(queue, 1) if turn.priority >= priority]
    return make_room(draft, queue, behind[-1] if behind else 0)


def make_room(draft: Draft, queue: Sequence[Turn], index: int) -> int:
    """A position before the turn at this index. The others are numbered anew where there is none between two."""
    before = find_position(queue[index - 1])[0] if index > 0 else None
    after = find_position(queue[index])[0] if index < len(queue) else None
    if before is None or after is None:
        return STEP if before is after else after - STEP if after is not None else (before or 0) + STEP
    if after - before > 1:
        return (before + after) // 2
    for number, turn in enumerate(queue):
        position = (number + (number >= index)) * STEP
        if position != turn.position:
            draft.change("turn.updated", turn, position=position)
    return index * STEP


def start_next(draft: Draft, session: Session) -> None:
    """Starts the first queued turn if the agent is there and idle."""
    if session.status != "attached" or session.operation is not None or active(draft, session.session_id) is not None:
        return
    if not can_start(draft, session):
        return
    for turn in waiting(draft, session.session_id):
        if _must_wait_for_route(draft, session, turn):
            return
        session = draft.session(session.session_id)
        primer = session.primer if turn.action in (None, "prompt") else None
        choice = settings.merge(session.choice, turn.choice)
        if choice != session.choice or primer is not None:
            left = session.primer if primer is None else None
            session = draft.change("session.updated", session, choice=choice, primer=left)
        turn = draft.change(
            "turn.started",
            turn,
            status="running",
            process_id=session.process_id,
            limits=limits.find_in_force(draft, draft.lane(session.lane_id), session, turn),
            primer=primer,
            started_at=draft.command.at,
        )
        try:
            # Nobody knew what the agent offers when it was queued, or the agent is another one by now.
            settings.check_action(session.offer, turn.action)
        except Refusal as refusal:
            end(draft, turn, "failed", refusal.problem())
        else:
            follow_turns(draft, session.lane_id)
            return


def _must_wait_for_route(draft: Draft, session: Session, turn: Turn) -> bool:
    """Whether the agent has to start anew first, because its next turn takes another route than its last one."""
    wanted, _ = route.decide(draft, session)
    if session.route is None:
        return False
    if wanted != session.transport and not route.must_stay(session):
        operation = draft.begin("reroute", apart=True, caller=turn.correlation_id, transport=wanted)
        draft.change("session.detach.started", session, operation=operation)
        return True
    if wanted != session.transport:
        session = route.stay(draft, session, wanted)
    if session.route is not None and not session.route.prompted:
        draft.change("session.updated", session, route=msgspec.structs.replace(session.route, prompted=True))
    return False


def end(draft: Draft, turn: Turn, status: str, problem: Problem | None = None, **changes: Any) -> None:
    """Ends a running turn: what is open in it is closed first."""
    at = draft.command.at
    for item in draft.items(turn.turn_id):
        draft.change("item.completed", item, status="completed" if status == "completed" else "canceled", ended_at=at)
    for approval in draft.approvals(turn.session_id):
        if approval.turn_id != turn.turn_id:
            continue
        if approval.status == "pending":
            draft.change("approval.resolved", approval, status="canceled", answered=True)
        elif approval.process_id is None:
            # No driver tells the agent of it, and the tool that asked is not waited for any more.
            draft.change("approval.answered", approval, answered=True)
    if status != "completed" and turn.interrupt is not None and turn.interrupt.problem is not None:
        # Whatever it was that ended it in the end, this is why.
        status, problem = "interrupted", turn.interrupt.problem
    steers = changes.pop("steers", turn.steers)
    changes["steers"] = tuple(steering.give_up(steer) for steer in steers)
    took = changes.get("usage") or turn.usage
    if took is not None:
        session = draft.session(turn.session_id)
        draft.change("session.updated", session, usage=usages.add(session.usage, took))
    if turn.primer is not None and turn.input_n is None and changes.get("input_n") is None:
        # The agent was never told; the next turn tells it.
        draft.change("session.updated", draft.session(turn.session_id), primer=turn.primer)
        changes["primer"] = None
    draft.change(_ENDS[status], turn, status=status, problem=problem, ended_at=at, **_stop_waiting(turn, at), **changes)
    follow_turns(draft, turn.lane_id)


def wait(draft: Draft, turn: Turn) -> None:
    """Lets a running turn wait for a decision."""
    draft.change("turn.waiting", turn, status="waiting", waiting_since=draft.command.at)
    follow_turns(draft, turn.lane_id)


def _stop_waiting(turn: Turn, at: str) -> dict[str, Any]:
    """What changes when a turn that waits waits no more."""
    if turn.waiting_since is None:
        return {}
    waited = read_milliseconds(at) - read_milliseconds(turn.waiting_since)
    return {"waiting_since": None, "waited_ms": (turn.waited_ms or 0) + max(0, waited)}


def resume_turn(draft: Draft, turn_id: str) -> None:
    """Lets a waiting turn go on when nothing in it is pending any more."""
    turn = draft.get("turn", turn_id)
    if turn is None or turn.status != "waiting":
        return
    if any(a.turn_id == turn_id and a.status == "pending" for a in draft.approvals(turn.session_id)):
        return
    draft.change("turn.resumed", turn, status="running", **_stop_waiting(turn, draft.command.at))
    follow_turns(draft, turn.lane_id)


def can_start(draft: Draft, session: Session) -> bool:
    """Whether something new may start in the session's lane."""
    lane = draft.lane(session.lane_id)
    return lane.status in USABLE and not is_leaving(lane) and find_stop(draft, session) is None


def require_usable(draft: Draft, lane_id: str | None) -> Lane:
    """The lane; refuses one that has no worktree."""
    lane = draft.lane(lane_id)
    if lane.status not in USABLE:
        hint = "wait for lane.created" if lane.status == "provisioning" else "lane.attach brings its worktree back"
        raise Refusal("LANE_NOT_READY", f"lane {lane.name} is {lane.status}; {hint}", status=lane.status)
    if is_leaving(lane):
        refuse_while_operating("lane", lane.lane_id, lane.operation)
    for stop in draft.all("stop"):
        if lane.lane_id in stop.lane_ids:
            refuse_while_operating("stop", stop.stop_id, stop.operation)
    return lane


def is_leaving(lane: Lane) -> bool:
    """Whether the lane is being removed, so that nothing new may start in it."""
    return lane.operation is not None and lane.operation.kind == "cleanup"


def find_stop(draft: Draft, session: Session) -> Stop | None:
    """The emergency stop under way that the session is part of: nothing of it may start until that has ended."""
    return next(
        (
            stop
            for stop in draft.all("stop")
            if session.lane_id in stop.lane_ids
            or (stop.profile == session.profile and stop.workspace_id in (None, session.workspace_id))
        ),
        None,
    )


def refuse_stopped(draft: Draft, session: Session) -> None:
    """Refuses what would start, or wait to start, in a session that an emergency stop is ending: whoever asks for it
    is told so and asks again, and nothing begins by itself when the stop has ended."""
    stop = find_stop(draft, session)
    if stop is not None:
        refuse_while_operating("stop", stop.stop_id, stop.operation)


def follow_turns(draft: Draft, lane_id: str) -> None:
    """Derives the lane's status from its turns: running while one runs, blocked while all that run wait."""
    lane = draft.lane(lane_id)
    if lane.status not in USABLE:
        return
    active = [
        turn.status
        for session in draft.sessions(lane_id)
        for turn in draft.turns(session.session_id)
        if turn.status in ("running", "waiting")
    ]
    status = "ready" if not active else "running" if "running" in active else "blocked"
    if status != lane.status:
        draft.change("lane.state.changed", lane, status=status)
