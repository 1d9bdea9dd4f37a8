"""What a person does in Neovim, by the plugin's own commands and keys."""

from __future__ import annotations

from cli.place import Place
from editors.neovim.editor import Editor

SESSION = "agentlanes://session/"


def test_from_a_prompt_to_a_merged_lane(place: Place, editor: Editor) -> None:
    editor.run("Lanes create Greet the reader")
    editor.wait_for("return vim.startswith(vim.api.nvim_buf_get_name(0), 'agentlanes://prompt/')")
    editor.press("iWrite GREETING<Esc><CR>")
    editor.wait("aa Allow", SESSION)
    editor.run("Lanes")
    editor.wait("? Greet the reader: Write GREETING.md")
    editor.go_to("? Greet the reader")
    editor.press("aa")
    editor.wait("─ completed", SESSION)
