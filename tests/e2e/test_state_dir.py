"""A state folder that is not as it should be: one clear error, or none, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agentlanes.cli.fold import fold_log
from e2e.rig import Rig, make_clean_rig
from e2e.story import make_lane

ALREADY_RUNS = 75
SOME_OTHER_USER = 65534
SERVE_SECONDS = 30.0


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An installation whose server was never started."""
    with make_clean_rig() as rig:
        yield rig


def refuse(rig: Rig, *arguments: str, code: int = 1, **env: str) -> str:
    """What `serve` says when it does not start: one line."""
    done = subprocess.run(
        [sys.executable, "-m", "agentlanes", "serve", *arguments],
        env={**rig.env, **env},
        capture_output=True,
        text=True,
        timeout=SERVE_SECONDS,
    )
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("agentlanes: ")
    return line


def state_dir(rig: Rig) -> Path:
    return rig.folder / "s"


async def make_workspaces(rig: Rig, count: int) -> list[str]:
    client = await rig.connect()
    names = [f"w{n}" for n in range(count)]
    for name in names:
        await client.call("workspace.create", {"name": name, "root_paths": [str(rig.folder)]})
    await client.close()
    return names


async def list_workspaces(rig: Rig) -> list[str]:
    client = await rig.connect()
    found = (await client.call("workspace.list"))["workspaces"]
    await client.close()
    return [workspace["name"] for workspace in found]


def test_a_state_dir_without_permission(rig: Rig) -> None:
    state_dir(rig).mkdir(mode=0o700)
    if os.getuid() == 0:
        os.chown(state_dir(rig), SOME_OTHER_USER, SOME_OTHER_USER)
    else:
        state_dir(rig).chmod(0o500)
    line = refuse(rig)
    assert str(state_dir(rig)) in line and "AGENTLANES_STATE_DIR" in line


def test_a_state_dir_that_cannot_be_made(rig: Rig) -> None:
    (rig.folder / "file").write_text("")
    file = str(rig.folder / "file")
    for path, told in ((file, file), (f"{file}/below", file), (f"/proc/{'n' * 300}",) * 2, ("/proc/nothing",) * 2):
        line = refuse(rig, AGENTLANES_STATE_DIR=path)
        assert told in line and "AGENTLANES_STATE_DIR" in line


def test_a_state_dir_that_others_could_read_is_made_private(rig: Rig) -> None:
    state_dir(rig).mkdir(mode=0o755)
    rig.start()
    for path in (state_dir(rig), state_dir(rig) / "run", state_dir(rig) / "tapes"):
        assert path.stat().st_mode & 0o777 == 0o700, path
    assert rig.socket.stat().st_mode & 0o777 == 0o600
    assert (state_dir(rig) / "log.db").stat().st_mode & 0o077 == 0 or state_dir(rig).stat().st_mode & 0o077 == 0


async def test_a_state_dir_with_a_very_long_path(rig: Rig) -> None:
    deep = rig.folder.joinpath(*["long" * 40] * 2)
    rig.env["AGENTLANES_STATE_DIR"] = str(deep)
    rig.start()
    client = await rig.connect()
    await client.call("event.subscribe")
    lane = await make_lane(client, rig)
    terminal = (await client.call("terminal.spawn", {"argv": ["cat"]}, lane_id=lane["lane_id"]))["terminal"]
    await client.wait("terminal.spawned")
    rig.kill()
    await client.close()
    rig.start()
    client = await rig.connect()
    found = (await client.call("terminal.get", terminal_id=terminal["terminal_id"]))["terminal"]
    assert found["state"] == "active"
    await client.call("terminal.close", terminal_id=terminal["terminal_id"])
    await client.close()
    # The sockets are in a private folder with a short name, and everything else is where it was asked for.
    run_dir = Path((deep / "run.path").read_text())
    assert run_dir.stat().st_mode & 0o777 == 0o700
    rig.clear()
    shutil.rmtree(run_dir)


def test_a_path_that_is_too_long_for_a_log(rig: Rig) -> None:
    deep = rig.folder.joinpath(*["long" * 40] * 4)
    line = refuse_after_log(rig, AGENTLANES_STATE_DIR=str(deep))
    assert "longer than" in line and "AGENTLANES_STATE_DIR" in line
    shutil.rmtree((deep / "run.path").read_text())


def test_a_lock_that_was_left_behind(rig: Rig) -> None:
    state_dir(rig).mkdir(mode=0o700)
    for content in (f"{os.getpid()}\n", "not a pid", ""):
        (state_dir(rig) / "server.lock").write_text(content)
        rig.start()
        rig.stop()


async def test_a_socket_that_was_left_behind(rig: Rig) -> None:
    rig.start()
    assert rig.server is not None
    rig.server.kill()
    rig.server.wait()
    assert rig.socket.is_socket()
    rig.start()
    assert await list_workspaces(rig) == []


def test_something_else_where_the_socket_should_be(rig: Rig) -> None:
    (state_dir(rig) / "run").mkdir(mode=0o700, parents=True)
    rig.socket.write_text("precious")
    done = refuse_after_log(rig)
    assert str(rig.socket) in done and "not a socket" in done
    assert rig.socket.read_text() == "precious"


def refuse_after_log(rig: Rig, **env: str) -> str:
    """As `refuse`, where something may be logged before."""
    done = subprocess.run(
        [sys.executable, "-m", "agentlanes", "serve"],
        env={**rig.env, **env},
        capture_output=True,
        text=True,
        timeout=SERVE_SECONDS,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


async def test_a_second_server_refuses_to_start(rig: Rig) -> None:
    rig.start()
    assert rig.server is not None
    names = await make_workspaces(rig, 1)
    line = refuse(rig, code=ALREADY_RUNS)
    assert str(rig.server.pid) in line and "--replace" in line
    assert await list_workspaces(rig) == names


async def test_of_many_servers_at_once_one_runs(rig: Rig) -> None:
    argv = [sys.executable, "-m", "agentlanes", "serve"]
    servers = [await asyncio.create_subprocess_exec(*argv, env=rig.env, stderr=DEVNULL) for _ in range(4)]
    waiting = {asyncio.ensure_future(server.wait()) for server in servers}
    for _ in range(len(servers) - 1):
        ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=SERVE_SECONDS)
        assert {code.result() for code in ended} <= {ALREADY_RUNS}
        if len(waiting) == 1:
            break
    (runs,) = [server for server in servers if server.returncode is None]
    for _ in range(500):
        if rig.socket.exists():
            break
        await asyncio.sleep(0.02)
    client = await rig.connect()
    assert (await client.call("server.status"))["pid"] == runs.pid
    await client.close()
    runs.terminate()
    assert await waiting.pop() == 0


@pytest.mark.parametrize("keep", [0.5, 0.9])
async def test_a_truncated_log_is_refused_and_kept(rig: Rig, keep: float) -> None:
    rig.start()
    await make_workspaces(rig, 60)
    rig.stop()
    path = state_dir(rig) / "log.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    cut = path.read_bytes()
    line = refuse_after_log(rig)
    assert str(path) in line and "damaged" in line
    assert path.read_bytes() == cut, "what may still be rescued was changed"
    path.write_bytes(whole)
    rig.start()
    assert len(await list_workspaces(rig)) == 60


async def test_an_emptied_log_does_not_end_what_runs(rig: Rig) -> None:
    rig.start()
    client = await rig.connect()
    await client.call("event.subscribe")
    lane = await make_lane(client, rig)
    terminal = (await client.call("terminal.spawn", {"argv": ["cat"]}, lane_id=lane["lane_id"]))["terminal"]
    await client.wait("terminal.spawned")
    await client.close()
    rig.stop()
    path = state_dir(rig) / "log.db"
    whole = path.read_bytes()
    path.write_bytes(b"")
    assert "is empty" in refuse_after_log(rig)
    assert path.read_bytes() == b""
    path.write_bytes(whole)
    rig.start()
    client = await rig.connect()
    found = (await client.call("terminal.get", terminal_id=terminal["terminal_id"]))["terminal"]
    assert found["state"] == "active"
    await client.call("terminal.close", terminal_id=terminal["terminal_id"])
    await client.close()


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_log_that_is_no_log(rig: Rig, content: bytes) -> None:
    state_dir(rig).mkdir(mode=0o700)
    path = state_dir(rig) / "log.db"
    path.write_bytes(content)
    line = refuse_after_log(rig)
    assert str(path) in line
    assert path.read_bytes() == content


async def test_a_log_with_a_hole_is_refused(rig: Rig) -> None:
    rig.start()
    await make_workspaces(rig, 5)
    rig.stop()
    path = state_dir(rig) / "log.db"
    with closing(sqlite3.connect(path)) as log:
        log.execute("DELETE FROM events WHERE seq = 3")
        log.commit()
    line = refuse_after_log(rig)
    assert "damaged" in line and "5" in line


async def test_a_log_of_a_newer_version_is_refused_and_kept(rig: Rig) -> None:
    rig.start()
    names = await make_workspaces(rig, 2)
    rig.stop()
    path = state_dir(rig) / "log.db"
    with closing(sqlite3.connect(path)) as log:
        (version,) = log.execute("PRAGMA user_version").fetchone()
        log.execute(f"PRAGMA user_version = {version + 1}")
    before = path.read_bytes()
    line = refuse_after_log(rig)
    assert "newer" in line and str(version + 1) in line
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path)) as log:
        log.execute(f"PRAGMA user_version = {version}")
    rig.start()
    assert await list_workspaces(rig) == names
    rig.stop()
    fold_log(path)


def test_a_client_says_once_why_no_server_started(rig: Rig) -> None:
    state_dir(rig).mkdir(mode=0o700)
    (state_dir(rig) / "log.db").write_bytes(b"this is no database, " * 100)
    done = subprocess.run(
        [sys.executable, "-m", "agentlanes", "call", "server.status"], env=rig.env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"agentlanes: the server did not start: {state_dir(rig)}/log.db is damaged")
    assert done.stderr.count("agentlanes: ") == 1 and "cannot start" not in done.stderr


def test_a_log_that_cannot_be_written(rig: Rig) -> None:
    path = state_dir(rig) / "log.db"
    path.mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o700)
    assert str(path) in refuse_after_log(rig)
