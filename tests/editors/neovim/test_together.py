"""Neovim beside an editor of another kind, on one session: what one does, the other shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.place import Place
from editors.neovim.editor import Editor, start_editor, wait_until
from editors.neovim.test_stories import SESSION, make_lane, prompt, read_said, script

CLIENT = """
_G.asked, _G.progress = {}, {}
vim.ui.select = function(rows, options, done)
  table.insert(_G.asked, { prompt = options.prompt, rows = rows, done = done })
end
vim.api.nvim_create_autocmd("LspProgress", { callback = function(event)
  table.insert(_G.progress, event.data.params.value)
end })
vim.lsp.handlers["workspace/textDocumentContent/refresh"] = function(_, params)
  _G.refreshed = params.uri
  return vim.NIL
end
function _G.call(method, params)
  local answer, problem = vim.lsp.get_clients({ name = "plain" })[1]:request_sync(method, params, 60000)
  assert(answer, problem)
  assert(not answer.err, vim.inspect(answer.err))
  return answer.result
end
vim.lsp.start({
  name = "plain", cmd = { "agentlanes", "stdio" }, root_dir = vim.fn.getcwd(),
  workspace_folders = { { uri = vim.uri_from_fname(vim.fn.getcwd()), name = "repo" } },
  capabilities = vim.tbl_deep_extend("force", vim.lsp.protocol.make_client_capabilities(), {
    workspace = { textDocumentContent = {} },
  }),
})
"""
READ = "return _G.call('workspace/textDocumentContent', { uri = 'agentlanes:/sessions/' .. ... .. '.md' }).text"


@pytest.fixture
def plain(place: Place, editor: Editor) -> Iterator[Editor]:
    """A Neovim that has no plugin, and knows the server as any language server."""
    with start_editor(place, plugin=False) as plain:
        plain.lua(CLIENT)
        plain.wait_for("return (vim.lsp.get_clients({ name = 'plain' })[1] or {}).initialized")
        yield plain


def test_the_plugin_and_a_plain_lsp_client_answer_for_each_other(place: Place, editor: Editor, plain: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"ask": {"title": "First"}}, {"say": "after the first"}))
    # The plain client is asked with buttons, and answers; the question goes from the plugin's buffers.
    plain.wait_for("return #_G.asked == 1")
    assert plain.lua("return _G.asked[1].prompt").startswith("Greet the reader: First")
    editor.run("Lanes")
    editor.wait("? Greet the reader: First")
    plain.lua("_G.asked[1].done(_G.asked[1].rows[1])")
    wait_until(lambda: "? Greet the reader: First" not in editor.text("agentlanes://lanes"), editor.describe)
    editor.wait("after the first\n─ completed", SESSION)
    # The other way round: what the plugin answered, a late button changes nothing about.
    editor.run("Lanes open Greet")
    prompt(editor, script({"ask": {"title": "Second"}}, {"say": "after the second"}))
    plain.wait_for("return #_G.asked == 2")
    editor.wait("aa Allow", SESSION)
    editor.press("gr")
    wait_until(lambda: "after the second\n─ completed" in editor.text(SESSION), editor.describe)
    plain.lua("_G.asked[2].done(_G.asked[2].rows[1])")
    first, second = place.call("approval.list")["approvals"]
    assert (first["status"], second["status"]) == ("approved", "denied")
    assert "client/Neovim" in second["decision"]["actor"]


def test_a_prompt_in_one_streams_in_the_other(place: Place, editor: Editor, plain: Editor) -> None:
    make_lane(editor)
    session = editor.lua("return vim.b.agentlanes.session_id")
    words = script({"pace": 2}, {"say": " ".join(f"n{i}" for i in range(200))}, {"ask": {"title": "Go on"}})
    arguments = "_G.call('workspace/executeCommand', { command = 'turn.create', arguments = { ..., select(2, ...) } })"
    plain.lua(arguments, {"prompt": words}, {"session_id": session})
    wait_until(lambda: "n20 " in read_said(editor), editor.describe)
    editor.wait("aa Allow", SESSION)
    plain.wait_for("return _G.progress[1] and _G.progress[1].kind == 'begin'")
    plain.wait_for(f"return _G.asked[1] and (function(...) {READ} end)(...):find('n199')", session)
    editor.press("ga")
    editor.wait("─ completed", SESSION)
    plain.wait_for("return _G.progress[#_G.progress].kind == 'end'")
    # And back: what is typed in the plugin is in the transcript that the plain client reads.
    prompt(editor, script({"say": "typed in Neovim"}))
    plain.wait_for(f"return (function(...) {READ} end)(...):find('\\ntyped in Neovim')", session)
    (listed,) = place.call("session.list")["sessions"]
    assert listed["session_id"] == session
