"""Questions to the person at the terminal, who may be overtaken by another client."""

from __future__ import annotations

import difflib
import os
import select
from collections.abc import Callable

from agentlanes.cli.client import Client, Json, Message, Refused
from agentlanes.cli.screen import Screen

PREVIEW_LINES = 30
ANSWER_BYTES = 4096


class Left(Exception):  # noqa: N818
    """The person closed stdin in place of an answer."""


def ask_line(screen: Screen, client: Client, prompt: str, hear: Callable[[Message], bool]) -> str | None:
    """The line that was typed; None if `hear` found the question settled by what the server said meanwhile.

    Raises Left at the end of stdin.
    """
    screen.grow(prompt, "bold")
    while True:
        message = client.receive(0)
        if message is not None:
            if hear(message):
                screen.end_line()
                return None
            continue
        ready, _, _ = select.select([client.fileno(), 0], [], [])
        if 0 in ready:
            typed = os.read(0, ANSWER_BYTES)
            if not typed:
                screen.end_line()
                raise Left
            screen.line_was_ended()
            return typed.decode(errors="replace").partition("\n")[0].strip()


class Decider:
    """Decides the approvals of one session, by asking or by itself."""

    def __init__(self, client: Client, screen: Screen, automatic: str | None, hear: Callable[[Message], None]) -> None:
        """`automatic` says why nobody is asked; `hear` gets what comes while somebody thinks."""
        self._client = client
        self._screen = screen
        self._automatic = automatic
        self._hear = hear

    def decide(self, approval: Json) -> None:
        """Show the question and resolve it. Raises Left, Refused."""
        self._screen.line(approval["title"], "bold", mark="?", mark_style="bold yellow")
        for change in approval.get("preview", {}).get("changes", ()):
            self._preview(change)
        if not approval["options"]:
            self._screen.line(
                f"the agent offers no answer to choose; it waits until {approval['expires_at']}", "yellow"
            )
            return
        option = self._choose(approval) if self._automatic is None else choose_allowing(approval["options"])
        if option is None:
            return
        if self._automatic is not None:
            self._screen.line(f"answered {option['label']} ({option['kind']}) by itself: {self._automatic}", "yellow")
        try:
            payload = {"approval_id": approval["approval_id"], "option_id": option["option_id"]}
            self._client.call("approval.resolve", payload)
        except Refused as refused:
            if refused.name != "APPROVAL_DECIDED":
                raise
            self._screen.line(refused.message, "yellow")

    def _choose(self, approval: Json) -> Json | None:
        options: list[Json] = approval["options"]
        for number, option in enumerate(options, 1):
            self._screen.line(f"  {number}  {option['label']}")
        while True:
            line = ask_line(
                self._screen, self._client, f"your answer, 1 to {len(options)}: ", self._is_settled(approval)
            )
            if line is None:
                return None
            if line.isdecimal() and 1 <= int(line) <= len(options):
                return options[int(line) - 1]
            self._screen.line(f"{line or 'nothing'} is not one of them", "yellow")

    def _is_settled(self, approval: Json) -> Callable[[Message], bool]:
        def hear(message: Message) -> bool:
            if message.method != "approval.resolved":
                self._hear(message)
                return False
            now = message.event["payload"]["approval"]
            if now["approval_id"] != approval["approval_id"]:
                return False
            by = now.get("decision", {}).get("actor", "the server")
            self._screen.line(f"{now['status']} by {by}", "yellow")
            return True

        return hear

    def _preview(self, change: Json) -> None:
        old, new = change.get("old_text") or "", change["new_text"]
        lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2))[2:]
        for line in lines[:PREVIEW_LINES]:
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            self._screen.line(f"  {line}", style)
        if len(lines) > PREVIEW_LINES:
            self._screen.line(f"  … {len(lines) - PREVIEW_LINES} more lines", "dim")


def choose_allowing(options: list[Json]) -> Json:
    """The option that allows least: once, else for good, else the first."""
    for kind in ("allow_once", "allow_always"):
        for option in options:
            if option["kind"] == kind:
                return option
    return options[0]
