"""The files port: files of the user that git does not track, copied into a lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class CopyError(Exception):
    """A file could not be copied; those before it are there. `path` is relative to the source."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason


class Files(Protocol):
    """Raises CopyError and nothing else. A copy that was cut may be repeated: it finishes the job."""

    async def copy(self, source: str, target: str, patterns: Sequence[str]) -> int:
        """Copies what the globs match below `source` to the same places below `target`; folders with all they hold.

        What `target` has stays as it is. Nothing is read from outside of `source`, nothing is written outside of
        `target`, wherever symlinks lead; symlinks are copied as such. Gives how many files were copied.
        """
        ...
