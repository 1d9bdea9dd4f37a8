"""Agents that take one prompt for each process, as the contract of drivers sees them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import msgspec

from agentlanes.adapters.agents.stream_json.once import OnceDriver
from agentlanes.kernel.ports.agents import Launch
from agentlanes.wire.models import ProcessExit
from agents.conversation import Dialogue
from agents.core_double import AT, PROCESS_ID, CoreDouble
from agents.speakers import Speaker

SESSION = "T-1"
WELL = ProcessExit(process_id=PROCESS_ID, exit_code=0)
BADLY = ProcessExit(process_id=PROCESS_ID, exit_code=1)
STOPPED = ProcessExit(process_id=PROCESS_ID, signal="SIGTERM")


class OnceDialogue(Dialogue):
    """A dialogue that is over when the process has ended and all that it said was taken in."""

    DRIVER = OnceDriver

    def __init__(self, core: CoreDouble, launch: Launch) -> None:
        self.exit: ProcessExit | None = None
        self._is_finished = False
        super().__init__(core, launch)

    def settle(self, lines: int | None = None) -> None:
        super().settle(lines)
        if self.exit is not None and not self._is_finished and self._fed == len(self.tape.lines):
            self._is_finished = True
            # Its next prompt would be another process's.
            self.core.session = msgspec.structs.replace(self.core.session, status="detached")
            if self.core.active is not None:
                self.driver.finish(self.exit, AT)
                super().settle()

    def restart(self, *, piecewise: bool = False) -> None:
        self._is_finished = False
        super().restart(piecewise=piecewise)


class OnceSpeaker(Speaker):
    """One of them. It hears nothing but its prompt, and says nothing in parts."""

    PROMPTS = ()
    HEARS = False
    KIND: ClassVar[str]

    def make_dialogue(self) -> Dialogue:
        launch = Launch((self.KIND,), {}, (), "stream_json")
        return OnceDialogue(CoreDouble(takes_text=True), launch)

    def open(self) -> None:
        assert self.dialogue.core.session.status == "attached", self.dialogue.core.problem

    def answer(self) -> list[Any]:
        return []

    def prompts(self) -> list[dict[str, Any]]:
        start = self.dialogue.driver.start(self.dialogue.core.view())
        return [] if start is None else [{"argv": start.argv}]

    def answers(self) -> dict[int, list[dict[str, Any]]]:
        return {}

    def feed(self, frames: list[Any], *, settle: bool = True) -> None:
        for frame in frames:
            if isinstance(frame, ProcessExit):
                assert isinstance(self.dialogue, OnceDialogue)
                self.dialogue.exit = frame
            else:
                self.dialogue.feed(frame, settle=settle)
        if settle:
            self.dialogue.settle()

    def lose(self, frame: Any) -> None:
        if not isinstance(frame, ProcessExit):
            super().lose(frame)
            return
        self.feed([frame], settle=False)
        self.dialogue.driver.finish(frame, AT)
        self.dialogue.restart()

    def say_in_parts(self, words: list[str], message_id: str) -> list[Any]:
        return self.say("".join(words), message_id)

    def ask(self, request_id: int, tool_id: str) -> list[Any]:
        return []

    def count(self, tokens: int) -> list[Any]:
        return []

    def novelty(self) -> list[Any]:
        return [frame("of_a_kind_to_come", x=1)]

    def end(self, how: str) -> list[Any]:
        turn = self.dialogue.core.active
        assert turn is not None
        if how == "interrupted":
            # Nothing but a signal ends it so, and only when somebody wanted it.
            return [STOPPED] if turn.interrupt is not None else []
        return [*self.conclude(), WELL] if how == "completed" else [*self.fail(), BADLY]

    @abstractmethod
    def conclude(self) -> list[Any]:
        """The last thing that it says of a prompt that it has done."""

    def fail(self) -> list[Any]:
        """The last thing that it says of one that it could not do."""
        return [frame("result", subtype="error_during_execution", is_error=True, errors=["no"])]


def frame(kind: str, /, **fields: Any) -> dict[str, Any]:
    """A message of the session."""
    return {"type": kind, **fields, "session_id": SESSION}


class AmpSpeaker(OnceSpeaker):
    """`amp --execute --stream-json`."""

    NAME = KIND = "amp"

    def tell(self, *content: dict[str, Any], **fields: Any) -> list[Any]:
        body = {"type": "message", "role": "assistant", "content": list(content), **fields}
        return [frame("assistant", message=body, parent_tool_use_id=None)]

    def say(self, words: str, message_id: str) -> list[Any]:
        return self.tell({"type": "text", "text": words}, id=message_id)

    def think(self, words: str, message_id: str) -> list[Any]:
        return self.tell({"type": "thinking", "thinking": words}, id=message_id)

    def begin_tool(self, tool_id: str) -> list[Any]:
        return self.tell({"type": "tool_use", "id": tool_id, "name": "Bash", "input": {"command": f"run {tool_id}"}})

    def end_tool(self, tool_id: str, told: str, *, well: bool = True) -> list[Any]:
        block = {"type": "tool_result", "tool_use_id": tool_id, "content": told, "is_error": not well}
        return [frame("user", message={"role": "user", "content": [block]})]

    def plan(self, step: str) -> list[Any]:
        todos = [{"content": step, "status": "pending"}]
        return self.tell({"type": "tool_use", "id": "todo", "name": "TodoWrite", "input": {"todos": todos}})

    def conclude(self) -> list[Any]:
        return [frame("result", subtype="success", is_error=False, result="")]


class CursorSpeaker(AmpSpeaker):
    """`cursor-agent -p --output-format stream-json`."""

    NAME = "cursor"
    KIND = "cursor-agent"

    def think(self, words: str, message_id: str) -> list[Any]:
        return [frame("thinking", subtype="delta", text=words), frame("thinking", subtype="completed")]

    def begin_tool(self, tool_id: str) -> list[Any]:
        call = {"shellToolCall": {"args": {"command": f"run {tool_id}"}}}
        return [frame("tool_call", subtype="started", call_id=tool_id, tool_call=call)]

    def end_tool(self, tool_id: str, told: str, *, well: bool = True) -> list[Any]:
        result = {"success": {"exitCode": 0 if well else 1, "stdout": told, "stderr": ""}}
        call = {"shellToolCall": {"args": {"command": f"run {tool_id}"}, "result": result}}
        return [frame("tool_call", subtype="completed", call_id=tool_id, tool_call=call)]


class DroidSpeaker(OnceSpeaker):
    """`droid exec --output-format stream-json`."""

    NAME = KIND = "droid"

    def say(self, words: str, message_id: str) -> list[Any]:
        return [frame("message", role="assistant", id=message_id, text=words)]

    def think(self, words: str, message_id: str) -> list[Any]:
        return [frame("reasoning", id=message_id, text=words)] * 2

    def begin_tool(self, tool_id: str) -> list[Any]:
        parameters = {"command": f"run {tool_id}"}
        return [frame("tool_call", id=tool_id, toolId="Execute", toolName="Execute", parameters=parameters)]

    def end_tool(self, tool_id: str, told: str, *, well: bool = True) -> list[Any]:
        return [frame("tool_result", id=tool_id, toolId="Execute", isError=not well, value=told)]

    def plan(self, step: str) -> list[Any]:
        parameters = {"todos": [{"content": step, "status": "pending"}]}
        return [frame("tool_call", id="todo", toolId="TodoWrite", toolName="TodoWrite", parameters=parameters)]

    def conclude(self) -> list[Any]:
        return [frame("completion", finalText="", numTurns=1)]

    def fail(self) -> list[Any]:
        return [frame("error", source="agent_loop", message="no")]
