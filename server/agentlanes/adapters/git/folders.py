"""Directory trees that an agent filled: removed and moved whole, whatever their permissions, through no symlink."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path


def remove_folder(path: Path) -> None:
    """Deletes a tree; nothing at the path is fine. A symlink is deleted, not followed."""
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    _make_writable(path)
    shutil.rmtree(path)


def move_folder(source: Path, target: Path) -> None:
    """Moves a tree, also to another file system: there the source goes only once its copy is complete."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        partial = target.with_name(f".{target.name}.partial")
        remove_folder(partial)
        shutil.copytree(source, partial, symlinks=True)
        partial.rename(target)
        remove_folder(source)


def _make_writable(path: Path) -> None:
    """Module caches are read-only on purpose, and an agent may have closed a folder to itself."""
    for folder, names, _ in os.walk(path):
        for name in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118 - 10x faster on big trees
            mode = os.lstat(name).st_mode
            if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
                Path(name).chmod(stat.S_IMODE(mode) | 0o700)
