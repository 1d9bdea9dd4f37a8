"""The loop between a driver and an agent: with a process on pipes, or with lines that a test writes itself."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agentlanes.adapters.agents.acp.driver import AcpDriver
from agentlanes.adapters.agents.dialogue.driver import LineDriver
from agentlanes.kernel.ports.agents import Launch
from agentlanes.wire.models import Item
from agents.core_double import AT, PROCESS_ID, CoreDouble

DEMO = (sys.executable, "-m", "agentlanes.demo_agent")
FAKES = Path(__file__).parents[1] / "fakes" / "agents"
LATER = "2026-09-09T09:09:09.999Z"
"""When a frame is read again after a restart."""
LAUNCH = Launch(argv=DEMO, env={}, env_pass=(), driver="acp")
_SERVER = str(Path(__file__).parents[2] / "server")


def fake(name: str, *arguments: str) -> tuple[str, ...]:
    """The argv of a scripted agent."""
    return (sys.executable, str(FAKES / f"{name}.py"), *arguments)


class Tape:
    """Lines with the offsets that they have on an agent's output tape."""

    def __init__(self) -> None:
        self.lines: list[tuple[bytes, int, int]] = []
        self.end = 0

    def add(self, line: bytes) -> None:
        end = self.end + len(line) + 1
        self.lines.append((line, self.end, end))
        self.end = end


class Dialogue:
    """A driver, the core's double, and a tape that a test writes to; nothing runs but what the test calls."""

    DRIVER: type[LineDriver[Any, Any]] = AcpDriver

    def __init__(self, core: CoreDouble | None = None, launch: Launch = LAUNCH, **options: Any) -> None:
        self.core = core or CoreDouble()
        self.launch = launch
        self.options = options
        self.tape = Tape()
        self.driver = self.DRIVER(launch, PROCESS_ID, **options)
        self.driver.restore(self.core.view(), self.core.writes, self.core.cursor)
        self.unlogged: dict[int, str] = {}
        """Frames that were delivered in place of what is recorded, by their numbers."""
        self._fed = 0
        self.settle()

    def feed(self, *messages: Any, settle: bool = True) -> None:
        """Let the agent say messages: bytes as they are, anything else as JSON."""
        for message in messages:
            self.tape.add(message if isinstance(message, bytes) else msgspec.json.encode(message))
        if settle:
            self.settle()

    def settle(self, lines: int | None = None) -> None:
        """Take in what the tape has, or its next lines, and step until nothing is due."""
        until = len(self.tape.lines) if lines is None else self._fed + lines
        for line, offset, end in self.tape.lines[self._fed : until]:
            self.driver.receive(line, offset, end, AT if end > self.core.cursor.applied else LATER)
        self._fed = until
        for _ in range(100):
            self.driver.follow(self.core.view())
            step = self.driver.collect(self.core.view())
            if step is None:
                return
            self.core.apply(step)
            self.unlogged |= step.unlogged
        raise AssertionError("the driver never comes to rest")

    def restart(self, *, piecewise: bool = False) -> None:
        """Start the server again: a new driver, restored from what the core has; it may read line by line."""
        self.driver = self.DRIVER(self.launch, PROCESS_ID, **self.options)
        self.core.restart_clients()
        self.driver.restore(self.core.view(), self.core.writes, self.core.cursor)
        rest = self.core.cursor.rest
        self._fed = sum(offset < rest for _, offset, _ in self.tape.lines)
        while piecewise and self._fed < len(self.tape.lines):
            self.settle(1)
        self.settle()

    def sent(self) -> list[dict[str, Any]]:
        """Every message to the agent."""
        return [msgspec.json.decode(write.data) for write in self.core.writes]

    def open(
        self, capabilities: dict[str, Any] | None = None, session_id: str = "s1", then: Sequence[Any] = ()
    ) -> None:
        """Answer the handshake as an ordinary agent does; `then` arrives together with its last answer."""
        answer = {"protocolVersion": 1, "agentCapabilities": capabilities or {}}
        self.feed({"jsonrpc": "2.0", "id": 1, "result": answer})
        self.feed({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": session_id}}, *then)
        assert self.core.session.status == "attached", self.core.problem

    def introduce(self, opened: dict[str, Any] | None = None, **answer: Any) -> None:
        """Answer the handshake with more than an ordinary agent says; version 1 where nothing else is said."""
        self.feed({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": 1, **answer}})
        self.feed({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": "s1", **(opened or {})}})

    def answer(self, n: int, result: Any = None, error: Any = None) -> None:
        """Let the agent answer a request."""
        self.feed({"jsonrpc": "2.0", "id": n, **({"result": result} if error is None else {"error": error})})

    def methods(self) -> list[str]:
        """Methods of every message to the agent; answers have none."""
        return [message["method"] for message in self.sent() if "method" in message]

    def update(self, kind: str, /, session_id: str = "s1", settle: bool = True, **fields: Any) -> None:
        """Let the agent send one session/update."""
        self.feed(update(kind, session_id, **fields), settle=settle)

    def say(self, words: str, kind: str = "message", **fields: Any) -> None:
        self.update(f"agent_{kind}_chunk", content=text(words), **fields)

    def items(self) -> list[Item]:
        """What the core has, in order."""
        return sorted(self.core.items.values(), key=lambda item: item.position)

    def end(self, stop_reason: str = "end_turn", **result: Any) -> None:
        """Let the agent answer the prompt."""
        turn = self.core.active
        assert turn is not None
        self.feed({"jsonrpc": "2.0", "id": turn.input_n, "result": {"stopReason": stop_reason, **result}})


def update(kind: str, session_id: str = "s1", /, **fields: Any) -> dict[str, Any]:
    """A session/update."""
    params = {"sessionId": session_id, "update": {"sessionUpdate": kind, **fields}}
    return {"jsonrpc": "2.0", "method": "session/update", "params": params}


def text(value: str) -> dict[str, Any]:
    """A content block."""
    return {"type": "text", "text": value}


def output(value: str) -> list[dict[str, Any]]:
    """The content of a tool call that printed something."""
    return [{"type": "content", "content": text(value)}]


class AgentProcess:
    """An agent in its own process, driven through pipes as the server's loop does it."""

    def __init__(self, core: CoreDouble, driver: AcpDriver, child: asyncio.subprocess.Process) -> None:
        self.core = core
        self.driver = driver
        self.child = child
        self.frames: list[bytes] = []
        self.sent: list[bytes] = []
        self.stderr = bytearray()
        self._offset = 0
        self._changed = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read_output()), asyncio.create_task(self._read_errors())]

    @classmethod
    async def start(
        cls,
        core: CoreDouble,
        argv: Sequence[str] = DEMO,
        env: Mapping[str, str] | None = None,
        launch: Launch = LAUNCH,
    ) -> AgentProcess:
        """Start an agent in the core's directory and begin the handshake."""
        child = await asyncio.create_subprocess_exec(
            *argv,
            cwd=core.cwd,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": _SERVER, "AGENTLANES_DEMO_PACE_MS": "0", **(env or {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        process = cls(core, AcpDriver(launch, core.process_id), child)
        process.driver.restore(core.view(), core.writes, core.cursor)
        process.step()
        return process

    def step(self) -> None:
        """Follow the core and record what the driver has to say, until nothing is due."""
        while True:
            self.driver.follow(self.core.view())
            step = self.driver.collect(self.core.view())
            if step is None:
                break
            for write in self.core.apply(step):
                self.sent.append(write.data.encode())
                if not self.child.stdin.is_closing():  # type: ignore[union-attr]
                    self.child.stdin.write(write.data.encode() + b"\n")  # type: ignore[union-attr]
        self._changed.set()

    async def until(self, holds: Callable[[], object], seconds: float = 20.0) -> None:
        """Wait until something holds of the core or of this process."""
        async with asyncio.timeout(seconds):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def run_turn(self, text: str, decision: str | None = "allow_once") -> None:
        """Prompt, decide every question the same way, and wait for the turn's end."""
        turn = self.core.prompt(text)
        self.step()
        await self.until(lambda: self._turn_ended(turn.turn_id, decision))

    def _turn_ended(self, turn_id: str, decision: str | None) -> bool:
        if decision is not None:
            for approval in self.core.pending():
                self.core.decide(approval, decision)
                self.step()
        turn = next(turn for turn in self.core.turns if turn.turn_id == turn_id)
        return turn.status in ("completed", "failed", "interrupted")

    async def close(self) -> int:
        """Close the agent's input and wait for its end; it is killed if it does not end by itself."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        try:
            await asyncio.wait_for(self.child.wait(), 5)
        except TimeoutError:
            self.child.kill()
            await self.child.wait()
        await asyncio.gather(*self._tasks)
        assert self.child.returncode is not None
        return self.child.returncode

    async def _read_output(self) -> None:
        assert self.child.stdout is not None
        pending = bytearray()
        while chunk := await self.child.stdout.read(1 << 16):
            pending += chunk
            *lines, rest = pending.split(b"\n")
            pending = bytearray(rest)
            for line in lines:
                end = self._offset + len(line) + 1
                self.frames.append(bytes(line))
                self.driver.receive(bytes(line), self._offset, end, AT)
                self._offset = end
            if lines:
                self.step()
        self._changed.set()

    async def _read_errors(self) -> None:
        assert self.child.stderr is not None
        while chunk := await self.child.stderr.read(1 << 16):
            self.stderr += chunk
        self._changed.set()
