"""The driver of Claude Code's own command line: one process for a session, with control requests in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agentlanes.adapters.agents.dialogue.driver import ACTIVITY_CAP, NOT_EXPECTED, REQUEST_ID_CAP, LineDriver
from agentlanes.adapters.agents.dialogue.frames import bound_line, encode, show_value
from agentlanes.adapters.agents.dialogue.ids import derive_id
from agentlanes.adapters.agents.dialogue.prompt import NO_USAGE, Prompt
from agentlanes.adapters.agents.stream_json import approvals, launching
from agentlanes.adapters.agents.stream_json.ending import read_ending
from agentlanes.adapters.agents.stream_json.handshake import ControlHandshake
from agentlanes.adapters.agents.stream_json.offer import change_setting, find_review
from agentlanes.adapters.agents.stream_json.outbox import ControlOutbox, name_message
from agentlanes.adapters.agents.stream_json.system import SystemMessages
from agentlanes.adapters.agents.stream_json.tools import read_use
from agentlanes.adapters.agents.stream_json.transcript import Transcript
from agentlanes.adapters.agents.stream_json.usage import read_total, read_usage
from agentlanes.core.turn import DEFAULT_PROMPTS
from agentlanes.kernel.ports.agents import AgentView, Start, Step
from agentlanes.wire.models import AgentWrite, Approval, FrameCursor, Steered, Turn

Message = dict[str, Any]
_IGNORED = frozenset({"keep_alive", "command_lifecycle", "tool_progress", "auth_status", "streamlined_text"})
"""What the session's log has in its own words, or what is over when it is told."""
_SETTERS = {"set_permission_mode": "mode", "set_model": "model", "apply_flag_settings": "settings"}


class ClaudePrompt(Prompt):
    """A prompt, and what was said to the same turn after it."""

    __slots__ = ("later", "repeat_interrupt", "said")

    def __init__(self, turn_id: str, n: int) -> None:
        super().__init__(turn_id, n)
        self.later: list[int] = []
        self.repeat_interrupt = False
        """The agent had not begun when it was told to stop, so it will be told again."""
        self.said: str | None = None
        """The agent's own id of its last message: where a fork can begin."""


class ClaudeDriver(LineDriver[ClaudePrompt, ControlHandshake]):
    """Implements `kernel.ports.agents.Driver` for `claude -p` with stream-json on both sides."""

    HOW_TO_START = "the profile's argv starts Claude Code"
    _outbox: ControlOutbox

    def _begin(self, writes: Sequence[AgentWrite]) -> None:
        super()._begin(writes)
        self._transcript = Transcript(self._items, self._news)
        self._system = SystemMessages(self._items, self._news)
        self._requests: dict[str, tuple[int, Message]] = {}
        """What the agent asks and nobody decided, by the approval: where it stands on the tape, and its words."""
        self._told: dict[str, object] = {}
        """Settings as the agent was told since its start."""
        for write in writes:
            request = msgspec.json.decode(write.data).get("request")
            if isinstance(request, dict) and (key := _SETTERS.get(str(request.get("subtype")))) is not None:
                self._told[request["subtype"]] = request.get(key)
        self._cost: float | None = None if writes else 0.0
        """What the process has cost by now, where that is known."""
        self._take_kind: dict[str, Callable[[Message], None]] = {
            "control_response": self._take_response,
            "control_request": self._take_request,
            "control_cancel_request": self._take_withdrawal,
            "system": self._take_system,
            "result": self._take_result,
            **{kind: self._transcript.kinds[kind] for kind in ("assistant", "user", "stream_event")},
            "rate_limit_event": self._system.take_limit,
        }

    def _make_outbox(self, writes: Sequence[AgentWrite]) -> ControlOutbox:
        return ControlOutbox(writes, None)

    def _make_handshake(self) -> ControlHandshake:
        return ControlHandshake(self._process_id)

    def start(self, view: AgentView) -> Start | None:
        return launching.start_claude(self._launch, view, self._process_id)

    def restore(self, view: AgentView, writes: Sequence[AgentWrite], cursor: FrameCursor) -> None:
        super().restore(view, writes, cursor)
        # What the process was started with is not told to it.
        model, effort = launching.find_choice(self._launch, view)
        self._told.setdefault("set_model", model)
        self._told.setdefault("apply_flag_settings", effort and {"effortLevel": effort})

    def follow(self, view: AgentView) -> None:
        if self._system.offer is None:
            self._system.offer = view.session.offer
        super().follow(view)

    def collect(self, view: AgentView) -> Step | None:
        asked = {approval.approval_id for approval in (*view.approvals, *self._questions.asked())}
        self._requests = {key: request for key, request in self._requests.items() if key in asked}
        return super().collect(view)

    def _pin(self, end: int) -> int:
        # A request is read again after a restart: its input goes back with the answer, and no record is large enough.
        return min(super()._pin(end), *(offset for offset, _ in self._requests.values()), end)

    def _find_outcome(self, approval: Approval) -> dict[str, object]:
        _, request = self._requests.pop(approval.approval_id, (0, None))
        return approvals.write_outcome(approval, request)

    def _read_prompt(self, writes: Sequence[AgentWrite], turn: Turn) -> ClaudePrompt | None:
        assert turn.input_n is not None
        prompt = ClaudePrompt(turn.turn_id, turn.input_n)
        prompt.usage, prompt.summary, prompt.said = turn.usage or NO_USAGE, turn.summary, turn.agent_turn_id
        for write in writes[turn.input_n :]:
            message = msgspec.json.decode(write.data)
            if message["type"] == "user":
                prompt.later.append(write.n)
            elif message["type"] == "control_request" and message["request"]["subtype"] == "interrupt":
                prompt.cancel_n = write.n
        return prompt

    def _send_prompt(self, view: AgentView, turn: Turn, agent_session_id: str) -> ClaudePrompt:
        self._tell_settings(view)
        self._tell_mode(view, again=True)
        self._transcript.forget()
        text = launching.write_text(turn.prompt, turn.links)
        if turn.action in ("compact", "review"):
            commands = {command.name for command in (view.session.offer.commands if view.session.offer else ())}
            name = "compact" if turn.action == "compact" else find_review(commands) or "review"
            text = f"/{name}" if turn.prompt == DEFAULT_PROMPTS[turn.action] else f"/{name} {text}"
        return ClaudePrompt(turn.turn_id, self._outbox.say(self._process_id, text))

    def _follow_prompt(self, view: AgentView, turn: Turn, sent: ClaudePrompt, agent_session_id: str) -> None:
        if sent.is_over():
            return
        if turn.interrupt is not None:
            sent.cancel_n = self._outbox.request("interrupt", {})
            self._progress["interrupt_n"] = sent.cancel_n
            self._news.activity = "Stopping"
            return
        self._tell_mode(view, again=False)
        for steer in turn.steers:
            if steer.input_n is None and steer.problem is None and len(sent.later) < steer.number:
                text = launching.write_text(steer.prompt, steer.links)
                sent.later.append(self._outbox.say(self._process_id, text))
                steered = self._progress.get("steered", ())
                self._progress["steered"] = (*steered, Steered(number=steer.number, input_n=sent.later[-1]))

    def _tell_settings(self, view: AgentView) -> None:
        """Tell what is wanted where the agent has another value."""
        model, effort = launching.find_choice(self._launch, view)
        for setter, value in (("set_model", model), ("apply_flag_settings", effort and {"effortLevel": effort})):
            if value is not None and value != self._told.get(setter):
                self._tell(setter, value)

    def _tell_mode(self, view: AgentView, *, again: bool) -> None:
        """Tell the permission mode where the agent has another one; `again` also where it was told and left it since.

        What a user allowed for the session, as edits without asking, stays.
        """
        wanted, told = launching.find_mode(self._launch, view), self._told.get("set_permission_mode")
        settings = self._system.offer.settings if self._system.offer is not None else ()
        has = next((setting.value for setting in settings if setting.kind == "mode"), None)
        is_left = wanted != has and not (wanted == "default" and has == "acceptEdits")
        if (told is not None and told != wanted) or (is_left and (again or told is None)):
            self._tell("set_permission_mode", wanted)

    def _tell(self, setter: str, value: object) -> None:
        self._told[setter] = value
        self._outbox.request(setter, {_SETTERS[setter]: value})

    def _take(self, message: Message) -> None:
        kind = message.get("type")
        if type(kind) is not str:
            self._note(NOT_EXPECTED, f"a message without a type: {show_value(message)}")
        elif self._agent_session_id is None and kind not in ("control_response", "result"):
            # Before the session is open only what was is told, and the log has that already.
            return
        elif self._prompt is None and kind not in ("control_response", "control_request", "result", "system"):
            return
        elif (take := self._take_kind.get(kind)) is not None:
            self._note_said(kind, message)
            take(message)
        elif kind not in _IGNORED:
            self._transcript.show_unknown(kind, message)

    def _note_said(self, kind: str, message: Message) -> None:
        prompt, said = self._prompt, message.get("uuid")
        if prompt is None or prompt.ended or kind != "assistant" or message.get("parent_tool_use_id") is not None:
            return
        if type(said) is str and 0 < len(said) <= 512:
            prompt.said = said

    def _take_system(self, message: Message) -> None:
        subtype = message.get("subtype")
        session_id = message.get("session_id")
        if subtype == "init" and type(session_id) is str and 0 < len(session_id) <= 512:
            self._news.agent_session_id = session_id if session_id != self._agent_session_id else None
            if self._prompt is not None and self._prompt.repeat_interrupt and not self._quiet:
                self._prompt.repeat_interrupt = False
                self._outbox.request("interrupt", {})
        mode = message.get("permissionMode")
        if type(mode) is str and self._system.offer is not None:
            offer = change_setting(self._system.offer, "mode", bound_line(mode, 200))
            if offer != self._system.offer:
                self._system.offer = self._news.offer = offer
        if self._prompt is not None:
            self._system.take(message)

    def _take_response(self, message: Message) -> None:
        response = message.get("response")
        n = response.get("request_id") if isinstance(response, dict) else None
        if not isinstance(response, dict) or type(n) is not str:
            self._note(NOT_EXPECTED, f"an answer without a request_id: {show_value(message)}")
        elif self._handshake.receive(n, response):
            return
        elif response.get("subtype") == "error":
            self._note("The agent refused a setting", bound_line(str(response.get("error")), 1000))
        elif self._prompt is not None and n == str(self._prompt.cancel_n):
            queued = (
                response.get("response", {}).get("still_queued") if isinstance(response.get("response"), dict) else ()
            )
            self._prompt.repeat_interrupt = bool(queued)

    def _take_request(self, message: Message) -> None:
        request, given_id = message.get("request"), message.get("request_id")
        if type(given_id) is not str or not given_id or not isinstance(request, dict):
            self._note(NOT_EXPECTED, f"a request without an id or a body: {show_value(message)}")
            return
        request_id = encode(given_id)
        if len(request_id) > REQUEST_ID_CAP:
            self._refuse(request_id, f"the id is longer than {REQUEST_ID_CAP} characters; send a shorter one")
        elif request.get("subtype") != "can_use_tool":
            subtype = bound_line(str(request.get("subtype")), 100)
            self._refuse(request_id, f"{subtype} is not offered: agentlanes answers can_use_tool only")
        else:
            self._take_question(request_id, request)

    def _take_question(self, request_id: str, request: Message) -> None:
        tool = read_use(request.get("tool_use_id"), request.get("tool_name"), request.get("input") or None)
        if tool is None:
            self._refuse(request_id, "a request for permission needs tool_name and tool_use_id")
            return
        tool.status = None
        if not request.get("input"):
            tool.raw_input = tool.title = None
        item = self._items.use_tool(tool, begin=True) if self._prompt is not None else None
        key = derive_id("ap", self._process_id, self._offset)
        self._requests[key] = self._offset, request
        if self._quiet:
            return
        if item is None or self._prompt is None or self._prompt.is_over() or self._questions.is_full():
            # Nobody can decide outside of a turn, an interrupted turn asks nobody, and a flood is not read by anybody.
            self._outbox.answer(request_id, {"behavior": "deny", "message": "The turn is over; nobody can decide."})
            return
        assert self._session is not None
        kind = approvals.find_kind(request)
        questions = approvals.read_questions(request) if kind == "question" else ()
        approval = self._questions.ask(
            self._session,
            request_id,
            item,
            approvals.read_options(request),
            self._offset,
            self._at,
            kind=None if kind == "permission" else kind,
            title=questions[0].text[:8192] if questions else "Accept the plan" if kind == "plan" else None,
            questions=questions,
        )
        self._news.activity = bound_line(f"Waits for a decision: {approval.title}", ACTIVITY_CAP)

    def _take_withdrawal(self, message: Message) -> None:
        if not self._quiet and type(request_id := message.get("request_id")) is str:
            self._questions.withdraw(encode(request_id))

    def _take_result(self, message: Message) -> None:
        if self._agent_session_id is None:
            self._handshake.fail(message)
            return
        before, self._cost = self._cost, read_total(message)
        prompt = self._prompt
        if prompt is None:
            return
        usage = read_usage(message, self._transcript.context_used, before)
        if prompt.ended or self._is_of_another(message, prompt):
            # Sub-agents that go on in the background wake the agent when they are done.
            self._items.record_usage(usage)
        elif not self._goes_on(message, prompt):
            interrupted = prompt.cancel_n is not None
            progress = read_ending(message, interrupted=interrupted, error=self._transcript.error)
            progress["agent_turn_id"] = prompt.said
            self._finish_turn(prompt, progress, usage)

    def _is_of_another(self, result: Message, prompt: ClaudePrompt) -> bool:
        """Whether a result ends something that this prompt did not begin."""
        told = result.get("user_message_uuids")
        if isinstance(told, list) and told:
            return not {name_message(self._process_id, n) for n in (prompt.n, *prompt.later)} & {
                str(each) for each in told
            }
        return isinstance(result.get("origin"), dict)

    def _goes_on(self, result: Message, prompt: ClaudePrompt) -> bool:
        """Whether what was said meanwhile has yet to be worked on."""
        waiting = result.get("queued_turn_count")
        return bool(prompt.later) and type(waiting) is int and waiting > 0 and prompt.cancel_n is None
