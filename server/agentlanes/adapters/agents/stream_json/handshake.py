"""From Claude Code's start to an open session: one control request, whose answer says what it offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_value
from agentlanes.adapters.agents.dialogue.outbox import Outbox
from agentlanes.adapters.agents.stream_json.ending import describe_failure
from agentlanes.adapters.agents.stream_json.offer import read_offer
from agentlanes.adapters.agents.stream_json.outbox import name_conversation
from agentlanes.kernel.ports.agents import AgentView, Attached
from agentlanes.wire.models import AgentIdentity, AgentWrite, Problem

_DETAILS_CAP = 16 << 10


def find_conversation(view: AgentView) -> tuple[str | None, bool]:
    """The conversation that the session goes on from, if there is one, and whether it goes on apart from it."""
    session = view.session
    # A session that was never prompted has nothing to lose, and the agent stores none without a prompt.
    if session.agent_session_id is not None and session.listed:
        return session.agent_session_id, False
    origin = session.origin
    if origin is not None and origin.kind in ("fork", "adopt"):
        return origin.agent_session_id, origin.kind == "fork"
    return None, False


class ControlHandshake:
    """Asks once. The id of a fresh conversation follows from the process, which was started with it."""

    def __init__(self, process_id: str) -> None:
        self._process_id = process_id
        self._asked: int | None = None
        self._old_id: str | None = None
        self._agent_session_id = ""
        self._answer: dict[str, Any] | None = None
        self.settled: Attached | Problem | None = None

    def restore(self, writes: Sequence[AgentWrite]) -> None:
        for write in writes[:1]:
            if msgspec.json.decode(write.data).get("type") == "control_request":
                self._asked = write.n

    def follow(self, view: AgentView, outbox: Outbox) -> None:
        old_id, forks = find_conversation(view)
        self._old_id = old_id
        self._agent_session_id = old_id if old_id is not None and not forks else name_conversation(self._process_id)
        if self._asked is None:
            self._asked = outbox.request("initialize", {})
        elif self._answer is not None and self.settled is None:
            self._settle(self._answer)

    def receive(self, n: str, response: dict[str, Any]) -> bool:
        """Take in the answer to a control request; False if it was not asked here."""
        if n != str(self._asked):
            return False
        self._answer = response
        return True

    def fail(self, result: dict[str, Any]) -> None:
        """The agent gave up before it was open: most often there is no such conversation."""
        if self.settled is not None:
            return
        problem = describe_failure(result)
        if self._old_id is not None:
            problem = Problem(
                code="RESUME_FAILED",
                message=f"the agent could not continue the conversation ({bound_line(problem.message, 1000)}); nothing "
                f"fresh was started in its place. Attach again if the cause is gone, or make a new session",
                details={"agent_session_id": self._old_id, **(problem.details or {})},
            )
        self.settled = problem

    def _settle(self, response: dict[str, Any]) -> None:
        given = response.get("response")
        if response.get("subtype") != "success" or not isinstance(given, dict):
            self.settled = Problem(
                code="AGENT_REFUSED",
                message=f"the agent answered initialize with an error: {bound_line(str(response.get('error')), 1000)}",
                details={"answer": bound_value(response, _DETAILS_CAP)},
            )
            return
        version = given.get("claude_code_version")
        self.settled = Attached(
            self._agent_session_id,
            resumable=True,
            offer=read_offer(given),
            identity=AgentIdentity(
                name="claude-code",
                title="Claude Code",
                version=bound_line(version, 100) if type(version) is str else None,
                protocol="stream-json",
            ),
        )
