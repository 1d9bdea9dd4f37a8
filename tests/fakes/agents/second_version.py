"""Speaks version 2 of ACP with all that may go wrong: repeats, updates of strangers, garbage, a huge line, a flood."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

OPTIONS = [
    {"optionId": "y", "name": "Yes", "kind": "allow_once"},
    {"optionId": "n", "name": "No", "kind": "reject_once"},
]


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def update(kind: str, /, session: str = "two", **fields: Any) -> None:
    params = {"sessionId": session, "update": {"sessionUpdate": kind, **fields}, "_meta": {"sessionId": "another"}}
    send({"method": "session/update", "params": params})


def say(message_id: str, text: str) -> None:
    update("agent_message_chunk", messageId=message_id, content={"type": "text", "text": text})


def begin_turn(request_id: int) -> None:
    """Works, shouts, and asks for permission for a tool call that it never announced."""
    update("state_update", state="idle", stopReason="end_turn")
    update("state_update", state="running")
    send({"id": request_id, "result": {"messageId": f"user-{request_id}"}})
    send({"id": request_id, "result": {"messageId": "once more"}})
    sys.stderr.write("DEBUG " * 50_000 + "\n")
    sys.stderr.flush()
    sys.stdout.write('not JSON\n{"jsonrpc":"2.0"}\n[1]\n\n')
    say("m1", "Hel")
    update("agent_message_chunk", session="another", content={"type": "text", "text": "SPOOFED"})
    update("agent_message", messageId="m1", content=[{"type": "text", "text": "Hello"}])
    update("agent_message", messageId="m1", content=[{"type": "text", "text": "Hello"}])
    update("_vendor/thing", blob="x" * 3_000_000)
    update("terminal_update", terminalId="t1", command="make")
    subject = {"type": "tool_call", "toolCall": {"toolCallId": "c1", "title": "Make", "kind": "execute"}}
    asked = {"sessionId": "two", "title": "Run make?", "subject": subject, "options": OPTIONS}
    send({"id": "ask", "method": "session/request_permission", "params": asked})
    update("state_update", state="requires_action")


def end_turn(allowed: bool) -> None:
    """Runs the tool call in pieces that cut a character in two, and ends twice."""
    update("state_update", state="running")
    update("tool_call_update", toolCallId="c1", content=[{"type": "terminal", "terminalId": "t1"}])
    for part in (b"caf\xc3", b"\xa9\n"):
        update("terminal_output_chunk", terminalId="t1", data=base64.b64encode(part).decode())
    update("terminal_update", terminalId="t1", exitStatus={"exitCode": 0 if allowed else 1})
    for _ in range(2):
        update("tool_call_update", toolCallId="c1", status="completed" if allowed else "failed")
    say("m2", "Bye")
    for _ in range(2):
        update("state_update", state="idle", stopReason="end_turn", usage={"totalTokens": 3})


def cancel_turn() -> None:
    """Stops, with one more word after the end."""
    update("state_update", state="idle", stopReason="cancelled")
    say("m3", "late")


for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if method == "initialize":
        info = {"name": "second", "version": "1"}
        capabilities: dict[str, Any] = {"session": {"fork": {}}}
        send({"id": message["id"], "result": {"protocolVersion": 2, "info": info, "capabilities": capabilities}})
    elif method in ("session/new", "session/fork", "session/resume"):
        update("state_update", state="idle")
        send({"id": message["id"], "result": {"sessionId": "two"}})
    elif method == "session/prompt":
        begin_turn(message["id"])
    elif method == "session/cancel":
        cancel_turn()
    elif method is None:
        end_turn(message["result"]["outcome"].get("optionId") == "y")
