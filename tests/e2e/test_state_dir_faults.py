"""Full disks, servers that take over, and runners of another release: what runs goes on, and nothing is half done.

A disk is made full by the kernel: RLIMIT_FSIZE of the running process is lowered, and lifted again.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentlanes.cli.fold import fold_log
from e2e.rig import Client, Rig, RpcError
from e2e.story import add_lane, make_lane, make_session, prompt, script, wait_turn

SPEECH = script({"pace": 20}, {"say": "word " * 60})


@contextlib.contextmanager
def full_disk(pid: int, size: int) -> Iterator[None]:
    """No file of the process grows beyond `size` bytes."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


async def said(client: Client, turn_id: str) -> str:
    items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
    return "".join(item["text"] for item in items if item["kind"] == "message")


async def spawn(client: Client, lane: dict[str, Any], line: str) -> str:
    call = client.call("terminal.spawn", {"argv": ["sh", "-c", line]}, lane_id=lane["lane_id"])
    terminal_id = str((await call)["terminal"]["terminal_id"])
    topic, payload = await client.wait_one_of(
        {
            topic: lambda p: p["terminal"]["terminal_id"] == terminal_id
            for topic in ("terminal.spawned", "terminal.spawn.failed")
        }
    )
    assert topic == "terminal.spawned", payload
    return terminal_id


async def test_a_full_disk_under_the_log(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, SPEECH)
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    assert rig.server is not None
    wal = rig.folder / "s" / "log.db-wal"
    create = {"correlation_id": "full", "envelope_id": "full", "payload": {"root_paths": [str(rig.folder)]}}
    with full_disk(rig.server.pid, wal.stat().st_size):
        for attempt in range(3):
            with pytest.raises(RpcError) as refused:
                await client.request("workspace.create", create)
            assert refused.value.code == "STORE_UNAVAILABLE", attempt
            assert refused.value.error["data"]["retryable"]
        # Reads go on, and know nothing of what was refused.
        assert len((await client.call("workspace.list"))["workspaces"]) == 1
        assert (await client.call("lane.get", lane_id=lane["lane_id"]))["lane"]["status"] == "running"
        other = await rig.connect("other")
        assert len((await other.call("event.subscribe"))["snapshot"]["workspaces"]) == 1
        assert (await client.call("lane.diff", lane_id=lane["lane_id"]))["worktrees"]
        await other.close()
    created = await client.request("workspace.create", create)
    assert await client.request("workspace.create", create) == created
    assert len((await client.call("workspace.list"))["workspaces"]) == 2
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.completed"
    assert await said(client, turn_id) == "word " * 60
    rig.stop()
    fold_log(rig.folder / "s" / "log.db")


async def test_a_server_that_is_killed_on_a_full_disk(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, SPEECH)
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    assert rig.server is not None
    with full_disk(rig.server.pid, (rig.folder / "s" / "log.db-wal").stat().st_size):
        with pytest.raises(RpcError):
            await client.call("workspace.create", {"root_paths": [str(rig.folder)]})
        rig.server.kill()
        rig.server.wait()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    assert (await wait_turn(again, turn_id))[0] == "turn.completed"
    assert await said(again, turn_id) == "word " * 60
    assert len((await again.call("workspace.list"))["workspaces"]) == 1
    await again.close()


async def test_a_full_disk_under_a_tape(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    terminal_id = await spawn(client, lane, "read go; seq 1 20000; echo end; cat")
    (runner,) = rig.runner_pids()
    with full_disk(runner, 50_000):
        await client.call("terminal.input", {"data": "go\n"}, terminal_id=terminal_id)
        await client.wait("terminal.state.changed", lambda p: p["terminal"]["state"] == "throttled")
        # Another lane has a runner of its own.
        other = await add_lane(client, lane["workspace_id"], "Other")
        await spawn(client, other, "cat")
    await client.wait("terminal.state.changed", lambda p: p["terminal"]["state"] == "active" and "reason" not in p)
    text = ""
    for _ in range(250):
        chunk = await client.call("terminal.read", {"offset": 0, "max_bytes": 1 << 20}, terminal_id=terminal_id)
        text = chunk["data"]
        if "end" in text:
            break
        await asyncio.sleep(0.02)
    lines = text.split("\r\n")
    assert lines[lines.index("1") : lines.index("end")] == [str(n) for n in range(1, 20001)]


async def test_a_server_is_replaced_while_a_turn_runs(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    session = await make_session(client, lane)
    terminal_id = await spawn(client, lane, "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done")
    turn_id = await prompt(client, session, SPEECH)
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    old = rig.server
    assert old is not None
    seen = max(frame["params"].get("seq", 0) for frame in client.notifications)
    rig.start("--replace")
    assert old.wait(10) == 0
    again = await rig.connect()
    assert (await again.call("server.status"))["generation"] == 2
    await again.call("event.subscribe", {"after_seq": seen})
    assert (await wait_turn(again, turn_id))[0] == "turn.completed"
    assert await said(again, turn_id) == "word " * 60
    numbers = [frame["params"]["seq"] for frame in again.notifications if "seq" in frame["params"]]
    assert numbers == list(range(seen + 1, seen + 1 + len(numbers)))
    await again.call("terminal.close", terminal_id=terminal_id)
    chunk = await again.call("terminal.read", {"offset": 0, "max_bytes": 1 << 20}, terminal_id=terminal_id)
    lines = chunk["data"].split("\r\n")[:-1]
    assert lines == [str(n) for n in range(1, len(lines) + 1)]
    await again.close()


def test_replace_where_none_runs(rig: Rig) -> None:
    rig.stop()
    rig.start("--replace")


def copy_release(rig: Rig) -> Path:
    """A release whose runners speak another version of the runners' protocol."""
    source = Path(__file__).parents[2] / "server"
    release = rig.folder / "release"
    shutil.copytree(source, release, ignore=shutil.ignore_patterns("__pycache__"))
    wire = release / "agentlanes" / "runner" / "wire.py"
    text, count = re.subn(r"^RUNNER_PROTOCOL = 1$", "RUNNER_PROTOCOL = 1000", wire.read_text(), flags=re.MULTILINE)
    assert count == 1
    wire.write_text(text)
    return release


async def test_a_runner_of_another_release_is_left_alone(rig: Rig) -> None:
    release = str(copy_release(rig))
    ours = rig.env["PYTHONPATH"]
    rig.stop()
    rig.start(PYTHONPATH=release)
    client = await rig.connect()
    await client.call("event.subscribe")
    lane = await make_lane(client, rig)
    terminal_id = await spawn(client, lane, "while read line; do echo got $line; done")
    await client.call("terminal.input", {"data": "one\n"}, terminal_id=terminal_id)
    rig.kill()
    await client.close()
    pids = rig.find_marked(lane["lane_id"])
    rig.start(PYTHONPATH=ours)
    client = await rig.connect()
    await client.call("event.subscribe")
    found = (await client.call("terminal.get", terminal_id=terminal_id))["terminal"]
    assert found["state"] == "active" and "problem" not in found
    with pytest.raises(RpcError) as refused:
        await client.call("terminal.input", {"data": "two\n"}, terminal_id=terminal_id)
    assert refused.value.code == "RUNNER_UNREACHABLE"
    assert refused.value.details["reason"] == "RUNNER_VERSION_UNSUPPORTED"
    # What it printed is read all the same, a new process of the lane is refused, and another lane works.
    chunk = await client.call("terminal.read", {"offset": 0, "max_bytes": 4096}, terminal_id=terminal_id)
    assert "got one" in chunk["data"]
    call = client.call("terminal.spawn", {"argv": ["cat"]}, lane_id=lane["lane_id"])
    blocked = (await call)["terminal"]["terminal_id"]
    failed = await client.wait("terminal.spawn.failed", lambda p: p["terminal"]["terminal_id"] == blocked)
    assert failed["terminal"]["problem"]["code"] == "RUNNER_UNREACHABLE"
    assert failed["terminal"]["problem"]["details"]["reason"] == "RUNNER_VERSION_UNSUPPORTED"
    other = await add_lane(client, lane["workspace_id"], "Other")
    await spawn(client, other, "cat")
    assert rig.find_marked(lane["lane_id"]) == pids
    rig.kill()
    await client.close()
    rig.start(PYTHONPATH=release)
    client = await rig.connect()
    await client.call("terminal.input", {"data": "three\n"}, terminal_id=terminal_id)
    for _ in range(250):
        chunk = await client.call("terminal.read", {"offset": 0, "max_bytes": 4096}, terminal_id=terminal_id)
        if "got three" in chunk["data"]:
            break
        await asyncio.sleep(0.02)
    assert "got two" not in chunk["data"] and "got three" in chunk["data"]
    await client.close()
