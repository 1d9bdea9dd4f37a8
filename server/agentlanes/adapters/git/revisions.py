"""Questions about commits, and new commits. All reading goes through our git directory, which fetches nothing."""

from __future__ import annotations

from msgspec import Struct

from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.records import parse_changes
from agentlanes.adapters.git.references import is_ref_name, read_ref
from agentlanes.adapters.git.repository import Repository
from agentlanes.core.facts import BranchFacts, Identity, bytes_of_text, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_LOOSE_LIMIT = 300
"""Objects up to this many go to the user's repository one by one, as a commit there would put them; more as a pack."""


class CommitDraft(Struct, frozen=True):
    """A commit to be made. Equal drafts give equal ids."""

    tree: str
    parents: tuple[str, ...]
    message: str
    author: Identity
    time: int


def encode_message(message: str) -> bytes:
    """A message as git can store it: without NUL, and without half characters."""
    return message.replace("\0", "").encode("utf-8", "replace")


async def resolve(repository: Repository, name: str) -> str | None:
    """The commit that `name` stands for in the user's repository; None where it names none."""
    try:
        raw = bytes_of_text(name)
    except (ValueError, UnicodeEncodeError):
        return None
    if not is_ref_name(raw):
        return None
    branch = read_ref(repository.common_dir, b"refs/heads/" + raw)
    if branch is not None:
        return branch
    call = Call(repository.theirs(), ["rev-parse", "--verify", "--quiet", raw + b"^{commit}"], accept=(0, 1, 128))
    outcome = await repository.program.run(call)
    return outcome.out.decode().strip() if outcome.code == 0 else None


async def list_branches(repository: Repository) -> tuple[BranchFacts, ...]:
    arguments = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/"]
    output = await repository.git(repository.theirs(), *arguments)
    checkouts = repository.checkouts()
    branches = []
    for line in output.splitlines():
        commit, ref = line.split(b" ", 1)
        where = tuple(text_of(c.work_tree) for c in checkouts if c.work_tree and c.head.ref == ref)
        branches.append(BranchFacts(text_of_bytes(ref.removeprefix(b"refs/heads/")), commit.decode(), where))
    return tuple(branches)


async def merge_base(repository: Repository, one: str, other: str) -> str | None:
    """The best common ancestor; None where the histories are unrelated."""
    if one == other:
        return one
    outcome = await repository.program.run(Call(repository.ours(), ["merge-base", one, other], accept=(0, 1)))
    return outcome.out.decode().split("\n", 1)[0] or None


async def is_ancestor(repository: Repository, old: str, new: str) -> bool:
    call = Call(repository.ours(), ["merge-base", "--is-ancestor", old, new], accept=(0, 1))
    return (await repository.program.run(call)).code == 0


async def tree_of(repository: Repository, commit: str) -> str:
    return (await repository.git(repository.ours(), "rev-parse", "--verify", f"{commit}^{{tree}}")).decode().strip()


async def changed_paths(repository: Repository, old: str, new: str) -> dict[bytes, str]:
    """The letter of each path that differs between two trees; renames count as delete and add."""
    arguments = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none", old, new]
    return {change.path: change.status for change in parse_changes(await repository.git(repository.ours(), *arguments))}


async def make_commit(repository: Repository, draft: CommitDraft) -> str:
    """Writes the commit to our object directory; nothing of the user's knows it yet."""
    arguments = ["commit-tree", draft.tree, *(part for parent in draft.parents for part in ("-p", parent)), "-F", "-"]
    extra = _signature(draft.author, draft.time)
    stdin = encode_message(draft.message)
    outcome = await repository.program.run(Call(repository.ours(), arguments, stdin=stdin, extra=extra))
    return outcome.out.decode().strip()


def _signature(identity: Identity, time: int) -> dict[str, str]:
    date = f"@{time} +0000"
    return {
        "GIT_AUTHOR_NAME": identity.name,
        "GIT_AUTHOR_EMAIL": identity.email,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": identity.name,
        "GIT_COMMITTER_EMAIL": identity.email,
        "GIT_COMMITTER_DATE": date,
    }


async def publish(repository: Repository, commit: str, without: tuple[str, ...], objects: int | None) -> None:
    """Copies `commit` and what it needs beyond the commits `without` into the user's object directory.

    `objects` is about how many that are. None: it is not known, and an agent's git made them; they are checked as
    strictly as git can. Where one is malformed, or something that it needs is missing, nothing is copied (GIT_FAILED).
    """
    revisions = ("\n".join((commit, *(f"^{known}" for known in without))) + "\n").encode()
    strict = ["--strict"] if objects is None else []
    if objects is None:
        counted = ["rev-list", "--objects", "--no-object-names", "--stdin"]
        call = Call(repository.ours(), counted, stdin=revisions, seconds=WRITE_SECONDS)
        objects = (await repository.program.run(call)).out.count(b"\n")
    pack = Call(
        repository.ours(),
        ["pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset"],
        stdin=revisions,
        seconds=WRITE_SECONDS,
    )
    unpack = ["unpack-objects", "-q"] if objects <= _LOOSE_LIMIT else ["index-pack", "--stdin"]
    sink = Call(repository.publishing(), [*unpack, *strict], seconds=WRITE_SECONDS)
    try:
        await repository.program.pipe(pack, sink)
    except GitRefusal as refusal:
        if not strict or refusal.code is not RefusalCode.GIT_FAILED:
            raise
        told = str(refusal.details.get("stderr", "")).splitlines()
        raise GitRefusal(
            RefusalCode.GIT_FAILED,
            f"git takes no malformed objects into {text_of(repository.top_level)}: {'; '.join(told[:2])}",
            refusal.details,
        ) from refusal
