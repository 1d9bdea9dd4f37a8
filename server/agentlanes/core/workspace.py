"""Decisions about workspaces."""

from __future__ import annotations

from pathlib import PurePosixPath

from agentlanes.core import grant as grants
from agentlanes.core import lane as lanes
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft, illegal
from agentlanes.core.errors import Refusal
from agentlanes.core.text import write_line
from agentlanes.core.world import RootPaths
from agentlanes.wire.models import Empty, Workspace, WorkspaceCreate, WorkspaceUpdate


def create(draft: Draft, command: Command[WorkspaceCreate]) -> None:
    payload = command.payload
    roots = _resolve(command.facts)
    draft.put(
        "workspace.created",
        Workspace(
            workspace_id=draft.choose_id("workspace", payload.workspace_id),
            name=payload.name or write_line(PurePosixPath(roots[0]).name) or "/",
            root_paths=roots,
            active_renderer_mode=payload.active_renderer_mode or "mode_a",
            status="active",
            metadata=payload.metadata,
            created_at=command.at,
            updated_at=command.at,
            last_accessed_at=command.at,
        ),
    )


def open(draft: Draft, command: Command[Empty]) -> None:
    workspace = draft.workspace(command.context.workspace_id)
    draft.change("workspace.opened", workspace, status="active", last_accessed_at=command.at)


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
