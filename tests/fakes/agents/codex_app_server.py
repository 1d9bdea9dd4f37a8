"""Speaks Codex's app-server protocol, and says what its prompt lists, also what the real one never would."""

# SCRIPT:[step, …]ENDSCRIPT, where a step is {"frame": {…}} or {"raw": "…"}, with $THREAD and $TURN for its ids;
# {"say": "…"}; {"huge": bytes}; {"ask": request id}, which waits for the answer; {"answer": true}, which answers the
# prompt (otherwise it is answered before the first step, or, with {"unanswered": true} as the first one, at the end);
# {"end": "completed"}. A turn that was not ended by a step ends completed. Steps after its end are late.

from __future__ import annotations

import json
import sys
from typing import Any


def send(message: Any) -> None:
    sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
    sys.stdout.flush()


def tell(method: str, **params: Any) -> None:
    send({"method": method, "params": {"threadId": THREAD, **params}})


def answer(message: dict[str, Any], **result: Any) -> None:
    send({"id": message["id"], "result": result})


def read() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    message: dict[str, Any] = json.loads(line)
    return message


def play(message: dict[str, Any], turn: str) -> None:
    text = message["params"]["input"][0]["text"]
    steps = json.loads(text.partition("SCRIPT:")[2].partition("ENDSCRIPT")[0] or "[]")
    is_answered = is_ended = False
    if steps[:1] != [{"unanswered": True}]:
        steps = [{"answer": True}, *steps]
    for step in [*steps, {"end": "completed"}, {"answer": True}]:
        step = json.loads(json.dumps(step).replace("$THREAD", THREAD).replace("$TURN", turn))
        if "frame" in step:
            send(step["frame"])
        elif "raw" in step:
            send(step["raw"])
        elif "say" in step:
            tell("item/agentMessage/delta", turnId=turn, itemId="said", delta=step["say"])
        elif "huge" in step:
            item = {"type": "agentMessage", "id": "huge", "text": "x" * step["huge"]}
            tell("item/completed", turnId=turn, item=item)
        elif "ask" in step:
            item = {"type": "commandExecution", "id": "asked", "command": "rm -r x", "status": "inProgress"}
            tell("item/started", turnId=turn, item=item)
            params = {"threadId": THREAD, "turnId": turn, "itemId": "asked", "command": "rm -r x"}
            send({"id": step["ask"], "method": "item/commandExecution/requestApproval", "params": params})
            while (told := read()).get("id") != step["ask"] or "method" in told:
                pass
            tell("serverRequest/resolved", requestId=step["ask"])
            tell("item/agentMessage/delta", turnId=turn, itemId="told", delta=json.dumps(told["result"]))
        elif "answer" in step and not is_answered:
            is_answered = True
            answer(message, turn={"id": turn, "status": "inProgress", "items": []})
            tell("turn/started", turn={"id": turn, "status": "inProgress", "items": []})
        elif "end" in step and not is_ended:
            is_ended = True
            tell("turn/completed", turn={"id": turn, "status": step["end"], "items": []})


THREAD = "thread-1"
turns = 0
while True:
    message = read()
    method = message.get("method")
    if method == "initialize":
        answer(message, userAgent="agentlanes/0.0.0 (fake)")
    elif method in ("thread/start", "thread/resume", "thread/fork"):
        answer(message, thread={"id": THREAD}, model="fake")
    elif method == "turn/start":
        turns += 1
        play(message, f"turn-{turns}")
    elif "id" in message and method is not None:
        answer(message)
