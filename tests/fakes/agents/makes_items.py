"""Makes as many tool calls as the prompt says, and nothing else."""

from __future__ import annotations

import json
import sys
from typing import Any


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")


def update(kind: str, /, **fields: Any) -> None:
    send({"method": "session/update", "params": {"sessionId": "maker", "update": {"sessionUpdate": kind, **fields}}})


made = 0
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "initialize":
        send({"id": message["id"], "result": {"protocolVersion": 1}})
    elif message.get("method") == "session/new":
        send({"id": message["id"], "result": {"sessionId": "maker"}})
    elif message.get("method") == "session/prompt":
        for _ in range(int(message["params"]["prompt"][0]["text"])):
            made += 1
            content = [{"type": "content", "content": {"type": "text", "text": f"output {made} " * 20}}]
            update("tool_call", toolCallId=f"call {made}", title=f"Make item {made}", kind="execute")
            update("tool_call_update", toolCallId=f"call {made}", status="completed", content=content)
        send({"id": message["id"], "result": {"stopReason": "end_turn"}})
    sys.stdout.flush()
