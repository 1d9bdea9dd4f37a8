"""A patch in git's format as the changes of files that it makes, hunk by hunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentlanes.adapters.agents.dialogue.frames import bound_text
from agentlanes.adapters.agents.dialogue.tools import PATH_CAP
from agentlanes.wire.models import FileChange

_CHANGES_CAP = 1000


def read_diff(entry: dict[str, Any]) -> list[FileChange] | None:
    """A diff of ACP's version 2: files that changed, and the patch where there is one. None where it is no diff."""
    listed = entry.get("changes")
    if not isinstance(listed, list):
        return None
    paths = [path for change in listed[:_CHANGES_CAP] if (path := _read_path(change)) is not None]
    patch = entry.get("patch")
    text = patch.get("text") if isinstance(patch, dict) and patch.get("format") == "git_patch" else None
    changes = list(_read_patch(text, paths))[:_CHANGES_CAP] if type(text) is str else []
    shown = {change.path for change in changes}
    return changes + [FileChange(path=path, new_text="") for path in paths if path not in shown]


def _read_path(change: object) -> str | None:
    if not isinstance(change, dict):
        return None
    path = change.get("path", change.get("newPath"))
    return bound_text(path, PATH_CAP) if type(path) is str else None


def _read_patch(text: str, paths: list[str]) -> Iterator[FileChange]:
    path, is_new = "", False
    old: list[str] = []
    new: list[str] = []
    in_hunk = False

    def finish() -> Iterator[FileChange]:
        if old or new:
            yield FileChange(path=path, old_text=None if is_new else "\n".join(old), new_text="\n".join(new))
        old.clear()
        new.clear()

    for line in text.split("\n"):
        if line.startswith("diff --git "):
            yield from finish()
            path, is_new, in_hunk = _resolve(line.rpartition(" b/")[2], paths), False, False
        elif line.startswith("@@"):
            yield from finish()
            in_hunk = True
        elif not in_hunk:
            if line.startswith("--- /dev/null"):
                is_new = True
            elif line.startswith("+++ ") and not line.startswith("+++ /dev/null"):
                path = _resolve(line[4:].removeprefix("b/"), paths)
        elif line.startswith("-"):
            old.append(line[1:])
        elif line.startswith("+"):
            new.append(line[1:])
        elif line.startswith(" "):
            old.append(line[1:])
            new.append(line[1:])
    yield from finish()


def _resolve(name: str, paths: list[str]) -> str:
    """The absolute path that a name in the patch stands for."""
    return next((path for path in paths if path == name or path.endswith(f"/{name}")), bound_text(name, PATH_CAP))
