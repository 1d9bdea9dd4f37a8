"""`agentlanes mcp`: the control plane as a Model Context Protocol server on stdin and stdout, for agents.

MCP over stdio is JSON-RPC in lines; of it a server of tools needs four methods, so they are written here: the official
SDK takes a second and 65 MB to import, for each agent that has this server, and is the client that the tests use.
Each call has a connection and a thread of its own, so that one that waits delays no other.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from typing import Any

import msgspec

from agentlanes.cli.client import Gone, Json, Refused, connect
from agentlanes.cli.mcp_seat import PATIENCE_SECONDS, NotAllowed, Seat
from agentlanes.cli.mcp_tools import TOOLS, list_tools
from agentlanes.relay import VERSION, StartError

PROTOCOLS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Versions of MCP whose tools look the same, the newest first."""
LINE_CAP = 4 << 20
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602


def declare(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument(
        "--lane",
        metavar="ID",
        default=os.environ.get("AGENTLANES_LANE"),
        help="the lane whose agent asks: it sees its own workspace, and prompts only what it had started itself; "
        "AGENTLANES_LANE where absent, and everything where that is absent too",
    )
    parser.add_argument(
        "--session",
        metavar="ID",
        help="the session whose agent asks, in whose turn people are asked; any of the lane that works where absent",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help="how long a tool waits for a person's decision; %(default)s where absent",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until stdin ends."""
    serve(Seat(arguments.lane or None, arguments.session, arguments.patience))
    return 0


def serve(seat: Seat) -> None:
    """Answers what comes on stdin. A call that runs when stdin ends is left alone: what it asked for is durable."""
    voice = _Voice()
    while line := sys.stdin.buffer.readline(LINE_CAP):
        if not line.endswith(b"\n") and len(line) == LINE_CAP:
            voice.fail(None, INVALID_REQUEST, f"a line has {LINE_CAP} bytes at most")
            return
        if not line.strip():
            continue
        try:
            message = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            voice.fail(None, PARSE_ERROR, f"this is not JSON: {error}")
            continue
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            if not (isinstance(message, dict) and ("result" in message or "error" in message)):
                voice.fail(None, INVALID_REQUEST, "this is no request")
            continue
        if "id" in message:
            _answer(message["id"], message["method"], message.get("params") or {}, seat, voice)


def _answer(id: Any, method: str, params: Any, seat: Seat, voice: _Voice) -> None:
    if not isinstance(params, dict):
        voice.fail(id, INVALID_PARAMS, "params is an object")
    elif method == "initialize":
        asked = params.get("protocolVersion")
        version = asked if asked in PROTOCOLS else PROTOCOLS[0]
        server = {"name": "agentlanes", "title": "agentlanes", "version": VERSION}
        told = {"capabilities": {"tools": {}}, "serverInfo": server, "instructions": seat.instructions}
        voice.tell(id, {"protocolVersion": version, **told})
    elif method == "ping":
        voice.tell(id, {})
    elif method == "tools/list":
        voice.tell(id, {"tools": [TOOLS[name].describe(name) for name in list_tools(seat)]})
    elif method == "tools/call":
        name, given = params.get("name"), params.get("arguments") or {}
        if name not in list_tools(seat) or not isinstance(given, dict):
            voice.fail(id, INVALID_PARAMS, f"there is no tool {name!r}; there are {', '.join(list_tools(seat))}")
            return
        threading.Thread(target=_call, args=(id, str(name), given, seat, voice), daemon=True).start()
    else:
        voice.fail(id, METHOD_NOT_FOUND, f"this server has no method {method}")


def _call(id: Any, name: str, given: Json, seat: Seat, voice: _Voice) -> None:
    """What goes wrong in a tool is told as its result: it is the model that has to know."""
    try:
        tool = TOOLS[name]
        tool.decide(name, seat, tool.check(given))
        with connect("mcp") as client:
            told, is_error = tool.run(seat, client, given), False
    except Refused as refused:
        told, is_error = {"error": refused.as_json()}, True
    except (NotAllowed, Gone, StartError, OSError) as error:
        told, is_error = {"error": {"message": str(error)}}, True
    text = msgspec.json.encode(told).decode()
    voice.tell(id, {"content": [{"type": "text", "text": text}], "structuredContent": told, "isError": is_error})


class _Voice:
    """Standard output, a line at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def tell(self, id: Any, result: Json) -> None:
        self._write({"jsonrpc": "2.0", "id": id, "result": result})

    def fail(self, id: Any, code: int, message: str) -> None:
        self._write({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})

    def _write(self, message: Json) -> None:
        with self._lock:
            sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
            sys.stdout.buffer.flush()
