"""The port `Runners` over real runners: what it starts, writes, reads, repeats and refuses."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
import uvloop

from adapters.runners.scene import ENV, LANE, OTHER_LANE, Bench, read_all, shell, until
from agentlanes.adapters.runners.runners import LocalRunners
from agentlanes.kernel.ports.runners import (
    Exit,
    Exited,
    Grew,
    ProcessState,
    RunnerError,
    RunnerErrorCode,
    RunnerEvent,
    Runners,
    SpawnPlan,
    TapeLimit,
    TerminalSize,
)
from runner.rig import find_marked, make_folder


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
