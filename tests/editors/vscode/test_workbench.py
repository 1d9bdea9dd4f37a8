"""The extension in a real VS Code: its stories in the extension host, and what a person sees of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from cli.place import Place
from editors.vscode.person import Person
from editors.vscode.workbench import EXTENSION, PATIENCE_MS, start_workbench

PACKED = EXTENSION / "dist" / "agentlanes.vsix"

pytestmark = pytest.mark.vscode
expect.set_options(timeout=PATIENCE_MS)


@pytest.mark.parametrize(("suite", "stories"), [("lanes", 6), ("connection", 3), ("terminals", 4)])
def test_the_stories_in_the_extension_host(place: Place, suite: str, stories: int) -> None:
    with start_workbench(place) as workbench:
        code, logged = workbench.run_suite(EXTENSION / "dist" / "test" / suite)
    assert code == 0, "\n".join(line for line in logged if "EXT-TESTS" in line or "rror" in line)
    assert sum("EXT-TESTS ok" in line for line in logged) == stories, logged


def test_what_a_person_sees(place: Place) -> None:
    with start_workbench(place, packed=PACKED) as workbench, workbench.open() as page:
        person = Person(page)
        person.start_lane("Greet the reader")
        question = person.tree_row("Write NOTES.md")
        expect(question).to_be_visible()
        expect(person.session.locator(".question")).to_be_visible()
        person.photograph("question")
        question.hover()
        question.get_by_role("button", name="Allow Once").click()
        expect(person.session.locator(".status.completed")).to_be_visible()
        expect(question).to_have_count(0)
        expect(person.session.locator(".question")).to_have_count(0)
        person.photograph("session")
