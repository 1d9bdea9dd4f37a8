"""What a person does in Neovim, by the plugin's own commands and keys."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from cli.place import Place
from editors.neovim.editor import Editor, start_editor, wait_until

SESSION = "agentlanes://session/"
TERMINAL = "agentlanes://terminal/"


def script(*steps: Mapping[str, object]) -> str:
    """A prompt that tells the demo agent what to do."""
    return f"SCRIPT:{json.dumps(list(steps))}ENDSCRIPT"


def make_lane(editor: Editor, name: str = "Greet the reader") -> None:
    """A lane with its session open, and the cursor in its prompt."""
    editor.run(f"Lanes create {name}")
    editor.wait_for(
        """
        local here = vim.b.agentlanes
        local lane = here and require("agentlanes.mirror").get("lane", here.lane_id)
        return lane and lane.name == ... and vim.startswith(vim.api.nvim_buf_get_name(0), "agentlanes://prompt/")""",
        name,
    )


def prompt(editor: Editor, text: str) -> None:
    """Types and sends a prompt in the current buffer, which is the prompt area."""
    editor.lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(..., '\\n'))", text)
    editor.press("<CR>")


def read_said(editor: Editor) -> str:
    """The transcript without the prompts."""
    return "\n".join(line for line in editor.lines(SESSION) if not line.startswith(("❯", "⧗")))


def wait_said(editor: Editor, part: str) -> None:
    """Until the agent has said a part."""
    wait_until(lambda: part in read_said(editor), editor.describe)


def count_words(editor: Editor, word: str) -> list[int]:
    """The numbers after a word in what the agent said, in their order."""
    return [int(part.removeprefix(word)) for part in read_said(editor).split() if part.startswith(word)]


def test_from_a_prompt_to_a_merged_lane(place: Place, editor: Editor) -> None:
    make_lane(editor)
    editor.press("iWrite GREETING<Esc><CR>")
    editor.wait("aa Allow", SESSION)
    editor.run("Lanes")
    editor.wait("? Greet the reader: Write GREETING.md")
    editor.press("aa")
    editor.wait("+5 −0")
    assert "approved by client/Neovim" in editor.wait("─ completed", SESSION)
    editor.go_to("○ Greet the reader")
    editor.press("d")
    editor.wait_for("return vim.wo.diff and vim.api.nvim_buf_line_count(0) == 5")
    assert editor.lines()[0] == "# Greeting"
    editor.run("wincmd t")
    editor.choose("Merge")
    editor.press("m")
    editor.wait_for("return vim.fn.execute('messages'):find('is merged into main')")
    assert place.git("show", "main:GREETING.md").splitlines()[0] == "# Greeting"
    editor.press("q")
    editor.run("Lanes close! Greet the reader")
    editor.wait("Closed lanes · 1", "agentlanes://lanes")
    assert place.git("branch", "--format=%(refname:short)") == "main"


def test_the_diff_shows_the_merge_base_beside_the_file_that_can_be_edited(place: Place, editor: Editor) -> None:
    (place.folder / "repo" / "poem.txt").write_text("one\ntwo\nthree\n")
    place.git("add", ".")
    place.git("commit", "-q", "-m", "A poem")
    make_lane(editor)
    edits = [{"path": "poem.txt", "text": "one\nzwei\nthree\nfour"}, {"path": "new.txt", "text": "new\n"}]
    prompt(editor, script(*({"write": {**edit, "ask": False}} for edit in edits), {"run": ["rm", "README.md"]}))
    editor.wait("─ completed", SESSION)
    place.git("commit", "-q", "--allow-empty", "-m", "The target goes on")
    editor.run("Lanes diff")
    editor.wait("M poem.txt +2 −1", "agentlanes://diff/")
    editor.wait_for("return vim.wo.diff")
    assert [line[0] for line in editor.lines("agentlanes://diff/") if "+" in line] == ["D", "A", "M"]
    editor.run("wincmd t")
    editor.go_to("poem.txt")
    editor.press("<CR>")
    pair = """
        local out = {}
        for _, win in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
          if vim.wo[win].diff then
            table.insert(out, vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(win), 0, -1, false))
          end
        end
        return out"""
    wanted = [["one", "two", "three"], ["one", "zwei", "three", "four"]]
    editor.wait_for("local f, want = loadstring((...)), select(2, ...) return vim.deep_equal(f(), want)", pair, wanted)
    (lane,) = place.call("lane.list")["lanes"]
    file = Path(lane["worktrees"][0]["path"]) / "poem.txt"
    editor.run("wincmd b | %s/zwei/2/ | write")
    assert file.read_text().splitlines() == ["one", "2", "three", "four"]
    editor.press("[f")
    editor.wait_for(
        "local f, want = loadstring((...)), select(2, ...) return vim.deep_equal(f()[2], want)", pair, ["new"]
    )
    signs = """
        return vim.tbl_map(function(mark) return { mark[2] + 1, vim.trim(mark[4].sign_text) } end,
          vim.api.nvim_buf_get_extmarks(vim.fn.bufnr(...), vim.api.nvim_create_namespace("agentlanes.signs"), 0, -1,
            { details = true }))"""
    editor.wait_for(f"return vim.deep_equal((function(...) {signs} end)(...), {{ {{2, '┃'}}, {{4, '┃'}} }})", str(file))
    editor.run("tabclose | Lanes changes")
    editor.wait_for("return vim.bo.buftype == 'quickfix'")
    assert [line.split("|")[0].rpartition("/")[2] for line in editor.lines()] == [
        "README.md",
        "new.txt",
        "poem.txt",
        "poem.txt",
    ]


def test_an_editor_that_left_in_mid_turn_finds_everything_when_it_comes_back(place: Place) -> None:
    with start_editor(place) as editor:
        make_lane(editor)
        first, second = (" ".join(f"n{i}" for i in part) for part in (range(200), range(200, 400)))
        prompt(editor, script({"pace": 1}, {"say": first}, {"ask": {"title": "Go on"}}, {"say": second}))
        wait_said(editor, "n9 ")
        editor.press("ihalf a thought<Esc>")
    with start_editor(place) as editor:
        editor.run("Lanes open Greet")
        editor.wait("half a thought", "agentlanes://prompt/")
        editor.wait("aa Allow", SESSION)
        editor.press("q")
        editor.run("Lanes approve allow_once")
        editor.run("Lanes open Greet")
        wait_said(editor, "n250")
    with start_editor(place) as editor:
        editor.run("Lanes open Greet")
        editor.wait("─ completed", SESSION)
        # The turns are read before what was said in them.
        wait_until(lambda: len(count_words(editor, "n")) >= 400, editor.describe)
        assert count_words(editor, "n") == list(range(400))


def test_a_server_that_is_killed_comes_back_under_the_open_editor(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"pace": 2}, {"say": " ".join(f"n{i}" for i in range(400))}))
    wait_said(editor, "n9 ")
    for _ in range(2):
        os.kill(place.call("server.status")["pid"], signal.SIGKILL)
        editor.wait_for("return require('agentlanes.connection').state ~= 'connected'")
        editor.wait_for("return require('agentlanes.connection').state == 'connected'")
    editor.wait("─ completed", SESSION)
    assert count_words(editor, "n") == list(range(400))
    assert place.call("server.status")["generation"] == 3
    # What is sent while there is no server is done once there is one, and once.
    os.kill(place.call("server.status")["pid"], signal.SIGKILL)
    prompt(editor, script({"say": "still here"}))
    editor.wait("still here\n─ completed", SESSION)
    assert len(place.call("turn.list")["turns"]) == 2
    assert "quit with exit code" not in editor.messages()


def test_two_editors_on_one_session_see_the_same(place: Place, editor: Editor) -> None:
    make_lane(editor)
    with start_editor(place) as other:
        other.run("Lanes open Greet")
        other.wait_for("return vim.startswith(vim.api.nvim_buf_get_name(0), 'agentlanes://prompt/')")
        prompt(editor, "Write GREETING")
        other.wait("aa Allow", SESSION)
        # The question is looked at in one editor and answered in the other.
        editor.run("Lanes")
        editor.go_to("? Greet the reader: Write GREETING.md")
        editor.press("d")
        editor.wait_for("return #vim.api.nvim_list_tabpages() == 2 and vim.wo.diff")
        other.run("Lanes answer reject_once")
        editor.wait_for("return #vim.api.nvim_list_tabpages() == 1")
        for each in (editor, other):
            each.wait("Nothing was changed; tell me what you would like instead.", SESSION)
            each.wait("─ completed", SESSION)
        assert editor.text(SESSION) == other.text(SESSION)
        assert "denied by client/Neovim" in editor.text(SESSION)
        editor.run("Lanes open Greet")
        # Both know what the other typed into the queue, and who comes first is told to the one who comes second.
        prompt(editor, script({"ask": {"title": "Which"}}))
        other.wait("? Which", SESSION)
        prompt(other, "And then the NOTES")
        editor.wait("⧗ And then the NOTES", SESSION)
        editor.run("Lanes answer allow_once")
        other.run("Lanes answer allow_once")
        for each in (editor, other):
            each.wait("decision: allow_once", SESSION)


def test_a_terminal_outlives_the_editor(place: Place) -> None:
    with start_editor(place) as editor:
        make_lane(editor)
        editor.press("q")
        editor.run("Lanes terminal")
        editor.wait_for("return vim.api.nvim_get_mode().mode == 't'")
        editor.press("echo $((40+2)); stty size; read x; echo got:$x<CR>")
        editor.wait("42\n", TERMINAL)
        rows, columns = editor.lua("return { vim.api.nvim_win_get_height(0), vim.api.nvim_win_get_width(0) }")
        editor.wait(f"{rows} {columns}", TERMINAL)
        (terminal,) = place.call("terminal.list")["terminals"]
    place.run("watch", "--after", "0", "--until", "terminal.spawned")
    with start_editor(place) as editor:
        editor.run("Lanes")
        editor.wait("active")
        editor.go_to("    $ ")
        editor.press("<CR>")
        assert editor.wait("42\n", TERMINAL).count("42\n") == 1
        os.kill(place.call("server.status")["pid"], signal.SIGKILL)
        editor.press("iafter all<CR>")
        editor.wait("got:after all", TERMINAL)
        editor.press("exit 3<CR>")
        assert editor.wait("[exit 3]", TERMINAL).count("42\n") == 1
    place.call("terminal.get", {}, "--terminal", terminal["terminal_id"])


def test_a_flood_does_not_keep_the_user_from_typing(place: Place, editor: Editor) -> None:
    make_lane(editor)
    editor.press("q")
    editor.run("Lanes terminal yes flood")
    editor.wait_at_end("flood", TERMINAL)
    editor.press("<C-\\><C-n>")
    shown = "return vim.api.nvim_buf_get_changedtick(vim.fn.bufnr('agentlanes://terminal/'))"
    before = editor.lua(shown)
    editor.run("new")
    for word in ("one", "two", "three"):
        editor.press(f"A{word} <Esc>")
        editor.wait(word)
    assert editor.text() == "one two three "
    editor.wait_for(f"return (function() {shown} end)() > ...", before)
    editor.go_to_window(TERMINAL)
    editor.press("i")
    editor.wait_for("return vim.api.nvim_get_mode().mode == 't'")
    editor.press("<C-c>")
    editor.wait_for("return require('agentlanes.mirror').list('terminal')[1].state == 'closed'")
    assert [terminal["state"] for terminal in place.call("terminal.list")["terminals"]] == ["closed"]


def test_turns_wait_and_are_stopped_and_taken_back(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"say": "working"}, {"wait": True}))
    wait_said(editor, "working")
    prompt(editor, "a second")
    prompt(editor, "a third")
    text = editor.wait("⧗ a third", SESSION)
    assert text.index("working") < text.index("⧗ a second") < text.index("⧗ a third")
    editor.run("wincmd k")
    editor.go_to("⧗ a third")
    editor.press("s")
    editor.wait("─ canceled", SESSION)
    editor.go_to("❯ SCRIPT")
    editor.press("s")
    assert "❯ a second" in editor.wait("─ interrupted", SESSION)


def test_work_that_exists_nowhere_else_is_asked_about(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"write": {"path": "only.txt", "text": "here\n", "ask": False}}))
    editor.wait("─ completed", SESSION)
    editor.choose("Cancel")
    editor.run("Lanes close")
    editor.run("Lanes")
    editor.wait_for("return _G.unchosen == nil and vim.ui.select ~= nil")
    editor.wait("+1 −0")
    assert place.call("lane.list", {"status": "closed"})["lanes"] == []
    editor.choose("Save its work and close it")
    editor.run("Lanes close Greet")
    editor.wait("Closed lanes · 1")
    (lane,) = place.call("lane.list", {"status": "closed"})["lanes"]
    assert lane["rescues"]
    editor.run("Lanes restore Greet")
    editor.wait("○ Greet the reader  ready")


def test_answers_may_count_for_longer_and_are_revoked(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"write": {"path": "a.txt", "text": "a\n"}}))
    editor.wait("? Write a.txt", SESSION)
    editor.choose("Allow what is like it in this lane")
    editor.run("Lanes approve")
    editor.wait("─ completed", SESSION)
    assert place.call("grant.list")["grants"]
    editor.choose("")
    editor.run("Lanes grants")
    editor.wait_for("return #require('agentlanes.mirror').list('grant') == 0")
    assert place.call("grant.list")["grants"] == []


def test_who_decides_is_said_for_each_lane(place: Place, editor: Editor) -> None:
    make_lane(editor)
    editor.run("Lanes mode plan")
    editor.run("Lanes")
    editor.wait("○ Greet the reader  ready · plan")
    editor.run("Lanes mode supervised")
    editor.wait_for("return not vim.api.nvim_buf_get_lines(0, 0, -1, false)[6]:find('plan')")


def test_every_agent_stops_at_once(place: Place, editor: Editor) -> None:
    for name in ("First", "Second"):
        make_lane(editor, name)
        prompt(editor, script({"say": name}, {"wait": True}))
    editor.run("Lanes")
    wait_until(lambda: editor.text().count("running") == 5, editor.describe)
    editor.run("Lanes! halt")
    editor.wait("0 running")
    assert {turn["status"] for turn in place.call("turn.list")["turns"]} == {"interrupted"}


def test_another_session_goes_on_from_what_this_one_was_about(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"say": "The answer is 42."}))
    editor.wait("─ completed", SESSION)
    editor.run("Lanes handover demo")
    editor.wait_for(
        "return #vim.tbl_filter(function(s) return s.origin end, require('agentlanes.mirror').list('session')) > 0"
    )
    sessions = place.call("session.list", {"unlisted": True})["sessions"]
    assert [session.get("origin", {}).get("kind") for session in sessions] == [None, "handover"]
