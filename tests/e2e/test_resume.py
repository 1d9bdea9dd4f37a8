"""A session goes on in a new process of its agent, and only where there is something to go on with."""

from __future__ import annotations

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn


async def test_a_session_that_was_never_prompted_starts_afresh(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await client.call("session.detach", session_id=session["session_id"])
    detached = (await client.wait("session.detached"))["session"]
    assert "agent_session_id" not in detached
    topic, turn = await wait_turn(client, await prompt(client, session, script({"say": "Hello."})))
    assert (topic, turn["summary"]) == ("turn.completed", "Hello.")


async def test_a_session_that_was_prompted_is_resumed(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await wait_turn(client, await prompt(client, session, script({"say": "One."})))
    await client.call("session.detach", session_id=session["session_id"])
    detached = (await client.wait("session.detached"))["session"]
    assert detached["agent_session_id"] == session["agent_session_id"]
    topic, turn = await wait_turn(client, await prompt(client, session, script({"say": "Two."})))
    assert (topic, turn["summary"]) == ("turn.completed", "Two.")
    attached = client.payloads("session.attached")[-1]["session"]
    assert attached["agent_session_id"] == session["agent_session_id"]
