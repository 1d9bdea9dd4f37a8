"""Microsoft's `vscode-jsonrpc` in plain Node drives the main scenario over `agentlanes stdio`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cli.place import WAIT_SECONDS, Place, make_place
from independent.cache import keep_npm

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def modules() -> Path:
    """The folder that Node finds packages in, as package-lock.json pins them."""
    return keep_npm("node", HERE)


def test_an_independent_client_goes_through_the_main_scenario(modules: Path) -> None:
    with make_place() as place:
        repo = place.make_repo()
        told = _drive(place, modules, repo)
        assert told["merge_commit"] == place.git("rev-parse", "main")
        assert (repo / "GREETING.md").exists()
        assert place.git("status", "--porcelain") == ""


def _drive(place: Place, modules: Path, repo: Path) -> dict[str, object]:
    done = subprocess.run(
        ["node", str(HERE / "scenario.js"), str(repo)],
        env={**place.env, "NODE_PATH": str(modules)},
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told
