"""Repos and worktrees as the git port names them, and what it finds in them in words."""

from __future__ import annotations

import hashlib
import os

from agentlanes.core.facts import AssessmentFacts, RepoAddress, WorktreeAddress
from agentlanes.wire.models import Lane, Repo, Worktree


def address_repo(repo: Repo) -> RepoAddress:
    """The repo as the git port names it."""
    return RepoAddress(repo_id=repo.repo_id, path=repo.path)


def address_worktree(repo: Repo, lane: Lane, worktree: Worktree) -> WorktreeAddress:
    """A lane's worktree as the git port names it."""
    return WorktreeAddress(
        repo=address_repo(repo),
        lane_id=lane.lane_id,
        path=worktree.path,
        branch=worktree.branch,
        mode=lane.mode or "worktree",
    )


def address_new(top_level: str) -> RepoAddress:
    """A repository that is looked at and not added yet: the git port keeps its files under a name of their own."""
    return RepoAddress(
        repo_id=f"new-{hashlib.blake2b(os.fsencode(top_level), digest_size=12).hexdigest()}", path=top_level
    )


def describe_risks(found: AssessmentFacts) -> list[str]:
    """What would be lost, in a few words each."""
    counts: dict[str, int] = {
        "uncommitted": found.uncommitted_total,
        "untracked": found.untracked_total,
        "unreferenced_commits": len(found.unreferenced_commits),
        "references": len(found.references),
        "nested_repository": len(found.nested),
    }
    names = {
        "uncommitted": "changed files",
        "untracked": "untracked files",
        "unreferenced_commits": "commits that no branch of the repository holds",
        "references": f"branches or tags that only the clone has ({', '.join(found.references[:5])})",
        "nested_repository": "nested repositories",
    }
    return [f"{counts[risk]} {names[risk]}" if risk in names else risk.replace("_", " ") for risk in found.risks]
