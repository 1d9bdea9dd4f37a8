"""Faults by their row in the error table."""

from __future__ import annotations

from agentlanes.rpc.contract import name_fault


def test_details_may_have_any_name() -> None:
    details = {"name": "nobody", "message": "as the agent said it"}
    fault = name_fault("PROFILE_NOT_FOUND", "there is no profile nobody", correlation_id="c-1", **details)
    assert fault.message == "there is no profile nobody"
    assert fault.data == {
        "code": "PROFILE_NOT_FOUND",
        "retryable": False,
        "details": details,
        "correlation_id": "c-1",
    }
