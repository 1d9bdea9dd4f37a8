"""Files with a `filter` attribute: only a program of the user knows how what is on disk becomes what git stores.

We never run it. What the agent's git filtered itself is taken from the agent's index; anything else is refused where
it would end up in the user's history or files.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agentlanes.adapters.git.invocation import Call, Place
from agentlanes.adapters.git.records import parse_entries, split_records
from agentlanes.adapters.git.repository import Repository
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_NO_VALUES = {b"unspecified", b"unset", b"set", b""}


async def filtered_paths(repository: Repository, place: Place, paths: Collection[bytes]) -> dict[bytes, str]:
    """The filter of each path that has one configured; attributes are those of the place's working tree."""
    preferences = repository.preferences
    if not paths or not (preferences.filters or preferences.hidden):
        return {}
    call = Call(place, ["check-attr", "-z", "--stdin", "filter"], stdin=b"".join(path + b"\0" for path in paths))
    fields = split_records((await repository.program.run(call)).out)
    found = {}
    for path, value in zip(fields[0::3], fields[2::3], strict=True):
        name = value.decode("utf-8", "surrogateescape")
        if value not in _NO_VALUES and (preferences.hidden or name in preferences.filters):
            found[path] = name
    return found


async def agent_clean_entries(worktree: Worktree, place: Place, paths: Sequence[bytes]) -> list[bytes]:
    """The agent's index entries of filtered paths whose files it knows as unchanged, as `--index-info` reads them."""
    repository = worktree.repository
    filtered = await filtered_paths(repository, place, paths)
    if not filtered:
        return []
    try:
        entries = await repository.git(worktree.theirs(), "ls-files", "--stage", "-z")
        arguments = ("diff-files", "--name-only", "-z", "--ignore-submodules=all")
        modified = set(split_records(await repository.git(worktree.theirs(), *arguments)))
    except GitRefusal as refusal:
        # An index that git cannot read vouches for nothing.
        if refusal.code is not RefusalCode.GIT_FAILED:
            raise
        return []
    return [
        b"%s %s\t%s" % (entry.mode, entry.object_id.encode(), entry.path)
        for entry in parse_entries(entries)
        if entry.path in filtered and entry.stage == 0 and entry.path not in modified
    ]


def refuse_filtered(filtered: dict[bytes, str], where: str, cure: str) -> None:
    """Refuses with FILTER_REQUIRED where there is any."""
    if not filtered:
        return
    names = ", ".join(sorted(set(filtered.values())))
    paths = [text_of_bytes(path) for path in sorted(filtered)]
    raise GitRefusal(
        RefusalCode.FILTER_REQUIRED,
        f"{len(paths)} files ({paths[0]}, ...) in {where} pass through the filter {names}, which we never run; {cure}",
        {"paths": paths[:1000], "filters": sorted(set(filtered.values()))},
    )
