"""An installation of its own for one test: folders, an environment, and the real commands in them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WAIT_SECONDS = 60.0

Json = dict[str, Any]
Run = subprocess.CompletedProcess[str]


class Place:
    """Where commands run. Sockets' paths are short, so its folder is right under the temp folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        inherited = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        self.env = {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "SHELL": "/bin/sh",
            "TERM": "xterm-256color",
            "XDG_STATE_HOME": str(folder / "s"),
            "XDG_DATA_HOME": str(folder / "d"),
            "XDG_CONFIG_HOME": str(folder / "c"),
            "AGENTLANES_DEMO_PACE_MS": "0",
        }
        (folder / "home").mkdir()

    @property
    def log_path(self) -> Path:
        return self.folder / "s" / "agentlanes" / "log.db"

    def configure(self, text: str) -> None:
        """Write config.toml."""
        path = self.folder / "c" / "agentlanes" / "config.toml"
        path.parent.mkdir(parents=True)
        path.write_text(text)

    def run(self, *arguments: str, stdin: str = "", **env: str) -> Run:
        """One command, to its end."""
        return subprocess.run(
            ["agentlanes", *arguments],
            env={**self.env, **env},
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )

    @contextlib.contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """One command that goes on; the block ends it, or is at least its end."""
        with subprocess.Popen(
            ["agentlanes", *arguments],
            env=self.env,
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as started:
            try:
                yield started
            finally:
                started.kill()

    def wait_for_server(self) -> Json:
        """The status of the server that a test has started."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (done := self.run("status")).returncode:
            assert time.monotonic() < deadline, done.stderr
        status: Json = json.loads(done.stdout)
        return status

    def call(self, method: str, payload: Json | None = None, *flags: str) -> Json:
        """The payload of `agentlanes call`."""
        done = self.run("call", method, json.dumps(payload or {}), *flags)
        assert done.returncode == 0, done.stderr
        answer: Json = json.loads(done.stdout)
        return answer

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """The user's own git."""
        who = {f"GIT_{role}_{field}": f"user{at}" for role in ("AUTHOR", "COMMITTER") for field, at in _WHO}
        return subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.folder / "repo",
            env={**self.env, **who},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def make_repo(self) -> Path:
        """A repository with one commit on main."""
        repo = self.folder / "repo"
        repo.mkdir()
        self.git("init", "-q", "-b", "main")
        (repo / "README.md").write_text("# A small project\n")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "First")
        return repo

    def make_lane(self) -> str:
        """The id of a lane that is ready, in the repository that is there or in a new one."""
        repo = self.folder / "repo"
        if not repo.exists():
            self.make_repo()
        workspace = self.call("workspace.create", {"root_paths": [str(repo)]})["workspace"]["workspace_id"]
        self.call("repo.add", {"path": str(repo)}, "--workspace", workspace)
        lane = self.call("lane.create", {"name": "Try it"}, "--workspace", workspace, "--wait")["lane"]
        assert lane["status"] == "ready"
        return str(lane["lane_id"])

    def make_terminal(self, lane_id: str, *argv: str) -> str:
        """The id of a terminal that runs."""
        spawned = self.call("terminal.spawn", {"argv": list(argv)}, "--lane", lane_id, "--wait")["terminal"]
        assert spawned["state"] == "active"
        return str(spawned["terminal_id"])

    def find_processes(self) -> dict[int, str]:
        """Every process that has this folder in its environment or its arguments."""
        mark = os.fsencode(self.folder)
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    command = (entry / "cmdline").read_bytes()
                    if mark in command or mark in (entry / "environ").read_bytes():
                        found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def clear(self) -> None:
        """End everything that was started here, each by its pid."""
        deadline = time.monotonic() + WAIT_SECONDS
        numbers = iter([signal.SIGTERM, *[signal.SIGKILL] * 1000])
        while left := self.find_processes():
            assert time.monotonic() < deadline, left
            number = next(numbers)
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            pause = time.monotonic() + 2.0
            while self.find_processes() and time.monotonic() < pause:
                time.sleep(0.02)


_WHO = (("NAME", ""), ("EMAIL", "@example.org"))


@contextlib.contextmanager
def make_place() -> Iterator[Place]:
    """An installation that is gone, with all its processes, after the block."""
    folder = Path(tempfile.mkdtemp(prefix="al-"))
    place = Place(folder)
    try:
        yield place
    finally:
        place.clear()
        shutil.rmtree(folder, ignore_errors=True)
