"""How agents are: measured for who asks, and for nobody else."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

from e2e.rig import Client, Rig, join
from e2e.story import list_items, make_lane, make_session, prompt, script, wait_turn

DEMO = {"name": "demo"}


async def find_health(client: Client) -> dict[str, Any]:
    health: dict[str, Any] = (await client.call("agent.get", DEMO))["agent"]["health_metrics"]
    return health


async def test_an_agent_has_the_metrics_of_its_processes_and_turns(rig: Rig, client: Client) -> None:
    assert await find_health(client) == {
        "cpu_usage": 0,
        "memory_usage": 0,
        "uptime": 0,
        "commands_processed": 0,
        "average_response_time": 0,
    }
    session = await make_session(client, await make_lane(client, rig))
    for text in ("one", "two"):
        await wait_turn(client, await prompt(client, session, script({"say": text}, {"sleep": 0.05})))
    health = await find_health(client)
    assert health["memory_usage"] > 5 and health["uptime"] > 0
    assert health["commands_processed"] == 2
    assert health["average_response_time"] >= 50
    # What the next server reads from the log is what this one heard.
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe")
    known = await find_health(again)
    assert {name: known[name] for name in ("commands_processed", "average_response_time")} == {
        name: health[name] for name in ("commands_processed", "average_response_time")
    }
    await wait_turn(again, await prompt(again, session, script({"say": "three"})))
    page = (await again.call("agent.list"))["agents"]
    assert [agent["health_metrics"]["commands_processed"] for agent in page if agent["name"] == "demo"] == [3]
    await again.close()


async def test_vitals_go_to_who_names_them(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    watcher = await rig.connect("watcher")
    await watcher.call("event.subscribe", {"topics": ["agent.*"]})
    told = await watcher.wait("agent.vitals", lambda payload: payload["name"] == "demo" and bool(payload["sessions"]))
    (one,) = told["sessions"]
    assert (one["session_id"], one["process_id"]) == (session["session_id"], session["process_id"])
    assert one["memory_usage"] > 5 and one["processes"] >= 1 and one["uptime"] > 0
    assert told["health_metrics"]["memory_usage"] == one["memory_usage"]
    later = await watcher.wait("agent.vitals", lambda payload: payload["health_metrics"]["uptime"] > one["uptime"])
    assert later["name"] == "demo"
    frames = [frame["params"] for frame in watcher.notifications if frame["method"] == "agent.vitals"]
    assert all("seq" not in params for params in frames)
    # Who takes everything did not ask for this.
    assert client.payloads("agent.vitals") == []
    await watcher.close()


async def test_text_that_grows_asks_nothing_of_the_disk_and_is_whole_after_a_crash(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    words = script({"pace": 10}, {"say": "word " * 150})
    turn_id = await prompt(client, session, words)
    begun = (await client.wait("item.started", lambda p: p["item"]["kind"] == "message"))["item"]

    async def read() -> str:
        item: dict[str, Any] = (await client.call("item.get", {"item_id": begun["item_id"]}))["item"]
        return str(item["text"])

    with contextlib.closing(sqlite3.connect(f"file:{rig.folder / 's' / 'log.db'}?mode=ro", uri=True)) as log:
        commits = []
        while len(said := await read()) < 500:
            commits.append(log.execute("PRAGMA data_version").fetchone()[0])
    assert len(said) > len(begun.get("text", "")), "it grew while it was looked at"
    assert commits[0] == commits[-1]
    rig.kill()
    rig.start()
    async with join(rig) as again:
        assert (await wait_turn(again, turn_id))[0] == "turn.completed"
        (item,) = [each for each in await list_items(again, turn_id) if each["kind"] == "message"]
        assert item["text"] == "word " * 150
