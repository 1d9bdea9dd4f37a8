"""The port `Renderers` over real renderer processes, and over ones that break."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from agentlanes.adapters.renderers import renderers as module
from agentlanes.adapters.renderers.renderers import LocalRenderers
from agentlanes.kernel.ports.renderers import RendererError, Watch
from agentlanes.kernel.ports.runners import Grew, Listener, Runners
from agentlanes.runner.tape import Limit, Writer

BREAKABLE = (sys.executable, "-m", "fakes.renderer")
PATIENCE = 60.0


class Tapes:
    """Tapes as runners write them, and the news of their growth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.listeners: list[Listener] = []
        self._writers: dict[str, Writer] = {}

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def print(self, process_id: str, data: bytes, *, quietly: bool = False) -> None:
        writer = self._writers.get(process_id)
        if writer is None:
            folder = str(self.folder / process_id / "pty")
            writer = self._writers[process_id] = Writer(folder, Limit(1 << 30, 1 << 22, lossless=False))
            writer.note("resize", cols=40, rows=5)
        writer.append(memoryview(data))
        if not quietly:
            for listener in self.listeners:
                listener(Grew(process_id, "pty", writer.end))

    def resize(self, process_id: str, cols: int, rows: int) -> None:
        self._writers[process_id].note("resize", cols=cols, rows=rows)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


Make = Callable[..., LocalRenderers]


@pytest.fixture
def tapes() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        tapes = Tapes(Path(folder))
        yield tapes
        tapes.close()


@pytest.fixture
async def make(tapes: Tapes, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    made: list[LocalRenderers] = []

    def make(**options: Any) -> LocalRenderers:
        made.append(LocalRenderers(tapes.folder, cast(Runners, tapes), **options))
        return made[-1]

    yield make
    for renderers in made:
        await renderers.close()
    assert not list_children()


def list_children() -> list[int]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    found = []
    for pid in map(int, path.read_text().split()):
        if b"renderer" in Path(f"/proc/{pid}/cmdline").read_bytes():
            found.append(pid)
    return found


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


class Looker:
    """Somebody who watches, and is told."""

    def __init__(self, renderers: LocalRenderers, process_id: str) -> None:
        self.told = 0
        self._changed = asyncio.Event()
        self.watch: Watch = renderers.watch(process_id, self._hear)

    def _hear(self) -> None:
        self.told += 1
        self._changed.set()

    async def until(self, text: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.watch.failure is None and (not self.watch.picture.version or text not in self.read()):
                self._changed.clear()
                await self._changed.wait()
        if self.watch.failure is not None:
            raise self.watch.failure

    def read(self) -> str:
        return self.watch.picture.read_text()


async def test_a_screen_follows_its_tape(make: Make, tapes: Tapes) -> None:
    renderers = make()
    tapes.print("p", b"before\r\n")
    looker = Looker(renderers, "p")
    await looker.watch.ready()
    assert looker.read() == "before\n\n\n\n\n"
    version = looker.watch.picture.version
    tapes.print("p", b"after")
    await looker.until("after")
    screen, full = looker.watch.picture.show(version)
    assert not full and [line.row for line in screen.lines] == [1]
    assert looker.watch.picture.show()[1] and len(looker.watch.picture.show()[0].lines) == 5
    tapes.resize("p", 20, 3)
    renderers.wake("p")
    await looker.watch.ready()
    screen, full = looker.watch.picture.show(looker.watch.picture.version - 1)
    assert full and (screen.cols, screen.rows, len(screen.lines)) == (20, 3, 3)
    told = looker.told
    await looker.watch.ready()
    assert looker.told == told, "nothing new is not told"
    looker.watch.close()


async def test_ready_is_as_far_as_the_tape_was(make: Make, tapes: Tapes) -> None:
    looker = Looker(make(), "p")
    tapes.print("p", b"", quietly=True)
    for number in range(30):
        tapes.print("p", b"\r\nnumber %d" % number, quietly=True)
        await looker.watch.ready()
        assert f"number {number}" in looker.read()
    assert (await looker.watch.read_history(3))[-1] == "number 24"
    looker.watch.close()


async def test_a_flood_is_painted_now_and_then(make: Make, tapes: Tapes) -> None:
    looker = Looker(make(), "p")
    tapes.print("p", b"", quietly=True)
    await looker.watch.ready()
    loop = asyncio.get_running_loop()
    began, told, parts = loop.time(), looker.told, 400
    for number in range(parts):
        tapes.print("p", b"line %d\r\n" % number * 200)
        await asyncio.sleep(0)
    await looker.until(f"line {parts - 1}")
    frames = looker.told - told
    assert frames <= (loop.time() - began) * module.FRAMES_PER_SECOND + 2
    looker.watch.close()


async def test_the_process_is_there_while_somebody_looks(make: Make, tapes: Tapes) -> None:
    renderers = make(linger_seconds=0.0)
    tapes.print("p", b"x")
    assert not list_children()
    first, second = Looker(renderers, "p"), Looker(renderers, "p")
    await first.watch.ready()
    await second.watch.ready()
    assert len(list_children()) == 1
    first.watch.close()
    first.watch.close()
    tapes.print("p", b"yes")
    await second.until("xyes")
    second.watch.close()
    await until(lambda: not list_children())
    third = Looker(renderers, "p")
    await third.watch.ready()
    assert third.read().startswith("xyes")
    third.watch.close()


async def test_a_renderer_that_is_killed_is_started_anew(make: Make, tapes: Tapes) -> None:
    renderers = make()
    lookers = []
    for name in ("p", "q"):
        tapes.print(name, f"I am {name}\r\n".encode())
        lookers.append(Looker(renderers, name))
        await lookers[-1].watch.ready()
    for turn in range(3):
        (pid,) = list_children()
        os.kill(pid, signal.SIGKILL)
        for name, looker in zip(("p", "q"), lookers, strict=True):
            tapes.print(name, f"turn {turn}\r\n".encode())
            await looker.until(f"turn {turn}")
            await looker.watch.ready()
            assert looker.read().startswith("I am") and looker.watch.failure is None
    for looker in lookers:
        looker.watch.close()


@pytest.mark.parametrize("harm", ["CRASH", "HANG", "RAISE"])
async def test_a_terminal_that_breaks_the_renderer_is_given_up(harm: str, make: Make, tapes: Tapes) -> None:
    renderers = make(command=BREAKABLE, hang_seconds=2.0)
    tapes.print("good", b"good\r\n")
    tapes.print("bad", b"not yet\r\n")
    good, bad = Looker(renderers, "good"), Looker(renderers, "bad")
    await good.watch.ready()
    await bad.watch.ready()
    tapes.print("bad", harm.encode())
    tapes.print("good", b"still here\r\n")
    with pytest.raises(RendererError):
        await bad.until("never")
    with pytest.raises(RendererError):
        await bad.watch.ready()
    await good.until("still here")
    tapes.print("good", b"and here\r\n")
    await good.until("and here")
    with pytest.raises(RendererError):
        await Looker(renderers, "bad").watch.ready()
    await good.watch.ready()
    for looker in (good, bad):
        looker.watch.close()


async def test_a_renderer_that_does_not_start(make: Make, tapes: Tapes) -> None:
    tapes.print("p", b"x")
    looker = Looker(make(command=("/nowhere/renderer",)), "p")
    with pytest.raises(RendererError, match="cannot be started"):
        await looker.watch.ready()
    broken = Looker(make(command=(sys.executable, "-c", "")), "p")
    with pytest.raises(RendererError):
        await broken.watch.ready()


async def test_a_tape_that_is_not_there(make: Make, tapes: Tapes) -> None:
    renderers = make()
    looker = Looker(renderers, "none")
    with pytest.raises(RendererError, match="its tape is gone"):
        await looker.watch.ready()
    tapes.print("none", b"now")
    again = Looker(renderers, "none")
    await again.watch.ready()
    assert "now" in again.read()
    again.watch.close()


async def test_only_so_many_are_rendered(make: Make, tapes: Tapes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SCREENS", 2)
    renderers = make()
    for name in ("a", "b", "c"):
        tapes.print(name, name.encode())
    first, second = Looker(renderers, "a"), Looker(renderers, "b")
    with pytest.raises(RendererError, match="2 terminals"):
        Looker(renderers, "c")
    second.watch.close()
    third = Looker(renderers, "c")
    await third.watch.ready()
    await first.watch.ready()
    assert third.read().startswith("c") and first.read().startswith("a")
    for looker in (first, third):
        looker.watch.close()


async def test_closing_lets_nobody_wait(make: Make, tapes: Tapes) -> None:
    renderers = make(command=(sys.executable, "-c", "import time; time.sleep(1000)", "renderer"))
    tapes.print("p", b"x")
    looker = Looker(renderers, "p")
    waiting = asyncio.create_task(looker.watch.ready())
    await until(lambda: bool(list_children()))
    closing = asyncio.create_task(renderers.close())
    with pytest.raises(RendererError):
        await waiting
    # It does not end by itself when nobody speaks to it any more.
    for pid in list_children():
        os.kill(pid, signal.SIGKILL)
    await closing
