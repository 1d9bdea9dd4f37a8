"""Speaks after it ended its turn, ends it twice, answers what nobody asked, and names other sessions in `_meta`."""

from __future__ import annotations

import json
import sys
from typing import Any


def send(frame: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **frame}) + "\n")
    sys.stdout.flush()


def say(text: str, **more: Any) -> None:
    update = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}
    send({"method": "session/update", "params": {"sessionId": "mixed", "update": update, **more}})


for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "initialize":
        send({"id": 77, "result": {"protocolVersion": 2}})
        send({"id": message["id"], "result": {"protocolVersion": 1}})
    elif message.get("method") == "session/new":
        say("too early")
        send({"id": message["id"], "result": {"sessionId": "mixed"}})
        send({"id": message["id"], "result": {"sessionId": "another"}})
    elif message.get("method") == "session/prompt":
        say("first; ", _meta={"sessionId": "another", "session_id": "another"})
        say("second", sessionId="another")
        say("third")
        end = {"id": message["id"], "result": {"stopReason": "end_turn"}}
        send(end)
        say("late")
        send(end)
        send({"id": 4711, "result": {}})
