"""The queue of a session: its order, its edits, and a prompt that takes the running one's place."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import make_lane, make_session, prompt, script, wait_turn


async def list_queue(client: Client, session: dict[str, Any]) -> list[str]:
    """Turns in the order in which they will run, a page of two at a time."""
    found: list[str] = []
    page: dict[str, Any] = {"next_cursor": None}
    while "next_cursor" in page:
        query = {"status": "queued", "limit": 2, "cursor": page["next_cursor"]}
        page = await client.call("turn.list", query, session_id=session["session_id"])
        found += [turn["turn_id"] for turn in page["turns"]]
    return found


async def test_a_queue_is_reordered_and_edited_and_runs_as_it_is_shown(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    first = await prompt(client, session, script({"wait": True}))
    await client.wait("turn.started")
    ids = [await prompt(client, session, script({"say": "a"}), priority=n) for n in (50, 50, 90, 10, 50)]
    a, b, c, d, e = ids
    assert await list_queue(client, session) == [c, a, b, e, d]
    await client.call("turn.move", {"turn_id": d, "before": a})
    await client.call("turn.move", {"turn_id": e, "to": "first"})
    await client.call("turn.update", {"turn_id": b, "priority": 60, "prompt": script({"say": "edited"})})
    assert await list_queue(client, session) == [e, c, b, d, a]
    rig.kill()
    await client.close()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe")
    assert await list_queue(again, session) == [e, c, b, d, a]
    with pytest.raises(RpcError) as refused:
        await again.call("turn.update", {"turn_id": first, "prompt": "too late"})
    assert refused.value.code == "TURN_NOT_QUEUED"
    assert "turn.replace" in str(refused.value)
    await again.call("turn.interrupt", {"turn_id": first})
    await wait_turn(again, a)
    started = [payload["turn"]["turn_id"] for payload in again.payloads("turn.started")]
    assert started == [e, c, b, d, a]
    assert (await again.call("turn.get", {"turn_id": b}))["turn"]["summary"] == "edited"
    await again.close()


async def test_a_prompt_takes_the_place_of_the_running_one(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    first = await prompt(client, session, script({"wait": True}))
    await client.wait("turn.started")
    waiting = await prompt(client, session, script({"say": "later"}), priority=100)
    receipt = await client.call("turn.replace", {"turn_id": first, "prompt": script({"say": "instead"})})
    assert receipt["interrupted"] and receipt["replaced"]["turn_id"] == first
    assert receipt["replaced"]["interrupt"]["actor"] == "client/test"
    assert (receipt["turn"]["replaces"], receipt["turn"]["status"]) == (first, "queued")
    assert (await wait_turn(client, first))[0] == "turn.interrupted"
    topic, turn = await wait_turn(client, receipt["turn"]["turn_id"])
    assert (topic, turn["summary"]) == ("turn.completed", "instead")
    await wait_turn(client, waiting)
    started = [payload["turn"]["turn_id"] for payload in client.payloads("turn.started")]
    assert started == [first, turn["turn_id"], waiting]


async def test_the_late_end_of_a_replaced_turn_ends_no_other(rig: Rig, client: Client) -> None:
    """Turns end by themselves at the very moment at which they are replaced."""
    session = await make_session(client, await make_lane(client, rig))
    interrupted = []
    for number in range(30):
        first = await prompt(client, session, script({"sleep": 0.002 * (number % 5)}, {"say": "by itself"}))
        receipt = await client.call("turn.replace", {"turn_id": first, "prompt": script({"say": f"new {number}"})})
        topic, turn = await wait_turn(client, receipt["turn"]["turn_id"])
        assert (topic, turn["summary"]) == ("turn.completed", f"new {number}")
        ended = (await client.call("turn.get", {"turn_id": first}))["turn"]
        assert ended["status"] in ("completed", "interrupted")
        interrupted.append(receipt["interrupted"])
    assert any(interrupted)


async def test_two_users_replace_one_turn(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    first = await prompt(client, session, script({"wait": True}))
    await client.wait("turn.started")
    other = await rig.connect("other")
    receipts = await asyncio.gather(
        client.call("turn.replace", {"turn_id": first, "prompt": script({"say": "mine"})}),
        other.call("turn.replace", {"turn_id": first, "prompt": script({"say": "yours"})}),
    )
    for receipt in receipts:
        assert receipt["interrupted"]
        assert (await wait_turn(client, receipt["turn"]["turn_id"]))[0] == "turn.completed"
    assert (await wait_turn(client, first))[0] == "turn.interrupted"
    await other.close()


async def test_a_prompt_that_comes_while_the_session_detaches_is_run(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    for number in range(3):
        detached = client.call("session.detach", session_id=session["session_id"])
        prompted = client.call(
            "turn.create", {"prompt": script({"say": f"{number}"})}, session_id=session["session_id"]
        )
        _, answer = await asyncio.gather(detached, prompted)
        topic, turn = await wait_turn(client, answer["turn"]["turn_id"])
        assert (topic, turn["summary"]) == ("turn.completed", f"{number}")
    resumed = (await client.call("session.get", session_id=session["session_id"]))["session"]
    assert resumed["agent_session_id"] == session["agent_session_id"]


async def test_a_running_turn_is_steered(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    assert session["offer"]["steer"]
    turn_id = await prompt(client, session, script({"heed": True}, {"heed": True}, {"say": "Done."}))
    await client.wait("turn.started")
    for number, text in enumerate(("in Rust", "and in C"), 1):
        steered = (await client.call("turn.steer", {"turn_id": turn_id, "prompt": text}))["turn"]
        assert [steer["number"] for steer in steered["steers"]] == list(range(1, number + 1))
        await client.wait("item.delta", lambda p: "Heeded" in p["data"])
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "Done.")
    assert all("problem" not in steer and steer["input_n"] > turn["input_n"] for steer in turn["steers"])
    items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
    said = [item["text"] for item in items if item["kind"] == "message"]
    assert said == ["Heeded: in Rust", "Heeded: and in C", "Done."]
    with pytest.raises(RpcError) as refused:
        await client.call("turn.steer", {"turn_id": turn_id, "prompt": "too late"})
    assert refused.value.code == "TURN_NOT_RUNNING"


async def test_what_the_agent_does_not_offer_is_refused(rig: Rig, client: Client) -> None:
    agent = Path(__file__).parents[1] / "fakes" / "agents" / "ignores_cancel.py"
    rig.configure(f"[profiles.plain]\nargv = {json.dumps([sys.executable, str(agent)])}\n")
    session = await make_session(client, await make_lane(client, rig), profile="plain")
    running = await prompt(client, session, "work")
    await client.wait("turn.started")
    with pytest.raises(RpcError) as refused:
        await client.call("turn.steer", {"turn_id": running, "prompt": "more"})
    assert refused.value.code == "STEER_NOT_SUPPORTED"
    assert "turn.replace" in str(refused.value)
    await client.call("session.terminate", session_id=session["session_id"])
    await client.wait("session.terminated")
