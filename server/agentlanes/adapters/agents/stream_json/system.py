"""What Claude Code says about itself while it works: that it compacts, tries again, is limited."""

from __future__ import annotations

from typing import Any

from agentlanes.adapters.agents.dialogue.driver import ACTIVITY_CAP, News
from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text, show_value
from agentlanes.adapters.agents.dialogue.turn_items import TurnItems
from agentlanes.wire.models import Offer

_IGNORED = frozenset(
    {
        "background_tasks_changed",
        "files_persisted",
        "hook_progress",
        "hook_response",
        "hook_started",
        "init",
        "session_state_changed",
        "task_progress",
        "task_started",
        "task_updated",
        "thinking_tokens",
    }
)
"""What the log has in its own words, or what people do not need."""
_COMPACTION = "compaction"


class SystemMessages:
    """Takes in messages of type system."""

    def __init__(self, items: TurnItems, news: News) -> None:
        self._items = items
        self._news = news
        self.offer: Offer | None = None
        """What the agent offers, as it was last told."""

    def take(self, message: dict[str, Any]) -> None:
        subtype = message.get("subtype")
        if subtype == "status":
            self._take_status(message)
        elif subtype == "compact_boundary":
            self._show_compaction(message.get("compact_metadata"))
        elif subtype == "api_retry":
            self._show_retry(message)
        elif subtype in ("informational", "local_command_output"):
            self._items.tell(bound_text(str(message.get("content")), 8000))
        elif subtype == "task_notification":
            what = bound_line(f"{message.get('status')}: {message.get('summary')}", 1000)
            self._items.note("Background tasks", what)
        elif subtype not in _IGNORED:
            self._items.note(f"System message {bound_line(str(subtype), 80)}", show_value(message), raw=message)

    def take_limit(self, message: dict[str, Any]) -> None:
        """A rate_limit_event: how much of the user's plan is left."""
        info = message.get("rate_limit_info")
        status = info.get("status") if isinstance(info, dict) else None
        if status != "allowed":
            self._items.note("The service limits the agent", show_value(info))

    def _take_status(self, message: dict[str, Any]) -> None:
        if message.get("status") == "compacting":
            self._items.open_other(_COMPACTION, "compaction")
            self._news.activity = "Compacting"
        elif message.get("compact_result") == "failed":
            self._items.grow_other(_COMPACTION, bound_text(str(message.get("compact_error")), 8000), whole=True)
            self._items.close_other(_COMPACTION, "failed")

    def _show_compaction(self, about: object) -> None:
        told = about if isinstance(about, dict) else {}
        self._items.open_other(_COMPACTION, "compaction")
        before, after = told.get("pre_tokens"), told.get("post_tokens")
        if type(before) is int:
            text = f"{before} tokens" if type(after) is not int else f"{before} tokens became {after}"
            self._items.grow_other(_COMPACTION, text, whole=True)
        self._items.close_other(_COMPACTION, "completed")

    def _show_retry(self, message: dict[str, Any]) -> None:
        tries = f"{message.get('attempt')} of {message.get('max_retries')}"
        status = message.get("error_status")
        why = f"status {status}" if type(status) is int else bound_line(str(message.get("error")), 100)
        self._news.activity = bound_line(f"Tries again ({tries}): the service failed with {why}", ACTIVITY_CAP)
        self._items.note("The service failed and is tried again", f"{tries}: {why}")
