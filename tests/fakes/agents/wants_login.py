"""Opens no session before its user has logged in, in a way that this client cannot do for them."""

from __future__ import annotations

import json
import sys

INTRODUCTION = {
    "protocolVersion": 1,
    "agentCapabilities": {},
    "authMethods": [{"id": "browser", "name": "Log in with a browser", "description": None}],
}

for line in sys.stdin:
    message = json.loads(line)
    answer = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] == "initialize":
        answer["result"] = INTRODUCTION
    else:
        answer["error"] = {"code": -32000, "message": "Authentication required"}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
