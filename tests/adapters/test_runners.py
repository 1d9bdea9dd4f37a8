"""The port `Runners` over real runners: adoption, repetition, loss, and what two servers do to each other."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import uvloop

from agentlanes.adapters.runners.launch import launch_runner
from agentlanes.adapters.runners.place import RunnerPlace
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
    RunnerEvent,
    Runners,
    SpawnPlan,
    Swept,
    TapeLimit,
    TapeReader,
    TerminalSize,
)
from agentlanes.runner.journal import JournalBusyError, lock_journal, read_journal
from runner.rig import PATIENCE, count_fds, find_marked, is_alive, make_folder

T = TypeVar("T")

LANE = "lane_01JABCDEFGHJKMNPQRSTVWXYZ0"
OTHER_LANE = "lane_01JABCDEFGHJKMNPQRSTVWXYZ1"
ENV = {"PATH": os.environ["PATH"]}


async def until(condition: Callable[[], T | None]) -> T:
    """The first true value of `condition`."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition does not come"
        await asyncio.sleep(0.005)
    return value


def shell(process_id: str, script: str, *, size: TerminalSize | None = None, sweep_on_exit: bool = False) -> SpawnPlan:
    return SpawnPlan(process_id, ("sh", "-c", script), "/tmp", ENV, size=size, sweep_on_exit=sweep_on_exit)


def read_all(reader: TapeReader) -> bytes:
    data = b""
    while chunk := reader.read(len(data), 1 << 20).data:
        data += chunk
    reader.close()
    return data


class Bench:
    """A state dir, the servers that were started on it, and what they heard."""

    def __init__(self, folder: Path) -> None:
        self.run_dir = folder / "run"
        self.tapes_dir = folder / "tapes"
        self.servers: list[LocalRunners] = []
        self.heard: list[RunnerEvent] = []

    def server(self) -> LocalRunners:
        server = LocalRunners(self.run_dir, self.tapes_dir, linger_ms=100)
        server.subscribe(self.heard.append)
        self.servers.append(server)
        return server

    async def started(self) -> LocalRunners:
        server = self.server()
        await server.start()
        return server

    def place(self, lane_id: str = LANE) -> RunnerPlace:
        return RunnerPlace.of_lane(self.run_dir, lane_id)

    def runner_pid(self, lane_id: str = LANE) -> int:
        return read_journal(str(self.place(lane_id).journal), alive=True).runner_pid

    def is_running(self, lane_id: str = LANE) -> bool:
        try:
            os.close(lock_journal(str(self.place(lane_id).journal), create=False))
        except JournalBusyError:
            return True
        except FileNotFoundError:
            pass
        return False

    async def event(self, wanted: type[T], process_id: str) -> T:
        def find() -> T | None:
            for event in self.heard:
                if isinstance(event, wanted) and getattr(event, "process_id", None) == process_id:
                    return event
            return None

        return await until(find)

    async def clear(self) -> None:
        for server in self.servers:
            await server.close()
        cleaner = LocalRunners(self.run_dir, self.tapes_dir, linger_ms=0)
        await cleaner.start()
        for lane_id in (LANE, OTHER_LANE):
            await cleaner.stop_lane(lane_id, grace_ms=0)
        assert find_marked(self.tapes_dir) == []
        await cleaner.close()
        logs = {path: path.read_text() for path in self.run_dir.glob("*.log")}
        assert not any(logs.values()), logs


@pytest.fixture
async def bench(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Bench]:
    """Afterwards no runner, no process, no descriptor, no task and no error in the log is left."""
    before = count_fds(os.getpid())
    with make_folder() as folder:
        bench = Bench(folder)
        try:
            yield bench
        finally:
            await bench.clear()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert count_fds(os.getpid()) == before
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
async def server(bench: Bench) -> Runners:
    return await bench.started()


async def test_a_process_from_start_to_end(bench: Bench, server: Runners) -> None:
    report = await server.spawn(LANE, shell("p", "read x; echo got $x; exit 4"))
    assert (report.state, report.lane_id, report.size, report.last_n) == (ProcessState.RUNNING, LANE, None, 0)
    assert set(report.streams) == {"out", "err"}
    await server.write("p", b"it\n", n=1)
    exited = await bench.event(Exited, "p")
    assert exited == Exited("p", Exit(4, None), {"out": 7, "err": 0})
    assert Grew("p", "out", 7) in bench.heard
    assert read_all(server.tape("p", "out")) == b"got it\n"
    (report,) = server.reports()
    assert (report.state, report.exit, report.streams["out"].end) == (ProcessState.EXITED, Exit(4, None), 7)
    await server.forget("p")
    await server.forget("p")
    assert server.reports() == ()
    await until(lambda: not bench.is_running())
    assert list(bench.run_dir.iterdir()) == []
    assert read_all(server.tape("p", "out")) == b"got it\n"
    await server.erase("p")
    await server.erase("p")
    assert list(bench.tapes_dir.iterdir()) == []


@pytest.mark.parametrize("process_id", ["", ".", "..", "../run", "a/b"])
async def test_only_tapes_are_erased(bench: Bench, server: Runners, process_id: str) -> None:
    with pytest.raises(RunnerError) as refused:
        await server.erase(process_id)
    assert refused.value.code is RunnerErrorCode.BAD_REQUEST
    await server.spawn(LANE, shell("p", "exec cat"))
    with pytest.raises(RunnerError):
        await server.erase("p")


async def test_a_closed_server_opens_nothing_again(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "exec cat"))
    await server.close()
    with pytest.raises(RunnerError) as refused:
        await server.write("p", b"x", n=1)
    assert refused.value.retryable


async def test_a_terminal(bench: Bench, server: Runners) -> None:
    plan = shell("p", "stty -echo; echo go; read x; stty size; exec sh -c 'read y'", size=TerminalSize(100, 30))
    report = await server.spawn(LANE, plan)
    assert report.size == TerminalSize(100, 30)
    await until(lambda: read_all(server.tape("p", "pty")))
    await server.resize("p", TerminalSize(90, 20))
    await server.write("p", b"\n", input_id="a")
    await server.write("p", b"\n", input_id="a")
    await until(lambda: read_all(server.tape("p", "pty")) == b"go\r\n20 90\r\n")
    await server.close_stdin("p")
    assert (await bench.event(Exited, "p")).exit.exit_code is not None
    with pytest.raises(RunnerError) as refused:
        await server.resize("p", TerminalSize(90, 20))
    assert refused.value.code is RunnerErrorCode.PROCESS_ENDED


async def test_spawning_is_idempotent_for_ever(bench: Bench, server: Runners) -> None:
    plan = shell("p", "echo once")
    first, second = await asyncio.gather(server.spawn(LANE, plan), server.spawn(LANE, plan))
    assert first.pid == second.pid
    await bench.event(Exited, "p")
    await until(lambda: not bench.is_running())
    assert (await server.spawn(LANE, plan)).exit == Exit(0, None)
    await server.close()
    successor = await bench.started()
    assert (await successor.spawn(LANE, plan)).exit == Exit(0, None)
    assert read_all(successor.tape("p", "out")) == b"once\n"


async def test_an_exit_right_behind_the_spawn_is_heard(bench: Bench, server: Runners) -> None:
    for number in range(20):
        await server.spawn(LANE, shell(f"p{number}", "exit 1"))
    for number in range(20):
        assert (await bench.event(Exited, f"p{number}")).exit == Exit(1, None)


async def test_every_lane_has_its_runner(bench: Bench, server: Runners) -> None:
    await asyncio.gather(
        *(server.spawn(lane, shell(f"{n}-{lane}", "sleep 100")) for lane in (LANE, OTHER_LANE) for n in range(3))
    )
    assert bench.runner_pid(LANE) != bench.runner_pid(OTHER_LANE)
    assert len(list(bench.run_dir.glob("*.sock"))) == 2
    await server.stop_lane(LANE, grace_ms=0)
    assert not bench.is_running(LANE)
    assert {report.lane_id for report in server.reports() if report.state is ProcessState.RUNNING} == {OTHER_LANE}


async def test_stop_ends_the_whole_tree(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "trap '' TERM; setsid sleep 1000 & sleep 1000 & echo; wait; wait; wait"))
    await until(lambda: read_all(server.tape("p", "out")))
    await server.stop("p", grace_ms=20)
    assert (await bench.event(Exited, "p")).exit.signal == signal.SIGKILL
    assert (await bench.event(Swept, "p")).left == ()
    assert find_marked(bench.tapes_dir, "p") == []


async def test_stopping_a_lane_without_a_runner_ends_what_was_left_behind(bench: Bench, server: Runners) -> None:
    await server.stop_lane(LANE)
    for process_id in ("p", "q"):
        leaving = "trap '' HUP; sleep 1000 >/dev/null </dev/null &"
        await server.spawn(LANE, shell(process_id, leaving, size=TerminalSize(80, 24)))
        await bench.event(Exited, process_id)
    await until(lambda: not bench.is_running())
    assert len(find_marked(bench.tapes_dir)) == 2
    await server.stop("p")
    assert Swept("p", 1, ()) in bench.heard
    assert find_marked(bench.tapes_dir, "p") == []
    await server.stop_lane(LANE)
    assert find_marked(bench.tapes_dir, "q") == []


async def test_a_sweep_that_nobody_heard_is_told_later(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "setsid sh -c 'echo; exec sleep 1000' & exec cat"))
    await until(lambda: read_all(server.tape("p", "out")))
    await server.stop("p", grace_ms=0)
    await server.close()
    await until(lambda: not find_marked(bench.tapes_dir, "p"))
    await until(lambda: not bench.is_running())
    (report,) = (await bench.server().start()).reports
    assert report.swept == Swept("p", 1, ())


@pytest.mark.parametrize(
    ("plan", "code", "errno"),
    [
        (SpawnPlan("p", ("no-such-program",), "/", ENV), RunnerErrorCode.SPAWN_FAILED, "ENOENT"),
        (SpawnPlan("p", ("true",), "/no/such", ENV), RunnerErrorCode.SPAWN_FAILED, "ENOENT"),
        (SpawnPlan("p", (), "/", ENV), RunnerErrorCode.BAD_REQUEST, None),
    ],
)
async def test_a_spawn_that_fails_says_why(
    server: Runners, plan: SpawnPlan, code: RunnerErrorCode, errno: str | None
) -> None:
    with pytest.raises(RunnerError) as refused:
        await server.spawn(LANE, plan)
    assert (refused.value.code, refused.value.details.get("errno")) == (code, errno)
    assert not refused.value.retryable
    assert server.reports() == ()


async def test_a_path_that_is_no_text_is_no_problem(bench: Bench, server: Runners) -> None:
    folder = os.fsdecode(os.fsencode(bench.run_dir.parent) + b"/\xff\xfe")
    Path(folder).mkdir()
    await server.spawn(LANE, SpawnPlan("p", ("pwd",), folder, {**ENV, "X": os.fsdecode(b"\xff")}))
    await bench.event(Exited, "p")
    assert read_all(server.tape("p", "out")) == os.fsencode(folder) + b"\n"
    with pytest.raises(RunnerError, match="SPAWN_FAILED"):
        await server.spawn(LANE, SpawnPlan("q", ("pwd",), folder + "/no", ENV))


async def test_writes_are_numbered_across_servers(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "exec cat"))
    await server.write("p", b"one ", n=1)
    await server.close()
    successor = await bench.started()
    (report,) = successor.reports()
    assert report.last_n == 1
    await successor.write("p", b"ONE ", n=1)
    with pytest.raises(RunnerError) as refused:
        await successor.write("p", b"three", n=3)
    assert (refused.value.code, refused.value.details["last_n"]) == (RunnerErrorCode.WRITE_OUT_OF_ORDER, 1)
    await successor.write("p", b"two", n=2)
    await until(lambda: read_all(successor.tape("p", "out")) == b"one two")


async def test_a_lossless_tape_is_released(bench: Bench, server: Runners) -> None:
    plan = SpawnPlan(
        "p",
        ("sh", "-c", "head -c 50000 /dev/zero"),
        "/",
        ENV,
        tapes={"out": TapeLimit(cap_bytes=20_000, segment_bytes=10_000, lossless=True)},
    )
    await server.spawn(LANE, plan)
    with pytest.raises(RunnerError):
        await server.release("p", 1, stream="err")
    read = 0
    with_reader = server.tape("p", "out")
    while read < 50_000:
        chunk = with_reader.read(read, 7000)
        assert chunk.skipped == 0
        read += len(chunk.data)
        await server.release("p", read)
    with_reader.close()
    await bench.event(Exited, "p")


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


async def test_two_states_with_the_same_ids_do_not_mix(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "setsid sleep 1000 & exec cat"))
    with make_folder() as folder:
        twin = LocalRunners(folder / "run", folder / "tapes", linger_ms=0)
        await twin.start()
        await twin.spawn(LANE, shell("p", "setsid sleep 1000 & exec cat"))
        await until(lambda: len(find_marked(folder / "tapes", "p")) == 2)
        await until(lambda: len(find_marked(bench.tapes_dir, "p")) == 2)
        await twin.stop_lane(LANE, grace_ms=0)
        await twin.close()
        assert find_marked(folder / "tapes") == []
    assert len(find_marked(bench.tapes_dir, "p")) == 2


async def test_two_lanes_with_one_name_do_not_mix(bench: Bench, server: Runners) -> None:
    await server.spawn(LANE, shell("p", "exec cat"))
    twin = "twin_" + LANE[-10:]
    with pytest.raises(RunnerError) as refused:
        await server.spawn(twin, shell("q", "exec cat"))
    assert refused.value.code is RunnerErrorCode.RUNNER_LANE_MISMATCH
    await server.write("p", b"x", n=1)


async def test_a_runner_that_cannot_start_says_why(
    bench: Bench, server: Runners, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/no/such/python")
        with pytest.raises(RunnerError) as refused:
            await server.spawn(LANE, shell("p", "true"))
        assert refused.value.code is RunnerErrorCode.RUNNER_START_FAILED
        patch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(RunnerError) as refused:
            await server.spawn(LANE, shell("p", "true"))
        assert refused.value.details["exit_code"] == 1
    bench.tapes_dir.rmdir()
    bench.tapes_dir.touch()
    with pytest.raises(RunnerError, match="File exists"):
        await server.spawn(LANE, shell("p", "true"))
    bench.tapes_dir.unlink()
    bench.place().log.write_text("why it fell\n")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/true")
        with pytest.raises(RunnerError) as refused:
            await server.spawn(LANE, shell("p", "true"))
        assert refused.value.details["log"] == "why it fell\n"
    assert (await server.spawn(LANE, shell("p", "exec cat"))).pid
    await server.stop_lane(LANE, grace_ms=0)
    await server.forget("p")
    assert bench.place().log.read_text() == "why it fell\n"
    await server.close()
    await bench.started()
    assert list(bench.run_dir.iterdir()) == []


async def test_names_that_cannot_be_files_are_refused(bench: Bench, server: Runners) -> None:
    for lane_id in ("", "a/b", "../x", "ä"):
        with pytest.raises(RunnerError) as refused:
            await server.spawn(lane_id, shell("p", "true"))
        assert refused.value.code is RunnerErrorCode.BAD_REQUEST
    with pytest.raises(ValueError, match="100 bytes"):
        LocalRunners(bench.run_dir / ("x" * 100), bench.tapes_dir)


async def test_a_runner_inherits_nothing_of_the_server(
    bench: Bench, server: Runners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTLANES_PROCESS", "outer")
    monkeypatch.setenv("SECRET", "1")
    await server.spawn(LANE, shell("p", "env; umask; exec cat"))
    environment = Path(f"/proc/{bench.runner_pid()}/environ").read_bytes()
    assert b"AGENTLANES_PROCESS" not in environment
    assert b"SECRET" not in environment


async def test_a_runner_of_nobody_is_adopted_empty(bench: Bench, server: Runners) -> None:
    await launch_runner(bench.place(), bench.tapes_dir, linger_ms=100)
    successor = bench.server()
    assert await successor.start() == await successor.start()
    await successor.stop_lane(LANE)
    assert not bench.is_running()


async def test_a_listener_that_fails_disturbs_nobody(
    bench: Bench, server: Runners, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: RunnerEvent) -> None:
        raise RuntimeError

    unsubscribe = server.subscribe(fail)
    late: list[RunnerEvent] = []
    server.subscribe(late.append)
    await server.spawn(LANE, shell("p", "true"))
    await until(lambda: any(isinstance(event, Exited) for event in late))
    unsubscribe()
    assert any("a listener failed" in record.message for record in caplog.records)
    caplog.clear()


def test_it_runs_on_uvloop() -> None:
    async def run(folder: Path) -> None:
        bench = Bench(folder)
        server = await bench.started()
        await server.spawn(LANE, shell("p", "read x; echo $x"))
        await server.write("p", b"fast\n", n=1)
        await bench.event(Exited, "p")
        assert read_all(server.tape("p", "out")) == b"fast\n"
        await bench.clear()

    with make_folder() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(folder))


async def test_limits_and_measures(bench: Bench, server: Runners) -> None:
    holding = "held = bytearray(32 << 20); held[::4096] = b'x' * len(held[::4096]); import time; time.sleep(1000)"
    await server.spawn(LANE, SpawnPlan("p", (sys.executable, "-S", "-c", holding), "/tmp", ENV))
    usage = (await server.measure(["p", "unknown"]))["p"]
    assert usage.processes >= 1 and usage.memory_bytes > 0
    await server.limit("p", memory_mb=4096, cpu_percent=100)
    await server.close()
    again = await bench.started()
    assert [report.limited for report in again.reports()] == [True]
    await again.limit("p", memory_mb=16)
    exited = await bench.event(Exited, "p")
    assert exited.breach is not None and exited.breach.limit == "memory_limit_mb"
    assert await again.measure(["p"]) == {}


async def test_a_runner_of_an_older_version_says_what_it_cannot(bench: Bench, server: LocalRunners) -> None:
    await server.spawn(LANE, shell("p", "sleep 1000"))
    # As its hello says that knows of no features.
    server._lanes[LANE].features = frozenset()
    with pytest.raises(RunnerError) as refused:
        await server.limit("p", memory_mb=1)
    assert refused.value.code is RunnerErrorCode.RUNNER_TOO_OLD and not refused.value.retryable
    assert await server.measure(["p"]) == {}
