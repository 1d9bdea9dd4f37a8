"""What a repo wants done in its lanes: its scripts, and the files that a fresh lane gets."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.wire.models import Lane, Repo, Script, Worktree

SHELL = "/bin/sh"


def find_text(repo: Repo, script: Script) -> str | None:
    """The script as its repo has it; None where it has none."""
    text: str | None = getattr(repo, f"{script}_script")
    return text


def find_worktree(lane: Lane, repo_id: str | None) -> Worktree:
    """The lane's worktree of a repo, or its first; refuses one that the lane does not have."""
    for worktree in lane.worktrees:
        if repo_id in (None, worktree.repo_id):
            return worktree
    raise Refusal("REPO_NOT_FOUND", f"lane {lane.name} has no worktree of repo {repo_id}", repo_id=repo_id)


def require_command(draft: Draft, lane: Lane, worktree: Worktree, script: Script) -> tuple[str, ...]:
    """What runs the script in the lane. Refuses with SCRIPT_MISSING, or with SCRIPT_RUNS while it runs there."""
    repo = draft.repo(worktree.repo_id)
    text = find_text(repo, script)
    if text is None:
        raise Refusal(
            "SCRIPT_MISSING",
            f"{repo.display_name} has no {script}_script; repo.update sets it",
            repo_id=repo.repo_id,
        )
    for terminal in draft.terminals(lane.lane_id):
        if terminal.run_reason == script and terminal.cwd == worktree.path and terminal.state != "closed":
            raise Refusal(
                "SCRIPT_RUNS",
                f"the {script} script of {repo.display_name} runs in terminal {terminal.terminal_id} of lane "
                f"{lane.name}; terminal.close ends it",
                terminal_id=terminal.terminal_id,
            )
    return (SHELL, "-c", text)


def choose_terminals(draft: Draft, repos: list[Repo], script: Script) -> dict[str, str] | None:
    """Ids of the terminals in which an operation runs a script, by repo; None where no repo has it."""
    chosen = {repo.repo_id: draft.choose_id("terminal", None) for repo in repos if find_text(repo, script) is not None}
    return chosen or None


def list_patterns(copy_files: str | None) -> tuple[str, ...]:
    """The globs of a repo's copy_files. Refuses one that leads out of the repo or into git's folder."""
    patterns = tuple(pattern for part in re.split(r"[,\n]", copy_files or "") if (pattern := part.strip()))
    for pattern in patterns:
        path = PurePosixPath(pattern)
        if path.is_absolute() or ".." in path.parts or path.parts[:1] in ((), (".git",)):
            raise Refusal(
                "COPY_OUTSIDE",
                f"{pattern!r} is no path inside of the repo; copy_files takes globs from its top folder, as .env or "
                "config/*.local",
                pattern=pattern,
            )
    return patterns
