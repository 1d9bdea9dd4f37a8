"""Our documents as files, for a client that opens nothing but files."""

from __future__ import annotations

import shutil
from pathlib import Path


def clear(folder: Path) -> None:
    """Forgets the files of clients that a server before this one had."""
    shutil.rmtree(folder, ignore_errors=True)


class Shelf:
    """The files of one client: read-only, for nobody else's eyes, and gone with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, Path] = {}

    @property
    def folder(self) -> str:
        """Where they are."""
        return str(self._folder)

    def put(self, uri: str, name: str, text: str) -> Path:
        """Writes a document, in one step for who reads it. Returns its path, which stays. Raises OSError."""
        path = self._paths.get(uri) or self._folder / name
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text, encoding="utf-8", errors="replace")
        fresh.chmod(0o400)
        fresh.replace(path)
        self._paths[uri] = path
        return path

    def close(self) -> None:
        """Takes the files away."""
        if self._paths:
            shutil.rmtree(self._folder, ignore_errors=True)
