"""Terminals: their tapes go with them, and a signal reaches what a key would."""

from __future__ import annotations

import asyncio

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn


async def test_tapes_go_with_their_terminal_and_session(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    terminal = (await client.call("terminal.spawn", {"argv": ["echo", "hello"]}, lane_id=lane["lane_id"]))["terminal"]
    terminal_id = terminal["terminal_id"]
    await client.wait("terminal.closed")
    assert "hello" in (await client.call("terminal.read", terminal_id=terminal_id))["data"]
    session = await make_session(client, lane)
    await wait_turn(client, await prompt(client, session, script({"say": "Hello."})))
    await client.call("session.terminate", session_id=session["session_id"])
    await client.wait("session.terminated")
    tapes = rig.folder / "s" / "tapes"
    assert len(list(tapes.iterdir())) == 2
    await client.call("terminal.delete", terminal_id=terminal_id)
    await client.call("session.delete", session_id=session["session_id"])
    for _ in range(200):
        if not list(tapes.iterdir()):
            break
        await asyncio.sleep(0.05)
    assert not list(tapes.iterdir())


async def test_a_signal_reaches_what_runs_in_the_foreground(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    spawn = {"argv": ["bash", "--norc", "-i"]}
    terminal_id = (await client.call("terminal.spawn", spawn, lane_id=lane["lane_id"]))["terminal"]["terminal_id"]
    await client.wait("terminal.spawned")
    await client.call("terminal.attach", {"offset": 0}, terminal_id=terminal_id)
    await client.call("terminal.input", {"data": "sh -c 'echo re''ady; sleep 100'\n"}, terminal_id=terminal_id)
    await client.wait("terminal.output", lambda p: "ready" in p["data"])
    await client.call("terminal.signal", {"signal": "SIGINT"}, terminal_id=terminal_id)
    await client.call("terminal.input", {"data": "echo ended $?\n"}, terminal_id=terminal_id)
    await client.wait("terminal.output", lambda p: "ended 130" in p["data"])
    assert (await client.call("terminal.get", terminal_id=terminal_id))["terminal"]["state"] == "active"
