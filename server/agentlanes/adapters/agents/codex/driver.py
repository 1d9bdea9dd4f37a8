"""The driver of one `codex app-server` process: one thread, and the turns of one session in it.

What it needs of Codex's config: nothing. The user's own CODEX_HOME is used, with their login, their MCP servers and
their AGENTS.md. What decides about safety (sandbox, approval policy, who reviews, where it works) is never left to a
config: it travels with each thread and each turn, and an echo that says otherwise stops the turn. Two reasons to give a
profile a CODEX_HOME of its own (in its env): Codex notes in its config.toml which projects are trusted, and a route to
another model service needs a provider of its own, which `-c model_providers.NAME.…` in the profile's argv also gives.
The directory must not be under /tmp.

An interrupt does not end the commands that a turn began, so their end is asked for as well, and the turn is over when
Codex says that they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from agentlanes.adapters.agents.codex import approvals, prompt
from agentlanes.adapters.agents.codex.fields import read_object, read_text
from agentlanes.adapters.agents.codex.handshake import Handshake
from agentlanes.adapters.agents.codex.notifications import Notifications
from agentlanes.adapters.agents.codex.prompt import CodexPrompt
from agentlanes.adapters.agents.codex.sandbox import choose_bounds
from agentlanes.adapters.agents.dialogue.driver import (
    ACTIVITY_CAP,
    NO_MESSAGES,
    NOT_EXPECTED,
    REQUEST_ID_CAP,
)
from agentlanes.adapters.agents.dialogue.frames import bound_line, encode, show_error, show_value
from agentlanes.adapters.agents.dialogue.outbox import METHOD_NOT_FOUND
from agentlanes.adapters.agents.dialogue.refusals import describe_refusal
from agentlanes.adapters.agents.dialogue.rpc import RpcDriver
from agentlanes.kernel.ports.agents import AgentView
from agentlanes.wire.models import AgentWrite, Approval, Choice, FrameCursor, Problem, Steered, Turn

CLEAN_PATIENCE = timedelta(seconds=5)
"""How long the end of a command is waited for after Codex was told to end it."""
_TURNS_KEPT = 32


class CodexDriver(RpcDriver[CodexPrompt, Handshake]):
    """Implements `kernel.ports.agents.Driver` for Codex's app-server protocol, version 2."""

    HOW_TO_START = "the profile's argv runs `codex app-server`"
    JSONRPC = None

    def _begin(self, writes: Sequence[AgentWrite]) -> None:
        super()._begin(writes)
        self._notifications = Notifications(self._items, self._news)
        self._settings: dict[str, Any] = {}
        """The thread's settings as Codex said them last."""
        self._ended: dict[str, None] = {}
        """Codex's ids of turns that are over."""
        for write in writes:
            message = msgspec.json.decode(write.data)
            if "method" not in message and approvals.is_granted(read_object(message, "result")):
                self._notifications.allowed.add(encode(message["id"]))

    def _make_handshake(self) -> Handshake:
        return Handshake(self._launch, self._version)

    def restore(self, view: AgentView, writes: Sequence[AgentWrite], cursor: FrameCursor) -> None:
        super().restore(view, writes, cursor)
        for approval in view.approvals:
            if approval.process_id == self._process_id and approval.preview is not None:
                self._notifications.asked[approval.request_id] = approval.preview.tool_call_id

    def follow(self, view: AgentView) -> None:
        super().follow(view)
        current = self._prompt
        if current is None or current.ended or current.closing is None or current.cleaned_at is None:
            return
        # A command whose end Codex forgets to tell must not hold the turn for ever.
        if _read_time(view.at) - _read_time(current.cleaned_at) > CLEAN_PATIENCE:
            self._end_turn(current, current.closing)

    def _find_outcome(self, approval: Approval) -> dict[str, object]:
        outcome = approvals.find_outcome(approval)
        if approvals.is_granted(outcome):
            self._notifications.allowed.add(approval.request_id)
        return outcome

    def _read_prompt(self, writes: Sequence[AgentWrite], turn: Turn) -> CodexPrompt | None:
        return prompt.read(writes, turn)

    def _send_prompt(self, view: AgentView, turn: Turn, agent_session_id: str) -> CodexPrompt:
        launch = self._launch
        default = Choice(mode=launch.mode, model=launch.model, effort=launch.effort)
        choice = prompt.choose(turn, view.session.choice, default)
        bounds = choose_bounds(view.permission_mode, choice.mode, view.cwd)
        plan = _write_collaboration(view, choice)
        method, params = prompt.write(turn, agent_session_id, bounds, choice, plan)
        sent = CodexPrompt(turn.turn_id, self._outbox.request(method, params), is_compaction=turn.action == "compact")
        if method == "turn/start":
            sent.bounds = bounds
        return sent

    def _follow_prompt(self, view: AgentView, turn: Turn, sent: CodexPrompt, agent_session_id: str) -> None:
        if self._is_behind:
            # The end of the turn may be among what is still to be read again.
            return
        known = sent.agent_turn_id
        if turn.interrupt is not None:
            self._news.activity = "Stopping" if not sent.ended else self._news.activity
            if known is not None and not sent.is_over():
                self._interrupt(sent, known, agent_session_id)
                self._progress["interrupt_n"] = sent.cancel_n
            return
        told = set(sent.steered.values())
        for steer in turn.steers or ():
            if steer.input_n is not None or steer.problem is not None or steer.number in told:
                continue
            if known is None or sent.is_over():
                # Not begun yet, or about to end: what the core does with it is decided with the turn's end.
                return
            params: dict[str, object] = {
                "threadId": agent_session_id,
                "input": prompt.write_input(steer),
                "expectedTurnId": known,
            }
            n = self._outbox.request(prompt.STEER, params)
            sent.steered[n] = steer.number
            self._tell_steered(Steered(number=steer.number, input_n=n))

    def _interrupt(self, sent: CodexPrompt, agent_turn_id: str, thread_id: str) -> None:
        sent.cancel_n = self._outbox.request(prompt.INTERRUPT, {"threadId": thread_id, "turnId": agent_turn_id})

    def _pin(self, end: int) -> int:
        held = self._prompt.held if self._prompt is not None and not self._prompt.ended else None
        return min(super()._pin(end), self._notifications.pin(end), end if held is None else held)

    def _take_notification(self, method: str, params: object) -> None:
        if self._agent_session_id is None:
            return
        params = params if isinstance(params, dict) else {}
        if params.get("threadId", self._agent_session_id) != self._agent_session_id:
            # Sub-agents have threads of their own; what becomes of them is told in this one.
            if method not in ("thread/started", "thread/status/changed"):
                self._note("Passed over: what other threads say", bound_line(show_value(params.get("threadId")), 200))
            return
        current = self._prompt
        if method == "thread/settings/updated":
            self._settings = read_object(params, "threadSettings")
        elif method == "turn/started":
            self._begin_turn(read_text(read_object(params, "turn"), "id", 512))
        elif method == "turn/completed":
            self._take_end(read_object(params, "turn"))
        elif not self._is_of_an_old_turn(method, params):
            if method == "serverRequest/resolved" and not self._quiet:
                self._questions.withdraw(encode(params.get("requestId")))
            self._notifications.take(method, params, current, self._offset, quiet=self._quiet)
            if current is not None and method == "item/completed":
                self._end_if_clean(current)

    def _is_of_an_old_turn(self, method: str, params: dict[str, Any]) -> bool:
        """Whether it belongs to a turn before the one that runs. The end of a command is told whenever it comes."""
        if params.get("turnId") not in self._ended or self._prompt is None or self._prompt.ended:
            return False
        return read_object(params, "item").get("type") != "commandExecution"

    def _begin_turn(self, agent_turn_id: str | None) -> None:
        current = self._prompt
        if current is None or current.ended or agent_turn_id is None or agent_turn_id in self._ended:
            return
        if current.agent_turn_id is None and current.is_compaction:
            # The answer to any other prompt says it.
            self._name_turn(current, agent_turn_id)
        differs = current.bounds.differ_from(self._settings) if current.bounds is not None else None
        if differs is not None and current.agent_turn_id is not None and not current.is_over() and not self._quiet:
            current.stopped = Problem(
                code="AGENT_PROTOCOL_ERROR",
                message=f"Codex would work with {differs}; the turn was stopped. Look for what its config enforces",
            )
            assert self._agent_session_id is not None
            self._interrupt(current, current.agent_turn_id, self._agent_session_id)

    def _name_turn(self, current: CodexPrompt, agent_turn_id: str) -> None:
        current.agent_turn_id = agent_turn_id
        if not self._quiet:
            self._progress["agent_turn_id"] = agent_turn_id
        early, current.early = current.early, None
        if early is not None:
            self._take_end(early)
            if current.closing is None:
                current.held = None

    def _take_end(self, ended: dict[str, Any]) -> None:
        current, agent_turn_id = self._prompt, read_text(ended, "id", 512)
        if current is None or current.ended or current.closing is not None or agent_turn_id in self._ended:
            return
        if current.agent_turn_id is None:
            # It may be told before the answer that says which turn this is, and it may be told again of an old one.
            current.early, current.held = ended, self._offset
            return
        if agent_turn_id != current.agent_turn_id:
            # The end of an old turn, told again.
            return
        progress = prompt.read_end(ended, current.error)
        if progress["status"] != "interrupted":
            self._end_turn(current, progress)
            return
        if current.stopped is not None:
            progress = {"status": "failed", "problem": current.stopped}
        current.closing, current.held = progress, self._offset if current.held is None else current.held
        self._news.activity = "Stopping"
        if not self._quiet:
            current.clean_n = self._outbox.request(prompt.CLEAN, {"threadId": self._agent_session_id})

    def _end_if_clean(self, current: CodexPrompt) -> None:
        if current.closing is not None and current.cleaned_at is not None and not self._items.runs_command():
            self._end_turn(current, current.closing)

    def _end_turn(self, current: CodexPrompt, progress: dict[str, Any]) -> None:
        if current.agent_turn_id is not None:
            self._ended[current.agent_turn_id] = None
            while len(self._ended) > _TURNS_KEPT:
                del self._ended[next(iter(self._ended))]
        self._notifications.end_turn()
        self._finish_turn(current, progress, current.usage)

    def _take_response(self, message: dict[str, Any]) -> None:
        n, error = message.get("id"), message.get("error")
        if error is not None and not isinstance(error, dict):
            error = {"message": show_value(error)}
        current = self._prompt
        if type(n) is not int or ("result" not in message and error is None):
            self._note(NO_MESSAGES, f"neither a request nor an answer: {show_value(message)}")
        elif self._handshake.receive(n, message.get("result"), error):
            return
        elif current is None or not self._take_turn_response(current, n, message.get("result"), error):
            self._note(NOT_EXPECTED, f"an answer to no open request: {show_value(message)}")

    def _take_turn_response(self, current: CodexPrompt, n: int, result: Any, error: dict[str, Any] | None) -> bool:
        """Take in the answer to a request about the turn; False if it is to none of them."""
        if n == current.n:
            agent_turn_id = read_text(read_object(result, "turn"), "id", 512)
            if error is not None and not current.ended:
                self._end_turn(current, {"status": "failed", "problem": describe_refusal("the prompt", error)})
            elif agent_turn_id is not None and not current.ended and agent_turn_id != current.agent_turn_id:
                self._name_turn(current, agent_turn_id)
        elif n == current.clean_n:
            current.cleaned_at = self._at
            self._end_if_clean(current)
        elif n in current.steered:
            if error is not None and not self._quiet and not current.ended:
                problem = Problem(code="AGENT_REFUSED", message=f"Codex did not take it: {show_error(error)}")
                self._tell_steered(Steered(number=current.steered[n], problem=problem))
        else:
            # One that came too late is answered by an error, and the turn's end is told all the same.
            return n == current.cancel_n
        return True

    def _tell_steered(self, steered: Steered) -> None:
        self._progress["steered"] = (*self._progress.get("steered", ()), steered)

    def _take_request(self, method: str, message: dict[str, Any]) -> None:
        if type(message["id"]) not in (str, int):
            self._note(NOT_EXPECTED, f"a request whose id is no text and no number: {show_value(message)}")
            return
        request_id = encode(message["id"])
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        asked = approvals.read_request(method, params, request_id)
        if len(request_id) > REQUEST_ID_CAP:
            self._refuse(request_id, f"the id is longer than {REQUEST_ID_CAP} characters; send a shorter one")
        elif asked is None:
            what = (
                "says too little, or too much, to be decided" if approvals.is_known(method) else "is not offered here"
            )
            self._refuse(request_id, f"{bound_line(method, 100)} {what}", METHOD_NOT_FOUND)
        else:
            self._ask(method, params, request_id, asked)

    def _ask(self, method: str, params: dict[str, Any], request_id: str, asked: approvals.Asked) -> None:
        current = self._prompt
        item = None
        if current is not None and not current.ended and params.get("turnId") not in self._ended:
            # Also in a turn that is being interrupted: it may have begun before, and be read again.
            item = self._items.use_tool(asked.tool, begin=True)
            self._notifications.asked[request_id] = asked.tool.tool_call_id
        if self._quiet:
            return
        if item is None or current is None or current.is_over() or self._questions.is_full():
            # Nobody can decide outside of a turn, an interrupted turn asks nobody, and a flood is not read by anybody.
            self._outbox.answer(request_id, approvals.give_up(method))
            return
        assert self._session is not None and item.tool is not None
        thread_id = approvals.find_thread(params)
        whose = "A sub-agent: " if thread_id != self._agent_session_id else ""
        approval = self._questions.ask(
            self._session,
            request_id,
            item,
            asked.options,
            self._offset,
            self._at,
            kind=asked.kind,
            title=approvals.join(f"{whose}{item.tool.title or 'Codex asks for permission'}", asked.reason),
            questions=asked.questions,
        )
        self._news.activity = bound_line(f"Waits for a decision: {approval.title}", ACTIVITY_CAP)


def _write_collaboration(view: AgentView, choice: Choice) -> dict[str, object] | None:
    """Codex's own planning, which knows one model; without a model that is known it is told nothing of it."""
    offered = view.session.offer.settings if view.session.offer is not None else ()
    model = choice.model or next((setting.value for setting in offered if setting.kind == "model"), None)
    if model is None:
        return None
    settings = {"model": model, "reasoning_effort": choice.effort, "developer_instructions": None}
    return {"mode": "plan" if view.permission_mode == "plan" else "default", "settings": settings}


def _read_time(at: str) -> datetime:
    return datetime.fromisoformat(at.replace("Z", "+00:00"))
