"""`agentlanes stop`: end the server, and nothing else."""

from __future__ import annotations

import argparse
import fcntl
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agentlanes import locations
from agentlanes.cli.client import Gone, NoServer, connect
from agentlanes.cli.commands import fail
from agentlanes.cli.output import tell

STOP_SECONDS = 20.0


def declare(parser: argparse.ArgumentParser) -> None:
    """It has no arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Ask the server to stop and wait until it has."""
    try:
        with connect("stop", start=False) as client:
            status = client.call("server.status")
            with watch_process(status["pid"]) as has_ended:
                client.call("server.stop")
                if not _wait(has_ended):
                    return fail(
                        f"server {status['pid']} did not stop within {STOP_SECONDS:.0f} s; see "
                        f"{locations.find_server_log()}; `kill {status['pid']}` loses nothing that was acknowledged"
                    )
    except NoServer as error:
        tell(str(error), stopped=None)
        return 0
    except Gone:
        return fail("the server went away while it was asked to stop; `agentlanes status` shows whether one runs")
    going_on = status["runners"]
    rest = f"; {going_on} {'lane goes' if going_on == 1 else 'lanes go'} on in runners" if going_on else ""
    tell(f"stopped server {status['pid']}{rest}", stopped=status["pid"], runners=going_on)
    return 0


@contextmanager
def watch_process(pid: int) -> Iterator[Callable[[], bool]]:
    """Tells whether the server's process has ended; where the system has no pidfds, whether its lock is free."""
    if sys.platform != "linux":
        yield _is_lock_free
        return
    watched = os.pidfd_open(pid)
    try:
        # Also true for one that its parent has not reaped.
        yield lambda: bool(select.select([watched], [], [], 0)[0])
    finally:
        os.close(watched)


def _wait(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _is_lock_free() -> bool:
    try:
        with Path(locations.find_server_lock()).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True
