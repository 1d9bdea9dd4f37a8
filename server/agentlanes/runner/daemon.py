"""Leaving the process that started us, and taking over what our children leave behind."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import signal
import socket
import sys

from agentlanes.runner.loop import CONTROL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentlanes.runner.loop import Loop

PR_SET_CHILD_SUBREAPER = 36
IGNORED_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
HANDLED_SIGNALS = (signal.SIGCHLD, signal.SIGTERM)


def detach(log_path: str) -> None:
    """Go on as a daemon: own session, cwd /, no terminal, errors to the log. The starting process exits with 0."""
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    for _ in range(2):
        if os.fork() > 0:
            os._exit(0)
        # The first child leads a session; the second, which goes on, cannot get a terminal by accident.
        with contextlib.suppress(OSError):
            os.setsid()
    os.chdir("/")
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(log, 2)
    for fd in (null, log):
        if fd > 2:
            os.close(fd)


def close_inherited() -> None:
    """Let go of what our starter left open: libuv leaks its pipes into a spawn, and their readers would wait for us."""
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def become_reaper() -> None:
    """Orphans below us become our children (Linux). Elsewhere they become init's, and only markers find them."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def raise_open_files() -> tuple[int, int]:
    """Allow ourselves as many descriptors as we may have. Returns the limits of before, which the children get."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft, hard


class Signals:
    """Ignores what a closing terminal or a broken pipe sends; brings children's ends and SIGTERM into the loop."""

    def __init__(self, loop: Loop, reap: Callable[[], None], terminate: Callable[[], None]) -> None:
        self._reap = reap
        self._terminate = terminate
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)
        for number in IGNORED_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        for number in HANDLED_SIGNALS:
            signal.signal(number, lambda *_: None)
        loop.watch(self._receiver.fileno(), CONTROL, readable=self._wake).want(read=True)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._receiver.close()
        self._sender.close()

    def _wake(self) -> None:
        numbers = self._receiver.recv(4096)
        # One SIGCHLD may stand for many children, and may have been dropped from a full pipe.
        self._reap()
        if signal.SIGTERM in numbers:
            self._terminate()


def settle_memory() -> None:
    """What was imported stays: the collector need not look at it, and fork need not copy it."""
    gc.collect()
    gc.freeze()
