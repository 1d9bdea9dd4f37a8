"""Where LSP's own methods part from ours: by their slash.

A client that asks for our protocol in initialize renders everything itself and is asked nothing; for any other client
the server is what a plugin would be.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.kernel.ports.renderers import Renderers
from agentlanes.kernel.views import Views
from agentlanes.rpc.dispatch import Dispatcher
from agentlanes.rpc.fault import refuse_method
from agentlanes.rpc.lsp.capabilities import REQUESTS, describe_capabilities
from agentlanes.rpc.lsp.client import LspClient
from agentlanes.rpc.lsp.desk import Desk
from agentlanes.rpc.lsp.errands import Errands
from agentlanes.rpc.lsp.face import Face
from agentlanes.rpc.lsp.shelf import Shelf, clear
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.ports import Answer


class Front:
    """Implements `rpc.ports.Dispatch` for endpoints: ours goes on to the dispatcher, LSP's to the peer's face."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        kernel: Kernel,
        views: Views,
        renderers: Renderers,
        clock: Clock,
        version: str,
        documents: Path,
    ) -> None:
        """`documents` is a folder of ours for clients that open nothing but files."""
        self._dispatcher = dispatcher
        self._kernel = kernel
        self._views = views
        self._renderers = renderers
        self._version = version
        self._documents = documents
        clear(documents)
        self._desk = Desk(dispatcher.call, clock)
        self._errands = Errands(self._desk)
        self._faces: dict[Peer, Face] = {}
        self.describe_gap = dispatcher.describe_gap
        kernel.listen(self._hear)

    def initialize(self, peer: Peer, params: dict[str, Any]) -> dict[str, Any]:
        """The answer to initialize, with LSP's capabilities for a client that did not ask for our protocol."""
        result: dict[str, Any] = self._dispatcher.initialize(peer, params)
        options = params.get("initializationOptions")
        if not (isinstance(options, dict) and isinstance(options.get("agentlanes"), dict)):
            client = LspClient(params)
            shelf = Shelf(self._documents / peer.id)
            face = Face(
                peer,
                client,
                self._kernel,
                self._views,
                self._renderers,
                self._desk,
                self._errands,
                shelf,
                self._version,
            )
            self._faces[peer] = face
            result["capabilities"] |= describe_capabilities(client)
        return result

    def call(self, peer: Peer, method: str, params: dict[str, Any]) -> Answer:
        """Answers a request."""
        if "/" not in method:
            return self._dispatcher.call(peer, method, params)
        face = self._faces.get(peer)
        if face is None or method not in REQUESTS:
            raise refuse_method(method)
        return face.request(method, params)

    def notify(self, peer: Peer, method: str, params: dict[str, Any]) -> None:
        """Hears a notification."""
        face = self._faces.get(peer)
        if face is not None and ("/" in method or method == "initialized"):
            face.notify(method, params)
        else:
            self._dispatcher.notify(peer, method, params)

    def close(self, peer: Peer) -> None:
        """The peer is gone."""
        face = self._faces.pop(peer, None)
        if face is not None:
            face.close()
        self._dispatcher.close(peer)

    def _hear(self, committed: Committed) -> None:
        for face in self._faces.values():
            face.attention.hear(committed)
