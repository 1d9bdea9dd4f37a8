"""What the plugin promises beside its stories."""

from __future__ import annotations

import re
import subprocess
from typing import Any

from cli.place import Place
from editors.neovim.editor import PLUGIN, Editor, start_editor
from editors.neovim.test_stories import SESSION, make_lane, prompt, script

VITALS = ("last_heartbeat_at", "last_output_seq", "cols", "rows")

BLOCKS = """
local seed = ...
math.randomseed(seed)
local Blocks = require("agentlanes.blocks")
local blocks = Blocks.open("agentlanes://test/" .. seed, "agentlanes")
vim.api.nvim_win_set_buf(0, blocks.buf)
require("agentlanes.folds").dress(0)
local function row()
  local words = {}
  for i = 1, math.random(0, 3) do
    words[i] = { ("w%d "):format(math.random(1, 3)), math.random() < 0.5 and "Title" or nil }
  end
  return words
end
local function check(what)
  local wanted, list, levels = {}, vim.tbl_values(blocks.by_key), {}
  table.sort(list, function(a, b) return a.order < b.order end)
  for _, block in ipairs(list) do
    for _, chunks in ipairs(block.rows) do
      local line = ""
      for _, chunk in ipairs(chunks) do line = line .. chunk[1] end
      wanted[#wanted + 1] = line
      levels[#wanted] = chunks.fold and 1 or 0
    end
    assert(blocks:line(block.key) == #wanted - #block.rows + 1, what .. ": a block is elsewhere")
  end
  if #wanted == 0 then wanted = { "" } end
  local found = vim.api.nvim_buf_get_lines(blocks.buf, 0, -1, false)
  assert(vim.deep_equal(found, wanted), what .. vim.inspect({ found, wanted }))
  local folded = vim.tbl_map(vim.fn.foldlevel, vim.tbl_keys(levels))
  assert(vim.deep_equal(folded, levels), what .. vim.inspect({ found, folded, levels }))
end
for step = 1, 400 do
  local key = "k" .. math.random(1, 12)
  local dice = math.random()
  if dice < 0.5 then
    local rows = {}
    local is_folded = math.random() < 0.5
    for i = 1, math.random(0, 4) do
      rows[i] = row()
      rows[i].fold = is_folded and (i == 1 and ">1" or "1") or nil
    end
    -- Now and then a block moves.
    local order = (math.random() < 0.8 and key or "k" .. math.random(1, 12)) .. "/" .. key
    blocks:set({ key = key, order = order, rows = rows, growing = { indent = "> ", hl = "Comment" } })
  elseif dice < 0.8 then
    blocks:grow(key, ({ "a", "b\\nc", "\\n", "ü\\n\\nd" })[math.random(1, 4)])
  elseif dice < 0.95 then
    blocks:remove(key)
  else
    blocks:show(vim.tbl_filter(function() return math.random() < 0.7 end, vim.tbl_values(blocks.by_key)))
  end
  check(("seed %d, step %d "):format(seed, step))
end
"""


def test_a_buffer_of_blocks_is_always_what_its_blocks_say(editor: Editor) -> None:
    for seed in range(12):
        editor.lua(BLOCKS, seed)


def test_the_mirror_agrees_with_the_server(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"think": "Well"}, {"say": "one two three"}, {"ask": {"title": "Go on"}}, {"say": "four"}))
    editor.wait("aa Allow", SESSION)
    prompt(editor, "Write NOTES")
    editor.wait("⧗ Write NOTES", SESSION)
    editor.run("Lanes terminal cat")
    editor.wait_for("return vim.api.nvim_get_mode().mode == 't'")
    for noun, plural in (("workspace", "workspaces"), ("lane", "lanes"), ("terminal", "terminals"), ("turn", "turns")):
        kept = editor.lua("return require('agentlanes.mirror').list(...)", noun)
        listed = place.call(f"{noun}.list")[plural]
        assert [without_vitals(each) for each in kept] == [without_vitals(each) for each in listed], noun
    (session,) = place.call("session.list")["sessions"]
    items = place.call("item.list", {}, "--session", session["session_id"])["items"]
    assert {"thought", "message", "tool_call"} <= {item["kind"] for item in items}
    for item in items:
        assert editor.lua("return require('agentlanes.mirror').text(...)", item["item_id"]) == item.get("text", "")


def without_vitals(entity: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entity.items() if key not in VITALS}


def test_nothing_that_happens_takes_the_cursor(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"say": "a\nb\nc"}, {"ask": {"title": "May I"}}, {"say": "d"}))
    editor.run("tabnew")
    editor.press("itext")
    editor.wait("text")
    where = "return { vim.api.nvim_get_current_win(), vim.api.nvim_win_get_cursor(0), vim.api.nvim_get_mode() }"
    before = editor.lua(where)
    editor.wait("? May I", SESSION)
    (approval,) = place.call("approval.list", {"status": "pending"})["approvals"]
    place.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    editor.wait("─ completed", SESSION)
    assert editor.lua(where) == before
    assert "Greet the reader asks: May I" in editor.messages()
    assert "the turn is completed" in editor.messages()


def test_the_statusline_counts_what_runs_and_what_waits(editor: Editor) -> None:
    line = "return vim.api.nvim_eval_statusline(require('agentlanes').statusline(), {}).str"
    assert editor.lua(line) == ""
    make_lane(editor)
    editor.wait_for(f"return (function() {line} end)() == '○ 1'")
    prompt(editor, script({"wait": True}))
    editor.wait_for(f"return (function() {line} end)() == '● 1'")
    editor.run("Lanes stop")
    prompt(editor, script({"ask": {}}))
    editor.wait_for(f"return (function() {line} end)() == '? 1'")


def test_the_agents_questions_are_asked_one_after_the_other(editor: Editor) -> None:
    editor.choose("red", "blue", "done", "another answer")
    editor.lua("""
        _G.sent = {}
        require("agentlanes.connection").request = function(method, payload)
          table.insert(_G.sent, { method, payload })
        end
        vim.ui.input = function(options, done) done("a text of one's own") end
        require("agentlanes.approval").answer({
          approval_id = "ap_1", workspace_id = "ws_1", title = "Which", options = {},
          questions = {
            { question_id = "q1", text = "Colours?", multiple = true,
              options = { { label = "red" }, { label = "green" }, { label = "blue", description = "as the sea" } } },
            { question_id = "q2", text = "Why?", free = true, options = { { label = "no reason" } } },
            { question_id = "q3", text = "Who?" },
          },
        }, "allow_once")""")
    ((method, payload),) = editor.lua("return _G.sent")
    assert method == "approval.resolve"
    assert payload == {
        "approval_id": "ap_1",
        "kind": "allow_once",
        "answers": [
            {"question_id": "q1", "values": ["red", "blue"]},
            {"question_id": "q2", "values": ["a text of one's own"]},
            {"question_id": "q3", "values": ["a text of one's own"]},
        ],
    }


def test_the_queue_is_edited_where_it_is_seen(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"say": "working"}, {"wait": True}))
    editor.wait("\nworking", SESSION)
    for words in ("first", "second", "third"):
        prompt(editor, words)
    editor.wait("⧗ third", SESSION)
    editor.go_to_window(SESSION)
    editor.go_to("⧗ third")
    editor.press("K")
    editor.wait("⧗ third\n\n⧗ second", SESSION)
    editor.go_to("⧗ first")
    editor.press("J")
    editor.wait("⧗ third\n\n⧗ first\n\n⧗ second", SESSION)
    editor.lua("vim.ui.input = function(options, done) done(options.default .. ' of all') end")
    editor.go_to("⧗ first")
    editor.press("E")
    editor.wait("⧗ first of all", SESSION)
    editor.run("Lanes replace " + script({"say": "instead"}))
    editor.wait("\ninstead", SESSION)
    assert "─ interrupted" in editor.text(SESSION)
    started = [turn for turn in place.call("turn.list")["turns"] if turn["status"] != "queued"]
    assert len(started) >= 2


def test_lines_go_along_with_a_prompt(place: Place, editor: Editor) -> None:
    make_lane(editor)
    editor.run("tabedit README.md")
    editor.run("1Lanes prompt Explain this to " + script({"say": "well"}))
    editor.wait("@ README.md:1-1", SESSION)
    (turn,) = place.call("turn.list")["turns"]
    assert turn["prompt"].endswith("README.md:1-1\n```markdown\n# A small project\n```")
    assert turn["links"][0]["uri"] == (place.folder / "repo" / "README.md").as_uri() + "#L1-L1"


def test_a_lane_is_started_from_lines_of_a_file(place: Place, editor: Editor) -> None:
    editor.run("edit README.md")
    editor.run("1Lanes start Explain this to " + script({"say": "well"}))
    editor.wait("well\n─ completed", SESSION)
    assert "@ README.md:1-1" in editor.text(SESSION)
    editor.wait_for("return vim.startswith(vim.api.nvim_buf_get_name(0), 'agentlanes://prompt/')")
    # In the lane's own file it is the lane's repository that is meant, and there is one workspace of it.
    editor.run("Lanes edit README.md")
    editor.run("Lanes start And this")
    editor.wait_for("return #require('agentlanes.mirror').list('lane') == 2")
    assert len(place.call("workspace.list")["workspaces"]) == 1
    assert len({lane["worktrees"][0]["repo_id"] for lane in place.call("lane.list")["lanes"]}) == 1


def test_everything_on_the_command_line_is_completed(place: Place, editor: Editor) -> None:
    make_lane(editor, "Greet the reader")
    complete = "return vim.fn.getcompletion(..., 'cmdline')"
    assert {"create", "open", "merge", "terminal"} <= set(editor.lua(complete, "Lanes "))
    assert editor.lua(complete, "Lanes ap") == ["approve"]
    assert editor.lua(complete, "Lanes open gre") == ["Greet the reader"]
    assert editor.lua(complete, "Lanes open Greet the re") == ["reader"]
    assert editor.lua(complete, "Lanes approve allow") == ["allow_once", "allow_always"]
    editor.wait_for("return vim.list_contains(vim.fn.getcompletion('Lanes session ', 'cmdline'), 'demo')")


def test_the_manual_tells_every_command_key_and_highlight(editor: Editor) -> None:
    text = (PLUGIN / "doc" / "agentlanes.txt").read_text()
    told = set(re.findall(r"^:(?:\[range\])?Lanes(?:\[!\])? ([a-z]+)", text, re.M))
    assert told == set(editor.lua("return vim.tbl_keys(require('agentlanes.command').commands)"))
    for name in editor.lua("return vim.fn.getcompletion('Agentlanes', 'highlight')"):
        assert name in text
    for name in editor.lua("return vim.fn.getcompletion('<Plug>(agentlanes', 'mapping')"):
        assert name in text
    for key in editor.lua("return vim.tbl_keys(require('agentlanes.config').get())"):
        assert f"{key} = " in text, key


def test_the_manuals_tags_are_right(place: Place, editor: Editor) -> None:
    copy = place.folder / "help" / "doc"
    copy.mkdir(parents=True)
    text = (PLUGIN / "doc" / "agentlanes.txt").read_text()
    (copy / "agentlanes.txt").write_text(text)
    editor.run(f"helptags {copy}")
    tags = {line.split("\t")[0] for line in (copy / "tags").read_text().splitlines()}
    assert {"agentlanes", ":Lanes", "g:agentlanes"} <= tags
    # It is there without :helptags, which nobody can read about before.
    shipped = (PLUGIN / "doc" / "tags").read_text()
    assert shipped == (copy / "tags").read_text(), "run :helptags editors/neovim/doc"
    links = set(re.findall(r"(?<!\S)\|([^|\s]+)\|", text))
    editor.run(f"set runtimepath+={copy.parent}")
    for link in links:
        assert link in tags or editor.lua("return vim.fn.getcompletion(..., 'help')", link), link
    assert max(len(line) for line in text.splitlines()) <= 79


def test_checkhealth_tells_what_is_right_and_what_is_wrong(place: Place) -> None:
    with start_editor(place) as editor:
        make_lane(editor)
        editor.run("checkhealth agentlanes")
        text = editor.wait("demo, the default: Demo agent")
        assert "ERROR" not in text
        assert "generation 1" in text
        assert "OK git: 2." in text
        assert re.search(r"codex: .*(installs it|Codex)", text)
    setup = 'vim.g.agentlanes = { cmd = { "no-such-program" }, nofify = true, windows = { lane = "new" } }'
    with start_editor(place, setup=setup) as editor:
        editor.run("checkhealth agentlanes")
        text = editor.wait("no-such-program is not on Neovim's PATH")
        assert "vim.g.agentlanes.nofify is not known" in text
        assert "vim.g.agentlanes.windows.lane must be one of" in text


def test_a_server_that_cannot_be_started_is_told_and_blocks_nothing(place: Place) -> None:
    with start_editor(place, setup='vim.g.agentlanes = { cmd = { "no-such-program", "stdio" } }') as editor:
        editor.lua("pcall(vim.cmd, 'Lanes')")
        assert "no-such-program cannot be started; see :checkhealth agentlanes" in editor.messages()
        assert editor.lua("return require('agentlanes.connection').state") == "stopped"
        editor.lua("vim.v.errmsg = ''")


def test_the_types_and_tables_are_lua(editor: Editor) -> None:
    for path in sorted((PLUGIN / "lua").rglob("*.lua")) + sorted((PLUGIN / "plugin").glob("*.lua")):
        editor.lua("assert(loadfile(...))", str(path))


def test_a_session_file_of_neovim_brings_the_windows_back(place: Place) -> None:
    saved = place.folder / "Session.vim"
    with start_editor(place) as editor:
        make_lane(editor)
        prompt(editor, script({"say": "I was here"}))
        editor.wait("─ completed", SESSION)
        editor.run("Lanes")
        editor.wait("○ Greet the reader")
        editor.run(f"mksession {saved}")
    with start_editor(place) as editor:
        editor.run(f"source {saved}")
        editor.wait("I was here\n─ completed", SESSION)
        editor.wait("○ Greet the reader", "agentlanes://lanes")


def test_the_lua_has_no_warnings() -> None:
    done = subprocess.run(
        ["luacheck", "--no-color", "--globals", "vim", "--no-max-line-length", "lua", "plugin"],
        cwd=PLUGIN,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_a_buffer_that_was_deleted_is_made_anew(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"say": "I was here"}))
    editor.wait("─ completed", SESSION)
    for kind in ("prompt", "session"):
        editor.run(f"bdelete! {editor.lua('return vim.fn.bufnr(...)', f'agentlanes://{kind}/')}")
        editor.wait_for("return vim.fn.bufnr('agentlanes://session/') < 0 and vim.fn.bufnr('agentlanes://prompt/') < 0")
        editor.run("Lanes open Greet")
        editor.wait("I was here\n─ completed", SESSION)
    prompt(editor, script({"say": "and here"}))
    editor.wait("and here\n─ completed", SESSION)
    editor.run("Lanes terminal cat")
    editor.wait_for("return vim.api.nvim_get_mode().mode == 't'")
    editor.press("twice<CR>")
    editor.wait("twice\ntwice", "agentlanes://terminal/")
    editor.run("bdelete!")
    editor.run("Lanes")
    editor.go_to("    $ ")
    editor.press("<CR>")
    editor.wait("twice\ntwice", "agentlanes://terminal/")


def test_what_nobody_looks_at_is_not_kept(place: Place, editor: Editor) -> None:
    count = "return #require('agentlanes.mirror').list('item')"
    make_lane(editor)
    prompt(editor, script({"think": "Well"}, {"say": "I was here"}))
    editor.wait("─ completed", SESSION)
    assert editor.lua(count) >= 2
    editor.run("bdelete!")
    assert editor.lua(count) == 0
    (session,) = place.call("session.list")["sessions"]
    place.call("turn.create", {"prompt": script({"say": "and here"})}, "--session", session["session_id"])
    ended = (
        "return vim.iter(require('agentlanes.mirror').list('turn')):all(function(t) return t.status == 'completed' end)"
    )
    editor.wait_for(f"return #require('agentlanes.mirror').list('turn') == 2 and (function() {ended} end)()")
    assert editor.lua(count) == 0
    editor.run("Lanes open Greet")
    editor.wait("and here\n─ completed", SESSION)
    assert editor.wait("I was here", SESSION).count("~ Well") == 1
