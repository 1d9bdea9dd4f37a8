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
        tab = self.page.get_by_role("tab", name="Agent Lanes")
        expect(tab).to_be_visible()
        if not self.page.get_by_role("button", name="Lanes Section").is_visible():
            tab.locator("a").click()
        expect(self.page.get_by_role("button", name="Lanes Section")).to_be_visible()

    @property
    def ask_box(self) -> Locator:
        """Where the palette, lists and questions of commands are."""
        return self.page.locator(".quick-input-widget")

    def choose_command(self, name: str) -> None:
        """Runs a command of the palette, by its whole name."""
        # The mouse finds it wherever the keyboard's focus is.
        self.page.locator(".command-center").get_by_role("button").last.click()
        self.ask_box.locator("input.input").fill(f">{name}")
        row = self.ask_box.locator(".monaco-list-row").filter(has_text=re.compile(f"^{re.escape(name)}"))
        row.first.click()

    def command(self, title: str) -> None:
        """Runs one of the extension's commands."""
        self.choose_command(f"Agent Lanes: {title}")

    def tell(self, asked: str, answer: str) -> None:
        """Types an answer to what a command asks."""
        expect(self.ask_box).to_contain_text(asked)
        box = self.ask_box.locator("input.input")
        box.fill(answer)
        box.press("Enter")

    def pick(self, asked: str, label: str) -> None:
        """Chooses a row of a command's list."""
        expect(self.ask_box).to_contain_text(asked)
        self.ask_box.locator(".monaco-list-row").filter(has_text=label).first.click()

    def start_lane(self, prompt: str) -> None:
        """By the button in the view."""
        self.look_at_lanes()
        self.page.get_by_role("button", name="Lanes Section").hover()
        self.page.get_by_role("button", name=re.compile("^Start a Lane")).first.click()
        self.tell("What shall be done?", prompt)
        expect(self.tree_row(prompt)).to_be_visible()
        expect(self.turn()).to_contain_text(prompt)

    def tree_row(self, name: str) -> Locator:
        """The first row of a view that has a name."""
        return self.page.get_by_role("treeitem", name=name).first

    @property
    def session(self) -> FrameLocator:
        """The page of the session that is in front."""
        return self.page.frame_locator("iframe.webview:visible").frame_locator("iframe#active-frame")

    def turn(self, number: int = 0) -> Locator:
        """One turn of the session in front, counted from its first; -1 is its last."""
        return self.session.locator("section").nth(number)

    @property
    def question(self) -> Locator:
        """What the session in front asks."""
        return self.session.locator(".question")

    def write(self, text: str) -> None:
        """Writes to the session, without sending it."""
        self.session.locator("#prompt").fill(text)

    def send(self, text: str) -> None:
        """Writes to the session and sends it."""
        self.write(text)
        self.session.locator("#prompt").press("Enter")

    def answer(self, label: str) -> None:
        """Answers the question of the session in front."""
        self.question.get_by_role("button", name=label, exact=True).click()
        expect(self.question).to_have_count(0)

    def expect_said(self, turn: Locator, *messages: str) -> None:
        """Waits until a turn is done and these are its messages, neither less nor more."""
        expect(turn.locator(".status")).to_have_text(re.compile("^completed"))
        expect(turn.locator(".message")).to_have_text(list(messages))

    def rewind(self, turn: Locator) -> None:
        """Takes back a turn and all after it, by its button."""
        turn.hover()
        turn.get_by_role("button", name=re.compile("^Rewind")).click()
        self.confirm("Take Back")

    def confirm(self, label: str) -> None:
        """Presses a button of the dialog that stands in front of everything."""
        self.page.locator(".monaco-dialog-box").get_by_role("button", name=label, exact=True).click()

    def told(self, text: str) -> Locator:
        """A notification in the corner."""
        return self.page.locator(".notification-toast").filter(has_text=text)

    def close_editors(self) -> None:
        """Closes every editor; their sessions go on."""
        self.choose_command("View: Close All Editors")
        expect(self.page.locator(".editor-group-container .tab")).to_have_count(0)

    def photograph(self, name: str) -> None:
        """Keeps a picture of the window, without what a resting mouse brings up."""
        self.page.mouse.move(700, 786)
        expect(self.page.locator(".monaco-hover:visible, .workbench-hover:visible")).to_have_count(0)
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"vscode-{name}.png")
