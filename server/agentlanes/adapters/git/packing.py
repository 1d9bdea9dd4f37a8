"""Copies commits into our own object directory, and makes sure that they are complete there."""

from __future__ import annotations

from collections.abc import Iterable

from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.repository import Repository
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def keep(repository: Repository, names: Iterable[str], base: str | None, keeper: Repository) -> None:
    """Packs what `names` need beyond `base` from wherever `repository` sees it, and counts it: only `base` stays the
    user's. The pack goes to our git directory of `keeper`."""
    revisions = "".join(f"{name}\n" for name in names) + (f"^{base}\n" if base else "")
    pack = Call(
        repository.ours(),
        ["pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset"],
        stdin=revisions.encode(),
        seconds=WRITE_SECONDS,
    )
    index = Call(keeper.ours(), ["index-pack", "--stdin"], seconds=WRITE_SECONDS)
    outcome = await repository.program.pipe(pack, index)
    name = outcome.out.decode().split("\t")[-1].strip()
    kept = await _list_pack(keeper, name)
    arguments = ["rev-list", "--objects", "--no-object-names", "--stdin"]
    call = Call(repository.ours(), arguments, stdin=revisions.encode(), seconds=WRITE_SECONDS)
    needed = set((await repository.program.run(call)).out.splitlines())
    if needed - kept:
        raise GitRefusal(
            RefusalCode.GIT_FAILED,
            f"{len(needed - kept)} objects of what was rescued were not copied; nothing was removed",
            {"command": "pack-objects", "exit_code": 0, "stderr": ""},
        )


async def _list_pack(repository: Repository, name: str) -> set[bytes]:
    index = (repository.private / "objects" / "pack" / f"pack-{name}.idx").read_bytes()
    form = repository.preferences.object_format
    call = Call(repository.ours(), ["show-index", f"--object-format={form}"], stdin=index, seconds=WRITE_SECONDS)
    return {line.split(b" ")[1] for line in (await repository.program.run(call)).out.splitlines()}
