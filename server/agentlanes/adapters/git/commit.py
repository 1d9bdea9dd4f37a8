"""Commits a lane's working tree to its branch without `git commit`, which would run hooks, filters and gpg."""

from __future__ import annotations

import asyncio

from agentlanes.adapters.git.clone import Clone
from agentlanes.adapters.git.completion import complete
from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.filters import filtered_paths, refuse_filtered
from agentlanes.adapters.git.handover import give_branch, give_index, give_objects
from agentlanes.adapters.git.identity import check_identity
from agentlanes.adapters.git.index_lock import with_index_lock
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.provision import Reached
from agentlanes.adapters.git.revisions import (
    CommitDraft,
    changed_paths,
    encode_message,
    make_commit,
    publish,
    tree_of,
)
from agentlanes.adapters.git.snapshot import Memory, skipped_facts, take_snapshot
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import CommitFacts, CommitPlan, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def commit(worktree: Worktree, plan: CommitPlan, memory: Memory, reached: Reached) -> CommitFacts:
    check_identity(plan.author)
    worktree.require()
    repository = worktree.repository
    head = worktree.require_settled()
    if head != plan.expected_head:
        return await _repeat(worktree, plan, head)
    snapshot = await take_snapshot(worktree, memory)
    unmerged = snapshot.staged.paths("U")
    if unmerged:
        raise GitRefusal(
            RefusalCode.OPERATION_IN_PROGRESS,
            f"{len(unmerged)} files in {text_of(worktree.path)} have conflicts that nobody resolved; "
            "resolve them and `git add` them there",
            {"paths": [text_of_bytes(path) for path in sorted(unmerged)][:1000]},
        )
    if snapshot.head.commit != head:
        raise _stale(worktree, plan, snapshot.head.commit)
    old_tree = await tree_of(repository, head)
    if snapshot.tree == old_tree:
        raise GitRefusal(
            RefusalCode.NOTHING_TO_COMMIT,
            f"{text_of(worktree.path)} holds nothing that {head} does not",
            {"commit": head},
        )
    changed = await changed_paths(repository, old_tree, snapshot.tree)
    filtered = await filtered_paths(repository, worktree.ours(), [p for p, letter in changed.items() if letter != "D"])
    refuse_filtered(filtered, text_of(worktree.path), "commit them there with git itself")
    draft = CommitDraft(snapshot.tree, (head,), plan.message, plan.author, plan.time)
    made = await make_commit(repository, draft)
    async with repository.writing:
        if isinstance(worktree, Clone):
            await give_objects(worktree, made, head)
        else:
            await publish(repository, made, (head,), len(changed))
        reached("published")
        await complete(_move(worktree, plan, head, made, reached))
    return CommitFacts(made, snapshot.tree, head, plan.worktree.branch, skipped_facts(snapshot.skipped))


async def _move(worktree: Worktree, plan: CommitPlan, old: str, new: str, reached: Reached) -> None:
    # The index first: with it done and the branch not moved, the agent sees its changes as staged. The other way round
    # it would see them reverted, and its next commit would take them back.
    await _reset_index(worktree, new)
    if isinstance(worktree, Clone):
        await asyncio.to_thread(give_index, worktree)
    reached("index")
    if isinstance(worktree, Clone):
        title = encode_message(plan.message).split(b"\n", 1)[0]
        await asyncio.to_thread(give_branch, worktree, old, new, title, plan.time)
    else:
        await _move_branch(worktree, plan, old, new)
    reached("branch")


async def _repeat(worktree: Worktree, plan: CommitPlan, head: str) -> CommitFacts:
    """The commit of an earlier attempt with the same plan, if HEAD is at it."""
    repository = worktree.repository
    tree = await tree_of(repository, head)
    draft = CommitDraft(tree, (plan.expected_head,), plan.message, plan.author, plan.time)
    expected = plan.expected_head
    known = await repository.has(repository.ours(), "cat-file", "-e", f"{expected}^{{commit}}")
    if not known or await make_commit(repository, draft) != head:
        raise _stale(worktree, plan, head)
    return CommitFacts(head, tree, expected, plan.worktree.branch, ())


def _stale(worktree: Worktree, plan: CommitPlan, head: str | None) -> GitRefusal:
    return GitRefusal(
        RefusalCode.STALE,
        f"the branch {worktree.branch} is at {head}, not at {plan.expected_head}: someone committed meanwhile; "
        "look at the lane again, then commit",
        {"expected_head": plan.expected_head, "head_commit": head},
    )


async def _reset_index(worktree: Worktree, commit: str) -> None:
    """Makes the agent's index say `commit`, with fresh stat data for its files; other files' data stays."""
    repository, place = worktree.repository, worktree.theirs()
    await with_index_lock(repository, Call(place, ["read-tree", "--reset", commit]))
    refresh = Call(place, ["update-index", "-q", "--refresh"], accept=(0, 1, 128), seconds=WRITE_SECONDS)
    await repository.program.run(refresh)


async def _move_branch(worktree: Worktree, plan: CommitPlan, old: str, new: str) -> None:
    title = encode_message(plan.message).split(b"\n", 1)[0]
    arguments: list[str | bytes] = ["update-ref", "-m", b"commit: " + title, worktree.ref, new, old]
    try:
        await worktree.repository.git(worktree.theirs(), *arguments)
    except GitRefusal:
        at = worktree.branch_commit()
        if at == old:
            raise
        raise _stale(worktree, plan, at) from None
