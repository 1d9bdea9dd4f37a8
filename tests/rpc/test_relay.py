"""`agentlanes stdio` as an editor starts it: a real process, in front of a real server process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agentlanes import relay
from agentlanes.__main__ import main
from rpc.stand_ins import PATIENCE, Client, frame, until

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

TESTS = Path(__file__).parent.parent
PROGRAM = """
import sys
from agentlanes import relay
from agentlanes.__main__ import main
relay.SERVER = (sys.executable, "-P", "-m", "rpc.server_program", {mode!r})
relay.START_SECONDS = {start_seconds}
relay.DRAIN_SECONDS = {drain_seconds}
sys.exit(main({argv!r}))
"""


class Relay(Client):
    """A relay process and the client at its stdio."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None and process.stdin is not None:
            super().__init__(process.stdout, process.stdin)
        self.process = process

    async def end(self) -> tuple[int, str]:
        """The exit code and what was said on stderr."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            complaint = await self.process.stderr.read()
            return await self.process.wait(), complaint.decode()


class Desktop:
    """One user's machine: a state folder, and whoever starts relays on it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.relays: list[Relay] = []

    @property
    def starts(self) -> list[int]:
        """The pids of the servers that were started."""
        path = self.state / "starts"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    async def start(
        self,
        *argv: str,
        mode: str = "serve",
        start_seconds: float = PATIENCE,
        drain_seconds: float = PATIENCE,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        stdio: socket.socket | None = None,
    ) -> Relay:
        program = PROGRAM.format(
            mode=mode, start_seconds=start_seconds, drain_seconds=drain_seconds, argv=["stdio", *argv]
        )
        pipe = asyncio.subprocess.PIPE
        ends = pipe if stdio is None else stdio.fileno()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", program,
            stdin=ends, stdout=ends, stderr=pipe, cwd=cwd,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.state),
                "AGENTLANES_STATE_DIR": str(self.state),
                "PYTHONPATH": f"{TESTS}:{TESTS.parent / 'server'}",
                **(env or {}),
            },
        )  # fmt: skip
        if stdio is not None:
            stdio.close()
        client = Relay(process)
        self.relays.append(client)
        return client

    async def close(self) -> None:
        for client in self.relays:
            with suppress(ProcessLookupError):
                client.process.kill()
            await client.process.communicate()
        for pid in self.starts:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await until(lambda: not any(is_running(pid) for pid in self.starts))


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def state() -> Iterator[Path]:
    # Short, because sockets are made in it.
    folder = Path(tempfile.mkdtemp(prefix="al-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def desktop(state: Path) -> AsyncIterator[Desktop]:
    desktop = Desktop(state)
    yield desktop
    await desktop.close()


async def test_the_first_relay_starts_the_server_and_the_next_finds_it(desktop: Desktop) -> None:
    first = await desktop.start()
    await first.initialize()
    second = await desktop.start("--stdio")
    await second.initialize()
    assert (await first.call("peer.show"))["result"]["pid"] == (await second.call("peer.show"))["result"]["pid"]
    assert len(desktop.starts) == 1


async def test_several_relays_at_once_get_one_server(desktop: Desktop) -> None:
    relays = await asyncio.gather(*(desktop.start() for _ in range(5)))
    await asyncio.gather(*(client.initialize() for client in relays))
    pids = {(await client.call("peer.show"))["result"]["pid"] for client in relays}
    assert len(pids) == 1


async def test_the_server_outlives_the_relay_and_its_folder(desktop: Desktop, state: Path) -> None:
    workspace = state / "workspace"
    workspace.mkdir()
    # Nothing is imported from where the editor stands.
    (workspace / "msgspec.py").write_text("raise SystemExit('this is not ours')")
    first = await desktop.start(cwd=workspace)
    await first.initialize()
    shown = (await first.call("peer.show"))["result"]
    assert (shown["cwd"], shown["here"]) == (str(workspace), str(state))
    os.killpg(os.getpgid(shown["pid"]), 0)
    assert os.getsid(shown["pid"]) == shown["pid"]
    first.process.kill()
    second = await desktop.start()
    await second.initialize()
    assert (await second.call("peer.show"))["result"]["pid"] == shown["pid"]


async def test_what_the_editor_left_open_is_not_held_by_the_server(desktop: Desktop) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        program = "import os, sys; os.set_inheritable({0}, True); os.execv(sys.argv[1], sys.argv[1:])"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program.format(writing),
            sys.executable, "-P", "-c",
            PROGRAM.format(mode="serve", start_seconds=PATIENCE, drain_seconds=PATIENCE, argv=["stdio"]),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            pass_fds=[writing],
            env={"AGENTLANES_STATE_DIR": str(desktop.state), "PYTHONPATH": f"{TESTS}:{TESTS.parent / 'server'}"},
        )  # fmt: skip
        client = Relay(process)
        desktop.relays.append(client)
        await client.initialize()
    finally:
        os.close(writing)
    client.process.kill()
    await client.process.wait()
    os.set_blocking(reading, False)
    assert os.read(reading, 1) == b""
    os.close(reading)
    assert is_running(desktop.starts[0])


async def test_the_preamble_carries_what_profiles_pass(desktop: Desktop, state: Path) -> None:
    env = {"XDG_DATA_HOME": "/data", "LC_ALL": "C.UTF-8", "MY_KEY": 'a "secret"\\\n\x01ü', "OTHER": "no", "LANG": "C"}
    first = await desktop.start(env=env)
    await first.initialize()
    shown = (await first.call("peer.show"))["result"]
    assert shown["version"] == relay.VERSION
    assert shown["env"].items() >= {"XDG_DATA_HOME": "/data", "LC_ALL": "C.UTF-8", "HOME": str(state)}.items()
    assert not shown["env"].keys() & {"MY_KEY", "OTHER", "AGENTLANES_STATE_DIR"}
    (state / "run" / "env_pass").write_text("MY_KEY\nNOT_SET\n")
    second = await desktop.start(env=env)
    await second.initialize()
    assert (await second.call("peer.show"))["result"]["env"]["MY_KEY"] == env["MY_KEY"]


async def test_a_server_that_does_not_start_is_told_in_one_line(desktop: Desktop, state: Path) -> None:
    (state / "server.log").write_text("a line of an earlier day\n")
    client = await desktop.start(mode="fail")
    code, complaint = await client.end()
    assert code == 1
    assert complaint == (
        "agentlanes: the server did not start: config.toml: line 3: no such driver: 'codexx' "
        f"(see {state}/server.log, try `agentlanes doctor`)\n"
    )
    assert await client.read_end() == b""


async def test_a_server_that_never_answers_is_not_waited_for_for_ever(desktop: Desktop, state: Path) -> None:
    client = await desktop.start(mode="silent", start_seconds=0.5)
    code, complaint = await client.end()
    assert code == 1
    assert complaint.startswith(f"agentlanes: no server answered at {state}/run/server.sock within 0.5 s")
    assert complaint.count("\n") == 1


async def test_when_the_server_dies_the_relay_says_so_and_the_next_starts_it_again(desktop: Desktop) -> None:
    first = await desktop.start()
    await first.initialize()
    first.request("server.die")
    code, complaint = await first.end()
    assert (code, complaint) == (
        1,
        "agentlanes: the server went away; what runs goes on, start again to come back to it\n",
    )
    second = await desktop.start()
    await second.initialize()
    assert len(desktop.starts) == 2


async def test_a_client_that_says_exit_ends_its_relay_quietly(desktop: Desktop) -> None:
    client = await desktop.start()
    await client.initialize()
    assert (await client.call("shutdown"))["result"] is None
    client.notify("exit")
    assert await client.end() == (0, "")
    assert is_running(desktop.starts[0])


async def test_after_the_end_of_stdin_everything_is_still_answered(desktop: Desktop) -> None:
    client = await desktop.start()
    client.request("initialize")
    client.request("big.read", size=5_000_000)
    client.writer.write_eof()
    assert "result" in await client.read()
    assert len((await client.read())["result"]) == 5_000_000
    assert await client.end() == (0, "")
    assert await client.read_end() == b""


async def test_after_the_end_of_stdin_a_silent_server_is_not_waited_for(desktop: Desktop) -> None:
    client = await desktop.start(drain_seconds=0.05)
    await client.initialize()
    client.request("gate.wait", gate="never")
    client.writer.write_eof()
    assert await client.end() == (0, "")


async def test_an_editor_that_is_gone_is_no_error(desktop: Desktop) -> None:
    client = await desktop.start()
    await client.initialize()
    client.reader._transport.close()  # type: ignore[attr-defined]
    client.request("big.read", size=1_000_000)
    assert await client.end() == (0, "")


async def test_large_frames_pass_both_ways(desktop: Desktop) -> None:
    client = await desktop.start()
    await client.initialize()
    text = "ü" * 4_000_000
    assert (await client.call("echo.now", text=text))["result"] == {"text": text}


async def test_an_editor_that_stops_reading_can_still_speak(desktop: Desktop) -> None:
    client = await desktop.start()
    await client.initialize()
    request = frame(b'{"jsonrpc":"2.0","id":1,"method":"big.read","params":{"size":400000}}')
    client.send_bytes(request * 2)
    client.request("event.subscribe")
    client.notify("exit")
    # The server has ended this peer, although much of what it wrote was not read yet.
    await client.writer.drain()
    assert len((await client.read())["result"]) == 400_000
    await client.read_end()
    assert await client.end() == (0, "")


async def test_stdio_may_be_one_socket_that_does_not_block(desktop: Desktop) -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    relay = await desktop.start(stdio=theirs)
    client = await Client.over(ours)
    await client.initialize()
    client.request("big.read", size=3_000_000)
    text = "x" * 3_000_000
    client.request("echo.now", text=text)
    assert len((await client.read())["result"]) == 3_000_000
    assert (await client.read())["result"] == {"text": text}
    await client.close()
    assert await relay.end() == (0, "")


EMBEDDED = """
import asyncio, socket
from agentlanes.relay import copy
from agentlanes.rpc.listener import Listener
from rpc.stand_ins import Desk, MemoryFeed

async def main():
    listener = Listener(Desk(), MemoryFeed(), lambda: "peer_1")
    ours, theirs = socket.socketpair()
    await listener.adopt(ours)
    code = await asyncio.to_thread(copy, theirs)
    await listener.close()
    return code

raise SystemExit(asyncio.run(main()))
"""


async def test_a_script_with_files_as_stdio_gets_all_its_answers(state: Path) -> None:
    requests = state / "requests"
    answers = state / "answers"
    requests.write_bytes(
        frame(b'{"jsonrpc":"2.0","id":1,"method":"initialize"}')
        + frame(b'{"jsonrpc":"2.0","id":2,"method":"echo.later","params":{"a":1}}')
    )
    with requests.open("rb") as stdin, answers.open("wb") as stdout:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", EMBEDDED, stdin=stdin, stdout=stdout,
            env={"PYTHONPATH": f"{TESTS}:{TESTS.parent / 'server'}"},
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
    assert answers.read_bytes().endswith(frame(b'{"jsonrpc":"2.0","id":2,"result":{"a":1}}'))


async def test_other_commands_go_to_the_cli(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    from agentlanes import cli

    monkeypatch.setattr(cli, "main", len)
    for argv in ([], ["status"], ["stdio", "--embedded"], ["stdio", "--stdio", "--help"]):
        assert main(argv) == len(argv)


async def test_the_relay_imports_next_to_nothing() -> None:
    program = (
        "import os, sys; before = set(sys.modules); import agentlanes.relay; print(*sorted(set(sys.modules) - before))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(TESTS.parent / "server")},
    )  # fmt: skip
    output, _ = await process.communicate()
    assert output.decode().split() == [
        "__future__", "_socket", "agentlanes", "agentlanes.locations", "agentlanes.relay",
    ]  # fmt: skip


async def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["project"]
    assert project["version"] == relay.VERSION
