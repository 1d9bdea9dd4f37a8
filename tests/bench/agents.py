"""Whole turns of a real agent: through the server, and by its own program alone, against the same model service."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.rounds import Scale, interleave, median
from bench.servers import Bench, start_bench
from bench.table import Row
from bench.wire import Wire
from fakes.models.responses import Responses
from fakes.models.script import write_script
from fakes.models.server import ModelServer
from real_agents.codex_place import configure, write_home
from real_agents.install import find_codex

TURNS = 12
ENDS = ("turn.completed", "turn.failed", "turn.interrupted")
PROMPT = write_script(
    {
        "thought": "First I look.",
        "text": "A word and another. " * 40,
        "chunks": 100,
        "tools": [{"name": "exec_command", "args": {"cmd": "cat README.md", "yield_time_ms": 5000}}],
    },
    {"text": "Done with it. " * 40, "chunks": 100},
)
"""A thought, 200 pieces of text and a command."""


def measure(scale: Scale) -> Iterator[Row]:
    """Codex, from the prompt to the end of its turn."""
    codex = find_codex()
    turns = scale.size(TURNS, 3)
    with ModelServer(Responses()) as model, start_bench(serving=False) as bench:
        configure(bench.rig, codex, model.url)
        bench.rig.start()
        wire = bench.connect()
        session_id = _open_session(bench, wire)
        with _start_bare(codex, bench.rig.folder / "bare", model.url, bench.rig.folder / "repo") as bare:
            found = interleave(
                scale,
                {
                    "ours": lambda: median([_run_turn(wire, session_id) for _ in range(turns)]),
                    "bare": lambda: median([bare.run_turn() for _ in range(turns)]),
                },
            )
        wire.close()
    ours, alone = median(found["ours"]) * 1e3, median(found["bare"]) * 1e3
    yield Row("a Codex turn", "ms", ours, alone, "at most", 1.1, "`codex app-server` alone, the same turn")


def _open_session(bench: Bench, wire: Wire) -> str:
    wire.call("event.subscribe")
    lane_id = bench.open_lane(wire, bench.open_workspace(wire))
    session_id: str = wire.call("session.create", lane_id=lane_id)["session"]["session_id"]
    attached = wire.wait_topic(("session.attached", "session.attach.failed"))
    if attached["topic"] != "session.attached":
        raise RuntimeError(f"Codex did not start: {attached['session']['problem']}")
    return session_id


def _run_turn(wire: Wire, session_id: str) -> float:
    began = time.perf_counter()
    wire.call("turn.create", {"prompt": PROMPT}, session_id=session_id)
    ended = wire.wait_topic(ENDS)
    if ended["topic"] != "turn.completed":
        raise RuntimeError(f"the turn did not end well: {ended['turn']}")
    wire.heard.clear()
    return time.perf_counter() - began


class _Bare:
    """Codex's app-server with a client that does nothing else."""

    def __init__(self, process: subprocess.Popen[bytes], cwd: Path) -> None:
        self._process = process
        self._ids = itertools.count(1)
        info = {"name": "bench", "title": "Bench", "version": "0"}
        self._call("initialize", clientInfo=info, capabilities={"experimentalApi": True, "requestAttestation": False})
        self._send({"method": "initialized"})
        self._bounds = {"cwd": str(cwd), "approvalPolicy": "on-request"}
        self._thread_id = self._call("thread/start", **self._bounds, sandbox="read-only")["thread"]["id"]

    def run_turn(self) -> float:
        began = time.perf_counter()
        text = {"type": "text", "text": PROMPT, "text_elements": []}
        policy = {"type": "readOnly", "networkAccess": False}
        self._call("turn/start", threadId=self._thread_id, input=[text], sandboxPolicy=policy, **self._bounds)
        while (message := self._read()).get("method") != "turn/completed":
            pass
        if message["params"]["turn"]["status"] != "completed":
            raise RuntimeError(f"the turn did not end well: {message}")
        return time.perf_counter() - began

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": params})
        while (message := self._read()).get("id") != number or "method" in message:
            pass
        result: dict[str, Any] = message["result"]
        return result

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("Codex ended")
        message: dict[str, Any] = json.loads(line)
        return message

    def __enter__(self) -> _Bare:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _start_bare(codex: Path, home: Path, url: str, cwd: Path) -> _Bare:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "CODEX_HOME": str(write_home(home, url))}
    process = subprocess.Popen(
        [codex, "app-server"],
        env=env,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return _Bare(process, cwd)
