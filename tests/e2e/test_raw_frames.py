"""Raw frames: both directions, in the order in which they came, with a server, beside one and without one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn


def read_frames(rig: Rig, session_id: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "agentlanes", "log", "--raw", session_id], env=rig.env, check=True, capture_output=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(frames: list[dict[str, Any]]) -> None:
    """A request stands before its answer, whoever asked."""
    asked: set[tuple[str, Any]] = set()
    for found in frames:
        frame, direction = found["frame"], found["direction"]
        if "method" in frame and "id" in frame:
            asked.add((direction, frame["id"]))
        elif "id" in frame:
            assert ("sent" if direction == "received" else "received", frame["id"]) in asked, frame
    assert [found["at"] for found in frames] == sorted(found["at"] for found in frames)


async def test_frames_of_both_directions_stay(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    session_id = session["session_id"]
    asks = script({"write": {"path": "a.txt", "text": "a\n", "ask": True}}, {"garbage": {"text": "no JSON"}})
    turn_id = await prompt(client, session, asks)
    approval = (await client.wait("approval.requested"))["approval"]
    before = read_frames(rig, session_id)
    check(before)
    await client.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    await wait_turn(client, turn_id)
    frames = read_frames(rig, session_id)
    assert frames[: len(before)] == before
    garbled = [found for found in frames if "text" in found]
    assert [found["text"] for found in garbled] == ["no JSON"]
    frames = [found for found in frames if "text" not in found]
    check(frames)
    sent = [found for found in frames if found["direction"] == "sent"]
    assert [found["n"] for found in sent] == list(range(1, len(sent) + 1))
    methods = [found["frame"].get("method") for found in sent]
    assert methods == ["initialize", "session/new", "session/prompt", None]
    assert sent[2]["turn_id"] == sent[3]["turn_id"] == turn_id and "turn_id" not in sent[1]
    await client.call("session.detach", session_id=session_id)
    await client.wait("session.detached")
    rig.stop()
    kept = [found for found in read_frames(rig, session_id) if "text" not in found]
    assert kept[: len(frames)] == frames
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    second = await prompt(again, session, script({"say": "on"}))
    await wait_turn(again, second)
    both = [found for found in read_frames(rig, session_id) if "text" not in found]
    assert both[: len(kept)] == kept
    resumed = both[len(kept) :]
    check(resumed)
    assert len({found["process_id"] for found in both}) == 2
    assert [found["frame"]["method"] for found in resumed if found["direction"] == "sent"][1] == "session/resume"
    await again.close()


async def test_frames_are_followed(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    following = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "agentlanes", "log", "--raw", session["session_id"], "--follow"),
        env=rig.env,
        stdout=asyncio.subprocess.PIPE,
    )
    assert following.stdout is not None
    try:
        async with asyncio.timeout(60):
            first = json.loads(await following.stdout.readline())
            assert first["frame"]["method"] == "initialize"
            turn_id = await prompt(client, session, script({"say": "Followed."}))
            while True:
                found = json.loads(await following.stdout.readline())
                if "stopReason" in found["frame"].get("result", {}):
                    break
            assert (found["direction"], found["turn_id"]) == ("received", turn_id)
    finally:
        following.terminate()
        await following.wait()
