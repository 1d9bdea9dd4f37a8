"""Decisions about workspaces."""

from __future__ import annotations

from agentlanes.core import grant as grants
from agentlanes.core import lane as lanes
from agentlanes.core import place as places
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft, illegal, refuse_while_operating
from agentlanes.core.errors import Refusal
from agentlanes.core.world import RootPaths
from agentlanes.wire.models import Empty, WorkspaceCreate, WorkspaceUpdate


def create(draft: Draft, command: Command[WorkspaceCreate]) -> None:
    payload = command.payload
    roots = _resolve(command.facts)
    places.make_workspace(draft, payload, roots)


def open(draft: Draft, command: Command[Empty]) -> None:
    workspace = draft.workspace(command.context.workspace_id)
    places.open_workspace(draft, workspace)


def update(draft: Draft, command: Command[WorkspaceUpdate]) -> None:
    workspace = draft.workspace(command.context.workspace_id)
    payload = command.payload
    draft.change(
        "workspace.updated",
        workspace,
        name=payload.name or workspace.name,
        root_paths=_resolve(command.facts) if payload.root_paths else workspace.root_paths,
        metadata=workspace.metadata if payload.metadata is None else payload.metadata,
    )


def close(draft: Draft, command: Command[Empty]) -> None:
    workspace = draft.workspace(command.context.workspace_id)
    if workspace.status == "archived":
        raise illegal("workspace", workspace.workspace_id, "archived", "archived")
    draft.change("workspace.closed", workspace, status="archived")


def delete(draft: Draft, command: Command[Empty]) -> None:
    workspace = draft.workspace(command.context.workspace_id)
    held = draft.lanes(workspace.workspace_id)
    busy = [lane.lane_id for lane in held if lane.status != "closed"]
    if busy:
        raise Refusal(
            "WORKSPACE_NOT_EMPTY",
            f"workspace {workspace.name} has {len(busy)} lanes that are not closed; lane.cleanup closes them",
            lane_ids=busy,
        )
    for switch in draft.switches(workspace.workspace_id):
        refuse_while_operating("renderer", switch.switch_id, switch.operation)
    for lane in held:
        lanes.forget(draft, lane)
    grants.end(draft, draft.grants(workspace.workspace_id))
    for repo in draft.repos(workspace.workspace_id):
        draft.put("repo.removed", repo)
    for constraint in draft.constraints(workspace.workspace_id):
        draft.put("constraint.deleted", constraint)
    draft.put("workspace.deleted", workspace)


def _resolve(seen: RootPaths) -> tuple[str, ...]:
    if seen.refused:
        told = "; ".join(f"{path}: {reason}" for path, reason in seen.refused.items())
        raise Refusal("ROOT_PATH_NOT_FOUND", f"not every root path is a folder: {told}", refused=seen.refused)
    return seen.resolved
