"""OpenAI's Responses API, as far as Codex uses it: POST …/responses answered by a stream, GET …/models."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from fakes.models.script import Said, Step, ToolUse, Usage, choose_step
from fakes.models.server import Answer, Gate, Request

Event = dict[str, Any]


class Responses:
    """Implements `fakes.models.server.Wire`."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        if request.path.endswith("/models"):
            return Answer(json.dumps({"object": "list", "data": [], "models": []}).encode())
        if request.method != "POST" or not request.path.endswith("/responses"):
            return Answer(b'{"error": {"message": "not found"}}', 404)
        step = choose_step(read_conversation(request.body))
        if step.status is not None:
            error = {"message": step.text or "as the script wants it", "type": "fake", "code": step.error}
            return Answer(json.dumps({"error": error}).encode(), step.status)
        return Answer(_stream(step, f"resp_{next(self._numbers)}"), content_type="text/event-stream")


def read_conversation(body: Any) -> Iterator[Said]:
    """What was said so far, by the request's input."""
    for item in body["input"]:
        kind = item.get("type", "message")
        if kind == "message":
            text = "".join(part.get("text", "") for part in item["content"])
            if item["role"] in ("user", "assistant"):
                yield Said("user" if item["role"] == "user" else "model", text)
        elif kind.endswith("_call_output"):
            yield Said("result")
        elif kind.endswith("_call"):
            yield Said("call")


def _stream(step: Step, response_id: str) -> Iterator[bytes | Gate]:
    response = {"id": response_id, "object": "response", "created_at": 0, "model": "fake", "output": [], "usage": None}
    for number, event in enumerate(_events(step, response_id, response)):
        if isinstance(event, Gate):
            yield event
            continue
        event["sequence_number"] = number
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _events(step: Step, name: str, response: Event) -> Iterator[Event | Gate]:
    yield {"type": "response.created", "response": {**response, "status": "in_progress"}}
    index = itertools.count()
    if step.thought:
        yield from _think(step.thought, f"rs_{name}", next(index))
    if step.text and step.error is None:
        yield from _say(step, f"msg_{name}", next(index))
    elif step.stall is not None:
        yield Gate(step.stall)
    for number, tool in enumerate(step.tools):
        yield from _call(tool, f"{name}_{number}", next(index))
    if step.cut:
        return
    if step.error is not None:
        error = {"code": step.error, "message": step.text}
        yield {"type": "response.failed", "response": {**response, "status": "failed", "error": error}}
        return
    usage = _write_usage(step.usage)
    yield {"type": "response.completed", "response": {**response, "status": "completed", "usage": usage}}


def _think(text: str, item_id: str, index: int) -> Iterator[Event]:
    at = {"item_id": item_id, "output_index": index, "summary_index": 0}
    item = {"type": "reasoning", "id": item_id}
    part = {"type": "summary_text", "text": text}
    yield {"type": "response.output_item.added", "output_index": index, "item": {**item, "summary": []}}
    yield {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}
    yield {"type": "response.reasoning_summary_text.delta", **at, "delta": text}
    yield {"type": "response.reasoning_summary_text.done", **at, "text": text}
    yield {
        "type": "response.output_item.done",
        "output_index": index,
        "item": {**item, "summary": [part], "encrypted_content": None},
    }


def _say(step: Step, item_id: str, index: int) -> Iterator[Event | Gate]:
    at = {"item_id": item_id, "output_index": index, "content_index": 0}
    item = {"type": "message", "id": item_id, "role": "assistant"}
    part = {"type": "output_text", "text": step.text, "annotations": []}
    added = {**item, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    for delta in step.split_text():
        yield {"type": "response.output_text.delta", **at, "delta": delta}
    if step.stall is not None:
        yield Gate(step.stall)
    if step.cut:
        return
    yield {"type": "response.output_text.done", **at, "text": step.text}
    done = {**item, "status": "completed", "content": [part]}
    yield {"type": "response.output_item.done", "output_index": index, "item": done}


def _call(tool: ToolUse, name: str, index: int) -> Iterator[Event]:
    """A tool that takes JSON is a function; one that takes text is a custom tool."""
    if isinstance(tool.args, str):
        kind, key, text = "custom_tool_call", "input", tool.args
    else:
        kind, key, text = "function_call", "arguments", json.dumps(tool.args)
    item = {"type": kind, "id": f"item_{name}", "call_id": f"call_{name}", "name": tool.name}
    if tool.namespace is not None:
        item["namespace"] = tool.namespace
    begun = {**item, key: "", "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    done = {**item, key: text, "status": "completed"}
    yield {"type": "response.output_item.done", "output_index": index, "item": done}


def _write_usage(usage: Usage) -> Event:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.thought},
        "total_tokens": usage.input + usage.output,
    }
