"""The driver of one agent process: its frames become steps, and what the session wants becomes writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from agentlanes.adapters.agents.acp import permissions, prompt
from agentlanes.adapters.agents.acp.handshake import Handshake, describe_refusal
from agentlanes.adapters.agents.acp.prompt import Prompt
from agentlanes.adapters.agents.acp.tools import read_tool
from agentlanes.adapters.agents.acp.updates import ACTIVITY_CAP, Updates
from agentlanes.adapters.agents.dialogue.frames import GarbledError, bound_line, decode, encode, show_line, show_value
from agentlanes.adapters.agents.dialogue.outbox import INVALID_PARAMS, METHOD_NOT_FOUND, Outbox
from agentlanes.adapters.agents.dialogue.questions import APPROVAL_TIMEOUT, Questions
from agentlanes.adapters.agents.dialogue.turn_items import TurnItems
from agentlanes.kernel.ports.agents import AgentView, Attached, Launch, Step
from agentlanes.wire.models import AgentWrite, FrameCursor, Problem, Session, SessionApply, Turn, TurnProgress

GARBAGE_CAP = 10_000
"""Lines that are no messages, one after another, after which a program is taken for something else than an agent."""
REQUEST_ID_CAP = 512
NO_MESSAGES = "Lines that are not messages of the protocol"
NOT_EXPECTED = "Messages that were not expected"


class AcpDriver:
    """Implements `kernel.ports.agents.Driver` for ACP version 1. One prompt is in flight at a time."""

    def __init__(
        self, launch: Launch, process_id: str, *, approval_timeout: timedelta = APPROVAL_TIMEOUT, version: str = "0"
    ) -> None:
        """`version` is the release of agentlanes that the agent is told."""
        self._launch = launch
        self._process_id = process_id
        self._approval_timeout = approval_timeout
        self._version = version
        self._begin(())

    def _begin(self, writes: Sequence[AgentWrite]) -> None:
        self._outbox = Outbox(writes)
        self._handshake = Handshake(self._launch, self._version)
        self._handshake.restore(writes)
        self._settled_told = False
        self._items = TurnItems(self._process_id)
        self._updates = Updates(self._items)
        self._questions = Questions(self._process_id, self._outbox, self._approval_timeout, permissions.outcome)
        self._session: Session | None = None
        self._agent_session_id: str | None = None
        """The agent's id of the session, once the log says that it is open."""
        self._prompt: Prompt | None = None
        self._declined: str | None = None
        """Turn that was interrupted before its prompt was sent."""
        self._progress: dict[str, Any] = {}
        self._activity: str | None = None
        self._garbage = 0
        self._fatal: Problem | None = None
        self._offset = 0
        self._at = ""
        self._end = 0
        self._cursor_due = False
        self._rest_told = False
        """A cursor was told since the session is open; until then everything is read again after a restart."""
        self._quiet_until = 0
        self._quiet = False
        self._is_behind = False
        """Frames that the log knows are still to be read again: what is open in memory may be closed already."""

    def restore(self, view: AgentView, writes: Sequence[AgentWrite], cursor: FrameCursor) -> None:
        self._begin(writes)
        self._note_session(view)
        self._prompt = prompt.read(writes, view.turn)
        if self._prompt is not None:
            self._items.restore(self._prompt.turn_id, view.items, cursor.rest)
        self._end = self._quiet_until = cursor.applied
        self._is_behind = cursor.rest < cursor.applied
        self._rest_told = cursor.rest > 0
        self._settled_told = self._agent_session_id is not None

    def receive(self, line: bytes, offset: int, end: int, at: str) -> None:
        self._offset, self._at = offset, at
        self._quiet = end <= self._quiet_until
        self._is_behind = end < self._quiet_until
        self._items.begin_frame(offset, at, quiet=self._quiet)
        try:
            message = decode(line)
        except GarbledError as error:
            self._take_garbage(line, error)
        else:
            if message is not None:
                self._garbage = 0
                self._take(message)
        self._items.end_frame(end)
        if self._quiet:
            self._activity = None
            self._updates.forget_news()
        else:
            self._end = end
            self._cursor_due = True

    def follow(self, view: AgentView) -> None:
        self._note_session(view)
        if self._agent_session_id is None:
            self._handshake.follow(view, self._outbox)
            return
        if view.turn is not None:
            self._follow_turn(view.turn, self._agent_session_id)
        self._answer(view)

    def collect(self, view: AgentView) -> Step | None:
        self._note_session(view)
        self._answer(view)
        if self._prompt is not None and self._prompt.ended:
            # What comes after the end of a turn is whole with what arrived together.
            self._items.close_all("completed")
            self._items.end_turn()
        items, growths = ((), ()) if self._is_behind else self._items.collect(view.session)
        asked, answered = self._questions.collect(view.approvals)
        apply = SessionApply(
            process_id=self._process_id,
            cursor=self._take_cursor(view.session),
            items=items,
            approvals=asked,
            answered=answered,
            turn=self._take_progress(view.turn),
            title=self._take_title(view.session),
            activity=self._take_activity(view.session),
            writes=self._outbox.take(),
        )
        settled, fatal = self._take_settled(), self._fatal
        self._fatal = None
        if settled is None and fatal is None and not growths and apply == SessionApply(process_id=self._process_id):
            return None
        return Step(apply, settled, growths, fatal)

    def _note_session(self, view: AgentView) -> None:
        self._session = view.session
        if view.session.status == "attached" and self._agent_session_id is None:
            self._agent_session_id = view.session.agent_session_id

    def _follow_turn(self, turn: Turn, agent_session_id: str) -> None:
        known = self._prompt
        if known is not None and known.turn_id == turn.turn_id:
            if turn.interrupt is not None and not known.is_over():
                known.cancel_n = self._outbox.notify(prompt.CANCEL_METHOD, {"sessionId": agent_session_id})
                self._progress["interrupt_n"] = known.cancel_n
                self._activity = "Stopping"
            return
        if turn.input_n is not None or turn.turn_id == self._declined or (known is not None and not known.ended):
            return
        if turn.interrupt is not None:
            # Some agents start a turn although it was cancelled before; one that was never sent cannot start.
            self._declined = turn.turn_id
            self._progress = {"status": "interrupted", "stop_reason": "cancelled"}
            return
        n = self._outbox.request(prompt.METHOD, prompt.write(turn, agent_session_id))
        self._prompt = Prompt(turn.turn_id, n)
        self._items.begin_turn(turn.turn_id)
        self._progress = {"input_n": n}
        self._activity = "Working"

    def _answer(self, view: AgentView) -> None:
        over = self._prompt.turn_id if self._prompt is not None and self._prompt.is_over() else None
        if self._questions.answer(view.approvals, over) and self._prompt is not None and over is None:
            self._activity = "Working"

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
            self._activity = self._updates.take_activity() or self._activity

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
        self._activity = bound_line(f"Waits for a decision: {approval.title}", ACTIVITY_CAP)

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
        self._items.close_all("completed" if progress["status"] == "completed" else "canceled")
        usage = prompt.read_tokens(result, ended.usage)
        progress["usage"] = usage if usage != prompt.NO_USAGE else None
        progress["summary"] = self._items.end_turn() or ended.summary
        ended.ended = True
        self._progress |= progress
        self._activity = ""

    def _take_garbage(self, line: bytes, error: GarbledError) -> None:
        self._note(NO_MESSAGES, f"{show_line(line)} ({error})")
        self._garbage += 1
        if self._agent_session_id is None:
            self._activity = bound_line(f"The agent says: {show_line(line)}", ACTIVITY_CAP)
        if self._garbage == GARBAGE_CAP and not self._quiet:
            self._fatal = Problem(
                code="AGENT_PROTOCOL_ERROR",
                message=f"the agent printed {GARBAGE_CAP} lines in a row that are no messages of its protocol; check "
                f"that the profile's argv starts it as an ACP agent, and that it logs to standard error",
                details={"last_line": show_line(line)},
            )

    def _refuse(self, request_id: str, message: str, code: int = INVALID_PARAMS) -> None:
        if not self._quiet:
            self._outbox.refuse(request_id, code, message)

    def _note(self, heading: str, text: str) -> None:
        if self._prompt is not None:
            self._items.note(heading, text)

    def _take_cursor(self, session: Session) -> FrameCursor | None:
        is_open = session.status != "attaching"
        if not self._cursor_due and (self._rest_told or not is_open):
            return None
        self._cursor_due = False
        self._rest_told = is_open
        return FrameCursor(rest=self._items.pin(self._end) if is_open else 0, applied=self._end)

    def _take_progress(self, turn: Turn | None) -> TurnProgress | None:
        progress, self._progress = self._progress, {}
        spilled, self._items.spilled_summary = self._items.spilled_summary, None
        current = self._prompt
        if current is not None and not current.ended:
            if spilled is not None:
                current.summary = progress["summary"] = spilled
            if self._updates.usage_changed:
                progress["usage"] = current.usage
        subjects = (self._declined, current.turn_id if current is not None else None)
        if turn is None or turn.turn_id not in subjects or not progress:
            return None
        return TurnProgress(turn_id=turn.turn_id, **progress)

    def _take_title(self, session: Session) -> str | None:
        title = self._updates.title
        self._updates.forget_news()
        return title if title != session.title else None

    def _take_activity(self, session: Session) -> str | None:
        activity, self._activity = self._activity, None
        return activity if activity != (session.activity or "") else None

    def _take_settled(self) -> Attached | Problem | None:
        if self._settled_told or self._handshake.settled is None:
            return None
        self._settled_told = True
        return self._handshake.settled
