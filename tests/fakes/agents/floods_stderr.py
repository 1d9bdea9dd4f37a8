"""Writes a megabyte to standard error before each answer: an agent whose errors nobody reads is stuck."""

from __future__ import annotations

import json
import sys

ANSWERS = {
    "initialize": {"protocolVersion": 1, "agentCapabilities": {}},
    "session/new": {"sessionId": "loud"},
    "session/prompt": {"stopReason": "end_turn"},
}

for line in sys.stdin:
    message = json.loads(line)
    sys.stderr.write(f"DEBUG {'.' * 1000}\n" * 1000)
    sys.stderr.flush()
    if "id" in message:
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": ANSWERS[message["method"]]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
