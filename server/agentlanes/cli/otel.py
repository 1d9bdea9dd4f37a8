"""Traces as OpenTelemetry spans, in OTLP's JSON (opentelemetry.io/docs/specs/otlp, JSON Protobuf Encoding).

Names and attributes are those of the semantic conventions for generative AI (open-telemetry/semantic-conventions,
docs/gen-ai): a turn is a span `invoke_agent`, a tool call a span `execute_tool` below it, and what was said is in the
turn's `gen_ai.input.messages` and `gen_ai.output.messages`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from agentlanes.relay import VERSION
from agentlanes.wire.models import TraceEntry

SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0"
INTERNAL, CLIENT = 1, 3
ERROR = 2
_ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PROVIDERS = {
    "codex": "openai",
    "claude": "anthropic",
    "gemini": "gcp.gemini",
    "vibe": "mistral_ai",
}
_FINISH = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}

Json = dict[str, Any]


def write_spans(entries: Sequence[TraceEntry]) -> Json:
    """An ExportTraceServiceRequest with a trace for each turn."""
    spans: list[Json] = []
    for root in (entry for entry in entries if entry.parent_id is None):
        below = [entry for entry in entries if entry.command_id == root.command_id and entry is not root]
        spans.append(_write_turn(root, below))
        spans += [_write_tool(root, entry) for entry in below if entry.type == "TOOL_CALL"]
    scope = {"name": "agentlanes", "version": VERSION}
    resource = {"attributes": _attributes({"service.name": "agentlanes", "service.version": VERSION})}
    return {
        "resourceSpans": [
            {
                "resource": resource,
                "scopeSpans": [{"scope": scope, "spans": spans, "schemaUrl": SCHEMA_URL}],
                "schemaUrl": SCHEMA_URL,
            }
        ]
    }


def trace_id(turn_id: str) -> str:
    """The trace of a turn: the 128 bits of its ULID, as 32 hex digits."""
    number = 0
    for letter in turn_id.partition("_")[2]:
        number = number * 32 + _ULID.index(letter)
    return f"{number & (1 << 128) - 1:032x}"


def span_id(entry_id: str) -> str:
    """The span of an entry, as 16 hex digits."""
    return hashlib.blake2b(entry_id.encode(), digest_size=8).hexdigest()


def _write_turn(root: TraceEntry, below: Sequence[TraceEntry]) -> Json:
    usage = root.metadata.get("usage") or {}
    finish = _FINISH.get(root.metadata.get("stop_reason", ""), "error" if root.error else "stop")
    model = root.content.get("model")
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": find_provider(root.agent_id),
        "gen_ai.agent.name": root.agent_id,
        "gen_ai.conversation.id": root.metadata.get("agent_session_id") or root.metadata.get("session_id"),
        "gen_ai.request.model": model,
        "gen_ai.response.finish_reasons": [finish] if root.completed_at is not None else None,
        "gen_ai.usage.input_tokens": usage.get("input_tokens"),
        "gen_ai.usage.output_tokens": usage.get("output_tokens"),
        "gen_ai.usage.cache_read.input_tokens": usage.get("cached_tokens"),
        "gen_ai.input.messages": _encode(_write_input(root)),
        "gen_ai.output.messages": _encode(_write_output(below, finish)) if below else None,
        "agentlanes.turn.id": root.command_id,
        "agentlanes.session.id": root.metadata.get("session_id"),
        "agentlanes.turn.status": root.metadata.get("status"),
        "error.type": root.metadata.get("status") if root.error else None,
    }
    return _write_span(root, root, f"invoke_agent {root.agent_id}", CLIENT, attributes)


def _write_tool(root: TraceEntry, entry: TraceEntry) -> Json:
    tool = str(entry.content.get("tool") or entry.name)
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.provider.name": find_provider(root.agent_id),
        "gen_ai.agent.name": root.agent_id,
        "gen_ai.tool.name": tool,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": entry.name,
        "gen_ai.tool.call.id": entry.metadata.get("tool_call_id"),
        "gen_ai.tool.call.arguments": _encode(entry.content.get("args")),
        "gen_ai.tool.call.result": _encode(entry.content.get("result")),
        "process.exit.code": entry.metadata.get("exit_code"),
        "error.type": "_OTHER" if entry.error else None,
    }
    return _write_span(root, entry, f"execute_tool {tool}", INTERNAL, attributes)


def _write_span(root: TraceEntry, entry: TraceEntry, name: str, kind: int, attributes: Json) -> Json:
    span: Json = {
        "traceId": trace_id(root.command_id),
        "spanId": span_id(entry.id),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": _nanoseconds(entry.started_at),
        "endTimeUnixNano": _nanoseconds(entry.completed_at or entry.started_at),
        "attributes": _attributes(attributes),
        "status": {"code": ERROR, "message": entry.error} if entry.error else {},
    }
    if entry.parent_id is not None:
        span["parentSpanId"] = span_id(entry.parent_id)
    return span


def _write_input(root: TraceEntry) -> list[Json]:
    said = [root.content.get("primer"), root.content.get("prompt"), *root.content.get("steers", ())]
    return [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in said if text]


def _write_output(below: Sequence[TraceEntry], finish: str) -> list[Json]:
    parts: list[Json] = []
    for entry in below:
        if entry.type == "TOOL_CALL":
            call_id, tool = entry.metadata.get("tool_call_id", entry.id), entry.content.get("tool") or entry.name
            parts.append({"type": "tool_call", "id": call_id, "name": tool, "arguments": entry.content.get("args")})
            if entry.completed_at is not None:
                answer = entry.content.get("result")
                parts.append({"type": "tool_call_response", "id": call_id, "result": answer, "response": answer})
        elif entry.metadata.get("kind") == "thought":
            parts.append({"type": "reasoning", "content": entry.content.get("content", "")})
        else:
            parts.append({"type": "text", "content": entry.content.get("content", "")})
    return [{"role": "assistant", "parts": parts, "finish_reason": finish}]


def find_provider(agent: str) -> str:
    """Who provides an agent's model, by the names that the conventions give; the agent's own where none is known."""
    return next((provider for word, provider in _PROVIDERS.items() if word in agent.lower()), agent)


def _encode(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


def _attributes(values: Json) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: Any) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(part) for part in value]}}
    return {"stringValue": str(value)}


def _nanoseconds(timestamp: str) -> str:
    # Through whole milliseconds, for a float of seconds would lose some.
    return str(round(datetime.fromisoformat(timestamp).timestamp() * 1000) * 1_000_000)
