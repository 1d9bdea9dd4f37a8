"""The page of each editor says what it can do, in the same rows."""

from __future__ import annotations

from pathlib import Path

EDITORS = Path(__file__).parents[2] / "editors"


def read_table(path: Path) -> list[list[str]]:
    """The cells of the table that begins with `feature`, head first."""
    rows = [line.strip().strip("|").split(" | ") for line in path.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    start = next(number for number, row in enumerate(cells) if row[0] == "feature")
    return [cells[start], *cells[start + 2 :]]


def test_every_plugin_tells_the_same_rows_as_the_parity_table() -> None:
    head, *rows = read_table(EDITORS / "PARITY.md")
    assert head == ["feature", "Neovim", "VS Code"]
    assert all(len(row) == len(head) and all(row) for row in rows)
    for editor, folder in (("Neovim", "neovim"), ("VS Code", "vscode")):
        page, column = EDITORS / folder / "README.md", head.index(editor)
        wanted = [[row[0], row[column]] for row in rows]
        if page.exists():
            assert read_table(page)[1:] == wanted, f"{folder}/README.md says other than PARITY.md"
        else:
            assert {row[1] for row in wanted} == {"not yet"}, f"{editor} has no page"
