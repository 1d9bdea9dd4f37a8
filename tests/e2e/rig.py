"""A real server in a state dir of its own, and a plain client that talks to its socket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from conformance.agreement import check_agreement
from conformance.oracle import Oracle

WAIT_SECONDS = 60.0
_numbers = itertools.count(1)


class RpcError(Exception):
    """An error answer."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['data'].get('code')}: {error['message']}")
        self.error = error
        self.code: str = error["data"]["code"]
        self.details: dict[str, Any] = error["data"].get("details", {})


class Client:
    """A peer. Notifications are kept in the order in which they came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._arrived = asyncio.Condition()
        self.notifications: list[dict[str, Any]] = []
        self.oracle = Oracle()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await self._reader.readuntil(b"\r\n\r\n")
                length = int(header.split(b":")[1])
                frame = json.loads(await self._reader.readexactly(length))
                self.oracle.received(frame)
                if "id" in frame and "method" not in frame:
                    self._pending.pop(frame["id"]).set_result(frame)
                    continue
                async with self._arrived:
                    self.notifications.append(frame)
                    self._arrived.notify_all()
        for future in self._pending.values():
            future.set_exception(ConnectionError("the server is gone"))
        self._pending.clear()

    def send(self, frame: Any) -> None:
        self.oracle.sent(frame)
        body = json.dumps(frame).encode()
        self._writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    @property
    def is_lost(self) -> bool:
        """Whether the server has ended the connection."""
        return self._task.done()

    async def request(self, method: str, params: dict[str, Any] | None = None) -> Any:
        if self.is_lost:
            raise ConnectionError("the server is gone")
        number = next(self._ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}})
        async with asyncio.timeout(WAIT_SECONDS):
            answer = await future
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    async def call(self, method: str, payload: dict[str, Any] | None = None, **envelope: str) -> Any:
        """The payload of the answer. A correlation is made where none is given."""
        envelope.setdefault("correlation_id", f"cor-{os.getpid()}-{next(_numbers)}")
        return (await self.request(method, {**envelope, "payload": payload or {}}))["payload"]

    async def wait(self, topic: str, holds: Callable[[dict[str, Any]], bool] = lambda payload: True) -> dict[str, Any]:
        """The payload of the first notification of a topic that holds, past or to come."""

        def find() -> dict[str, Any] | None:
            for frame in self.notifications:
                if frame["method"] == topic and holds(frame["params"]["payload"]):
                    payload: dict[str, Any] = frame["params"]["payload"]
                    return payload
            return None

        try:
            async with asyncio.timeout(WAIT_SECONDS), self._arrived:
                await self._arrived.wait_for(lambda: find() is not None)
        except TimeoutError:
            seen = [frame["method"] for frame in self.notifications]
            raise AssertionError(f"no {topic}; there came {seen}") from None
        found = find()
        assert found is not None
        return found

    async def wait_one_of(self, topics: dict[str, Callable[[dict[str, Any]], bool]]) -> tuple[str, dict[str, Any]]:
        """The first notification that fits one of several topics."""

        def find() -> tuple[str, dict[str, Any]] | None:
            for frame in self.notifications:
                holds = topics.get(frame["method"])
                if holds is not None and holds(frame["params"]["payload"]):
                    return frame["method"], frame["params"]["payload"]
            return None

        async with asyncio.timeout(WAIT_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: find() is not None)
        found = find()
        assert found is not None
        return found

    def payloads(self, topic: str) -> list[dict[str, Any]]:
        return [frame["params"]["payload"] for frame in self.notifications if frame["method"] == topic]

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        await self._task
        assert not self.oracle.violations, self.oracle.violations


class Rig:
    """Folders of one installation, its server process, and a user's repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ},
            "HOME": str(folder / "home"),
            "SHELL": "/bin/sh",
            "AGENTLANES_STATE_DIR": str(folder / "s"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "xdg-state"),
            "PYTHONPATH": str(Path(__file__).parents[2] / "server"),
            "AGENTLANES_DEMO_PACE_MS": "0",
        }
        (folder / "home").mkdir()
        (folder / "home" / ".gitconfig").write_text("[user]\n\tname = User\n\temail = user@example.org\n")
        self.server: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        state_dir = Path(self.env["AGENTLANES_STATE_DIR"])
        pointer = state_dir / "run.path"
        return (Path(pointer.read_text()) if pointer.exists() else state_dir / "run") / "server.sock"

    def configure(self, text: str) -> None:
        """Writes config.toml."""
        path = self.folder / "config" / "agentlanes" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self, *arguments: str, **env: str) -> None:
        """Starts the server and waits until it answers at its socket."""
        before = self._find_served()
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "agentlanes", "serve", *arguments],
                env={**self.env, **env},
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + WAIT_SECONDS
        while self._find_served() in (None, before):
            assert self.server.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _find_served(self) -> int | None:
        """Which socket answers; None where none does."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.socket))
                return self.socket.stat().st_ino
            except OSError:
                return None

    def kill(self) -> None:
        """kill -9. The socket stays behind, as after a real crash."""
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def stop(self) -> None:
        """Ends the server as `agentlanes stop` does."""
        assert self.server is not None
        self.server.terminate()
        self.server.wait(WAIT_SECONDS)

    async def connect(self, name: str = "test") -> Client:
        """An initialized peer."""
        reader, writer = await asyncio.open_unix_connection(str(self.socket), limit=1 << 26)
        client = Client(reader, writer)
        params = {
            "processId": None,
            "rootUri": None,
            "capabilities": {},
            "clientInfo": {"name": name},
            "initializationOptions": {"agentlanes": {"protocol_versions": ["1"]}},
        }
        try:
            await client.request("initialize", params)
        except BaseException:
            await client.close()
            raise
        client.send({"jsonrpc": "2.0", "method": "initialized", "params": {}})
        return client

    def git(self, *args: str, cwd: Path | None = None) -> str:
        """The user's own git."""
        done = subprocess.run(
            ["git", *args], cwd=cwd or self.folder / "repo", env=self.env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def run_shell(self, line: str) -> None:
        """What a user would paste into a shell in the repository."""
        subprocess.run(line, shell=True, cwd=self.folder / "repo", env=self.env, check=True, capture_output=True)

    def make_repo(self) -> Path:
        """A repository with one commit on main."""
        repo = self.folder / "repo"
        repo.mkdir()
        self.git("init", "-q", "-b", "main")
        (repo / "README.md").write_text("# A small project\n")
        (repo / ".gitignore").write_text("*.log\n")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "First")
        return repo

    def read_log(self) -> str:
        path = self.folder / "server.log"
        return path.read_text() if path.exists() else ""

    def runner_pids(self) -> list[int]:
        """Processes that hold lanes of this installation."""
        pids = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    if b"agentlanes.runner" in words and any(str(self.folder).encode() in word for word in words):
                        pids.append(int(entry.name))
        return pids

    def find_marked(self, lane_id: str) -> list[int]:
        """Processes that carry the lane's marker, wherever they went."""
        pids = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if f"AGENTLANES_LANE={lane_id}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                        pids.append(int(entry.name))
        return pids

    def clear(self) -> None:
        """Ends everything that was started here."""
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            self.server.wait(WAIT_SECONDS)
        for pid in self.runner_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + WAIT_SECONDS
        while self.runner_pids() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not self.runner_pids()


@contextlib.contextmanager
def make_rig() -> Iterator[Rig]:
    """An installation in a folder with a short name, because sockets' paths are short."""
    folder = Path(tempfile.mkdtemp(prefix="al-"))
    rig = Rig(folder)
    try:
        yield rig
    finally:
        rig.clear()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def make_clean_rig() -> Iterator[Rig]:
    """One with a user's repository. Afterwards nothing of it runs, and its servers logged no error."""
    with make_rig() as rig:
        rig.make_repo()
        yield rig
        rig.clear()
        assert " ERROR " not in rig.read_log(), rig.read_log()


@contextlib.asynccontextmanager
async def join(rig: Rig) -> AsyncIterator[Client]:
    """A peer that hears everything. Afterwards its mirror is what a new peer is given."""
    client = await rig.connect()
    try:
        await client.call("event.subscribe")
        yield client
        await check_agreement(rig, client)
    finally:
        await client.close()
