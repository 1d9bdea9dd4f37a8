"""Where peers come from: the server's socket, and connections that are handed over.

A connection begins with an optional line of JSON, the relay's preamble, and goes on as an endpoint's.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import stat
import struct
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from agentlanes.rpc.endpoint import Endpoint
from agentlanes.rpc.fault import refuse
from agentlanes.rpc.message import fail
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.ports import Dispatch
from agentlanes.rpc.sources import Feed

PREAMBLE_BYTES: Final = 1024 * 1024
"""The longest first line that is read."""

BACKLOG: Final = 512
PROBE_SECONDS: Final = 2.0

log = logging.getLogger(__name__)


class Listener:
    """All connections of one server. `new_peer_id` names each peer; ids are never used twice."""

    def __init__(self, dispatch: Dispatch, feed: Feed, new_peer_id: Callable[[], str]) -> None:
        self._dispatch = dispatch
        self._feed = feed
        self._new_peer_id = new_peer_id
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._inode = 0
        self._endpoints: set[Endpoint] = set()
        self._greetings: set[_Greeting] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def peers(self) -> Collection[Peer]:
        """Those that are connected."""
        return [endpoint.peer for endpoint in self._endpoints]

    async def open(self, path: str) -> None:
        """Listen at `path`, with mode 0600. Raises OSError where another server answers there, or something else than
        a socket is in the way; a socket that nobody answers at any more is replaced."""
        self._path = Path(path)
        _check_free(self._path)
        # Bound beside it and then moved, the path never names a socket that does not listen yet.
        new = Path(f"{path}.new")
        new.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(new))
            new.chmod(0o600)
            listening.listen(BACKLOG)
            new.rename(self._path)
            self._inode = self._path.stat().st_ino
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(lambda: _Greeting(self), sock=listening, backlog=BACKLOG)
        except BaseException:
            listening.close()
            raise

    async def adopt(self, connection: socket.socket) -> Peer:
        """Serve a connected socket that was made otherwise, as for `--embedded`."""
        loop = asyncio.get_running_loop()
        _, endpoint = await loop.connect_accepted_socket(self.make_endpoint, connection)
        return endpoint.peer

    async def close(self, patience: float = 1.0) -> None:
        """Take no more connections and end those that are there: what is queued is written for at most `patience`
        seconds. Returns when all are gone."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._unlink()
        for greeting in list(self._greetings):
            greeting.abort()
        for endpoint in list(self._endpoints):
            endpoint.close()
        try:
            async with asyncio.timeout(patience):
                await self._empty.wait()
        except TimeoutError:
            for endpoint in list(self._endpoints):
                endpoint.abort()
            await self._empty.wait()

    def make_endpoint(self) -> Endpoint:
        """The endpoint of a new peer."""
        endpoint = Endpoint(self._dispatch, self._feed, self._new_peer_id(), self._forget)
        self._endpoints.add(endpoint)
        self._empty.clear()
        return endpoint

    def hold(self, greeting: _Greeting, held: bool) -> None:
        """Note a connection that has not said yet what it is."""
        (self._greetings.add if held else self._greetings.discard)(greeting)

    def _forget(self, endpoint: Endpoint) -> None:
        self._endpoints.discard(endpoint)
        if not self._endpoints:
            self._empty.set()

    def _unlink(self) -> None:
        """Remove the socket's name, unless a server that took over has it now."""
        assert self._path is not None
        try:
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        except FileNotFoundError:
            return


class _Greeting(asyncio.Protocol):
    """A connection until its first line is read."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        uid = _find_uid(self._transport.get_extra_info("socket"))
        if uid != os.getuid():
            log.warning("a connection of user %s was refused", uid)
            self._transport.abort()
            return
        self._listener.hold(self, True)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._data += data
        if not self._data.startswith(b"{"):
            self._hand_over({}, self._data)
            return
        line, end, rest = self._data.partition(b"\n")
        if len(line) > PREAMBLE_BYTES:
            self._refuse(f"the first line is longer than {PREAMBLE_BYTES} bytes")
        elif end:
            preamble = _read_preamble(line)
            if preamble is None:
                self._refuse("the first line is not a preamble")
            else:
                self._hand_over(preamble, rest)

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.hold(self, False)

    def abort(self) -> None:
        assert self._transport is not None
        self._transport.abort()

    def _hand_over(self, preamble: dict[str, Any], rest: bytes) -> None:
        assert self._transport is not None
        self._listener.hold(self, False)
        endpoint = self._listener.make_endpoint()
        peer = endpoint.peer
        version, cwd, env = preamble.get("version"), preamble.get("cwd"), preamble.get("env")
        peer.relay_version = version if isinstance(version, str) else None
        peer.cwd = cwd if isinstance(cwd, str) else None
        if isinstance(env, dict):
            peer.env = {name: value for name, value in env.items() if isinstance(value, str)}
        self._transport.set_protocol(endpoint)
        endpoint.connection_made(self._transport)
        if rest:
            endpoint.data_received(rest)

    def _refuse(self, why: str) -> None:
        assert self._transport is not None
        fault = refuse("PARSE_ERROR", f"{why}; a connection starts with Content-Length, or with the relay's preamble")
        frame = fail(None, fault)
        self._transport.write(b"Content-Length: %d\r\n\r\n%b" % (len(frame), frame))
        self._transport.close()


def _check_free(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise FileExistsError(errno.EEXIST, "there is something that is not a socket; move it away", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return
        except TimeoutError:
            # Somebody listens, and is busy.
            pass
    raise OSError(errno.EADDRINUSE, "another server answers there; `agentlanes stop` ends it", str(path))


def _find_uid(connection: Any) -> int:
    if not hasattr(socket, "SO_PEERCRED"):
        # Elsewhere than on Linux the modes of the socket and its folder have to do.
        return os.getuid()
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid: int = struct.unpack("3i", credentials)[1]
    return uid


def _read_preamble(line: bytes) -> dict[str, Any] | None:
    try:
        preamble = msgspec.json.decode(line)
    except UnicodeDecodeError:
        preamble = _read_odd_preamble(line)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return preamble if isinstance(preamble, dict) and isinstance(preamble.get("agentlanes"), str) else None


def _read_odd_preamble(line: bytes) -> Any:
    """A preamble with paths or variables that are not UTF-8: they come out as Python has them in `os.environ`."""
    import json

    try:
        return json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
