"""JSON-RPC 2.0 over two file descriptors, one message per line; safe to write to from several threads."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
RESOURCE_NOT_FOUND = -32002
"""Code of the ACP schema for an unknown session."""


class RefusalError(Exception):
    """A request is answered with this error."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Reply:
    """The answer to a request of ours, once it is there."""

    def __init__(self) -> None:
        self._arrived = threading.Event()
        self.result: Any = None
        self.error: Any = None

    def settle(self, result: object, error: object) -> None:
        self.result, self.error = result, error
        self._arrived.set()

    def wait(self) -> None:
        self._arrived.wait()


class Connection:
    """One client. Reading belongs to one thread; writing to any."""

    def __init__(self, source: BinaryIO, target: int) -> None:
        self._source = source
        self._target = target
        self._lock = threading.Lock()
        self._replies: dict[object, Reply] = {}
        self._last_id = 0

    def messages(self) -> Iterator[dict[str, Any]]:
        """Requests and notifications, until the client closes. Answers to our requests settle their `Reply`."""
        for line in self._source:
            if not line.strip():
                continue
            try:
                message = json.loads(line)
            except ValueError:
                self.refuse(None, RefusalError(PARSE_ERROR, "This line is not JSON; send one message per line."))
                continue
            if not isinstance(message, dict):
                self.refuse(None, RefusalError(INVALID_REQUEST, "A message is one JSON object; ACP has no batches."))
            elif isinstance(message.get("method"), str):
                yield message
            else:
                self._settle(message)

    def write(self, data: bytes) -> None:
        """Write bytes as they are; whole lines come from `send`."""
        view = memoryview(data)
        with self._lock:
            while view:
                view = view[os.write(self._target, view) :]

    def send(self, message: dict[str, Any]) -> None:
        self.write(encode(message))

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def answer(self, request_id: object, result: dict[str, Any]) -> None:
        self.send({"jsonrpc": "2.0", "id": request_id, "result": result})

    def refuse(self, request_id: object, refusal: RefusalError) -> None:
        error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
        if refusal.data is not None:
            error["data"] = refusal.data
        self.send({"jsonrpc": "2.0", "id": request_id, "error": error})

    def request(self, method: str, params: dict[str, Any]) -> Reply:
        """Ask the client; `Reply.wait` returns when it answered."""
        reply = Reply()
        with self._lock:
            self._last_id += 1
            request_id = self._last_id
            self._replies[request_id] = reply
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        return reply

    def abandon(self) -> None:
        """Settle every request that waits, as an error: the client went away."""
        for request_id in list(self._replies):
            self._settle({"id": request_id, "error": {"code": INVALID_REQUEST, "message": "The client went away."}})

    def _settle(self, message: dict[str, Any]) -> None:
        request_id = message.get("id")
        if isinstance(request_id, (int, str)) and (reply := self._replies.pop(request_id, None)) is not None:
            reply.settle(message.get("result"), message.get("error"))


def encode(message: dict[str, Any]) -> bytes:
    """One message as a line."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
