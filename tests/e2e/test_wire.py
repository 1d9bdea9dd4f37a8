"""Bad input on a real server, at its socket and through the relay: one answer each, and the connection lives on."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from e2e.rig import Rig
from protocol.schemas import BUNDLE, explain

FRAME_CAP = 64 << 20
PATIENCE_SECONDS = 20.0

Frame = dict[str, Any]


class Wire:
    """A connection whose every byte the test decides."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._probes = 0

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def send(self, frame: Any) -> None:
        self.write(frame_of(json.dumps(frame).encode()))

    async def receive(self) -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS):
            header = await self._reader.readuntil(b"\r\n\r\n")
            return json.loads(await self._reader.readexactly(int(header.split(b":")[1])))

    async def answers(self) -> list[Any]:
        """What was answered at once: a request of our own is the mark behind it, and it must work."""
        self._probes += 1
        mark = f"probe-{self._probes}"
        self.send({"jsonrpc": "2.0", "id": mark, "method": "server.status", "params": {}})
        found: list[Any] = []
        while True:
            await self._writer.drain()
            frame = await self.receive()
            if isinstance(frame, dict) and frame.get("id") == mark:
                assert "result" in frame, frame
                return found
            found.append(frame)

    async def initialize(self) -> Any:
        self.send({"jsonrpc": "2.0", "id": "init", "method": "initialize", "params": {"capabilities": {}}})
        return await self.receive()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def frame_of(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def request(id: Any, method: str, params: Any = None) -> Frame:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {} if params is None else params}


def refusal(answer: Frame) -> tuple[Any, str]:
    """The id and the name of an error answer that is as the error table says."""
    error = answer["error"]
    assert explain("ErrorData", error["data"]) is None, answer
    name = error["data"]["code"]
    row = BUNDLE["errors"][name]
    assert (error["code"], error["data"]["retryable"]) == (row["code"], row.get("retryable", False))
    assert error["message"]
    return answer["id"], name


@pytest.fixture(params=["socket", "relay"])
async def raw(rig: Rig, request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """A connection on which nothing was said."""
    if request.param == "socket":
        reader, writer = await asyncio.open_unix_connection(str(rig.socket), limit=1 << 27)
        wire = Wire(reader, writer)
        yield wire
        await wire.close()
        return
    relay = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "agentlanes", "stdio"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=rig.env,
        limit=1 << 27,
    )
    assert relay.stdin is not None and relay.stdout is not None
    wire = Wire(relay.stdout, relay.stdin)
    yield wire
    await wire.close()
    assert await relay.wait() == 0


@pytest.fixture
async def wire(raw: Wire) -> Wire:
    """An initialized connection."""
    assert "result" in await raw.initialize()
    return raw


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b'{"jsonrpc":"2.0","id":5,"method":', (5, "PARSE_ERROR")),
        (b"not json at all", (None, "PARSE_ERROR")),
        (b"", (None, "PARSE_ERROR")),
        (b'{"jsonrpc":"2.0","id":5,"method":"server.status\xff"}', (5, "PARSE_ERROR")),
        (b'{"id":5,"method":"server.status"}', (5, "INVALID_REQUEST")),
        (b'{"jsonrpc":"1.0","id":5,"method":"server.status"}', (5, "INVALID_REQUEST")),
        (b'{"jsonrpc":"2.0","id":5,"method":7}', (5, "INVALID_REQUEST")),
        (b'{"jsonrpc":"2.0","id":{"a":1},"method":"server.status"}', (None, "INVALID_REQUEST")),
        (b'{"jsonrpc":"2.0","id":5,"method":"server.status","params":[1]}', (5, "INVALID_PARAMS")),
        (b'{"jsonrpc":"2.0","id":5,"method":"server.status","params":"x"}', (5, "INVALID_REQUEST")),
        (b'{"jsonrpc":"2.0","id":5,"method":"server.status","params":{"payload":7}}', (5, "INVALID_PARAMS")),
        (b'{"jsonrpc":"2.0","id":5,"method":"server.status","params":{"surplus":7}}', (5, "INVALID_PARAMS")),
        (b'{"jsonrpc":"2.0","id":5,"method":"lane.get"}', (5, "MISSING_CONTEXT_ID")),
        (
            b'{"jsonrpc":"2.0","id":5,"method":"workspace.create","params":{"payload":{"root_paths":["/"]}}}',
            (5, "MISSING_CORRELATION_ID"),
        ),
        (b'{"jsonrpc":"2.0","id":5,"method":"lane.vanish"}', (5, "METHOD_NOT_FOUND")),
        (b'{"jsonrpc":"2.0","id":5,"method":"lane.settle"}', (5, "METHOD_NOT_FOUND")),
        (b'{"jsonrpc":"2.0","id":5,"method":"textDocument/definition"}', (5, "METHOD_NOT_FOUND")),
        (b'{"jsonrpc":"2.0","id":5,"method":"$/unheardOf"}', (5, "METHOD_NOT_FOUND")),
        (b'{"jsonrpc":"2.0","id":5,"method":"zmx.checkpoint"}', (5, "METHOD_NOT_SUPPORTED")),
        (b'{"jsonrpc":"2.0","id":5,"method":"initialize","params":{}}', (5, "INVALID_REQUEST")),
        (b"[]", (None, "INVALID_REQUEST")),
        (b"7", (None, "INVALID_REQUEST")),
        (
            b'{"jsonrpc":"2.0","id":5,"method":"server.status","params":' + b'{"a":' * 200 + b"1" + b"}" * 201,
            (5, "INVALID_REQUEST"),
        ),
        (b'{"jsonrpc":"2.0","id":5,"method":"server.status","params":' + b"[" * 100_000, (5, "INVALID_REQUEST")),
    ],
)
async def test_a_bad_frame_has_one_answer(wire: Wire, sent: bytes, expected: tuple[Any, str]) -> None:
    wire.write(frame_of(sent))
    (answer,) = await wire.answers()
    assert refusal(answer) == expected


@pytest.mark.parametrize(
    "sent",
    [
        b'{"jsonrpc":"2.0","method":"lane.vanish","params":{}}',
        b'{"jsonrpc":"2.0","method":"workspace.create","params":{"correlation_id":"c","payload":{"root_paths":["/"]}}}',
        b'{"jsonrpc":"2.0","method":"terminal.input","params":{}}',
        b'{"jsonrpc":"2.0","method":"terminal.input","params":[1]}',
        b'{"jsonrpc":"2.0","method":"$/unheardOf"}',
        b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":{}}}',
        b'{"jsonrpc":"2.0","method":"$/setTrace","params":{"value":"loud"}}',
        b'{"jsonrpc":"2.0","id":4711,"result":null}',
        b'{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"no"}}',
    ],
)
async def test_what_asks_nothing_has_no_answer(wire: Wire, sent: bytes) -> None:
    wire.write(frame_of(sent))
    assert await wire.answers() == []
    wire.send(request("w", "workspace.list"))
    assert (await wire.receive())["result"]["payload"]["workspaces"] == []


async def test_requests_before_initialize(raw: Wire) -> None:
    for method in ("server.status", "shutdown", "workspace.list"):
        raw.send(request(method, method))
        assert refusal(await raw.receive()) == (method, "SERVER_NOT_INITIALIZED")
    assert "result" in await raw.initialize()
    assert await raw.answers() == []


async def test_after_shutdown_only_exit_is_left(wire: Wire, rig: Rig) -> None:
    wire.send(request(1, "shutdown"))
    assert (await wire.receive())["result"] is None
    wire.send(request(2, "server.status"))
    assert refusal(await wire.receive()) == (2, "INVALID_REQUEST")
    wire.send({"jsonrpc": "2.0", "method": "exit"})
    with pytest.raises(asyncio.IncompleteReadError):
        await wire.receive()
    # The peer's end is not the server's.
    client = await rig.connect()
    assert (await client.call("server.status"))["pid"] == (rig.server.pid if rig.server else None)
    await client.close()


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        # Too short a length: the frame is cut, and what is left of it stands where a header is due.
        (b'Content-Length: 20\r\n\r\n{"jsonrpc":"2.0","id":1,"method":"server.status"}', {"PARSE_ERROR"}),
        (b"Content-Length: many\r\n\r\n{}", {"PARSE_ERROR"}),
        (b"Content-Length: -5\r\n\r\n{}", {"PARSE_ERROR"}),
        (b"Content-Length: 99999999999999999999\r\n\r\n{}", {"PARSE_ERROR"}),
        (b"Content-Type: application/json\r\n\r\n{}", {"PARSE_ERROR"}),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", {"PARSE_ERROR"}),
    ],
)
async def test_a_broken_header_is_told_and_reading_goes_on(wire: Wire, sent: bytes, answers: set[str]) -> None:
    wire.write(sent)
    told = [refusal(answer) for answer in await wire.answers()]
    assert told and {name for _, name in told} == answers
    assert await wire.answers() == []


async def test_a_length_that_is_too_long_swallows_and_is_told(wire: Wire) -> None:
    """The frame takes the start of the next one into it; the one after that is whole again."""
    body = b'{"jsonrpc":"2.0","id":1,"method":"server.status"}'
    wire.write(b"Content-Length: %d\r\n\r\n%b" % (len(body) + 9, body))
    wire.send(request(2, "server.status"))
    told = [refusal(answer) for answer in await wire.answers() if "error" in answer]
    assert told and {name for _, name in told} == {"PARSE_ERROR"}
    assert await wire.answers() == []


async def test_headers_may_be_more_and_otherwise_written(wire: Wire) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"server.status"}'
    types = b"Content-Type: application/vscode-jsonrpc; charset=utf-8"
    wire.write(b"content-length:%d\r\n%b\r\n\r\n%b" % (len(body), types, body))
    (answer,) = await wire.answers()
    assert answer["id"] == 1 and "result" in answer


async def test_a_frame_over_the_cap_is_skipped(wire: Wire) -> None:
    body = b'{"jsonrpc":"2.0","id":7,"method":"server.status","params":{"payload":"'
    wire.write(b"Content-Length: %d\r\n\r\n%b" % (FRAME_CAP + 1, body))
    rest = FRAME_CAP + 1 - len(body)
    for _ in range(rest >> 20):
        wire.write(b"x" * (1 << 20))
    wire.write(b"x" * (rest & 0xFFFFF))
    (answer,) = await wire.answers()
    assert refusal(answer) == (7, "FRAME_TOO_LARGE")


async def test_a_payload_may_hold_anything(wire: Wire, rig: Rig) -> None:
    metadata = {"jsonrpc": "2.0", "id": 1, "method": "exit", "params": {"jsonrpc": "3.0"}}
    payload = {"root_paths": [str(rig.folder)], "metadata": metadata}
    wire.send(request(1, "workspace.create", {"correlation_id": "c", "payload": payload}))
    assert (await wire.receive())["result"]["payload"]["workspace"]["metadata"] == metadata
    assert await wire.answers() == []


async def test_a_batch_is_answered_by_a_batch(wire: Wire) -> None:
    wire.send(
        [
            request(1, "server.status"),
            {"jsonrpc": "2.0", "method": "lane.vanish"},
            request(2, "lane.vanish"),
            7,
            request(3, "workspace.list"),
        ]
    )
    (batch,) = await wire.answers()
    results = {answer["id"]: answer for answer in batch}
    assert set(results) == {1, 2, 3, None} and len(batch) == 4
    assert "result" in results[1] and "result" in results[3]
    assert refusal(results[2]) == (2, "METHOD_NOT_FOUND")
    assert refusal(results[None]) == (None, "INVALID_REQUEST")
    wire.send([{"jsonrpc": "2.0", "method": "lane.vanish"}])
    assert await wire.answers() == []
    wire.send([request(n, "server.status") for n in range(101)])
    (answer,) = await wire.answers()
    assert refusal(answer) == (None, "INVALID_REQUEST")


async def test_a_request_that_is_cancelled_before_it_is_accepted_leaves_nothing(wire: Wire, rig: Rig) -> None:
    root = {"correlation_id": "c", "payload": {"root_paths": [str(rig.folder / "repo")]}}
    wire.send(request(1, "workspace.create", root))
    workspace_id = (await wire.receive())["result"]["payload"]["workspace"]["workspace_id"]
    add = {"correlation_id": "c2", "workspace_id": workspace_id, "payload": {"path": str(rig.folder / "repo")}}
    # One write: the server is still looking at the repository when it reads that nobody wants to know.
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 2}}
    wire.write(b"".join(frame_of(json.dumps(frame).encode()) for frame in (request(2, "repo.add", add), cancel)))
    answer = await wire.receive()
    assert refusal(answer) == (2, "REQUEST_CANCELLED")
    wire.send(request(3, "repo.list"))
    assert (await wire.receive())["result"]["payload"]["repos"] == []
    wire.send(request(4, "repo.add", add))
    assert (await wire.receive())["result"]["payload"]["repo"]["path"] == str(rig.folder / "repo")
    assert await wire.answers() == []


async def test_a_cancel_after_acceptance_changes_nothing(wire: Wire, rig: Rig) -> None:
    root = {"correlation_id": "c", "payload": {"root_paths": [str(rig.folder)]}}
    wire.send(request(1, "workspace.create", root))
    workspace_id = (await wire.receive())["result"]["payload"]["workspace"]["workspace_id"]
    close = {"correlation_id": "c2", "workspace_id": workspace_id}
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 2}}
    wire.write(
        b"".join(frame_of(json.dumps(frame).encode()) for frame in (request(2, "workspace.close", close), cancel))
    )
    assert (await wire.receive())["result"]["payload"]["workspace"]["status"] == "archived"
    wire.send(cancel)
    assert await wire.answers() == []


async def test_an_id_that_waits_is_not_used_again(wire: Wire, rig: Rig) -> None:
    root = {"correlation_id": "c", "payload": {"root_paths": [str(rig.folder)]}}
    both = (request(1, "workspace.create", root), request(1, "server.status"))
    wire.write(b"".join(frame_of(json.dumps(frame).encode()) for frame in both))
    assert refusal(await wire.receive()) == (1, "DUPLICATE_REQUEST_ID")
    assert (await wire.receive())["result"]["payload"]["workspace"]
    assert await wire.answers() == []


async def test_a_peer_that_floods_has_every_request_answered(wire: Wire) -> None:
    count = 5000
    wire.write(b"".join(frame_of(b'{"jsonrpc":"2.0","id":%d,"method":"workspace.list"}' % n) for n in range(count)))
    answers = await wire.answers()
    assert sorted(answer["id"] for answer in answers) == list(range(count))
