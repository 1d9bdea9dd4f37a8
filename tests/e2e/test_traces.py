"""What a real turn was made of: as trace.list tells it, and as spans that OpenTelemetry's own reader takes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from e2e.rig import Client, Rig, RpcError
from e2e.story import make_lane, make_session, prompt, script, wait_turn

STEPS = script(
    {"think": "Pears."},
    {"run": ["sh", "-c", "echo three; exit 3"]},
    {"write": {"path": "pears.txt", "text": "3\n", "ask": False}},
    {"say": "There are three."},
)


def run_cli(rig: Rig, *arguments: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "agentlanes", *arguments], env=rig.env, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def read_otlp(text: bytes) -> ExportTraceServiceRequest:
    """OTLP's JSON has ids in hex where protobuf's own has base64; otherwise they are the same."""

    def convert(node: Any) -> Any:
        if isinstance(node, dict):
            ids = ("traceId", "spanId", "parentSpanId")
            return {
                key: base64.b64encode(bytes.fromhex(value)).decode() if key in ids else convert(value)
                for key, value in node.items()
            }
        return [convert(value) for value in node] if isinstance(node, list) else node

    return json_format.ParseDict(convert(json.loads(text)), ExportTraceServiceRequest())


async def test_a_turn_is_traced(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, STEPS)
    await wait_turn(client, turn_id)
    traces = (await client.call("trace.list", {"turn_id": turn_id}))["traces"]
    root, *below = traces
    assert (root["type"], root["id"], root["agent_id"]) == ("LLM_PROMPT", turn_id, "demo")
    assert root["tokens_used"] > 0 and root["duration_ms"] >= 0
    assert {entry["parent_id"] for entry in below} == {turn_id}
    assert [entry["type"] for entry in below] == ["RESPONSE", "TOOL_CALL", "TOOL_CALL", "RESPONSE"]
    assert "error" in below[1] and "error" not in below[2]
    assert below[3]["content"]["content"] == "There are three."
    second = await prompt(client, session, script({"say": "again"}))
    await wait_turn(client, second)
    page = await client.call("trace.list", {"limit": 1}, session_id=session["session_id"])
    assert page["traces"] == traces
    rest = await client.call("trace.list", {"cursor": page["next_cursor"]}, session_id=session["session_id"])
    assert {entry["command_id"] for entry in rest["traces"]} == {second} and "next_cursor" not in rest
    told = json.loads(run_cli(rig, "trace", session["session_id"]))["traces"]
    assert told == [*traces, *rest["traces"]]
    for payload, code in (({}, "TRACE_NOT_NAMED"), ({"turn_id": turn_id[:-2] + "ZZ"}, "TURN_NOT_FOUND")):
        with pytest.raises(RpcError) as refused:
            await client.call("trace.list", payload)
        assert refused.value.code == code


async def test_spans_are_what_opentelemetry_reads(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, STEPS)
    await wait_turn(client, turn_id)
    turn = (await client.call("turn.get", {"turn_id": turn_id}))["turn"]
    request = read_otlp(run_cli(rig, "trace", turn_id, "--format", "otel"))
    (scope,) = request.resource_spans[0].scope_spans
    root, failed, written = scope.spans
    assert [span.name for span in scope.spans] == ["invoke_agent demo", "execute_tool execute", "execute_tool edit"]
    assert {span.trace_id for span in scope.spans} == {root.trace_id} and len(root.trace_id) == 16
    assert root.parent_span_id == b"" and {failed.parent_span_id, written.parent_span_id} == {root.span_id}
    assert (failed.status.code, written.status.code) == (2, 0)
    assert root.start_time_unix_nano <= failed.start_time_unix_nano <= failed.end_time_unix_nano
    attributes = {attribute.key: attribute.value for attribute in root.attributes}
    assert attributes["gen_ai.operation.name"].string_value == "invoke_agent"
    assert attributes["gen_ai.conversation.id"].string_value == session["agent_session_id"]
    assert attributes["gen_ai.usage.output_tokens"].int_value == turn["usage"]["output_tokens"]
    (said,) = json.loads(attributes["gen_ai.input.messages"].string_value)
    assert said == {"role": "user", "parts": [{"type": "text", "content": turn["prompt"]}]}
    (answer,) = json.loads(attributes["gen_ai.output.messages"].string_value)
    assert (answer["role"], answer["finish_reason"]) == ("assistant", "stop")
    kinds = [part["type"] for part in answer["parts"]]
    assert kinds == ["reasoning", *["tool_call", "tool_call_response"] * 2, "text"]
