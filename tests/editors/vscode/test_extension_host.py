"""The extension's stories in the extension host, by the editor's own programming interface."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from cli.place import Place
from editors.vscode.workbench import EXTENSION, start_workbench

pytestmark = pytest.mark.vscode
STORIES = 14


def test_the_stories_in_the_extension_host(place: Place, chromium: Browser) -> None:
    with start_workbench(place, chromium) as workbench:
        code, logged = workbench.run_suite(EXTENSION / "dist" / "test" / "stories")
    told = "\n".join(line for line in logged if "EXT-TESTS" in line or "rror" in line)
    assert code == 0, told
    assert told.count("EXT-TESTS ok") == STORIES, told
