"""What only a clone holds: commits and refs that the user's repository does not keep.

In a clone every branch, tag, stash and log goes with it. So a commit counts that any of them names, and also one that
nothing names any more; what the user's refs or their logs reach does not. The lane's own branch is put in the user's
repository when the clone goes, so what it reaches is kept as well, unless somebody else moved it there.
"""

from __future__ import annotations

from msgspec import Struct

from agentlanes.adapters.git.clone import Clone
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call, Place
from agentlanes.adapters.git.loose_commits import named_ids
from agentlanes.adapters.git.offer import can_offer
from agentlanes.adapters.git.references import PINS
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_NOT_KEPT = ("--not", f"--exclude={PINS.decode()}*", "--glob=refs/*", "--reflog")


class Own(Struct, frozen=True):
    """What the user's repository does not keep. Where `whole` is False, nobody can say."""

    tips: tuple[str, ...] = ()
    """Commits that no other one of them descends from."""
    refs: tuple[tuple[bytes, str], ...] = ()
    """Names that lead to such a commit, or to something that is no commit and has no name elsewhere."""
    whole: bool = True


async def find_own(clone: Clone) -> Own:
    """Looks at the clone as it was taken in."""
    repository = clone.repository
    refs = clone.refs()
    kinds = await _kinds(clone, refs)
    commits = {name for name, kind in kinds.items() if kind == "commit"}
    tip = clone.branch_commit()
    offered = tip is not None and await can_offer(clone)
    stdin = "".join(f"{name}\n" for name in sorted(commits))
    if offered:
        stdin += f"^{tip}\n"
    place = repository.their_refs()
    call = Call(place, ["rev-list", "--parents", "--stdin", *_NOT_KEPT], stdin=stdin.encode(), seconds=WRITE_SECONDS)
    try:
        lines = [line.split(" ") for line in (await repository.program.run(call)).out.decode().splitlines()]
        own = {commit for commit, *_ in lines}
        inner = {parent for _, *parents in lines for parent in parents}
        names = await _named_elsewhere(clone)
        left = {ref: at for ref, at in refs.items() if at in own or kinds.get(at) in (None, "tag", "tree", "blob")}
        if offered:
            left.pop(clone.ref, None)
        mine = tuple((ref, at) for ref, at in sorted(left.items()) if at not in names)
        await _check_whole(clone, own | {at for _, at in mine})
    except GitRefusal as refusal:
        if refusal.code is not RefusalCode.GIT_FAILED:
            raise
        return Own(whole=False)
    return Own(tuple(sorted(own - inner)), mine)


async def _kinds(clone: Clone, refs: dict[bytes, str]) -> dict[str, str]:
    """The kind of everything that was taken in, and of what the clone names."""
    repository = clone.repository
    form = "--batch-check=%(objectname) %(objecttype)"
    listed = Call(
        Place(repository.private, object_dir=repository.taken),
        ["cat-file", form, "--batch-all-objects", "--unordered"],
        seconds=WRITE_SECONDS,
    )
    named = named_ids(clone.admin, len(repository.null_id)) | {at.encode() for at in refs.values()}
    asked = Call(repository.ours(), ["cat-file", form], stdin=b"".join(name + b"\n" for name in sorted(named)))
    kinds: dict[str, str] = {}
    for call in (listed, asked):
        for line in (await repository.program.run(call)).out.decode().splitlines():
            name, _, kind = line.partition(" ")
            if kind != "missing":
                kinds[name] = kind
    return kinds


async def _named_elsewhere(clone: Clone) -> set[str]:
    """What the user's refs are at, tags as such."""
    repository = clone.repository
    output = await repository.git(repository.theirs(), "for-each-ref", "--format=%(objectname)")
    return set(output.decode().split())


async def _check_whole(clone: Clone, names: set[str]) -> None:
    """Raises where an object is missing that one of these needs and the user's repository has not."""
    if not names:
        return
    repository = clone.repository
    arguments = ["rev-list", "--objects", "--quiet", "--stdin", *_NOT_KEPT]
    stdin = "".join(f"{name}\n" for name in sorted(names)).encode()
    await repository.program.run(Call(repository.their_refs(), arguments, stdin=stdin, seconds=WRITE_SECONDS))
