"""Small files of a user's git directory, read and written as data.

An agent may have put anything there: a FIFO would block a reader forever, a device would never end. Only regular
files are read, without waiting, and only up to a limit.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

LIMIT = 1 << 20
"""Bytes."""

Signature = tuple[int, int, int, int]


def read_plain(path: Path, limit: int = LIMIT) -> bytes | None:
    """The content, or None where there is no regular file of at most `limit` bytes that we may read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        content = bytearray()
        while chunk := os.read(descriptor, limit + 1 - len(content)):
            content += chunk
            if len(content) > limit:
                return None
        return bytes(content)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def read_value(path: Path) -> bytes | None:
    """The content without its line end, which is how git reads its files of one value; a path may contain newlines."""
    content = read_plain(path)
    return None if content is None else content.rstrip(b"\r\n")


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces the file; a reader sees the old content or the new. Mode 0600."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def make_private_folders(path: Path) -> None:
    """Makes a folder and its missing parents, for this user only; leaves what exists as it is."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)


def put_content(path: Path, content: bytes) -> None:
    """Writes only where the content differs."""
    if read_plain(path) != content:
        write_atomically(path, content)


def put_link(path: Path, target: Path) -> None:
    """Makes `path` a symlink to `target`, which may not exist."""
    if path.is_symlink() and path.readlink() == target:
        return
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def signature(path: Path) -> Signature | None:
    """Differs when the file was replaced or written; None where nothing is."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
