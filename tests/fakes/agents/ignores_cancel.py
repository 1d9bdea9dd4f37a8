"""Works on a prompt for ever and hears no cancel; only the end of its process stops it (it ignores its input's end)."""

from __future__ import annotations

import json
import sys
import threading

ANSWERS = {"initialize": {"protocolVersion": 1, "agentCapabilities": {}}, "session/new": {"sessionId": "deaf"}}

for line in sys.stdin:
    message = json.loads(line)
    if message["method"] in ANSWERS:
        frame = {"jsonrpc": "2.0", "id": message["id"], "result": ANSWERS[message["method"]]}
    else:
        content = {"type": "text", "text": f"{message['method']}, yes; "}
        update = {"sessionUpdate": "agent_message_chunk", "content": content}
        frame = {"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "deaf", "update": update}}
    sys.stdout.write(json.dumps(frame) + "\n")
    sys.stdout.flush()
threading.Event().wait()
