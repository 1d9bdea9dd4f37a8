"""What a person sees in a window of VS Code, and what is there again after it was closed."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Mapping

import pytest
from playwright.sync_api import Browser, expect

from cli.place import Place
from editors.neovim.screen import start_screen
from editors.vscode.person import Person
from editors.vscode.workbench import PACKED, Workbench, start_workbench

pytestmark = pytest.mark.vscode


def script(*steps: Mapping[str, object]) -> str:
    """A prompt that tells the demo agent what to do."""
    return f"SCRIPT:{json.dumps(list(steps))}ENDSCRIPT"


def count(numbers: range) -> str:
    return " ".join(f"n{number}" for number in numbers)


FIRST, SECOND = count(range(150)), count(range(150, 300))
COUNT = script({"pace": 10}, {"say": FIRST}, {"ask": {"title": "Go on"}}, {"say": SECOND})
SAID = [FIRST, "decision: allow_once", SECOND]


def test_from_a_prompt_to_a_merged_lane(workbench: Workbench, person: Person) -> None:
    place, page = workbench.place, person.page
    person.start_lane("Greet the reader")
    question = person.tree_row("Write NOTES.md")
    expect(question).to_be_visible()
    expect(person.question).to_be_visible()
    person.photograph("question")
    question.hover()
    question.get_by_role("button", name="Show What It Would Change").click()
    asked = page.get_by_role("tab", name="NOTES.md (asked)")
    expect(asked).to_be_visible()
    question.hover()
    question.get_by_role("button", name="Allow Once").click()
    expect(question).to_have_count(0)
    # It was about the question, and goes with it.
    expect(asked).to_have_count(0)
    expect(person.session.locator(".status.completed")).to_be_visible()
    lane = page.get_by_role("treeitem", name=re.compile(r"^Greet the reader .*\+\d+ −0"))
    expect(lane).to_be_visible()
    person.choose_command("Notifications: Clear All Notifications")
    person.photograph("session")
    lane.hover()
    lane.get_by_role("button", name="Review the Changes").click()
    expect(page.locator(".monaco-diff-editor .modified .view-line").first).to_contain_text("# Notes")
    person.photograph("review")
    person.command("Merge")
    person.confirm("Merge")
    told = person.told("is merged into main")
    expect(told).to_be_visible()
    expect(person.tree_row("Greet the reader ready merged into main")).to_be_visible()
    person.photograph("merged")
    assert place.git("show", "main:NOTES.md").startswith("# Notes")
    told.get_by_role("button", name="Close the Lane").click()
    expect(person.tree_row("Closed")).to_be_visible()
    assert not place.git("worktree", "list", "--porcelain").count("worktree ") > 1


def test_a_window_that_was_closed_in_mid_turn_finds_everything_when_it_comes_back(
    workbench: Workbench, person: Person
) -> None:
    place, page = workbench.place, person.page
    person.start_lane("Count far")
    person.answer("Reject")
    person.write("half a thought")
    session = place.call("session.list")["sessions"][-1]["session_id"]
    workbench.wait_until_kept(page, session, "half a thought")
    place.call("turn.create", {"prompt": COUNT}, "--session", session)
    turn = person.turn(1)
    expect(turn.locator(".message")).to_contain_text("n9 ")
    page.goto("about:blank")
    workbench.visit(page)
    # The same panel, in the same place, with the question that came meanwhile.
    expect(person.question).to_contain_text("Go on")
    expect(person.session.locator("#prompt")).to_have_value("half a thought")
    expect(page.locator(".editor-group-container .tab")).to_have_count(1)
    expect(turn.locator(".message")).to_have_text([FIRST])
    person.answer("Allow")
    person.expect_said(turn, *SAID)


def test_a_question_that_was_answered_while_the_window_was_closed_is_no_question_any_more(
    workbench: Workbench, person: Person
) -> None:
    place, page = workbench.place, person.page
    person.start_lane("Ask somebody else")
    expect(person.question).to_be_visible()
    workbench.wait_until_kept(page, place.call("session.list")["sessions"][-1]["session_id"])
    page.goto("about:blank")
    (approval,) = place.call("approval.list", {"status": "pending"})["approvals"]
    seq = place.call("server.status")["seq"]
    place.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    assert place.run("watch", "--after", str(seq), "--until", "turn.completed").returncode == 0
    workbench.visit(page)
    expect(person.turn().locator(".status.completed")).to_be_visible()
    expect(person.turn()).to_contain_text("Done: I")
    expect(person.question).to_have_count(0)
    person.look_at_lanes()
    expect(page.get_by_text("No agent waits for you.")).to_be_visible()


def test_a_server_that_is_killed_under_the_window_is_back_with_everything(workbench: Workbench, person: Person) -> None:
    place = workbench.place
    person.start_lane("Outlive the server")
    person.answer("Reject")
    before = place.call("server.status")
    person.send(COUNT)
    turn = person.turn(1)
    expect(turn.locator(".message")).to_contain_text("n9 ")
    os.kill(before["pid"], signal.SIGKILL)
    expect(person.question).to_contain_text("Go on")
    expect(turn.locator(".message")).to_have_text([FIRST])
    person.answer("Allow")
    person.expect_said(turn, *SAID)
    assert place.call("server.status")["generation"] > before["generation"]


def test_a_terminal_that_floods_while_one_types(person: Person) -> None:
    page = person.page
    person.start_lane("Flood the terminal")
    person.answer("Reject")
    person.command("Open a Terminal in the Lane")
    screen = page.locator(".terminal-wrapper.active .xterm-rows")
    keys = page.locator(".terminal-wrapper.active .xterm-helper-textarea")
    expect(screen).to_contain_text(re.compile("[#$]"))
    keys.focus()
    page.keyboard.type("while :; do echo line $((6 * 7)) of a flood; done & read word; kill $!; wait; echo got $word\n")
    expect(screen).to_contain_text("line 42 of a flood")
    # The window is there for other things meanwhile, and the keys go where they belong afterwards.
    page.keyboard.press("F1")
    expect(person.ask_box).to_be_visible()
    page.keyboard.press("Escape")
    keys.focus()
    page.keyboard.type("enough\n")
    expect(screen).to_contain_text("got enough")
    page.keyboard.type("exit\n")
    expect(screen).to_contain_text("the program has ended with 0")
    page.keyboard.press("Control+j")
    expect(screen).to_have_count(0)


def test_a_script_and_neovim_drive_the_session_that_the_window_shows(workbench: Workbench, person: Person) -> None:
    place = workbench.place
    person.start_lane("Say how to contribute")
    expect(person.question).to_be_visible()
    with start_screen(place) as neovim:
        neovim.type(":Lanes open Say", "Enter")
        neovim.wait("aa Allow")
        neovim.photograph("neovim-beside-vscode")
        person.photograph("beside-neovim")
        allow = person.question.get_by_role("button", name="Allow", exact=True)
        allow.focus()
        # The script prompts, and the window queues what it says behind the question.
        session = place.call("session.list")["sessions"][-1]["session_id"]
        place.call("turn.create", {"prompt": script({"say": "the script was here"})}, "--session", session)
        expect(person.session.locator("#queue")).to_contain_text("the script was here")
        expect(allow).to_be_focused()
        # The first answer counts, from whichever editor it comes, and both see it.
        neovim.editor.run("Lanes answer allow_once")
        expect(person.question).to_have_count(0)
        person.expect_said(person.turn(1), "the script was here")
        person.send(script({"say": "the window was here"}))
        person.expect_said(person.turn(2), "the window was here")
        neovim.editor.wait("the window was here", "agentlanes://session/")
    approval = place.call("approval.list", {"limit": 1000})["approvals"][-1]
    assert approval["decision"]["actor"].startswith("client/Neovim")


def test_a_conversation_is_taken_back_handed_over_and_bounded(workbench: Workbench, person: Person) -> None:
    place, page = workbench.place, person.page
    person.start_lane("Talk about fruit")
    person.answer("Reject")
    person.send(script({"say": "The word is marmalade."}))
    person.expect_said(person.turn(1), "The word is marmalade.")
    # The limits of its turns are made on the way.
    person.command("Limits of the Lane's Turns…")
    person.pick("Limits of turns in Talk about fruit", "New limits…")
    person.tell("New Limits (1/3)", "an hour")
    person.tell("New Limits (2/3)", "60")
    person.tell("New Limits (3/3)", "")
    person.send(script({"say": "Forget it."}))
    person.expect_said(person.turn(2), "Forget it.")
    session = place.call("session.list")["sessions"][-1]
    last = place.call("turn.list", {}, "--session", session["session_id"])["turns"][-1]
    assert last["limits"]["time_limit_ms"] == 3_600_000
    # This agent can forget everything, or nothing.
    person.rewind(person.turn(1))
    expect(person.told("cannot")).to_be_visible()
    person.rewind(person.turn(0))
    for number in range(3):
        expect(person.turn(number).locator(".status")).to_have_text(re.compile("^taken back"))
    person.send(script({"recall": 20}))
    expect(person.turn(3).locator(".status.completed")).to_be_visible()
    expect(person.turn(3)).not_to_contain_text("marmalade")
    # Another agent goes on, and knows what was done.
    person.send(script({"say": "There are three pears."}))
    person.expect_said(person.turn(4), "There are three pears.")
    person.command("Hand the Conversation Over to Another Agent…")
    person.pick("Who goes on with", "other")
    expect(person.session.locator("#head")).to_contain_text("takes over from demo")
    person.send(script({"recall": 1}))
    expect(person.turn().locator(".status.completed")).to_be_visible()
    expect(person.turn()).to_contain_text("There are three pears.")
    person.command("Health Check")
    page_text = page.locator(".editor-instance .view-lines")
    expect(page_text).to_contain_text("demo")
    expect(page_text).to_contain_text("ready")


def test_the_walkthrough_shows_how_it_is_done(person: Person) -> None:
    page = person.page
    page.set_viewport_size({"width": 1700, "height": 800})
    person.command("Getting Started")
    for title, picture in (("Start a lane", "session"), ("Answer its questions", "question"), ("Review", "review")):
        step = page.locator(".getting-started-step").filter(has_text=title).first
        step.click()
        expect(step).to_have_class(re.compile("expanded"))
        expect(step).not_to_contain_text(re.compile(r"[*`\]]"))
        shown = person.session.locator(f"img[src$='doc/{picture}.png']")
        expect(shown).to_have_js_property("naturalWidth", 1280)
    person.photograph("walkthrough")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_in_an_untrusted_folder_lanes_are_shown_and_nothing_is_started(place: Place, chromium: Browser) -> None:
    place.make_lane()
    untrusted = start_workbench(place, chromium, packed=PACKED, trusts=False)
    with untrusted as workbench, workbench.open() as page:
        person = Person(page)
        person.look_at_lanes()
        expect(person.tree_row("Try it")).to_be_visible()
        page.keyboard.press("F1")
        words, rows = person.ask_box.locator("input.input"), person.ask_box.locator(".monaco-list-row")
        words.fill(">Agent Lanes: Review")
        expect(rows.filter(has_text="Agent Lanes: Review the Changes")).to_be_visible()
        words.fill(">Agent Lanes: Start")
        expect(rows.filter(has_text="Agent Lanes: Getting Started")).to_be_visible()
        expect(rows.filter(has_text="Agent Lanes: Start a Lane")).to_have_count(0)
