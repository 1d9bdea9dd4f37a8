"""Decisions about repos."""

from __future__ import annotations

import msgspec

from agentlanes.core import place as places
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.facts import RepoFacts
from agentlanes.core.script import list_patterns
from agentlanes.wire.models import Repo, RepoAdd, RepoRef, RepoUpdate


def add(draft: Draft, command: Command[RepoAdd]) -> None:
    payload = command.payload
    workspace = draft.workspace(command.context.workspace_id)
    facts: RepoFacts | Refusal = command.facts
    if isinstance(facts, Refusal):
        raise facts
    for repo in draft.repos(workspace.workspace_id):
        if repo.path == facts.top_level:
            raise Refusal("REPO_EXISTS", f"the workspace has {repo.path} already", repo_id=repo.repo_id)
    places.make_repo(draft, workspace, payload, facts)


def update(draft: Draft, command: Command[RepoUpdate]) -> None:
    repo = _find(draft, command.context.workspace_id, command.payload.repo_id)
    list_patterns(command.payload.copy_files)
    given = {
        field: value
        for field, value in msgspec.structs.asdict(command.payload).items()
        if value is not None and field != "repo_id"
    }
    draft.change("repo.updated", repo, **{field: None if value == "" else value for field, value in given.items()})


def remove(draft: Draft, command: Command[RepoRef]) -> None:
    repo = _find(draft, command.context.workspace_id, command.payload.repo_id)
    using = [
        lane.lane_id
        for lane in draft.lanes(repo.workspace_id)
        if lane.status != "closed" and any(tree.repo_id == repo.repo_id for tree in lane.worktrees)
    ]
    if using:
        raise Refusal(
            "REPO_IN_USE",
            f"{len(using)} lanes that are not closed use {repo.display_name}; lane.cleanup closes them",
            lane_ids=using,
        )
    draft.put("repo.removed", repo)


def _find(draft: Draft, workspace_id: str | None, repo_id: str) -> Repo:
    repo = draft.repo(repo_id)
    if repo.workspace_id != workspace_id:
        raise Refusal(
            "CONTEXT_MISMATCH",
            f"repo {repo_id} belongs to workspace {repo.workspace_id}, not to {workspace_id}",
            workspace_id=repo.workspace_id,
        )
    return repo
