"""Merges a lane's branch without `git merge`, which would run hooks, merge drivers and gpg.

The result is computed by `merge-tree` in our git directory and published to the user's objects. Then a checkout of the
target, if there is one, is brought along, and last the branch moves, from the very commit that was merged. Where
someone moved it meanwhile, the checkout is put back and the merge refused: a merge with another target is another
merge, which its caller should decide on.
"""

from __future__ import annotations

from msgspec import Struct

from agentlanes.adapters.git.attributes import attribute_folder
from agentlanes.adapters.git.checkout import CheckoutUpdate, find_checkout
from agentlanes.adapters.git.clone import Clone
from agentlanes.adapters.git.completion import complete
from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.identity import check_identity
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.provision import Reached
from agentlanes.adapters.git.references import branch_ref, read_ref
from agentlanes.adapters.git.repository import Repositories, Repository
from agentlanes.adapters.git.revisions import (
    CommitDraft,
    changed_paths,
    is_ancestor,
    make_commit,
    merge_base,
    publish,
    tree_of,
)
from agentlanes.adapters.git.snapshot import Memory, take_snapshot
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import MergeFacts, MergePlan, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_REPEAT_DEPTH = 200
"""First-parent commits of the target that are searched for the merge of an earlier attempt."""


class _Merged(Struct, frozen=True):
    """A merge commit, and what the target was before it."""

    commit: str
    old: str


async def merge(
    repositories: Repositories, worktree: Worktree, plan: MergePlan, memory: Memory, reached: Reached
) -> MergeFacts:
    check_identity(plan.author)
    repository = worktree.repository
    ref = branch_ref(plan.target_branch)
    source = await _source(worktree, memory)
    async with repository.writing:
        target = _commit_at(repository, plan.target_branch)
        earlier = await _find_earlier(repository, plan, source, target)
        if earlier is not None:
            return await _facts(repository, plan, source, earlier, ref)
        if plan.expected_target not in (None, target):
            raise _moved(plan, target)
        merged = _Merged(await _compute(repository, plan, source, target), target)
        if isinstance(worktree, Clone):
            await publish(repository, merged.commit, (target,), None)
        else:
            await publish(repository, merged.commit, (target, source), 0)
        reached("published")
        # Once the checkout moves, the branch has to follow: a cancellation waits until both have.
        await complete(_move(repositories, repository, plan, ref, merged, reached))
        return await _facts(repository, plan, source, merged, ref)


async def _source(worktree: Worktree, memory: Memory) -> str:
    """The lane's commit, where everything in the lane is committed."""
    repository = worktree.repository
    presence = worktree.presence()
    if presence == "foreign":
        raise worktree.foreign()
    if presence == "missing":
        return _commit_at(repository, worktree.branch)
    worktree.require()
    head = worktree.require_settled()
    snapshot = await take_snapshot(worktree, memory)
    tree = await tree_of(repository, head)
    if snapshot.tree != tree:
        paths = sorted(await changed_paths(repository, tree, snapshot.tree))
        raise GitRefusal(
            RefusalCode.UNCOMMITTED_WORK,
            f"{len(paths)} files in {text_of(worktree.path)} are not committed ({text_of_bytes(paths[0])}, ...); "
            "commit the lane, then merge it",
            {"paths": [text_of_bytes(path) for path in paths[:1000]], "paths_total": len(paths)},
        )
    return head


def _commit_at(repository: Repository, branch: str) -> str:
    commit = read_ref(repository.common_dir, branch_ref(branch))
    if commit is None:
        raise GitRefusal(
            RefusalCode.BRANCH_NOT_FOUND,
            f"{text_of(repository.top_level)} has no branch {branch}; create it, or choose another one",
            {"branch": branch},
        )
    return commit


def _moved(plan: MergePlan, commit: str | None) -> GitRefusal:
    return GitRefusal(
        RefusalCode.TARGET_MOVED,
        f"{plan.target_branch} is at {commit} by now, so nothing was merged; look at the lane's diff again, then merge",
        {"branch": plan.target_branch, "commit": commit, "expected_target": plan.expected_target},
    )


def _draft(plan: MergePlan, tree: str, source: str, target: str) -> CommitDraft:
    parents = (target,) if plan.squash else (target, source)
    return CommitDraft(tree, parents, plan.message, plan.author, plan.time)


async def _find_earlier(repository: Repository, plan: MergePlan, source: str, target: str) -> _Merged | None:
    """The merge that this very plan made before, if the target holds it: equal drafts have equal ids."""
    arguments = ["rev-list", "--first-parent", f"--max-count={_REPEAT_DEPTH}", "--no-commit-header"]
    arguments += ["--format=%H %ct %T %P", target, f"^{source}"]
    for line in (await repository.git(repository.ours(), *arguments)).decode().splitlines():
        commit, time, tree, *parents = line.split(" ")
        if int(time) != plan.time or len(parents) != (1 if plan.squash else 2):
            continue
        if plan.expected_target not in (None, parents[0]) or parents[1:] not in ([], [source]):
            continue
        if await make_commit(repository, _draft(plan, tree, source, parents[0])) != commit:
            continue
        if not plan.squash or (await _merge_trees(repository, source, parents[0])) == (tree, []):
            return _Merged(commit, parents[0])
    return None


async def _compute(repository: Repository, plan: MergePlan, source: str, target: str) -> str:
    if await is_ancestor(repository, source, target):
        raise _nothing_to_merge(plan, source, target)
    if await merge_base(repository, source, target) is None:
        raise GitRefusal(
            RefusalCode.MERGE_CONFLICT,
            f"{plan.worktree.branch} and {plan.target_branch} share no history; rebase the one onto the other first",
            {"paths": []},
        )
    tree, conflicts = await _merge_trees(repository, source, target)
    if conflicts:
        names = ", ".join(str(conflict["path"]) for conflict in conflicts[:3])
        raise GitRefusal(
            RefusalCode.MERGE_CONFLICT,
            f"{plan.worktree.branch} and {plan.target_branch} both changed {len(conflicts)} files ({names}); "
            f"merge {plan.target_branch} into the lane, resolve there, commit, then merge again",
            {"paths": conflicts[:1000], "paths_total": len(conflicts)},
        )
    if plan.squash and tree == await tree_of(repository, target):
        raise _nothing_to_merge(plan, source, target)
    return await make_commit(repository, _draft(plan, tree, source, target))


def _nothing_to_merge(plan: MergePlan, source: str, target: str) -> GitRefusal:
    return GitRefusal(
        RefusalCode.ALREADY_MERGED,
        f"{plan.target_branch} already contains everything of {plan.worktree.branch}",
        {"source_commit": source, "commit": target},
    )


async def _merge_trees(repository: Repository, source: str, target: str) -> tuple[str, list[dict[str, object]]]:
    """The merged tree, and the paths in conflict with the stages that each has."""
    async with attribute_folder(repository, target) as folder:
        arguments = ["merge-tree", "--write-tree", "-z", target, source]
        place = repository.ours(work_tree=folder)
        outcome = await repository.program.run(Call(place, arguments, accept=(0, 1), seconds=WRITE_SECONDS))
    tree, _, rest = outcome.out.partition(b"\0")
    if outcome.code == 0:
        return tree.decode(), []
    stages: dict[bytes, list[int]] = {}
    fields = iter(rest.split(b"\0"))
    for record in fields:
        if not record:
            break
        head, path = record.split(b"\t", 1)
        stages.setdefault(path, []).append(int(head.rsplit(b" ", 1)[1]))
    for count in fields:
        # Some conflicts, such as between renamed folders, leave no stages, only a message.
        if not count:
            break
        paths = [next(fields) for _ in range(int(count))]
        kind, _ = next(fields), next(fields)
        if kind.startswith(b"CONFLICT"):
            for path in paths:
                stages.setdefault(path, [])
    return tree.decode(), [{"path": text_of_bytes(path), "stages": found} for path, found in sorted(stages.items())]


async def _move(
    repositories: Repositories, repository: Repository, plan: MergePlan, ref: bytes, merged: _Merged, reached: Reached
) -> None:
    checkout = find_checkout(repository, ref)
    update = None
    if checkout is not None and checkout.work_tree is not None:
        sparse = await repositories.read_sparse(repository, checkout.git_dir)
        update = CheckoutUpdate(repository, checkout.git_dir, checkout.work_tree, merged.old, merged.commit, sparse)
        await update.apply()
        reached("checkout")
    place = repository.theirs(None if checkout is None else checkout.git_dir)
    arguments: list[str | bytes] = [
        "update-ref",
        "-m",
        f"merge {plan.worktree.branch}: agentlanes",
        ref,
        merged.commit,
        merged.old,
    ]
    try:
        await repository.git(place, *arguments)
    except GitRefusal:
        at = read_ref(repository.common_dir, ref)
        if update is not None:
            await update.roll_back()
        if at == merged.old:
            raise
        raise _moved(plan, at) from None
    reached("branch")


async def _facts(repository: Repository, plan: MergePlan, source: str, merged: _Merged, ref: bytes) -> MergeFacts:
    checkout = next((found for found in repository.checkouts() if found.head.ref == ref), None)
    paths = sorted(await changed_paths(repository, merged.old, merged.commit))
    return MergeFacts(
        commit=merged.commit,
        target_branch=plan.target_branch,
        previous_target=merged.old,
        source_commit=source,
        fast_forward_possible=await is_ancestor(repository, merged.old, source),
        files=tuple(text_of_bytes(path) for path in paths),
        updated_worktree=None if checkout is None or checkout.work_tree is None else text_of(checkout.work_tree),
    )
