"""Puts what is in a clone into the user's repository: the lane's branch, with the commits that it needs.

Only objects travel, by way of a pack that is made from what was taken in and is checked as strictly as git can while
it is written. The branch moves from where we last put it, or forward; where somebody else moved it, it stays.
"""

from __future__ import annotations

from pathlib import Path

from agentlanes.adapters.git.clone import Clone
from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.plain_files import read_value, write_atomically
from agentlanes.adapters.git.revisions import is_ancestor, publish
from agentlanes.core.facts import text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def can_offer(clone: Clone) -> bool:
    """Whether the branch may move to where it is in the clone."""
    tip, kept = clone.branch_commit(), clone.kept_commit()
    if tip is None or tip == kept or kept is None:
        return True
    repository = clone.repository
    if any(checkout.head.ref == clone.ref or clone.ref in checkout.held for checkout in repository.checkouts()):
        return False
    if _read_commit(clone.refused) == tip:
        return False
    known = await repository.has(repository.ours(), "cat-file", "-e", f"{tip}^{{commit}}")
    return known and (_read_commit(clone.offered) == kept or await is_ancestor(repository, kept, tip))


async def offer_branch(clone: Clone) -> None:
    """Brings the branch of the user's repository to where it is in the clone, if it may move there.

    Errors: STALE (somebody moved it meanwhile, or git found the clone's objects malformed: then the branch counts from
    now on as what only the clone holds).
    """
    repository = clone.repository
    async with repository.writing:
        tip, kept = clone.branch_commit(), clone.kept_commit()
        if tip is None or tip == kept or not await can_offer(clone):
            return
        base = clone.base_commit()
        known = tuple(commit for commit in {kept, base} if commit is not None)
        try:
            await publish(repository, tip, known, None)
        except GitRefusal as refusal:
            if refusal.code is not RefusalCode.GIT_FAILED:
                raise
            write_atomically(clone.refused, f"{tip}\n".encode())
            raise GitRefusal(
                RefusalCode.STALE,
                f"the branch {clone.branch} cannot be put in {text_of(repository.top_level)}, since {refusal.message}; "
                "look at the lane again: it is what only the clone holds",
                refusal.details,
            ) from refusal
        arguments = (
            "update-ref",
            "-m",
            f"agentlanes: lane {clone.lane_id}",
            clone.ref,
            tip,
            kept or repository.null_id,
        )
        try:
            await repository.git(repository.theirs(), *arguments)
        except GitRefusal as refusal:
            if clone.kept_commit() == kept:
                raise
            raise GitRefusal(
                RefusalCode.STALE,
                f"the branch {text_of_bytes(clone.ref)} of {text_of(repository.top_level)} was moved; look again",
                {"branch": clone.branch, "commit": clone.kept_commit()},
            ) from refusal
        write_atomically(clone.offered, f"{tip}\n".encode())


def _read_commit(path: Path) -> str:
    return (read_value(path) or b"").decode("ascii", "replace")
