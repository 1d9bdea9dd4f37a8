"""The server is killed under running terminals and turns, and started again."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from pathlib import Path

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn

ASK = script(
    {"say": "Before."},
    {"write": {"path": "hello.txt", "text": "hello\n", "ask": True}},
    {"say": "After."},
)


async def spawn(client: Client, lane_id: str, *argv: str) -> str:
    """A terminal that runs."""
    terminal = (await client.call("terminal.spawn", {"argv": list(argv)}, lane_id=lane_id))["terminal"]
    terminal_id = str(terminal["terminal_id"])
    await client.wait("terminal.spawned", lambda p: p["terminal"]["terminal_id"] == terminal_id)
    return terminal_id


async def restart(rig: Rig, after_seq: int) -> Client:
    """kill -9, start again, come back where the client was."""
    rig.kill()
    rig.start()
    client = await rig.connect()
    await client.call("event.subscribe", {"after_seq": after_seq})
    return client


def last_seq(client: Client) -> int:
    return max(int(frame["params"].get("seq", 0)) for frame in client.notifications)


async def test_a_turn_and_a_terminal_outlive_the_server(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    terminal_id = await spawn(
        client, lane["lane_id"], "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"
    )
    text = script({"repeat": {"n": 60, "steps": [{"say": "word "}, {"sleep": 0.02}]}}, {"say": "End."})
    turn_id = await prompt(client, session, text)
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    seen = last_seq(client)
    again = await restart(rig, seen)
    topic, turn = await wait_turn(again, turn_id)
    assert topic == "turn.completed", turn
    items = (await again.call("item.list", {"turn_id": turn_id}))["items"]
    said = "".join(item["text"] for item in items if item["kind"] == "message")
    assert said == "word " * 60 + "End."
    numbers = [frame["params"]["seq"] for frame in again.notifications if "seq" in frame["params"]]
    assert numbers == list(range(seen + 1, seen + 1 + len(numbers)))
    chunk = await again.call("terminal.read", {"offset": 0, "max_bytes": 1 << 20}, terminal_id=terminal_id)
    lines = chunk["data"].split("\r\n")[:-1]
    assert lines == [str(n) for n in range(1, len(lines) + 1)]
    await again.call("terminal.input", {"data": "\x03"}, terminal_id=terminal_id)
    closed = (await again.wait("terminal.closed"))["terminal"]
    assert closed["state"] == "closed"
    await again.close()


async def test_an_approval_is_still_answerable(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, ASK)
    approval = (await client.wait("approval.requested"))["approval"]
    rig.kill()
    rig.start()
    again = await rig.connect()
    snapshot = (await again.call("event.subscribe"))["snapshot"]
    assert [found["approval_id"] for found in snapshot["approvals"]] == [approval["approval_id"]]
    assert [found["turn_id"] for found in snapshot["turns"]] == [turn_id]
    await again.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    topic, turn = await wait_turn(again, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "After.")
    assert (Path(lane["worktrees"][0]["path"]) / "hello.txt").read_text() == "hello\n"
    kinds = [item["kind"] for item in (await again.call("item.list", {"turn_id": turn_id}))["items"]]
    assert kinds.count("tool_call") == 1
    await again.close()


async def test_what_ended_meanwhile_is_told_before_anybody_is_served(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    terminal_id = await spawn(client, lane["lane_id"], "sh", "-c", "read line; exit 7")
    turn_id = await prompt(client, session, script({"say": "so far"}, {"sleep": 0.4}, {"crash": {"signal": 9}}))
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    await client.call("terminal.input", {"data": "go\n", "input_id": "a"}, terminal_id=terminal_id)
    rig.kill()
    await asyncio.sleep(1.5)
    rig.start()
    again = await rig.connect()
    terminal = (await again.call("terminal.get", terminal_id=terminal_id))["terminal"]
    assert (terminal["state"], terminal["exit_code"]) == ("closed", 7)
    turn = (await again.call("turn.get", {"turn_id": turn_id}))["turn"]
    assert (turn["status"], turn["problem"]["code"], turn["resumable"]) == ("interrupted", "AGENT_EXITED", True)
    items = (await again.call("item.list", {"turn_id": turn_id}))["items"]
    assert [item["text"] for item in items if item["kind"] == "message"] == ["so far"]
    await again.close()


async def test_what_comes_after_a_turn_and_a_restart_stays_with_the_turn(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, script({"say": "in time"}, {"late": [{"sleep": 1.0}, {"say": "late"}]}))
    await wait_turn(client, turn_id)
    again = await restart(rig, last_seq(client))
    late = (await again.wait("item.completed", lambda p: p["item"].get("text") == "late"))["item"]
    assert (late["turn_id"], late["status"]) == (turn_id, "completed")
    assert (await again.call("turn.get", {"turn_id": turn_id}))["turn"]["status"] == "completed"
    items = (await again.call("item.list", {"turn_id": turn_id}))["items"]
    assert [item["text"] for item in items if item["kind"] == "message"] == ["in time", "late"]
    await again.close()


async def test_an_agent_that_died_while_no_server_ran_is_resumed_by_the_next_prompt(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, script({"say": "The word is marmalade."}, {"wait": True}))
    await client.wait_one_of(
        {
            "item.started": lambda p: p["item"].get("text", "").endswith("marmalade."),
            "item.delta": lambda p: p["data"].endswith("marmalade."),
        }
    )
    process = (await client.call("process.list", lane_id=lane["lane_id"]))["processes"][0]
    rig.kill()
    os.kill(process["pid"], signal.SIGKILL)
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    cut = (await wait_turn(again, turn_id))[1]
    assert (cut["status"], cut["problem"]["code"], cut["resumable"]) == ("interrupted", "AGENT_EXITED", True)
    items = (await again.call("item.list", {"turn_id": turn_id}))["items"]
    assert {item["status"] for item in items} <= {"completed", "canceled"}
    assert [item["text"] for item in items if item["kind"] == "message"] == ["The word is marmalade."]
    second = await prompt(again, session, script({"recall": 5}))
    topic, turn = await wait_turn(again, second)
    assert topic == "turn.completed" and "marmalade" in turn["summary"]
    resumed = (await again.call("session.get", session_id=session["session_id"]))["session"]
    assert resumed["agent_session_id"] == session["agent_session_id"]
    await again.close()


async def test_a_lost_runner_is_told_and_its_survivors_are_ended(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await spawn(client, lane["lane_id"], "sh", "-c", "trap '' HUP TERM; while :; do sleep 1; done")
    turn_id = await prompt(client, session, script({"wait": True}))
    await client.wait("turn.started")
    for pid in rig.runner_pids():
        os.kill(pid, signal.SIGKILL)
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "RUNNER_LOST")
    closed = (await client.wait("terminal.closed"))["terminal"]
    assert closed["problem"]["code"] == "RUNNER_LOST"
    for _ in range(200):
        if not rig.find_marked(lane["lane_id"]):
            break
        await asyncio.sleep(0.05)
    assert not rig.find_marked(lane["lane_id"])
    again = await prompt(client, session, script({"say": "again"}))
    topic, turn = await wait_turn(client, again)
    assert (topic, turn["summary"]) == ("turn.completed", "again")


async def test_a_command_is_not_done_twice_across_a_crash(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    terminal = {"envelope_id": "spawn-1", "correlation_id": "c-1", "lane_id": lane["lane_id"]}
    first = await client.request("terminal.spawn", {**terminal, "payload": {"argv": ["cat"]}})
    await client.wait("terminal.spawned")
    rig.kill()
    rig.start()
    again = await rig.connect()
    assert await again.request("terminal.spawn", {**terminal, "payload": {"argv": ["cat"]}}) == first
    assert len((await again.call("terminal.list"))["terminals"]) == 1
    await again.close()


async def test_an_operation_that_was_cut_is_finished(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    (Path(lane["worktrees"][0]["path"]) / "new.txt").write_text("new\n")
    await client.call("lane.merge", lane_id=lane["lane_id"])
    rig.kill()
    rig.start()
    again = await rig.connect()
    for _ in range(200):
        found = (await again.call("lane.get", lane_id=lane["lane_id"]))["lane"]
        if "operation" not in found:
            break
        await asyncio.sleep(0.05)
    assert "problem" not in found, found["problem"]
    assert rig.git("rev-parse", "main") == found["merges"][0]["merge_commit"]
    assert rig.git("status", "--porcelain") == ""
    assert (rig.folder / "repo" / "new.txt").exists()
    await again.close()


async def test_two_peers_see_the_same_and_one_that_stalls_delays_nobody(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    terminal_id = await spawn(
        client, lane["lane_id"], "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo done; cat"
    )
    slow = await rig.connect("slow")
    fast = await rig.connect("fast")
    await slow.call(
        "terminal.attach", {"offset": 0, "window_bytes": 65536, "flow": "lossless"}, terminal_id=terminal_id
    )
    await fast.call("terminal.attach", {"offset": 0, "flow": "lossless", "encoding": "base64"}, terminal_id=terminal_id)
    await fast.wait("terminal.output", lambda p: b"done" in base64.b64decode(p["data"]))
    got = b"".join(base64.b64decode(p["data"]) for p in fast.payloads("terminal.output"))
    assert got.count(b"x") == 3_000_000
    held = sum(len(p["data"]) for p in slow.payloads("terminal.output"))
    assert held <= 65536
    while held < len(got):
        await slow.call("terminal.ack", {"consumed": held}, terminal_id=terminal_id)
        want = held
        await slow.wait("terminal.output", lambda p, want=want: p["offset"] >= want)  # type: ignore[misc]
        held = sum(len(p["data"]) for p in slow.payloads("terminal.output"))
    assert "".join(p["data"] for p in slow.payloads("terminal.output")).encode() == got
    await slow.close()
    await fast.close()
