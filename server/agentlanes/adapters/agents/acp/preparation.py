"""What goes before a prompt: the settings that were chosen for it are changed first, one after the other.

A prompt that was sent along with its settings could begin without them, and what they forbid would run.
"""

from __future__ import annotations

from typing import Any

from agentlanes.adapters.agents.acp.handshake import take_change
from agentlanes.adapters.agents.acp.offers import Offers, write_change
from agentlanes.adapters.agents.acp.quirks import Quirks
from agentlanes.adapters.agents.acp.wishes import Change, UnavailableError, describe_change_refusal, find_turn_changes
from agentlanes.adapters.agents.dialogue.outbox import Outbox
from agentlanes.core.turn import DEFAULT_PROMPTS
from agentlanes.kernel.ports.agents import AgentView
from agentlanes.wire.models import Choice, Problem, Turn


class Preparation:
    """Prepares one turn after the other. A restart begins it again: to set what is set already does nothing."""

    def __init__(self, outbox: Outbox, offers: Offers) -> None:
        self._outbox = outbox
        self._offers = offers
        self._turn_id: str | None = None
        self._changes: list[Change] = []
        self._asked: tuple[int, Change] | None = None
        self._refused: Problem | None = None
        self._applied = Choice()
        self._planned = False

    def begin(self, view: AgentView) -> None:
        """The session is open, as it was chosen."""
        self._note(view)

    def follow(self, view: AgentView, turn: Turn, session_id: str, protocol: int) -> bool:
        """Go on with it; True once the turn's prompt may be sent. Raises UnavailableError where it must not be."""
        if self._asked is not None:
            return False
        if self._turn_id != turn.turn_id:
            changes = find_turn_changes(self._offers, view, turn, self._applied, planned=self._planned)
            self._turn_id, self._changes, self._refused = turn.turn_id, list(changes), None
        if self._refused is not None:
            problem, self._refused = self._refused, None
            raise UnavailableError(problem)
        if self._changes:
            change = self._changes.pop(0)
            n = self._outbox.request(*write_change(change.setting_id, change.value, session_id, protocol))
            self._asked = n, change
            return False
        self._note(view)
        return True

    def receive(self, n: int, result: Any, error: dict[str, Any] | None) -> bool:
        """Take in the answer to request `n`; False if it was not asked here."""
        if self._asked is None or self._asked[0] != n:
            return False
        change, self._asked = self._asked[1], None
        if error is None:
            take_change(self._offers, change.setting_id, change.value, result)
        else:
            self._refused = describe_change_refusal(self._offers, change.setting_id, change.value, error)
        return True

    def _note(self, view: AgentView) -> None:
        self._applied = view.session.choice or Choice()
        self._planned = view.permission_mode == "plan"


def write_text(turn: Turn, offers: Offers, quirks: Quirks) -> str:
    """The prompt's text; a turn whose action is another one is a command of the agent's. Raises UnavailableError."""
    action = turn.action
    if action is None or action == "prompt":
        return turn.prompt
    name = quirks.compact if action == "compact" else quirks.review
    commands = [command.name for command in offers.offer.commands]
    if name not in commands:
        raise UnavailableError(
            Problem(
                code="AGENT_REFUSED",
                message=f"the agent has no command {name!r}, by which it would {action}; ask for it in a prompt",
                details={"commands": commands[:100]},
            )
        )
    known = next(command for command in offers.offer.commands if command.name == name)
    if known.hint is None or turn.prompt == DEFAULT_PROMPTS.get(action):
        return f"/{name}"
    return f"/{name} {turn.prompt}"
