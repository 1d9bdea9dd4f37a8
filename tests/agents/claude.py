"""Claude Code as the contract of drivers sees it, and a dialogue with its driver."""

from __future__ import annotations

from typing import Any

from agentlanes.adapters.agents.stream_json.claude import ClaudeDriver
from agentlanes.adapters.agents.stream_json.outbox import name_conversation, name_message
from agentlanes.kernel.ports.agents import Launch
from agents.conversation import Dialogue
from agents.core_double import PROCESS_ID, CoreDouble
from agents.speakers import Speaker

SESSION = name_conversation(PROCESS_ID)
INTRODUCTION = {
    "commands": [{"name": "compact", "description": "Sum up", "argumentHint": "<words>"}, {"name": "review"}],
    "models": [{"value": "opus", "displayName": "Opus", "supportedEffortLevels": ["low", "high"]}],
    "claude_code_version": "2.1.316",
    "current_permission_mode": "default",
}


class ClaudeDialogue(Dialogue):
    """A dialogue with Claude Code."""

    DRIVER = ClaudeDriver


def open_dialogue(core: CoreDouble | None = None, launch: Launch | None = None) -> ClaudeDialogue:
    """A dialogue that has not begun."""
    return ClaudeDialogue(core or CoreDouble(jsonrpc=None), launch or Launch(("claude",), {}, (), "stream_json"))


def frame(kind: str, /, **fields: Any) -> dict[str, Any]:
    """A message of the open session."""
    return {"type": kind, **fields, "session_id": SESSION}


def assistant(*content: dict[str, Any], message_id: str = "msg_1", **fields: Any) -> dict[str, Any]:
    """A whole message."""
    message = {"id": message_id, "type": "message", "role": "assistant", "content": list(content)}
    return frame("assistant", message=message, **{"parent_tool_use_id": None, **fields})


def delta(kind: str, words: str, message_id: str = "msg_1") -> dict[str, Any]:
    """A part of a message."""
    key = kind.removesuffix("_delta")
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": kind, key: words}}
    return frame("stream_event", event=event, parent_tool_use_id=None, api_message_id=message_id)


def use(tool_id: str, name: str = "Bash", **given: Any) -> dict[str, Any]:
    """A tool that the model wants."""
    block = {"type": "tool_use", "id": tool_id, "name": name, "input": given or {"command": f"run {tool_id}"}}
    return assistant(block)


def result_of(tool_id: str, told: str, *, well: bool = True, **fields: Any) -> dict[str, Any]:
    """What a tool gave."""
    block = {"type": "tool_result", "tool_use_id": tool_id, "content": told, "is_error": not well}
    return frame("user", message={"role": "user", "content": [block]}, **fields)


def ask(request_id: str, tool_id: str, name: str = "Bash", **given: Any) -> dict[str, Any]:
    """A request for permission."""
    request = {"subtype": "can_use_tool", "tool_name": name, "tool_use_id": tool_id, "input": given}
    return {"type": "control_request", "request_id": request_id, "request": request}


def end(input_n: int | None, **fields: Any) -> dict[str, Any]:
    """The end of a turn."""
    usage = {"input_tokens": 5, "output_tokens": 2}
    told = {"subtype": "success", "is_error": False, "stop_reason": "end_turn", "usage": usage, **fields}
    if input_n is not None:
        told["user_message_uuids"] = [name_message(PROCESS_ID, input_n)]
    return frame("result", **told)


class ClaudeSpeaker(Speaker):
    """Claude Code. It takes no JSON-RPC, and its request ids are texts."""

    NAME = "claude"
    PROMPTS = ()

    def make_dialogue(self) -> Dialogue:
        return open_dialogue()

    def open(self) -> None:
        self.feed(self.answer())
        assert self.dialogue.core.session.status == "attached", self.dialogue.core.problem

    def answer(self) -> list[Any]:
        frames = []
        for n, message in enumerate(self.dialogue.sent(), 1):
            if n not in self._answered and message["type"] == "control_request":
                self._answered.add(n)
                told = INTRODUCTION if message["request"]["subtype"] == "initialize" else {}
                response = {"subtype": "success", "request_id": message["request_id"], "response": told}
                frames.append({"type": "control_response", "response": response})
        return frames

    def prompts(self) -> list[dict[str, Any]]:
        return [message for message in self.dialogue.sent() if message["type"] == "user"]

    def answers(self) -> dict[int, list[dict[str, Any]]]:
        told: dict[int, list[dict[str, Any]]] = {}
        for message in self.dialogue.sent():
            if message["type"] == "control_response":
                told.setdefault(int(message["response"]["request_id"]), []).append(message["response"])
        return told

    def say(self, words: str, message_id: str) -> list[Any]:
        return [delta("text_delta", words, message_id)]

    def think(self, words: str, message_id: str) -> list[Any]:
        return [delta("thinking_delta", words, message_id)]

    def begin_tool(self, tool_id: str) -> list[Any]:
        return [use(tool_id)]

    def end_tool(self, tool_id: str, told: str, *, well: bool = True) -> list[Any]:
        return [result_of(tool_id, told, well=well)]

    def ask(self, request_id: int, tool_id: str) -> list[Any]:
        return [ask(str(request_id), tool_id, command=f"run {tool_id}")]

    def plan(self, step: str) -> list[Any]:
        return [use("todo", "TodoWrite", todos=[{"content": step, "status": "pending"}]), result_of("todo", "written")]

    def count(self, tokens: int) -> list[Any]:
        return [frame("system", subtype="thinking_tokens", estimated_tokens=tokens)]

    def novelty(self) -> list[Any]:
        return [frame("of_a_kind_to_come", x=1), frame("system", subtype="of_a_kind_to_come", x=1)]

    def strange(self, request_id: int) -> list[Any]:
        return [{"type": "control_request", "request_id": str(request_id), "request": {"subtype": "mcp_message"}}]

    def is_refusal(self, answer: dict[str, Any]) -> bool:
        return answer["subtype"] == "error" and "not offered" in answer["error"]

    def end(self, how: str) -> list[Any]:
        turn = self.dialogue.core.active
        assert turn is not None
        if how == "completed":
            return [end(turn.input_n)]
        return [end(turn.input_n, subtype="error_during_execution", is_error=True, errors=["no"])]
