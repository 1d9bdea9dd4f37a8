"""Programs of others that tests need, installed once in .cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"
INSTALL_SECONDS = 900.0
NPM_FILES = ("package.json", "package-lock.json", ".npmrc")


def keep(name: str, install: Callable[[Path], list[str]]) -> Path:
    """The folder of that name, filled by a command if it is not there yet.

    Whole or not at all; where two runs want it at the same time, one fills it and the other waits.
    """
    folder = CACHE / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _fill(folder, install)
    return folder


def keep_npm(kind: str, pinned: Path) -> Path:
    """The folder that Node finds packages in: those that the package-lock.json in a folder pins, by their hashes."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in _npm_files(pinned))).hexdigest()[:16]

    def install(folder: Path) -> list[str]:
        for path in _npm_files(pinned):
            shutil.copy(path, folder)
        return ["npm", "ci", "--no-audit", "--no-fund"]

    return keep(f"{kind}-{digest}", install) / "node_modules"


def _npm_files(folder: Path) -> list[Path]:
    return [folder / name for name in NPM_FILES]


def _fill(folder: Path, install: Callable[[Path], list[str]]) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        done = subprocess.run(install(fresh), cwd=fresh, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        assert done.returncode == 0, done.stderr
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
