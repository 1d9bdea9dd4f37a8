"""What a plain LSP client said of itself in initialize."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from agentlanes.wire.models import Workspace

ENCODINGS = ("utf-8", "utf-16", "utf-32")


class LspClient:
    """A peer's recorded handshake. `initialize` is kept as it came, to be told to pygls when that is needed."""

    def __init__(self, initialize: dict[str, Any]) -> None:
        self.initialize = initialize
        capabilities = initialize.get("capabilities")
        self._capabilities = capabilities if isinstance(capabilities, dict) else {}
        self.folders = tuple(_read_folders(initialize))

    def can(self, *path: str) -> bool:
        """Whether the client announced a capability, named from the top of its `capabilities`: `{}` announces it."""
        return self._find(path) not in (None, False)

    def choose_encoding(self) -> str:
        """The position encoding: the first of the client's that we know, which is pygls' choice as well."""
        offered = self._find(("general", "positionEncodings"))
        known = (
            [name for name in offered if isinstance(name, str) and name in ENCODINGS]
            if isinstance(offered, list)
            else []
        )
        return known[0] if known else "utf-16"

    def find_folder(self, path: str) -> str | None:
        """The innermost of the client's folders that holds a file."""
        return max((folder for folder in self.folders if holds(folder, path)), key=len, default=None)

    def change_folders(self, event: object) -> None:
        """The user added folders to the window, or took some away."""
        if isinstance(event, dict):
            gone = set(_read_all(event.get("removed")))
            kept = [folder for folder in self.folders if folder not in gone]
            self.folders = tuple(dict.fromkeys([*kept, *_read_all(event.get("added"))]))

    def concerns(self, workspace: Workspace, lane_paths: Iterable[str]) -> bool:
        """Whether the workspace is what the client looks at: one of its folders is inside of a root path or of a
        lane's worktree, or the other way round. A client without a folder looks at everything."""
        places = (*workspace.root_paths, *lane_paths)
        return not self.folders or any(
            holds(folder, place) or holds(place, folder) for folder in self.folders for place in places
        )

    def _find(self, path: Iterable[str]) -> Any:
        found: Any = self._capabilities
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found


def holds(folder: str, path: str) -> bool:
    """Whether a path is a folder or inside of it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def read_path(uri: object) -> str | None:
    """The real path of a file URI; None for another scheme."""
    if not isinstance(uri, str):
        return None
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    path = unquote(parts.path, errors="surrogateescape")
    # A host's name means that the file is on another machine.
    is_here = parts.scheme == "file" and parts.netloc in ("", "localhost") and path.startswith("/")
    return os.path.realpath(path) if is_here and "\0" not in path and _is_text(path) else None


def _is_text(path: str) -> bool:
    """Whether a path can be told in JSON."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_folders(params: dict[str, Any]) -> list[str]:
    root = read_path(params.get("rootUri"))
    return _read_all(params.get("workspaceFolders")) or ([] if root is None else [root])


def _read_all(folders: object) -> list[str]:
    uris = [folder.get("uri") for folder in folders if isinstance(folder, dict)] if isinstance(folders, list) else []
    return [path for uri in uris if (path := read_path(uri)) is not None]
