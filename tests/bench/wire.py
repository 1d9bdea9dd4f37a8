"""A client that costs next to nothing, so that the server is what is measured: plain descriptors, frames that are
encoded before the clock starts, answers that are counted and not parsed."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

READ_BYTES = 1 << 20
HEADER = b"Content-Length: "
PATIENCE_SECONDS = 120.0
"""How long a server may be silent before a measurement is given up."""

INITIALIZE: dict[str, Any] = {
    "processId": None,
    "rootUri": None,
    "capabilities": {},
    "clientInfo": {"name": "bench"},
    "initializationOptions": {"agentlanes": {"protocol_versions": ["1"]}},
}

Message = dict[str, Any]


class SilentError(Exception):
    """The other side said nothing for too long, or went away."""


def frame(message: Any) -> bytes:
    """A message as it goes over the wire."""
    body = msgspec.json.encode(message)
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def frame_request(number: int, method: str, params: Message) -> bytes:
    """A request as it goes over the wire."""
    return frame({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


class Wire:
    """One connection, over a socket or over two pipes."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.read_fd = read_fd
        self.write_fd = write_fd
        self._buffer = bytearray()
        self._ids = itertools.count(1)
        self.heard: deque[Message] = deque()
        """Notifications that came while an answer was waited for."""

    @classmethod
    def connect(cls, path: Path) -> Wire:
        """A connection to a unix socket, which may still have to appear."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                if time.monotonic() > deadline:
                    raise SilentError(f"nobody listens at {path}") from None
                time.sleep(0.002)
                continue
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _write_timeout(PATIENCE_SECONDS))
            fd = connection.detach()
            return cls(fd, fd)

    def close(self) -> None:
        for fd in {self.read_fd, self.write_fd}:
            os.close(fd)

    def send(self, data: bytes | memoryview) -> None:
        """Writes all of it."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.write_fd, view) :]

    def read(self) -> bytes:
        """What has come; waits for it."""
        try:
            data = os.read(self.read_fd, READ_BYTES)
        except BlockingIOError:
            raise SilentError(f"nothing came for {PATIENCE_SECONDS} s") from None
        if not data:
            raise SilentError("the other side is gone")
        return data

    def receive(self) -> Message:
        """The next message."""
        buffer = self._buffer
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            buffer += self.read()
        size = end + 4 + int(buffer[:end].partition(b":")[2])
        while len(buffer) < size:
            buffer += self.read()
        message: Message = msgspec.json.decode(buffer[end + 4 : size])
        del buffer[:size]
        return message

    def request(self, method: str, params: Message) -> Any:
        """The result of a request. What else comes meanwhile is kept."""
        number = next(self._ids)
        self.send(frame_request(number, method, params))
        while True:
            message = self.receive()
            if "method" in message:
                self.heard.append(message)
            elif message["id"] == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def initialize(self) -> Any:
        """The handshake."""
        result = self.request("initialize", INITIALIZE)
        self.send(frame({"jsonrpc": "2.0", "method": "initialized", "params": {}}))
        return result

    def call(self, method: str, payload: Message | None = None, **ids: str) -> Any:
        """The payload of the answer to a request in an envelope of its own."""
        envelope = {"correlation_id": f"bench-{time.monotonic_ns()}", **ids, "payload": payload or {}}
        return self.request(method, envelope)["payload"]

    def wait(self, holds: Callable[[Message], bool]) -> Message:
        """The first notification that holds, of those that are kept and those to come."""
        while True:
            message = self.heard.popleft() if self.heard else self.receive()
            if holds(message):
                return message

    def wait_topic(self, topics: Iterable[str]) -> Message:
        """The payload of the first notification of one of these topics, with the topic under `topic`."""
        wanted = frozenset(topics)
        message = self.wait(lambda message: message.get("method") in wanted)
        return {"topic": message["method"], **message["params"]["payload"]}

    def read_until(self, mark: bytes) -> int:
        """Reads and throws away until `mark` has come; returns the bytes read."""
        count = len(self._buffer)
        tail = bytes(self._buffer[-len(mark) :])
        self._buffer.clear()
        while True:
            data = self.read()
            count += len(data)
            if mark in data or mark in tail + data[: len(mark)]:
                return count
            tail = (tail + data)[-len(mark) :] if len(data) < len(mark) else data[-len(mark) :]

    def count_until(self, mark: bytes) -> int:
        """Like `read_until`, but returns how many messages came."""
        count = 0
        tail = b""
        while True:
            data = tail + self.read()
            # The tail is shorter than a header, so none is counted twice.
            count += data.count(HEADER)
            if mark in data:
                return count
            tail = data[-(len(HEADER) - 1) :]


def measure_sequential(wire: Wire, frames: Sequence[bytes]) -> list[float]:
    """Seconds from each request to the end of its answer, one after the other."""
    times = []
    for request in frames:
        began = time.perf_counter()
        wire.send(request)
        data = wire.read()
        while not _is_whole(data):
            data += wire.read()
        times.append(time.perf_counter() - began)
    return times


def measure_pipelined(wire: Wire, frames: Sequence[bytes], window: int) -> float:
    """Seconds for all of them, with `window` requests under way. The frames must have one length."""
    size = len(frames[0])
    assert all(len(request) == size for request in frames)
    everything = memoryview(b"".join(frames))
    began = time.perf_counter()
    wire.send(everything[: window * size])
    sent, answered, tail = min(window, len(frames)), 0, b""
    while answered < len(frames):
        data = tail + wire.read()
        arrived = data.count(HEADER)
        tail = data[-(len(HEADER) - 1) :]
        answered += arrived
        if arrived and sent < len(frames):
            wire.send(everything[sent * size : (sent + arrived) * size])
            sent += arrived
    # The last body may come after its header; what is left of it is not worth a clock.
    seconds = time.perf_counter() - began
    last = data[data.rfind(HEADER) :]
    while not _is_whole(last):
        last += wire.read()
    return seconds


def _is_whole(data: bytes) -> bool:
    end = data.find(b"\r\n\r\n")
    return end >= 0 and len(data) >= end + 4 + int(data[len(HEADER) : end])


def _write_timeout(seconds: float) -> bytes:
    """A struct timeval."""
    return int(seconds).to_bytes(8, "little") + (0).to_bytes(8, "little")
