"""Codex goes back, and hands over: what its model hears is what the log says was kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn
from fakes.models.responses import Responses
from fakes.models.script import write_script
from fakes.models.server import ModelServer
from real_agents.codex_place import configure


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(Responses()) as server:
        yield server


@pytest.fixture(autouse=True)
def profile(rig: Rig, codex: Path, model: ModelServer) -> None:
    configure(rig, codex, model.url)


async def say(client: Client, session: dict[str, Any], words: str, answer: str) -> str:
    """A turn that ends well; its id."""
    turn_id = await prompt(client, session, words + write_script({"text": answer}))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", answer), turn
    return turn_id


async def rewind(client: Client, session: dict[str, Any], turn_id: str) -> dict[str, Any]:
    """The session as it is attached again, in another process."""
    before = {payload["session"]["process_id"] for payload in client.payloads("session.attached")}
    await client.call("session.rewind", {"turn_id": turn_id}, session_id=session["session_id"])
    ends = ("session.attached", "session.attach.failed")
    topic, payload = await client.wait_one_of(
        {end: lambda p: p["session"].get("process_id") not in before for end in ends}
    )
    assert topic == "session.attached", payload
    attached: dict[str, Any] = payload["session"]
    return attached


async def test_turns_are_taken_back(client: Client, rig: Rig, model: ModelServer) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await say(client, session, "Apples.", "One apple.")
    second = await say(client, session, "Plums.", "Two plums.")
    await say(client, session, "Pears.", "Three pears.")
    rewound = await rewind(client, session, second)
    assert rewound["agent_session_id"] != session["agent_session_id"]
    fourth = await say(client, rewound, "Quinces.", "Four quinces.")
    heard = str(model.requests[-1].body["input"])
    assert "One apple." in heard and "Two plums." not in heard and "Three pears." not in heard
    turns = (await client.call("turn.list", session_id=session["session_id"]))["turns"]
    assert [turn.get("dropped", False) for turn in turns] == [False, True, True, False]
    # Further back than before, and then from the very beginning.
    fifth = await say(client, rewound, "Medlars.", "Five medlars.")
    again = await rewind(client, rewound, fifth)
    await say(client, again, "Sloes.", "Six sloes.")
    heard = str(model.requests[-1].body["input"])
    assert "One apple." in heard and "Four quinces." in heard and "Five medlars." not in heard
    last = await rewind(client, again, fourth)
    await say(client, last, "Figs.", "Seven figs.")
    heard = str(model.requests[-1].body["input"])
    assert "One apple." in heard and "Four quinces." not in heard and "Six sloes." not in heard


async def test_the_demo_agent_hands_over_to_codex(client: Client, rig: Rig, model: ModelServer) -> None:
    lane = await make_lane(client, rig)
    begun = await make_session(client, lane, profile="demo")
    await wait_turn(client, await prompt(client, begun, script({"say": "Three pears are left."})))
    origin = {"kind": "handover", "session_id": begun["session_id"]}
    session = await make_session(client, lane, profile="codex", origin=origin)
    await say(client, session, "Go on.", "I go on.")
    heard = str(model.requests[-1].body["input"])
    assert "You take over" in heard and "Three pears are left." in heard and "Go on." in heard
