"""The port `Runners` when a server or a runner dies, and what two servers do to each other."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.runners.scene import LANE, Bench, read_all, shell, until
from agentlanes.adapters.runners.launch import launch_runner
from agentlanes.adapters.runners.runners import LocalRunners
from agentlanes.kernel.ports.runners import (
    Exit,
    Exited,
    Grew,
    Lost,
    ProcessState,
    Replaced,
    RunnerError,
    RunnerErrorCode,
    Runners,
    TerminalSize,
)
from runner.rig import find_marked, is_alive

SERVER_THAT_DIES = """
import asyncio, os, sys
from pathlib import Path
from agentlanes.adapters.runners.runners import LocalRunners
from agentlanes.kernel.ports.runners import SpawnPlan

async def main():
    folder = Path(sys.argv[1])
    server = LocalRunners(folder / "run", folder / "tapes", linger_ms=100)
    await server.start()
    program = "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done; read x; echo heard $x"
    env = {"PATH": os.environ["PATH"]}
    await server.spawn(sys.argv[2], SpawnPlan("p", ("sh", "-c", program), "/", env))
    await server.write("p", b"from the dead\\n", n=1)
    print("spawned", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


async def test_a_killed_server_loses_nothing(bench: Bench) -> None:
    argv = [sys.executable, "-c", SERVER_THAT_DIES, str(bench.run_dir.parent), LANE]
    dying = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    assert dying.stdout is not None
    assert await dying.stdout.readline() == b"spawned\n"
    dying.kill()
    await dying.wait()
    server = bench.server()
    adoption = await server.start()
    assert [(report.process_id, report.last_n) for report in adoption.reports] == [("p", 1)]
    assert (adoption.lost_lanes, adoption.unreachable) == ((), ())
    await server.write("p", b"once more\n", n=1)
    expected = b"".join(b"line %d\n" % number for number in range(30_000)) + b"heard from the dead\n"
    await until(lambda: all(report.state is ProcessState.EXITED for report in server.reports()))
    assert read_all(server.tape("p", "out")) == expected


async def test_an_exit_while_no_server_was_there(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "read x; exit 6"))
    await server.spawn(LANE, shell("q", "exec cat", size=TerminalSize(80, 24)))
    await server.close()
    pid = bench.runner_pid()
    # Nobody is connected: the runner is told by signal to end everything.
    os.kill(pid, signal.SIGTERM)
    await until(lambda: not bench.is_running())
    successor = bench.server()
    adoption = await successor.start()
    reports = {report.process_id: report for report in adoption.reports}
    # The closed stdin makes the shell's read fail, and the terminal hangs up.
    assert reports["p"].exit == Exit(6, None)
    assert reports["q"].exit == Exit(None, signal.SIGHUP)
    assert reports["q"].size == TerminalSize(80, 24)
    assert reports["p"].streams["out"].open is False
    assert adoption.lost_lanes == ()
    for code, process_id in ((RunnerErrorCode.PROCESS_ENDED, "p"), (RunnerErrorCode.PROCESS_UNKNOWN, "x")):
        with pytest.raises(RunnerError) as refused:
            await successor.write(process_id, b"x", n=1)
        assert refused.value.code is code
    await successor.forget("p")
    await successor.forget("q")
    assert list(bench.run_dir.iterdir()) == []


TREE = "setsid sleep 1000 & (setsid sh -c 'trap \"\" TERM HUP; sleep 1000' &) ; echo; exec sleep 1000"


@pytest.mark.faults
async def test_a_killed_runner_is_lost_and_its_survivors_are_swept(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("done", "exit 3"))
    await bench.event(Exited, "done")
    await server.spawn(LANE, shell("p", TREE))
    await until(lambda: read_all(server.tape("p", "out")) and len(find_marked(bench.tapes_dir, "p")) == 4)
    os.kill(bench.runner_pid(), signal.SIGKILL)
    lost = await until(lambda: next((event for event in bench.heard if isinstance(event, Lost)), None))
    assert lost == Lost(LANE, ("p",))
    assert find_marked(bench.tapes_dir, "p") == []
    states = {report.process_id: report.state for report in server.reports()}
    assert states == {"done": ProcessState.EXITED, "p": ProcessState.LOST}
    with pytest.raises(RunnerError) as refused:
        await server.write("p", b"x", n=1)
    assert refused.value.code is RunnerErrorCode.RUNNER_LOST
    assert (await server.spawn(LANE, shell("p", "echo again"))).state is ProcessState.LOST
    await server.forget("p")
    assert (await server.spawn(LANE, shell("q", "exec cat"))).state is ProcessState.RUNNING
    assert [event for event in bench.heard if isinstance(event, Lost)] == [lost]


@pytest.mark.faults
async def test_many_ends_are_forgotten_at_once_when_the_runner_is_gone(bench: Bench, server: Runners) -> None:
    names = [f"p{number}" for number in range(20)]
    for name in names:
        await server.spawn(LANE, shell(name, "exec cat"))
    os.kill(bench.runner_pid(), signal.SIGKILL)
    await until(lambda: any(isinstance(event, Lost) for event in bench.heard))
    await asyncio.gather(*[server.forget(name) for name in names])
    assert server.reports() == ()
    assert list(bench.run_dir.iterdir()) == []


@pytest.mark.faults
async def test_a_runner_that_died_before_the_server_came(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", TREE))
    await until(lambda: len(find_marked(bench.tapes_dir, "p")) == 4)
    await server.close()
    os.kill(bench.runner_pid(), signal.SIGKILL)
    await until(lambda: not bench.is_running())
    assert bench.place().socket.exists()
    successor = bench.server()
    adoption = await successor.start()
    assert adoption.lost_lanes == (LANE,)
    assert [(report.process_id, report.state) for report in adoption.reports] == [("p", ProcessState.LOST)]
    assert find_marked(bench.tapes_dir, "p") == []
    assert not bench.place().socket.exists()
    await successor.close()
    third = bench.server()
    adoption = await third.start()
    assert adoption.lost_lanes == ()
    assert [report.state for report in adoption.reports] == [ProcessState.LOST]
    await third.forget("p")
    assert list(bench.run_dir.iterdir()) == []


async def test_a_journal_of_another_boot_names_nobody_alive(bench: Bench, server: Runners) -> None:
    await server.close()
    env = {"AGENTLANES_PROCESS": "p", "AGENTLANES_STATE": str(bench.tapes_dir)}
    stranger = await asyncio.create_subprocess_exec("/bin/sleep", "1000", env=env)
    try:
        start = int(Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19])
        records = [
            {"k": "start", "lane_id": LANE, "home": str(bench.tapes_dir), "pid": 1, "start": 1, "boot_id": "another"},
            {"k": "spawning", "process_id": "p"},
            {"k": "spawned", "process_id": "p", "pid": stranger.pid, "start": start},
        ]
        bench.place().journal.write_text("".join(json.dumps(record) + "\n" for record in records))
        adoption = await bench.server().start()
        assert [report.state for report in adoption.reports] == [ProcessState.LOST]
        assert is_alive(stranger.pid)
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_broken_connection_is_made_again_and_nothing_is_missed(bench: Bench, server: LocalRunners) -> None:
    gate = bench.run_dir / "gate"
    await server.spawn(LANE, shell("p", f"until [ -e {gate} ]; do sleep 0.01; done; echo late; exit 2"))
    for _ in range(3):
        lane = server._lane(LANE)
        assert lane._connection is not None
        lane._connection.close()
        await lane._connection.closed.wait()
        await until(lambda: server._lane(LANE)._connection)
    lane = server._lane(LANE)
    assert lane._connection is not None
    lane._connection.close()
    gate.touch()
    assert (await bench.event(Exited, "p")).exit == Exit(2, None)
    assert (await bench.event(Grew, "p")).end == 5
    assert not any(isinstance(event, Lost) for event in bench.heard)
    gate.unlink()


async def test_requests_survive_a_broken_connection(bench: Bench, server: LocalRunners) -> None:
    await server.spawn(LANE, shell("p", "exec cat"))
    for number in range(1, 41):
        writing = asyncio.create_task(server.write("p", b"%d " % number, n=number))
        await asyncio.sleep(0)
        connection = server._lane(LANE)._connection
        if connection is not None and number % 2:
            connection.close()
        await writing
    expected = b"".join(b"%d " % number for number in range(1, 41))
    await until(lambda: read_all(server.tape("p", "out")) == expected)


async def test_a_newer_server_takes_over(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "exec cat"))
    newer = await bench.started()
    await until(lambda: Replaced(LANE) in bench.heard)
    with pytest.raises(RunnerError) as refused:
        await server.write("p", b"x", n=1)
    assert refused.value.code is RunnerErrorCode.RUNNER_REPLACED
    await newer.write("p", b"y", n=1)
    await until(lambda: read_all(newer.tape("p", "out")) == b"y")


async def test_a_stale_socket_is_no_obstacle(bench: Bench, server: Runners) -> None:
    bench.place().socket.touch()
    await server.spawn(LANE, shell("p", "exec cat"))


class FutureRunner(asyncio.Protocol):
    """A runner of a protocol that this server does not speak."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        request = json.loads(data)
        error = {"code": "RUNNER_VERSION_UNSUPPORTED", "message": "I speak [7]", "details": {"supported": [7]}}
        self.transport.write(json.dumps({"id": request["id"], "error": error}).encode() + b"\n")


async def test_a_runner_of_an_unknown_version_is_left_alone(bench: Bench, server: Runners) -> None:
    await server.close()
    place = bench.place()
    records = [
        {"k": "start", "lane_id": LANE, "pid": os.getpid(), "start": 1, "boot_id": "x"},
        {"k": "spawning", "process_id": "p"},
    ]
    place.journal.write_text("".join(json.dumps(record) + "\n" for record in records))
    with place.journal.open() as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        future = await asyncio.get_running_loop().create_unix_server(FutureRunner, str(place.socket))
        successor = bench.server()
        adoption = await successor.start()
        (unreachable,) = adoption.unreachable
        assert (unreachable.lane_id, unreachable.pid) == (LANE, os.getpid())
        assert unreachable.error.code is RunnerErrorCode.RUNNER_VERSION_UNSUPPORTED
        assert [report.state for report in adoption.reports] == [ProcessState.RUNNING]
        with pytest.raises(RunnerError) as refused:
            await successor.spawn(LANE, shell("q", "true"))
        assert refused.value.details == {"supported": [7]}
        await successor.close()
        future.close()
        await future.wait_closed()


async def test_a_runner_of_nobody_is_adopted_empty(bench: Bench, server: Runners) -> None:
    await launch_runner(bench.place(), bench.tapes_dir, linger_ms=100)
    successor = bench.server()
    assert await successor.start() == await successor.start()
    await successor.stop_lane(LANE)
    assert not bench.is_running()
