"""OpenAI's chat completions, as OpenCode and Copilot use them: POST …/chat/completions, answered by a stream."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from fakes.models.script import Said, Step, Usage, choose_step
from fakes.models.server import Answer, Gate, Request

Chunk = dict[str, Any]


class Chat:
    """Implements `fakes.models.server.Wire`."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        if request.path.endswith("/models"):
            return Answer(json.dumps({"object": "list", "data": [{"id": "fake-1", "object": "model"}]}).encode())
        if request.method != "POST" or not request.path.endswith("/chat/completions"):
            return _fail(404, "not found")
        name, model = f"chat_{next(self._numbers)}", str(request.body["model"])
        # Calls without tools are the agent's own: a title, a summary.
        step = choose_step(read_conversation(request.body)) if request.body.get("tools") else Step(text="A title")
        if step.status is not None:
            return _fail(step.status, step.text or "as the script wants it")
        if not request.body.get("stream"):
            message = {"role": "assistant", "content": step.text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = {**_head(name, model, "chat.completion"), "choices": [choice], "usage": _write_usage(step.usage)}
            return Answer(json.dumps(body).encode())
        return Answer(_stream(step, name, model), content_type="text/event-stream")


def read_conversation(body: Any) -> Iterator[Said]:
    """What was said so far, by the request's messages."""
    for message in body["messages"]:
        content = message.get("content") or ""
        text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        if message["role"] == "tool":
            yield Said("result")
        elif message["role"] == "user":
            yield Said("user", text)
        elif message["role"] == "assistant":
            yield from (Said("call") for _ in message.get("tool_calls") or ())
            if text:
                yield Said("model", text)


def _fail(status: int, message: str) -> Answer:
    return Answer(json.dumps({"error": {"message": message, "type": "fake", "code": None}}).encode(), status)


def _stream(step: Step, name: str, model: str) -> Iterator[bytes | Gate]:
    head = _head(name, model, "chat.completion.chunk")
    for event in _events(step, name):
        yield event if isinstance(event, Gate) else f"data: {json.dumps({**head, **event})}\n\n".encode()
    if not step.cut:
        yield b"data: [DONE]\n\n"


def _events(step: Step, name: str) -> Iterator[Chunk | Gate]:
    yield _choose({"role": "assistant", "content": ""})
    if step.thought:
        yield _choose({"reasoning_content": step.thought})
    for delta in step.split_text():
        yield _choose({"content": delta})
    if step.stall is not None:
        yield Gate(step.stall)
    if step.cut:
        return
    for index, tool in enumerate(step.tools):
        function = {"name": tool.name, "arguments": json.dumps(tool.args)}
        call = {"index": index, "id": f"call_{name}_{index}", "type": "function", "function": function}
        yield _choose({"tool_calls": [call]})
    yield _choose({}, "tool_calls" if step.tools else "stop")
    yield {"choices": [], "usage": _write_usage(step.usage)}


def _head(name: str, model: str, kind: str) -> Chunk:
    return {"id": name, "object": kind, "created": 0, "model": model}


def _choose(delta: Chunk, finish: str | None = None) -> Chunk:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _write_usage(usage: Usage) -> Chunk:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.thought},
    }
