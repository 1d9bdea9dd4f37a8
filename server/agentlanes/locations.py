"""Where the files of one installation are.

The relay imports this at an editor's every start, so it stays with `os`: pathlib alone would double the start.
All paths are absolute strings. Functions named find only compute; those named make also create, with mode 0700.
"""

from __future__ import annotations

import os
import stat

SOCKET_PATH_BYTES = 100
"""The longest path of a socket. Linux takes 107 bytes, macOS 103."""

SOCKET_NAME_BYTES = 24
"""The longest name of a socket in the run folder."""


class LocationError(OSError):
    """A folder cannot be used; the message says which, why, and what would help."""


def find_state_dir() -> str:
    """The log, the tapes and the run folder: `$AGENTLANES_STATE_DIR`, or by XDG."""
    return os.path.abspath(os.environ.get("AGENTLANES_STATE_DIR") or _find_base("XDG_STATE_HOME", ".local/state"))


def find_data_dir() -> str:
    """The lanes' worktrees and the rescue repository."""
    return _find_base("XDG_DATA_HOME", ".local/share")


def find_config_dir() -> str:
    """What the user writes: `config.toml`."""
    return _find_base("XDG_CONFIG_HOME", ".config")


def find_server_lock() -> str:
    """The file whose lock the one server of a state folder holds."""
    return os.path.join(find_state_dir(), "server.lock")


def find_server_log() -> str:
    """Where the server's own output goes when nobody watches it."""
    return os.path.join(find_state_dir(), "server.log")


def make_run_dir() -> str:
    """The folder of the sockets: `run` in the state folder, or, where a socket's path would be too long, a folder under
    the temp folder that `run.path` in the state folder names."""
    state_dir = find_state_dir()
    run_dir = os.path.join(state_dir, "run")
    if _leaves_room(run_dir):
        return make_dir(run_dir)
    pointer = os.path.join(make_dir(state_dir), "run.path")
    return _read_pointer(pointer) or _make_short_dir(pointer)


def make_server_socket() -> str:
    """The path of the server's socket, in a run folder that exists."""
    return os.path.join(make_run_dir(), "server.sock")


def make_dir(path: str) -> str:
    """Create a folder of ours and return its path. One that exists is made private, if it is ours at all."""
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        make_dir(parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise LocationError(f"the folder {path} cannot be made ({error.strerror}); set AGENTLANES_STATE_DIR") from error
    found = os.stat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise LocationError(f"{path} is not a folder of this user; remove it, or set AGENTLANES_STATE_DIR")
    if found.st_mode & 0o077:
        os.chmod(path, 0o700)
    return path


def _find_base(variable: str, default: str) -> str:
    base = os.environ.get(variable, "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), default)
    return os.path.join(base, "agentlanes")


def _leaves_room(folder: str) -> bool:
    return len(os.fsencode(folder)) + 1 + SOCKET_NAME_BYTES <= SOCKET_PATH_BYTES


def _read_pointer(pointer: str) -> str | None:
    """The folder that the pointer names, if it is there and nobody else's: in a shared folder names can be taken."""
    try:
        with open(pointer, encoding="utf-8", errors="surrogateescape") as file:
            folder = file.read()
        found = os.lstat(folder)
    except (OSError, ValueError):
        return None
    private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
    return folder if private and found.st_uid == os.getuid() else None


def _make_short_dir(pointer: str) -> str:
    import fcntl

    with open(f"{pointer}.lock", "a") as lock:
        # Whoever comes at the same time waits here, and then finds the pointer.
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = _read_pointer(pointer)
        if folder is None:
            folder = os.path.join(_find_temp_dir(), f"agentlanes-{os.urandom(6).hex()}")
            # A name that is taken, whoever took it, raises: it is never used.
            os.mkdir(folder, 0o700)
            with open(f"{pointer}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(folder)
            os.replace(f"{pointer}.new", pointer)
        return folder


def _find_temp_dir() -> str:
    temp_dir = os.environ.get("TMPDIR", "")
    usable = os.path.isabs(temp_dir) and os.path.isdir(temp_dir) and os.access(temp_dir, os.W_OK)
    return temp_dir if usable and _leaves_room(os.path.join(temp_dir, "agentlanes-0123456789ab")) else "/tmp"  # noqa: S108
