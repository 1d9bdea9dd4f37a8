"""Google's generateContent, as Gemini CLI uses it: POST …/models/NAME:streamGenerateContent, answered by a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fakes.models.script import Said, Step, Usage, choose_step
from fakes.models.server import Answer, Gate, Request

Chunk = dict[str, Any]


class Gemini:
    """Implements `fakes.models.server.Wire`."""

    def answer(self, request: Request) -> Answer:
        action = request.path.rpartition(":")[2]
        if action == "countTokens":
            return Answer(b'{"totalTokens": 100}')
        if request.method != "POST" or action not in ("generateContent", "streamGenerateContent"):
            return _fail(404, "NOT_FOUND", "not found")
        # Calls without tools are the agent's own: which model to take, who speaks next.
        step = choose_step(read_conversation(request.body)) if request.body.get("tools") else Step(text="{}")
        if step.status is not None:
            return _fail(step.status, step.error or "INTERNAL", step.text or "as the script wants it")
        if action == "generateContent":
            return Answer(json.dumps(_candidate([{"text": step.text}], step.usage, "STOP")).encode())
        return Answer(_stream(step), content_type="text/event-stream")


def read_conversation(body: Any) -> Iterator[Said]:
    """What was said so far, by the request's contents."""
    for content in body["contents"]:
        texts: list[str] = []
        for part in content.get("parts", ()):
            if "functionResponse" in part:
                yield Said("result")
            elif "functionCall" in part:
                yield Said("call")
            elif not part.get("thought"):
                texts.append(part.get("text", ""))
        if text := "".join(texts):
            yield Said("model" if content.get("role") == "model" else "user", text)


def _fail(status: int, word: str, message: str) -> Answer:
    return Answer(json.dumps({"error": {"code": status, "message": message, "status": word}}).encode(), status)


def _stream(step: Step) -> Iterator[bytes | Gate]:
    for event in _events(step):
        yield event if isinstance(event, Gate) else f"data: {json.dumps(event)}\r\n\r\n".encode()


def _events(step: Step) -> Iterator[Chunk | Gate]:
    if step.thought:
        yield _candidate([{"text": f"**Thought** {step.thought}", "thought": True}], step.usage)
    for delta in step.split_text():
        yield _candidate([{"text": delta}], step.usage)
    if step.stall is not None:
        yield Gate(step.stall)
    if step.cut:
        return
    calls = [
        {"functionCall": {"name": tool.name, "args": tool.args}, "thoughtSignature": "c2ln"} for tool in step.tools
    ]
    yield _candidate(calls or [{"text": ""}], step.usage, "STOP")


def _candidate(parts: list[Chunk], usage: Usage, finish: str | None = None) -> Chunk:
    candidate: Chunk = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    counts = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output,
        "totalTokenCount": usage.input + usage.output,
        "cachedContentTokenCount": usage.cached,
    }
    return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": "fake"}
