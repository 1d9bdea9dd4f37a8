"""What stands on the two sides of the endpoint in these tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from agentlanes.rpc.endpoint import Endpoint
from agentlanes.rpc.fault import Fault, refuse_method
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.ports import Answer, Pending, Reply
from agentlanes.rpc.sources import Feed, Row

PATIENCE = 20.0


@dataclass(frozen=True)
class LogRow:
    seq: int
    topic: str
    workspace_id: str | None
    frame: bytes


def make_row(seq: int, topic: str = "lane.created", workspace_id: str | None = None, size: int = 0) -> LogRow:
    event = {"jsonrpc": "2.0", "method": topic, "params": {"seq": seq, "payload": "x" * size}}
    return LogRow(seq, topic, workspace_id, json.dumps(event, separators=(",", ":")).encode())


class MemoryFeed:
    """A log in memory. Rows up to `stored` come a few turns later, as from a store; those up to `pruned` are gone."""

    def __init__(self) -> None:
        self.rows: list[LogRow] = []
        self.head = 0
        self.stored = 0
        self.pruned = 0
        self.failures = 0
        self.listeners: list[Callable[[], None]] = []

    def append(self, *rows: LogRow) -> None:
        self.rows.extend(rows)
        self.head = rows[-1].seq
        for listener in list(self.listeners):
            listener()

    def grow(self, count: int, **row: Any) -> None:
        self.append(*(make_row(seq, **row) for seq in range(self.head + 1, self.head + 1 + count)))

    def read(self, after: int, limit: int) -> Sequence[Row] | Awaitable[Sequence[Row]]:
        rows = [row for row in self.rows[after : after + limit] if row.seq > self.pruned]
        if after >= self.stored:
            return rows
        return self.fetch(rows)

    async def fetch(self, rows: list[LogRow]) -> list[LogRow]:
        for _ in range(3):
            await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OSError("the store is busy")
        return rows

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback)


class Desk:
    """A dispatch with a few methods. `answers` adds more."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.opened: list[Peer] = []
        self.closed: list[Peer] = []
        self.gates: dict[str, asyncio.Future[Reply]] = {}
        self.ended: list[str] = []
        self.answers: dict[str, Callable[[Peer, dict[str, Any]], Answer]] = {
            "echo.now": lambda peer, params: Reply(msgspec.json.encode(params)),
            "echo.later": lambda peer, params: self.echo_later(params),
            "gate.wait": lambda peer, params: self.wait(params["gate"]),
            "gate.accept": lambda peer, params: Pending(self.gate(params["gate"]), accepted=True),
            "fail.fault": self.refuse,
            "fail.bug": self.fail,
            "fail.bug_later": lambda peer, params: self.fail_later(),
        }

    def initialize(self, peer: Peer, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("refuse"):
            raise Fault(-31000, "no common version", {"code": "VERSION_NOT_SUPPORTED", "retryable": False})
        self.opened.append(peer)
        return {"capabilities": {}, "serverInfo": {"name": "agentlanes"}}

    def call(self, peer: Peer, method: str, params: dict[str, Any]) -> Answer:
        answer = self.answers.get(method)
        if answer is None:
            raise refuse_method(method)
        return answer(peer, params)

    def notify(self, peer: Peer, method: str, params: dict[str, Any]) -> None:
        self.heard.append((method, params))
        if method == "fail.bug":
            raise RuntimeError("a bug")

    def describe_gap(self, first: int, last: int, reason: str) -> bytes:
        params = {"from": first, "to": last, "reason": reason}
        return msgspec.json.encode({"jsonrpc": "2.0", "method": "event.gap", "params": params})

    def close(self, peer: Peer) -> None:
        self.closed.append(peer)

    def gate(self, name: str) -> asyncio.Future[Reply]:
        return self.gates.setdefault(name, asyncio.get_running_loop().create_future())

    async def wait(self, name: str) -> Reply:
        try:
            return await self.gate(name)
        finally:
            self.ended.append(name)

    async def echo_later(self, params: dict[str, Any]) -> Reply:
        await asyncio.sleep(0)
        return Reply(msgspec.json.encode(params))

    def refuse(self, peer: Peer, params: dict[str, Any]) -> Answer:
        raise Fault(-31101, "no such lane", {"code": "LANE_NOT_FOUND", "retryable": False})

    def fail(self, peer: Peer, params: dict[str, Any]) -> Answer:
        raise RuntimeError("a bug in /secret/path.py")

    async def fail_later(self) -> Reply:
        await asyncio.sleep(0)
        raise RuntimeError("a bug in /secret/path.py")


class Client:
    """A client on a real socket, that sends bytes and reads frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.last_id = 0

    @classmethod
    async def over(cls, connection: socket.socket) -> Client:
        return cls(*await asyncio.open_connection(sock=connection))

    def send_bytes(self, data: bytes) -> None:
        self.writer.write(data)

    def send(self, *messages: object) -> None:
        self.send_bytes(b"".join(frame(json.dumps(message).encode()) for message in messages))

    def request(self, method: str, message_id: object = None, **params: object) -> int:
        self.last_id += 1
        self.send({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params})
        return self.last_id

    def notify(self, method: str, **params: object) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def read(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            header = await self.reader.readuntil(b"\r\n\r\n")
            assert header.startswith(b"Content-Length: ")
            return json.loads(await self.reader.readexactly(int(header[16:])))

    async def call(self, method: str, **params: object) -> Any:
        self.request(method, **params)
        return await self.read()

    async def initialize(self) -> None:
        assert "result" in await self.call("initialize")

    async def read_end(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def assert_silence(self) -> None:
        """Nothing else was said: the next thing that comes is the answer to this."""
        message_id = self.request("echo.now")
        assert await self.read() == {"jsonrpc": "2.0", "id": message_id, "result": {}}

    async def close(self) -> None:
        self.writer.close()


class Server:
    """Endpoints over socket pairs, with one desk and one feed for all."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.feed = MemoryFeed()
        self.endpoints: list[Endpoint] = []
        self.lost: list[asyncio.Future[None]] = []
        self.clients: list[Client] = []

    async def connect(self, *, initialized: bool = True) -> Client:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        lost: asyncio.Future[None] = loop.create_future()
        feed: Feed = self.feed
        number = len(self.endpoints) + 1
        _, endpoint = await loop.connect_accepted_socket(
            lambda: Endpoint(self.desk, feed, f"peer_{number}", lambda _: lost.set_result(None)), ours
        )
        self.endpoints.append(endpoint)
        self.lost.append(lost)
        client = await Client.over(theirs)
        self.clients.append(client)
        if initialized:
            await client.initialize()
        return client

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        for endpoint in self.endpoints:
            endpoint.abort()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self.lost)
        for client in self.clients:
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that no message tells."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.002)


def code_of(answer: dict[str, Any]) -> tuple[int, str]:
    """The codes of a refusal, on the wire and in words."""
    assert answer["jsonrpc"] == "2.0"
    assert isinstance(answer["error"]["data"]["retryable"], bool)
    return answer["error"]["code"], answer["error"]["data"]["code"]
