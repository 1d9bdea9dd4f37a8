"""Starting a child, on a terminal (ptyprocess) or on pipes, in a session of its own.

The runner reaps every child itself. So of ptyprocess only `spawn` is used: its `wait` and `isalive` would take an exit
away, and its `close` sleeps.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import resource
import signal
import termios

import ptyprocess

from agentlanes.runner.table import set_mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

IUTF8 = 0o040000
"""Linux's input flag under which the terminal's line editor erases whole characters; `termios` has no name for it."""

CPU_GRACE_SECONDS = 5
OOM_SCORE = "200"

# Not only what the runner ignores itself: a shell's background job, say a server, is born with INT and QUIT ignored.
_RESTORED_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class Start:
    """What to execute, and how. `open_files` and `umask` are the ones that the runner itself was started with."""

    __slots__ = ("argv", "cpu_seconds", "cwd", "env", "memory_bytes", "open_files", "path", "umask")

    def __init__(
        self,
        argv: list[str],
        cwd: str,
        env: dict[str, str],
        memory_bytes: int | None,
        cpu_seconds: int | None,
        open_files: tuple[int, int],
        umask: int,
    ) -> None:
        self.argv = argv
        self.cwd = cwd
        self.env = env
        self.memory_bytes = memory_bytes
        self.cpu_seconds = cpu_seconds
        self.open_files = open_files
        self.umask = umask
        self.path = find_executable(argv[0], cwd, env)


def find_executable(name: str, cwd: str, env: dict[str, str]) -> str:
    """The file that `name` means to a child with this cwd and environment. Raises OSError with errno and file name."""
    if not os.path.isdir(cwd):
        raise _os_error(errno.ENOTDIR if os.path.exists(cwd) else errno.ENOENT, cwd)
    if "/" in name:
        candidates = [os.path.join(cwd, name)]
    else:
        folders = env.get("PATH", os.defpath).split(os.pathsep)
        candidates = [os.path.join(cwd, folder, name) for folder in folders]
    failure = errno.ENOENT
    for candidate in candidates:
        if os.path.isfile(candidate):
            if os.access(candidate, os.X_OK):
                return candidate
            failure = errno.EACCES
        elif os.path.isdir(candidate) and "/" in name:
            failure = errno.EACCES
    raise _os_error(failure, name)


def start_on_terminal(start: Start, cols: int, rows: int) -> tuple[int, int]:
    """Pid and the terminal's master, not blocking. Raises OSError if nothing was started."""

    def prepare() -> None:
        flags = termios.tcgetattr(0)
        flags[0] |= IUTF8
        termios.tcsetattr(0, termios.TCSANOW, flags)
        _prepare(start)

    _Terminal.masters.clear()
    try:
        # The cwd is entered in `prepare`: where ptyprocess enters it, a failure would unwind into a second runner.
        spawned = _Terminal.spawn(
            [start.path, *start.argv[1:]], env=start.env, preexec_fn=prepare, dimensions=(rows, cols)
        )
    except OSError as error:
        for master in _Terminal.masters:
            os.close(master)
        number = error.errno
        if not number:
            # What fails in `prepare` comes back as text only.
            match = re.match(r"\[Errno (\d+)\]", str(error))
            number = int(match[1]) if match else errno.ENOEXEC
        raise _os_error(number, start.argv[0]) from None
    os.set_blocking(spawned.fd, False)
    os.set_inheritable(spawned.fd, False)
    return spawned.pid, spawned.fd


def start_on_pipes(start: Start) -> tuple[int, int, int, int]:
    """Pid and our ends of stdin, stdout and stderr, not blocking. Raises OSError if nothing was started."""
    pipes: list[int] = []
    try:
        for _ in range(4):
            pipes += os.pipe()
        stdin, our_stdin, our_stdout, stdout, our_stderr, stderr, failure, told = pipes
        pid = os.fork()
    except OSError:
        for fd in pipes:
            os.close(fd)
        raise
    if pid == 0:
        try:
            os.setsid()
            os.dup2(stdin, 0)
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            _prepare(start)
            os.execve(start.path, start.argv, start.env)  # noqa: S606
        except BaseException as error:
            os.write(told, str(getattr(error, "errno", None) or errno.ENOEXEC).encode())
        finally:
            os._exit(127)
    for fd in (stdin, stdout, stderr, told):
        os.close(fd)
    # Until the child executes, or fails to. Every descriptor of ours is closed by an exec, so nobody else holds this.
    told_errno = os.read(failure, 16)
    os.close(failure)
    if told_errno:
        for fd in (our_stdin, our_stdout, our_stderr):
            os.close(fd)
        raise _os_error(int(told_errno), start.argv[0])
    for fd in (our_stdin, our_stdout, our_stderr):
        os.set_blocking(fd, False)
    return pid, our_stdin, our_stdout, our_stderr


class _Terminal(ptyprocess.PtyProcess):  # type: ignore[misc]
    """Takes what `spawn` made, and leaves the closing to us.

    The inherited constructor would wrap the master in file objects, and the inherited finaliser closes, sleeps and
    waits for the child, also when the exec has failed.
    """

    masters: ClassVar[list[int]] = []
    """What was opened since this was cleared, also if the exec has failed and `spawn` returned nothing."""

    def __init__(self, pid: int, fd: int) -> None:
        self.pid = pid
        self.fd = fd
        self.closed = True
        self.masters.append(fd)


def _prepare(start: Start) -> None:
    """In the child, just before it executes. What the runner ignores or raised for itself must not be inherited."""
    for number in _RESTORED_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    set_mark(start.env)
    os.umask(start.umask)
    os.chdir(start.cwd)
    resource.setrlimit(resource.RLIMIT_NOFILE, start.open_files)
    if start.memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (start.memory_bytes, start.memory_bytes))
    if start.cpu_seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (start.cpu_seconds, start.cpu_seconds + CPU_GRACE_SECONDS))
    # When memory runs out, an agent goes before the runner that can tell of it.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write(OOM_SCORE)


def _os_error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
