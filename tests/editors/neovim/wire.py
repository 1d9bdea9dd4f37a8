"""Neovim's own protocol, MessagePack-RPC, from a test to an editor."""

from __future__ import annotations

import itertools
import socket
from pathlib import Path
from typing import Any

import msgpack

WAIT_SECONDS = 60.0
REQUEST, RESPONSE, NOTIFICATION = 0, 1, 2


class NeovimError(Exception):
    """Neovim refused a call."""


class Wire:
    """A connection that is used by one thread, one call after the other. Raises OSError where nothing listens."""

    def __init__(self, address: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(WAIT_SECONDS)
        try:
            self._socket.connect(str(address))
        except OSError:
            self._socket.close()
            raise
        self._unpacker = msgpack.Unpacker(ext_hook=lambda code, data: (code, data), strict_map_key=False)
        self._numbers = itertools.count(1)

    def call(self, method: str, *arguments: Any) -> Any:
        """What an API function gives. Raises NeovimError, OSError once the editor is gone."""
        number = next(self._numbers)
        self._socket.sendall(msgpack.packb([REQUEST, number, method, arguments]))
        while True:
            for kind, *rest in self._unpacker:
                if kind == RESPONSE and rest[0] == number:
                    _, error, result = rest
                    if error is not None:
                        raise NeovimError(f"{method}: {error[1]}")
                    return result
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionResetError("the editor is gone")
            self._unpacker.feed(data)

    def notify(self, method: str, *arguments: Any) -> None:
        """Calls an API function without an answer."""
        self._socket.sendall(msgpack.packb([NOTIFICATION, method, arguments]))

    def close(self) -> None:
        self._socket.close()
