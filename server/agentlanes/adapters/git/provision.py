"""Makes a lane's worktree without `git worktree add`, which would run a hook and smudge filters.

The steps, in this order, so that a repeat finds how far an earlier attempt came: the pin ref and the branch; the
directory with its `.git` file; the worktree's git directory in the user's repository; the files, through our index;
a copy of that index for the agent's git. The copy exists exactly when the worktree is complete.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from agentlanes.adapters.git.clone import Clone
from agentlanes.adapters.git.completion import complete
from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.folders import remove_folder
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.plain_files import make_private_folders, read_plain
from agentlanes.adapters.git.references import read_ref
from agentlanes.adapters.git.repository import Repository
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import WorktreeFacts, WorktreePlan, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

Reached = Callable[[str], None]
"""Called at each point where a crash would leave something half done; tests make it raise there."""


async def provision(worktree: Worktree, plan: WorktreePlan, reached: Reached) -> WorktreeFacts:
    if worktree.presence() == "ok" and (worktree.admin / "index").is_file():
        return worktree.facts()
    existed = worktree.path.is_dir()
    check_path(worktree)
    await check_base(worktree, plan.base_commit)
    claimed = False
    try:
        async with worktree.repository.writing:
            start = await claim_branch(worktree, plan)
            claimed = True
            reached("branch")
            _link(worktree, reached)
        reached("linked")
        await check_out(worktree, start)
        reached("checked out")
        await asyncio.to_thread(_hand_over_index, worktree)
        reached("index")
    except (GitRefusal, OSError, asyncio.CancelledError):
        if claimed:
            await complete(_undo(worktree, plan, existed=existed))
        raise
    return worktree.facts()


def check_path(worktree: Worktree) -> None:
    """Refuses a path that holds anything, besides what an attempt that was cut left there."""
    where = text_of(worktree.path)
    if worktree.removal_mark.exists():
        raise GitRefusal(
            RefusalCode.PATH_IN_USE,
            f"the removal of the worktree that was at {where} did not come to its end; repeat it first",
            {"path": where},
        )
    if os.path.lexists(worktree.path):
        if worktree.path.is_symlink() or not worktree.path.is_dir():
            raise GitRefusal(RefusalCode.PATH_IN_USE, f"{where} exists and is no folder", {"path": where})
        if not _is_free(worktree):
            raise GitRefusal(
                RefusalCode.PATH_IN_USE,
                f"{where} is not empty and was not made for this lane; choose another path or empty it",
                {"path": where},
            )
    elif os.path.lexists(worktree.admin):
        raise GitRefusal(
            RefusalCode.PATH_IN_USE,
            f"{where} is gone, but {text_of(worktree.admin)} still knows it; remove the worktree, then provision it",
            {"path": text_of(worktree.admin)},
        )


def _is_free(worktree: Worktree) -> bool:
    if isinstance(worktree, Clone):
        return not any(worktree.path.iterdir())
    if worktree.is_linked(worktree.path):
        return True
    names = [entry.name for entry in worktree.path.iterdir()]
    # An attempt that was cut may have written the beginning of the `.git` file.
    written = read_plain(worktree.path / ".git") if names == [".git"] else None
    return not names or (written is not None and worktree.link.startswith(written))


async def check_base(worktree: Worktree, base: str) -> None:
    """Refuses a base that is no commit of the user's repository."""
    repository = worktree.repository
    well_formed = len(base) == len(repository.null_id) and not base.strip("0123456789abcdef")
    if not well_formed or not await repository.has(repository.theirs(), "cat-file", "-e", f"{base}^{{commit}}"):
        raise GitRefusal(
            RefusalCode.COMMIT_NOT_FOUND,
            f"{text_of(repository.top_level)} has no commit {base}; fetch it there, or choose another base",
            {"commit": base},
        )


async def claim_branch(worktree: Worktree, plan: WorktreePlan) -> str:
    """Makes the pin and the branch; returns the commit to check out."""
    repository = worktree.repository
    pin, at = worktree.base_commit(), worktree.kept_commit()
    if plan.adopt_branch:
        if at is None:
            raise GitRefusal(
                RefusalCode.BRANCH_NOT_FOUND,
                f"there is no branch {worktree.branch} to check out again",
                {"branch": worktree.branch},
            )
        require_not_checked_out(worktree)
    elif at is not None and not (pin == plan.base_commit and (at == pin or worktree.admin.is_dir())):
        raise _branch_exists(worktree, worktree.branch, at)
    changes = b""
    if pin is None or (pin != plan.base_commit and not plan.adopt_branch):
        old = (pin or repository.null_id).encode()
        changes += b"update %s\0%s\0%s\0" % (worktree.pin, plan.base_commit.encode(), old)
    if at is None:
        changes += b"create %s\0%s\0" % (worktree.ref, plan.base_commit.encode())
    if changes:
        arguments = ["update-ref", "-m", f"agentlanes: lane {worktree.lane_id}", "--stdin", "-z"]
        try:
            await repository.git(repository.theirs(), *arguments, stdin=changes)
        except GitRefusal:
            await _explain_conflict(worktree)
            raise
    return at or plan.base_commit


async def _explain_conflict(worktree: Worktree) -> None:
    """Says which branch is in the way, where that is why the branch could not be made."""
    common_dir = worktree.repository.common_dir
    at = worktree.kept_commit()
    if at is not None:
        raise _branch_exists(worktree, worktree.branch, at)
    parts = worktree.ref.split(b"/")
    for end in range(3, len(parts)):
        at = read_ref(common_dir, b"/".join(parts[:end]))
        if at is not None:
            raise _branch_exists(worktree, text_of_bytes(b"/".join(parts[2:end])), at)
    below = await worktree.repository.git(
        worktree.repository.theirs(), "for-each-ref", "--count=1", "--format=%(objectname) %(refname)", worktree.ref
    )
    if below:
        commit, ref = below.rstrip(b"\n").split(b" ", 1)
        raise _branch_exists(worktree, text_of_bytes(ref.removeprefix(b"refs/heads/")), commit.decode())


def _branch_exists(worktree: Worktree, other: str, commit: str) -> GitRefusal:
    why = "exists already" if other == worktree.branch else f"cannot be made beside the branch {other}"
    return GitRefusal(
        RefusalCode.BRANCH_EXISTS,
        f"the branch {worktree.branch} {why}, and lane {worktree.lane_id} did not make it; choose another name",
        {"branch": worktree.branch, "existing": other, "commit": commit},
    )


def require_not_checked_out(worktree: Worktree) -> None:
    """Refuses where another worktree works on the lane's branch."""
    for checkout in worktree.repository.checkouts():
        if checkout.git_dir != worktree.admin and (checkout.head.ref == worktree.ref or worktree.ref in checkout.held):
            where = text_of(checkout.work_tree or checkout.git_dir)
            raise GitRefusal(
                RefusalCode.BRANCH_CHECKED_OUT,
                f"the branch {worktree.branch} is checked out at {where}; switch to another one there",
                {"branch": worktree.branch, "worktree": where},
            )


def _link(worktree: Worktree, reached: Reached) -> None:
    make_private_folders(worktree.path)
    if not worktree.is_linked(worktree.path):
        (worktree.path / ".git").write_bytes(worktree.link)
    reached("directory")
    if not worktree.admin.is_dir():
        # Not in `worktrees` while incomplete: `git worktree prune` of the user would take it away.
        made = worktree.repository.common_dir / f"agentlanes-{worktree.lane_id}.tmp"
        remove_folder(made)
        made.mkdir()
        (made / "HEAD").write_bytes(b"ref: " + worktree.ref + b"\n")
        (made / "commondir").write_bytes(b"../..\n")
        (made / "gitdir").write_bytes(os.fsencode(worktree.path / ".git") + b"\n")
        worktree.admin.parent.mkdir(exist_ok=True)
        made.rename(worktree.admin)


async def check_out(worktree: Worktree, commit: str, folder: Path | None = None) -> None:
    """Writes the files of a commit to `folder`, by default where the worktree belongs, and our index beside it."""
    worktree.prepare()
    (worktree.private / "index").unlink(missing_ok=True)
    worktree.set_private_head(commit)
    # Whatever files an attempt that was cut left behind are overwritten.
    call = Call(worktree.ours(folder), ["read-tree", "--reset", "-u", commit], seconds=WRITE_SECONDS)
    try:
        await worktree.repository.program.run(call)
    except GitRefusal as refusal:
        cure = f"files of {commit}, and we never fetch; checking that commit out there once brings them"
        raise explain_lack(worktree.repository, refusal, cure) from refusal


def explain_lack(repository: Repository, refusal: GitRefusal, lacks: str) -> GitRefusal:
    """The refusal as it is for a repository that never fetched everything."""
    if not repository.preferences.partial_clone or refusal.code != RefusalCode.GIT_FAILED:
        return refusal
    where = text_of(repository.top_level)
    return GitRefusal(
        RefusalCode.REPO_UNREADABLE,
        f"{where} is a partial clone that lacks {lacks}",
        {"path": where, **refusal.details},
    )


def _hand_over_index(worktree: Worktree) -> None:
    own, copy = worktree.private / "index", worktree.admin / "index.agentlanes"
    shutil.copyfile(own, copy)
    # The same time as ours: git tells by it which files may have changed unseen right after they were read.
    status = own.stat()
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    copy.rename(worktree.admin / "index")


async def give_up_branch(worktree: Worktree, plan: WorktreePlan) -> None:
    """Takes back what `claim_branch` did."""
    repository = worktree.repository
    changes = b"delete %s\0\0" % worktree.pin
    if not plan.adopt_branch:
        changes += b"delete %s\0%s\0" % (worktree.ref, plan.base_commit.encode())
    async with repository.writing:
        await repository.git(repository.theirs(), "update-ref", "--stdin", "-z", stdin=changes)


async def _undo(worktree: Worktree, plan: WorktreePlan, *, existed: bool) -> None:
    if worktree.is_linked(worktree.path):
        await asyncio.to_thread(remove_folder, worktree.path)
        if existed:
            worktree.path.mkdir(mode=0o700)
    await asyncio.to_thread(remove_folder, worktree.admin)
    await asyncio.to_thread(remove_folder, worktree.private)
    await give_up_branch(worktree, plan)
