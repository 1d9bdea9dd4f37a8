"""Programs that are started as Claude Code and are not, or are it and do what it never does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, make_clean_rig
from e2e.story import make_lane, make_session, prompt, wait_turn

FAKES = Path(__file__).parents[1] / "fakes" / "agents"
PROGRAMS = ("never_answers", "prints_no_protocol", "floods_stderr", "misbehaves_as_claude")


@pytest.fixture
def rig() -> Iterator[Rig]:
    with make_clean_rig() as rig:
        tables = (
            f'[profiles.{name}]\ndriver = "stream_json"\n'
            f"argv = {json.dumps([sys.executable, '-P', str(FAKES / f'{name}.py')])}\n"
            for name in PROGRAMS
        )
        rig.configure("".join(tables))
        rig.start(AGENTLANES_HANDSHAKE_SECONDS="2")
        yield rig


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("never_answers", "AGENT_SILENT"),
        ("prints_no_protocol", "AGENT_PROTOCOL_ERROR"),
        ("floods_stderr", "AGENT_SILENT"),
    ],
)
async def test_what_is_not_claude_is_given_up(client: Client, rig: Rig, program: str, code: str) -> None:
    lane = await make_lane(client, rig)
    await client.call("session.create", {"profile": program}, lane_id=lane["lane_id"])
    failed = (await client.wait("session.attach.failed"))["session"]
    assert failed["problem"]["code"] == code


async def list_items(client: Client, turn: dict[str, Any]) -> list[dict[str, Any]]:
    page = await client.call("item.list", {"turn_id": turn["turn_id"], "limit": 200}, session_id=turn["session_id"])
    items: list[dict[str, Any]] = page["items"]
    return items


async def test_what_it_never_does_is_kept_bounded_and_the_turn_ends(client: Client, rig: Rig) -> None:
    session = await make_session(client, await make_lane(client, rig), profile="misbehaves_as_claude")
    topic, turn = await wait_turn(client, await prompt(client, session, "oddities"))
    assert (topic, turn["summary"]) == ("turn.completed", "End.")
    items = await list_items(client, turn)
    notices = "\n".join(item["text"] for item in items if item["kind"] == "notice")
    for word in ("no json at all", "of_a_kind_to_come", "a request without an id", "without a type"):
        assert word in notices
    (huge,) = [item for item in items if item["kind"] == "tool_call"]
    assert len(json.dumps(huge)) < 1_000_000 and huge["text"].endswith("z" * 100)
    state = (await client.call("session.get", session_id=session["session_id"]))["session"]
    assert state["status"] == "attached"


async def test_requests_that_nobody_offered_are_refused_and_a_flood_of_them_is_not_asked(
    client: Client, rig: Rig
) -> None:
    session = await make_session(client, await make_lane(client, rig), profile="misbehaves_as_claude")
    turn_id = await prompt(client, session, "requests")
    await client.wait("item.started", lambda payload: (payload["item"].get("text") or "").startswith("told"))
    approvals = (await client.call("approval.list", {"status": "pending"}))["approvals"]
    assert len(approvals) == 100
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, turn = await wait_turn(client, turn_id)
    assert topic == "turn.interrupted"
    (message,) = [item for item in await list_items(client, turn) if item["kind"] == "message"]
    assert message["text"] == "told 1 error, 20 denials"
    assert not (await client.call("approval.list", {"status": "pending"}))["approvals"]


async def test_an_end_without_words_is_the_agents_end(client: Client, rig: Rig) -> None:
    session = await make_session(client, await make_lane(client, rig), profile="misbehaves_as_claude")
    topic, turn = await wait_turn(client, await prompt(client, session, "leave"))
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "AGENT_EXITED")
    assert turn["problem"]["details"]["exit_code"] == 7 and "gone" in turn["problem"]["details"]["stderr"]
