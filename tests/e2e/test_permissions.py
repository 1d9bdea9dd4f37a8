"""Who decides what an agent asks: a lane's mode, its rules, grants of people; and prompts for many sessions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import add_lane, make_lane, make_session, prompt, script, wait_turn


def write(path: str) -> dict[str, Any]:
    return {"write": {"path": path, "text": "x\n"}}


def run(*argv: str) -> dict[str, Any]:
    return {"run": {"argv": list(argv), "ask": True}}


def is_about(turn_id: str) -> Callable[[dict[str, Any]], bool]:
    return lambda payload: bool(payload["turn"]["turn_id"] == turn_id)


async def list_decisions(client: Client, turn_id: str) -> list[tuple[str, str, str]]:
    """What was asked in a turn, how it was decided, and by whom."""
    approvals = (await client.call("approval.list"))["approvals"]
    return [
        (approval["title"], approval["status"], approval["decision"]["actor"])
        for approval in approvals
        if approval["turn_id"] == turn_id
    ]


async def test_rules_decide_in_mode_auto_and_what_none_fits_is_asked(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    tree = Path(lane["worktrees"][0]["path"])
    (rig.folder / "elsewhere").mkdir()
    (tree / "out").symlink_to(rig.folder / "elsewhere")
    rules = [
        {"effect": "allow", "path": "src/**"},
        {"effect": "allow", "path": "out/**"},
        {"effect": "deny", "path": "src/secret/*"},
        {"effect": "allow", "command": "touch *"},
        {"effect": "deny", "command": "rm *"},
    ]
    payload = {"permission_mode": "auto", "rules": {"list": rules}}
    updated = (await client.call("lane.update", payload, lane_id=lane["lane_id"]))["lane"]
    assert (updated["permission_mode"], updated["rules"]) == ("auto", rules)
    session = await make_session(client, lane)
    steps = [write("src/a"), write("src/secret/b"), run("touch", "ran"), run("sh", "-c", "touch x && rm src/a")]
    turn_id = await prompt(client, session, script(*steps, write("src/../c")))
    asked = (await client.wait("turn.waiting"))["turn"]
    assert asked["turn_id"] == turn_id
    approval = (await client.call("approval.list", {"status": "pending"}))["approvals"][0]
    assert approval["touches"][0]["inside"] == "c"
    await client.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "reject_once"})
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    assert await list_decisions(client, turn_id) == [
        ("Write src/a", "approved", "policy"),
        ("Write src/secret/b", "denied", "policy"),
        ("touch ran", "approved", "policy"),
        ("sh -c touch x && rm src/a", "denied", "policy"),
        ("Write src/../c", "denied", "client/test"),
    ]
    assert (tree / "src/a").exists() and (tree / "ran").exists()
    assert not (tree / "src/secret/b").exists() and not (tree / "x").exists()
    assert len(client.payloads("turn.waiting")) == 1
    reasons = [payload["approval"]["decision"]["reason"] for payload in client.payloads("approval.resolved")[:2]]
    assert reasons == ["rule 1 of the lane allows src/**", "rule 3 of the lane denies src/secret/*"]


async def test_mode_plan_changes_nothing(rig: Rig, client: Client) -> None:
    workspace_id = (await make_lane(client, rig))["workspace_id"]
    payload = {"name": "Plan", "permission_mode": "plan"}
    lane = (await client.call("lane.create", payload, workspace_id=workspace_id))["lane"]
    await client.wait("lane.created", lambda p: p["lane"]["lane_id"] == lane["lane_id"])
    session = await make_session(client, lane)
    steps = [write("a"), run("touch", "b"), {"ask": {"title": "Look", "kind": "read"}}]
    turn_id = await prompt(client, session, script(*steps))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "decision: allow_once")
    assert [decision[1:] for decision in await list_decisions(client, turn_id)] == [
        ("denied", "policy"),
        ("denied", "policy"),
        ("approved", "policy"),
    ]
    tree = Path(lane["worktrees"][0]["path"])
    assert not (tree / "a").exists() and not (tree / "b").exists()


async def test_a_decision_for_the_lane_counts_until_it_is_revoked(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    one, two = [await make_session(client, lane) for _ in range(2)]
    elsewhere = await make_session(client, await add_lane(client, lane["workspace_id"], "Elsewhere"))
    turns = [await prompt(client, session, script(run("touch", "x"))) for session in (one, two, elsewhere)]
    for turn_id in turns:
        await client.wait("turn.waiting", is_about(turn_id))
    pending = (await client.call("approval.list", {"status": "pending"}))["approvals"]
    mine = next(approval for approval in pending if approval["turn_id"] == turns[0])
    decision = {"approval_id": mine["approval_id"], "kind": "allow_once", "scope": "lane"}
    await client.call("approval.resolve", decision)
    for turn_id in turns[:2]:
        assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    again = await prompt(client, two, script(run("touch", "x"), run("touch", "y")))
    waiting = await client.wait("approval.requested", lambda p: p["approval"]["title"] == "touch y")
    (grant,) = (await client.call("grant.list", lane_id=lane["lane_id"]))["grants"]
    assert grant["rule"] == {"effect": "allow", "tool_kind": "execute", "line": "touch x"}
    assert await list_decisions(client, turns[1]) == [("touch x", "approved", "policy")]
    await client.call("grant.revoke", {"grant_id": grant["grant_id"]})
    await client.call("approval.resolve", {"approval_id": waiting["approval"]["approval_id"], "kind": "reject_once"})
    await wait_turn(client, again)
    last = await prompt(client, one, script(run("touch", "x")))
    await client.wait("turn.waiting", lambda p: p["turn"]["turn_id"] == last)
    still = (await client.call("approval.list", {"status": "pending"}, session_id=elsewhere["session_id"]))["approvals"]
    assert [approval["turn_id"] for approval in still] == [turns[2]]


async def test_a_grant_outlives_the_server_and_ends_with_its_session(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await prompt(client, session, script(write("a")))
    approval = (await client.wait("approval.requested"))["approval"]
    decision = {"approval_id": approval["approval_id"], "option_id": "allow_always", "scope": "session"}
    resolved = (await client.call("approval.resolve", decision))["approval"]
    assert resolved["decision"]["option_id"] == "allow", "the agent is told once, so that it goes on asking"
    await client.wait("turn.completed")
    await client.close()
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe")
    turn_id = await prompt(again, session, script(write("a"), {"say": "done"}))
    topic, turn = await wait_turn(again, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "done")
    await again.call("session.terminate", session_id=session["session_id"])
    await again.wait("grant.revoked")
    assert (await again.call("grant.list"))["grants"] == []
    await again.close()


async def test_one_prompt_for_many_sessions(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    other = await add_lane(client, lane["workspace_id"], "Other")
    attached = await make_session(client, lane)
    detached = (await client.call("session.create", {"attach": False}, lane_id=other["lane_id"]))["session"]
    also = (await client.call("session.create", {"attach": False}, lane_id=other["lane_id"]))["session"]
    over = await make_session(client, lane)
    await client.call("session.terminate", session_id=over["session_id"])
    ids = [each["session_id"] for each in (attached, detached, also, over)]
    receipt = await client.call("prompt.create", {"session_ids": ids, "prompt": script({"say": "all"})})
    assert [turn["session_id"] for turn in receipt["turns"]] == ids[:3]
    assert [(each["session_id"], each["problem"]["code"]) for each in receipt["refused"]] == [
        (over["session_id"], "SESSION_TERMINATED")
    ]
    for turn in receipt["turns"]:
        topic, ended = await wait_turn(client, turn["turn_id"])
        assert (topic, ended["summary"]) == ("turn.completed", "all")
    everyone = await client.call("prompt.create", {"prompt": script({"say": "on"})}, workspace_id=lane["workspace_id"])
    assert sorted(turn["session_id"] for turn in everyone["turns"]) == sorted(ids[:3])
    for turn in everyone["turns"]:
        await wait_turn(client, turn["turn_id"])
    with pytest.raises(RpcError) as refused:
        await client.call("prompt.create", {"session_ids": ids[3:], "prompt": "more"})
    assert refused.value.code == "PROMPT_REFUSED"
