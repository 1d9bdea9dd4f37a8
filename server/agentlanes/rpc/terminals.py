"""Terminals as peers use them: who is attached, who owns, what is typed. None of it passes through the log."""

from __future__ import annotations

import asyncio
import base64
import binascii
import codecs
import signal as signals
from collections.abc import Awaitable, Callable

from agentlanes.core.command import Context
from agentlanes.core.errors import Refusal
from agentlanes.core.renderer import RAW, RENDERED
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.ports.renderers import RendererError, Renderers
from agentlanes.kernel.ports.runners import Grew, Lost, RunnerError, RunnerEvent, Runners, TapeReader, TerminalSize
from agentlanes.kernel.refusals import refuse_renderer, refuse_runner
from agentlanes.kernel.views import Views
from agentlanes.kernel.vitals import Vitals
from agentlanes.rpc.attached import Attendance
from agentlanes.rpc.attachments import Encoding, announce
from agentlanes.rpc.peer import Peer
from agentlanes.wire import models
from agentlanes.wire.models import (
    Empty,
    Process,
    ProcessRead,
    RendererCapabilities,
    RendererOffer,
    TapeChunk,
    Terminal,
    TerminalAck,
    TerminalAttach,
    TerminalAttachment,
    TerminalInput,
    TerminalRead,
    TerminalRender,
    TerminalResize,
    TerminalResized,
    TerminalScreen,
    TerminalSignal,
)

DEFAULT_READ = 64 << 10
INPUT_CAP = 1 << 20
LITTLE = 4096
"""Bytes of output that go before the floods of other terminals."""


class Terminals:
    """Attachments of all peers, and the stream methods of terminals."""

    def __init__(
        self, kernel: Kernel, views: Views, runners: Runners, renderers: Renderers, vitals: Vitals, clock: Clock
    ) -> None:
        self._views = views
        self._runners = runners
        self._renderers = renderers
        self._attendance = Attendance(kernel, runners, renderers, clock)
        self._vitals = vitals
        self._clock = clock
        self._owners: dict[str, str] = {}
        self._nudges: dict[str, asyncio.Future[None]] = {}
        self._nudged: dict[str, TerminalSize] = {}
        """The size that a nudge goes back to."""
        runners.subscribe(self._hear)

    def _hear(self, event: RunnerEvent) -> None:
        if isinstance(event, Grew):
            for attached in self._attendance.at(event.process_id):
                attached.grow(event.end, LITTLE)
        elif isinstance(event, Lost):
            # What its runner wrote last, and could tell nobody.
            for process_id in event.process_ids:
                for attached in self._attendance.at(process_id):
                    attached.look()

    def _find(self, context: Context) -> Terminal:
        terminal: Terminal = self._views.find("terminal", context.terminal_id)
        return terminal

    def _find_open(self, context: Context) -> Terminal:
        terminal = self._find(context)
        if terminal.state == "closed":
            raise Refusal(
                "TERMINAL_CLOSED",
                f"terminal {terminal.title} is closed; terminal.read still reads what it printed",
                terminal_id=terminal.terminal_id,
            )
        return terminal

    def attach(
        self, peer: Peer, context: Context, payload: TerminalAttach
    ) -> Awaitable[tuple[TerminalAttachment, Callable[[], None]]] | tuple[TerminalAttachment, Callable[[], None]]:
        """Where the output starts, and what starts it once that is answered."""
        terminal = self._find(context)
        if (payload.mode or self._attendance.find_mode(terminal)) == RENDERED:
            return self._attach_screen(peer, terminal, payload)
        attached, skipped = self._attendance.open_bytes(peer, terminal, payload)
        assert attached.bytes is not None
        result = TerminalAttachment(
            terminal=terminal,
            offset=attached.bytes.offset,
            end_offset=attached.bytes.end,
            skipped=skipped or None,
            mode=RAW,
        )
        nudge = payload.nudge is not False and payload.offset is None and terminal.state != "closed"

        def begin() -> None:
            self._attendance.begin(attached)
            if nudge and not peer.closed and terminal.process_id not in self._nudges:
                self._nudged[terminal.process_id] = TerminalSize(terminal.cols, terminal.rows)
                self._nudges[terminal.process_id] = asyncio.ensure_future(self._nudge(terminal.process_id))

        return result, begin

    async def _attach_screen(
        self, peer: Peer, terminal: Terminal, payload: TerminalAttach
    ) -> tuple[TerminalAttachment, Callable[[], None]]:
        attached = await self._attendance.open_screen(peer, terminal, payload)
        assert attached.view is not None
        result = TerminalAttachment(
            terminal=terminal,
            offset=attached.view.picture.show()[0].offset,
            end_offset=self._find_end(terminal),
            mode=RENDERED,
        )
        return result, lambda: self._attendance.begin(attached)

    def _find_end(self, terminal: Terminal) -> int:
        tape = self._runners.tape(terminal.process_id, "pty")
        try:
            return tape.span()[1]
        finally:
            tape.close()

    async def render(self, context: Context, payload: TerminalRender) -> TerminalScreen:
        """What the terminal shows now."""
        terminal = self._find(context)
        try:
            watch = self._renderers.watch(terminal.process_id, lambda: None)
            try:
                await watch.ready()
                history = await watch.read_history(payload.history_lines) if payload.history_lines else ()
                return TerminalScreen(
                    terminal_id=terminal.terminal_id,
                    text=watch.picture.read_text(),
                    screen=watch.picture.show()[0],
                    history=history,
                )
            finally:
                watch.close()
        except RendererError as error:
            raise refuse_renderer(error) from error

    def tell_capabilities(self, context: Context) -> RendererCapabilities:
        """Which modes there are, and which is that of the terminal or the workspace that is named."""
        mode = None
        if context.terminal_id is not None:
            mode = self._attendance.find_mode(self._find(context))
        elif context.workspace_id is not None:
            mode = self._views.find("workspace", context.workspace_id).active_renderer_mode
        rendered = RendererOffer(
            mode=RENDERED,
            available=self._renderers.problem is None,
            engine=self._renderers.engine,
            problem=self._renderers.problem,
        )
        return RendererCapabilities(
            modes=(RendererOffer(mode=RAW, available=True), rendered),
            active_renderer_mode=mode,
            hot_swap_supported=True,
            limits=self._renderers.limits,
        )

    async def _nudge(self, process_id: str) -> None:
        """A full-screen program draws anew when its size changes; so it is changed and changed back, or to what a peer
        asked for meanwhile."""
        size = self._nudged[process_id]
        smaller = TerminalSize(size.cols, size.rows - 1) if size.rows > 1 else TerminalSize(size.cols, 2)
        try:
            await self._runners.resize(process_id, smaller)
            await self._runners.resize(process_id, self._nudged[process_id])
        except RunnerError:
            return
        finally:
            del self._nudged[process_id], self._nudges[process_id]
            self._renderers.wake(process_id)

    def detach(self, peer: Peer, context: Context) -> Empty:
        """Ends the peer's output."""
        self._attendance.drop(peer, self._find(context).process_id)
        return Empty()

    def forget(self, peer: Peer) -> None:
        """The peer is gone."""
        self._attendance.forget(peer)
        for process_id in [process_id for process_id, owner in self._owners.items() if owner == peer.id]:
            del self._owners[process_id]

    def ack(self, peer: Peer, context: Context, payload: TerminalAck) -> Empty:
        """Returns credit."""
        found = self._attendance.find(peer, self._find(context).process_id)
        if found is None:
            raise Refusal("TERMINAL_NOT_ATTACHED", "this peer is not attached; terminal.attach attaches it")
        if found.bytes is not None:
            found.bytes.ack(payload.consumed)
            if found.view is None:
                peer.outbound.wake(found.bytes)
        return Empty()

    async def input(self, peer: Peer, context: Context, payload: TerminalInput) -> Empty:
        """Types. Who types owns the terminal."""
        terminal = self._find_open(context)
        data = _decode(payload.data, payload.encoding or "utf-8")
        if len(data) > INPUT_CAP:
            raise Refusal("INPUT_REFUSED", f"{len(data)} bytes are more than the {INPUT_CAP} that one input may have")
        self._owners[terminal.process_id] = peer.id
        await _ask(self._runners.write(terminal.process_id, data, input_id=payload.input_id))
        return Empty()

    async def resize(self, peer: Peer, context: Context, payload: TerminalResize) -> models.TerminalSize:
        """Changes the size, if the peer owns the terminal or nobody does."""
        terminal = self._find_open(context)
        owner = self._owners.get(terminal.process_id)
        if payload.claim or owner is None:
            self._owners[terminal.process_id] = owner = peer.id
        if owner != peer.id:
            return models.TerminalSize(cols=terminal.cols, rows=terminal.rows, applied=False)
        size = TerminalSize(payload.cols, payload.rows)
        if terminal.process_id in self._nudged:
            self._nudged[terminal.process_id] = size
        await _ask(self._runners.resize(terminal.process_id, size))
        self._vitals.sizes[terminal.process_id] = size
        resized = TerminalResized(terminal_id=terminal.terminal_id, cols=size.cols, rows=size.rows)
        frame = announce(
            self._clock,
            "terminal.resized",
            self._clock.mint("correlation"),
            resized,
            workspace_id=terminal.workspace_id,
            lane_id=terminal.lane_id,
            terminal_id=terminal.terminal_id,
        )
        self._renderers.wake(terminal.process_id)
        for attached in self._attendance.at(terminal.process_id):
            attached.peer.outbound.notify(frame)
        return models.TerminalSize(cols=size.cols, rows=size.rows, applied=True)

    async def signal(self, context: Context, payload: TerminalSignal) -> Empty:
        """Signals the terminal's processes."""
        terminal = self._find_open(context)
        await _ask(self._runners.signal(terminal.process_id, signals.Signals[payload.signal]))
        return Empty()

    def read(self, context: Context, payload: TerminalRead) -> TapeChunk:
        """A part of the terminal's tape."""
        tape = self._runners.tape(self._find(context).process_id, "pty")
        return _read(tape, payload.offset, payload.max_bytes, payload.encoding)

    def read_process(self, payload: ProcessRead) -> TapeChunk:
        """A part of a process' tape."""
        process: Process = self._views.find("process", payload.process_id)
        stream = payload.stream or "out"
        tape = self._runners.tape(process.process_id, "pty" if process.pty else stream)
        return _read(tape, payload.offset, payload.max_bytes, payload.encoding)


def _read(tape: TapeReader, offset: int | None, limit: int | None, encoding: Encoding | None) -> TapeChunk:
    limit = limit or DEFAULT_READ
    try:
        start, end = tape.span()
        wanted = max(start, end - limit) if offset is None else min(offset, end)
        data, at, skipped = bytearray(), wanted, 0
        while len(data) < limit:
            chunk = tape.read(at, limit - len(data))
            if chunk.skipped:
                skipped += chunk.skipped + len(data)
                data.clear()
            if not chunk.data:
                at = chunk.offset
                break
            data += chunk.data
            at = chunk.offset + len(chunk.data)
    finally:
        tape.close()
    first = at - len(data)
    if encoding == "base64":
        text, following = base64.b64encode(data).decode(), at
    else:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        text = decoder.decode(bytes(data), final=at >= end)
        following = at - len(decoder.getstate()[0])
    return TapeChunk(
        offset=first,
        data=text,
        next_offset=following,
        end_offset=end,
        skipped=skipped or None,
        encoding=encoding or "utf-8",
    )


def _decode(data: str, encoding: Encoding) -> bytes:
    if encoding == "utf-8":
        return data.encode()
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise Refusal("INPUT_REFUSED", f"data is not base64: {error}") from error


async def _ask(work: Awaitable[None]) -> None:
    try:
        await work
    except RunnerError as error:
        if str(error.code) == "PROCESS_ENDED":
            raise Refusal("TERMINAL_CLOSED", "the terminal's program has just ended") from error
        raise refuse_runner(error) from error
