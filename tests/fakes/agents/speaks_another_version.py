"""Answers initialize with protocol version 3, whatever it is asked."""

from __future__ import annotations

import json
import sys

for line in sys.stdin:
    answer = {"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": {"protocolVersion": 3, "capabilities": {}}}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
