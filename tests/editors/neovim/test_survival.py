"""An open Neovim, and a server that is stopped, replaced or killed under it; floods, and somebody who types on."""

from __future__ import annotations

import os
import signal

import pytest

from cli.place import Place
from editors.neovim.editor import Editor
from editors.neovim.test_stories import SESSION, TERMINAL, count_words, make_lane, prompt, script, wait_said

WORDS = " ".join(f"n{i}" for i in range(400))


def stop(place: Place) -> None:
    done = place.run("stop")
    assert done.returncode == 0, done.stderr


def kill(place: Place) -> None:
    os.kill(place.call("server.status")["pid"], signal.SIGKILL)


@pytest.mark.parametrize("end", [stop, kill])
def test_everything_that_is_open_goes_on_with_the_next_server(place: Place, editor: Editor, end: object) -> None:
    assert callable(end)
    make_lane(editor)
    prompt(editor, script({"pace": 2}, {"say": WORDS}, {"ask": {"title": "Go on"}}, {"say": "gone on"}))
    wait_said(editor, "n9 ")
    editor.press("ihalf a thought<Esc>")
    here = editor.lua("return vim.api.nvim_get_current_win()")
    editor.run("Lanes terminal cat")
    editor.wait_for("return vim.api.nvim_get_mode().mode == 't'")
    editor.press("before<CR>")
    editor.wait("before\nbefore\n", TERMINAL)
    generation = place.call("server.status")["generation"]
    end(place)
    editor.press("after<CR>")
    editor.wait_for("return require('agentlanes.connection').server.generation > ...", generation)
    assert editor.wait("after\nafter\n", TERMINAL).count("before\n") == 2
    editor.wait("aa Allow", SESSION)
    end(place)
    editor.press("<C-\\><C-n>")
    editor.lua("vim.api.nvim_set_current_win(...)", here)
    editor.press("ga")
    editor.wait("gone on\n─ completed", SESSION)
    assert count_words(editor, "n") == list(range(400))
    assert editor.lines() == ["half a thought"]
    editor.run("Lanes")
    editor.wait("○ Greet the reader  ready")
    assert len(place.call("turn.list")["turns"]) == 1
    assert "quit with exit code" not in editor.messages()


def test_what_is_typed_beside_a_flood_is_echoed_and_all_of_it_arrives(place: Place, editor: Editor) -> None:
    make_lane(editor)
    editor.press("q")
    editor.run("Lanes terminal yes flood")
    editor.wait_at_end("flood", TERMINAL)
    flood = editor.lua("return vim.b.agentlanes.terminal_id")
    editor.press("<C-\\><C-n>")
    editor.run("Lanes terminal cat")
    editor.wait_for("return vim.b.agentlanes.terminal_id ~= ... and vim.api.nvim_get_mode().mode == 't'", flood)
    here = editor.lua("return vim.api.nvim_buf_get_name(0)")

    shown = "return vim.api.nvim_buf_get_changedtick(vim.fn.bufnr('agentlanes://terminal/' .. ...))"
    wanted = ""
    for number in range(4):
        before = editor.lua(shown, flood)
        editor.press(f"line {number}<CR>")
        wanted += f"line {number}\nline {number}\n"
        # The line discipline echoes a line, cat says it again; both while the other one goes on.
        assert editor.wait(wanted, here).startswith(wanted)
        editor.wait_for(f"return (function(...) {shown} end)(...) > select(2, ...)", flood, before)
    editor.press("<C-d>")
    editor.wait("[exit 0]", here)
    place.call("terminal.close", {}, "--terminal", flood)
    editor.wait_for("return require('agentlanes.mirror').get('terminal', ...).state == 'closed'", flood)
    assert editor.lua("return vim.v.errmsg") == ""
