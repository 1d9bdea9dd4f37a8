"""The driver of a program on a terminal: prompts are typed, and what it prints until it waits again is its answer.

Nothing is known but bytes and silence. A turn is done when the program's marks say so (OSC 133, OSC 9;4), when the
screen shows what the profile says, when the cursor is back behind the words at which the prompt was typed, or when
nothing came for long. A program whose argv holds {prompt} runs once for each prompt, and its exit ends the turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from agentlanes.adapters.agents.dialogue.driver import LineDriver
from agentlanes.adapters.agents.dialogue.item import CUT
from agentlanes.adapters.agents.dialogue.outbox import Outbox
from agentlanes.adapters.agents.dialogue.prompt import NO_USAGE, Prompt
from agentlanes.adapters.agents.terminal.screen import Screen
from agentlanes.adapters.agents.terminal.settings import read_habits
from agentlanes.kernel.ports.agents import PROMPT, AgentView, Attached, Start
from agentlanes.kernel.ports.runners import TerminalSize
from agentlanes.wire.models import AgentWrite, Approval, FrameCursor, Problem, ProcessExit, Turn

TEXT_CAP = 512 << 10
"""Bytes of text of one turn; all of it is on the terminal's tape."""
LOOKED_AT = 16 << 10
"""Bytes of a flood that are still looked at, for what they say about the program."""
REREAD_CAP = 4 << 20
"""Bytes that are read again at most for what the program said while nothing was asked of it."""
STOP_SECONDS = 5.0
"""How long after an interrupt a program may go on printing before its turn is ended all the same."""
ARGUMENT_CAP = 131_000
ANEW = "The program was started anew for this prompt; what it was told before, it may not know any more."


class Keys(Outbox):
    """What is typed."""

    def press(self, text: str) -> int:
        self._last += 1
        self._fresh.append(AgentWrite(n=self._last, data=text))
        return self._last


class Readiness:
    """A program is ready when it has printed something and fallen silent, or was silent from its start."""

    def __init__(self) -> None:
        self.settled: Attached | Problem | None = None

    def restore(self, writes: Sequence[AgentWrite]) -> None:
        """Nothing was asked."""

    def follow(self, view: AgentView, outbox: Outbox) -> None:
        """Nothing is asked."""

    def settle(self) -> None:
        self.settled = Attached(None, resumable=False)


class TerminalDriver(LineDriver[Prompt, Readiness]):
    """Implements `kernel.ports.agents.Driver` for a program without a protocol."""

    stream: Literal["out", "pty"] = "pty"
    HOW_TO_START = "the profile's argv starts a program of the terminal"
    _outbox: Keys

    def _begin(self, writes: Sequence[AgentWrite]) -> None:
        self._habits = read_habits(self._launch)
        self._cells = TerminalSize(self._habits.cols, self._habits.rows)
        self._runs_once = any(PROMPT in argument for argument in self._launch.argv)
        super()._begin(writes)
        self._screen = Screen()
        self._starts_at = 0
        """Where on the tape the turn's output begins."""
        self._waits_at = 0
        """Where the program said last how it wants to be typed to."""
        self._line_at = 0
        """Where the line that the cursor is in began."""
        self._rest = 0
        """Where reading starts after a restart: before the words at which the turn's prompt was typed."""
        self._is_before = False
        """What is read was printed before the turn's output."""
        self._is_first = False
        """No line of the turn's output was told, so the next one may begin with the words of the program's prompt."""
        self._line = ""
        """The line that the cursor was in when the prompt was typed."""
        self._echo: list[str] = []
        """Lines of the prompt that the terminal has yet to show."""
        self._size = 0
        self._is_cut = False
        self._enter_due = False
        self._heard = False
        """Something was printed since the prompt was typed, or since the start."""
        self._interrupted_at: datetime | None = None
        self._is_anew = False

    def _make_outbox(self, writes: Sequence[AgentWrite]) -> Keys:
        return Keys(writes)

    def _make_handshake(self) -> Readiness:
        return Readiness()

    def _find_outcome(self, approval: Approval) -> dict[str, object]:
        raise AssertionError("such a program asks nothing")

    def _read_prompt(self, writes: Sequence[AgentWrite], turn: Turn) -> Prompt | None:
        return _recall(turn)

    def _send_prompt(self, view: AgentView, turn: Turn, agent_session_id: str) -> Prompt:
        return _recall(turn)

    def _follow_prompt(self, view: AgentView, turn: Turn, sent: Prompt, agent_session_id: str) -> None:
        if turn.interrupt is not None and not sent.is_over():
            sent.cancel_n = self._outbox.press(self._habits.interrupt)
            self._progress["interrupt_n"] = sent.cancel_n
            self._interrupted_at = _read_time(view.at)
            self._enter_due = False
            self._news.activity = "Stopping"

    def _take(self, message: dict[str, Any]) -> None:
        raise AssertionError("what such a program prints are no messages")

    def start(self, view: AgentView) -> Start | None:
        if not self._runs_once:
            return Start(self._launch.argv, size=self._cells)
        turn = view.turn
        if turn is None or turn.interrupt is not None or len(turn.prompt.encode()) > ARGUMENT_CAP:
            return None
        return Start(self._launch.argv, fills={PROMPT: turn.prompt}, size=self._cells)

    def restore(self, view: AgentView, writes: Sequence[AgentWrite], cursor: FrameCursor) -> None:
        super().restore(view, writes, cursor)
        self._settled_told = view.session.status == "attached"
        self._is_anew = view.session.listed and view.session.status == "attaching" and not self._runs_once
        self._starts_at = self._waits_at = self._line_at = self._rest = cursor.rest
        turn = view.turn
        if turn is None or turn.process_id != self._process_id or not (self._runs_once or turn.input_n is not None):
            return
        # The turn's text is made again from where its output begins; one that has none yet begins with what is new.
        self._prompt = _recall(turn)
        positions = [item.position for item in view.items if item.kind == "message"]
        self._starts_at = positions[0] - 1 if positions else cursor.applied
        self._is_before = not self._runs_once
        self._items.restore(turn.turn_id, view.items, cursor.rest)
        self._echo = [] if self._runs_once else turn.prompt.splitlines()
        typed = [write.data for write in writes if turn.input_n is not None and write.n >= turn.input_n]
        self._enter_due = len(typed) == 1 and not typed[0].endswith(self._habits.enter)
        if turn.interrupt is not None and turn.interrupt.input_n is not None:
            self._prompt.cancel_n = turn.interrupt.input_n
            self._interrupted_at = _read_time(view.at)

    def receive(self, line: bytes, offset: int, end: int, at: str) -> None:
        self._offset, self._at = offset, at
        self._quiet = end <= self._quiet_until
        self._is_behind = end < self._quiet_until
        self._heard = True
        if self._is_before and end > self._starts_at:
            self._screen.feed(line[: max(0, self._starts_at - offset)])
            line = line[max(0, self._starts_at - offset) :]
            self._begin_output()
        pastes = self._screen.pastes
        is_open = self._prompt is not None and not self._prompt.ended and not self._is_before
        lines = self._screen.feed(line if is_open and not self._is_cut else line[-LOOKED_AT:])
        if self._screen.pastes != pastes:
            self._waits_at = offset
        if (newline := line.rfind(b"\n")) >= 0:
            self._line_at = end - len(line) + newline + 1
        if is_open:
            self._tell(lines)
            self._look_at_clock(at)
        if not self._quiet:
            self._end = end
            self._cursor_due = True

    def follow(self, view: AgentView) -> None:
        self._note_session(view)
        if view.session.status == "attaching":
            if self._runs_once:
                self._handshake.settle()
        elif view.turn is not None:
            self._follow_typed(view, view.turn)

    def _follow_typed(self, view: AgentView, turn: Turn) -> None:
        known = self._prompt
        if known is None or known.turn_id != turn.turn_id:
            if turn.turn_id == self._declined or turn.input_n is not None:
                return
            if turn.interrupt is not None or (self._runs_once and len(turn.prompt.encode()) > ARGUMENT_CAP):
                self._decline(turn)
                return
            known = self._begin_turn(turn)
        self._follow_prompt(view, turn, known, "")

    def _begin_turn(self, turn: Turn) -> Prompt:
        prompt = self._prompt = _recall(turn)
        self._starts_at = self._end
        self._items.begin_turn(turn.turn_id)
        self._items.begin_frame(self._starts_at, self._at or turn.created_at, quiet=False)
        self._size, self._is_cut, self._heard, self._interrupted_at = 0, False, False, None
        self._begin_output()
        self._screen.busy = None
        self._news.activity = "Working"
        if self._runs_once:
            return prompt
        if self._is_anew:
            self._is_anew = False
            self._items.tell(ANEW)
        self._echo = turn.prompt.splitlines()
        self._enter_due = self._screen.pastes
        if self._screen.pastes:
            # A paste and the key after it, at once, are taken for one paste by programs that do not know the marks.
            text = turn.prompt.replace("\x1b", "")
            self._progress["input_n"] = self._outbox.press(f"\x1b[200~{text}\x1b[201~")
        else:
            text = self._habits.enter.join(turn.prompt.splitlines())
            self._progress["input_n"] = self._outbox.press(f"{text}{self._habits.enter}")
        return prompt

    def _begin_output(self) -> None:
        """What is printed from here on is the turn's."""
        self._line = self._screen.begin()
        self._is_before = False
        self._is_first = True

    def _decline(self, turn: Turn) -> None:
        self._declined = turn.turn_id
        if turn.interrupt is not None:
            self._progress = {"status": "interrupted", "stop_reason": "cancelled"}
            return
        problem = Problem(
            code="AGENT_REFUSED",
            message=f"the prompt is larger than the {ARGUMENT_CAP} bytes that an argument may have; put the rest "
            f"into a file of the lane and name that",
        )
        self._progress = {"status": "failed", "problem": problem}

    def patience(self) -> float | None:
        if self._session is not None and self._session.status == "attaching":
            return self._habits.settle if self._heard else self._habits.start
        if self._prompt is None or self._prompt.ended or self._runs_once:
            return None
        if self._enter_due or self._prompt.cancel_n is not None or (self._heard and self._is_idle()):
            return self._habits.settle
        return None if self._screen.busy else self._habits.quiet

    def fall_silent(self, at: str) -> None:
        self._at = at
        if self._session is not None and self._session.status == "attaching":
            self._handshake.settle()
        elif self._prompt is None or self._prompt.ended:
            return
        elif self._enter_due:
            self._enter_due = False
            self._outbox.press(self._habits.enter)
        else:
            self._finish_typed("completed", {"stop_reason": "end_turn"})

    def finish(self, exit: ProcessExit, at: str) -> bool:
        self._at = at
        fine = exit.exit_code == 0 and exit.problem is None
        if self._session is None or self._session.status == "attaching":
            return False
        prompt = self._prompt
        if prompt is not None and not prompt.ended:
            if fine or prompt.cancel_n is not None:
                self._finish_typed("completed", {"stop_reason": "end_turn"})
            elif self._runs_once and exit.exit_code is not None:
                problem = Problem(
                    code="AGENT_EXITED",
                    message=f"the program ended with exit code {exit.exit_code}; its last words are in the turn",
                    details={"exit_code": exit.exit_code},
                )
                self._finish_typed("failed", {"problem": problem})
            else:
                self._flush()
                return False
            fine = True
        self._done = fine
        return fine

    def _is_idle(self) -> bool:
        """Whether the program says, or shows, that it waits for input."""
        screen, habits = self._screen, self._habits
        if screen.busy is not None:
            return not screen.busy
        if habits.idle_title is not None:
            return habits.idle_title.search(screen.title) is not None
        if habits.idle is not None:
            return habits.idle.search(screen.line()) is not None or habits.idle.search(screen.show()) is not None
        return bool(self._line) and screen.line() == self._line and not self._echo

    def _look_at_clock(self, at: str) -> None:
        """A program that does not care about an interrupt goes on; its turn does not."""
        since = self._interrupted_at
        if since is not None and (_read_time(at) - since).total_seconds() > STOP_SECONDS:
            self._items.begin_frame(self._starts_at + 2, self._at, quiet=self._quiet)
            self._items.note("The program did not stop", "it printed on after the interrupt; its terminal shows what")
            self._finish_typed("interrupted", {})

    def _tell(self, lines: list[str]) -> None:
        """Lines that are whole become text of the turn's message."""
        for line in lines:
            first, self._is_first = self._is_first, False
            if self._echo:
                expected = self._echo[0].rstrip()
                if line.endswith(expected):
                    del self._echo[0]
                    continue
                self._echo.clear()
            self._say((line.removeprefix(self._line).lstrip(" ") if first else line) + "\n")

    def _say(self, text: str) -> None:
        if self._is_cut:
            return
        self._size += len(text.encode())
        if self._size > TEXT_CAP:
            self._is_cut = True
            text = CUT
        # One message for each turn, which begins where its output does: the pieces in which it came do not matter.
        self._items.begin_frame(self._starts_at + 1, self._at, quiet=self._quiet)
        self._items.speak("message", None, text)
        self._news.activity = "Writing"

    def _flush(self) -> None:
        """Tell what stands on the screen, but for the words at which the next prompt is typed."""
        if self._is_before:
            self._begin_output()
        lines = self._screen.list_rest()
        if lines and (
            lines[-1] == self._line or (self._habits.idle is not None and self._habits.idle.search(lines[-1]))
        ):
            lines.pop()
        self._tell(lines)

    def _finish_typed(self, status: str, how: dict[str, Any]) -> None:
        prompt = self._prompt
        assert prompt is not None
        self._flush()
        self._items.begin_frame(self._starts_at + 3, self._at, quiet=False)
        if prompt.cancel_n is not None:
            status, how = "interrupted", {"stop_reason": "cancelled"}
        self._finish_turn(prompt, {"status": status, **how}, NO_USAGE)
        self._enter_due = False
        self._interrupted_at = None
        self._screen.begin()

    def _pin(self, end: int) -> int:
        if self._prompt is None or self._prompt.ended:
            self._rest = max(self._rest, min(self._waits_at, self._line_at), end - REREAD_CAP)
        return min(end, self._rest)


def _recall(turn: Turn) -> Prompt:
    prompt = Prompt(turn.turn_id, turn.input_n or 0)
    prompt.summary = turn.summary
    return prompt


def _read_time(at: str) -> datetime:
    return datetime.fromisoformat(at.replace("Z", "+00:00"))
