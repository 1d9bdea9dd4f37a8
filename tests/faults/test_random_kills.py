"""Agents that talk while the server dies again and again, at moments that nobody chose: every word is there, once."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from random import Random
from typing import Any, NamedTuple

import pytest

from e2e.rig import Client, Rig, make_clean_rig
from e2e.story import add_lane, list_items, make_lane, make_session, script, wait_turn
from kernel.driving import number_id

pytestmark = pytest.mark.faults

SESSIONS = 3
KILLS = 60 if os.environ.get("AGENTLANES_FAULTS") == "all" else 5
OPEN = ("queued", "running", "waiting")


class Told(NamedTuple):
    """What an agent was told to say."""

    words: str
    end: str
    pace: int
    """Milliseconds between two words."""


@pytest.fixture
def rig() -> Iterator[Rig]:
    with make_clean_rig() as rig:
        rig.start()
        yield rig


@contextlib.asynccontextmanager
async def come_back(rig: Rig) -> AsyncIterator[Client]:
    """A peer of whichever server runs now."""
    client = await rig.connect()
    try:
        await client.call("event.subscribe")
        yield client
    finally:
        await client.close()


async def list_turns(client: Client) -> list[str]:
    """The ids of all turns that there ever were."""
    ids: list[str] = []
    page: dict[str, Any] = {}
    while True:
        found = await client.call("turn.list", {"limit": 100, **page})
        ids += [turn["turn_id"] for turn in found["turns"]]
        if found.get("next_cursor") is None:
            return ids
        page = {"cursor": found["next_cursor"]}


class Crowd:
    """Sessions that are prompted again and again, with one prompt ahead of each agent."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._sessions: list[str] = []
        self._unanswered: dict[str, str] = {}
        """Turns that the server may have or not, with their sessions."""
        self.told: dict[str, Told] = {}

    async def gather(self, rig: Rig, client: Client) -> None:
        lane = await make_lane(client, rig)
        for number in range(SESSIONS):
            if number:
                lane = await add_lane(client, lane["workspace_id"], f"Lane {number}")
            self._sessions.append((await make_session(client, lane))["session_id"])

    async def keep_busy(self, client: Client) -> None:
        """Until the server is gone."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self.repeat(client)
                for session_id in self._sessions:
                    turns = (await client.call("turn.list", {"limit": 10}, session_id=session_id))["turns"]
                    if sum(turn["status"] in OPEN for turn in turns) < 2:
                        await self._prompt(client, session_id)
                await asyncio.sleep(self._random.uniform(0, 0.1))

    async def repeat(self, client: Client) -> None:
        """What a server died of is asked of the next one in the same words."""
        for turn_id, session_id in list(self._unanswered.items()):
            await self._send(client, turn_id, session_id)

    async def _prompt(self, client: Client, session_id: str) -> None:
        number = len(self.told)
        words = " ".join(f"{number}:{each}" for each in range(self._random.choice((20, 150, 400))))
        pace = self._random.choice((0, 1, 2))
        turn_id = number_id("turn", number + 1)
        self.told[turn_id] = Told(words, f"End of {number}.", pace)
        self._unanswered[turn_id] = session_id
        await self._send(client, turn_id, session_id)

    async def _send(self, client: Client, turn_id: str, session_id: str) -> None:
        told = self.told[turn_id]
        text = script({"pace": told.pace}, {"say": told.words}, {"run": ["echo", turn_id]}, {"say": told.end})
        ids = {"session_id": session_id, "correlation_id": turn_id, "envelope_id": turn_id}
        await client.call("turn.create", {"turn_id": turn_id, "prompt": text}, **ids)
        del self._unanswered[turn_id]


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_word_of_every_turn_is_there_once(rig: Rig, seed: int) -> None:
    random = Random(seed)
    crowd = Crowd(random)
    async with come_back(rig) as client:
        await crowd.gather(rig, client)
    for _ in range(KILLS):
        async with come_back(rig) as client:
            busy = asyncio.create_task(crowd.keep_busy(client))
            await asyncio.sleep(random.uniform(0.05, 1.0))
            rig.kill()
            await busy
        rig.start()
    async with come_back(rig) as client:
        await crowd.repeat(client)
        for turn_id, told in crowd.told.items():
            turn = (await client.call("turn.get", {"turn_id": turn_id}))["turn"]
            if turn["status"] in OPEN:
                _, turn = await wait_turn(client, turn_id)
            assert turn["status"] == "completed", turn
            items = await list_items(client, turn_id)
            assert [item["kind"] for item in items] == ["message", "tool_call", "message"]
            assert [item["status"] for item in items] == ["completed"] * 3
            assert [item["text"] for item in items if item["kind"] == "message"] == [told.words, told.end]
        turns = await list_turns(client)
        assert sorted(turns) == sorted(crowd.told), "what was asked twice was done once"
