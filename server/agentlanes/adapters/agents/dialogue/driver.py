"""The driver of an agent that speaks in lines of JSON: all of it but the words of the agent's protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from agentlanes.adapters.agents.dialogue.frames import GarbledError, bound_line, decode, show_line
from agentlanes.adapters.agents.dialogue.outbox import INVALID_PARAMS, Outbox
from agentlanes.adapters.agents.dialogue.prompt import NO_USAGE, Prompt
from agentlanes.adapters.agents.dialogue.questions import Questions
from agentlanes.adapters.agents.dialogue.turn_items import TurnItems
from agentlanes.core.approval import APPROVAL_TIMEOUT
from agentlanes.kernel.ports.agents import AgentView, Attached, Launch, Start, Step
from agentlanes.wire.models import (
    AgentWrite,
    Approval,
    FrameCursor,
    Offer,
    Problem,
    ProcessExit,
    Session,
    SessionApply,
    Turn,
    TurnProgress,
    TurnStatus,
    Usage,
)

ACTIVITY_CAP = 200
GARBAGE_CAP = 10_000
"""Lines that are no messages, one after another, after which a program is taken for something else than an agent."""
REQUEST_ID_CAP = 512
NO_MESSAGES = "Lines that are not messages of the protocol"
NOT_EXPECTED = "Messages that were not expected"


class News(Struct):
    """What is to be told of the session as a whole."""

    title: str | None = None
    activity: str | None = None
    """One line; empty where the agent does nothing any more."""
    offer: Offer | None = None
    agent_session_id: str | None = None
    """The agent's id of the conversation, where it tells it only when it works."""
    usage_changed: bool = False
    """The usage of the prompt that is in flight is another one than the log has."""

    def forget(self) -> None:
        """All was told, or is no news."""
        self.title = self.activity = self.offer = self.agent_session_id = None
        self.usage_changed = False


class Handshake(Protocol):
    """What leads from the agent's start to an open session."""

    settled: Attached | Problem | None

    def restore(self, writes: Sequence[AgentWrite]) -> None:
        """Take back what was asked. The frames from the start on bring back what was answered."""

    def follow(self, view: AgentView, outbox: Outbox) -> None:
        """Ask what is next, unless an answer is awaited or all is settled."""


P = TypeVar("P", bound=Prompt)
H = TypeVar("H", bound=Handshake)


class LineDriver(ABC, Generic[P, H]):
    """Implements `kernel.ports.agents.Driver`. One prompt is in flight at a time."""

    stream: Literal["out", "pty"] = "out"
    HOW_TO_START: str
    """What to check where a program prints no messages: goes on after "check that"."""
    JSONRPC: str | None = "2.0"
    """What each message says of JSON-RPC; None where it does not say it."""

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
        self._outbox = self._make_outbox(writes)
        self._handshake = self._make_handshake()
        self._handshake.restore(writes)
        self._settled_told = False
        self._news = News()
        self._items = TurnItems(self._process_id)
        self._questions = Questions(self._process_id, self._outbox, self._approval_timeout, self._find_outcome)
        self._session: Session | None = None
        self._agent_session_id: str | None = None
        """The agent's id of the session, once the log says that it is open."""
        self._prompt: P | None = None
        self._declined: str | None = None
        """Turn that ended before its prompt was sent."""
        self._progress: dict[str, Any] = {}
        self._garbage = 0
        self._fatal: Problem | None = None
        self._stop = False
        self._done = False
        """The process has ended as it was to, and is to be told as such."""
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

    def _make_outbox(self, writes: Sequence[AgentWrite]) -> Outbox:
        """What frames the writes that follow those that the process got."""
        return Outbox(writes, self.JSONRPC)

    @abstractmethod
    def _make_handshake(self) -> H:
        """A handshake that has not begun."""

    @abstractmethod
    def _find_outcome(self, approval: Approval) -> dict[str, object]:
        """What the agent is told of its question: what was decided, or, where it is pending, that nobody will."""

    @abstractmethod
    def _read_prompt(self, writes: Sequence[AgentWrite], turn: Turn) -> P | None:
        """The prompt that is in flight, by what was written and the turn that runs."""

    @abstractmethod
    def _send_prompt(self, view: AgentView, turn: Turn, agent_session_id: str) -> P | None:
        """Write a turn's prompt. None where something has to be asked before, or the turn was declined."""

    @abstractmethod
    def _follow_prompt(self, view: AgentView, turn: Turn, sent: P, agent_session_id: str) -> None:
        """Write what the turn in flight wants by now: an interrupt, a further input."""

    @abstractmethod
    def _take(self, message: dict[str, Any]) -> None:
        """Take in a message."""

    def start(self, view: AgentView) -> Start | None:
        return Start(self._launch.argv)

    def finish(self, exit: ProcessExit, at: str) -> bool:
        """An agent whose process serves the whole session does not end by itself."""
        return False

    def patience(self) -> float | None:
        """An agent that says when it is done may be silent before."""
        return None

    def fall_silent(self, at: str) -> None:
        """Nothing to conclude."""

    def restore(self, view: AgentView, writes: Sequence[AgentWrite], cursor: FrameCursor) -> None:
        self._begin(writes)
        self._note_session(view)
        if view.turn is not None and view.turn.input_n is not None:
            self._prompt = self._read_prompt(writes, view.turn)
        if self._prompt is not None:
            self._items.restore(self._prompt.turn_id, view.items, cursor.rest)
        elif view.previous is not None and view.previous.input_n is not None:
            self._prompt = self._read_prompt(writes, view.previous)
            if self._prompt is not None:
                self._prompt.ended = True
                self._items.restore(self._prompt.turn_id, (), cursor.rest)
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
            self._news.forget()
        else:
            self._end = end
            self._cursor_due = True

    def follow(self, view: AgentView) -> None:
        self._note_session(view)
        if self._agent_session_id is None:
            self._handshake.follow(view, self._outbox)
            return
        if view.turn is not None:
            self._follow_turn(view, view.turn, self._agent_session_id)
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
        news = self._news
        apply = SessionApply(
            process_id=self._process_id,
            cursor=self._take_cursor(view.session),
            items=items,
            approvals=asked,
            answered=answered,
            turn=self._take_progress(view.turn),
            title=news.title if news.title != view.session.title else None,
            activity=news.activity if news.activity != (view.session.activity or "") else None,
            offer=news.offer,
            agent_session_id=news.agent_session_id,
            ended=self._done or None,
            writes=self._outbox.take(),
        )
        news.forget()
        settled, fatal, stop = self._take_settled(), self._fatal, self._stop
        self._fatal, self._stop, self._done = None, False, False
        news_free = settled is None and fatal is None and not (stop or growths)
        if news_free and apply == SessionApply(process_id=self._process_id):
            return None
        return Step(apply, settled, growths, fatal, stop, self._outbox.take_unlogged())

    def _note_session(self, view: AgentView) -> None:
        self._session = view.session
        if view.session.status == "attached" and self._agent_session_id is None:
            self._agent_session_id = view.session.agent_session_id

    def _follow_turn(self, view: AgentView, turn: Turn, agent_session_id: str) -> None:
        known = self._prompt
        if known is not None and known.turn_id == turn.turn_id:
            self._follow_prompt(view, turn, known, agent_session_id)
            return
        if turn.input_n is not None or turn.turn_id == self._declined or (known is not None and not known.ended):
            return
        if turn.interrupt is not None:
            # Some agents start a turn although it was cancelled before; one that was never sent cannot start.
            self._end_unsent(turn, "interrupted", stop_reason="cancelled")
            return
        sent = self._send_prompt(view, turn, agent_session_id)
        if sent is None:
            return
        self._prompt = sent
        self._items.begin_turn(turn.turn_id)
        self._progress = {"input_n": sent.n}
        self._news.activity = "Working"

    def _end_unsent(self, turn: Turn, status: TurnStatus, **how: Any) -> None:
        """End a turn whose prompt is never sent."""
        self._declined = turn.turn_id
        self._progress = {"status": status, **how}

    def _answer(self, view: AgentView) -> None:
        over = self._prompt.turn_id if self._prompt is not None and self._prompt.is_over() else None
        answered = self._questions.answer(view.approvals, over, view.secret_answers)
        if answered and self._prompt is not None and over is None:
            self._news.activity = "Working"

    def _finish_turn(self, ended: P, progress: dict[str, Any], usage: Usage) -> None:
        """The turn ended as `progress` says: close what is open in it."""
        self._items.close_all("completed" if progress["status"] == "completed" else "canceled")
        progress["usage"] = usage if usage != NO_USAGE else None
        progress["summary"] = self._items.end_turn() or ended.summary
        ended.ended = True
        self._progress |= progress
        self._news.activity = ""

    def _take_garbage(self, line: bytes, error: GarbledError) -> None:
        self._note(NO_MESSAGES, f"{show_line(line)} ({error})")
        self._garbage += 1
        if self._agent_session_id is None:
            self._news.activity = bound_line(f"The agent says: {show_line(line)}", ACTIVITY_CAP)
        if self._garbage == GARBAGE_CAP and not self._quiet:
            self._fatal = Problem(
                code="AGENT_PROTOCOL_ERROR",
                message=f"the agent printed {GARBAGE_CAP} lines in a row that are no messages of its protocol; check "
                f"that {self.HOW_TO_START}, and that it logs to standard error",
                details={"last_line": show_line(line)},
            )

    def _refuse(self, request_id: str, message: str, code: int = INVALID_PARAMS) -> None:
        if not self._quiet:
            self._outbox.refuse(request_id, code, message)

    def _note(self, heading: str, text: str, raw: object = None) -> None:
        if self._prompt is not None:
            self._items.note(heading, text, raw)

    def _pin(self, end: int) -> int:
        """Where reading starts after a restart, if `end` is how far it came."""
        return self._items.pin(end)

    def _take_cursor(self, session: Session) -> FrameCursor | None:
        is_open = session.status != "attaching"
        if not self._cursor_due and (self._rest_told or not is_open):
            return None
        self._cursor_due = False
        self._rest_told = is_open
        return FrameCursor(rest=self._pin(self._end) if is_open else 0, applied=self._end)

    def _take_progress(self, turn: Turn | None) -> TurnProgress | None:
        progress, self._progress = self._progress, {}
        spilled, self._items.spilled_summary = self._items.spilled_summary, None
        current = self._prompt
        if current is not None and not current.ended:
            if spilled is not None:
                current.summary = progress["summary"] = spilled
            if self._news.usage_changed:
                progress["usage"] = current.usage
        subjects = (self._declined, current.turn_id if current is not None else None)
        if turn is None or turn.turn_id not in subjects or not progress:
            return None
        return TurnProgress(turn_id=turn.turn_id, **progress)

    def _take_settled(self) -> Attached | Problem | None:
        if self._settled_told or self._handshake.settled is None:
            return None
        self._settled_told = True
        return self._handshake.settled
