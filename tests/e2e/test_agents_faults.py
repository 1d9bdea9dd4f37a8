"""Agents that do what no good agent does: each has one clear error, and the rest keeps working."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, RpcError, make_clean_rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn

FAKES = Path(__file__).parents[1] / "fakes" / "agents"
PROGRAMS = (
    "exits_at_once",
    "prints_no_protocol",
    "overlong_line",
    "never_answers",
    "speaks_another_version",
    "wants_login",
    "floods_stderr",
    "answers_out_of_order",
    "ignores_cancel",
)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with make_clean_rig() as rig:
        fakes = "".join(
            f"[profiles.{name}]\nargv = {json.dumps([sys.executable, str(FAKES / f'{name}.py')])}\n"
            for name in PROGRAMS
        )
        rig.configure(
            f'default_profile = "demo"\n{fakes}'
            f"[profiles.missing]\nargv = ['/nonexistent/agent']\n[profiles.folder]\nargv = ['{rig.folder}']\n"
        )
        rig.start(AGENTLANES_HANDSHAKE_SECONDS="2")
        yield rig


@pytest.fixture
async def lane(rig: Rig, client: Client) -> AsyncIterator[dict[str, Any]]:
    """A lane in which, whatever went wrong in it, another agent works and nothing is left of the first."""
    lane = await make_lane(client, rig)
    yield lane
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, script({"say": "still here"}))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "still here")
    for each in (await client.call("session.list"))["sessions"]:
        if each["status"] != "terminated":
            await client.call("session.terminate", session_id=each["session_id"])
    for _ in range(500):
        if not rig.find_marked(lane["lane_id"]):
            break
        await asyncio.sleep(0.02)
    assert not rig.find_marked(lane["lane_id"])


async def refuse(client: Client, lane: dict[str, Any], profile: str) -> dict[str, Any]:
    """The session whose agent could not be attached."""
    session = (await client.call("session.create", {"profile": profile}, lane_id=lane["lane_id"]))["session"]
    topic, payload = await client.wait_one_of(
        {
            "session.attached": lambda payload: payload["session"]["session_id"] == session["session_id"],
            "session.attach.failed": lambda payload: payload["session"]["session_id"] == session["session_id"],
        }
    )
    assert topic == "session.attach.failed", payload
    failed: dict[str, Any] = payload["session"]
    return failed


UNATTACHABLE = (
    ("missing", "AGENT_START_FAILED", "/nonexistent/agent"),
    ("folder", "AGENT_START_FAILED", ""),
    ("exits_at_once", "AGENT_EXITED", "exit code 0"),
    ("prints_no_protocol", "AGENT_PROTOCOL_ERROR", "no messages of its protocol"),
    ("overlong_line", "AGENT_PROTOCOL_ERROR", "64 MiB"),
    ("never_answers", "AGENT_SILENT", "silent for 2 s"),
    ("speaks_another_version", "AGENT_PROTOCOL_ERROR", "versions 1 to 2"),
    ("wants_login", "AGENT_REFUSED", "log in"),
)


async def test_agents_that_cannot_be_attached(client: Client, lane: dict[str, Any]) -> None:
    for profile, code, told in UNATTACHABLE:
        session = await refuse(client, lane, profile)
        assert session["status"] == "detached" and "operation" not in session
        assert session["problem"]["code"] == code, profile
        assert told in session["problem"]["message"]
        assert "process_id" not in session
        assert await no_process_of(client, session["session_id"])
    failures = [payload["session"]["profile"] for payload in client.payloads("session.attach.failed")]
    assert failures == [profile for profile, _, _ in UNATTACHABLE]


async def no_process_of(client: Client, session_id: str) -> bool:
    processes = (await client.call("process.list"))["processes"]
    running = [each for each in processes if each.get("session_id") == session_id and each["status"] == "running"]
    return not running


async def test_what_an_agent_said_before_it_exited_is_told(client: Client, lane: dict[str, Any]) -> None:
    problem = (await refuse(client, lane, "exits_at_once"))["problem"]
    assert problem["details"]["stderr"] == "fatal: no configuration\n"


async def test_a_profile_that_nobody_wrote(client: Client, lane: dict[str, Any]) -> None:
    with pytest.raises(RpcError) as refused:
        await client.call("session.create", {"profile": "unwritten"}, lane_id=lane["lane_id"])
    assert refused.value.code == "PROFILE_NOT_FOUND"
    assert "missing" in str(refused.value.details)


async def test_a_prompt_waits_for_an_agent_that_could_not_start(rig: Rig, client: Client, lane: dict[str, Any]) -> None:
    program = rig.folder / "agent"
    rig.configure(f"[profiles.late]\nargv = ['{program}', 'demo-agent']\n")
    session = await refuse(client, lane, "late")
    turn_id = await prompt(client, session, script({"say": "at last"}))
    await client.wait("session.attach.failed", lambda p: p["session"]["updated_at"] > session["updated_at"])
    assert (await client.call("turn.get", {"turn_id": turn_id}))["turn"]["status"] == "queued"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agentlanes "$@"\n')
    program.chmod(0o700)
    await client.call("session.attach", session_id=session["session_id"])
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "at last")


async def test_an_agent_that_floods_its_errors(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, profile="floods_stderr")
    turn_id = await prompt(client, session, "work")
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"


async def test_an_agent_that_speaks_out_of_order_and_for_others(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, profile="answers_out_of_order")
    assert session["agent_session_id"] == "mixed"
    for _ in range(2):
        turn_id = await prompt(client, session, "work")
        topic, turn = await wait_turn(client, turn_id)
        assert (topic, turn["stop_reason"]) == ("turn.completed", "end_turn")
        items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
        said = "".join(item["text"] for item in items if item["kind"] == "message")
        assert said in ("first; third", "first; thirdlate")
        assert {item["status"] for item in items} == {"completed"}


async def test_an_agent_that_hears_no_cancel_ends_with_its_session(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, profile="ignores_cancel")
    turn_id = await prompt(client, session, "work")
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    await client.call("turn.interrupt", {"turn_id": turn_id})
    await client.call("session.detach", session_id=session["session_id"])
    assert (await wait_turn(client, turn_id))[0] == "turn.interrupted"
    await client.wait("session.detached", lambda p: p["session"]["session_id"] == session["session_id"])


FAILING: tuple[tuple[list[dict[str, Any]], str, str], ...] = (
    ([{"fail": {"code": -32000, "message": "over quota"}}], "turn.failed", "AGENT_REFUSED"),
    ([{"say": "so far"}, {"crash": {"exit": 3}}], "turn.interrupted", "AGENT_EXITED"),
    ([{"say": "so far"}, {"crash": {"signal": 11}}], "turn.interrupted", "AGENT_EXITED"),
    ([{"garbage": {"n": 20_000}}, {"wait": True}], "turn.interrupted", "AGENT_PROTOCOL_ERROR"),
)


async def test_an_agent_that_fails_in_a_turn_can_be_prompted_again(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane)
    for steps, topic, code in FAILING:
        turn_id = await prompt(client, session, script(*steps))
        ended = await wait_turn(client, turn_id)
        assert (ended[0], ended[1]["problem"]["code"]) == (topic, code)
        items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
        assert "in_progress" not in {item["status"] for item in items}
        again = await prompt(client, session, script({"say": "again"}))
        topic, turn = await wait_turn(client, again)
        assert (topic, turn["summary"]) == ("turn.completed", "again")


@pytest.mark.parametrize("end", [{"crash": {"exit": 3}}, {"crash": {"signal": 9}}, {"garbage": {"n": 20_000}}])
async def test_what_an_agent_said_before_its_end_is_kept(
    client: Client, lane: dict[str, Any], end: dict[str, Any]
) -> None:
    session = await make_session(client, lane)
    steps: list[dict[str, Any]] = [
        {"pace": 30},
        {"say": "word " * 10},
        {"think": "some thought"},
        {"say": "more " * 10},
    ]
    turn_id = await prompt(client, session, script(*steps, end, {"wait": True}))
    assert (await wait_turn(client, turn_id))[0] == "turn.interrupted"
    items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
    assert [item["text"] for item in items if item["kind"] in ("message", "thought")] == [
        "word " * 10,
        "some thought",
        "more " * 10,
    ]


MISBEHAVIOUR: tuple[list[dict[str, Any]], ...] = (
    [{"garbage": {"n": 50}}, {"garbage": {"text": "\x1b[2J\u0000"}}],
    [{"huge": 5_000_000}],
    [{"stderr": 400_000}],
    [{"frame": {"jsonrpc": "2.0", "id": 999, "result": {"stopReason": "end_turn"}}}],
    [{"frame": {"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "no"}}}],
    [{"frame": [1, 2]}, {"frame": {"method": 7}}, {"frame": "text"}, {"frame": {"jsonrpc": "2.0"}}],
    [
        {
            "frame": {
                "jsonrpc": "2.0",
                "method": "session/update",
                "params": {
                    "sessionId": "someone-else",
                    "update": {
                        "sessionUpdate": "agent_message_chunk",
                        "content": {"type": "text", "text": "I am another session"},
                    },
                },
            }
        }
    ],
    [{"request": {"method": "fs/write_text_file", "params": {"path": "/etc/passwd", "content": "x"}}}],
    [{"request": {"method": "terminal/create", "params": {"command": "rm"}}}],
    [{"update": {"sessionUpdate": "of_a_kind_to_come", "content": {}}}],
    [{"update": {"sessionUpdate": "tool_call_update", "toolCallId": "never-seen", "status": "completed"}}],
    [{"late": [{"say": "too late"}]}],
)


async def test_an_agent_that_misbehaves_goes_on(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane)
    for steps in MISBEHAVIOUR:
        turn_id = await prompt(client, session, script(*steps, {"say": "End."}))
        topic, turn = await wait_turn(client, turn_id)
        assert (topic, turn["stop_reason"]) == ("turn.completed", "end_turn"), steps
        items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
        said = "".join(item["text"] for item in items if item["kind"] == "message")
        assert "End." in said
        assert "I am another session" not in said
    shown = (await client.call("session.get", session_id=session["session_id"]))["session"]
    assert (shown["status"], shown["process_id"]) == ("attached", session["process_id"])
