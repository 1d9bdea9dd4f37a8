"""ACP version 1 as this agent serves it: initialize, sessions that outlive the process, one prompt at a time."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from agentlanes.demo_agent import script, story
from agentlanes.demo_agent.connection import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    RESOURCE_NOT_FOUND,
    Connection,
    RefusalError,
)
from agentlanes.demo_agent.conversations import Conversation, Conversations, Line
from agentlanes.demo_agent.turns import Turn, TurnCancelledError

PROTOCOL_VERSION = 1
STEERING = "_session/steering"
PACE_VARIABLE = "AGENTLANES_DEMO_PACE_MS"
_STORY_PACE_MS = 15.0
_MODES = {
    "ask": "Asks before each edit",
    "auto": "Edits without asking",
    "plan": "Asks before everything that could change something",
}


class DemoAgent:
    """Answers one client."""

    def __init__(self, connection: Connection, conversations: Conversations) -> None:
        self._connection = connection
        self._conversations = conversations
        self._open: dict[str, Conversation] = {}
        self._standing: dict[str, dict[str, str]] = {}
        self._turns: dict[str, Turn] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "initialize": self._initialize,
            "authenticate": lambda params: {},
            "session/new": self._new,
            "session/load": self._load,
            "session/resume": self._resume,
            "session/fork": self._fork,
            "session/set_mode": self._set_mode,
            STEERING: self._steer,
        }

    def run(self) -> None:
        """Serve until the client closes, then stop what still runs."""
        try:
            for message in self._connection.messages():
                self._take(message)
        finally:
            for turn in self._running():
                turn.cancel()
            self._connection.abandon()
            for thread in self._threads:
                thread.join()

    def _take(self, message: dict[str, Any]) -> None:
        method, request_id = message["method"], message.get("id")
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        if "id" not in message:
            if method == "session/cancel" and (turn := self._turns.get(str(params.get("sessionId")))) is not None:
                turn.cancel()
            return
        try:
            if method == "session/prompt":
                self._prompt(request_id, params)
                return
            serve_method = self._methods.get(method)
            if serve_method is None:
                raise RefusalError(METHOD_NOT_FOUND, f"{method} is not a method of this agent.")
            result = serve_method(params)
        except RefusalError as refusal:
            self._connection.refuse(request_id, refusal)
        except (OSError, ValueError) as error:
            self._connection.refuse(request_id, RefusalError(INTERNAL_ERROR, f"{method} failed: {error}."))
        else:
            self._connection.answer(request_id, result)

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        return {
            "protocolVersion": PROTOCOL_VERSION,
            "agentCapabilities": {
                "loadSession": True,
                "promptCapabilities": {"image": False, "audio": False, "embeddedContext": False},
                "mcpCapabilities": {"http": False, "sse": False},
                "sessionCapabilities": {"resume": {}, "fork": {}},
            },
            # An extension that several adapters share: the running turn takes more input.
            "_meta": {"steering": {"supported": True}},
            "agentInfo": {"name": "agentlanes-demo-agent", "title": "Demo agent", "version": "1"},
            "authMethods": [],
        }

    def _new(self, params: dict[str, Any]) -> dict[str, Any]:
        conversation = self._conversations.create(_cwd(params))
        self._open[conversation.session_id] = conversation
        return {"sessionId": conversation.session_id, "modes": _modes(conversation)}

    def _load(self, params: dict[str, Any]) -> dict[str, Any]:
        conversation = self._reopen(params)
        for line in conversation.lines:
            kind = "user_message_chunk" if line.role == "user" else "agent_message_chunk"
            update = {"sessionUpdate": kind, "content": {"type": "text", "text": line.text}}
            self._connection.notify("session/update", {"sessionId": conversation.session_id, "update": update})
        return {"modes": _modes(conversation)}

    def _resume(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"modes": _modes(self._reopen(params))}

    def _fork(self, params: dict[str, Any]) -> dict[str, Any]:
        source = self._require_stored(str(params.get("sessionId")))
        conversation = self._conversations.create(_cwd(params))
        conversation.title, conversation.mode, conversation.turns = source.title, source.mode, source.turns
        conversation.lines = list(source.lines)
        self._conversations.save(conversation)
        self._open[conversation.session_id] = conversation
        return {"sessionId": conversation.session_id, "modes": _modes(conversation)}

    def _reopen(self, params: dict[str, Any]) -> Conversation:
        session_id, cwd = str(params.get("sessionId")), _cwd(params)
        conversation = self._require_stored(session_id)
        conversation.cwd = cwd
        self._open[session_id] = conversation
        return conversation

    def _require_stored(self, session_id: str) -> Conversation:
        conversation = self._conversations.find(session_id)
        if conversation is None:
            raise RefusalError(RESOURCE_NOT_FOUND, f"There is no stored session {session_id}; session/new makes one.")
        return conversation

    def _set_mode(self, params: dict[str, Any]) -> dict[str, Any]:
        conversation, mode = self._find(params), params.get("modeId")
        if mode not in _MODES:
            raise RefusalError(INVALID_PARAMS, f"There is no mode {mode!r}; the modes are {', '.join(_MODES)}.")
        conversation.mode = mode
        self._conversations.save(conversation)
        return {}

    def _steer(self, params: dict[str, Any]) -> dict[str, Any]:
        session_id, text = self._find(params).session_id, _text(params)
        with self._lock:
            turn = self._turns.get(session_id)
            if turn is None:
                return {"outcome": "promptRequired"}
            turn.steer(text)
        return {"outcome": "injected"}

    def _find(self, params: dict[str, Any]) -> Conversation:
        session_id = str(params.get("sessionId"))
        if session_id not in self._open:
            message = f"Session {session_id} is not open here; session/new, session/load or session/resume opens one."
            raise RefusalError(RESOURCE_NOT_FOUND, message)
        return self._open[session_id]

    def _prompt(self, request_id: object, params: dict[str, Any]) -> None:
        conversation, prompt = self._find(params), _text(params)
        session_id = conversation.session_id
        steps = script.parse(prompt)
        pace = float(os.environ.get(PACE_VARIABLE) or (_STORY_PACE_MS if steps is None else 0.0))
        with self._lock:
            if session_id in self._turns:
                raise RefusalError(INVALID_REQUEST, "A turn is running in this session; prompt again after it.")
            turn = Turn(self._connection, conversation, self._standing.setdefault(session_id, {}), pace / 1000)
            self._turns[session_id] = turn
        conversation.turns += 1
        conversation.lines.append(Line("user", prompt))
        self._conversations.save(conversation)
        thread = threading.Thread(target=self._answer, args=(request_id, turn, prompt, steps), name=session_id)
        self._threads = [thread, *(other for other in self._threads if other.is_alive())]
        thread.start()

    def _answer(self, request_id: object, turn: Turn, prompt: str, steps: list[script.Step] | None) -> None:
        late: list[script.Step] = []
        try:
            if steps is None:
                stop_reason = story.tell(turn, prompt)
            else:
                stop_reason, late = script.play(turn, self._connection, steps)
            while not self._finish_unsteered(turn):
                turn.heed()
            answer: dict[str, Any] = {"stopReason": stop_reason, "usage": turn.account()}
        except TurnCancelledError:
            answer = {"stopReason": "cancelled"}
        except BrokenPipeError:
            return
        except RefusalError as refusal:
            self._refuse(request_id, turn, refusal)
            return
        except Exception as error:
            self._refuse(request_id, turn, RefusalError(INTERNAL_ERROR, f"The turn failed: {error!r}."))
            raise
        self._finish(turn)
        self._connection.answer(request_id, answer)
        if late:
            script.play(turn, self._connection, late)

    def _refuse(self, request_id: object, turn: Turn, refusal: RefusalError) -> None:
        self._finish(turn)
        self._connection.refuse(request_id, refusal)

    def _finish_unsteered(self, turn: Turn) -> bool:
        """Ends the turn if it has heeded all that it was told: from then on it takes nothing more."""
        with self._lock:
            if turn.is_steered():
                return False
            self._turns.pop(turn.conversation.session_id, None)
            return True

    def _finish(self, turn: Turn) -> None:
        with self._lock:
            self._turns.pop(turn.conversation.session_id, None)
        self._conversations.save(turn.conversation)

    def _running(self) -> list[Turn]:
        with self._lock:
            return list(self._turns.values())


def _cwd(params: dict[str, Any]) -> str:
    cwd = params.get("cwd")
    if not isinstance(cwd, str) or not cwd.startswith("/"):
        raise RefusalError(INVALID_PARAMS, f"cwd is {cwd!r}; it has to be the absolute path of a directory.")
    return cwd


def _text(params: dict[str, Any]) -> str:
    blocks = params.get("prompt")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise RefusalError(INVALID_PARAMS, "prompt has to be an array of content blocks.")
    parts = [str(block.get("text") or block.get("uri") or "") for block in blocks]
    return "\n".join(part for part in parts if part)


def _modes(conversation: Conversation) -> dict[str, Any]:
    modes = [{"id": mode, "name": mode.capitalize(), "description": text} for mode, text in _MODES.items()]
    return {"currentModeId": conversation.mode, "availableModes": modes}


def serve() -> int:
    """Serve one client on stdin and stdout; the exit code."""
    target = os.dup(1)
    # Nothing but protocol may reach stdout, whatever prints.
    os.dup2(2, 1)
    try:
        DemoAgent(Connection(sys.stdin.buffer, target), Conversations()).run()
    except (BrokenPipeError, KeyboardInterrupt):
        return 0
    return 0
