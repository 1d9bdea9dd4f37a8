"""What a repo wants done in its lanes, as part of an operation of the lane: files are copied, scripts run in terminals.

The operation chose the terminals, so that one which is driven again finds those that it started.
"""

from __future__ import annotations

from agentlanes.core import script as scripts
from agentlanes.core.errors import Refusal
from agentlanes.core.world import Shell
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.ports.files import CopyError, Files
from agentlanes.wire.models import Lane, Repo, Script, Terminal, TerminalSpawn, Worktree


class Scripts:
    """Copies and runs."""

    def __init__(self, kernel: Kernel, files: Files) -> None:
        self._kernel = kernel
        self._files = files

    async def copy(self, lane: Lane) -> None:
        """Copies the files that fresh worktrees get. Refuses with COPY_FAILED."""
        for worktree in lane.worktrees:
            repo: Repo | None = self._kernel.state.get("repo", worktree.repo_id)
            if repo is None or repo.copy_files is None:
                continue
            try:
                await self._files.copy(repo.path, worktree.path, scripts.list_patterns(repo.copy_files))
            except CopyError as error:
                raise Refusal(
                    "COPY_FAILED",
                    f"{error.path} of {repo.display_name} was not copied into the lane: {error.reason}. repo.update "
                    "changes copy_files, lane.attach tries again",
                    repo_id=repo.repo_id,
                    path=error.path,
                ) from error

    async def set_up(self, lane: Lane) -> None:
        """Runs the setups one after the other, and waits for those that the agents wait for. Refuses with
        SCRIPT_FAILED."""
        for worktree, terminal_id in self._list_chosen(lane, "setup"):
            repo: Repo | None = self._kernel.state.get("repo", worktree.repo_id)
            await self._run(lane, worktree, "setup", terminal_id, waits=not (repo and repo.parallel_setup_script))

    async def clean_up(self, lane: Lane) -> None:
        """Runs the cleanups one after the other. Refuses with SCRIPT_FAILED."""
        for worktree, terminal_id in self._list_chosen(lane, "cleanup"):
            await self._run(lane, worktree, "cleanup", terminal_id, waits=True)

    def has_begun(self, lane: Lane, script: Script) -> bool:
        """Whether the lane's operation started a script before it was driven again."""
        return any(self._find_terminal(terminal_id) is not None for _, terminal_id in self._list_chosen(lane, script))

    def _list_chosen(self, lane: Lane, script: Script) -> list[tuple[Worktree, str]]:
        details = (lane.operation.details if lane.operation is not None else None) or {}
        chosen = details.get(script) or {}
        return [(tree, str(chosen[tree.repo_id])) for tree in lane.worktrees if tree.repo_id in chosen]

    def _find_terminal(self, terminal_id: str) -> Terminal | None:
        found: Terminal | None = self._kernel.state.get("terminal", terminal_id)
        return found

    async def _run(self, lane: Lane, worktree: Worktree, script: Script, terminal_id: str, *, waits: bool) -> None:
        assert lane.operation is not None
        if self._find_terminal(terminal_id) is None:
            try:
                await self._kernel.perform(
                    "terminal.spawn",
                    TerminalSpawn(terminal_id=terminal_id, script=script, repo_id=worktree.repo_id),
                    correlation_id=lane.operation.correlation_id,
                    facts=Shell((), worktree.path, None),
                    lane_id=lane.lane_id,
                )
            except Refusal as refusal:
                if refusal.code != "SCRIPT_MISSING":
                    raise
                # It was taken away from the repo meanwhile.
                return
        if waits:
            await self._kernel.until(lambda _: _is_over(self._find_terminal(terminal_id)))
            _require_success(self._find_terminal(terminal_id), script, terminal_id)


def _is_over(terminal: Terminal | None) -> bool:
    return terminal is None or terminal.state == "closed"


def _require_success(terminal: Terminal | None, script: Script, terminal_id: str) -> None:
    if terminal is None:
        how = "its terminal was deleted while it ran"
    elif terminal.problem is not None:
        how = terminal.problem.message
    elif terminal.signal is not None:
        how = f"it was ended by {terminal.signal}"
    elif terminal.exit_code != 0:
        how = f"it ended with exit code {terminal.exit_code}"
    else:
        return
    cure = "lane.attach runs it again" if script == "setup" else "force removes the lane all the same"
    raise Refusal(
        "SCRIPT_FAILED",
        f"the {script} script failed: {how}. Terminal {terminal_id} shows what it said; {cure}",
        terminal_id=terminal_id,
        script=script,
    )
