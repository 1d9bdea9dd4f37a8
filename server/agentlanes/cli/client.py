"""One connection to the server, for commands that ask and wait.

Nothing runs beside the caller: whoever waits for an answer or a notification reads the socket, and what else comes in
meanwhile is kept in order for whoever asks next.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from agentlanes import locations, relay
from agentlanes.rpc.framing import Framing, Refusal

PROTOCOL_VERSION = "1"
RECEIVE_BYTES = 256 * 1024
METHOD_NOT_FOUND = -32601
WENT_AWAY = "the server went away; what runs goes on, and the next command starts a server again"

Json = dict[str, Any]

encode = msgspec.json.encode


class NoServer(Exception):  # noqa: N818 - the state of the world, told with its cure
    """No server runs, and the command is not one that starts one."""


class Gone(Exception):  # noqa: N818
    """The server ended the connection."""


class Refused(Exception):  # noqa: N818
    """The server answered with an error. `data` is the protocol's ErrorData; match on `name`."""

    def __init__(self, code: int, message: str, data: Json) -> None:
        super().__init__(f"{data['code']}: {message}" if "code" in data else message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def name(self) -> str:
        """The error's name in the protocol, as LANE_NOT_FOUND."""
        return str(self.data.get("code", self.code))

    def as_json(self) -> Json:
        """The error object as it came."""
        return {"code": self.code, "message": self.message, "data": self.data}


class Fault(msgspec.Struct):
    """The error of an answer."""

    code: int
    message: str
    data: Any = None


class Message(msgspec.Struct):
    """One frame from the server: an answer, a notification, or a request of its own."""

    id: int | str | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Fault | None = None

    @property
    def event(self) -> Json:
        """The envelope of a notification."""
        envelope: Json = msgspec.json.decode(self.params)
        return envelope


class Client:
    """An initialized connection. Every method that talks to the server raises Gone when it is no longer there."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._socket = connection
        self._framing = Framing()
        self._decoder = msgspec.json.Decoder(Message)
        self._last_id = 0
        self._waiting: deque[Message] = deque()
        answer = self._await(
            self.ask(
                "initialize",
                {
                    "processId": os.getpid(),
                    "clientInfo": {"name": name, "version": relay.VERSION},
                    "capabilities": {},
                    "initializationOptions": {
                        "agentlanes": {"protocol_versions": [PROTOCOL_VERSION], "client": {"name": name}}
                    },
                },
            )
        )
        self.server: Json = {
            **answer.get("serverInfo", {}),
            **answer["capabilities"]["experimental"]["agentlanes"],
        }
        self._send({"jsonrpc": "2.0", "method": "initialized", "params": {}})

    def fileno(self) -> int:
        """For select. Ask `receive(0)` first: a message may have been read already."""
        return self._socket.fileno()

    def close(self) -> None:
        """End the connection; whatever was asked of the server goes on."""
        self._socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def call(self, method: str, payload: Json | None = None, **ids: str) -> Json:
        """The payload of a method's answer. `ids` are ids of the envelope. Raises Refused."""
        return dict(self.request(method, {"payload": payload or {}, **ids})["payload"])

    def request(self, method: str, envelope: Json) -> Json:
        """The answer's envelope. A correlation id is added where there is none. Raises Refused."""
        return self._await(self.ask(method, {"correlation_id": _make_correlation_id(), **envelope}))

    def ask(self, method: str, params: Json) -> int:
        """Send a request and do not wait; the answer comes from `receive` under the id that is returned."""
        self._last_id += 1
        self._send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        return self._last_id

    def receive(self, timeout: float | None = None) -> Message | None:
        """The next notification, or answer to what was asked; None if none came within `timeout` seconds."""
        return self._waiting.popleft() if self._waiting else self._read(timeout)

    def notifications(self) -> Iterator[Message]:
        """Notifications for as long as the connection lasts."""
        while True:
            message = self.receive()
            if message is not None and message.method is not None:
                yield message

    def _await(self, request_id: int) -> Json:
        while True:
            message = self._read(None)
            assert message is not None
            if message.id != request_id or message.method is not None:
                self._waiting.append(message)
            elif message.error is not None:
                raise refuse(message.error)
            else:
                result: Json = msgspec.json.decode(message.result)
                return result

    def _read(self, timeout: float | None) -> Message | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            frame = self._framing.take()
            if isinstance(frame, Refusal):
                raise Gone(f"the server sent what cannot be read: {frame.message}")
            if frame is not None:
                message = self._decoder.decode(frame)
                if message.method is None or message.id is None:
                    return message
                self._decline(message)
                continue
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._socket], [], [], left)[0]:
                return None
            try:
                data = self._socket.recv(RECEIVE_BYTES)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Gone(WENT_AWAY)
            self._framing.push(data)

    def _decline(self, message: Message) -> None:
        error = {"code": METHOD_NOT_FOUND, "message": f"this client does not answer {message.method}"}
        self._send({"jsonrpc": "2.0", "id": message.id, "error": error})

    def _send(self, message: Json) -> None:
        body = encode(message)
        try:
            self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone(WENT_AWAY) from error


def connect(name: str = "cli", *, start: bool = True) -> Client:
    """A connection to the server, which is started if none runs.

    Raises StartError if it cannot be started, NoServer if it does not run and must not be started, Refused if it speaks
    another version of the protocol.
    """
    folder = _find_cwd()
    preamble = relay.make_preamble(folder)
    if start:
        connection = socket.socket(fileno=relay.connect().detach())
        # Starting a server leaves this process in the server's folder.
        os.chdir(folder)
    else:
        connection = _connect_to_running()
    try:
        connection.sendall(preamble)
        return Client(connection, name)
    except BaseException:
        connection.close()
        raise


def _connect_to_running() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(locations.make_server_socket())
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise NoServer(f"no server runs on {locations.find_state_dir()}; `agentlanes serve` starts one") from None
    return connection


def _find_cwd() -> str:
    """The current folder; the root where it was removed."""
    try:
        return os.getcwd()  # noqa: PTH109 - a string, as the relay's
    except FileNotFoundError:
        return "/"


def _make_correlation_id() -> str:
    """An id for one intent."""
    return f"cli-{os.urandom(10).hex()}"


def refuse(fault: Fault) -> Refused:
    """The exception for an answer that is an error."""
    return Refused(fault.code, fault.message, fault.data if isinstance(fault.data, dict) else {})
