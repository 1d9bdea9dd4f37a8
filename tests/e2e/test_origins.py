"""Sessions that go on from something: a fork, a handover to another agent, a conversation that was begun outside."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import add_lane, make_lane, make_session, prompt, script, wait_turn

OTHER = f"""
[profiles.other]
driver = "acp"
argv = {json.dumps([sys.executable, "-m", "agentlanes", "demo-agent"])}
"""


async def say(client: Client, session: dict[str, object], *steps: dict[str, object]) -> str:
    """A turn that ends well; its summary."""
    topic, turn = await wait_turn(client, await prompt(client, session, script(*steps)))
    assert topic == "turn.completed", turn
    return str(turn.get("summary", ""))


async def test_a_fork_knows_what_was_said_and_goes_its_own_way(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await say(client, session, {"say": "The word is marmalade."})
    fork = await make_session(client, lane, origin={"kind": "fork", "session_id": session["session_id"]})
    assert fork["agent_session_id"] != session["agent_session_id"]
    assert fork["origin"]["agent_session_id"] == session["agent_session_id"]
    assert "marmalade" in await say(client, fork, {"recall": 4})
    await say(client, fork, {"say": "Only the fork knows of plums."})
    assert "plums" not in await say(client, session, {"recall": 20})
    assert "plums" in await say(client, fork, {"recall": 20})


async def test_a_fork_goes_on_in_another_lane(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await say(client, session, {"say": "The word is marmalade."})
    other = await add_lane(client, lane["workspace_id"], "Another way")
    fork = await make_session(client, other, origin={"kind": "fork", "session_id": session["session_id"]})
    said = await say(
        client, fork, {"recall": 4}, {"write": {"path": "there.txt", "text": "there\n", "ask": False}}, {"recall": 4}
    )
    assert "marmalade" in said
    assert (Path(other["worktrees"][0]["path"]) / "there.txt").exists()
    assert not (Path(lane["worktrees"][0]["path"]) / "there.txt").exists()


async def test_a_fork_that_was_never_prompted_is_made_again(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await say(client, session, {"say": "The word is marmalade."})
    fork = await make_session(client, lane, origin={"kind": "fork", "session_id": session["session_id"]})
    await client.call("session.detach", session_id=fork["session_id"])
    await client.wait("session.detached")
    assert "marmalade" in await say(client, fork, {"recall": 4})


async def test_a_conversation_from_outside_is_adopted(rig: Rig, client: Client) -> None:
    stored = rig.folder / "xdg-state" / "agentlanes-demo-agent"
    stored.mkdir(parents=True)
    lines = [{"role": "user", "text": "In a terminal"}, {"role": "agent", "text": "Quinces it is."}]
    conversation = {"session_id": "demo-7", "cwd": "/", "title": "", "mode": "ask", "turns": 1, "lines": lines}
    (stored / "demo-7.json").write_text(json.dumps(conversation))
    lane = await make_lane(client, rig)
    origin = {"kind": "adopt", "agent_session_id": "demo-7"}
    session = await make_session(client, lane, origin=origin)
    assert (session["agent_session_id"], session["listed"]) == ("demo-7", True)
    assert "Quinces" in await say(client, session, {"recall": 4})
    with pytest.raises(RpcError) as refused:
        await client.call("session.create", {"origin": origin}, lane_id=lane["lane_id"])
    assert (refused.value.code, refused.value.details["session_id"]) == ("CONVERSATION_IN_USE", session["session_id"])


async def test_what_cannot_be_adopted_starts_nothing_fresh(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    origin = {"kind": "adopt", "agent_session_id": "demo-404"}
    session = (await client.call("session.create", {"origin": origin}, lane_id=lane["lane_id"]))["session"]
    failed = (await client.wait("session.attach.failed"))["session"]
    assert (failed["status"], failed["problem"]["code"]) == ("detached", "RESUME_FAILED")
    assert failed["agent_session_id"] == "demo-404"
    # A prompt tries again, and finds the same: no conversation begins in the place of the one that was asked for.
    await prompt(client, session, "Go on")
    await client.wait("session.attach.failed", lambda p: p["session"]["updated_at"] > failed["updated_at"])
    assert not list((rig.folder / "xdg-state" / "agentlanes-demo-agent").glob("*.json"))


async def test_another_agent_is_told_what_was_done(rig: Rig, client: Client) -> None:
    rig.configure(OTHER)
    lane = await make_lane(client, rig)
    session = await make_session(client, lane, profile="demo")
    await say(
        client,
        session,
        {"plan": ["Count the pears", "Write it down"]},
        {"advance": True},
        {"write": {"path": "pears.txt", "text": "3\n", "ask": False}},
        {"say": "There are three pears."},
    )
    origin = {"kind": "handover", "session_id": session["session_id"]}
    created = await client.call(
        "session.create", {"profile": "other", "origin": origin, "attach": False}, lane_id=lane["lane_id"]
    )
    primer = created["session"]["primer"]
    for told in ("(demo)", "Count the pears", "- pears.txt (edited)", "There are three pears."):
        assert told in primer
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    other = (await again.call("session.get", session_id=created["session"]["session_id"]))["session"]
    assert other["primer"] == primer
    heard = await say(again, other, {"recall": 1})
    assert heard.startswith(f"user: {primer}\n\nSCRIPT:")
    turns = (await again.call("turn.list", session_id=other["session_id"]))["turns"]
    assert turns[0]["primer"] == primer
    assert not turns[0]["prompt"].startswith("You take over")
    assert "primer" not in (await again.call("session.get", session_id=other["session_id"]))["session"]
    # It is told once.
    assert "You take over" not in await say(again, other, {"say": "On."}, {"recall": 1})
    await again.close()


async def test_turns_are_taken_back_where_the_agent_can_and_refused_where_it_cannot(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    session_id = session["session_id"]
    first = await prompt(client, session, script({"say": "The word is marmalade."}))
    await wait_turn(client, first)
    second = await prompt(client, session, script({"say": "Forget it."}))
    await wait_turn(client, second)
    with pytest.raises(RpcError) as refused:
        await client.call("session.rewind", {"turn_id": second}, session_id=session_id)
    assert refused.value.code == "REWIND_NOT_OFFERED"
    assert refused.value.details["instead"] == ["fork", "handover"]
    await client.call("session.rewind", {"turn_id": first}, session_id=session_id)
    rewound = (await client.wait("session.rewound"))["session"]
    assert "agent_session_id" not in rewound and "problem" not in rewound
    said = await say(client, session, {"recall": 20})
    assert "marmalade" not in said and "Forget" not in said
    turns = (await client.call("turn.list", session_id=session_id))["turns"]
    assert [turn.get("dropped", False) for turn in turns] == [True, True, False]
    with pytest.raises(RpcError) as refused:
        await client.call("session.rewind", {"turn_id": second}, session_id=session_id)
    assert refused.value.code == "TURN_NOT_FOUND"


async def test_a_rewind_that_a_crash_cuts_is_finished_and_the_prompt_after_it_runs(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    first = await prompt(client, session, script({"say": "The word is marmalade."}))
    await wait_turn(client, first)
    await client.call("session.rewind", {"turn_id": first}, session_id=session["session_id"])
    second = await prompt(client, session, script({"recall": 20}))
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    topic, turn = await wait_turn(again, second)
    assert topic == "turn.completed" and "marmalade" not in turn["summary"], turn
    assert len(again.payloads("session.rewound")) == 1
    await again.close()
