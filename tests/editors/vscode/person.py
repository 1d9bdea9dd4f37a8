"""What a person does in a window of VS Code, with its mouse and keys."""

from __future__ import annotations

import re

from playwright.sync_api import FrameLocator, Locator, Page, expect

from editors.vscode.workbench import PICTURES


class Person:
    """Somebody in front of a window."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def look_at_lanes(self) -> None:
        """Shows the view of the activity bar, unless it is there."""
        expect(self.page.get_by_role("tab", name="Agent Lanes")).to_be_visible()
        if not self.page.get_by_role("button", name="Lanes Section").is_visible():
            self.page.get_by_role("tab", name="Agent Lanes").locator("a").click()
        expect(self.page.get_by_role("button", name="Lanes Section")).to_be_visible()

    def start_lane(self, prompt: str) -> None:
        """By the button in the view."""
        self.look_at_lanes()
        self.page.get_by_role("button", name=re.compile("^Start a Lane")).first.click()
        box = self.page.locator(".quick-input-widget input.input")
        expect(box).to_be_visible()
        box.fill(prompt)
        box.press("Enter")
        expect(self.tree_row(prompt)).to_be_visible()
        expect(self.session.locator("section").first).to_contain_text(prompt)

    def tree_row(self, name: str) -> Locator:
        """The first row of a view that begins with a name."""
        return self.page.get_by_role("treeitem", name=name).first

    @property
    def session(self) -> FrameLocator:
        """The page of the session that is in front."""
        return self.page.frame_locator("iframe.webview:visible").frame_locator("iframe#active-frame")

    def photograph(self, name: str) -> None:
        """Keeps a picture of the window."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"vscode-{name}.png")
