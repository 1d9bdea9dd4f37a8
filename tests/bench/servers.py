"""Who is measured: a server of ours with a repository, and Node with Microsoft's JSON-RPC."""
# ruff: noqa: T201

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.wire import Message, Wire
from e2e.rig import Rig, make_rig

PACKAGE = Path(__file__).parent / "peer"
CACHE = Path(__file__).parents[2] / ".cache" / "bench"
LANE_ENDS = ("lane.created", "lane.create.failed")


class Bench:
    """Our server, its repository, and connections to it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    @property
    def pid(self) -> int:
        assert self.rig.server is not None
        return self.rig.server.pid

    def connect(self) -> Wire:
        """An initialized peer on the socket."""
        wire = Wire.connect(self.rig.socket)
        wire.initialize()
        return wire

    def start_relay(self) -> subprocess.Popen[bytes]:
        """What an editor starts."""
        return subprocess.Popen(
            [Path(sys.executable).parent / "agentlanes", "stdio"],
            env=self.rig.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def list_runners(self) -> list[int]:
        """Pids of the processes that hold lanes."""
        return self.rig.runner_pids()

    def open_workspace(self, wire: Wire) -> str:
        """The id of a workspace with the repository."""
        root = str(self.rig.folder / "repo")
        found = wire.call("workspace.create", {"root_paths": [root], "name": "Bench"})
        workspace_id: str = found["workspace"]["workspace_id"]
        wire.call("repo.add", {"path": root}, workspace_id=workspace_id)
        return workspace_id

    def open_lane(self, wire: Wire, workspace_id: str, name: str = "Bench") -> str:
        """The id of a lane that is ready. The wire must be subscribed."""
        wire.call("lane.create", {"name": name}, workspace_id=workspace_id)
        ended = wire.wait_topic(LANE_ENDS)
        if ended["topic"] != "lane.created":
            raise RuntimeError(f"the lane was not made: {ended['lane']['problem']}")
        lane_id: str = ended["lane"]["lane_id"]
        return lane_id

    def open_terminal(self, wire: Wire, lane_id: str, argv: list[str]) -> str:
        """The id of a terminal that runs. The wire must be subscribed."""
        terminal_id: str = wire.call("terminal.spawn", {"argv": argv}, lane_id=lane_id)["terminal"]["terminal_id"]

        def ended(message: Message) -> bool:
            topic = message.get("method")
            if topic not in ("terminal.spawned", "terminal.spawn.failed"):
                return False
            terminal = message["params"]["payload"]["terminal"]
            if terminal["terminal_id"] == terminal_id and topic != "terminal.spawned":
                raise RuntimeError(f"the terminal did not start: {terminal['problem']}")
            return bool(terminal["terminal_id"] == terminal_id)

        wire.wait(ended)
        return terminal_id


@contextlib.contextmanager
def start_bench(*, serving: bool = True) -> Iterator[Bench]:
    """An installation in a folder of its own with a small repository; its server runs, unless told otherwise."""
    with make_rig() as rig:
        rig.make_repo()
        if serving:
            rig.start()
        yield Bench(rig)


def find_node_modules() -> Path:
    """The peers' packages, installed once per lock file."""
    lock = PACKAGE / "package-lock.json"
    installed = CACHE / "peer"
    if not (installed / "done").exists() or (installed / "done").read_bytes() != lock.read_bytes():
        shutil.rmtree(installed, ignore_errors=True)
        installed.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGE / name, installed)
        print("installing the peers of the benchmarks", file=sys.stderr)
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=installed, check=True, stdout=sys.stderr
        )
        shutil.copy(lock, installed / "done")
    return installed / "node_modules"


def make_node_command(script: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Argv and environment of a peer."""
    modules = find_node_modules()
    # Next to the packages, because Node looks for them above the script.
    program = shutil.copy(PACKAGE / script, modules.parent)
    return ["node", str(program), *arguments], dict(os.environ)


@dataclass(slots=True)
class Peer:
    """A Node process on a socket."""

    process: subprocess.Popen[bytes]
    socket: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def connect(self) -> Wire:
        """A connection, without a handshake."""
        return Wire.connect(self.socket)


@contextlib.contextmanager
def start_peer(script: str, folder: Path) -> Iterator[Peer]:
    """A peer that listens in a folder."""
    path = folder / f"{script}.sock"
    argv, env = make_node_command(script, str(path))
    with start_process(argv, env) as process:
        yield Peer(process, path)


@contextlib.contextmanager
def start_process(argv: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process on pipes, ended with the block."""
    with subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def open_pipes(process: subprocess.Popen[bytes]) -> Wire:
    """The wire to a process that speaks on its stdin and stdout. The process keeps its descriptors."""
    assert process.stdin is not None
    assert process.stdout is not None
    return Wire(process.stdout.fileno(), process.stdin.fileno())


def read_cpu(pids: Iterable[int]) -> float:
    """Seconds of CPU time that these processes have used so far."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def read_memory(pid: int) -> float:
    """Resident megabytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


def wait_until_idle(pids: list[int], seconds: float = 10.0) -> None:
    """Waits until these processes use next to no CPU."""
    deadline = time.monotonic() + seconds
    before = read_cpu(pids)
    while time.monotonic() < deadline:
        time.sleep(0.2)
        now = read_cpu(pids)
        if now - before < 0.004:
            return
        before = now
