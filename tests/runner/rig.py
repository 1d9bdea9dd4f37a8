"""What tests of the runner share: a real runner in a folder of its own, a plain client, and waiting for conditions."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from agentlanes.runner.journal import JournalBusyError, Story, lock_journal, read_journal
from agentlanes.runner.table import Hunt, list_pids, read_environment
from agentlanes.runner.tape import Reader
from agentlanes.runner.wire import LANE_MARKER, PROCESS_MARKER, STATE_MARKER

T = TypeVar("T")
Fields = dict[str, Any]

PATIENCE = 20.0
"""Seconds until a condition that never comes fails a test; no test passes or fails by being faster."""

ENV = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}


def eventually(condition: Callable[[], T | None], what: str = "condition") -> T:
    """The first true value of `condition`."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE} s: {what}")
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat[stat.rfind(b")") + 2 :][:1] not in (b"Z", b"X")


def find_marked(home: Path, process_id: str | None = None) -> list[int]:
    """Pids of what carries the markers of this state, and of this process if it is given."""
    wanted = {f"{STATE_MARKER}={home}".encode()}
    if process_id is not None:
        wanted.add(f"{PROCESS_MARKER}={process_id}".encode())
    return [pid for pid in list_pids() if wanted <= set(read_environment(pid))]


def count_fds(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextlib.contextmanager
def make_folder() -> Iterator[Path]:
    """A folder with a name short enough for sockets, which pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="al-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class Client:
    """A server's end of the connection, one call at a time; events are collected on the side."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.events: list[Fields] = []
        self._lines = self.socket.makefile("rb")
        self._number = 0

    def hello(self) -> Fields:
        return self.call("hello", versions=[1])

    def call(self, op: str, **fields: object) -> Fields:
        """The answer's `ok`. Raises Refused."""
        self._number += 1
        self.send({"id": self._number, "op": op, **fields})
        while True:
            message = self.receive()
            if message is None:
                raise ConnectionResetError
            if "ev" in message:
                self.events.append(message)
                continue
            assert message["id"] == self._number
            if "error" in message:
                raise Refused(message["error"])
            ok: Fields = message["ok"]
            return ok

    def send(self, message: object) -> None:
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Fields | None:
        """The next message; None at the end."""
        line = self._lines.readline()
        message: Fields | None = json.loads(line) if line else None
        return message

    def event(self, kind: str, **wanted: object) -> Fields:
        """Wait for an event with these fields; what came before it is kept in `events`."""
        position = 0
        while True:
            while position < len(self.events):
                event = self.events[position]
                if event["ev"] == kind and all(event.get(name) == value for name, value in wanted.items()):
                    return event
                position += 1
            message = self.receive()
            assert message is not None, f"the connection ended before {kind} {wanted}"
            self.events.append(message)

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


class Refused(Exception):  # noqa: N818  it reads as what it is
    def __init__(self, error: Fields) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: str = error["code"]
        self.details: Fields = error["details"]


class Rig:
    """One lane's runner and the folder it works in."""

    def __init__(self, folder: Path, lane_id: str) -> None:
        self.folder = folder
        self.lane_id = lane_id
        self.socket = folder / "s"
        self.home = folder / "tapes"
        self.journal = folder / "j.jsonl"
        self.log = folder / "j.jsonl.log"
        self.clients: list[Client] = []
        self.pid = 0

    def start(self, *, linger_ms: int = 200, pass_fds: tuple[int, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Start the runner, or find that there is one."""
        return subprocess.run(
            [
                *(sys.executable, "-P", "-m", "agentlanes.runner"),
                *("--lane", self.lane_id, "--socket", str(self.socket), "--home", str(self.home)),
                *("--journal", str(self.journal), "--log", str(self.log), "--linger-ms", str(linger_ms)),
            ],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd="/",
            pass_fds=pass_fds,
        )

    def connect(self) -> Client:
        """A server that has said hello; the first one starts the runner if none runs."""
        if not self.is_running():
            started = self.start()
            assert started.returncode == 0, started.stderr
        client = Client(self.socket)
        self.clients.append(client)
        self.pid = client.hello()["pid"]
        return client

    def is_running(self) -> bool:
        try:
            os.close(lock_journal(str(self.journal), create=False))
        except JournalBusyError:
            return True
        except FileNotFoundError:
            pass
        return False

    def wait_ended(self) -> None:
        eventually(lambda: not self.is_running(), "the runner ends")

    def story(self) -> Story:
        return read_journal(str(self.journal), alive=self.is_running())

    def reader(self, process_id: str, stream: str) -> Reader:
        return Reader(str(self.home / process_id / stream))

    def read(self, process_id: str, stream: str) -> bytes:
        """Everything that the tape keeps."""
        parts: list[bytes] = []
        with self.reader(process_id, stream) as reader:
            offset = 0
            while chunk := reader.read(offset, 1 << 20):
                if not chunk.data:
                    return b"".join(parts)
                parts.append(chunk.data)
                offset = chunk.offset + len(chunk.data)
        raise AssertionError

    def clear(self) -> None:
        """End the runner and whatever the test left, and find fault with what should not be there."""
        for client in self.clients:
            client.close()
        if self.pid and is_alive(self.pid):
            os.kill(self.pid, signal.SIGKILL)
            eventually(lambda: not is_alive(self.pid), "the runner dies")
        left = Hunt(str(self.home), frozenset((f"{LANE_MARKER}={self.lane_id}",)), since=0, roots={})
        while left.kill():
            time.sleep(0.01)
        log = self.log.read_text() if self.log.exists() else ""
        assert log == "", log


def spawn(client: Client, process_id: str, /, *argv: str, **fields: object) -> Fields:
    """Spawn with what tests seldom care for filled in."""
    return client.call("spawn", **{"process_id": process_id, "argv": argv, "cwd": "/tmp", "env": ENV, **fields})


def spawn_python(client: Client, process_id: str, /, program: str, *arguments: str, **fields: object) -> Fields:
    return spawn(client, process_id, sys.executable, "-S", "-c", program, *arguments, **fields)


def write(client: Client, process_id: str, data: bytes, **fields: object) -> Fields:
    return client.call("write", process_id=process_id, data=base64.b64encode(data).decode(), **fields)


TERMINAL = {"cols": 80, "rows": 24}
