"""A turn as it is told to people: what the agent says as it says it, and what it does line by line."""

from __future__ import annotations

from agentlanes.cli.client import Json
from agentlanes.cli.screen import Screen

OUTPUT_LINES = 8
_TEXT_STYLES = {"message": "", "thought": "dim italic"}
_PLAN_MARKS = {"completed": "☑", "in_progress": "◐", "pending": "☐"}
_FINAL = ("completed", "failed", "canceled")


class Transcript:
    """Hears the events of a session and writes them to a screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._shown: dict[str, int] = {}
        """How many bytes of each growing text are on the screen."""
        self._kinds: dict[str, str] = {}
        self._plans: dict[str, str] = {}
        self._growing = ""

    def hear(self, event: Json) -> None:
        """Take in one event; those that are not about items say nothing here."""
        topic, payload = event["topic"], event["payload"]
        if topic == "item.delta":
            self._grow(payload["item_id"], payload["offset"], payload["data"])
        elif topic.startswith("item."):
            self._show(payload["item"])

    def _show(self, item: Json) -> None:
        kind, item_id = item["kind"], item["item_id"]
        self._kinds[item_id] = kind
        ended = item["status"] in _FINAL
        if kind in _TEXT_STYLES:
            self._grow(item_id, 0, item.get("text", ""))
            if ended:
                self._screen.end_line()
        elif kind == "plan":
            self._show_plan(item)
        elif kind == "tool_call":
            self._show_tool(item, ended)
        elif kind in ("notice", "error") and ended:
            text = item.get("text") or item.get("problem", {}).get("message", "")
            self._screen.line(text, "yellow" if kind == "notice" else "red", mark="!")

    def _grow(self, item_id: str, offset: int, data: str) -> None:
        style = _TEXT_STYLES.get(self._kinds.get(item_id, ""))
        shown = self._shown.get(item_id, 0)
        fresh = data.encode()[max(0, shown - offset) :]
        if style is None or offset > shown or not fresh:
            # A part that is missing here comes with the whole text, when the item ends.
            return
        if self._growing != item_id:
            self._screen.end_line()
            self._growing = item_id
        self._shown[item_id] = shown + len(fresh)
        self._screen.grow(fresh.decode(errors="replace"), style)

    def _show_plan(self, item: Json) -> None:
        entries = [f"{_PLAN_MARKS.get(entry['status'], '☐')} {entry['content']}" for entry in item.get("plan", ())]
        text = "   ".join(entries)
        if text and self._plans.get(item["item_id"]) != text:
            self._plans[item["item_id"]] = text
            self._screen.line(text, "blue", mark="plan", mark_style="bold blue")

    def _show_tool(self, item: Json, ended: bool) -> None:
        tool = item.get("tool", {})
        title = tool.get("title") or tool.get("tool_kind") or "a tool"
        if not self._shown.get(item["item_id"]):
            self._shown[item["item_id"]] = 1
            self._screen.line(title, mark=tool.get("tool_kind", "tool"), mark_style="bold magenta")
        if ended:
            failed = item["status"] != "completed" or tool.get("status") == "failed"
            for line in _shorten(item.get("text", "")):
                self._screen.line(f"  {line}", "dim")
            self._screen.line(f"  {'✗' if failed else '✓'} {title}", "red" if failed else "green")


def _shorten(output: str) -> list[str]:
    lines = output.rstrip().splitlines()
    left_out = len(lines) - OUTPUT_LINES
    return lines if left_out <= 1 else [*lines[:OUTPUT_LINES], f"… {left_out} more lines"]
