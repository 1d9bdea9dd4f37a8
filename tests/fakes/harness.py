"""A harness to test against: a real HTTP server on 127.0.0.1 that can be slow, overloaded, garbled, gone and back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODELS = b'{"object": "list", "data": [{"id": "gpt-5.5", "object": "model", "owned_by": "openai"}]}'
KEY = "fake-key"

Answer = Callable[[BaseHTTPRequestHandler], None]


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """One ordinary answer."""
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def serve(handler: BaseHTTPRequestHandler) -> None:
    """What a harness answers that is well."""
    if handler.path == "/healthz":
        send(handler, 200, b'{"status": "ok"}')
    elif handler.headers.get("Authorization") != f"Bearer {KEY}":
        send(handler, 401, b'{"error": "Missing API key"}')
    else:
        send(handler, 200, MODELS)


def refuse(status: int, body: bytes = b"", path: str = "/v1/models") -> Answer:
    """Answers one path with an error, the others well."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == path:
            send(handler, status, body)
        else:
            serve(handler)

    return answer


def list_models(body: bytes) -> Answer:
    """Answers the list of models with this."""
    return refuse(200, body)


def garble(handler: BaseHTTPRequestHandler) -> None:
    """Answers with something that is no HTTP."""
    handler.wfile.write(b"\x16\x03\x01 not HTTP\r\n\r\n")
    handler.close_connection = True


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Takes the request and closes the connection."""
    handler.close_connection = True


class FakeHarness:
    """The server. `answer` is what it does with each request and may be set at any time."""

    def __init__(self) -> None:
        self.answer: Answer = serve
        self.requests: list[str] = []
        self.connections = 0
        self.released = threading.Event()
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port: int = found.getsockname()[1]
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        """Answers nothing until the test is over."""
        self.released.wait()
        handler.close_connection = True

    def come(self) -> None:
        """Listens, at the same port every time."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                fake.connections += 1
                fake._open.add(self.connection)

            def finish(self) -> None:
                fake._open.discard(self.connection)
                with contextlib.suppress(OSError):
                    super().finish()

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle()

            def do_GET(self) -> None:
                fake.requests.append(self.path)
                fake.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = False

        self._server = Server(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def go(self) -> None:
        """Is gone, with every connection that was open."""
        if self._server is None:
            return
        assert self._thread is not None
        self._server.shutdown()
        self._server.socket.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.released.set()
        self._server.server_close()
        self._thread.join()
        self._server = None
        self.released = threading.Event()


@contextlib.contextmanager
def run_harness() -> Iterator[FakeHarness]:
    """A harness that listens, until the block ends."""
    harness = FakeHarness()
    harness.come()
    try:
        yield harness
    finally:
        harness.go()
