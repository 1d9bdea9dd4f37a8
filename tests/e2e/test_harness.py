"""Sessions through the harness and around it: real server, agents and HTTP."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import make_lane, make_session, prompt, script, wait_turn
from fakes.harness import KEY, FakeHarness, refuse, run_harness

CONFIG = """
[profiles.routed]
argv = ["{python}", "-P", "-m", "agentlanes.demo_agent"]
env_pass = ["AGENTLANES_DEMO_STATE", "PYTHONPATH"]
transport = "cliproxy_harness"
[profiles.routed.harness]
args = ["--through={{url}}", "--key={{key_env}}"]
env = {{ROUTE = "{{url}}/v1", ROUTE_KEY = "{{key}}"}}

[harness]
url = "{url}"
key_env = "CLIPROXY_API_KEY"
timeout_seconds = 0.5

[watchdog]
harness_seconds = 1
"""
SHOW = script({"run": ["sh", "-c", 'echo "route=$ROUTE key=${ROUTE_KEY:+there}"']})


@pytest.fixture
def fake() -> Iterator[FakeHarness]:
    with run_harness() as harness:
        yield harness


@pytest.fixture(autouse=True)
def configured(rig: Rig, fake: FakeHarness) -> None:
    rig.stop()
    rig.configure(CONFIG.format(python=sys.executable, url=fake.url))
    rig.env["CLIPROXY_API_KEY"] = KEY
    rig.start()


async def see_status(client: Client, status: str) -> dict[str, Any]:
    """The harness, asked anew until it is so."""
    deadline = time.monotonic() + 30
    while True:
        harness: dict[str, Any] = (await client.call("harness.status.get", {"fresh": True}))["harness"]
        if harness["status"] == status:
            return harness
        assert time.monotonic() < deadline, harness


async def run_turn(client: Client, session: dict[str, Any]) -> tuple[str, str]:
    """The route that a turn's own process shows, and the route that the session tells."""
    topic, turn = await wait_turn(client, await prompt(client, session, SHOW))
    assert topic == "turn.completed", turn
    items = (await client.call("item.list", {"turn_id": turn["turn_id"]}))["items"]
    (shown,) = [item["text"] for item in items if item["kind"] == "tool_call"]
    process = (await client.call("process.get", {"process_id": turn["process_id"]}))["process"]
    assert any(argument.startswith("--through=") for argument in process["argv"]) == ("route=http" in shown)
    told = (await client.call("session.get", {}, session_id=session["session_id"]))["session"]
    return shown.strip(), told["transport"]


async def test_the_next_turn_goes_around_a_harness_that_is_gone_and_back_through_it(
    rig: Rig, client: Client, fake: FakeHarness
) -> None:
    await see_status(client, "healthy")
    session = await make_session(client, await make_lane(client, rig), profile="routed")
    assert (session["transport"], session["route"]["preferred_transport"]) == ("cliproxy_harness", "cliproxy_harness")
    through = (f"route={fake.url}/v1 key=there", "cliproxy_harness")
    assert await run_turn(client, session) == through
    assert await run_turn(client, session) == through
    assert client.payloads("session.detached") == [], "a route that stays costs nothing"

    fake.go()
    assert await run_turn(client, session) == ("route= key=", "native_openai")
    told = (await client.call("session.get", {}, session_id=session["session_id"]))["session"]
    reason = told["route"]["reason"]
    assert (reason["code"], reason["details"]["fault"]) == ("HARNESS_UNAVAILABLE", "unreachable")
    changes = [payload["harness"] for payload in client.payloads("harness.status.changed")]
    assert [harness["previous"] for harness in changes if harness.get("fault") == "unreachable"] == ["healthy"]

    fake.come()
    await see_status(client, "healthy")
    assert await run_turn(client, session) == through
    assert told["agent_session_id"] == session["agent_session_id"], "the same conversation throughout"
    assert KEY not in str(client.notifications), "keys are nobody's business"


async def test_a_turn_that_runs_is_left_alone_and_the_queued_one_changes_its_route(
    rig: Rig, client: Client, fake: FakeHarness
) -> None:
    await see_status(client, "healthy")
    session = await make_session(client, await make_lane(client, rig), profile="routed")
    running = await prompt(client, session, script({"wait": True}))
    await client.wait("turn.started")
    fake.answer = refuse(503, b'{"error": "auth_unavailable: no auth available"}')
    harness = await see_status(client, "degraded")
    assert (harness["fault"], "no auth available" in harness["degrade_reason"]) == ("overloaded", True)
    queued = await prompt(client, session, SHOW)
    turn = (await client.call("turn.get", {"turn_id": running}))["turn"]
    assert turn["status"] == "running"
    assert client.payloads("session.detach.started") == []
    await client.call("turn.interrupt", {"turn_id": running})
    topic, ended = await wait_turn(client, queued)
    assert (topic, ended["process_id"] != turn["process_id"]) == ("turn.completed", True)
    topics = [frame["method"] for frame in client.notifications]
    assert topics.index("turn.interrupted") < topics.index("session.detach.started")


async def test_an_agent_whose_harness_is_gone_holds_the_queue_no_longer_than_its_tool_runs(
    rig: Rig, client: Client, fake: FakeHarness
) -> None:
    await see_status(client, "healthy")
    lane = await make_lane(client, rig)
    session, builder = [await make_session(client, lane, profile="routed") for _ in range(2)]
    gate = rig.folder / "gate"
    build: list[dict[str, Any]] = [
        {"run": ["sh", "-c", f"until test -e {gate}; do sleep 0.05; done"]},
        {"say": "Built"},
    ]
    building = await prompt(client, builder, script(*build))
    await client.wait("item.started", lambda p: p["item"]["kind"] == "tool_call")
    again = {"update": {"sessionUpdate": "usage_update", "used": 1, "size": 2}}
    steps: list[dict[str, Any]] = [{"say": "So far"}, {"repeat": {"n": 100_000, "steps": [again, {"sleep": 0.05}]}}]
    running = await prompt(client, session, script(*steps))
    queued = await prompt(client, session, SHOW)
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    fake.go()
    topic, turn = await wait_turn(client, running)
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "AGENT_SILENT"), turn
    assert "the harness that it goes through is unavailable" in turn["problem"]["message"]
    assert (await wait_turn(client, queued))[0] == "turn.completed"
    told = (await client.call("session.get", {}, session_id=session["session_id"]))["session"]
    assert (told["transport"], told["route"]["reason"]["code"]) == ("native_openai", "HARNESS_UNAVAILABLE")
    gate.touch()
    topic, turn = await wait_turn(client, building)
    assert (topic, turn["summary"]) == ("turn.completed", "Built"), turn


async def test_an_agent_that_meets_429_in_its_turn_takes_the_harness_out(rig: Rig, client: Client) -> None:
    await see_status(client, "healthy")
    session = await make_session(client, await make_lane(client, rig), profile="routed")
    error = {"code": -32603, "message": "Provider failed", "data": {"details": "429: model_cooldown"}}
    topic, _ = await wait_turn(client, await prompt(client, session, script({"fail": error})))
    assert topic == "turn.failed"
    harness = (await client.wait("harness.status.changed", lambda p: p["harness"]["status"] == "degraded"))["harness"]
    assert (harness["fault"], harness["source"]) == ("cooling_down", "turn")
    assert (await client.call("harness.status.get", {"fresh": True}))["harness"]["status"] == "degraded", "it is held"
    assert (await run_turn(client, session))[1] == "native_openai"


async def test_a_session_may_change_its_mind(rig: Rig, client: Client) -> None:
    await see_status(client, "healthy")
    session = await make_session(client, await make_lane(client, rig), profile="routed", transport="native_openai")
    assert (session["transport"], "route" in session) == ("native_openai", False)
    assert (await run_turn(client, session))[1] == "native_openai"
    await client.call("session.update", {"transport": "cliproxy_harness"}, session_id=session["session_id"])
    assert (await run_turn(client, session))[1] == "cliproxy_harness"


async def test_a_restart_in_the_middle_of_a_change_of_route_ends_it(
    rig: Rig, client: Client, fake: FakeHarness
) -> None:
    await see_status(client, "healthy")
    session = await make_session(client, await make_lane(client, rig), profile="routed")
    assert (await run_turn(client, session))[1] == "cliproxy_harness"
    fake.go()
    turn_id = await prompt(client, session, SHOW)
    rig.kill()
    rig.start()
    again = await rig.connect("again")
    await again.call("event.subscribe", {"after_seq": 0})
    topic, _ = await wait_turn(again, turn_id)
    assert topic == "turn.completed"
    told = (await again.call("session.get", {}, session_id=session["session_id"]))["session"]
    assert (told["transport"], told["route"]["reason"]["code"]) == ("native_openai", "HARNESS_UNAVAILABLE")
    await again.close()


async def test_without_a_harness_the_question_says_how_to_have_one(rig: Rig, client: Client) -> None:
    await see_status(client, "healthy")
    rig.configure("")
    with pytest.raises(RpcError) as refused:
        await client.call("harness.status.get")
    assert refused.value.code == "HARNESS_NOT_CONFIGURED"
    session = await make_session(client, await make_lane(client, rig), transport="cliproxy_harness")
    assert session["route"]["reason"]["code"] == "ROUTE_NOT_SUPPORTED"
    changed = await client.wait("harness.status.changed", lambda p: p["harness"].get("fault") == "not_configured")
    assert changed["harness"]["status"] == "unavailable"
