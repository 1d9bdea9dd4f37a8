"""Copies commits into our own object directory, and makes sure that they are complete there."""

from __future__ import annotations

from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.repository import Repository
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def keep(repository: Repository, commit: str, base: str | None) -> None:
    """Packs what `commit` needs beyond `base` from wherever it is, and counts it: only `base` stays the user's."""
    revisions = f"{commit}\n" + (f"^{base}\n" if base else "")
    pack = Call(
        repository.ours(),
        ["pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset"],
        stdin=revisions.encode(),
        seconds=WRITE_SECONDS,
    )
    index = Call(repository.ours(), ["index-pack", "--stdin"], seconds=WRITE_SECONDS)
    outcome = await repository.program.pipe(pack, index)
    name = outcome.out.decode().split("\t")[-1].strip()
    kept = await _list_pack(repository, name)
    arguments = ["rev-list", "--objects", "--no-object-names", "--stdin"]
    call = Call(repository.ours(), arguments, stdin=revisions.encode(), seconds=WRITE_SECONDS)
    needed = set((await repository.program.run(call)).out.splitlines())
    if needed - kept:
        raise GitRefusal(
            RefusalCode.GIT_FAILED,
            f"{len(needed - kept)} objects of the rescued commit {commit} were not copied; nothing was removed",
            {"command": "pack-objects", "exit_code": 0, "stderr": ""},
        )


async def _list_pack(repository: Repository, name: str) -> set[bytes]:
    index = (repository.private / "objects" / "pack" / f"pack-{name}.idx").read_bytes()
    form = repository.preferences.object_format
    call = Call(repository.ours(), ["show-index", f"--object-format={form}"], stdin=index, seconds=WRITE_SECONDS)
    return {line.split(b" ")[1] for line in (await repository.program.run(call)).out.splitlines()}
