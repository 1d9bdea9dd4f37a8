"""The commands' client, against a server that is a script."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from agentlanes.cli.client import Client, Gone, Refused
from agentlanes.rpc.framing import Framing

INITIALIZED = {
    "serverInfo": {"name": "agentlanes", "version": "9"},
    "capabilities": {"experimental": {"agentlanes": {"protocol_version": "1", "generation": 4}}},
}

Frame = dict[str, Any]


class Script:
    """The server's side of a socket pair."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._framing = Framing()
        self.heard: list[Frame] = []

    def read(self) -> Frame:
        while not isinstance(frame := self._framing.take(), bytes | bytearray):
            data = self._socket.recv(65536)
            assert data, "the client went away"
            self._framing.push(data)
        message: Frame = msgspec.json.decode(frame)
        self.heard.append(message)
        return message

    def write(self, **message: object) -> None:
        body = msgspec.json.encode({"jsonrpc": "2.0", **message})
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def greet(self) -> None:
        self.write(id=self.read()["id"], result=INITIALIZED)
        assert self.read()["method"] == "initialized"


@contextmanager
def scripted(play: Callable[[Script], None]) -> Iterator[tuple[Client, Script]]:
    """A client of a server that greets, plays, and goes away."""
    ours, theirs = socket.socketpair()
    script = Script(theirs)

    def run() -> None:
        script.greet()
        play(script)
        theirs.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with Client(ours, "test") as client:
            yield client, script
    finally:
        ours.close()
        thread.join()


def test_what_comes_before_an_answer_is_kept_in_order() -> None:
    def play(script: Script) -> None:
        asked = script.read()
        script.write(method="turn.started", params={"seq": 1})
        script.write(id="s-1", method="window/showMessageRequest", params={})
        script.write(method="turn.completed", params={"seq": 2})
        script.write(id=asked["id"], result={"payload": {"answer": 42}})
        script.read()

    with scripted(play) as (client, script):
        assert client.server["generation"] == 4
        assert client.call("turn.get", {"turn_id": "t"}, session_id="s") == {"answer": 42}
        notifications = client.notifications()
        assert [next(notifications).event["seq"] for _ in range(2)] == [1, 2]
    declined = script.heard[-1]
    assert declined["id"] == "s-1" and declined["error"]["code"] == -32601
    request = script.heard[2]["params"]
    assert request["payload"] == {"turn_id": "t"} and request["session_id"] == "s"
    assert request["correlation_id"].startswith("cli-")


def test_an_error_is_refused_with_its_name() -> None:
    def play(script: Script) -> None:
        data = {"code": "LANE_NOT_FOUND", "retryable": False, "details": {}}
        script.write(id=script.read()["id"], error={"code": -31300, "message": "no lane", "data": data})

    with scripted(play) as (client, _), pytest.raises(Refused) as refused:
        client.call("lane.get")
    assert refused.value.name == "LANE_NOT_FOUND"
    assert str(refused.value) == "LANE_NOT_FOUND: no lane"


def test_a_server_that_goes_away_is_told() -> None:
    with scripted(lambda script: None) as (client, _):
        with pytest.raises(Gone):
            client.receive()
        with pytest.raises(Gone):
            while True:
                client.ask("lane.list", {})
