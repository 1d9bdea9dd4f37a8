"""The extension in a real VS Code: its stories in the extension host, and what a person sees of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from cli.place import Place
from editors.vscode.workbench import EXTENSION, PATIENCE_MS, PICTURES, start_workbench

pytestmark = pytest.mark.vscode
expect.set_options(timeout=PATIENCE_MS)


def test_the_stories_in_the_extension_host(place: Place) -> None:
    with start_workbench(place) as workbench:
        code, logged = workbench.run_suite(EXTENSION / "dist" / "test" / "suite")
    assert code == 0, "\n".join(line for line in logged if "EXT-TESTS" in line or "rror" in line)
    assert sum("EXT-TESTS ok" in line for line in logged) == 4, logged


def test_what_a_person_sees(place: Place) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with start_workbench(place, packed=EXTENSION / "dist" / "agentlanes.vsix") as workbench, workbench.open() as page:
        page.get_by_role("tab", name="Agent Lanes").locator("a").click()
        page.get_by_role("button", name="Start a Lane", exact=True).click()
        box = page.locator(".quick-input-widget input.input")
        expect(box).to_be_visible()
        box.fill("Greet the reader")
        box.press("Enter")
        lane = page.get_by_role("treeitem", name="Greet the reader").first
        expect(lane).to_be_visible()
        question = page.get_by_role("treeitem", name="Write NOTES.md")
        expect(question).to_be_visible()
        page.screenshot(path=PICTURES / "vscode-question.png")
        question.hover()
        question.get_by_role("button", name="Allow Once").click()
        transcript = page.frame_locator("iframe.webview").frame_locator("iframe#active-frame")
        expect(transcript.locator(".status.completed")).to_be_visible()
        expect(question).to_have_count(0)
        page.screenshot(path=PICTURES / "vscode-session.png")
