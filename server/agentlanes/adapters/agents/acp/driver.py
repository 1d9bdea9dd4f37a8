"""The driver of one agent process that speaks ACP: its frames become steps, what the session wants becomes writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentlanes.adapters.agents.acp import elicitation, permissions, prompt
from agentlanes.adapters.agents.acp.elicitation import Form
from agentlanes.adapters.agents.acp.handshake import Handshake, describe_refusal, take_offer
from agentlanes.adapters.agents.acp.offers import Offers
from agentlanes.adapters.agents.acp.preparation import Preparation, write_text
from agentlanes.adapters.agents.acp.prompt import AcpPrompt
from agentlanes.adapters.agents.acp.steering import Steering
from agentlanes.adapters.agents.acp.updates import Updates
from agentlanes.adapters.agents.acp.wishes import UnavailableError
from agentlanes.adapters.agents.dialogue.driver import (
    ACTIVITY_CAP,
    NO_MESSAGES,
    NOT_EXPECTED,
    REQUEST_ID_CAP,
)
from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text, encode, show_value
from agentlanes.adapters.agents.dialogue.outbox import METHOD_NOT_FOUND
from agentlanes.adapters.agents.dialogue.rpc import RpcDriver
from agentlanes.kernel.ports.agents import AgentView, Step
from agentlanes.wire.models import AgentWrite, Approval, FrameCursor, Turn, TurnProgress

_MESSAGE_ID_CAP = 512


class AcpDriver(RpcDriver[AcpPrompt, Handshake]):
    """Implements `kernel.ports.agents.Driver` for ACP, versions 1 and 2.

    In version 1 the answer to session/prompt ends the turn. In version 2 it only accepts the prompt, and the turn ends
    when the agent says that it is idle.
    """

    HOW_TO_START = "the profile's argv starts it as an ACP agent"

    def _begin(self, writes: Sequence[AgentWrite]) -> None:
        self._offers = Offers()
        super()._begin(writes)
        self._updates = Updates(self._items, self._news)
        self._preparation = Preparation(self._outbox, self._offers)
        self._steering = Steering(self._outbox)
        self._forms: dict[str, Form] = {}
        """What the agent wants to know in this turn, by its requests."""
        self._protocol = 1
        self._works = False
        """The agent said last that it works; version 2 only."""

    def _make_handshake(self) -> Handshake:
        return Handshake(self._launch, self._version, self._offers)

    def restore(self, view: AgentView, writes: Sequence[AgentWrite], cursor: FrameCursor) -> None:
        super().restore(view, writes, cursor)
        self._count_cost(view)
        sent = self._prompt
        if sent is None:
            return
        if self._protocol > 1 and not sent.accepted:
            sent.since = cursor.rest
        # It said so before, or will: what is read again begins after that.
        self._works = sent.accepted and not sent.ended

    def _count_cost(self, view: AgentView) -> None:
        """What the session cost when the last server knew it: of that only what came since is the turn's."""
        self._updates.counted = _read_counted(view)
        for turn in (view.previous, view.turn):
            usage = turn.usage if turn is not None else None
            if usage is None or usage.session_cost is None:
                continue
            self._updates.cost = before = usage.session_cost.amount
            if turn is view.turn and usage.cost is not None:
                before -= usage.cost.amount
            if self._prompt is not None and not self._prompt.ended:
                self._prompt.cost_before = before

    def collect(self, view: AgentView) -> Step | None:
        self._note_session(view)
        if self._offers.changed and self._agent_session_id is not None:
            self._news.offer, self._offers.changed = self._offers.offer, False
        return super().collect(view)

    def _note_session(self, view: AgentView) -> None:
        was_open = self._agent_session_id is not None
        super()._note_session(view)
        if not was_open and self._agent_session_id is not None:
            self._protocol = self._handshake.recall(view.session)
            self._updates.repeats = self._protocol > 1
            self._offers.restore(view.session.offer, self._handshake.quirks)
            self._preparation.begin(view)

    def _find_outcome(self, approval: Approval) -> dict[str, object]:
        if approval.kind != "question":
            return permissions.outcome(approval)
        form = self._forms.get(approval.request_id)
        # Its item is whole with the answer, and nothing of it has to be read again.
        self._items.settle_other(approval.request_id, "completed" if approval.status == "approved" else "canceled")
        self._cursor_due = True
        return elicitation.outcome(approval, form)

    def _read_prompt(self, writes: Sequence[AgentWrite], turn: Turn) -> AcpPrompt | None:
        return prompt.read(writes, turn)

    def _send_prompt(self, view: AgentView, turn: Turn, agent_session_id: str) -> AcpPrompt | None:
        try:
            text = write_text(turn, self._offers, self._handshake.quirks)
            if not self._preparation.follow(view, turn, agent_session_id, self._protocol):
                return None
        except UnavailableError as missing:
            self._end_unsent(turn, "failed", problem=missing.problem)
            return None
        n = self._outbox.request(prompt.METHOD, prompt.write(text, turn.links, agent_session_id))
        sent = AcpPrompt(turn.turn_id, n)
        self._forms.clear()
        self._updates.counted = _read_counted(view)
        sent.cost_before = self._updates.cost
        sent.since = self._end if self._protocol > 1 else None
        return sent

    def _follow_prompt(self, view: AgentView, turn: Turn, sent: AcpPrompt, agent_session_id: str) -> None:
        if sent.is_over():
            return
        if turn.interrupt is not None:
            sent.cancel_n = self._outbox.notify(prompt.CANCEL_METHOD, {"sessionId": agent_session_id})
            self._progress["interrupt_n"] = sent.cancel_n
            self._news.activity = "Stopping"
        elif turn.steers:
            self._steering.follow(turn, sent, agent_session_id, offered=self._offers.offer.steer is True)

    def _pin(self, end: int) -> int:
        sent = self._prompt
        if sent is not None and sent.since is not None and not sent.accepted and not sent.ended:
            end = min(end, sent.since)
        return super()._pin(self._updates.pin(end))

    def _take_progress(self, turn: Turn | None) -> TurnProgress | None:
        if steered := self._steering.take():
            self._progress["steered"] = steered
        return super()._take_progress(turn)

    def _take_notification(self, method: str, params: object) -> None:
        if method == "session/update":
            self._take_update(params)
        elif method == "$/cancel_request" and not self._quiet and isinstance(params, dict) and "requestId" in params:
            self._questions.withdraw(encode(params["requestId"]))

    def _take_update(self, params: object) -> None:
        update = params.get("update") if isinstance(params, dict) else None
        if not isinstance(params, dict) or not isinstance(update, dict):
            self._note(NOT_EXPECTED, f"session/update without an update: {show_value(params)}")
        elif self._agent_session_id is None:
            self._handshake.hear(params.get("sessionId"), update)
        elif params.get("sessionId") != self._agent_session_id:
            self._note("Refused: updates of another session than this one", show_value(params.get("sessionId")))
        else:
            if update.get("sessionUpdate") == "state_update":
                self._take_state(update)
            elif not self._quiet:
                take_offer(self._offers, update)
            self._updates.take(update, self._prompt)

    def _take_state(self, update: dict[str, Any]) -> None:
        """What the agent's work as a whole is at, in version 2: its end is the end of the turn."""
        state, sent = update.get("state"), self._prompt
        if state in ("running", "requires_action"):
            self._works = True
            if sent is not None and not sent.ended:
                sent.ran, sent.idle = True, None
        elif state == "idle":
            worked, self._works = self._works, False
            if sent is None or sent.ended:
                return
            if not sent.accepted:
                sent.idle = update if sent.ran else None
            elif sent.ran or worked:
                self._go_idle(sent, update)

    def _take_request(self, method: str, message: dict[str, Any]) -> None:
        if type(message["id"]) not in (str, int, float):
            self._note(NOT_EXPECTED, f"a request whose id is no text and no number: {show_value(message)}")
            return
        request_id = encode(message["id"])
        params = message.get("params")
        if len(request_id) > REQUEST_ID_CAP:
            self._refuse(request_id, f"the id is longer than {REQUEST_ID_CAP} characters; send a shorter one")
        elif method not in (permissions.METHOD, elicitation.METHOD):
            self._refuse(
                request_id,
                f"{bound_line(method, 100)} is not offered: agentlanes advertises neither file system nor terminal; "
                f"use your own",
                METHOD_NOT_FOUND,
            )
        elif not isinstance(params, dict) or params.get("sessionId") != self._agent_session_id:
            self._refuse(request_id, f"this client has one session, {self._agent_session_id}; ask in that one")
        elif method == elicitation.METHOD:
            self._take_form(request_id, params)
        else:
            self._take_question(request_id, params)

    def _take_question(self, request_id: str, params: dict[str, Any]) -> None:
        request = permissions.read_request(params, request_id, self._handshake.quirks)
        if request is None:
            self._refuse(request_id, "a request for permission needs a toolCall with toolCallId, and options")
            return
        tool = request.tool
        tool.status = tool.status if tool.status == "in_progress" else None
        item = self._items.use_tool(tool, begin=True) if self._prompt is not None else None
        if self._quiet:
            return
        if item is None or not self._can_ask():
            # Nobody can decide outside of a turn, an interrupted turn asks nobody, and a flood is not read by anybody.
            self._outbox.answer(request_id, permissions.CANCELLED)
            return
        assert self._session is not None
        approval = self._questions.ask(
            self._session,
            request_id,
            item,
            request.options,
            self._offset,
            self._at,
            kind=request.kind(),
            title=request.title,
        )
        self._news.activity = bound_line(f"Waits for a decision: {approval.title}", ACTIVITY_CAP)

    def _take_form(self, request_id: str, params: dict[str, Any]) -> None:
        form = elicitation.read_form(params)
        if form is None:
            self._refuse(request_id, "only forms are offered: a mode of form, a message, and a requestedSchema")
        elif not self._can_ask():
            if not self._quiet:
                self._outbox.answer(request_id, elicitation.CANCELLED)
        else:
            assert self._session is not None
            self._forms[request_id] = form
            item = self._items.open_other(request_id, "question", form.message)
            if self._quiet:
                return
            self._questions.ask(
                self._session,
                request_id,
                item,
                elicitation.OPTIONS,
                self._offset,
                self._at,
                kind="question",
                title=bound_text(form.message, elicitation.TITLE_CAP),
                questions=form.questions(),
            )
            self._news.activity = bound_line(f"Asks: {form.message}", ACTIVITY_CAP)

    def _can_ask(self) -> bool:
        """Whether somebody would decide."""
        return self._prompt is not None and not self._prompt.is_over() and not self._questions.is_full()

    def _take_response(self, message: dict[str, Any]) -> None:
        n, error = message.get("id"), message.get("error")
        if error is not None and not isinstance(error, dict):
            error = {"message": show_value(error)}
        if type(n) is not int or ("result" not in message and error is None):
            if n is None and error is not None:
                self._note(NOT_EXPECTED, f"an error without an id: {show_value(error)}")
            else:
                self._note(NO_MESSAGES, f"neither a request nor an answer: {show_value(message)}")
        elif not self._take_answer(n, message.get("result"), error):
            self._note(NOT_EXPECTED, f"an answer to no open request: {show_value(message)}")

    def _take_answer(self, n: int, result: Any, error: dict[str, Any] | None) -> bool:
        if self._agent_session_id is None:
            return self._handshake.receive(n, result, error)
        sent = self._prompt
        if sent is not None and sent.n == n and not sent.ended:
            if error is not None or self._protocol == 1:
                self._end_turn(sent, result, error)
            elif not sent.accepted:
                self._accept(sent, result)
            return True
        if sent is not None and self._steering.receive(sent, n, result, error):
            return True
        return self._preparation.receive(n, result, error) or self._handshake.knows(n)

    def _accept(self, sent: AcpPrompt, result: Any) -> None:
        sent.accepted = True
        message_id = result.get("messageId") if isinstance(result, dict) else None
        if type(message_id) is not str or not message_id:
            self._note(NOT_EXPECTED, f"an answer to {prompt.METHOD} without a messageId: {show_value(result)}")
            message_id = str(sent.n)
        self._progress["agent_turn_id"] = bound_text(message_id, _MESSAGE_ID_CAP)
        if sent.idle is not None:
            self._go_idle(sent, sent.idle)

    def _go_idle(self, sent: AcpPrompt, update: dict[str, Any]) -> None:
        error = update.get("error")
        if update.get("stopReason") != "error":
            self._end_turn(sent, update, None)
        else:
            self._end_turn(sent, update, error if isinstance(error, dict) else {"message": "it did not say why"})

    def _end_turn(self, ended: AcpPrompt, result: Any, error: dict[str, Any] | None) -> None:
        if error is None:
            status, stop_reason = prompt.read_end(result)
            if stop_reason is None:
                self._note(NOT_EXPECTED, f"an end of the turn without a stopReason: {show_value(result)}")
            progress: dict[str, Any] = {"status": status, "stop_reason": stop_reason}
        elif ended.cancel_n is not None:
            # ACP asks for the stop reason `cancelled`; agents also let their aborted request fail.
            progress = {"status": "interrupted", "stop_reason": "cancelled"}
        else:
            progress = {"status": "failed", "problem": describe_refusal(prompt.METHOD, error)}
        self._finish_turn(ended, progress, prompt.read_tokens(result, ended.usage))


def _read_counted(view: AgentView) -> float:
    """What the session's turns cost that have ended."""
    usage = view.session.usage
    return usage.cost.amount if usage is not None and usage.cost is not None else 0.0
