"""Neovim's own LSP client, without a plugin, runs what the README shows."""

from __future__ import annotations

import subprocess

from cli.place import WAIT_SECONDS, make_place
from cli.test_readme import read_blocks
from editors.neovim.editor import find_nvim

AFTERWARDS = """
vim.wait(30000, function() return #notes >= 2 end)
local client = vim.lsp.get_clients({ name = "agentlanes" })[1]
client:stop()
vim.wait(30000, function() return client:is_stopped() end)
io.stdout:write(table.concat(notes, "\\n"))
vim.cmd("qall!")
"""


def test_the_readme_works_in_neovim() -> None:
    (block,) = read_blocks("lua")
    with make_place() as place:
        script = place.folder / "tour.lua"
        script.write_text(
            "local notes = {}\nvim.notify = function(text) notes[#notes + 1] = text end\n" + block + AFTERWARDS
        )
        (place.folder / "tree").mkdir()
        done = subprocess.run(
            [str(find_nvim()), "--headless", "-u", "NONE", "-i", "NONE", "-n", "-l", str(script)],
            env={**place.env, "XDG_CACHE_HOME": str(place.folder / "cache")},
            cwd=place.folder / "tree",
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        (workspace,) = place.call("workspace.list")["workspaces"]
        assert done.stdout.splitlines() == ["workspace tree at position 1", workspace["workspace_id"]]
