"""Terminals' screens as documents of one plain LSP client: watched from when one is read until it is closed."""

from __future__ import annotations

from collections.abc import Callable

from agentlanes.kernel.ports.renderers import RendererError, Renderers, Watch
from agentlanes.kernel.refusals import refuse_renderer
from agentlanes.wire.models import Terminal


class ScreenDocuments:
    """`changed` hears the URI of a document that shows something else by now."""

    def __init__(self, renderers: Renderers, changed: Callable[[str], None]) -> None:
        self._renderers = renderers
        self._changed = changed
        self._watches: dict[str, Watch] = {}

    async def read(self, uri: str, terminal: Terminal) -> str:
        """What the terminal shows. Raises Refusal."""
        try:
            watch = self._watches.get(uri)
            if watch is None or watch.failure is not None:
                watch = self._renderers.watch(terminal.process_id, lambda: self._changed(uri))
                self._watches[uri] = watch
            await watch.ready()
        except RendererError as error:
            self.forget(uri)
            raise refuse_renderer(error) from error
        return watch.picture.read_text()

    def forget(self, uri: str) -> None:
        """The client shows it no more."""
        watch = self._watches.pop(uri, None)
        if watch is not None:
            watch.close()

    def close(self) -> None:
        """The client is gone."""
        for uri in list(self._watches):
            self.forget(uri)
