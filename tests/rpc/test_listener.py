"""The server's socket, and how a connection begins."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentlanes.rpc import listener as listener_module
from agentlanes.rpc.listener import Listener
from rpc.conftest import count_sockets
from rpc.stand_ins import PATIENCE, Client, Desk, MemoryFeed, until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "server.sock"


@pytest.fixture
async def desk() -> Desk:
    return Desk()


@pytest.fixture
async def listener(desk: Desk, path: Path) -> AsyncIterator[Listener]:
    before = count_sockets()
    listener = make_listener(desk)
    await listener.open(str(path))
    yield listener
    await listener.close()
    await until(lambda: count_sockets() <= before)


def make_listener(desk: Desk) -> Listener:
    numbers = itertools.count(1)
    return Listener(desk, MemoryFeed(), lambda: f"peer_{next(numbers)}")


async def connect(path: Path) -> Client:
    return Client(*await asyncio.open_unix_connection(path))


async def close(*clients: Client) -> None:
    for client in clients:
        await client.close()


async def test_a_raw_client_needs_no_preamble(listener: Listener, desk: Desk, path: Path) -> None:
    client = await connect(path)
    await client.initialize()
    (peer,) = listener.peers
    assert (peer.id, peer.relay_version, peer.cwd, dict(peer.env)) == ("peer_1", None, None, {})
    await close(client)
    await until(lambda: desk.closed == [peer])
    assert list(listener.peers) == []


@pytest.mark.parametrize("size", [1, 50, 100_000])
async def test_a_relay_says_where_it_comes_from(listener: Listener, path: Path, size: int) -> None:
    preamble = {
        "agentlanes": "1",
        "version": "0.1.0",
        "cwd": "/home/ü",
        "env": {"TOKEN": "secret", "ODD": 1},
        "more": 1,
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize"}).encode()
    data = json.dumps(preamble).encode() + b"\nContent-Length: %d\r\n\r\n" % len(body) + body
    client = await connect(path)
    for start in range(0, len(data), size):
        client.send_bytes(data[start : start + size])
        await client.writer.drain()
    assert "result" in await client.read()
    (peer,) = listener.peers
    assert (peer.relay_version, peer.cwd, dict(peer.env)) == ("0.1.0", "/home/ü", {"TOKEN": "secret"})
    assert "secret" not in repr(peer)
    await close(client)


async def test_a_preamble_may_hold_bytes_that_are_no_utf8(listener: Listener, path: Path) -> None:
    client = await connect(path)
    client.send_bytes(b'{"agentlanes":"1","cwd":"/home/\xff","env":{"PATH":"/\xe9"}}\n')
    await client.initialize()
    (peer,) = listener.peers
    assert peer.cwd is not None
    assert os.fsencode(peer.cwd) == b"/home/\xff"
    assert os.fsencode(peer.env["PATH"]) == b"/\xe9"
    await close(client)


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"initialize"}\n',
        b"{no json}\n",
        b'{"agentlanes":1}\n',
        b'{"agentlanes":"1","cwd":"\xff"\n',
        b'{"a":' * 5000 + b"\n",
        b'{"a":"' + b"x" * listener_module.PREAMBLE_BYTES + b"\n",
    ],
)
async def test_what_is_no_preamble_is_refused(listener: Listener, path: Path, line: bytes) -> None:
    client = await connect(path)
    client.send_bytes(line)
    answer = await client.read()
    assert answer["error"]["data"]["code"] == "PARSE_ERROR"
    assert await client.read_end() == b""
    assert list(listener.peers) == []
    await close(client)


async def test_another_user_is_refused(listener: Listener, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    client = await connect(path)
    assert await client.read_end() == b""
    assert list(listener.peers) == []
    await close(client)


async def test_the_socket_is_private_and_is_removed(desk: Desk, path: Path) -> None:
    listener = make_listener(desk)
    await listener.open(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await listener.close()
    assert list(path.parent.iterdir()) == []


async def test_a_second_server_is_refused(listener: Listener, desk: Desk, path: Path) -> None:
    with pytest.raises(OSError, match="another server answers there"):
        await make_listener(desk).open(str(path))
    client = await connect(path)
    await client.initialize()
    await close(client)


async def test_a_stale_socket_is_replaced_and_anything_else_is_not(desk: Desk, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    listener = make_listener(desk)
    await listener.open(str(path))
    client = await connect(path)
    await client.initialize()
    await close(client)
    await listener.close()

    path.write_text("a user's file")
    with pytest.raises(FileExistsError, match="not a socket"):
        await make_listener(desk).open(str(path))
    assert path.read_text() == "a user's file"


async def test_a_server_that_was_replaced_leaves_its_heirs_socket(desk: Desk, path: Path) -> None:
    old, new = make_listener(desk), make_listener(desk)
    await old.open(str(path))
    path.rename(path.with_suffix(".old"))
    await new.open(str(path))
    await old.close()
    assert path.is_socket()
    await new.close()


async def test_closing_ends_every_connection(desk: Desk, path: Path) -> None:
    listener = make_listener(desk)
    await listener.open(str(path))
    greeted, silent, stalled = await connect(path), await connect(path), await connect(path)
    await greeted.initialize()
    await stalled.initialize()
    peer = desk.opened[1]
    for _ in range(200):
        peer.outbound.notify(b'"' + b"x" * 10_000 + b'"')
    greeted.request("echo.now")
    await greeted.read()
    await until(lambda: peer.outbound.queued > 0)
    async with asyncio.timeout(PATIENCE):
        await listener.close(patience=0.05)
    assert await greeted.read_end() == b""
    assert await silent.read_end() == b""
    assert len(desk.closed) == 2
    await close(greeted, silent, stalled)


async def test_a_socket_can_be_handed_over(desk: Desk) -> None:
    listener = make_listener(desk)
    ours, theirs = socket.socketpair()
    peer = await listener.adopt(ours)
    client = await Client.over(theirs)
    await client.initialize()
    assert desk.opened == [peer]
    assert await client.call("shutdown")
    client.notify("exit")
    assert await client.read_end() == b""
    await close(client)
    await listener.close()
    assert desk.closed == [peer]
