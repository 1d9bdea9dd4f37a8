"""Sessions of a real agent: prompts, text that streams, approvals, the queue, interrupts, ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import make_lane, make_session, prompt, script, wait_turn

ASK = script({"write": {"path": "hello.txt", "text": "hello\n", "ask": True}}, {"say": "Done."})


async def test_a_turn_streams_asks_writes_and_ends(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, ASK)
    approval = (await client.wait("approval.requested"))["approval"]
    assert (await client.wait("turn.waiting"))["turn"]["turn_id"] == turn_id
    assert await client.wait("lane.state.changed", lambda p: p["lane"]["status"] == "blocked")
    tree = Path(lane["worktrees"][0]["path"])
    assert not (tree / "hello.txt").exists()
    assert [option["kind"] for option in approval["options"]][:1] == ["allow_once"]
    resolved = await client.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    assert resolved["approval"]["status"] == "approved"
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["stop_reason"], turn["summary"]) == ("turn.completed", "end_turn", "Done.")
    assert (tree / "hello.txt").read_text() == "hello\n"
    items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
    assert {item["status"] for item in items} == {"completed"}
    assert "tool_call" in [item["kind"] for item in items]
    lanes = [payload["lane"]["status"] for payload in client.payloads("lane.state.changed")]
    assert lanes == ["running", "blocked", "running", "ready"]


async def test_deltas_and_the_whole_text_agree(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    words = "Wörter und Wörter — " * 40
    turn_id = await prompt(client, session, script({"flood": {"n": 200, "text": words}}, {"say": "End."}))
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.completed"
    texts: dict[str, bytearray] = {}
    for delta in client.payloads("item.delta"):
        text = texts.setdefault(delta["item_id"], bytearray())
        data = delta["data"].encode()
        assert delta["offset"] <= len(text)
        text += data[len(text) - delta["offset"] :]
    for payload in client.payloads("item.completed"):
        item = payload["item"]
        if item["item_id"] in texts and item["kind"] == "message":
            assert item["text"].encode().startswith(bytes(texts[item["item_id"]]))


async def test_the_first_decision_wins(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    other = await rig.connect("other")
    turn_id = await prompt(client, session, ASK)
    approval_id = (await client.wait("approval.requested"))["approval"]["approval_id"]
    await other.call("approval.resolve", {"approval_id": approval_id, "kind": "reject_once", "reason": "not now"})
    with pytest.raises(RpcError) as refused:
        await client.call("approval.resolve", {"approval_id": approval_id, "kind": "allow_once"})
    assert refused.value.code == "APPROVAL_DECIDED"
    assert refused.value.details["status"] == "denied"
    decided = (await client.wait("approval.resolved"))["approval"]
    assert decided["decision"]["actor"] == "client/other"
    await wait_turn(client, turn_id)
    assert not (Path(lane["worktrees"][0]["path"]) / "hello.txt").exists()
    await other.close()


async def test_turns_wait_in_the_queue_by_priority(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    first = await prompt(client, session, script({"wait": True}))
    await client.wait("turn.started")
    low = await prompt(client, session, script({"say": "low"}), priority=10)
    high = await prompt(client, session, script({"say": "high"}), priority=90)
    gone = await prompt(client, session, script({"say": "gone"}))
    await client.call("turn.cancel", {"turn_id": gone})
    with pytest.raises(RpcError) as refused:
        await client.call("turn.cancel", {"turn_id": first})
    assert refused.value.code == "ILLEGAL_TRANSITION"
    await client.call("turn.interrupt", {"turn_id": first})
    topic, turn = await wait_turn(client, first)
    assert (topic, turn["stop_reason"]) == ("turn.interrupted", "cancelled")
    await wait_turn(client, low)
    started = [payload["turn"]["turn_id"] for payload in client.payloads("turn.started")]
    assert started == [first, high, low]


async def test_an_interrupt_cancels_what_is_asked(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, ASK)
    approval_id = (await client.wait("approval.requested"))["approval"]["approval_id"]
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.interrupted"
    assert (await client.call("approval.get", {"approval_id": approval_id}))["approval"]["status"] == "canceled"
    items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
    assert "in_progress" not in {item["status"] for item in items}


async def test_an_agent_that_dies_cuts_its_turn_and_can_be_resumed(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, script({"say": "so far"}, {"crash": {"exit": 3}}))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["problem"]["code"], turn["resumable"]) == ("turn.interrupted", "AGENT_EXITED", True)
    detached = (await client.wait("session.detached"))["session"]
    assert detached["problem"]["details"]["exit_code"] == 3
    again = await prompt(client, session, script({"say": "again"}))
    topic, turn = await wait_turn(client, again)
    assert (topic, turn["summary"]) == ("turn.completed", "again")
    resumed = (await client.call("session.get", session_id=session["session_id"]))["session"]
    assert resumed["agent_session_id"] == session["agent_session_id"]


async def test_terminate_leaves_no_process(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, script({"run": ["sh", "-c", "setsid sleep 300 & sleep 300"]}))
    await client.wait("item.started", lambda p: p["item"]["kind"] == "tool_call")
    await client.call("session.terminate", session_id=session["session_id"])
    await client.wait("session.terminated")
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.interrupted"
    with pytest.raises(RpcError) as refused:
        await prompt(client, session, "more")
    assert refused.value.code == "SESSION_TERMINATED"
    for _ in range(200):
        if not rig.runner_pids():
            break
        await asyncio.sleep(0.05)
    assert not rig.find_marked(lane["lane_id"])


async def test_cleanup_ends_what_runs_in_the_lane(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, script({"wait": True}))
    await client.wait("turn.started")
    await client.call("lane.cleanup", lane_id=lane["lane_id"])
    cleaned = (await client.wait("lane.cleaned"))["lane"]
    assert cleaned["status"] == "closed"
    assert (await wait_turn(client, turn_id))[0] == "turn.interrupted"
    assert (await client.call("session.get", session_id=session["session_id"]))["session"]["status"] == "detached"
    assert not Path(lane["worktrees"][0]["path"]).exists()


async def test_cleanup_of_a_lane_with_an_idle_agent_is_no_problem(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    await make_session(client, lane)
    await client.call("lane.cleanup", lane_id=lane["lane_id"])
    await client.wait("lane.cleaned")
    detached = (await client.wait("session.detached"))["session"]
    assert "problem" not in detached


async def test_a_session_that_is_terminated_while_it_attaches_leaves_nothing(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = (await client.call("session.create", lane_id=lane["lane_id"]))["session"]
    await client.call("session.terminate", session_id=session["session_id"])
    await client.wait("session.terminated")
    for _ in range(200):
        if not rig.find_marked(lane["lane_id"]):
            break
        await asyncio.sleep(0.05)
    assert not rig.find_marked(lane["lane_id"])
    with pytest.raises(RpcError) as refused:
        await client.call("terminal.spawn", {"argv": ["true"], "cols": 80.5}, lane_id=lane["lane_id"])
    assert refused.value.code == "INVALID_PARAMS"
    spawned = await client.call("terminal.spawn", {"argv": ["true"], "cols": 80.0}, lane_id=lane["lane_id"])
    assert spawned["terminal"]["cols"] == 80
