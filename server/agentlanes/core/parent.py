"""What the agent of a lane may have started: lanes like its own, few of them, that start none themselves.

Nothing that it gets this way may do more than it may. So a lane that it asks for has its permission mode, its rules and
its limits, and whatever the new agent asks is asked of people, not of the one that started it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.wire.models import Lane, LaneCreate

MOST = 10
"""Lanes of one parent that are not closed."""


def inherit(
    draft: Draft, workspace_id: str, parent_lane_id: str, asked: LaneCreate
) -> tuple[LaneCreate, Mapping[str, str]]:
    """What is asked for as the parent may have it, and what the new lane keeps besides. Raises Refusal."""
    parent = draft.lane(parent_lane_id)
    if parent.workspace_id != workspace_id:
        raise _refuse(parent, "workspace", "it is of another workspace; its agent starts lanes in its own only")
    if parent.status == "closed":
        raise _refuse(parent, "closed", "it is closed")
    if parent.parent_lane_id is not None:
        raise _refuse(parent, "depth", "an agent started it; only agents that a person started have lanes started")
    children = [lane for lane in draft.lanes(workspace_id) if lane.parent_lane_id == parent_lane_id]
    if sum(lane.status != "closed" for lane in children) >= MOST:
        raise _refuse(parent, "number", f"it has {MOST} lanes that are not closed; lane.cleanup closes one")
    for name in ("permission_mode", "rules", "constraint"):
        if getattr(asked, name):
            raise _refuse(parent, name, f"the new lane has its {name}; leave that out")
    kept = {"parent_lane_id": parent_lane_id}
    if parent.constraint_id is not None:
        kept["constraint_id"] = parent.constraint_id
    return msgspec.structs.replace(asked, permission_mode=parent.permission_mode, rules=parent.rules), kept


def _refuse(parent: Lane, rule: str, because: str) -> Refusal:
    return Refusal(
        "LANE_MAY_NOT_START",
        f"the agent of lane {parent.lane_id} may not have this lane started: {because}",
        lane_id=parent.lane_id,
        rule=rule,
    )
