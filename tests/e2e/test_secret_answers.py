"""An answer to a secret question reaches the agent, and nothing that is kept."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import make_lane, make_session, prompt, script, wait_turn

SECRET = "correct horse battery staple"


async def test_a_secret_answer_is_told_and_not_kept(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    schema = {
        "type": "object",
        "properties": {
            "user": {"type": "string", "title": "Who?"},
            "token": {"type": "string", "title": "Token?", "format": "password"},
        },
        "required": ["user", "token"],
    }
    params = {"sessionId": session["agent_session_id"], "mode": "form", "message": "Log in", "requestedSchema": schema}
    turn_id = await prompt(client, session, script({"request": {"method": "elicitation/create", "params": params}}))
    approval = (await client.wait("approval.requested"))["approval"]
    assert [bool(question.get("secret")) for question in approval["questions"]] == [False, True]
    names = [question["question_id"] for question in approval["questions"]]
    approval_id = approval["approval_id"]
    half = [{"question_id": names[0], "values": ["ada"]}]
    with pytest.raises(RpcError) as refused:
        await client.call("approval.resolve", {"approval_id": approval_id, "answers": half})
    assert refused.value.code == "ANSWER_REFUSED"
    answers = [*half, {"question_id": names[1], "values": [SECRET]}]
    resolved = (await client.call("approval.resolve", {"approval_id": approval_id, "answers": answers}))["approval"]
    assert resolved["decision"]["answers"] == half
    topic, turn = await wait_turn(client, turn_id)
    # This agent repeats what it was told, which no good one does; whatever else is kept must not hold it.
    assert topic == "turn.completed" and SECRET in turn["summary"]
    with contextlib.closing(sqlite3.connect(f"file:{rig.folder / 's' / 'log.db'}?mode=ro", uri=True)) as log:
        tables = [name for (name,) in log.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = {table: [row for row in log.execute(f"SELECT * FROM {table}") if SECRET in str(row)] for table in tables}
    assert {"writes", "responses", "audit"} <= kept.keys()
    assert {table for table, rows in kept.items() if rows} == {"events", "entities"}
    assert {row[1].split(".")[0] for row in kept["events"]} == {"item", "turn"}, "the agent's own words"
    assert {row[0] for row in kept["entities"]} == {"item", "turn"}
    assert SECRET not in rig.read_log()
