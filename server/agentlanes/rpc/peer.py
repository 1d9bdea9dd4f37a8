"""One connected client, as the rest of the server sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentlanes.rpc.outbound import Outbound


class Peer:
    """A client and what is known of it. Two peers are equal only if they are the same connection.

    `relay_version`, `cwd` and `env` come from the relay's first line and are None or empty for a raw client. `env`
    holds the values of a user's secrets: it is given to processes that the peer starts and never logged.
    `client` is `clientInfo` of `initialize`, `trace` the value that `$/setTrace` last set.
    """

    __slots__ = ("_request", "client", "closed", "cwd", "env", "id", "outbound", "relay_version", "trace")

    def __init__(
        self, peer_id: str, outbound: Outbound, request: Callable[[str, dict[str, Any] | None], Awaitable[Any]]
    ) -> None:
        self.id = peer_id
        self.outbound = outbound
        self.relay_version: str | None = None
        self.cwd: str | None = None
        self.env: Mapping[str, str] = {}
        self.client: Mapping[str, Any] = {}
        self.trace = "off"
        self.closed = False
        self._request = request

    def request(self, method: str, params: dict[str, Any] | None = None) -> Awaitable[Any]:
        """Ask the client, and await its result. Raises `Fault` with what the client refused it with, and
        `ConnectionError` when the peer ends first. It waits as long as the client takes: the caller bounds it."""
        return self._request(method, params)

    def __repr__(self) -> str:
        return f"<Peer {self.id}{' closed' if self.closed else ''}>"
