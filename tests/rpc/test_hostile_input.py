"""Whatever comes gets one answer, and where the framing allows it the connection lives on."""

from __future__ import annotations

import json

import pytest

from agentlanes.rpc import framing
from rpc.stand_ins import Client, Server, code_of, frame

HOSTILE = [
    (b"Content-Length: 4\r\n\r\n{no}", -32700),
    (frame(b"\xff\xfe"), -32700),
    (frame(b""), -32700),
    (frame(b"[" * 50_000), -32600),
    (frame(b'{"jsonrpc":"2.0","id":1,"method":"x","params":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}"), -32600),
    (frame(b'{"jsonrpc":"1.0","id":1,"method":"x"}'), -32600),
    (frame(b'{"jsonrpc":"2.0","id":1.5,"method":"x"}'), -32600),
    (b"hello\r\n", -32700),
    (b"Content-Length: 1000000000000\r\n\r\n", -32700),
    (b"Content-Length: 100000000000000000000\r\n\r\n", -32700),
    (b"Content-Length: -1\r\n\r\n", -32700),
    (b"Content-Length: abc\r\n\r\n{}", -32700),
    (b"Content-Type: text\r\n\r\n", -32700),
    (b"x" * 9000, -32700),
]


async def test_batches_have_bounds(client: Client) -> None:
    client.send([])
    assert code_of(await client.read()) == (-32600, "INVALID_REQUEST")
    client.send([{"jsonrpc": "2.0", "id": n, "method": "echo.now"} for n in range(100)])
    assert len(await client.read()) == 100
    client.send([{"jsonrpc": "2.0", "id": n, "method": "echo.now"} for n in range(101)])
    assert code_of(await client.read()) == (-32600, "INVALID_REQUEST")


@pytest.mark.parametrize(("data", "code"), HOSTILE)
async def test_hostile_input_gets_one_answer_and_the_connection_lives(client: Client, data: bytes, code: int) -> None:
    client.send_bytes(data)
    client.request("echo.now")
    assert code_of(await client.read())[0] == code
    assert (await client.read())["result"] == {}


async def test_odd_headers_are_read(client: Client) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"echo.now"}'
    for header in (b"content-length:%d\r\n\r\n", b"CONTENT-LENGTH :%d\r\nX: y\r\n\r\n", b"\r\nContent-Length: %d\n\n"):
        client.send_bytes(header % len(body) + body)
        assert (await client.read())["result"] == {}


async def test_a_frame_over_the_cap_is_answered_and_skipped(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "FRAME_BYTES", 100_000)
    large = json.dumps({"jsonrpc": "2.0", "id": "big", "method": "echo.now", "params": {"text": "x" * 300_000}})
    client.send_bytes(frame(large.encode()))
    answer = await client.read()
    assert (answer["id"], code_of(answer)) == ("big", (-32600, "FRAME_TOO_LARGE"))
    await client.assert_silence()


async def test_a_large_frame_comes_through(client: Client) -> None:
    text = "ü" * 2_000_000
    assert (await client.call("echo.now", text=text))["result"] == {"text": text}


async def test_endless_garbage_ends_the_connection(server: Server, client: Client) -> None:
    client.send_bytes(b"\x00" * 3_000_000)
    assert code_of(await client.read())[0] == -32700
    assert "closed" in (await client.read())["error"]["message"]
    assert await client.read_end() == b""


async def test_many_frames_at_once_let_others_have_their_turn(server: Server, client: Client) -> None:
    other = await server.connect()
    request = frame(b'{"jsonrpc":"2.0","id":1,"method":"echo.now"}')
    client.send_bytes(request * 4000)
    for _ in range(10):
        await other.assert_silence()
    for _ in range(4000):
        assert (await client.read())["result"] == {}
