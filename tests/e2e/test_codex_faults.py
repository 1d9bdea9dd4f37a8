"""A Codex app-server that does what the real one never would: the server stays, and the turn goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn

FAKE = Path(__file__).parents[1] / "fakes" / "agents" / "codex_app_server.py"


@pytest.fixture
async def session(rig: Rig, client: Client) -> dict[str, Any]:
    rig.configure(
        f'default_profile = "codex"\n[profiles.codex]\ndriver = "codex"\n'
        f"argv = {json.dumps([sys.executable, str(FAKE)])}\n"
    )
    return await make_session(client, await make_lane(client, rig))


def delta(text: str, item: str = "m", thread: str = "$THREAD", turn: str = "$TURN") -> dict[str, Any]:
    params = {"threadId": thread, "turnId": turn, "itemId": item, "delta": text}
    return {"frame": {"method": "item/agentMessage/delta", "params": params}}


def item(phase: str, **fields: Any) -> dict[str, Any]:
    params = {"threadId": "$THREAD", "turnId": "$TURN", "item": fields}
    return {"frame": {"method": f"item/{phase}", "params": params}}


COMMAND: dict[str, Any] = {"type": "commandExecution", "id": "c1", "command": "ls"}
ENDED: dict[str, Any] = {**COMMAND, "status": "completed", "aggregatedOutput": "out\n", "exitCode": 0}
COMPLETED = {"frame": {"method": "turn/completed", "params": {"threadId": "$THREAD", "turn": {"id": "$TURN"}}}}

MISBEHAVIOUR: dict[str, list[dict[str, Any]]] = {
    "answers the prompt at its end": [{"unanswered": True}, {"say": "early "}],
    "ends a command before it began": [item("completed", **ENDED), item("started", **COMMAND, status="inProgress")],
    "tells all twice": [item("completed", **ENDED)] * 2,
    "ends twice": [{"say": "x"}, {"say": "End."}, COMPLETED, COMPLETED],
    "speaks for another thread": [delta("I am another session", thread="someone-else")],
    "ends another thread's turn": [
        {"frame": {"method": "turn/completed", "params": {"threadId": "x", "turn": {"id": "$TURN"}}}}
    ],
    "ends a turn that it never began": [
        {"frame": {"method": "turn/completed", "params": {"threadId": "$THREAD", "turn": {"id": "?"}}}}
    ],
    "prints what is no message": [{"raw": "npm warn"}, {"raw": "\x1b[2J"}, {"raw": "[1, 2]"}, {"raw": "{" * 500}],
    "sends fields of other types": [
        item("started", type=7, id=[]),
        item("completed", type="commandExecution", id="c", command={"x": 1}, exitCode="0", commandActions="no"),
        item("completed", type="fileChange", id="f", changes=[1, {"path": 2}, {"path": "/p", "kind": 3, "diff": 4}]),
        {"frame": {"method": "turn/plan/updated", "params": {"threadId": "$THREAD", "plan": {"step": 1}}}},
        {
            "frame": {
                "method": "thread/tokenUsage/updated",
                "params": {"threadId": "$THREAD", "tokenUsage": {"total": 3}},
            }
        },
        {"frame": {"method": "error", "params": {"threadId": "$THREAD", "error": "text", "willRetry": True}}},
        {"frame": {"method": "item/started", "params": 5}},
    ],
    "asks for what nobody offered": [{"frame": {"id": 900, "method": "item/tool/call", "params": {}}}],
    "says a line of 5 MB": [{"huge": 5_000_000}],
    "answers what was never asked": [{"frame": {"id": 999, "result": {}}}, {"frame": {"id": "x", "error": {}}}],
    "speaks of things to come": [item("completed", type="hologram", id="h"), {"frame": {"method": "time/travelled"}}],
    "goes on after its end": [{"say": "x"}, {"say": "End."}, {"end": "completed"}, item("completed", **ENDED)],
}


async def test_an_app_server_that_misbehaves_goes_on(client: Client, session: dict[str, Any]) -> None:
    for what, steps in MISBEHAVIOUR.items():
        turn_id = await prompt(client, session, script(*steps, {"say": "End."}))
        topic, turn = await wait_turn(client, turn_id)
        assert (topic, turn["stop_reason"]) == ("turn.completed", "end_turn"), what
        items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
        said = "".join(item["text"] for item in items if item["kind"] == "message")
        assert "End." in said, what
        assert "I am another session" not in said
        assert "in_progress" not in {item["status"] for item in items}
    shown = (await client.call("session.get", session_id=session["session_id"]))["session"]
    assert (shown["status"], shown["process_id"]) == ("attached", session["process_id"])


async def test_a_question_survives_the_server(rig: Rig, client: Client, session: dict[str, Any]) -> None:
    turn_id = await prompt(client, session, script({"say": "I ask. "}, {"ask": 41}, {"say": " Done."}))
    approval = (await client.wait("approval.requested"))["approval"]
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    await again.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "reject_once"})
    assert (await wait_turn(again, turn_id))[0] == "turn.completed"
    items = (await again.call("item.list", {"turn_id": turn_id}))["items"]
    assert '{"decision": "decline"}' in "".join(item["text"] for item in items if item["kind"] == "message")
    await again.close()
