"""Agents as the contract of drivers sees them: each says the same things, in the words of its protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from agentlanes.adapters.agents.codex.driver import CodexDriver
from agentlanes.kernel.ports.agents import Launch
from agents.conversation import DEMO, LATER, Dialogue, output, text, update
from agents.core_double import CoreDouble

OPTIONS = [
    {"optionId": "y", "name": "Yes", "kind": "allow_once"},
    {"optionId": "n", "name": "No", "kind": "reject_once"},
]
ENDS = ("completed", "interrupted", "failed")


class Speaker(ABC):
    """One agent. Its methods are the frames in which it says a thing; nothing is said before they are fed."""

    NAME: ClassVar[str]
    PROMPTS: ClassVar[tuple[str, ...]]
    """Methods of the messages that carry a prompt."""
    HEARS: ClassVar[bool] = True
    """It hears more than its prompt: it can ask, be answered, and be given another one."""

    def __init__(self) -> None:
        self.dialogue = self.make_dialogue()
        self._answered: set[int] = set()

    @abstractmethod
    def make_dialogue(self) -> Dialogue:
        """A dialogue with this agent's driver."""

    @abstractmethod
    def open(self) -> None:
        """Answers all of the handshake."""

    @abstractmethod
    def say(self, words: str, message_id: str) -> list[Any]: ...

    def say_in_parts(self, words: list[str], message_id: str) -> list[Any]:
        """One message, as it comes."""
        return [frame for part in words for frame in self.say(part, message_id)]

    @abstractmethod
    def think(self, words: str, message_id: str) -> list[Any]: ...

    @abstractmethod
    def begin_tool(self, tool_id: str) -> list[Any]: ...

    @abstractmethod
    def end_tool(self, tool_id: str, told: str, *, well: bool = True) -> list[Any]: ...

    @abstractmethod
    def ask(self, request_id: int, tool_id: str) -> list[Any]: ...

    @abstractmethod
    def plan(self, step: str) -> list[Any]: ...

    @abstractmethod
    def count(self, tokens: int) -> list[Any]: ...

    @abstractmethod
    def novelty(self) -> list[Any]:
        """Something that no driver knows."""

    @abstractmethod
    def end(self, how: str) -> list[Any]: ...

    def strange(self, request_id: int) -> list[Any]:
        """A request that nobody offered to answer."""
        params = {"path": "/etc/passwd"}
        return [{"jsonrpc": "2.0", "id": request_id, "method": "fs/write_text_file", "params": params}]

    def is_refusal(self, answer: dict[str, Any]) -> bool:
        """Whether that is what it was told of it."""
        return bool(answer["error"]["code"] == -32601)

    def answer(self) -> list[Any]:
        """Answers to what it was asked since the last call, but for a prompt that it answers when it ends."""
        frames = []
        for n, message in enumerate(self.dialogue.sent(), 1):
            if n not in self._answered and "method" in message and "id" in message:
                self._answered.add(n)
                frames += self.answer_request(n, message)
        return frames

    def answer_request(self, n: int, message: dict[str, Any]) -> list[Any]:
        return []

    def feed(self, frames: list[Any], *, settle: bool = True) -> None:
        self.dialogue.feed(*frames, settle=settle)

    def lose(self, frame: Any) -> None:
        """It says something, and the server dies between reading and recording it."""
        self.feed([frame], settle=False)
        line, offset, end = self.dialogue.tape.lines[-1]
        self.dialogue.driver.receive(line, offset, end, LATER)
        self.dialogue.restart()

    def prompts(self) -> list[dict[str, Any]]:
        """The prompts that it got."""
        return [message for message in self.dialogue.sent() if message.get("method") in self.PROMPTS]

    def answers(self) -> dict[int, list[dict[str, Any]]]:
        """What it was told of each of its requests."""
        told: dict[int, list[dict[str, Any]]] = {}
        for message in self.dialogue.sent():
            if "method" not in message:
                told.setdefault(message["id"], []).append(message)
        return told


class AcpSpeaker(Speaker):
    """An agent that speaks ACP version 1."""

    NAME = "acp"
    PROMPTS = ("session/prompt",)

    def make_dialogue(self) -> Dialogue:
        return Dialogue(CoreDouble())

    def open(self) -> None:
        self.dialogue.open()

    def say(self, words: str, message_id: str) -> list[Any]:
        return [update("agent_message_chunk", content=text(words), messageId=message_id)]

    def think(self, words: str, message_id: str) -> list[Any]:
        return [update("agent_thought_chunk", content=text(words), messageId=message_id)]

    def begin_tool(self, tool_id: str) -> list[Any]:
        return [update("tool_call", toolCallId=tool_id, title=f"Run {tool_id}", kind="execute", status="in_progress")]

    def end_tool(self, tool_id: str, told: str, *, well: bool = True) -> list[Any]:
        status = "completed" if well else "failed"
        return [update("tool_call_update", toolCallId=tool_id, status=status, content=output(told))]

    def ask(self, request_id: int, tool_id: str) -> list[Any]:
        params = {"sessionId": "s1", "toolCall": {"toolCallId": tool_id, "title": "Run"}, "options": OPTIONS}
        return [{"jsonrpc": "2.0", "id": request_id, "method": "session/request_permission", "params": params}]

    def plan(self, step: str) -> list[Any]:
        return [update("plan", entries=[{"content": step, "status": "pending", "priority": "low"}])]

    def count(self, tokens: int) -> list[Any]:
        return [update("usage_update", used=tokens, size=1000)]

    def novelty(self) -> list[Any]:
        return [update("of_a_kind_to_come", content={"type": "text", "text": "new"})]

    def end(self, how: str) -> list[Any]:
        turn = self.dialogue.core.active
        assert turn is not None
        frame: dict[str, Any] = {"jsonrpc": "2.0", "id": turn.input_n}
        if how == "failed":
            return [{**frame, "error": {"code": -1, "message": "no"}}]
        return [{**frame, "result": {"stopReason": "cancelled" if how == "interrupted" else "end_turn"}}]


class CodexDialogue(Dialogue):
    """A dialogue with Codex's app-server."""

    DRIVER = CodexDriver


class CodexSpeaker(Speaker):
    """Codex's app-server. Its turns have the number of the write that began them in their ids."""

    NAME = "codex"
    PROMPTS = ("turn/start", "review/start", "thread/compact/start")
    THREAD = "th1"

    def make_dialogue(self) -> Dialogue:
        return CodexDialogue(CoreDouble(jsonrpc=None), Launch(DEMO, {}, (), "codex"))

    def open(self) -> None:
        self.feed(self.answer())
        self.feed(self.answer())
        assert self.dialogue.core.session.status == "attached", self.dialogue.core.problem

    def answer_request(self, n: int, message: dict[str, Any]) -> list[Any]:
        method = message["method"]
        result: dict[str, Any] = {}
        if method == "initialize":
            result = {"userAgent": "agentlanes/0.169.0 (test)"}
        elif method.startswith("thread/") and method.removeprefix("thread/") in ("start", "resume", "fork"):
            result = {"thread": {"id": self.THREAD}, "model": "m1"}
        elif method == "model/list":
            result = {"data": [{"model": "m1", "displayName": "M 1", "supportedReasoningEfforts": []}]}
        elif method == "turn/start":
            turn = {"id": f"turn-{n}", "status": "inProgress", "items": []}
            return [{"id": n, "result": {"turn": turn}}, self.tell("turn/started", turn=turn)]
        return [{"id": n, "result": result}]

    def tell(self, method: str, /, **params: Any) -> dict[str, Any]:
        """A notification of its thread."""
        return {"method": method, "params": {"threadId": self.THREAD, **params}, "emittedAtMs": 1}

    def tell_item(self, phase: str, item_id: str, kind: str, **fields: Any) -> dict[str, Any]:
        return self.tell(f"item/{phase}", item={"type": kind, "id": item_id, **fields}, turnId=self.turn_id())

    def turn_id(self) -> str:
        turn = self.dialogue.core.active or self.dialogue.core.last_turn
        return f"turn-{turn.input_n}"

    def say(self, words: str, message_id: str) -> list[Any]:
        return [self.tell("item/agentMessage/delta", turnId=self.turn_id(), itemId=message_id, delta=words)]

    def think(self, words: str, message_id: str) -> list[Any]:
        return [self.tell("item/reasoning/summaryTextDelta", turnId=self.turn_id(), itemId=message_id, delta=words)]

    def begin_tool(self, tool_id: str) -> list[Any]:
        command = f"/bin/bash -lc 'run {tool_id}'"
        return [self.tell_item("started", tool_id, "commandExecution", command=command, status="inProgress")]

    def grow_tool(self, tool_id: str, words: str) -> list[Any]:
        return [self.tell("item/commandExecution/outputDelta", turnId=self.turn_id(), itemId=tool_id, delta=words)]

    def end_tool(self, tool_id: str, told: str, *, well: bool = True) -> list[Any]:
        fields = {"status": "completed" if well else "failed", "exitCode": 0 if well else 1, "aggregatedOutput": told}
        command = f"/bin/bash -lc 'run {tool_id}'"
        return [self.tell_item("completed", tool_id, "commandExecution", command=command, **fields)]

    def ask(self, request_id: int, tool_id: str) -> list[Any]:
        params = {"threadId": self.THREAD, "turnId": self.turn_id(), "itemId": tool_id, "command": f"run {tool_id}"}
        return [{"method": "item/commandExecution/requestApproval", "id": request_id, "params": params}]

    def plan(self, step: str) -> list[Any]:
        entries = [{"step": step, "status": "inProgress"}]
        return [self.tell("turn/plan/updated", turnId=self.turn_id(), explanation=None, plan=entries)]

    def count(self, tokens: int) -> list[Any]:
        last = {"totalTokens": tokens, "inputTokens": tokens, "outputTokens": 0}
        usage = {"total": last, "last": last, "modelContextWindow": 1000}
        return [self.tell("thread/tokenUsage/updated", turnId=self.turn_id(), tokenUsage=usage)]

    def novelty(self) -> list[Any]:
        return [self.tell_item("completed", "new", "ofAKindToCome", text="new"), self.tell("of/aMethodToCome", x=1)]

    def end(self, how: str) -> list[Any]:
        turn: dict[str, Any] = {"id": self.turn_id(), "status": how, "items": []}
        if how == "failed":
            turn["error"] = {"message": "no", "codexErrorInfo": "other"}
        return [self.tell("turn/completed", turn=turn)]
