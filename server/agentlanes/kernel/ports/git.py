"""The git port: everything that the server ever does with git.

Its law: no code that an agent or a repository wrote runs, whatever their config, attributes and hooks say. So there is
no fetch and no push, no hook, filter, external diff, textconv or merge driver. Files with a `filter` attribute (Git
LFS) are checked out as the repository stores them.

Where it says worktree, a lane's clone (`WorktreeAddress.mode`) is meant as well: a repository of its own in that place.
No git of ours runs in it; what it holds is taken in as data. Its branch stands in the user's repository too, and is
brought along by `commit`, `merge` and `remove`, so what holds of a branch there holds in both modes.

Every method raises `GitRefusal` and nothing else (besides cancellation). Methods of one repository that write run one
after the other; reads run in parallel. Methods of one worktree run one after the other. A method that was cancelled or
killed may be repeated with the same arguments: it finishes the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from agentlanes.core.facts import (
    AssessmentFacts,
    BranchFacts,
    CommitFacts,
    CommitPlan,
    DiffFacts,
    DiffOptions,
    MergeFacts,
    MergePlan,
    RemovalFacts,
    RepoAddress,
    RepoFacts,
    RescueFacts,
    SnapshotFacts,
    WorktreeAddress,
    WorktreeFacts,
    WorktreePlan,
)


class RefusalCode(StrEnum):
    """Why git, or our rules about it, refused."""

    ALREADY_MERGED = "ALREADY_MERGED"
    BRANCH_CHECKED_OUT = "BRANCH_CHECKED_OUT"
    BRANCH_EXISTS = "BRANCH_EXISTS"
    BRANCH_NOT_FOUND = "BRANCH_NOT_FOUND"
    BRANCH_NOT_MERGED = "BRANCH_NOT_MERGED"
    COMMIT_NOT_FOUND = "COMMIT_NOT_FOUND"
    FILTER_REQUIRED = "FILTER_REQUIRED"
    """Files would have to pass through a filter program of the user (such as Git LFS), which we never run."""
    GIT_FAILED = "GIT_FAILED"
    """`details` carry `command`, `exit_code` and the tail of `stderr`."""
    GIT_MISSING = "GIT_MISSING"
    GIT_TIMEOUT = "GIT_TIMEOUT"
    GIT_TOO_OLD = "GIT_TOO_OLD"
    HEAD_NOT_ON_BRANCH = "HEAD_NOT_ON_BRANCH"
    """The worktree's HEAD is detached or on another branch than the lane's."""
    INDEX_LOCKED = "INDEX_LOCKED"
    """Another git process works in that worktree, or one died there. `details` carry the lock's `path`."""
    INVALID_BRANCH_NAME = "INVALID_BRANCH_NAME"
    INVALID_IDENTITY = "INVALID_IDENTITY"
    MERGE_CONFLICT = "MERGE_CONFLICT"
    NOTHING_TO_COMMIT = "NOTHING_TO_COMMIT"
    NOT_A_REPOSITORY = "NOT_A_REPOSITORY"
    OPERATION_IN_PROGRESS = "OPERATION_IN_PROGRESS"
    """A rebase, merge, cherry-pick, revert, bisect or am waits to be finished or aborted."""
    PATH_IN_USE = "PATH_IN_USE"
    PATH_IS_SYMLINK_LOOP = "PATH_IS_SYMLINK_LOOP"
    PATH_NOT_ABSOLUTE = "PATH_NOT_ABSOLUTE"
    PATH_NOT_FOUND = "PATH_NOT_FOUND"
    REPO_HAS_NO_COMMIT = "REPO_HAS_NO_COMMIT"
    REPO_IS_BARE = "REPO_IS_BARE"
    REPO_UNREADABLE = "REPO_UNREADABLE"
    STALE = "STALE"
    STORAGE_FAILED = "STORAGE_FAILED"
    """The disk is full, or a file may not be written. `details` carry `path` and `errno`."""
    TARGET_CHECKED_OUT_DIRTY = "TARGET_CHECKED_OUT_DIRTY"
    TARGET_MOVED = "TARGET_MOVED"
    UNCOMMITTED_WORK = "UNCOMMITTED_WORK"
    WORKTREE_FOREIGN = "WORKTREE_FOREIGN"
    """What is at the worktree's path is not what we made there: `.git` is gone or points elsewhere."""
    WORKTREE_LOCKED = "WORKTREE_LOCKED"
    WORKTREE_MISSING = "WORKTREE_MISSING"
    WORK_WOULD_BE_LOST = "WORK_WOULD_BE_LOST"


RETRYABLE = frozenset({RefusalCode.GIT_TIMEOUT, RefusalCode.INDEX_LOCKED, RefusalCode.STALE, RefusalCode.TARGET_MOVED})


class GitRefusal(Exception):  # noqa: N818 - it refuses; most of these are no error of anyone
    """A git method did nothing, or undid what it had begun.

    `message` says what was refused, because of what, and what would work. `details` is plain JSON data for programs.
    """

    def __init__(self, code: RefusalCode, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(code, message, details)
        self.code = code
        self.message = message
        self.details: Mapping[str, object] = details or {}

    @property
    def retryable(self) -> bool:
        return self.code in RETRYABLE

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Git(Protocol):
    """Git as the kernel knows it. See the module for what holds for every method."""

    async def inspect(self, path: str) -> RepoFacts:
        """The repository that contains the absolute `path`; a linked worktree leads to its main repository.

        Errors: GIT_MISSING, GIT_TOO_OLD, PATH_NOT_ABSOLUTE, PATH_NOT_FOUND, PATH_IS_SYMLINK_LOOP, NOT_A_REPOSITORY,
        REPO_IS_BARE, REPO_HAS_NO_COMMIT, REPO_UNREADABLE (not permitted, another user's, or a format we do not know).
        """
        ...

    async def resolve(self, repo: RepoAddress, name: str) -> str | None:
        """The commit that a branch, tag, remote branch, full ref or commit id names. No `~`, `^` or `@{}`."""
        ...

    async def list_branches(self, repo: RepoAddress) -> tuple[BranchFacts, ...]:
        """The local branches, by name."""
        ...

    async def provision(self, plan: WorktreePlan) -> WorktreeFacts:
        """Make the lane's branch at the base commit and check it out at the worktree's path.

        The lane's own `git` works there at once. Missing parent directories are made, for this user only. A ref of ours
        (`refs/agentlanes/base/<lane id>`) keeps the base commit until `remove`. Where it fails it undoes its part.

        Errors: BRANCH_EXISTS (made by someone else, or `a` stands in the way of `a/b`), INVALID_BRANCH_NAME,
        COMMIT_NOT_FOUND, PATH_IN_USE (not empty and not ours), PATH_NOT_ABSOLUTE, REPO_UNREADABLE; for a branch to be
        adopted BRANCH_NOT_FOUND, BRANCH_CHECKED_OUT.
        """
        ...

    async def inspect_worktree(self, worktree: WorktreeAddress) -> WorktreeFacts:
        """What is at the worktree's path. Reads a few small files; a worktree that is gone is a fact, not an error."""
        ...

    async def snapshot(self, worktree: WorktreeAddress) -> SnapshotFacts:
        """Everything in the working tree that git does not ignore, as a tree; the agent's index is not touched.

        `.gitignore`, the repository's `info/exclude` and the user's own excludes count. The tree's objects are ours and
        last while the lane does. Errors: WORKTREE_MISSING, WORKTREE_FOREIGN.
        """
        ...

    async def diff(
        self, worktree: WorktreeAddress, target: str | None, options: DiffOptions | None = None
    ) -> DiffFacts:
        """The lane's work against `target` (as `resolve` takes it); None means the commit that the lane started at.

        Errors: COMMIT_NOT_FOUND, WORKTREE_MISSING, WORKTREE_FOREIGN.
        """
        ...

    async def commit(self, plan: CommitPlan) -> CommitFacts:
        """Commit everything in the worktree to the lane's branch; the agent's own `git status` is clean after it.

        Errors: NOTHING_TO_COMMIT, STALE (HEAD is not `expected_head`), HEAD_NOT_ON_BRANCH, OPERATION_IN_PROGRESS,
        INDEX_LOCKED (another git works there), FILTER_REQUIRED, INVALID_IDENTITY, WORKTREE_MISSING, WORKTREE_FOREIGN.
        """
        ...

    async def merge(self, plan: MergePlan) -> MergeFacts:
        """Merge the lane's branch into the target branch with a merge commit, or one squashed commit.

        The target moves by compare-and-swap: whoever moved it first wins and this refuses at once. A checkout of the
        target branch is brought along when it has no change of its own and no file in the way.

        Errors: ALREADY_MERGED, MERGE_CONFLICT (details `paths`: [{path, stages}]), TARGET_MOVED (details `commit`),
        TARGET_CHECKED_OUT_DIRTY (details `worktree`, `paths`), UNCOMMITTED_WORK, HEAD_NOT_ON_BRANCH,
        OPERATION_IN_PROGRESS, FILTER_REQUIRED (a checkout would need the user's filter), INDEX_LOCKED,
        BRANCH_NOT_FOUND, INVALID_IDENTITY, WORKTREE_FOREIGN.
        """
        ...

    async def assess(self, worktree: WorktreeAddress, target_branch: str | None = None) -> AssessmentFacts:
        """What removing the worktree would lose.

        Where the worktree is missing or foreign, that is what its git directory alone knows (of a clone, what was taken
        in before); what is at its path stays. Of a clone everything counts that the user's refs and logs do not reach:
        other branches, tags, stashes, what only logs or nothing at all names; and all of it where objects are missing.
        Where the whole repository is gone, nobody can say what is work (`repository_missing`).
        """
        ...

    async def rescue(self, worktree: WorktreeAddress, message: str, time: int) -> RescueFacts:
        """Save everything that `assess` calls a risk, in a repository of ours that does not need the worktree.

        What a commit can hold becomes a commit at `refs/rescue/<lane id>/<time>`. What it cannot hold (nested
        repositories, forbidden names, unreadable files, anything without its repository) is saved by moving the
        worktree's directory into our data directory, so no process of the lane may run any more. The worktree
        otherwise stays as it is. The same `time` means the same rescue.

        Errors: WORKTREE_LOCKED (it would have to be moved).
        """
        ...

    async def list_rescues(self, repo: RepoAddress) -> tuple[RescueFacts, ...]:
        """What was ever rescued from lanes of this repo, oldest first."""
        ...

    async def remove(
        self,
        worktree: WorktreeAddress,
        expected_fingerprint: str,
        *,
        delete_branch: bool = False,
        target_branch: str | None = None,
    ) -> RemovalFacts:
        """Remove the worktree, its git directory and our ref, after looking again that nothing is lost.

        `expected_fingerprint` comes from `assess` or `rescue`. Work at risk must have been rescued with that very
        fingerprint. The branch stays, unless it is to be deleted and `target_branch` contains it.

        Errors: STALE (something changed; nothing was removed), WORK_WOULD_BE_LOST (details `risks`), WORKTREE_LOCKED,
        PATH_IN_USE (two copies of it), BRANCH_NOT_MERGED, BRANCH_CHECKED_OUT (elsewhere).
        """
        ...
