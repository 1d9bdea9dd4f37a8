"""One server process: the lock of its state dir, its log file, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from agentlanes import locations
from agentlanes.app import Places, Server, start
from agentlanes.kernel.ports.store import StoreRefused, StoreUnavailable
from agentlanes.relay import ALREADY_RUNS, COMPLAINT, copy
from agentlanes.rpc.listener import Listener

log = logging.getLogger(__name__)

REPLACE_SECONDS = 20.0
SWITCH_SECONDS = 0.0005
"""How long the committer's thread may wait for the loop's, each time that the disk has answered. A commit beside a busy
thread takes 1.7 ms with it, and 6.3 ms with Python's own 5 ms (medians, measured)."""

LARGEST_BYTES = 1 << 20
"""As much is allocated and freed once, so that glibc keeps what is freed of such a size. Or it would fetch the pages of
each 64 KiB of text, which are up to 256 in Python, from the kernel anew: a quarter of what sending them costs."""

FAILED = 1


class AlreadyRunning(Exception):  # noqa: N818 - a fact about the state dir
    """Another server holds the state dir."""

    def __init__(self, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"a server already runs for {locations.find_state_dir()} ({who}); "
            "`agentlanes stop` ends it, `agentlanes serve --replace` takes its place"
        )
        self.pid = pid


@contextlib.contextmanager
def hold_lock(path: Path, *, replace: bool) -> Iterator[None]:
    """Holds the lock of the state dir for as long as the block runs. The kernel lets go of it when the process dies,
    so a lock file that was left behind means nothing."""
    with path.open("a+") as file:
        if not _try_lock(file.fileno()):
            pid = _read_pid(path)
            if not replace or pid is None:
                raise AlreadyRunning(pid)
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + REPLACE_SECONDS
            while not _try_lock(file.fileno()):
                if time.monotonic() > deadline:
                    raise AlreadyRunning(pid)
                time.sleep(0.02)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text().strip())
    except ValueError:
        return None


def run_server(*, replace: bool = False) -> int:
    """Serves until it is told to stop. Returns the exit code; what went wrong is the last line on stderr."""
    return _run(_listen, replace=replace)


def run_embedded() -> int:
    """Serves one client on stdin and stdout, in this process, until it has said all. Terminals and agents still go on
    in their runners."""
    return _run(_serve_stdio, replace=False)


def _run(serve: Callable[[Server, Places], Awaitable[None]], *, replace: bool) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.setswitchinterval(SWITCH_SECONDS)
    bytearray(LARGEST_BYTES)
    try:
        places = Places.find()
        lock = hold_lock(Path(locations.find_server_lock()), replace=replace)
        with lock, asyncio.Runner(loop_factory=_choose_loop()) as runner:
            runner.run(_main(serve, places))
    except AlreadyRunning as error:
        print(f"agentlanes: {error}", file=sys.stderr)  # noqa: T201
        return ALREADY_RUNS
    except (StoreRefused, StoreUnavailable, OSError) as error:
        print(f"{COMPLAINT}{error}", file=sys.stderr)  # noqa: T201
        return FAILED
    return 0


async def _main(serve: Callable[[Server, Places], Awaitable[None]], places: Places) -> None:
    server = await start(places)
    # What start made stays; the collector need not look at it again.
    gc.freeze()
    gc.enable()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stopped.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        await serve(server, places)
    finally:
        await server.close()


def _make_listener(server: Server) -> Listener:
    return Listener(server.front, server.kernel.feed, lambda: server.kernel.clock.mint("peer"))


async def _listen(server: Server, places: Places) -> None:
    listener = _make_listener(server)
    await listener.open(locations.make_server_socket())
    log.info("serving %s, generation %d", places.state_dir, server.kernel.generation)
    try:
        await server.stopped.wait()
    finally:
        await listener.close()


async def _serve_stdio(server: Server, places: Places) -> None:
    """The one peer's endpoint stands at one end of a socket pair, a relay in a thread at the other."""
    listener = _make_listener(server)
    ours, theirs = socket.socketpair()
    peer = await listener.adopt(ours)
    peer.cwd = str(Path.cwd())
    peer.env = dict(os.environ)
    copying = asyncio.ensure_future(asyncio.to_thread(copy, theirs))
    stopping = asyncio.ensure_future(server.stopped.wait())
    await asyncio.wait((copying, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await listener.close()
    theirs.close()


def _choose_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed: a third of the CPU with many peers (measured)."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
