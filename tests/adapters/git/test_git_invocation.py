"""One git process: what it sees, how it is bounded, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from adapters.git.conftest import children, open_files
from agentlanes.adapters.git.invocation import Call, Place, Program
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


def fake_git(folder: Path, script: str) -> str:
    """An executable that stands in for git."""
    path = folder / "fake-git"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def make_program(folder: Path, script: str) -> Program:
    (folder / "git-home").mkdir(exist_ok=True)
    return Program(fake_git(folder, script), folder / "git-home")


def call(program: Program, *arguments: str, stdin: bytes = b"", seconds: float = 20, limit: int | None = None) -> Call:
    return Call(program.nowhere, arguments or ("status",), stdin=stdin, seconds=seconds, max_output=limit)


@pytest.fixture(autouse=True)
async def _nothing_stays() -> object:
    before = open_files()
    yield
    # A pipe's transport closes in the loop turn after its end was read.
    await asyncio.sleep(0)
    assert open_files() <= before
    assert children() == []


async def test_the_servers_environment_does_not_reach_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "evil")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("LD_PRELOAD_OF_AGENT", "x")
    monkeypatch.setenv("HOME", "/root-of-someone")
    program = make_program(tmp_path, "env")
    place = Place(tmp_path / "dir", work_tree=tmp_path)
    seen = (await program.run(Call(place, ["x"]))).out.decode().splitlines()
    variables = dict(line.split("=", 1) for line in seen)
    assert variables["GIT_DIR"] == str(tmp_path / "dir")
    assert variables["HOME"] == str(tmp_path / "git-home")
    assert variables["GIT_SSH_COMMAND"] == "false"
    assert variables["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert variables["GIT_ALLOW_PROTOCOL"] == "none"
    assert not {"GIT_CONFIG_COUNT", "LD_PRELOAD_OF_AGENT"} & variables.keys()


async def test_a_git_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    program = make_program(tmp_path, "sleep 1000 & sleep 1000; echo never")
    with pytest.raises(GitRefusal) as refused:
        await program.run(call(program, "-c", "a=b", "status", seconds=0.3))
    assert refused.value.code is RefusalCode.GIT_TIMEOUT
    assert refused.value.retryable
    assert refused.value.details["command"] == "status"


async def test_a_cancelled_call_is_stopped_with_its_children(tmp_path: Path) -> None:
    program = make_program(tmp_path, f"sleep 1000 & touch {tmp_path}/started; sleep 1000")
    running = asyncio.ensure_future(program.run(call(program, seconds=1000)))
    while not (tmp_path / "started").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_output_is_cut_where_its_limit_is(tmp_path: Path) -> None:
    program = make_program(tmp_path, "yes line")
    outcome = await program.run(call(program, limit=100_000))
    assert outcome.cut
    assert outcome.out == (b"line\n" * 20_000)


async def test_a_failure_names_command_code_and_reason(tmp_path: Path) -> None:
    program = make_program(tmp_path, "echo noise >&2; echo 'fatal: no luck' >&2; exit 3")
    with pytest.raises(GitRefusal) as refused:
        await program.run(call(program, "rev-parse"))
    assert refused.value.code is RefusalCode.GIT_FAILED
    assert refused.value.message == "git rev-parse failed: fatal: no luck"
    assert refused.value.details == {"command": "rev-parse", "exit_code": 3, "stderr": "noise\nfatal: no luck"}


async def test_a_flood_of_complaints_does_not_block(tmp_path: Path) -> None:
    program = make_program(tmp_path, "yes complaint | head -c 5000000 >&2; echo done")
    assert (await program.run(call(program))).out == b"done\n"


async def test_input_is_fed_while_output_is_read(tmp_path: Path) -> None:
    program = make_program(tmp_path, "cat")
    content = os.urandom(3_000_000)
    assert (await program.run(call(program, stdin=content))).out == content


async def test_input_that_nobody_reads_is_no_failure(tmp_path: Path) -> None:
    program = make_program(tmp_path, "echo answer")
    assert (await program.run(call(program, stdin=b"x" * 3_000_000))).out == b"answer\n"


async def test_a_pipe_joins_two_commands(tmp_path: Path) -> None:
    program = make_program(tmp_path, 'for last; do :; done; if [ "$last" = a ]; then cat; else tr a-z A-Z; fi')
    outcome = await program.pipe(call(program, "a", stdin=b"x" * 1_000_000), call(program, "b"))
    assert outcome.out == b"X" * 1_000_000


@pytest.mark.parametrize("failing", ["a", "b"])
async def test_a_pipe_fails_where_one_end_fails(tmp_path: Path, failing: str) -> None:
    other = "yes" if failing == "b" else "cat"
    program = make_program(tmp_path, f'for last; do :; done; if [ "$last" = {failing} ]; then exit 7; else {other}; fi')
    with pytest.raises(GitRefusal):
        await program.pipe(call(program, "a"), call(program, "b"))


async def test_a_missing_git_is_told(tmp_path: Path) -> None:
    program = Program(str(tmp_path / "no-git"), tmp_path / "git-home")
    with pytest.raises(GitRefusal) as refused:
        await program.check()
    assert refused.value.code is RefusalCode.GIT_MISSING


@pytest.mark.parametrize("version", ["git version 2.30.2", "git version 1.8", "hg 6.0"])
async def test_an_old_git_is_told(tmp_path: Path, version: str) -> None:
    program = make_program(tmp_path, f"echo {version}")
    with pytest.raises(GitRefusal) as refused:
        await program.check()
    assert refused.value.code is RefusalCode.GIT_TOO_OLD


async def test_the_version_is_asked_once(tmp_path: Path) -> None:
    program = make_program(tmp_path, f"echo x >> {tmp_path}/asked; echo git version 2.38.0")
    await program.check()
    await program.check()
    assert (tmp_path / "asked").read_text() == "x\n"


async def test_too_many_arguments_are_told(tmp_path: Path) -> None:
    program = make_program(tmp_path, "true")
    with pytest.raises(GitRefusal) as refused:
        await program.run(Call(program.nowhere, ["x", *["y" * 100_000] * 100]))
    assert refused.value.code is RefusalCode.GIT_FAILED


async def test_a_call_that_is_cancelled_before_it_begins(tmp_path: Path) -> None:
    program = Program(fake_git(tmp_path, "sleep 0.2"), tmp_path, parallel=1)
    running = [asyncio.ensure_future(program.run(call(program))) for _ in range(4)]
    await asyncio.sleep(0)
    for task in running[1:]:
        task.cancel()
    assert (await running[0]).code == 0
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*running[1:], return_exceptions=True)
    )


async def test_a_cancelled_pipe_leaves_nothing(tmp_path: Path) -> None:
    program = make_program(tmp_path, f"touch {tmp_path}/started; sleep 1000")
    running = asyncio.ensure_future(program.pipe(call(program, seconds=1000), call(program, seconds=1000)))
    while not (tmp_path / "started").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_vanished_folder_is_not_a_missing_git(tmp_path: Path) -> None:
    program = make_program(tmp_path, "true")
    with pytest.raises(GitRefusal) as refused:
        await program.run(Call(Place(tmp_path, work_tree=tmp_path / "gone"), ["status"]))
    assert refused.value.code is RefusalCode.WORKTREE_MISSING
