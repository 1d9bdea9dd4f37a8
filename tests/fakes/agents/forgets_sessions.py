"""Says that it can load and resume sessions, and knows none of them."""

from __future__ import annotations

import json
import sys

CAPABILITIES = {"loadSession": True, "sessionCapabilities": {"resume": {}}}

for line in sys.stdin:
    message = json.loads(line)
    answer = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] == "initialize":
        answer["result"] = {"protocolVersion": 1, "agentCapabilities": CAPABILITIES}
    elif message["method"] == "session/new":
        answer["result"] = {"sessionId": "forgettable"}
    elif message["method"] == "session/prompt":
        answer["result"] = {"stopReason": "end_turn"}
    else:
        answer["error"] = {"code": -32002, "message": "Resource not found", "data": {"uri": "forgettable"}}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
