"""The page of each editor says what it can do, in the same rows, and only what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

EDITORS = Path(__file__).parents[2] / "editors"
EDITOR_FOLDERS = {"Neovim": "neovim", "VS Code": "vscode"}
# What the editor itself calls so.
BUILT_IN = {"Source Control"}


def read_table(path: Path) -> list[list[str]]:
    """The cells of the table that begins with `feature`, head first."""
    rows = [line.strip().strip("|").split(" | ") for line in path.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    start = next(number for number, row in enumerate(cells) if row[0] == "feature")
    return [cells[start], *cells[start + 2 :]]


def read_column(editor: str) -> list[str]:
    """What the parity table says of one editor."""
    head, *rows = read_table(EDITORS / "PARITY.md")
    return [row[head.index(editor)] for row in rows]


@pytest.mark.parametrize("editor", EDITOR_FOLDERS)
def test_a_plugin_tells_the_same_rows_as_the_parity_table(editor: str) -> None:
    head, *rows = read_table(EDITORS / "PARITY.md")
    assert head == ["feature", *EDITOR_FOLDERS]
    assert all(len(row) == len(head) and all(row) for row in rows)
    page = EDITORS / EDITOR_FOLDERS[editor] / "README.md"
    assert read_table(page)[1:] == [[row[0], row[head.index(editor)]] for row in rows], (
        f"{page} says other than PARITY.md"
    )


def test_every_command_and_key_that_is_told_of_vs_code_is_in_its_manifest() -> None:
    contributes = json.loads((EDITORS / "vscode" / "package.json").read_text())["contributes"]
    titles = {command["title"] for command in contributes["commands"]}
    titles |= {view["title"] for views in contributes["viewsContainers"].values() for view in views}
    buttons = set(re.findall(r">([A-Z][a-z]+)</button>", (EDITORS / "vscode" / "src" / "session_panel.ts").read_text()))
    keys = {binding["key"] for binding in contributes["keybindings"]} | {"enter", "tab", "/"}
    for cell in read_column("VS Code"):
        told = set(re.findall(r"\*([^*]+)\*", cell))
        assert told <= titles | buttons | BUILT_IN, f"{cell}: {told - titles - buttons - BUILT_IN}"
        for code in re.findall(r"`([^`]+)`", cell):
            assert code.lower() in keys or code in contributes["configuration"]["properties"], f"{cell}: {code}"


def test_every_command_that_is_told_of_neovim_is_one_of_its_sub_commands() -> None:
    sources = "".join(
        path.read_text() for path in (EDITORS / "neovim" / "lua" / "agentlanes" / "command").glob("*.lua")
    )
    commands = {name.strip('["]') for name in re.findall(r'^  (\w+|\["\w+"\]) = \{$', sources, re.MULTILINE)}
    for cell in read_column("Neovim"):
        for told in re.findall(r":Lanes (\w+)", cell):
            assert told in commands, f"{cell}: {told}"
