"""The refusal of a request, as JSON-RPC sees it."""

from __future__ import annotations

from typing import Any

CODES = {
    "PARSE_ERROR": -32700,
    "INVALID_REQUEST": -32600,
    "FRAME_TOO_LARGE": -32600,
    "DUPLICATE_REQUEST_ID": -32600,
    "METHOD_NOT_FOUND": -32601,
    "INVALID_PARAMS": -32602,
    "INTERNAL_ERROR": -32603,
    "SERVER_NOT_INITIALIZED": -32002,
    "OVERLOADED": -32001,
    "REQUEST_CANCELLED": -32800,
}
"""The faults that the endpoint itself finds, with their codes in `protocol/v1/protocol.json`."""


class Fault(Exception):  # noqa: N818 - a refusal is an answer, not an error of ours
    """Answers a request with an error. `data` always holds `code` (a name of the error table), `retryable` and
    `details`."""

    def __init__(self, code: int, message: str, data: dict[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def refuse(name: str, message: str, **details: object) -> Fault:
    """A fault of the endpoint: what was refused, because of what, and what would work."""
    return Fault(CODES[name], message, {"code": name, "retryable": name == "OVERLOADED", "details": details})


def refuse_method(method: str) -> Fault:
    """What a method is answered that the server does not have."""
    shown = method[:200]
    return refuse("METHOD_NOT_FOUND", f"there is no method {shown!r}; protocol.describe lists those there are")
