"""Terminals that were recorded, replayed from what `agentlanes export` writes, with a server and without one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn

WORDS = "Wörter — 🐟 "


def export(rig: Rig, *arguments: str) -> tuple[int, bytes, str]:
    done = subprocess.run(
        [sys.executable, "-m", "agentlanes", "export", *arguments], env=rig.env, check=False, capture_output=True
    )
    return done.returncode, done.stdout, done.stderr.decode()


async def record(rig: Rig, client: Client) -> str:
    """A terminal that prints, is resized, prints again and ends."""
    lane = await make_lane(client, rig)
    shell = (
        f"i=0; while [ $i -lt 2000 ]; do printf '{WORDS}'; i=$((i+1)); done; read line; stty size; sleep 0.3; exit 7"
    )
    spawned = await client.call("terminal.spawn", {"argv": ["sh", "-c", shell], "cols": 90}, lane_id=lane["lane_id"])
    terminal_id = str(spawned["terminal"]["terminal_id"])
    await client.wait("terminal.spawned")
    await client.call("terminal.attach", {"offset": 0, "flow": "lossless"}, terminal_id=terminal_id)
    await client.call("terminal.resize", {"cols": 70, "rows": 20}, terminal_id=terminal_id)
    await client.call("terminal.input", {"data": "go\n"}, terminal_id=terminal_id)
    await client.wait("terminal.closed")
    return terminal_id


def replay(lines: list[bytes]) -> tuple[dict[str, Any], list[Any], bytes]:
    """What a player makes of an asciicast."""
    header = json.loads(lines[0])
    events = [json.loads(line) for line in lines[1:] if line and not line.startswith(b"#")]
    assert all(interval >= 0 and code in "orx" for interval, code, _ in events)
    return header, events, "".join(data for _, code, data in events if code == "o").encode()


async def test_a_recording_replays_to_the_same_bytes(rig: Rig, client: Client) -> None:
    terminal_id = await record(rig, client)
    chunk = await client.call("terminal.read", {"offset": 0, "max_bytes": 1 << 22}, terminal_id=terminal_id)
    code, cast, _ = export(rig, terminal_id)
    assert code == 0
    header, events, output = replay(cast.split(b"\n"))
    assert output.decode() == chunk["data"] and WORDS * 2000 in chunk["data"]
    assert (header["version"], header["term"]) == (3, {"cols": 90, "rows": 24, "type": "xterm-256color"})
    assert [data for _, code, data in events if code == "r"] == ["70x20"]
    assert events[-1][1:] == ["x", "7"]
    # It slept before it ended, and the recording waits as well.
    assert sum(interval for interval, _, _ in events) >= 0.25
    code, text, _ = export(rig, terminal_id, "--format", "text")
    assert (code, text) == (0, output)
    closed = (await client.call("terminal.get", terminal_id=terminal_id))["terminal"]
    assert (closed["state"], closed["cols"], closed["rows"]) == ("closed", 70, 20)
    rig.stop()
    assert export(rig, terminal_id) == (0, cast, "")
    assert rig.server is not None and rig.server.poll() is not None


async def test_a_terminal_that_closes_while_no_server_runs_keeps_its_last_size(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    spawned = await client.call("terminal.spawn", {"argv": ["sh", "-c", "read line"]}, lane_id=lane["lane_id"])
    terminal_id = spawned["terminal"]["terminal_id"]
    await client.wait("terminal.spawned")
    await client.call("terminal.resize", {"cols": 70, "rows": 20, "claim": True}, terminal_id=terminal_id)
    process = (await client.call("process.list", lane_id=lane["lane_id"]))["processes"][0]
    rig.kill()
    os.kill(process["pid"], signal.SIGKILL)
    for _ in range(1000):
        if not Path(f"/proc/{process['pid']}").exists():
            break
        await asyncio.sleep(0.01)
    rig.start()
    again = await rig.connect()
    closed = (await again.call("terminal.get", terminal_id=terminal_id))["terminal"]
    assert (closed["state"], closed["cols"], closed["rows"]) == ("closed", 70, 20)
    await again.close()


async def test_what_is_no_recording_is_refused(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    await wait_turn(client, await prompt(client, session, script({"say": "hi"})))
    code, text, why = export(rig, "tm_01JQ8Z7V5M3K9T2XWB4C6D0E01")
    assert (code, text) == (1, b"") and "has no terminal tm_01JQ8Z7V5M3K9T2XWB4C6D0E01" in why
    code, text, why = export(rig, session["process_id"])
    assert (code, text) == (1, b"") and "ran on no terminal" in why
