"""A folder that somebody else may change at any time, held open and used through its descriptor.

Names are single: nothing below is reached through a path, so a folder or file that is swapped for a symlink between two
looks leads nowhere. Nothing that exists is ever opened for writing: it could have a second name somewhere else. New
content is a new file that takes the old one's place.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from agentlanes.adapters.git.plain_files import Signature

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
# What says that a name is not what was asked for: gone, a symlink, no folder, not ours to read.
_NOT_THERE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EACCES, errno.ENXIO, errno.EPERM)


class HeldFolder(Struct, frozen=True):
    """Lives as long as the `with` that opened it."""

    descriptor: int

    @contextmanager
    def folder(self, name: bytes) -> Iterator[HeldFolder | None]:
        """The folder of this name; None where there is no real one."""
        with _open_folder(name, self.descriptor) as found:
            yield found

    @contextmanager
    def file(self, name: bytes) -> Iterator[HeldFile | None]:
        """The regular file of this name; None where there is none that we may read."""
        descriptor = _try_open(name, _FILE, self.descriptor)
        if descriptor is None:
            yield None
            return
        try:
            status = os.fstat(descriptor)
            yield HeldFile(descriptor, sign(status), status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
        finally:
            os.close(descriptor)

    def entries(self) -> list[tuple[bytes, os.stat_result]]:
        """What is in the folder, by name. What goes while we look is left out."""
        found = []
        for name in sorted(map(os.fsencode, os.listdir(self.descriptor))):  # noqa: PTH208 - a descriptor has no Path
            with suppress(FileNotFoundError):
                found.append((name, os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)))
        return found

    def read(self, name: bytes, limit: int) -> bytes | None:
        """The content of a regular file of at most `limit` bytes."""
        with self.file(name) as file:
            return None if file is None else file.read(limit)

    def sign(self, name: bytes) -> Signature | None:
        """Differs when the file was replaced or written; None where nothing is."""
        try:
            return sign(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False))
        except FileNotFoundError:
            return None

    def make_folder(self, name: bytes) -> None:
        """Makes the folder unless there is something of its name."""
        with suppress(FileExistsError):
            os.mkdir(name, 0o777, dir_fd=self.descriptor)

    def make(self, name: bytes, content: bytes | Path, mode: int = 0o666, times: tuple[int, int] | None = None) -> None:
        """A new file of the content, or of that of one of our own files; what had the name is replaced."""
        self.remove(name)
        descriptor = os.open(name, _NEW, mode, dir_fd=self.descriptor)
        with os.fdopen(descriptor, "wb") as made:
            if isinstance(content, bytes):
                made.write(content)
            else:
                with content.open("rb") as source:
                    while chunk := source.read(_CHUNK):
                        made.write(chunk)
            made.flush()
            if times is not None:
                os.utime(made.fileno(), ns=times)

    def remove(self, name: bytes) -> None:
        """Removes a file or symlink; nothing of the name is fine."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def move(self, name: bytes, folder: HeldFolder, new: bytes) -> None:
        """Gives a file another name, in the place of what has it; a symlink is replaced, not followed."""
        os.rename(name, new, src_dir_fd=self.descriptor, dst_dir_fd=folder.descriptor)

    def link(self, name: bytes, folder: HeldFolder, new: bytes) -> bool:
        """Gives a file a second name; False where something has it."""
        try:
            os.link(name, new, src_dir_fd=self.descriptor, dst_dir_fd=folder.descriptor, follow_symlinks=False)
        except FileExistsError:
            return False
        return True


class HeldFile(Struct, frozen=True):
    """A regular file that is open for reading."""

    descriptor: int
    signature: Signature
    modified: int
    """Time in nanoseconds."""

    def read(self, limit: int) -> bytes | None:
        """The whole content; None where it is more than `limit` bytes."""
        content = bytearray()
        while chunk := os.read(self.descriptor, min(_CHUNK, limit + 1 - len(content))):
            content += chunk
            if len(content) > limit:
                return None
        return bytes(content)

    def chunks(self) -> Iterator[bytes]:
        """The content, part by part."""
        while chunk := os.read(self.descriptor, _CHUNK):
            yield chunk


@contextmanager
def hold_folder(path: Path) -> Iterator[HeldFolder | None]:
    """Opens the folder at a path whose parents are ours; None where there is no real one."""
    with _open_folder(os.fsencode(path), None) as found:
        yield found


@contextmanager
def _open_folder(name: bytes, within: int | None) -> Iterator[HeldFolder | None]:
    descriptor = _try_open(name, _FOLDER, within)
    if descriptor is None:
        yield None
        return
    try:
        yield HeldFolder(descriptor)
    finally:
        os.close(descriptor)


def _try_open(name: bytes, flags: int, within: int | None) -> int | None:
    try:
        return os.open(name, flags, dir_fd=within)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        return None


def sign(status: os.stat_result) -> Signature:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
