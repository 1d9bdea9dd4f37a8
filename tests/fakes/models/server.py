"""The HTTP server below every fake model service: loopback, one per test, its wire format given."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Request:
    """What an agent asked."""

    method: str
    path: str
    """Without its query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any
    """JSON; None where there is none."""


@dataclass(frozen=True)
class Gate:
    """In a stream: nothing more comes until the gate is opened."""

    name: str


@dataclass(frozen=True)
class Answer:
    """What the service says. A stream ends the connection with its end."""

    body: bytes | Iterable[bytes | Gate] = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire(Protocol):
    """One format in which model services are asked. It keeps nothing between requests."""

    def answer(self, request: Request) -> Answer:
        """What the service says to a request; a status of 404 for a path that it does not have."""


class ModelServer:
    """A service on a port of its own. `requests` holds what was asked, the oldest first."""

    def __init__(self, wire: Wire) -> None:
        self.requests: list[Request] = []
        self.unknown: list[Request] = []
        """Requests that the wire format has no answer to."""
        self.failures: list[Answer] = []
        """Answers to the next requests, instead of the wire's."""
        self._wire = wire
        self._opened: set[str] = set()
        self._is_closing = False
        self._changed = threading.Condition()
        self._http = _HttpServer(("127.0.0.1", 0), _Handler)
        self._http.service = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(POLL_SECONDS,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, status: int, message: str = "as the test wants it", times: int = 1) -> None:
        """The next requests are answered with that status."""
        body = json.dumps({"error": {"message": message, "type": "fake", "code": None}}).encode()
        self.failures += [Answer(body, status)] * times

    def open(self, gate: str) -> None:
        """What stalls at the gate goes on, now and later."""
        with self._changed:
            self._opened.add(gate)
            self._changed.notify_all()

    def wait_for_requests(self, count: int, path_end: str = "", seconds: float = 20.0) -> list[Request]:
        """The requests whose path ends so, once there are that many. Blocks."""

        def find() -> list[Request]:
            return [request for request in self.requests if request.path.endswith(path_end)]

        with self._changed:
            assert self._changed.wait_for(lambda: len(find()) >= count, seconds), find()
            return find()

    def close(self) -> None:
        """Ends the service, what stalls in it, and every connection that was kept."""
        with self._changed:
            if self._is_closing:
                return
            self._is_closing = True
            self._changed.notify_all()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._http.cut_connections()

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def answer(self, request: Request) -> Answer:
        """What is said to a request, which is recorded."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            if self.failures:
                return self.failures.pop(0)
        answer = self._wire.answer(request)
        if answer.status == 404:
            self.unknown.append(request)
        return answer

    def pass_gate(self, gate: Gate, connection: socket.socket) -> bool:
        """Waits at a gate. False if the agent hung up, or the service ends, before it was opened."""
        with self._changed:
            while not self._is_closing:
                if gate.name in self._opened:
                    return True
                self._changed.wait(POLL_SECONDS)
                if select.select([connection], [], [], 0)[0] and not connection.recv(1, socket.MSG_PEEK):
                    return False
        return False


@contextlib.contextmanager
def refuse_connections() -> Iterator[str]:
    """The URL of a service that is not there: its port is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    service: ModelServer

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        """Ends the connections that clients keep for their next request."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(raw) if raw else None
        service = self.server.service
        answer = service.answer(Request(self.command, self.path.partition("?")[0], headers, body))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._send(answer, service)

    def _send(self, answer: Answer, service: ModelServer) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if isinstance(answer.body, bytes):
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            return
        self.send_header("connection", "close")
        self.close_connection = True
        self.end_headers()
        for part in answer.body:
            if isinstance(part, Gate):
                if not service.pass_gate(part, self.connection):
                    return
            else:
                self.wfile.write(part)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was asked stands in `requests`."""
