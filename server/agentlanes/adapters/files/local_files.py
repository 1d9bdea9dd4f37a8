"""Files on this machine's disks."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from agentlanes.kernel.ports.files import CopyError

PATIENCE_SECONDS = 30.0
"""After this long a copy is given up: a pattern that matches half a disk must not keep a lane from its start."""


class LocalFiles:
    """Implements the files port."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds

    async def copy(self, source: str, target: str, patterns: Sequence[str]) -> int:
        return await asyncio.to_thread(self._copy, Path(source), Path(target), patterns)

    def _copy(self, source: Path, target: Path, patterns: Sequence[str]) -> int:
        deadline = time.monotonic() + self._patience_seconds
        copied = 0
        for found in _find(source, patterns):
            path = found.relative_to(source)
            if time.monotonic() > deadline:
                raise CopyError(str(path), f"copying took more than {self._patience_seconds:g} s; narrow copy_files")
            try:
                copied += _copy_one(source, target, path)
            except OSError as error:
                raise CopyError(str(path), (error.strerror or str(error)).lower()) from error
        return copied


def _find(source: Path, patterns: Sequence[str]) -> Iterator[Path]:
    """Everything but folders that the patterns match or that is in a folder which they match."""
    for pattern in patterns:
        for match in source.glob(pattern):
            if match == source or (source / ".git") in (match, *match.parents):
                continue
            if match.is_dir() and not match.is_symlink():
                yield from (path for path in match.rglob("*") if path.is_symlink() or not path.is_dir())
            else:
                yield match


def _copy_one(source: Path, target: Path, path: Path) -> bool:
    there, here = source / path, target / path
    if os.path.lexists(here) or not (there.is_symlink() or there.is_file()):
        return False
    if not _is_below(source, there.parent) or not _is_below(target, here.parent):
        raise CopyError(str(path), "a symlink on its way leads out of the repo")
    here.parent.mkdir(parents=True, exist_ok=True)
    # Under another name until it is whole, so that one which was cut is not taken for one that was there.
    unfinished = here.with_name(f".{here.name}.agentlanes-copy")
    unfinished.unlink(missing_ok=True)
    shutil.copy2(there, unfinished, follow_symlinks=False)
    unfinished.rename(here)
    return True


def _is_below(root: Path, folder: Path) -> bool:
    return folder.resolve().is_relative_to(root.resolve())
