"""Who is attached to which terminal, and how: a peer gets a terminal's bytes or its screen.

A peer that named no mode follows the terminal's. When that is switched, its bytes stop where they are and a whole
screen follows, or its screens stop and its bytes go on where they stopped: no byte is lost, and none comes twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from agentlanes.core.renderer import RENDERED, find_mode
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.kernel.ports.renderers import RendererError, Renderers
from agentlanes.kernel.ports.runners import Runners
from agentlanes.kernel.refusals import refuse_renderer
from agentlanes.rpc.attachments import Attachment
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.screens import ScreenView
from agentlanes.wire.models import RendererMode, Terminal, TerminalAttach, Workspace

log = logging.getLogger(__name__)

DEFAULT_TAIL = 64 << 10


class Attached:
    """One peer at one terminal. While there is a `view`, the `bytes` rest where they are."""

    def __init__(self, peer: Peer, terminal: Terminal, asked: TerminalAttach) -> None:
        self.peer = peer
        self.terminal = terminal
        self.asked = asked
        self.bytes: Attachment | None = None
        self.view: ScreenView | None = None
        self.swapping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Sends what there is from now on."""
        if self.view is not None:
            view = self.view
            view.begin(lambda: self.peer.outbound.wake(view))
        else:
            self.look()

    def grow(self, end: int, little: int) -> None:
        """The terminal printed something."""
        if self.view is None and self.bytes is not None:
            self.bytes.grew(end)
            self.peer.outbound.wake(self.bytes, first=end - self.bytes.offset <= little)

    def look(self) -> None:
        """The terminal may have printed something of which nobody told."""
        if self.view is None and self.bytes is not None:
            self.bytes.look()
            self.peer.outbound.wake(self.bytes)

    def close(self) -> None:
        """Sends nothing more."""
        if self.swapping is not None:
            self.swapping.cancel()
        for source in (self.bytes, self.view):
            if source is not None:
                self.peer.outbound.drop(source)
                source.close()


class Attendance:
    """Everybody who is attached. One peer is attached to a terminal once."""

    def __init__(self, kernel: Kernel, runners: Runners, renderers: Renderers, clock: Clock) -> None:
        self._kernel = kernel
        self._runners = runners
        self._renderers = renderers
        self._clock = clock
        self._attached: dict[str, dict[str, Attached]] = {}
        """By the terminal's process and the peer."""
        self._opening: set[Attached] = set()
        """Screens that were opened and not begun: their answer is on the way."""
        kernel.listen(self._hear)

    def at(self, process_id: str) -> Iterator[Attached]:
        """Who is attached to a terminal."""
        yield from self._attached.get(process_id, {}).values()

    def find(self, peer: Peer, process_id: str) -> Attached | None:
        """How a peer is attached to a terminal."""
        return self._attached.get(process_id, {}).get(peer.id)

    def find_mode(self, terminal: Terminal) -> RendererMode:
        """The mode in which a terminal is handed out."""
        return find_mode(self._kernel.state.get("workspace", terminal.workspace_id), terminal)

    def open_bytes(self, peer: Peer, terminal: Terminal, asked: TerminalAttach) -> tuple[Attached, int]:
        """A peer that gets bytes once it is begun, and how many of those that it asked for are gone."""
        attached = Attached(peer, terminal, asked)
        attached.bytes, skipped = self._open_tape(terminal, asked)
        return attached, skipped

    async def open_screen(self, peer: Peer, terminal: Terminal, asked: TerminalAttach) -> Attached:
        """A peer that gets screens once it is begun. Raises Refusal."""
        attached = Attached(peer, terminal, asked)
        self._opening.add(attached)
        try:
            attached.view = ScreenView(self._clock, terminal, self._renderers)
            await attached.view.ready()
        except RendererError as error:
            self._discard(attached)
            raise refuse_renderer(error) from error
        except BaseException:
            self._discard(attached)
            raise
        return attached

    def begin(self, attached: Attached) -> None:
        """Takes the place of what the peer had of the terminal."""
        self._opening.discard(attached)
        if attached.peer.closed:
            attached.close()
            return
        process_id = attached.terminal.process_id
        self.drop(attached.peer, process_id)
        self._attached.setdefault(process_id, {})[attached.peer.id] = attached
        attached.begin()
        # It may have been switched while the answer was on its way.
        self._follow(attached)

    def drop(self, peer: Peer, process_id: str) -> None:
        """The peer gets no more of a terminal."""
        found = self._attached.get(process_id, {})
        attached = found.pop(peer.id, None)
        if attached is not None:
            attached.close()
        if not found:
            self._attached.pop(process_id, None)

    def forget(self, peer: Peer) -> None:
        """The peer is gone."""
        for process_id in list(self._attached):
            self.drop(peer, process_id)
        for attached in [attached for attached in self._opening if attached.peer is peer]:
            self._discard(attached)

    def _discard(self, attached: Attached) -> None:
        self._opening.discard(attached)
        attached.close()

    def _open_tape(self, terminal: Terminal, asked: TerminalAttach) -> tuple[Attachment, int]:
        tape = self._runners.tape(terminal.process_id, "pty")
        start, end = tape.span()
        if asked.offset is not None:
            wanted = min(asked.offset, end)
        else:
            wanted = max(start, end - (DEFAULT_TAIL if asked.tail_bytes is None else asked.tail_bytes))
        offset = max(wanted, start)
        attachment = Attachment(
            self._clock,
            terminal.terminal_id,
            tape,
            offset,
            end,
            asked.window_bytes,
            asked.flow or "latest",
            asked.encoding or "utf-8",
        )
        return attachment, offset - wanted

    def _hear(self, committed: Committed) -> None:
        for event in committed.events:
            if isinstance(event.entity, Terminal):
                for attached in list(self.at(event.entity.process_id)):
                    self._follow(attached)
            elif isinstance(event.entity, Workspace):
                for process_id in list(self._attached):
                    for attached in list(self.at(process_id)):
                        if attached.terminal.workspace_id == event.entity.workspace_id:
                            self._follow(attached)

    def _wants_screen(self, attached: Attached) -> bool:
        terminal = self._kernel.state.get("terminal", attached.terminal.terminal_id) or attached.terminal
        return (attached.asked.mode or self.find_mode(terminal)) == RENDERED

    def _follow(self, attached: Attached) -> None:
        if attached.swapping is None and self._wants_screen(attached) != (attached.view is not None):
            attached.swapping = asyncio.create_task(self._swap(attached), name="renderer.swap")

    async def _swap(self, attached: Attached) -> None:
        """Brings a peer to the mode that it follows; what it gets goes on until the other is there."""
        outbound = attached.peer.outbound
        try:
            while (wanted := self._wants_screen(attached)) != (attached.view is not None):
                if wanted:
                    view = ScreenView(self._clock, attached.terminal, self._renderers)
                    try:
                        await view.ready()
                    except BaseException:
                        view.close()
                        raise
                    if attached.bytes is not None:
                        outbound.drop(attached.bytes)
                    attached.view = view
                elif attached.view is not None:
                    outbound.drop(attached.view)
                    attached.view.close()
                    attached.view = None
                    if attached.bytes is None:
                        attached.bytes, _ = self._open_tape(attached.terminal, attached.asked)
                    attached.bytes.resume()
                attached.begin()
        except RendererError as error:
            log.info("terminal %s goes on in bytes: %s", attached.terminal.terminal_id, error)
        finally:
            attached.swapping = None
