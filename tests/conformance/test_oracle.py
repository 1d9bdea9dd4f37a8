"""The oracle sees what it is there to see."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.oracle import Oracle, explain_request

AT = "2026-01-01T00:00:00.000Z"


def hear(frame: dict[str, Any]) -> list[str]:
    oracle = Oracle()
    oracle.sent({"jsonrpc": "2.0", "id": 1, "method": "workspace.get", "params": {"workspace_id": "ws_unknown"}})
    oracle.received({"jsonrpc": "2.0", **frame})
    return oracle.violations


def fail(code: int, name: str, *, retryable: bool = False) -> dict[str, Any]:
    data = {"code": name, "retryable": retryable, "details": {}}
    return {"id": 1, "error": {"code": code, "message": "no", "data": data}}


def announce(topic: str, **more: Any) -> dict[str, Any]:
    params = {"envelope_id": "en", "correlation_id": "cor", "topic": topic, "payload": {}, "timestamp": AT, **more}
    return {"method": topic, "params": params}


@pytest.mark.parametrize(
    ("frame", "violation"),
    [
        (fail(-31999, "WORKSPACE_NOT_FOUND"), "another number"),
        (fail(-31100, "WORKSPACE_NOT_FOUND", retryable=True), "retryable otherwise"),
        (fail(-31300, "LANE_NOT_FOUND"), "not listed"),
        (fail(-31300, "NO_SUCH_NAME"), "not in the error table"),
        ({"id": 1, "error": {"code": -32603, "message": "no"}}, "bad error data"),
        ({"id": 1, "result": {}}, "bad result"),
        ({"id": 2, "result": {}}, "no request"),
        (announce("lane.vanished"), "no topic"),
        (announce("workspace.created"), "seq is missing"),
        (announce("item.delta", seq=3), "bypasses the log"),
    ],
)
def test_what_breaks_the_protocol_is_told(frame: dict[str, Any], violation: str) -> None:
    assert any(violation in told for told in hear(frame)), hear(frame)


def test_what_keeps_it_is_not() -> None:
    assert hear(fail(-31100, "WORKSPACE_NOT_FOUND")) == []


def test_a_refused_request_must_be_refused() -> None:
    assert explain_request("workspace.get", {}) is not None
    assert explain_request("workspace.create", {"correlation_id": "c", "payload": {"root_paths": ["/"], "x": 1}})
    assert explain_request("workspace.create", {"correlation_id": "c", "payload": {"root_paths": ["/"]}}) is None
    assert explain_request("workspace.list", {"envelope_id": None, "payload": None}) is None
