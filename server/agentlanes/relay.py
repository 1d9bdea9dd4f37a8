"""What an editor starts: `agentlanes stdio` copies bytes between its stdio and the server's socket.

It starts the server when none runs. Its own start is what every editor waits for, so it imports next to nothing:
`_socket` instead of `socket`, and `os` instead of pathlib, either of which would double the start.
"""

from __future__ import annotations

import _socket
import _thread
import os
import sys
import time

from agentlanes import locations

VERSION = "0.1.0"

SERVER = (sys.executable, "-P", "-m", "agentlanes.daemon")
"""What starts the server. -P: nothing is imported from the folder that the editor stands in, which may be anyone's."""

COMPLAINT = "agentlanes: the server cannot start: "
"""How a server that does not start begins to say why."""
ALREADY_RUNS = 75
"""What the server exits with (EX_TEMPFAIL) where another one holds the lock of the state folder."""

START_SECONDS = 30.0
POLL_SECONDS = 0.002
"""Between two looks for the socket. A look costs 0.02 ms, and the editor waits half of this for nothing."""
RETRY_SECONDS = 2.0
"""After how long without a socket a server is started once more, when the first gave way to one that then died."""

DRAIN_SECONDS = 5.0
"""How long the server may be silent after the end of stdin before what it would still say is given up."""

BUFFER_BYTES = 256 * 1024

# fmt: off
ENVIRONMENT = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TERM", "COLORTERM", "TZ", "TMPDIR",
    "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_TTY", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
))
# fmt: on
"""The variables that are always sent; the server adds the names that profiles pass, in `env_pass` of the run folder."""

ENVIRONMENT_PREFIXES = ("LC_", "XDG_")

_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(32), 34, 92)}


class StartError(Exception):
    """There is no server, and none could be started. The message is one line."""


def run() -> int:
    """`agentlanes stdio`. Returns the exit code."""
    try:
        cwd = _find_cwd()
        connection = connect()
        connection.sendall(make_preamble(cwd))
        return copy(connection, drain_seconds=DRAIN_SECONDS)
    except (StartError, locations.LocationError) as error:
        return _complain(f"agentlanes: {error}")
    except OSError as error:
        return _complain(f"agentlanes: the server is not reachable ({error}); try `agentlanes doctor`")
    except KeyboardInterrupt:
        return 130


def copy(connection: _socket.socket, *, drain_seconds: float | None = None) -> int:
    """Copy both ways until the server ends the connection, and return the exit code.

    Each direction has its own thread, so that a side that does not read stops only what goes its way. With
    `drain_seconds` the process exits when, after the end of stdin, nothing came for so long.
    """
    upward = _Upward(connection, drain_seconds)
    _thread.start_new_thread(upward.run, ())
    buffer = memoryview(bytearray(BUFFER_BYTES))
    try:
        while size := connection.recv_into(buffer):
            upward.received += size
            _write(1, buffer[:size])
    except BrokenPipeError:
        # The editor is gone.
        return 0
    except ConnectionResetError:
        pass
    if upward.ended or upward.said_exit():
        return 0
    return _complain("agentlanes: the server went away; what runs goes on, start again to come back to it")


class _Upward:
    """The direction from stdin to the server."""

    def __init__(self, connection: _socket.socket, drain_seconds: float | None) -> None:
        self.received = 0
        self.ended = False
        self._connection = connection
        self._drain_seconds = drain_seconds
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._size = 0

    def said_exit(self) -> bool:
        """Whether LSP's exit was the last thing that the client said, so that the end was its own wish."""
        last = bytes(self._buffer[max(0, self._size - 128) : self._size])
        return b'"method"' in last and b'"exit"' in last

    def run(self) -> None:
        buffer = self._buffer
        buffers = [buffer]
        try:
            while size := _read(0, buffers):
                self._size = size
                self._connection.sendall(buffer[:size])
            self.ended = True
            self._connection.shutdown(_socket.SHUT_WR)
        except OSError:
            # The other direction sees the end of the connection too, and says so.
            return
        while self._drain_seconds is not None:
            received = self.received
            time.sleep(self._drain_seconds)
            if self.received == received:
                os._exit(0)


def make_preamble(cwd: str) -> bytes:
    """The relay's first line: who it is, where it was started, and the environment for what its user starts."""
    passed = _read_env_pass()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in ENVIRONMENT or name.startswith(ENVIRONMENT_PREFIXES) or name in passed
    }
    pairs = ",".join(f"{_quote(name)}:{_quote(value)}" for name, value in environment.items())
    line = f'{{"agentlanes":"1","version":{_quote(VERSION)},"cwd":{_quote(cwd)},"env":{{{pairs}}}}}\n'
    return line.encode("utf-8", "surrogateescape")


def connect() -> _socket.socket:
    """A connection to the server, which is started where none answers. Raises StartError."""
    path = locations.make_server_socket()
    connection = _try_to_connect(path)
    return _start(path) if connection is None else connection


def _try_to_connect(path: str) -> _socket.socket | None:
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    return connection


def _start(path: str) -> _socket.socket:
    """Start the server and wait for its socket. Of several relays one starts it; the others wait with it."""
    state_dir = locations.make_dir(locations.find_state_dir())
    log = locations.find_server_log()
    log_start = os.path.getsize(log) if os.path.exists(log) else 0
    deadline = time.monotonic() + START_SECONDS
    pid = 0
    again = 0.0
    with open(os.path.join(state_dir, "start.lock"), "a") as lock:
        is_ours = False
        while time.monotonic() < deadline:
            connection = _try_to_connect(path)
            if connection is not None:
                return connection
            if not is_ours:
                is_ours = _try_to_lock(lock.fileno())
                if is_ours:
                    # Whoever had the lock may have just succeeded.
                    continue
            elif pid:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    code = os.waitstatus_to_exitcode(status)
                    if code not in (0, ALREADY_RUNS):
                        line = _read_last_line(log, log_start).removeprefix(COMPLAINT)
                        reason = line or f"it ended with code {code}"
                        raise StartError(f"the server did not start: {reason} (see {log}, try `agentlanes doctor`)")
                    pid = 0
                    again = time.monotonic() + RETRY_SECONDS
            elif time.monotonic() >= again:
                pid = _spawn(log, state_dir)
            time.sleep(POLL_SECONDS)
    raise StartError(f"no server answered at {path} within {START_SECONDS:g} s (see {log}, try `agentlanes doctor`)")


def _try_to_lock(fd: int) -> bool:
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _spawn(log: str, state_dir: str) -> int:
    # What the editor left open, and the folder that it stands in, would be held as long as the server lives.
    for name in os.listdir("/dev/fd"):
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:
                continue
    os.chdir(state_dir)
    return os.posix_spawn(
        SERVER[0],
        SERVER,
        {**os.environ, "AGENTLANES_STATE_DIR": state_dir},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _read_last_line(log: str, start: int) -> str:
    """The last line that was logged after `start`, in one line of sane length."""
    try:
        with open(log, "rb") as file:
            file.seek(max(start, os.path.getsize(log) - 4096))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _read_env_pass() -> frozenset[str]:
    try:
        with open(os.path.join(locations.make_run_dir(), "env_pass")) as file:
            return frozenset(file.read(65536).split())
    except (OSError, ValueError):
        return frozenset()


def _find_cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        # The folder was removed under us.
        return "/"


def _quote(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _read(fd: int, buffers: list[memoryview]) -> int:
    while True:
        try:
            return os.readv(fd, buffers)
        except BlockingIOError:
            _wait(fd, writing=False)
        except OSError:
            # A terminal that is gone says so by an error; it means the end all the same.
            return 0


def _write(fd: int, view: memoryview) -> None:
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            _wait(fd, writing=True)


def _wait(fd: int, *, writing: bool) -> None:
    """Wait for a descriptor that whoever gave it to us made non-blocking."""
    import select

    poll = select.poll()
    poll.register(fd, select.POLLOUT if writing else select.POLLIN)
    poll.poll()


def _complain(line: str) -> int:
    _write(2, memoryview(f"{line}\n".encode("utf-8", "replace")))
    return 1
