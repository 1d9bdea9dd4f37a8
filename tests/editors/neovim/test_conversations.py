"""What people do with a conversation in Neovim: steer it, queue for it, branch off it, hand it over, and bound it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.place import Place
from editors.neovim.editor import Editor, wait_until
from editors.neovim.test_stories import SESSION, make_lane, prompt, read_said, script, wait_said

OTHER = f"""
default_profile = "demo"

[profiles.other]
driver = "acp"
argv = {json.dumps([sys.executable, "-m", "agentlanes", "demo-agent"])}

[profiles.gone]
driver = "acp"
argv = ["no-such-agent"]
"""
WRITE = {"write": {"path": "a.txt", "text": "a\n"}}


@pytest.fixture
def place(place: Place) -> Place:
    place.configure(OTHER)
    return place


def say(editor: Editor, *steps: Mapping[str, object]) -> str:
    """A turn from the prompt area of the session that is shown, to its end; what the agent said in it."""
    buffer = editor.lua("return vim.api.nvim_buf_get_name(0)").replace("/prompt/", "/session/")
    ends = "\n".join(editor.lines(buffer)).count("─ completed")
    prompt(editor, script(*steps))
    wait_until(lambda: "\n".join(editor.lines(buffer)).count("─ completed") > ends, editor.describe)
    return "\n".join(line for line in editor.lines(buffer) if not line.startswith(("❯", "⧗")))


def go_to_new_session(editor: Editor) -> None:
    """Waits until another session's prompt area than the one that is current has the cursor."""
    before = editor.lua("return _G.before")
    editor.wait_for(
        "local name = vim.api.nvim_buf_get_name(0) return name ~= ... and vim.startswith(name, 'agentlanes://prompt/')",
        before,
    )


def remember_session(editor: Editor) -> None:
    editor.lua("_G.before = vim.api.nvim_buf_get_name(0)")


def test_a_running_turn_is_told_more(editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"say": "working"}, {"heed": True}, {"heed": True}, {"say": "done"}))
    wait_said(editor, "working")
    editor.press("iuse pytest<Esc>gs")
    wait_said(editor, "Heeded: use pytest")
    editor.run("Lanes steer and ruff too")
    wait_said(editor, "Heeded: and ruff too")
    text = editor.wait("─ completed", SESSION)
    assert text.index("↳ use pytest") < text.index("↳ and ruff too") < text.index("\nworking")
    # What nobody can be told any more stays where it was typed.
    editor.press("itoo late<Esc>gs")
    editor.wait_for("return vim.fn.execute('messages'):find('no turn is running that could be steered')")
    assert editor.lines() == ["too late"]


def test_what_waits_goes_first_or_last_and_says_something_else(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"say": "working"}, {"ask": {"title": "Go on"}}))
    editor.wait("? Go on", SESSION)
    for words in ("one", "two", "three"):
        prompt(editor, script({"say": f"said {words}"}))
        editor.wait(f"said {words}", SESSION)
    editor.run("wincmd k")
    for part, keys, order in (
        ("said three", ":Lanes queue first<CR>", "three one two"),
        ("said one", ":Lanes queue last<CR>", "three two one"),
        ("said two", "J", "three one two"),
    ):
        editor.go_to(part)
        editor.press(keys)
        editor.wait("\n\n".join(f"⧗ {script({'say': f'said {word}'})}" for word in order.split()), SESSION)
    editor.lua("vim.ui.input = function(options, done) done((options.default:gsub('said two', 'said 2'))) end")
    editor.go_to("said two")
    editor.press("E")
    editor.wait("said 2", SESSION)
    editor.press("aa")
    wait_until(lambda: editor.text(SESSION).count("─ completed") == 4, editor.describe)
    assert [line for line in read_said(editor).splitlines() if line.startswith("said ")] == [
        "said three",
        "said one",
        "said 2",
    ]


def test_a_fork_knows_what_was_said_and_goes_its_own_way(editor: Editor) -> None:
    make_lane(editor)
    say(editor, {"say": "The word is marmalade."})
    remember_session(editor)
    editor.run("Lanes fork")
    go_to_new_session(editor)
    assert "marmalade" in say(editor, {"recall": 4})
    assert "↪ goes on from demo" in editor.lua(
        "return vim.api.nvim_buf_get_lines(vim.fn.bufnr((vim.api.nvim_buf_get_name(0):gsub('/prompt/', '/session/'))),"
        " 0, 1, false)[1]"
    )
    say(editor, {"say": "Only the fork knows of plums."})
    # Both stand below their lane, and lead back to where they were.
    editor.run("Lanes")
    editor.wait_for("return vim.api.nvim_buf_get_name(0) == 'agentlanes://lanes'")
    wait_until(lambda: sum("demo idle" in line for line in editor.lines()) == 2, editor.describe)
    editor.go_to("demo idle")
    editor.press("<CR>")
    editor.wait_for("return vim.api.nvim_buf_get_name(0) == _G.before")
    assert "plums" not in say(editor, {"recall": 20})


def test_turns_are_taken_back_or_it_is_said_what_would_work(place: Place, editor: Editor) -> None:
    make_lane(editor)
    say(editor, {"say": "The word is marmalade."})
    say(editor, {"say": "Forget it."})
    editor.run("wincmd k")
    editor.choose("Take back")
    editor.go_to('"Forget it."')
    editor.run("Lanes rewind")
    editor.wait_for("return vim.v.errmsg ~= ''")
    assert "agentlanes: " in editor.lua("local told = vim.v.errmsg vim.v.errmsg = '' return told")
    editor.choose("Take back")
    editor.go_to('"The word is marmalade."')
    editor.run("Lanes rewind")
    wait_until(lambda: editor.text(SESSION).count("─ taken back") == 2, editor.describe)
    editor.press("i<Esc>")
    editor.wait_for("return vim.startswith(vim.api.nvim_buf_get_name(0), 'agentlanes://prompt/')")
    (session,) = place.call("session.list")["sessions"]
    say(editor, {"recall": 20})
    *_, turn = place.call("turn.list", {}, "--session", session["session_id"])["turns"]
    assert "marmalade" not in turn["summary"]


def test_another_agent_takes_over_and_knows_what_was_done(editor: Editor) -> None:
    make_lane(editor)
    say(editor, {"write": {"path": "pears.txt", "text": "3\n", "ask": False}}, {"say": "There are three pears."})
    remember_session(editor)
    editor.run("Lanes handover other")
    go_to_new_session(editor)
    told = editor.lua("return (vim.api.nvim_buf_get_name(0):gsub('/prompt/', '/session/'))")
    head = editor.wait("- pears.txt (edited)", told)
    assert head.startswith("↪ takes over from demo")
    assert "There are three pears." in say(editor, {"recall": 1})
    assert "↪ told what was done before" in editor.text(told)


def test_an_agent_that_cannot_start_says_so_where_one_looks(editor: Editor) -> None:
    make_lane(editor)
    remember_session(editor)
    editor.run("Lanes session gone")
    go_to_new_session(editor)
    told = editor.lua("return (vim.api.nvim_buf_get_name(0):gsub('/prompt/', '/session/'))")
    assert "no-such-agent" in editor.wait("! ", told)


def test_a_lane_that_plans_changes_nothing(place: Place, editor: Editor) -> None:
    make_lane(editor)
    editor.run("Lanes mode plan")
    editor.wait_for("return require('agentlanes.mirror').list('lane')[1].permission_mode == 'plan'")
    prompt(editor, script(WRITE, {"say": "so be it"}))
    editor.wait("─ completed", SESSION)
    (lane,) = place.call("lane.list")["lanes"]
    file = Path(lane["worktrees"][0]["path"]) / "a.txt"
    assert not file.exists()
    assert "denied by policy" in editor.text(SESSION)
    editor.run("Lanes mode supervised")
    editor.wait_for("return require('agentlanes.mirror').list('lane')[1].permission_mode == 'supervised'")
    prompt(editor, script(WRITE))
    editor.wait("aa Allow", SESSION)
    editor.press("ga")
    wait_until(lambda: editor.text(SESSION).count("─ completed") == 2, editor.describe)
    assert file.read_text() == "a\n"


def test_an_answer_that_counts_for_the_lane_is_not_asked_again_until_it_is_revoked(
    place: Place, editor: Editor
) -> None:
    make_lane(editor)
    prompt(editor, script(WRITE))
    editor.wait("aa Allow", SESSION)
    editor.choose("Allow what is like it in this lane")
    editor.run("Lanes approve")
    editor.wait("─ completed", SESSION)
    say(editor, WRITE)
    assert "approved by policy" in editor.text(SESSION)
    editor.choose("")
    editor.run("Lanes grants")
    editor.wait_for("return #require('agentlanes.mirror').list('grant') == 0")
    prompt(editor, script(WRITE))
    editor.wait("aa Allow", SESSION)
    editor.press("gr")
    wait_until(lambda: editor.text(SESSION).count("─ completed") == 3, editor.describe)


def test_limits_end_a_turn_and_are_named(place: Place, editor: Editor) -> None:
    make_lane(editor)
    editor.choose("new limits")
    editor.lua("""
        local answers = { "small", "tokens=5k time=1h cost=2.50EUR" }
        vim.ui.input = function(_, done) done(table.remove(answers, 1)) end""")
    editor.run("Lanes limit")
    editor.wait_for("return require('agentlanes.mirror').list('lane')[1].constraint_id")
    (constraint,) = place.call("constraint.list")["constraints"]
    assert (constraint["token_budget"], constraint["time_limit_ms"]) == (5000, 3_600_000)
    assert constraint["cost_limit"] == {"amount": 2.5, "currency": "EUR"}
    prompt(editor, script({"say": "so far"}, {"usage": {"used": 5001, "size": 10_000}}, {"wait": True}))
    assert "small" in editor.wait("─ interrupted", SESSION).partition("─ interrupted")[2]
    editor.run("Lanes")
    editor.wait("≤ small")
    editor.choose("small  time=1h tokens=5k cost=2.5EUR  (chosen)")
    editor.run("Lanes limit")
    assert editor.lua("return _G.unchosen") is None
    editor.run("Lanes limit default")
    editor.wait_for("return not require('agentlanes.mirror').list('lane')[1].constraint_id")


def test_everything_stops_and_nothing_of_it_begins_again_by_itself(place: Place, editor: Editor) -> None:
    make_lane(editor)
    prompt(editor, script({"say": "working"}, {"hang": True}))
    wait_said(editor, "working")
    prompt(editor, script({"say": "what waited"}))
    editor.wait("⧗ ", SESSION)
    editor.choose("Stop them")
    editor.run("Lanes halt")
    editor.wait("─ interrupted", SESSION)
    editor.wait("─ canceled", SESSION)
    editor.wait_for("return vim.fn.execute('messages'):find('stopped 1 sessions: 1 turns cut, 1 taken back')")
    (session,) = place.call("session.list")["sessions"]
    assert session["status"] == "detached"
    say(editor, {"say": "A prompt starts it again."})
    assert "what waited" not in read_said(editor)
