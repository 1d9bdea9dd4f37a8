"""A small git repository to try things on."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from agentlanes import locations

_FILES = {
    "README.md": "# Greeter\n\nGreets whoever is named on the command line.\n\n    python3 greeter.py World\n",
    "greeter.py": 'import sys\n\nprint(f"Hello, {sys.argv[1]}!")\n',
    ".gitignore": "__pycache__/\n",
}
_AUTHOR = "agentlanes try"
_EMAIL = "try@agentlanes.invalid"


class NoGit(Exception):  # noqa: N818
    """The repository could not be made; the message says why and what would work."""


def make_repository() -> Path:
    """A new repository with one commit, in a folder of its own. Raises NoGit."""
    parent = Path(locations.make_dir(locations.find_data_dir())) / "try"
    parent.mkdir(mode=0o700, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="greeter-", dir=parent))
    for name, text in _FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    _git(folder, "-c", "init.defaultBranch=main", "init", "--quiet")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "A program that greets")
    return folder


def _git(folder: Path, *arguments: str) -> None:
    # Nothing of the user's own settings: no signing key is asked for, no hook or template comes in.
    settings = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": "",
        "GIT_AUTHOR_NAME": _AUTHOR,
        "GIT_AUTHOR_EMAIL": _EMAIL,
        "GIT_COMMITTER_NAME": _AUTHOR,
        "GIT_COMMITTER_EMAIL": _EMAIL,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**inherited, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        raise NoGit("git is not installed; install it (`apt-get install git`, `brew install git`)") from None
    except subprocess.CalledProcessError as error:
        raise NoGit(f"git {arguments[0]} failed in {folder}: {error.stderr.strip()[:200]}") from None
