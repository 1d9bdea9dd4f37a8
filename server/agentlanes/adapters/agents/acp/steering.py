"""More input to a turn that runs, for agents that take it: an extension of ACP that several adapters share."""

from __future__ import annotations

from typing import Any

from agentlanes.adapters.agents.acp import prompt
from agentlanes.adapters.agents.acp.prompt import AcpPrompt
from agentlanes.adapters.agents.dialogue.frames import bound_value, show_error, show_value
from agentlanes.adapters.agents.dialogue.outbox import Outbox
from agentlanes.wire.models import Problem, Steer, Steered, Turn

METHOD = "_session/steering"
_TAKEN = ("injected", "startedNewTurn", None)
_DETAILS_CAP = 4096


class Steering:
    """The steers of the turn in flight, and what became of them."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._told: list[Steered] = []

    def follow(self, turn: Turn, sent: AcpPrompt, session_id: str, *, offered: bool) -> None:
        """Send what was not sent."""
        told = {steered.number for steered in self._told} | set(sent.steers.values())
        for steer in turn.steers:
            if steer.input_n is None and steer.problem is None and steer.number not in told:
                self._send(steer, sent, session_id, offered=offered)

    def receive(self, sent: AcpPrompt, n: int, result: Any, error: dict[str, Any] | None) -> bool:
        """Take in the answer to request `n`; False if it was no steer."""
        number = sent.steers.pop(n, None)
        if number is None:
            return False
        outcome = result.get("outcome") if isinstance(result, dict) else None
        if error is None and outcome in _TAKEN:
            return True
        why = show_error(error) if error is not None else f"no turn takes it: {show_value(result)}"
        problem = Problem(
            code="AGENT_REFUSED",
            message=f"the agent did not take the input ({why}); queue it as a prompt",
            details={"answer": bound_value(error or result, _DETAILS_CAP)},
        )
        self._told.append(Steered(number=number, problem=problem))
        return True

    def take(self) -> tuple[Steered, ...]:
        """What became of steers since the last call."""
        told, self._told = tuple(self._told), []
        return told

    def _send(self, steer: Steer, sent: AcpPrompt, session_id: str, *, offered: bool) -> None:
        if not offered:
            problem = Problem(
                code="AGENT_REFUSED",
                message="the agent takes no further input to a running turn; queue it as a prompt, or replace the turn",
            )
            self._told.append(Steered(number=steer.number, problem=problem))
            return
        params = prompt.write(steer.prompt, steer.links, session_id)
        # Without this an agent whose turn just ended would begin one that nobody follows.
        params["_meta"] = {"steering": {"idleBehavior": "promptRequired"}}
        n = self._outbox.request(METHOD, params)
        sent.steers[n] = steer.number
        self._told.append(Steered(number=steer.number, input_n=n))
