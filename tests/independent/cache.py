"""Programs of others that tests need, installed once in .cache."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"
INSTALL_SECONDS = 300.0


def keep(name: str, install: Callable[[Path], list[str]]) -> Path:
    """The folder of that name, filled by a command if it is not there yet.

    Whole or not at all, also where two runs fill it at the same time.
    """
    folder = CACHE / name
    if not folder.is_dir():
        CACHE.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=CACHE))
        command = install(fresh)
        done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        assert done.returncode == 0, done.stderr
        with contextlib.suppress(OSError):
            fresh.rename(folder)
    return folder
