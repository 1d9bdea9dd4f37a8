"""The runner's own protocol: JSON lines over a unix socket, versioned apart from the clients' protocol.

Requests `{id, op, ...}` are answered `{id, ok: {...}}` or `{id, error: {code, message, details}}`, each exactly once
and in order. Events `{ev: ...}` come in between. The first request of a connection is `hello`.
"""

from __future__ import annotations

import binascii
import json

RUNNER_PROTOCOL = 1
SUPPORTED = (RUNNER_PROTOCOL,)

MAX_LINE = 96 << 20
"""Bytes. A write may carry an agent's frame of 64 MiB, which base64 makes a third longer."""

PROCESS_MARKER = "AGENTLANES_PROCESS"
LANE_MARKER = "AGENTLANES_LANE"
STATE_MARKER = "AGENTLANES_STATE"
"""Environment of every child: its process, its lane, and the folder of the tapes. The last one tells apart two servers
whose clients chose the same ids."""


class RefusedError(Exception):
    """A request that is not done, with the code that the server matches on."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def encode(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message, "details": self.details}


def encode_line(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


class Lines:
    """Cuts a byte stream into lines. Keeps what is incomplete, and refuses a line longer than MAX_LINE."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        *ended, rest = data.split(b"\n")
        lines = []
        for piece in ended:
            self._parts.append(piece)
            lines.append(b"".join(self._parts))
            self._parts = []
            self._size = 0
        self._parts.append(rest)
        self._size += len(rest)
        if self._size > MAX_LINE:
            raise RefusedError("BAD_REQUEST", f"a line is longer than {MAX_LINE} bytes")
        return lines


class Request:
    """One parsed request; the readers refuse what is missing or of the wrong type, naming the field."""

    def __init__(self, line: bytes) -> None:
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise RefusedError("BAD_REQUEST", f"not JSON: {error}") from None
        except RecursionError:
            raise RefusedError("BAD_REQUEST", "nested too deeply") from None
        if not isinstance(fields, dict):
            raise RefusedError("BAD_REQUEST", "a request is an object")
        self._take(fields)

    @classmethod
    def of(cls, fields: dict[str, object]) -> Request:
        """Fields that came in another way than as a line."""
        request = cls.__new__(cls)
        request._take(fields)
        return request

    def _take(self, fields: dict[str, object]) -> None:
        self.fields = fields
        self.id = fields.get("id")
        self.op = fields.get("op")

    def has(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str) or "\0" in value:
            raise RefusedError("BAD_REQUEST", f"{name} must be a string without NUL")
        return value

    def flag(self, name: str) -> bool:
        value = self.fields.get(name, False)
        if not isinstance(value, bool):
            raise RefusedError("BAD_REQUEST", f"{name} must be true or false")
        return value

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        value = self.fields.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise RefusedError("BAD_REQUEST", f"{name} must be a whole number from {low} to {high}")
        return value

    def bytes(self, name: str) -> bytes:
        try:
            return binascii.a2b_base64(self.text(name), strict_mode=True)
        except ValueError as error:
            raise RefusedError("BAD_REQUEST", f"{name} must be base64: {error}") from None

    def texts(self, name: str) -> list[str]:
        value = self.fields.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) and "\0" not in each for each in value):
            raise RefusedError("BAD_REQUEST", f"{name} must be a list of strings without NUL")
        return value

    def environment(self, name: str) -> dict[str, str]:
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise RefusedError("BAD_REQUEST", f"{name} must be an object")
        for key, each in value.items():
            if not key or "=" in key or "\0" in key or not isinstance(each, str) or "\0" in each:
                raise RefusedError("BAD_REQUEST", f"{name} must map names to strings without NUL")
        return value

    def part(self, name: str) -> Request | None:
        """A nested object, read by the same rules; None if it is absent."""
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise RefusedError("BAD_REQUEST", f"{name} must be an object")
        return Request.of(value)
