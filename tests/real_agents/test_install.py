"""What is installed, and that its pins say what and never where from."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from real_agents.install import HERE

FOLDERS = sorted(path.parent.name for path in HERE.glob("*/package-lock.json"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_lock_pins_by_hash_and_names_no_host(folder: str) -> None:
    text = (HERE / folder / "package-lock.json").read_text()
    assert "://" not in text
    wanted = json.loads((HERE / folder / "package.json").read_text())["dependencies"]
    packages = json.loads(text)["packages"]
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in package for path, package in packages.items() if path)


def test_codex_starts(codex: Path) -> None:
    said = subprocess.run([codex, "--version"], capture_output=True, text=True, check=True)
    wanted = json.loads((HERE / "ci" / "package.json").read_text())["dependencies"]["@openai/codex"]
    assert said.stdout.split() == ["codex-cli", wanted]


def test_claude_starts(claude: Path, tmp_path: Path) -> None:
    said = subprocess.run(
        [claude, "--version"], capture_output=True, text=True, check=True, env={"HOME": str(tmp_path)}
    )
    assert "Claude Code" in said.stdout
