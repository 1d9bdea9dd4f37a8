"""Where work is started: the workspace and the repo that a path or an id means, found or made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from agentlanes.core.command import Command, Context
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.facts import RepoFacts
from agentlanes.core.text import write_line
from agentlanes.core.world import Ground
from agentlanes.wire.models import LaneStart, Repo, RepoAdd, Workspace, WorkspaceCreate

All = Callable[[str], Iterable[Any]]
"""Every entity of a noun: of a state, or of a draft."""


def make_workspace(draft: Draft, payload: WorkspaceCreate, roots: tuple[str, ...]) -> Workspace:
    """A new workspace of resolved root paths."""
    at = draft.command.at
    workspace = Workspace(
        workspace_id=draft.choose_id("workspace", payload.workspace_id),
        name=payload.name or write_line(PurePosixPath(roots[0]).name) or "/",
        root_paths=roots,
        active_renderer_mode=payload.active_renderer_mode or "mode_a",
        status="active",
        metadata=payload.metadata,
        created_at=at,
        updated_at=at,
        last_accessed_at=at,
    )
    draft.put("workspace.created", workspace)
    return workspace


def open_workspace(draft: Draft, workspace: Workspace) -> Workspace:
    """The workspace, active and touched."""
    opened: Workspace = draft.change("workspace.opened", workspace, status="active", last_accessed_at=draft.command.at)
    return opened


def make_repo(draft: Draft, workspace: Workspace, payload: RepoAdd, facts: RepoFacts) -> Repo:
    """A repo that the workspace does not have yet."""
    at = draft.command.at
    name = write_line(facts.top_level.rstrip("/").rsplit("/", 1)[-1]) or "/"
    repo = Repo(
        repo_id=draft.choose_id("repo", payload.repo_id),
        workspace_id=workspace.workspace_id,
        path=facts.top_level,
        name=name,
        display_name=payload.display_name or name,
        default_target_branch=payload.default_target_branch or facts.head_branch,
        default_working_dir=payload.default_working_dir or None,
        lane_mode=payload.lane_mode,
        has_submodules=facts.has_submodules or None,
        created_at=at,
        updated_at=at,
    )
    draft.put("repo.added", repo)
    return repo


def choose_repo(repos: list[Repo], repo_id: str | None) -> Repo:
    """The repo that was named, or the only one there is."""
    for repo in repos:
        if repo.repo_id == repo_id or (repo_id is None and len(repos) == 1):
            return repo
    if repo_id is not None:
        raise Refusal("REPO_NOT_FOUND", f"the workspace has no repo {repo_id}", repo_id=repo_id)
    raise Refusal(
        "REPO_REQUIRED",
        "the workspace has no repo; repo.add adds one"
        if not repos
        else f"the workspace has {len(repos)} repos; repo_id must say which",
        repo_ids=[repo.repo_id for repo in repos],
    )


def find_repo(all: All, context: Context, payload: LaneStart, ground: Ground) -> Repo | None:
    """The repo that is meant; None where it has to be added. Refuses what means none."""
    workspaces: dict[str, Workspace] = {found.workspace_id: found for found in all("workspace")}
    wanted = context.workspace_id
    if wanted is not None and wanted not in workspaces:
        raise Refusal("WORKSPACE_NOT_FOUND", f"there is no workspace {wanted}", workspace_id=wanted)
    repos: list[Repo] = [repo for repo in all("repo") if wanted in (None, repo.workspace_id)]
    if payload.repo_id is not None:
        if not any(repo.repo_id == payload.repo_id for repo in repos):
            raise Refusal("REPO_NOT_FOUND", f"there is no repo {payload.repo_id}", repo_id=payload.repo_id)
        return choose_repo(repos, payload.repo_id)
    if payload.path is None:
        if wanted is None:
            raise Refusal("REPO_REQUIRED", "say where to work: path or repo_id, or workspace_id in the envelope")
        return choose_repo(repos, None)
    if ground.refusal is not None:
        raise ground.refusal
    known = [repo for repo in repos if repo.path == ground.top_level]

    def rank(repo: Repo) -> tuple[bool, bool, str]:
        workspace = workspaces[repo.workspace_id]
        return repo.repo_id == ground.repo_id, workspace.status == "active", workspace.last_accessed_at

    return max(known, key=rank, default=None)


def settle(draft: Draft, command: Command[LaneStart], ground: Ground) -> tuple[Workspace, Repo]:
    """The workspace and the repo, made or opened where they have to be."""
    repo = find_repo(draft.all, command.context, command.payload, ground)
    if repo is not None:
        workspace = draft.workspace(repo.workspace_id)
        return workspace if workspace.status == "active" else open_workspace(draft, workspace), repo
    assert ground.facts is not None
    found = _find_workspace(draft, command.context.workspace_id, ground)
    if found is None:
        found = make_workspace(draft, WorkspaceCreate(root_paths=(ground.root,)), (ground.root,))
    elif found.status != "active":
        found = open_workspace(draft, found)
    return found, make_repo(draft, found, RepoAdd(path=ground.facts.top_level), ground.facts)


def _find_workspace(draft: Draft, workspace_id: str | None, ground: Ground) -> Workspace | None:
    """The workspace that was named, or the innermost that holds the root."""
    if workspace_id is not None:
        return draft.workspace(workspace_id)
    holding = [
        (workspace.status == "active", len(root), workspace.last_accessed_at, workspace.workspace_id)
        for workspace in draft.all("workspace")
        for root in workspace.root_paths
        if holds(root, ground.root)
    ]
    return draft.workspace(max(holding)[-1]) if holding else None


def holds(folder: str, path: str) -> bool:
    """Whether an absolute path is the folder or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)
