"""Rendered screens as each peer sees them: what changed since this peer was told last, however long that took."""

from __future__ import annotations

from collections.abc import Callable

from agentlanes.kernel.clock import Clock
from agentlanes.kernel.ports.renderers import Picture, Renderers
from agentlanes.kernel.refusals import refuse_renderer
from agentlanes.rpc.attachments import announce
from agentlanes.wire.models import Terminal, TerminalRendered, TerminalRenderEnded


class ScreenView:
    """One peer's view of one terminal's screen: a stream source of its outbound. A slow peer gets fewer screens, and
    always the newest. Raises RendererError."""

    def __init__(self, clock: Clock, terminal: Terminal, renderers: Renderers) -> None:
        self._clock = clock
        self._terminal_id = terminal.terminal_id
        self._watch = renderers.watch(terminal.process_id, self._hear)
        self._correlation_id = clock.mint("correlation")
        self._wake: Callable[[], None] | None = None
        self._version = 0
        self._is_over = False

    @property
    def picture(self) -> Picture:
        """The newest screen, once `ready` has returned."""
        return self._watch.picture

    async def ready(self) -> None:
        """Returns when there is a screen as far as the tape is now. Raises RendererError."""
        await self._watch.ready()

    def begin(self, wake: Callable[[], None]) -> None:
        """Calls `wake` from now on when there is something to send."""
        self._wake = wake
        wake()

    def next_frame(self) -> bytes | None:
        """What changed, or None where nothing did."""
        if self._is_over:
            return None
        failure = self._watch.failure
        if failure is not None:
            self._is_over = True
            over = TerminalRenderEnded(terminal_id=self._terminal_id, problem=refuse_renderer(failure).problem())
            return self._announce("terminal.render.ended", over)
        picture = self._watch.picture
        if picture.version <= self._version:
            return None
        screen, full = picture.show(self._version)
        self._version = picture.version
        rendered = TerminalRendered(terminal_id=self._terminal_id, full=full, screen=screen)
        return self._announce("terminal.rendered", rendered)

    def close(self) -> None:
        """No more interest."""
        self._is_over = True
        self._watch.close()

    def _hear(self) -> None:
        if self._wake is not None:
            self._wake()

    def _announce(self, topic: str, payload: TerminalRendered | TerminalRenderEnded) -> bytes:
        return announce(self._clock, topic, self._correlation_id, payload, terminal_id=self._terminal_id)
