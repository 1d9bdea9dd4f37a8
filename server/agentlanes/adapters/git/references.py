"""Heads and refs of the user's repository: read as files, written by git with the old value named."""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec import Struct

from agentlanes.adapters.git.discovery import common_dir_of, follow_link
from agentlanes.adapters.git.plain_files import read_plain, read_value
from agentlanes.core.facts import Operation, bytes_of_text
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

PINS = b"refs/agentlanes/"
BASE_PINS = PINS + b"base/"
RESCUE_PINS = PINS + b"rescue/"

_PACKED_LIMIT = 256 << 20
_OBJECT_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FORBIDDEN = re.compile(rb"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")
_OPERATIONS: tuple[tuple[str, Operation], ...] = (
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("rebase-merge", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry_pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer", "cherry_pick"),
    ("BISECT_LOG", "bisect"),
)


class Head(Struct, frozen=True):
    """Where a HEAD points: a ref that may not exist yet, or a commit."""

    ref: bytes | None
    commit: str | None

    @property
    def branch(self) -> bytes | None:
        if self.ref is None or not self.ref.startswith(b"refs/heads/"):
            return None
        return self.ref[len(b"refs/heads/") :]


class Checkout(Struct, frozen=True):
    """A worktree of the user's repository, the main one or a linked one."""

    git_dir: Path
    work_tree: Path | None
    """None for a main worktree whose place is known only to the repository's config, which we do not trust."""
    head: Head
    held: frozenset[bytes]
    """Refs that a rebase or bisect under way will come back to."""


def is_ref_name(name: bytes) -> bool:
    """What `git check-ref-format` accepts, for a name with or without `refs/` in front."""
    return bool(name) and not (
        _FORBIDDEN.search(name) or name.startswith((b".", b"/", b"-")) or name.endswith((b".", b"/")) or name == b"@"
    )


def branch_ref(name: str) -> bytes:
    """The full ref of a branch. Refuses what git does, and what its commands would read as something else."""
    try:
        raw = bytes_of_text(name)
    except (ValueError, UnicodeEncodeError):
        raw = b""
    if not is_ref_name(raw) or raw == b"HEAD" or raw.startswith(b"refs/"):
        raise GitRefusal(
            RefusalCode.INVALID_BRANCH_NAME,
            f"{name!r} cannot be a branch: git allows no spaces, control characters, `~^:?*[\\`, `..` or `@{{`, and no "
            "part that begins with a dot or ends with `.lock`; we allow no leading `-` or `refs/`",
            {"name": name},
        )
    return b"refs/heads/" + raw


def read_head(git_dir: Path, common_dir: Path) -> Head | None:
    """The HEAD of one worktree; None where it is unreadable."""
    line = read_value(git_dir / "HEAD")
    if line is None:
        return None
    if line.startswith(b"ref:"):
        ref = line[len(b"ref:") :].strip()
        return Head(ref, read_ref(common_dir, ref)) if is_ref_name(ref) else None
    return Head(None, line.decode("ascii")) if _OBJECT_ID.fullmatch(line) else None


def read_ref(common_dir: Path, ref: bytes) -> str | None:
    """The commit that a ref is at, through symbolic refs; None where there is no such ref."""
    for _ in range(5):
        line = read_value(common_dir / os.fsdecode(ref))
        if line is None:
            return _read_packed(common_dir, ref)
        if not line.startswith(b"ref:"):
            return line.decode("ascii") if _OBJECT_ID.fullmatch(line) else None
        ref = line[len(b"ref:") :].strip()
        if not is_ref_name(ref):
            return None
    return None


def read_refs(git_dir: Path) -> dict[bytes, str]:
    """All refs of a git directory that is ours, with what each of them is at."""
    packed = read_plain(git_dir / "packed-refs", _PACKED_LIMIT) or b""
    names = {line.split(b" ", 1)[1] for line in packed.splitlines() if line[:1] not in (b"#", b"^") and b" " in line}
    for path in (git_dir / "refs").rglob("*"):
        if path.is_file():
            names.add(os.fsencode(path.relative_to(git_dir)))
    found = ((name, read_ref(git_dir, name)) for name in sorted(names) if is_ref_name(name))
    return {name: at for name, at in found if at is not None}


def _read_packed(common_dir: Path, ref: bytes) -> str | None:
    packed = read_plain(common_dir / "packed-refs", _PACKED_LIMIT) or b""
    found = packed.find(b" " + ref + b"\n")
    if found < 0:
        return None
    value = packed[packed.rfind(b"\n", 0, found) + 1 : found]
    return value.decode("ascii") if _OBJECT_ID.fullmatch(value) else None


def read_operation(git_dir: Path) -> Operation | None:
    """What was begun in a worktree and neither finished nor aborted."""
    return next((operation for name, operation in _OPERATIONS if os.path.lexists(git_dir / name)), None)


def list_checkouts(common_dir: Path, main: Path | None, *, bare: bool) -> list[Checkout]:
    """All worktrees that are there; `main` is the main worktree's top level, if it is known.

    A linked one counts only if it points back: by a `gitdir` file alone anyone who can write to the repository could
    make us take any folder for a worktree.
    """
    places: list[tuple[Path, Path | None]] = [] if bare else [(common_dir, main)]
    linked = common_dir / "worktrees"
    for git_dir in sorted(linked.iterdir()) if linked.is_dir() else []:
        link = read_value(git_dir / "gitdir")
        if link:
            # Newer git may write the path relative to the git directory.
            dot_git = git_dir / os.fsdecode(link)
            # `update-ref` takes the refs from where `commondir` says, so that has to be right as well.
            ours = follow_link(dot_git) == Path(os.path.realpath(git_dir)) and common_dir_of(git_dir) == common_dir
            if ours:
                places.append((git_dir, Path(os.path.realpath(dot_git.parent))))
    checkouts = []
    for git_dir, work_tree in places:
        head = read_head(git_dir, common_dir)
        if head is not None:
            checkouts.append(Checkout(git_dir, work_tree, head, _held_refs(git_dir)))
    return checkouts


def _held_refs(git_dir: Path) -> frozenset[bytes]:
    held = set()
    for name in ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"):
        line = read_value(git_dir / name)
        if line:
            held.add(line if line.startswith(b"refs/") else b"refs/heads/" + line)
    return frozenset(held)
