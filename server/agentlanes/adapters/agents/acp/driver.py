"""The driver of one agent process that speaks ACP: its frames become steps, what the session wants becomes writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentlanes.adapters.agents.acp import permissions, prompt
from agentlanes.adapters.agents.acp.handshake import Handshake, describe_refusal
from agentlanes.adapters.agents.acp.tools import read_tool
from agentlanes.adapters.agents.acp.updates import Updates
from agentlanes.adapters.agents.dialogue.driver import (
    ACTIVITY_CAP,
    NO_MESSAGES,
    NOT_EXPECTED,
    REQUEST_ID_CAP,
    LineDriver,
)
from agentlanes.adapters.agents.dialogue.frames import bound_line, encode, show_value
from agentlanes.adapters.agents.dialogue.outbox import METHOD_NOT_FOUND
from agentlanes.adapters.agents.dialogue.prompt import Prompt
from agentlanes.kernel.ports.agents import AgentView
from agentlanes.wire.models import AgentWrite, Approval, Turn


class AcpDriver(LineDriver[Prompt, Handshake]):
    """Implements `kernel.ports.agents.Driver` for ACP version 1."""

    HOW_TO_START = "the profile's argv starts it as an ACP agent"

    def _begin(self, writes: Sequence[AgentWrite]) -> None:
        super()._begin(writes)
        self._updates = Updates(self._items, self._news)

    def _make_handshake(self) -> Handshake:
        return Handshake(self._launch, self._version)

    def _find_outcome(self, approval: Approval) -> dict[str, object]:
        return permissions.outcome(approval)

    def _read_prompt(self, writes: Sequence[AgentWrite], turn: Turn) -> Prompt | None:
        return prompt.read(writes, turn)

    def _send_prompt(self, view: AgentView, turn: Turn, agent_session_id: str) -> Prompt:
        return Prompt(turn.turn_id, self._outbox.request(prompt.METHOD, prompt.write(turn, agent_session_id)))

    def _follow_prompt(self, view: AgentView, turn: Turn, sent: Prompt, agent_session_id: str) -> None:
        if turn.interrupt is not None and not sent.is_over():
            sent.cancel_n = self._outbox.notify(prompt.CANCEL_METHOD, {"sessionId": agent_session_id})
            self._progress["interrupt_n"] = sent.cancel_n
            self._news.activity = "Stopping"

    def _take(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            self._take_response(message)
        elif type(method) is not str:
            self._note(NO_MESSAGES, f"method is no text: {show_value(message)}")
        elif "id" in message:
            self._take_request(method, message)
        elif method == "session/update":
            self._take_update(message.get("params"))
        elif method == "$/cancel_request" and not self._quiet:
            params = message.get("params")
            if isinstance(params, dict) and "requestId" in params:
                self._questions.withdraw(encode(params["requestId"]))

    def _take_update(self, params: object) -> None:
        if self._agent_session_id is None:
            # Before the session is open only an old conversation is told, and the log has that already.
            return
        update = params.get("update") if isinstance(params, dict) else None
        if not isinstance(params, dict) or not isinstance(update, dict):
            self._note(NOT_EXPECTED, f"session/update without an update: {show_value(params)}")
        elif params.get("sessionId") != self._agent_session_id:
            self._note("Refused: updates of another session than this one", show_value(params.get("sessionId")))
        else:
            self._updates.take(update, self._prompt)

    def _take_request(self, method: str, message: dict[str, Any]) -> None:
        if type(message["id"]) not in (str, int, float):
            self._note(NOT_EXPECTED, f"a request whose id is no text and no number: {show_value(message)}")
            return
        request_id = encode(message["id"])
        params = message.get("params")
        if len(request_id) > REQUEST_ID_CAP:
            self._refuse(request_id, f"the id is longer than {REQUEST_ID_CAP} characters; send a shorter one")
        elif method != permissions.METHOD:
            self._refuse(
                request_id,
                f"{bound_line(method, 100)} is not offered: agentlanes advertises neither file system nor terminal; "
                f"use your own",
                METHOD_NOT_FOUND,
            )
        elif not isinstance(params, dict) or params.get("sessionId") != self._agent_session_id:
            self._refuse(request_id, f"this client has one session, {self._agent_session_id}; ask in that one")
        else:
            self._take_question(request_id, params)

    def _take_question(self, request_id: str, params: dict[str, Any]) -> None:
        asked = params.get("toolCall")
        tool = read_tool(asked) if isinstance(asked, dict) else None
        options = permissions.read_options(params.get("options"))
        if tool is None or not options:
            self._refuse(request_id, "a request for permission needs a toolCall with toolCallId, and options")
            return
        tool.status = tool.status if tool.status == "in_progress" else None
        item = self._items.use_tool(tool, begin=True) if self._prompt is not None else None
        if self._quiet:
            return
        if item is None or self._prompt is None or self._prompt.is_over() or self._questions.is_full():
            # Nobody can decide outside of a turn, an interrupted turn asks nobody, and a flood is not read by anybody.
            self._outbox.answer(request_id, permissions.CANCELLED)
            return
        assert self._session is not None
        approval = self._questions.ask(self._session, request_id, item, options, self._offset, self._at)
        self._news.activity = bound_line(f"Waits for a decision: {approval.title}", ACTIVITY_CAP)

    def _take_response(self, message: dict[str, Any]) -> None:
        n, error = message.get("id"), message.get("error")
        if error is not None and not isinstance(error, dict):
            error = {"message": show_value(error)}
        if type(n) is not int or ("result" not in message and error is None):
            if n is None and error is not None:
                self._note(NOT_EXPECTED, f"an error without an id: {show_value(error)}")
            else:
                self._note(NO_MESSAGES, f"neither a request nor an answer: {show_value(message)}")
        elif self._prompt is not None and self._prompt.n == n and not self._prompt.ended:
            self._end_turn(self._prompt, message.get("result"), error)
        elif not self._handshake.receive(n, message.get("result"), error):
            self._note(NOT_EXPECTED, f"an answer to no open request: {show_value(message)}")

    def _end_turn(self, ended: Prompt, result: Any, error: dict[str, Any] | None) -> None:
        if error is None:
            status, stop_reason = prompt.read_end(result)
            if stop_reason is None:
                self._note(NOT_EXPECTED, f"an answer to {prompt.METHOD} without a stopReason: {show_value(result)}")
            progress: dict[str, Any] = {"status": status, "stop_reason": stop_reason}
        elif ended.cancel_n is not None:
            # ACP asks for the stop reason `cancelled`; agents also let their aborted request fail.
            progress = {"status": "interrupted", "stop_reason": "cancelled"}
        else:
            progress = {"status": "failed", "problem": describe_refusal(prompt.METHOD, error)}
        self._finish_turn(ended, progress, prompt.read_tokens(result, ended.usage))
