"""Decisions about constraints."""

from __future__ import annotations

from typing import Any

import msgspec

from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.limits import NO_CHOICE
from agentlanes.wire.models import Constraint, ConstraintCreate, ConstraintRef, ConstraintUpdate


def create(draft: Draft, command: Command[ConstraintCreate]) -> None:
    payload = command.payload
    workspace = draft.workspace(command.context.workspace_id)
    _require_free(draft, workspace.workspace_id, payload.name)
    _take_default(draft, workspace.workspace_id, wanted=payload.is_default)
    draft.put(
        "constraint.created",
        Constraint(
            constraint_id=draft.choose_id("constraint", payload.constraint_id),
            workspace_id=workspace.workspace_id,
            name=payload.name,
            description=payload.description or None,
            time_limit_ms=payload.time_limit_ms,
            token_budget=payload.token_budget,
            cost_limit=payload.cost_limit,
            memory_limit_mb=payload.memory_limit_mb,
            cpu_limit_percent=payload.cpu_limit_percent,
            silence_limit_ms=payload.silence_limit_ms,
            is_default=bool(payload.is_default),
            created_at=command.at,
            updated_at=command.at,
        ),
    )


def update(draft: Draft, command: Command[ConstraintUpdate]) -> None:
    payload = command.payload
    constraint: Constraint = draft.find("constraint", payload.constraint_id)
    if payload.name is not None and payload.name != constraint.name:
        _require_free(draft, constraint.workspace_id, payload.name)
    _take_default(draft, constraint.workspace_id, wanted=payload.is_default and not constraint.is_default)
    changes: dict[str, Any] = dict.fromkeys(payload.clear)
    for field, value in msgspec.structs.asdict(payload).items():
        if value is not None and field not in ("constraint_id", "clear"):
            changes[field] = None if value == "" else value
    draft.change("constraint.updated", constraint, **changes)


def delete(draft: Draft, command: Command[ConstraintRef]) -> None:
    constraint: Constraint = draft.find("constraint", command.payload.constraint_id)
    id = constraint.constraint_id
    lanes = draft.lanes(constraint.workspace_id)
    sessions = [session for lane in lanes for session in draft.sessions(lane.lane_id)]
    turns = [turn for session in sessions for turn in draft.turns(session.session_id)]
    using = {
        "lane_ids": [lane.lane_id for lane in lanes if lane.constraint_id == id and lane.status != "closed"],
        "session_ids": [s.session_id for s in sessions if s.constraint_id == id and s.status != "terminated"],
        "turn_ids": [turn.turn_id for turn in turns if turn.constraint_id == id and turn.status == "queued"],
    }
    if any(using.values()):
        raise Refusal(
            "CONSTRAINT_IN_USE",
            f"{sum(map(len, using.values()))} lanes, sessions or queued turns have chosen {constraint.name}; "
            "choose another one for them first",
            **using,
        )
    draft.put("constraint.deleted", constraint)


def _require_free(draft: Draft, workspace_id: str, name: str) -> None:
    if name == NO_CHOICE:
        raise Refusal("CONSTRAINT_EXISTS", f"{NO_CHOICE} stands for whichever constraint is the default", name=name)
    for constraint in draft.constraints(workspace_id):
        if constraint.name == name:
            raise Refusal(
                "CONSTRAINT_EXISTS",
                f"the workspace has a constraint {name} already; constraint.update changes it",
                constraint_id=constraint.constraint_id,
            )


def _take_default(draft: Draft, workspace_id: str, *, wanted: bool | None) -> None:
    """Leaves no default but the one that is about to be."""
    if wanted:
        for constraint in draft.constraints(workspace_id):
            if constraint.is_default:
                draft.change("constraint.updated", constraint, is_default=False)
