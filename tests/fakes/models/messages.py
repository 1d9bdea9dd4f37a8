"""Anthropic's Messages API, as far as Claude Code uses it: POST …/messages, answered by a stream, and a token count."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from fakes.models.script import Said, Step, ToolUse, Usage, choose_step
from fakes.models.server import Answer, Gate, Request

Event = dict[str, Any]


class Messages:
    """Implements `fakes.models.server.Wire`."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        if request.method == "HEAD":
            return Answer()
        if request.method != "POST" or "/messages" not in request.path:
            return _fail(404, "not_found_error", "not found")
        if request.path.endswith("/count_tokens"):
            return Answer(b'{"input_tokens": 100}')
        name, model = f"msg_{next(self._numbers)}", str(request.body["model"])
        # Calls without tools are the agent's own: a title, a summary.
        step = choose_step(read_conversation(request.body)) if request.body.get("tools") else Step(text="A title")
        if step.status is not None:
            return _fail(step.status, step.error or "api_error", step.text or "as the script wants it")
        if not request.body.get("stream"):
            blocks = [{"type": "text", "text": step.text}]
            return Answer(json.dumps({**_message(name, model, step.usage), "content": blocks}).encode())
        return Answer(_stream(step, name, model), content_type="text/event-stream")


def read_conversation(body: Any) -> Iterator[Said]:
    """What was said so far, by the request's messages. A result and the user's next words may share a message."""
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        texts = [block["text"] for block in blocks if block["type"] == "text"]
        # What the agent tells the model about itself is not the user's word.
        text = "".join(text for text in texts if not text.startswith("<system-reminder>"))
        if message["role"] == "assistant":
            yield from (Said("call") for block in blocks if block["type"] == "tool_use")
            if text:
                yield Said("model", text)
        elif message["role"] == "user":
            yield from (Said("result") for block in blocks if block["type"] == "tool_result")
            if text:
                yield Said("user", text)


def _fail(status: int, kind: str, message: str) -> Answer:
    # Without the header the client tries again, for minutes.
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Answer(json.dumps(body).encode(), status, headers={"x-should-retry": "false"})


def _stream(step: Step, name: str, model: str) -> Iterator[bytes | Gate]:
    for event in _events(step, name, model):
        yield event if isinstance(event, Gate) else f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _events(step: Step, name: str, model: str) -> Iterator[Event | Gate]:
    yield {
        "type": "message_start",
        "message": {**_message(name, model, step.usage), "content": [], "stop_reason": None},
    }
    index = itertools.count()
    if step.thought:
        deltas = [{"type": "thinking_delta", "thinking": step.thought}, {"type": "signature_delta", "signature": "sig"}]
        yield from _block(next(index), {"type": "thinking", "thinking": "", "signature": ""}, deltas)
    if step.text and step.error is None:
        at = next(index)
        begin, *deltas_, end = _block(
            at, {"type": "text", "text": ""}, [{"type": "text_delta", "text": text} for text in step.split_text()]
        )
        yield from (begin, *deltas_)
        if step.stall is not None:
            yield Gate(step.stall)
        if step.cut:
            return
        yield end
    elif step.stall is not None:
        yield Gate(step.stall)
    for number, tool in enumerate(step.tools):
        yield from _call(tool, f"toolu_{name}_{number}", next(index))
    if step.cut:
        return
    if step.error is not None:
        yield {"type": "error", "error": {"type": step.error, "message": step.text}}
        return
    ended = {"stop_reason": "tool_use" if step.tools else "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": step.usage.output}}
    yield {"type": "message_stop"}


def _call(tool: ToolUse, name: str, index: int) -> Iterator[Event]:
    begun = {"type": "tool_use", "id": name, "name": tool.name, "input": {}}
    yield from _block(index, begun, [{"type": "input_json_delta", "partial_json": json.dumps(tool.args)}])


def _block(index: int, begun: Event, deltas: list[Event]) -> Iterator[Event]:
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _message(name: str, model: str, usage: Usage) -> Event:
    counts = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    }
    return {
        "id": name,
        "type": "message",
        "role": "assistant",
        "model": model,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": counts,
    }
