"""The way to the server: one listening socket, and the one connection that said hello last.

Nothing is queued for a server that is away or slow: `grew` is re-derivable and waits as the newest end per stream, and
the rest is in the journal and in the answer to the next hello.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time

from agentlanes.runner.loop import CONTROL
from agentlanes.runner.wire import Lines, RefusedError, Request, encode_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentlanes.runner.loop import Loop
    from agentlanes.runner.process import Process, Stream

COALESCE = 0.008
RECEIVE_BYTES = 256 << 10
REQUESTS_PAUSED_AT = 1 << 20
"""Bytes of answers that wait to be sent, from which on no further request is read."""
EVENTS_LOST_AT = 16 << 20
"""Bytes that wait to be sent, at which the connection is given up: its server asks again when it comes back."""


class Connection:
    """One peer on the socket, known to be of our user."""

    def __init__(self, link: Link, sock: socket.socket) -> None:
        self._link = link
        self._sock = sock
        self._lines = Lines()
        self._out = bytearray()
        self._last = False
        self._watch = link.loop.watch(sock.fileno(), CONTROL, self._receive, self._send_waiting)
        self._watch.want(read=True)
        self.closed = False

    @property
    def idle(self) -> bool:
        """Everything was handed to the kernel."""
        return not self._out

    def send(self, value: dict[str, object]) -> None:
        if self.closed:
            return
        self._out += encode_line(value)
        if len(self._out) > EVENTS_LOST_AT:
            self.close()
        elif not self._watch.writing:
            self._send_waiting()

    def finish(self) -> None:
        """Close once everything is sent."""
        self._last = True
        if self.idle:
            self.close()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._watch.end()
        self._sock.close()
        self._link.lost(self)

    def _send_waiting(self) -> None:
        try:
            while self._out:
                count = self._sock.send(memoryview(self._out)[: 1 << 20])
                del self._out[:count]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        self._watch.want(read=len(self._out) < REQUESTS_PAUSED_AT, write=bool(self._out))
        if self._out:
            return
        if self._last:
            self.close()
        else:
            self._link.drained(self)

    def _receive(self) -> None:
        try:
            data = self._sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            lines = self._lines.feed(data)
        except RefusedError as refused:
            self.send({"id": None, "error": refused.encode()})
            self.finish()
            return
        for line in lines:
            if self.closed or self._last:
                return
            self._answer(line)

    def _answer(self, line: bytes) -> None:
        request: Request | None = None
        try:
            request = Request(line)
            answer: dict[str, object] = {"id": request.id, "ok": self._link.serve(self, request)}
        except RefusedError as refused:
            answer = {"id": request.id if request is not None else None, "error": refused.encode()}
        except Exception as error:
            self.send(
                {
                    "id": request.id if request is not None else None,
                    "error": {"code": "RUNNER_FAULT", "message": f"{type(error).__name__}: {error}", "details": {}},
                }
            )
            raise
        self.send(answer)


class Link:
    """Listens, tells the requests of the server apart from strangers, and sends events to the server."""

    def __init__(self, loop: Loop, listener: socket.socket) -> None:
        self.loop = loop
        self._listener = listener
        self._hello: Callable[[Request], dict[str, object]]
        self._handle: Callable[[Request], dict[str, object]]
        self._connections: set[Connection] = set()
        self._server: Connection | None = None
        self._dirty: dict[Process, dict[str, Stream]] = {}
        self._told: dict[Process, float] = {}
        self._flushing = False
        self._watch = loop.watch(listener.fileno(), CONTROL, readable=self._accept)

    def open(
        self, hello: Callable[[Request], dict[str, object]], handle: Callable[[Request], dict[str, object]]
    ) -> None:
        """Take servers from now on: what they ask first, and what they ask then."""
        self._hello = hello
        self._handle = handle
        self._watch.want(read=True)

    @property
    def connected(self) -> bool:
        return self._server is not None

    @property
    def idle(self) -> bool:
        """No connection has anything left to be sent."""
        return all(connection.idle for connection in self._connections)

    def serve(self, connection: Connection, request: Request) -> dict[str, object]:
        if request.op == "hello":
            answer = self._hello(request)
            previous, self._server = self._server, connection
            if previous is not None and previous is not connection:
                previous.send({"ev": "replaced"})
                previous.finish()
            return answer
        if connection is not self._server:
            raise RefusedError("BAD_REQUEST", "say hello first")
        return self._handle(request)

    def send(self, event: str, **fields: object) -> None:
        if self._server is not None:
            self._server.send({"ev": event, **fields})

    def grew(self, stream: Stream) -> None:
        """Tell the stream's new end: the first at once, the next ones every 8 ms per process, always the newest."""
        if self._server is None:
            return
        process = stream.process
        self._dirty.setdefault(process, {})[stream.name] = stream
        if self._server.idle and time.monotonic() - self._told.get(process, 0.0) >= COALESCE:
            self.flush(process)
        elif not self._flushing:
            self._flushing = True
            self.loop.later(COALESCE, self._flush_all)

    def flush(self, process: Process) -> None:
        """Tell now what grew."""
        streams = self._dirty.pop(process, None)
        if streams is None:
            return
        self._told[process] = time.monotonic()
        for stream in streams.values():
            self.send("grew", process_id=process.id, stream=stream.name, end=stream.tape.end)

    def forget(self, process: Process) -> None:
        self._dirty.pop(process, None)
        self._told.pop(process, None)

    def drained(self, connection: Connection) -> None:
        if connection is self._server and self._dirty and not self._flushing:
            self._flush_all()

    def lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection is self._server:
            self._server = None
            self._dirty.clear()

    def close(self) -> None:
        """Take no new connection and drop those that there are."""
        self._watch.end()
        self._listener.close()
        for connection in list(self._connections):
            connection.close()

    def _flush_all(self) -> None:
        self._flushing = False
        for process in list(self._dirty):
            if self._server is None or not self._server.idle:
                # It is told when the server has read what waits.
                return
            self.flush(process)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        if peer_uid(sock) != os.getuid():
            sock.close()
            return
        self._connections.add(Connection(self, sock))


def peer_uid(sock: socket.socket) -> int:
    """The user at the other end. Our own where the system cannot tell: the socket's mode already keeps others out."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid: int = struct.unpack("3i", credentials)[1]
    return uid


def listen(path: str) -> socket.socket:
    """Bind the runner's socket, over a stale one. Only for who holds the journal's lock."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    listener.listen(16)
    listener.setblocking(False)
    return listener
