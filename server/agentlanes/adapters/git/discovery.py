"""Finds the repository that a path belongs to. Reads directory entries and small files; starts no process."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from msgspec import Struct

from agentlanes.adapters.git.plain_files import read_value
from agentlanes.core.facts import bytes_of_text, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


class Found(Struct, frozen=True):
    """A git directory and the worktree it was reached through; symlinks are resolved."""

    top_level: Path
    git_dir: Path
    common_dir: Path

    @property
    def linked(self) -> bool:
        return self.git_dir != self.common_dir


def path_of(text: str) -> Path:
    """The path that a git text stands for."""
    return Path(os.fsdecode(bytes_of_text(text)))


def text_of(path: Path) -> str:
    """The git text that stands for a path."""
    return text_of_bytes(os.fsencode(path))


def resolve_path(text: str) -> Path:
    """An absolute path with its symlinks resolved."""
    try:
        path = path_of(text)
    except (ValueError, UnicodeEncodeError):
        path = Path(text)
    if not path.is_absolute():
        raise GitRefusal(
            RefusalCode.PATH_NOT_ABSOLUTE,
            f"{text!r} is a relative path, and the server's current directory means nothing; give an absolute one",
            {"path": text},
        )
    try:
        return Path(os.path.realpath(path, strict=True))
    except OSError as error:
        raise _unusable(text, error) from error
    except ValueError as error:
        raise GitRefusal(RefusalCode.PATH_NOT_FOUND, f"{text!r} is no path: {error}", {"path": text}) from error


def _unusable(text: str, error: OSError) -> GitRefusal:
    if error.errno == errno.ELOOP:
        code, reason = RefusalCode.PATH_IS_SYMLINK_LOOP, "its symlinks go round in a circle"
    elif error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        code, reason = RefusalCode.PATH_NOT_FOUND, "there is nothing there"
    else:
        code, reason = RefusalCode.REPO_UNREADABLE, f"the server may not read it ({error.strerror})"
    return GitRefusal(code, f"{text}: {reason}", {"path": text})


def find_repository(text: str) -> Found:
    """The innermost repository around an absolute path. A bare one, or the inside of a git directory, is refused."""
    start = resolve_path(text)
    try:
        return _search(start if start.is_dir() else start.parent, text)
    except PermissionError as error:
        raise _unusable(text, error) from error


def _search(start: Path, text: str) -> Found:
    for folder in (start, *start.parents):
        dot_git = folder / ".git"
        git_dir = follow_link(dot_git)
        if git_dir is not None:
            return Found(folder, git_dir, common_dir_of(git_dir))
        if dot_git.is_file():
            raise GitRefusal(
                RefusalCode.NOT_A_REPOSITORY,
                f"{dot_git} points to no git directory; `git worktree repair` in the main repository may mend it",
                {"path": text_of(dot_git)},
            )
        if _is_git_dir(folder):
            raise _inside_git_dir(folder, text)
    raise GitRefusal(
        RefusalCode.NOT_A_REPOSITORY,
        f"{text} is in no git repository; `git init` makes one",
        {"path": text},
    )


def follow_link(dot_git: Path) -> Path | None:
    """The git directory that a `.git` folder, symlink or file stands for."""
    if dot_git.is_dir():
        target = dot_git
    else:
        line = read_value(dot_git)
        if line is None or not line.startswith(b"gitdir: "):
            return None
        target = dot_git.parent / os.fsdecode(line[len(b"gitdir: ") :])
    resolved = Path(os.path.realpath(target))
    return resolved if _is_git_dir(resolved) else None


def common_dir_of(git_dir: Path) -> Path:
    """The git directory that a linked worktree's git directory shares; its own, where it shares none."""
    line = read_value(git_dir / "commondir")
    return git_dir if not line else Path(os.path.realpath(git_dir / os.fsdecode(line)))


def _is_git_dir(path: Path) -> bool:
    # HEAD may be a dangling symlink, the way git wrote it long ago.
    if not os.path.lexists(path / "HEAD"):
        return False
    common = common_dir_of(path)
    return (common / "objects").is_dir() and (common / "refs").is_dir()


def _inside_git_dir(folder: Path, text: str) -> GitRefusal:
    if folder.name == ".git":
        return GitRefusal(
            RefusalCode.NOT_A_REPOSITORY,
            f"{text} is inside a git directory; give the folder that contains it, {text_of(folder.parent)}",
            {"path": text, "worktree": text_of(folder.parent)},
        )
    return GitRefusal(
        RefusalCode.REPO_IS_BARE,
        f"{text_of(folder)} is a bare repository without files to work on; give one of its worktrees or a clone",
        {"path": text_of(folder)},
    )
