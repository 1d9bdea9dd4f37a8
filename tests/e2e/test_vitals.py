"""How agents are: measured for who asks, and for nobody else."""

from __future__ import annotations

from typing import Any

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn

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
