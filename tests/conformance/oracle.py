"""Holds every frame of a connection, in both directions, against the published schema, with the reference validator.

The server uses another validator and typed models; this uses neither for its judgement.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentlanes.wire.table import ALIASES
from conformance.mirror import Mirror
from protocol.schemas import BUNDLE, INDEX_ERRORS, METHOD_ERRORS, explain

Frame = dict[str, Any]

REFUSALS_OF_SHAPE = frozenset(("INVALID_PARAMS", "MISSING_CORRELATION_ID", "MISSING_CONTEXT_ID"))


class Oracle:
    """What one client sent and received. `violations` are in order; a test fails with any."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.mirror = Mirror()
        self._asked: dict[Any, tuple[str, str | None]] = {}
        """Open requests by id: the method, and why the schema refuses it."""

    def sent(self, frame: Frame) -> None:
        """The client sends this."""
        named = frame.get("method")
        if "id" in frame and isinstance(named, str):
            method = ALIASES.get(named, named)
            self._asked[frame["id"]] = method, explain_request(method, frame.get("params") or {})

    def received(self, frame: Frame) -> None:
        """The server sent this."""
        if "method" in frame:
            self._note(frame, _check_notification(frame))
            if not self.violations:
                wrong = self.mirror.hear(frame["params"])
                self.violations += [f"mirror: {wrong}"] if wrong is not None else []
            return
        method, refusal = self._asked.pop(frame["id"], (None, None))
        if method is None:
            self.violations.append(f"an answer to no request: {frame}")
        elif "error" in frame:
            self._note(frame, _check_error(method, refusal, frame["error"]))
        elif method in BUNDLE["methods"]:
            self._note(frame, _check_result(method, refusal, frame["result"]))
            if method == "event.subscribe" and not self.violations:
                self.mirror.begin(frame["result"]["payload"])

    def _note(self, frame: Frame, problems: Iterator[str]) -> None:
        self.violations += [f"{problem} in {str(frame)[:2000]}" for problem in problems]


def explain_request(method: str, params: dict[str, Any]) -> str | None:
    """Why the schema refuses the params of a request; None where it does not, or does not know the method."""
    row = BUNDLE["methods"].get(method)
    if row is None:
        return None
    params = {key: value for key, value in params.items() if value is not None}
    payload = params.setdefault("payload", {})
    if isinstance(payload, dict):
        payload = params["payload"] = {key: value for key, value in payload.items() if value is not None}
    needs = [*row.get("context", ()), *(["correlation_id"] if row.get("lifecycle") else [])]
    missing = [name for name in needs if name not in params]
    if missing:
        return f"without {missing}"
    return explain("CommandEnvelope", params) or explain(row["params"], payload)


def _check_result(method: str, refusal: str | None, result: Any) -> Iterator[str]:
    if refusal is not None:
        yield f"{method} was accepted, which the schema refuses ({refusal})"
    problem = explain("ResponseEnvelope", result) or explain(BUNDLE["methods"][method]["result"], result["payload"])
    if problem is not None:
        yield f"a bad result of {method}: {problem}"


def _check_error(method: str, refusal: str | None, error: Any) -> Iterator[str]:
    problem = explain("ErrorData", error.get("data"))
    if problem is not None:
        yield f"bad error data: {problem}"
        return
    name = error["data"]["code"]
    row = BUNDLE["errors"].get(name)
    if row is None:
        yield f"{name} is not in the error table"
        return
    if (error["code"], error["data"]["retryable"]) != (row["code"], row.get("retryable", False)):
        yield f"{name} has another number, or is retryable otherwise, than in the error table"
    if name not in INDEX_ERRORS | METHOD_ERRORS.get(method, frozenset()):
        yield f"{name} is not listed with {method}"
    if name in REFUSALS_OF_SHAPE and refusal is None and method in BUNDLE["methods"]:
        yield f"{method} was refused with {name}, and the schema accepts it"


def _check_notification(frame: Frame) -> Iterator[str]:
    params = frame["params"]
    problem = explain("EventEnvelope", params)
    if problem is not None:
        yield f"a bad envelope: {problem}"
        return
    topic = BUNDLE["topics"].get(frame["method"])
    if topic is None or params["topic"] != frame["method"]:
        yield f"{frame['method']} is no topic, or not the envelope's"
        return
    problem = explain(topic["payload"], params["payload"])
    if problem is not None:
        yield f"a bad payload: {problem}"
    is_logged = topic.get("kind") != "stream"
    for name in ("seq", "stream", "stream_seq", "actor", "causation_id"):
        if is_logged and name not in params:
            yield f"{name} is missing"
    if not is_logged and "seq" in params:
        yield "seq stands in what bypasses the log"
    if is_logged:
        for name in topic.get("context", ()):
            if name not in params:
                yield f"{name} is missing"
    for entity in params["payload"].values():
        problem = entity.get("problem") if isinstance(entity, dict) else None
        if problem is not None and problem["code"] not in BUNDLE["errors"]:
            yield f"{problem['code']} is not in the error table"
