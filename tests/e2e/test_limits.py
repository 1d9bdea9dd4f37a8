"""Limits and watchdogs: whatever ends a turn, the turn says which, and a restart changes nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.rig import Client, Rig, make_clean_rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn

WATCHDOG = "[watchdog]\nsilence_seconds = 0\nretry_seconds = 1\ncancel_seconds = 0.5\nrepeats = 4\n"
SAME = {"run": ["sh", "-c", "echo nothing new"]}


@pytest.fixture
def rig() -> Iterator[Rig]:
    with make_clean_rig() as rig:
        rig.configure(WATCHDOG)
        rig.start()
        yield rig


async def limit(client: Client, lane: dict[str, Any], name: str, **limits: Any) -> str:
    payload = {"name": name, **limits}
    made = (await client.call("constraint.create", payload, workspace_id=lane["workspace_id"]))["constraint"]
    return str(made["constraint_id"])


async def list_kinds(client: Client) -> list[str]:
    records = (await client.call("audit.list", {"limit": 1000}))["audit_events"]
    return [each["kind"] for each in records if "kind" in each]


async def test_time_and_tokens_end_a_turn_and_are_named(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    ids = {
        "time_limit_ms": await limit(client, lane, "time", time_limit_ms=300),
        "token_budget": await limit(client, lane, "tokens", token_budget=5000),
    }
    usage = {"used": 5001, "size": 10_000}
    for name, constraint, steps in (
        ("time_limit_ms", "time", [{"say": "so far"}]),
        ("token_budget", "tokens", [{"say": "so far"}, {"usage": usage}]),
    ):
        turn_id = await prompt(client, session, script(*steps, {"wait": True}), constraint=constraint)
        topic, turn = await wait_turn(client, turn_id)
        assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "LIMIT_REACHED"), turn
        details = turn["problem"]["details"]
        assert (details["limit"], details["constraint_id"], details["constraint"]) == (name, ids[name], constraint)
        assert details["used"] >= details["value"]
        assert turn["interrupt"]["actor"] == "server"
        assert turn["limits"]["constraint_id"] == ids[name]
    turn_id = await prompt(client, session, script({"usage": usage}, {"say": "below"}), constraint="default")
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    assert await list_kinds(client) == ["TIME_LIMIT_EXCEEDED", "TOKEN_LIMIT_EXCEEDED"]


def spend(amount: float, currency: str = "USD") -> dict[str, Any]:
    """A step that tells what the session has cost by now."""
    return {"usage": {"used": 10, "size": 100, "cost": {"amount": amount, "currency": currency}}}


async def test_money_ends_a_turn_where_the_agent_tells_what_it_costs(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    id = await limit(client, lane, "cheap", cost_limit={"amount": 0.5, "currency": "USD"})
    for total in (0.4, 0.8):
        turn_id = await prompt(client, session, script(spend(total), {"say": "below"}), constraint="cheap")
        topic, turn = await wait_turn(client, turn_id)
        assert topic == "turn.completed" and turn["usage"]["cost"] == {"amount": 0.4, "currency": "USD"}

    # What it cost before is nobody's limit, also where another server knew it.
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    steps = [spend(1.2), {"say": "so far"}, spend(1.4), {"wait": True}]
    turn_id = await prompt(again, session, script(*steps), constraint="cheap")
    topic, turn = await wait_turn(again, turn_id)
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "LIMIT_REACHED"), turn
    details = turn["problem"]["details"]
    assert (details["limit"], details["value"], details["used"]) == ("cost_limit", 0.5, 0.6)
    assert (details["constraint_id"], details["constraint"]) == (id, "cheap")
    assert "0.5 USD" in turn["problem"]["message"]
    assert turn["usage"]["session_cost"] == {"amount": 1.4, "currency": "USD"}
    found = (await again.call("session.get", session_id=session["session_id"]))["session"]
    assert found["usage"]["cost"] == {"amount": 1.4, "currency": "USD"} and found["usage"]["context_used"] == 10
    assert await list_kinds(again) == ["COST_LIMIT_EXCEEDED"]

    other = await make_session(again, lane)
    turn_id = await prompt(again, other, script(spend(5, "EUR"), {"say": "other money"}), constraint="cheap")
    assert (await wait_turn(again, turn_id))[0] == "turn.completed"
    await again.close()


async def test_a_turn_that_is_cut_at_its_limit_is_cut_once_whoever_sees_the_end(rig: Rig, client: Client) -> None:
    """The server is killed when the cost was told, and an agent that will not stop is ended."""
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await limit(client, lane, "cheap", cost_limit={"amount": 0.5, "currency": "USD"})
    turn_id = await prompt(client, session, script({"say": "so far"}, spend(0.6), {"hang": True}), constraint="cheap")
    await client.wait("turn.updated", lambda payload: "usage" in payload["turn"])
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    topic, turn = await wait_turn(again, turn_id)
    assert (topic, turn["problem"]["details"]["limit"]) == ("turn.interrupted", "cost_limit")
    assert await list_kinds(again) == ["COST_LIMIT_EXCEEDED"]
    await again.close()


async def test_a_later_edit_changes_nothing_that_runs(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    id = await limit(client, lane, "slow", time_limit_ms=3_600_000, is_default=True)
    turn_id = await prompt(
        client, session, script({"say": "so far"}, {"usage": {"used": 10, "size": 100}}, {"wait": True})
    )
    await client.wait("turn.updated", lambda payload: payload["turn"].get("usage", {}).get("context_used") == 10)
    await client.call("constraint.update", {"constraint_id": id, "time_limit_ms": 1, "token_budget": 1})
    later = await prompt(client, session, script({"wait": True}))
    turn = (await client.call("turn.get", {"turn_id": turn_id}))["turn"]
    assert (turn["status"], turn["limits"]["time_limit_ms"]) == ("running", 3_600_000)
    await client.call("turn.interrupt", {"turn_id": turn_id})
    assert "problem" not in (await wait_turn(client, turn_id))[1]
    topic, turn = await wait_turn(client, later)
    assert (topic, turn["problem"]["details"]["value"]) == ("turn.interrupted", 1)


async def test_an_agent_that_does_not_stop_at_its_limit_is_ended(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await limit(client, lane, "quick", time_limit_ms=100)
    turn_id = await prompt(client, session, script({"say": "so far"}, {"hang": True}), constraint="quick")
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "LIMIT_REACHED")
    detached = (await client.wait("session.detached"))["session"]
    assert detached["problem"]["code"] == "AGENT_UNSTOPPABLE"
    turn_id = await prompt(client, session, script({"say": "again"}))
    assert (await wait_turn(client, turn_id))[1]["summary"] == "again"


async def test_an_agent_that_does_not_stop_when_a_person_asks_is_ended(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    turn_id = await prompt(client, session, script({"say": "so far"}, {"hang": True}))
    await client.wait("item.delta")
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "AGENT_UNSTOPPABLE")


@pytest.mark.parametrize("agent", ["stops", "hangs"])
async def test_a_limit_that_is_pending_when_the_server_is_killed_is_kept_once(
    rig: Rig, client: Client, agent: str
) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await limit(client, lane, "quick", time_limit_ms=1500)
    last = {"wait": True} if agent == "stops" else {"hang": True}
    turn_id = await prompt(client, session, script({"say": "so far"}, last), constraint="quick")
    await client.wait("item.delta")
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    topic, turn = await wait_turn(again, turn_id)
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "LIMIT_REACHED")
    assert await list_kinds(again) == ["TIME_LIMIT_EXCEEDED"]
    ends = [payload for payload in again.payloads("turn.interrupted") if payload["turn"]["turn_id"] == turn_id]
    assert len(ends) == 1
    await again.close()


GREEDY = "import time; held = bytearray(200 << 20); held[::4096] = b'x' * len(held[::4096]); time.sleep(1000)"


async def test_a_process_tree_that_takes_too_much_memory_is_ended_and_says_so(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await limit(client, lane, "small", memory_limit_mb=150)
    greedy = {"run": [sys.executable, "-S", "-c", GREEDY]}
    turn_id = await prompt(client, session, script({"say": "so far"}, greedy), constraint="small")
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "PROCESS_LIMIT")
    details = turn["problem"]["details"]
    assert (details["limit"], details["value"]) == ("memory_limit_mb", 150) and details["used"] > 150
    process = (await client.call("process.get", {"process_id": turn["process_id"]}))["process"]
    assert process["problem"]["code"] == "PROCESS_LIMIT"
    assert rig.find_marked(lane["lane_id"]) == [] or await _is_empty_soon(rig, lane["lane_id"])
    # The next turn is not limited, and the same agent may do the same.
    turn_id = await prompt(client, session, script({"run": ["true"]}, {"say": "fine"}))
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"


async def _is_empty_soon(rig: Rig, lane_id: str) -> bool:
    for _ in range(500):
        if not rig.find_marked(lane_id):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_silence_ends_a_turn_and_waiting_for_a_person_is_none(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await limit(client, lane, "lively", silence_limit_ms=400)
    steps: list[dict[str, Any]] = [{"ask": {"title": "May I?"}}, {"say": "asked"}, {"wait": True}]
    turn_id = await prompt(client, session, script(*steps), constraint="lively")
    approval = (await client.wait("approval.requested"))["approval"]
    # Another turn's silence takes longer than this one waits for an answer, and ends nothing here.
    other = await make_session(client, lane)
    mute = await prompt(client, other, script({"wait": True}), constraint="lively")
    topic, turn = await wait_turn(client, mute)
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "AGENT_SILENT")
    assert turn["problem"]["details"]["constraint"] == "lively"
    assert (await client.call("turn.get", {"turn_id": turn_id}))["turn"]["status"] == "waiting"
    await client.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "AGENT_SILENT")
    assert turn["waited_ms"] > 0


async def test_an_agent_that_tries_the_same_for_ever_is_stopped(rig: Rig, client: Client) -> None:
    """It prints all the time, and gets on never."""
    session = await make_session(client, await make_lane(client, rig))
    again = {"update": {"sessionUpdate": "usage_update", "used": 1, "size": 2}}
    steps: list[dict[str, Any]] = [{"say": "so far"}, {"repeat": {"n": 100_000, "steps": [again, {"sleep": 0.05}]}}]
    topic, turn = await wait_turn(client, await prompt(client, session, script(*steps)))
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "AGENT_SILENT")
    assert turn["problem"]["details"]["printed"] > 1
    assert "for ever" in turn["problem"]["message"]


async def test_an_agent_that_goes_in_circles_is_stopped(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    other = {"run": ["sh", "-c", "echo something else"]}
    steps: list[dict[str, Any]] = [SAME, SAME, SAME, other, {"repeat": {"n": 1000, "steps": [SAME, {"say": "again"}]}}]
    topic, turn = await wait_turn(client, await prompt(client, session, script(*steps)))
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "AGENT_LOOPS")
    assert turn["problem"]["details"]["repeats"] >= 4
    items = (await client.call("item.list", {"turn_id": turn["turn_id"], "limit": 1000}))["items"]
    assert sum(item["kind"] == "tool_call" for item in items) >= 8


async def test_what_differs_is_no_circle(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    counting = {"run": ["sh", "-c", "echo x >> count; wc -l < count"]}
    steps: list[dict[str, Any]] = [{"repeat": {"n": 8, "steps": [counting]}}, {"say": "done"}]
    topic, turn = await wait_turn(client, await prompt(client, session, script(*steps)))
    assert (topic, turn["summary"]) == ("turn.completed", "done")
