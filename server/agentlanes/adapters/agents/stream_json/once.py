"""The driver of agents that take one prompt for each process, and end with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agentlanes.adapters.agents.dialogue.driver import LineDriver
from agentlanes.adapters.agents.dialogue.frames import bound_line, show_value
from agentlanes.adapters.agents.dialogue.outbox import Outbox
from agentlanes.adapters.agents.dialogue.prompt import NO_USAGE, Prompt
from agentlanes.adapters.agents.stream_json.ending import describe_failure, read_ending
from agentlanes.adapters.agents.stream_json.launching import DIALECTS, find_dialect, start_once, write_text
from agentlanes.adapters.agents.stream_json.system import SystemMessages
from agentlanes.adapters.agents.stream_json.transcript import Transcript
from agentlanes.adapters.agents.stream_json.usage import read_usage
from agentlanes.kernel.ports.agents import AgentView, Attached, Start
from agentlanes.wire.models import (
    AgentIdentity,
    AgentWrite,
    Approval,
    FrameCursor,
    Problem,
    ProcessExit,
    Turn,
    TurnStatus,
)

Message = dict[str, Any]
ARGUMENT_CAP = 131_000
"""Bytes that one argument of a program may have in Linux, with some to spare."""
_IGNORED = frozenset({"keep_alive", "tool_progress", "interaction_query"})


class PlainOutbox(Outbox):
    """Text as it is: the prompt."""

    def say(self, text: str) -> int:
        self._last += 1
        self._fresh.append(AgentWrite(n=self._last, data=text))
        return self._last


class NoHandshake:
    """There is nothing to ask before there is a prompt."""

    def __init__(self, title: str) -> None:
        self._title = title
        self.settled: Attached | Problem | None = None

    def restore(self, writes: Sequence[AgentWrite]) -> None:
        """Nothing was asked."""

    def follow(self, view: AgentView, outbox: Outbox) -> None:
        identity = AgentIdentity(name=self._title, protocol="stream-json")
        old_id = view.session.agent_session_id if view.session.listed else None
        self.settled = Attached(old_id, resumable=True, identity=identity)


class OnceDriver(LineDriver[Prompt, NoHandshake]):
    """Implements `kernel.ports.agents.Driver`: the prompt starts the process, and its exit ends the turn."""

    HOW_TO_START = "the profile's argv starts the agent that its driver expects"
    _outbox: PlainOutbox

    def _begin(self, writes: Sequence[AgentWrite]) -> None:
        self._dialect = DIALECTS[find_dialect(self._launch)]
        super()._begin(writes)
        self._transcript = Transcript(self._items, self._news)
        self._system = SystemMessages(self._items, self._news)
        self._written = bool(writes)
        self._result: tuple[int, Message] | None = None
        """The message that ends the turn, and where it stands; the turn ends when the process has ended."""
        self._kinds: dict[str, Callable[[Message], None]] = {
            **self._transcript.kinds,
            "system": self._take_system,
            "result": self._take_result,
            "completion": self._take_result,
            "error": self._take_error,
        }

    def _make_outbox(self, writes: Sequence[AgentWrite]) -> PlainOutbox:
        return PlainOutbox(writes)

    def _make_handshake(self) -> NoHandshake:
        return NoHandshake(self._dialect.title)

    def _find_outcome(self, approval: Approval) -> dict[str, object]:
        raise AssertionError("such an agent asks nothing")

    def _read_prompt(self, writes: Sequence[AgentWrite], turn: Turn) -> Prompt | None:
        return _recall(turn)

    def _send_prompt(self, view: AgentView, turn: Turn, agent_session_id: str) -> Prompt:
        return Prompt(turn.turn_id, 0)

    def _follow_prompt(self, view: AgentView, turn: Turn, sent: Prompt, agent_session_id: str) -> None:
        if turn.interrupt is not None and not sent.is_over():
            sent.cancel_n = 0
            self._stop = True
            self._news.activity = "Stopping"

    def start(self, view: AgentView) -> Start | None:
        turn = view.turn
        if turn is None or turn.interrupt is not None or _find_excess(turn, bool(self._dialect.prompt)):
            return None
        return start_once(self._dialect, self._launch, view, write_text(turn.prompt, turn.links))

    def restore(self, view: AgentView, writes: Sequence[AgentWrite], cursor: FrameCursor) -> None:
        super().restore(view, writes, cursor)
        turn = view.turn
        if turn is not None and turn.process_id == self._process_id and self._prompt is None:
            # The process runs for this turn alone, so all that it ever said is about it.
            self._prompt = _recall(turn)
            self._items.restore(turn.turn_id, view.items, cursor.rest)

    def follow(self, view: AgentView) -> None:
        self._note_session(view)
        if view.session.status == "attaching":
            self._handshake.follow(view, self._outbox)
        elif view.turn is not None:
            self._follow_once(view, view.turn)

    def _follow_once(self, view: AgentView, turn: Turn) -> None:
        if self._prompt is None:
            if turn.turn_id == self._declined:
                return
            if turn.interrupt is not None:
                self._decline(turn, "interrupted", stop_reason="cancelled")
                return
            self._prompt = Prompt(turn.turn_id, 0)
            self._items.begin_turn(turn.turn_id)
            self._news.activity = "Working"
        if size := _find_excess(turn, bool(self._dialect.prompt)):
            problem = Problem(
                code="AGENT_REFUSED",
                message=f"the prompt has {size} bytes, and this agent takes an argument of {ARGUMENT_CAP} at most; "
                f"put the rest into a file of the lane and name that",
            )
            self._decline(turn, "failed", problem=problem)
            return
        if not (self._dialect.prompt or self._written):
            self._written = True
            self._progress["input_n"] = self._outbox.say(write_text(turn.prompt, turn.links))
        self._follow_prompt(view, turn, self._prompt, "")

    def _decline(self, turn: Turn, status: TurnStatus, **how: Any) -> None:
        """End a turn that was never begun; the session stays as it is."""
        self._prompt, self._declined = None, turn.turn_id
        self._progress = {"status": status, **how}

    def finish(self, exit: ProcessExit, at: str) -> bool:
        prompt = self._prompt
        if prompt is None:
            return False
        interrupted = prompt.cancel_n is not None
        result = self._result[1] if self._result is not None else None
        if result is None and not interrupted and (exit.exit_code != 0 or exit.problem is not None):
            return False
        ending = result if result is not None else {"subtype": "success"}
        progress = read_ending(ending, interrupted=interrupted, error=self._transcript.error)
        if progress["status"] == "completed" and exit.exit_code != 0:
            progress = {"status": "failed", "problem": describe_failure({"result": f"it ended with {_name(exit)}"})}
        self._at = at
        # The exit is news, also where every frame before it was read again.
        self._items.begin_frame(self._end, at, quiet=False)
        self._finish_turn(prompt, progress, read_usage(ending, self._transcript.context_used, 0.0))
        self._done = True
        return True

    def _pin(self, end: int) -> int:
        return min(super()._pin(end), self._result[0]) if self._result is not None else super()._pin(end)

    def _take(self, message: Message) -> None:
        if self._prompt is None:
            return
        session_id = message.get("session_id")
        assert self._session is not None
        if type(session_id) is str and 0 < len(session_id) <= 512 and session_id != self._session.agent_session_id:
            self._news.agent_session_id = session_id
        kind = message.get("type")
        if type(kind) is not str:
            self._note("Messages that were not expected", f"a message without a type: {show_value(message)}")
        elif (take := self._kinds.get(kind)) is not None:
            take(message)
        elif kind not in _IGNORED:
            self._transcript.show_unknown(kind, message)

    def _take_system(self, message: Message) -> None:
        self._system.take(message)

    def _take_result(self, message: Message) -> None:
        told = message.get("finalText")
        self._result = self._offset, {**message, "result": told} if type(told) is str else message

    def _take_error(self, message: Message) -> None:
        self._items.tell(bound_line(str(message.get("message") or message.get("error")), 2000), raw=message)
        self._result = self._offset, {**message, "is_error": True}


def _recall(turn: Turn) -> Prompt:
    prompt = Prompt(turn.turn_id, 0)
    prompt.usage, prompt.summary = turn.usage or NO_USAGE, turn.summary
    return prompt


def _find_excess(turn: Turn, is_argument: bool) -> int:
    """The size of a prompt that is too large to be an argument; 0 for others."""
    size = len(write_text(turn.prompt, turn.links).encode()) if is_argument else 0
    return size if size > ARGUMENT_CAP else 0


def _name(exit: ProcessExit) -> str:
    return exit.signal or f"exit code {exit.exit_code}"
