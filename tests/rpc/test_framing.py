"""However the bytes are cut, the same frames come out, and what is broken is said once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.rpc import framing
from agentlanes.rpc.framing import Framing, Refusal
from rpc.stand_ins import frame

Taken = list[bytes | tuple[str, bytes, bool]]


def take_all(reader: Framing) -> Taken:
    taken: Taken = []
    while (one := reader.take()) is not None:
        taken.append((one.name, one.head, one.final) if isinstance(one, Refusal) else bytes(one))
    return taken


def read(*pieces: bytes) -> Taken:
    reader = Framing()
    taken: Taken = []
    for piece in pieces:
        reader.push(piece)
        taken += take_all(reader)
    return taken


BROKEN = ("PARSE_ERROR", b"", False)

HEADERS = [
    b"Content-Length: %d\r\n\r\n",
    b"content-length: %d\r\n\r\n",
    b"CONTENT-LENGTH:%d\r\n\r\n",
    b"Content-Length:\t %d \r\n\r\n",
    b"Content-Length: 00%d\r\n\r\n",
    b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
    b"Content-Length: %d\r\nX-Anything: at all\r\n\r\n",
    b"Content-Length: %d\n\n",
    b"\r\n\nContent-Length: %d\r\n\r\n",
]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_may_be_written_in_any_usual_way(header: bytes) -> None:
    data = header % 4 + b"{  }" + header % 2 + b"[]"
    assert read(data) == [b"{  }", b"[]"]
    assert read(*(data[i : i + 1] for i in range(len(data)))) == [b"{  }", b"[]"]


STREAM = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(HEADERS), st.binary(max_size=300)).map(lambda pair: pair[0] % len(pair[1]) + pair[1]),
        st.tuples(st.sampled_from(HEADERS), st.integers(0, 40_000)).map(
            lambda pair: pair[0] % pair[1] + b"z" * pair[1]
        ),
        st.sampled_from(
            [
                b"no header\r\n",
                b"Content-Length: many\r\n\r\n",
                b"Content-Length: -1\r\n\r\n",
                b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
                b"Content-Length: 100000000000000000000\r\n\r\n",
                b"Content-Type: x\r\n\r\n",
                b"rest of a frame",
                b"h" * 9000,
                b"Content-Length: 5\r\n" + b"X-Long: %b\r\n" % (b"y" * 9000) + b"\r\n",
                b"content-leng",
            ]
        ),
    ),
    max_size=8,
).map(b"".join)


@given(stream=STREAM, data=st.data())
def test_any_cutting_of_any_stream_gives_the_same(stream: bytes, data: Any) -> None:
    whole = read(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=40)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(*pieces) == whole


@given(bodies=st.lists(st.binary(max_size=3000), max_size=20), size=st.integers(1, 5000))
def test_every_frame_that_is_sent_arrives_as_it_is(bodies: list[bytes], size: int) -> None:
    stream = b"".join(frame(body) for body in bodies)
    assert read(*(stream[i : i + size] for i in range(0, len(stream), size))) == bodies


@pytest.mark.parametrize(
    "garbage",
    [b"hello\r\n", b"hello", b'{"left": "over"}', b"\xff\x00\r\n", b'{"jsonrpc":"2.0","method":"no.header"}\r\n\r\n'],
)
def test_garbage_before_a_header_is_said_once_and_the_frame_is_read(garbage: bytes) -> None:
    assert read(garbage + frame(b"{}") + frame(b"[]")) == [BROKEN, b"{}", b"[]"]


@pytest.mark.parametrize("length", [b"abc", b"-5", b"", b"1e3", b"0x10", b"10 20", b"9" * 21, b"1" + b"0" * 12])
def test_an_impossible_length_is_said_once_and_the_next_frame_is_read(length: bytes) -> None:
    data = b"Content-Length: " + length + b'\r\n\r\n{"some": "body"}' + frame(b"{}")
    assert read(data) == [BROKEN, b"{}"]
    assert read(*(data[i : i + 1] for i in range(len(data)))) == [BROKEN, b"{}"]


def test_a_header_without_a_length_is_said_once() -> None:
    assert read(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + frame(b"{}")) == [BROKEN, b"{}"]


def test_a_header_that_does_not_end_is_said_once() -> None:
    assert read(b"x" * 20_000 + frame(b"{}")) == [BROKEN, b"{}"]
    long = b"Content-Length: 2\r\nX: " + b"y" * framing.HEADER_BYTES + b"\r\n\r\n{}"
    assert read(long + frame(b"[]")) == [BROKEN, b"[]"]


def test_a_frame_over_the_cap_is_skipped_to_its_last_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "FRAME_BYTES", 5000)
    large = b'{"id": 7}'.ljust(5001)
    assert read(frame(large), frame(b"{}")) == [("FRAME_TOO_LARGE", large[:1024], False), b"{}"]
    data = frame(large) + frame(b"{}")
    assert read(*(data[i : i + 7] for i in range(0, len(data), 7))) == [("FRAME_TOO_LARGE", large[:1024], False), b"{}"]
    assert read(frame(large[:5000])) == [large[:5000]]


def test_a_stream_without_an_end_of_garbage_is_given_up() -> None:
    chunk = b"\x00" * 65536
    taken = read(*[chunk] * 40, frame(b"{}"))
    assert taken == [BROKEN, ("PARSE_ERROR", b"", True)]


def test_a_large_frame_in_many_pieces_is_copied_once() -> None:
    body = bytes(range(256)) * 4096 * 8
    data = frame(body)
    pieces = [data[i : i + 1000] for i in range(0, len(data), 1000)]
    assert read(*pieces) == [body]


def test_a_refusal_says_what_was_refused() -> None:
    reader = Framing()
    reader.push(b"Content-Length: many\r\n\r\n")
    refusal = reader.take()
    assert isinstance(refusal, Refusal)
    assert refusal.message == (
        "'many' as Content-Length, which is no possible length; reading goes on at the next Content-Length header"
    )
