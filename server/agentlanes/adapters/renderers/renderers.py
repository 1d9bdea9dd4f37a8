"""Screens of terminals, rendered by one process that is there while somebody looks.

Each screen is asked to look again when its tape has grown, not before the last look was answered and not more often
than FRAMES_PER_SECOND: what lies between is never painted. A renderer that dies or hangs is started anew, and plays the
tapes from their beginning. A terminal whose bytes it was playing each time it went is not shown any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import msgspec

from agentlanes.adapters.renderers.process import COMMAND, RendererProcess
from agentlanes.adapters.renderers.shown import Heard, Shown
from agentlanes.kernel.ports.renderers import Picture, RendererError, Watch
from agentlanes.kernel.ports.runners import Grew, RunnerEvent, Runners
from agentlanes.renderer.wire import HISTORY_LINES, MAX_CELLS
from agentlanes.wire.models import RendererLimits

log = logging.getLogger(__name__)

ENGINE = "pyghostty"
FRAMES_PER_SECOND = 20
SCREENS = 64
LINGER_SECONDS = 30.0
"""How long a screen that nobody watches is kept, for who asks again."""

HANG_SECONDS = 30.0
"""How long the renderer may say nothing while it is asked something."""

START_SECONDS = 60.0
"""How long it may take to begin."""

STRIKES = 2
"""How often a renderer may go while it plays a terminal; the last time it plays that one alone."""


class LocalRenderers:
    """Implements the port `Renderers`. `tapes_dir` is that of the runners, `command` starts a renderer."""

    limits = RendererLimits(
        cells=MAX_CELLS, history_lines=HISTORY_LINES, frames_per_second=FRAMES_PER_SECOND, screens=SCREENS
    )

    def __init__(
        self,
        tapes_dir: Path,
        runners: Runners,
        *,
        command: Sequence[str] = COMMAND,
        hang_seconds: float = HANG_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        self._tapes_dir = tapes_dir
        self._command = command
        self._hang_seconds = hang_seconds
        self._linger_seconds = linger_seconds
        self._shown: dict[str, Shown] = {}
        self._process: RendererProcess | None = None
        self._tending: asyncio.Task[None] | None = None
        self._tend_again = False
        self._closing: set[asyncio.Task[None]] = set()
        self._suspect: Shown | None = None
        """What is played alone, because a renderer went while it played that among others."""
        self._heard_at = 0.0
        self._patience = START_SECONDS
        self._hang: asyncio.TimerHandle | None = None
        self._is_closed = False
        runners.subscribe(self._hear_runner)

    @cached_property
    def engine(self) -> str | None:
        """What renders, with its version."""
        if self.problem is not None:
            return None
        # Costs 3 MB and a twentieth of the server's start (measured), for what clients hardly ever ask.
        from importlib.metadata import version

        return f"ghostty ({ENGINE} {version(ENGINE)})"

    @cached_property
    def problem(self) -> str | None:
        """Why nothing can be rendered here."""
        if find_spec(ENGINE) is not None:
            return None
        return f"the package {ENGINE} is not installed, which renders; it is made for Linux and macOS, x86-64 and ARM"

    def watch(self, process_id: str, changed: Callable[[], None]) -> Watch:
        """Renders a terminal from now on. Raises RendererError."""
        if self.problem is not None:
            raise RendererError(self.problem)
        shown = self._shown.get(process_id)
        if shown is None or shown.failure is not None:
            self._make_room()
            shown = self._shown[process_id] = Shown(process_id)
        shown.drop_timer()
        return LocalWatch(self, shown, changed)

    def wake(self, process_id: str) -> None:
        """A terminal grew, or has another size."""
        shown = self._shown.get(process_id)
        if shown is not None and shown.watches:
            self.look(shown)

    async def close(self) -> None:
        """Ends the renderer."""
        self._is_closed = True
        for shown in list(self._shown.values()):
            self._fail(shown, RendererError("the server stops"))
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        self._end_process()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def look(self, shown: Shown) -> None:
        """Asks for the newest screen, now or as soon as the last one is there and its time has passed."""
        if shown.failure is not None or self._is_closed:
            return
        is_held = self._suspect is not None and self._suspect is not shown
        if shown.is_asked or is_held or not shown.is_open or self._process is None:
            shown.is_stale = True
            if not shown.is_open:
                self._tend()
            return
        if shown.timer is not None:
            return
        loop = asyncio.get_running_loop()
        early = shown.asked_at + 1 / FRAMES_PER_SECOND - loop.time()
        if early > 0:
            shown.timer = loop.call_later(early, self._look_now, shown)
        else:
            self._look_now(shown)

    def tell_history(self, shown: Shown, count: int, found: asyncio.Future[tuple[str, ...]]) -> None:
        """Asks for lines above a screen."""
        shown.histories.append((count, found))
        if self._process is not None and shown.is_open:
            self._process.ask({"op": "history", "screen": shown.process_id, "lines": count})

    def drop(self, shown: Shown) -> None:
        """Nobody watches a screen any more."""
        shown.drop_timer()
        if shown.failure is not None or self._is_closed:
            self._forget(shown)
        else:
            shown.timer = asyncio.get_running_loop().call_later(self._linger_seconds, self._forget, shown)

    def _make_room(self) -> None:
        if len(self._shown) < SCREENS:
            return
        idle = next((shown for shown in self._shown.values() if not shown.watches), None)
        if idle is None:
            raise RendererError(f"{SCREENS} terminals are rendered already; detach from one that is not looked at")
        self._forget(idle)

    def _forget(self, shown: Shown) -> None:
        shown.drop_timer()
        if self._shown.get(shown.process_id) is shown:
            del self._shown[shown.process_id]
            if self._process is not None and shown.is_open:
                self._process.ask({"op": "close", "screen": shown.process_id})
        if not self._shown:
            self._end_process()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if self._hang is not None:
            self._hang.cancel()
            self._hang = None
        if process is not None:
            task = asyncio.create_task(process.close(), name="renderer.close")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _tend(self) -> None:
        """Opens what is not open, with a process for it."""
        self._tend_again = True
        if self._tending is None and not self._is_closed:
            self._tending = asyncio.create_task(self._open_all(), name="renderer.open")

    async def _open_all(self) -> None:
        try:
            while self._tend_again:
                self._tend_again = False
                closed = [shown for shown in self._shown.values() if not shown.is_open and shown.failure is None]
                for shown in sorted(closed, key=lambda shown: -shown.strikes):
                    if self._process is None:
                        await self._start_process()
                    if self._process is None or shown.failure is not None or shown.process_id not in self._shown:
                        continue
                    self._open(self._process, shown)
                    if shown.strikes:
                        await self._try_alone(shown)
        finally:
            self._tending = None

    def _open(self, process: RendererProcess, shown: Shown) -> None:
        shown.is_open = True
        folder = str(self._tapes_dir / shown.process_id / "pty")
        process.ask({"op": "open", "screen": shown.process_id, "folder": folder})
        self._look_now(shown)
        for count, _ in shown.histories:
            process.ask({"op": "history", "screen": shown.process_id, "lines": count})

    async def _try_alone(self, shown: Shown) -> None:
        """Returns when it is known whether it is this one that ends renderers; the others rest meanwhile."""
        waiter = asyncio.get_running_loop().create_future()
        shown.awaited.append(waiter)
        self._suspect = shown
        try:
            await asyncio.gather(waiter, return_exceptions=True)
        finally:
            self._suspect = None
        for other in list(self._shown.values()):
            if other.is_stale:
                self.look(other)

    async def _start_process(self) -> None:
        try:
            process = await RendererProcess.start(self._command, self._hear, lambda: self._lose(process))
        except OSError as error:
            log.warning("the renderer cannot be started: %s", error)
            for shown in list(self._shown.values()):
                self._fail(shown, RendererError(f"the renderer cannot be started: {error}"))
            return
        self._process = process
        self._patience = START_SECONDS
        self._heard_at = asyncio.get_running_loop().time()
        self._watch_over()

    def _watch_over(self) -> None:
        """Ends a renderer that hangs."""
        loop = asyncio.get_running_loop()
        if self._process is None:
            return
        asked = [shown.asked_at for shown in self._shown.values() if shown.is_asked]
        if asked and loop.time() - max(self._heard_at, min(asked)) > self._patience:
            log.warning("the renderer hangs; it is started anew")
            self._process.kill()
            return
        self._hang = loop.call_later(self._hang_seconds / 4, self._watch_over)

    def _lose(self, process: RendererProcess) -> None:
        """The renderer is gone, and what it was playing may be why."""
        if self._process is not process:
            return
        self._process = None
        if self._hang is not None:
            self._hang.cancel()
            self._hang = None
        log.warning("the renderer ended; %d screens are rendered anew", len(self._shown))
        for shown in list(self._shown.values()):
            shown.is_open = False
            if not shown.is_asked:
                continue
            shown.lose_look()
            shown.strikes += 1
            if shown.strikes >= STRIKES:
                self._fail(shown, RendererError("the renderer cannot cope with what the terminal printed"))
        if self._shown:
            self._tend()

    def _look_now(self, shown: Shown) -> None:
        shown.timer = None
        if self._process is None or not shown.is_open or shown.failure is not None:
            return
        shown.is_asked, shown.is_stale = True, False
        shown.asked_at = asyncio.get_running_loop().time()
        shown.awaited += shown.waiting
        shown.waiting = []
        self._process.ask({"op": "look", "screen": shown.process_id})

    def _hear_runner(self, event: RunnerEvent) -> None:
        if isinstance(event, Grew) and event.stream == "pty":
            self.wake(event.process_id)

    def _hear(self, body: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._patience = self._hang_seconds
        heard = msgspec.json.decode(body, type=Heard)
        shown = self._shown.get(heard.screen)
        if shown is None:
            return
        if heard.op == "failed":
            self._fail(shown, RendererError(heard.reason))
        elif heard.op == "history":
            shown.take_history(heard)
        else:
            self._take(shown, heard)

    def _take(self, shown: Shown, heard: Heard) -> None:
        is_new = shown.take(heard)
        if heard.done:
            shown.finish_look()
            if shown.is_stale or shown.waiting:
                self.look(shown)
        if is_new:
            shown.tell()

    def _fail(self, shown: Shown, failure: RendererError) -> None:
        shown.fail(failure)
        self._forget(shown)


class LocalWatch:
    """Implements the port `Watch`."""

    def __init__(self, renderers: LocalRenderers, shown: Shown, changed: Callable[[], None]) -> None:
        self._renderers = renderers
        self._shown = shown
        shown.watches[self] = changed

    @property
    def picture(self) -> Picture:
        """The newest screen."""
        return self._shown.picture

    @property
    def failure(self) -> RendererError | None:
        """Why there are no more screens."""
        return self._shown.failure

    async def ready(self) -> None:
        """Returns when the screen is as far as the tape is now."""
        await self._wait(self._shown.waiting)

    async def read_history(self, lines: int) -> tuple[str, ...]:
        """The newest lines above the screen."""
        self._check()
        found: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._renderers.tell_history(self._shown, lines, found)
        return await found

    def close(self) -> None:
        """No more interest."""
        if self._shown.watches.pop(self, None) is not None and not self._shown.watches:
            self._renderers.drop(self._shown)

    async def _wait(self, waiting: list[asyncio.Future[None]]) -> None:
        self._check()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(waiter)
        self._renderers.look(self._shown)
        await waiter

    def _check(self) -> None:
        if self._shown.failure is not None:
            raise self._shown.failure
