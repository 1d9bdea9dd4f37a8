"""The agents as their makers ship them, from npm into .cache/agents: by exact versions and hashes, without addresses.

`python -m real_agents.install ci` installs what the tests of every run drive, `all` the rest. `lock ci` writes the
package-lock.json of a package.json that was changed.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from independent.cache import keep_npm

HERE = Path(__file__).parent


@functools.cache
def find_modules(folder: str) -> Path:
    """The node_modules of one of the folders beside this file, installed where they are missing."""
    return keep_npm(f"agents/{folder}", HERE / folder)


def find_program(folder: str, pattern: str) -> Path:
    """The one program that a pattern finds in a folder's node_modules."""
    modules = find_modules(folder)
    found = [path for path in modules.glob(pattern) if path.is_file()]
    assert len(found) == 1, f"{pattern} is not one file in {modules}: {found}"
    return found[0]


def find_codex() -> Path:
    """Codex's own binary, without the launcher in Node that its package starts it with."""
    return find_program("ci", "@openai/codex-*/vendor/*/bin/codex")


def write_lock(folder: str) -> None:
    """Pins the newest versions that the package.json of a folder allows; nothing in the lock says where from."""
    path = HERE / folder / "package-lock.json"
    path.unlink(missing_ok=True)
    subprocess.run(["npm", "install", "--package-lock-only", "--no-audit", "--no-fund"], cwd=path.parent, check=True)
    lock: dict[str, Any] = json.loads(path.read_text())
    for package in lock["packages"].values():
        package.pop("funding", None)
        package.pop("resolved", None)
    path.write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    *mode, name = sys.argv[1:]
    if mode == ["lock"]:
        write_lock(name)
    else:
        sys.stdout.write(f"{find_modules(name)}\n")
