"""Twenty agents that work at once, each in a lane of its own: through the server, and with a client that does nothing
else at the other end of their pipes."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from bench.rounds import Scale, interleave, median
from bench.servers import Bench, read_cpu, start_bench
from bench.table import Row
from bench.wire import Message, Wire

SESSIONS = 20
AGENT = [sys.executable, "-m", "agentlanes.demo_agent"]
ENDS = ("turn.completed", "turn.failed", "turn.interrupted")
ATTACHED = ("session.attached", "session.attach.failed")
WORDS = 200
PACE_MS = 10
"""Between two words: about what a fast model says in a second."""
READ_BYTES = 1 << 16


def measure(scale: Scale) -> Iterator[Row]:
    """From the first of twenty prompts to the last of their ends: as fast as a model, and as fast as they can."""
    count = scale.size(SESSIONS, 4)
    with start_bench() as bench, _start_bare(count, bench.rig.folder) as agents:
        wire = bench.connect()
        session_ids = _open_sessions(bench, wire, count)
        for how, prompt in (("like a model", write_prompt(PACE_MS)), ("as fast as they can", write_prompt(0, 10))):
            pids = [bench.pid, *bench.list_runners()]
            ways = {
                "ours": partial(_run_turns, wire, session_ids, prompt, pids),
                "bare": partial(_run_bare, agents, prompt),
            }
            found = interleave(scale, ways)
            ours, bare = median([took for took, _ in found["ours"]]), median([took for took, _ in found["bare"]])
            what, against = f"{count} sessions at once, {how}", "the agents alone, and a client that only reads"
            if how == "like a model":
                yield Row(what, "ms", ours * 1e3, bare * 1e3, "at most", 1.1, against)
            else:
                yield Row(what, "ms", ours * 1e3, bare * 1e3, "none", against=against)
            spent = median([cpu for _, cpu in found["ours"]])
            yield Row(f"CPU of server and runners for that, {how}", "ms", spent * 1e3, None, "none")
        wire.close()


def write_prompt(pace: float, times: int = 1) -> str:
    """A thought, a message of many words, a command and its end."""
    text = "word " * WORDS * times
    steps = [
        {"pace": pace},
        {"think": "First I look."},
        {"say": text},
        {"run": ["cat", "README.md"]},
        {"say": "Done with it."},
    ]
    return f"SCRIPT:{json.dumps(steps)}ENDSCRIPT"


def _open_sessions(bench: Bench, wire: Wire, count: int) -> list[str]:
    wire.call("event.subscribe")
    workspace_id = bench.open_workspace(wire)
    session_ids = []
    for number in range(count):
        lane_id = bench.open_lane(wire, workspace_id, f"Lane {number}")
        session_id = wire.call("session.create", lane_id=lane_id)["session"]["session_id"]
        attached = wire.wait_topic(ATTACHED)
        if attached["topic"] != "session.attached":
            raise RuntimeError(f"the agent did not start: {attached['session']['problem']}")
        session_ids.append(session_id)
    return session_ids


def _run_turns(wire: Wire, session_ids: Sequence[str], prompt: str, pids: Sequence[int]) -> tuple[float, float]:
    """How long all of them took, and the CPU time of what is not an agent."""
    before, began = read_cpu(pids), time.perf_counter()
    for session_id in session_ids:
        wire.call("turn.create", {"prompt": prompt}, session_id=session_id)
    for _ in session_ids:
        ended = wire.wait_topic(ENDS)
        if ended["topic"] != "turn.completed":
            raise RuntimeError(f"the turn did not end well: {ended['turn']}")
    took = time.perf_counter() - began
    wire.heard.clear()
    return took, read_cpu(pids) - before


class _Agent:
    """A demo agent with nothing in between."""

    def __init__(self, process: subprocess.Popen[bytes], cwd: Path) -> None:
        self.process = process
        self._lines = b""
        self._number = 0
        self._ask("initialize", protocolVersion=1, clientCapabilities={})
        self._session_id = self._wait(self._ask("session/new", cwd=str(cwd), mcpServers=[]))["sessionId"]

    @property
    def fd(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def prompt(self, text: str) -> None:
        self._ask("session/prompt", sessionId=self._session_id, prompt=[{"type": "text", "text": text}])

    def read(self) -> bool:
        """Take what has come. True when the prompt is answered."""
        return any(message.get("id") == self._number and "method" not in message for message in self._read())

    def _ask(self, method: str, **params: object) -> int:
        assert self.process.stdin is not None
        self._number += 1
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        self.process.stdin.write(msgspec.json.encode(message) + b"\n")
        self.process.stdin.flush()
        return self._number

    def _wait(self, number: int) -> Message:
        while True:
            for message in self._read():
                if message.get("id") == number:
                    result: Message = message["result"]
                    return result

    def _read(self) -> list[Message]:
        data = os.read(self.fd, READ_BYTES)
        if not data:
            raise RuntimeError("an agent ended")
        *lines, self._lines = (self._lines + data).split(b"\n")
        return [msgspec.json.decode(line) for line in lines]


def _run_bare(agents: Sequence[_Agent], prompt: str) -> tuple[float, float]:
    began = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for agent in agents:
            selector.register(agent.fd, selectors.EVENT_READ, agent)
            agent.prompt(prompt)
        while selector.get_map():
            for key, _ in selector.select():
                if key.data.read():
                    selector.unregister(key.fd)
    return time.perf_counter() - began, 0.0


@contextlib.contextmanager
def _start_bare(count: int, folder: Path) -> Iterator[list[_Agent]]:
    """As many agents as there are sessions, in the repository."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(count):
            env = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(folder / f"bare-{number}")}
            processes.append(
                subprocess.Popen(
                    AGENT,
                    env=env,
                    cwd=folder / "repo",
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    # As runners start them: a busy machine is shared out by sessions.
                    start_new_session=True,
                )
            )
        yield [_Agent(process, folder / "repo") for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
