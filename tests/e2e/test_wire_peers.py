"""Promise 6: peers that join at any moment, and leave, and come back, all see the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from conformance.agreement import check_agreement
from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn

PEERS = 25
ROUNDS = 30
LAST = "slow words " * 30
BUSY = script(
    {"repeat": {"n": ROUNDS, "steps": [{"say": "some words "}, {"think": "a thought "}, {"run": ["true"]}]}},
    {"pace": 5},
    {"say": LAST},
    {"wait": True},
)


@pytest.fixture(autouse=True)
def patience(rig: Rig) -> None:
    """It does the same again and again, which is no mistake here."""
    rig.configure(f"[watchdog]\nrepeats = {ROUNDS * 10}\n")


@pytest.fixture
async def leaving() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def test_peers_that_join_while_a_turn_streams(rig: Rig, client: Client, leaving: AsyncExitStack) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, BUSY)
    await client.wait("turn.started")
    peers = []
    for n in range(PEERS):
        peer = await rig.connect(f"peer {n}")
        leaving.push_async_callback(peer.close)
        await peer.call("event.subscribe")
        peers.append(peer)
        await asyncio.sleep(0.01)
    for _ in range(1000):
        if any(item.get("text") == LAST for item in client.oracle.mirror.show()["item"].values()):
            break
        await asyncio.sleep(0.01)
    assert len(client.oracle.mirror.show()["item"]) == 3 * ROUNDS + 1
    # The turn is open, so the snapshot has all of it.
    for peer in peers:
        await check_agreement(rig, peer)
    await client.call("turn.interrupt", {"turn_id": turn_id})
    assert (await wait_turn(client, turn_id))[0] == "turn.interrupted"


async def test_a_peer_that_comes_back_again_and_again_misses_nothing(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, BUSY)
    await client.wait("turn.started")
    seq = 0
    frames: list[dict[str, Any]] = []
    for n in range(PEERS):
        peer = await rig.connect(f"visit {n}")
        await peer.call("event.subscribe", {"after_seq": seq})
        await asyncio.sleep(0.01)
        await peer.close()
        logged = [frame["params"] for frame in peer.notifications if "seq" in frame["params"]]
        assert [params["seq"] for params in logged] == list(range(seq + 1, seq + 1 + len(logged)))
        frames += logged
        seq += len(logged)
    await client.call("turn.interrupt", {"turn_id": turn_id})
    await wait_turn(client, turn_id)
    seen = (await client.call("event.list", {"after_seq": 0, "limit": 1000}))["events"]
    assert frames == seen[: len(frames)]
