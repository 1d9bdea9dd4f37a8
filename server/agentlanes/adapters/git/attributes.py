"""A folder that holds nothing but the `.gitattributes` files of a tree.

Git's merge reads attributes only from a working tree. The lane's would let an agent decide how its own work is merged
(`* merge=union`); so a folder with the attributes of the right commit stands in for one.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

from agentlanes.adapters.git.folders import remove_folder
from agentlanes.adapters.git.plain_files import LIMIT, make_private_folders
from agentlanes.adapters.git.records import split_records
from agentlanes.adapters.git.repository import Repository

_NAME = b".gitattributes"


@asynccontextmanager
async def attribute_folder(repository: Repository, tree: str) -> AsyncIterator[Path]:
    scratch = repository.private / "scratch"
    make_private_folders(scratch)
    folder = Path(tempfile.mkdtemp(dir=scratch))
    try:
        for path, blob in await _list_attributes(repository, tree):
            content = await repository.git(repository.ours(), "cat-file", "blob", blob)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content[:LIMIT])
        yield folder
    finally:
        await asyncio.to_thread(remove_folder, folder)


async def _list_attributes(repository: Repository, tree: str) -> list[tuple[PurePosixPath, str]]:
    found = []
    for record in split_records(await repository.git(repository.ours(), "ls-tree", "-r", "-z", "--full-tree", tree)):
        if not record.endswith(_NAME):
            continue
        head, raw = record.split(b"\t", 1)
        mode, _, blob = head.split(b" ")
        path = PurePosixPath(raw.decode("utf-8", "surrogateescape"))
        # A tree that was made by hand may hold names that no checkout would accept.
        if (
            path.name == _NAME.decode()
            and mode.startswith(b"100")
            and not {b"..", b".", b"", b".git"} & set(raw.split(b"/"))
        ):
            found.append((path, blob.decode("ascii")))
    return found
