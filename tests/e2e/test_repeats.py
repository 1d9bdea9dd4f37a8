"""A command with an envelope_id that was accepted is answered again, whatever the world looks like by then."""

from __future__ import annotations

import asyncio

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import make_lane, make_session, prompt, script, wait_turn


async def test_a_repeat_is_answered_when_what_it_was_about_is_gone(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    terminal = (await client.call("terminal.spawn", {"argv": ["true"]}, lane_id=lane["lane_id"]))["terminal"]
    await client.wait("terminal.closed")
    delete = {"envelope_id": "delete-1", "correlation_id": "c-1", "terminal_id": terminal["terminal_id"], "payload": {}}
    first = await client.request("terminal.delete", delete)
    assert await client.request("terminal.delete", delete) == first
    cleanup = {"envelope_id": "cleanup-1", "correlation_id": "c-2", "lane_id": lane["lane_id"], "payload": {}}
    first = await client.request("lane.cleanup", cleanup)
    await client.wait("lane.cleaned")
    assert await client.request("lane.cleanup", cleanup) == first
    with pytest.raises(RpcError) as refused:
        await client.request("lane.cleanup", {**cleanup, "payload": {"force": True}})
    assert refused.value.code == "ENVELOPE_ID_REUSED"


async def test_repeats_in_flight_make_one_lane(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    create = {
        "envelope_id": "create-1",
        "correlation_id": "c-3",
        "workspace_id": lane["workspace_id"],
        "payload": {"name": "Once"},
    }
    answers = await asyncio.gather(*[client.request("lane.create", create) for _ in range(5)])
    assert all(answer == answers[0] for answer in answers)
    assert len((await client.call("lane.list"))["lanes"]) == 2


async def test_all_that_a_prompt_causes_carries_its_correlation(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    sent = {"correlation_id": "mine", "session_id": session["session_id"]}
    turn = (await client.request("turn.create", {**sent, "payload": {"prompt": script({"say": "Hello."})}}))["payload"][
        "turn"
    ]
    await wait_turn(client, turn["turn_id"])
    caused = [
        frame["method"]
        for frame in client.notifications
        if frame["method"].startswith(("turn.", "item.")) and frame["params"]["correlation_id"] != "mine"
    ]
    assert caused == []
    other = await prompt(client, session, script({"say": "Other."}))
    await wait_turn(client, other)
