"""What the machine has of an agent: its program, the version that it tells, whether a login is there.

Credential files are looked at for being there, and never opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Mapping

from agentlanes.kernel.environments import PASSED
from agentlanes.kernel.ports.agents import About, Credentials, Installation, Known
from agentlanes.wire.models import LoginState

ASK_SECONDS = 10.0
"""How long a program may take to tell its version."""
AT_ONCE = 2
"""Programs that are asked at the same time: some are half a gigabyte and take seconds."""
ANSWER_BYTES = 4096

_VERSION = re.compile(r"\d+(?:\.\d+)+[0-9A-Za-z.+-]*")
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")

_Stamp = tuple[str, int, int, tuple[str, ...]]


class LocalInstallations:
    """Implements `kernel.ports.agents.Installations`. A version is kept until the program's file changes."""

    def __init__(self) -> None:
        self._asked: dict[_Stamp, asyncio.Task[str | None]] = {}
        self._gate: asyncio.Semaphore | None = None

    async def look(self, known: Known, env: Mapping[str, str], patience: float) -> Installation:
        """What there is for a caller with this environment."""
        whole = {**(env or os.environ), **known.launch.env}
        path = shutil.which(known.launch.argv[0], path=whole.get("PATH") or os.environ.get("PATH"))
        login, login_at = see_login(known.about.credentials, whole)
        if path is None:
            return Installation(None, None, login, login_at)
        return Installation(path, await self._tell_version(path, known.about, whole, patience), login, login_at)

    async def close(self) -> None:
        """Ends programs that are still being asked."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _tell_version(self, path: str, about: About, env: Mapping[str, str], patience: float) -> str | None:
        if isinstance(about.version, str):
            return about.version
        if not about.version:
            return None
        stamp = _stamp(path, about.version)
        if stamp is None:
            return None
        task = self._asked.get(stamp)
        if task is None:
            passed = {name: value for name, value in env.items() if name in PASSED or name.startswith("LC_")}
            task = asyncio.create_task(self._ask([path, *about.version], passed), name=f"version of {path}")
            self._asked[stamp] = task
        done, _ = await asyncio.wait({task}, timeout=patience)
        return task.result() if done else None

    async def _ask(self, argv: list[str], env: Mapping[str, str]) -> str | None:
        """What the program answers. It gets no keys, no input, and no time to do anything else."""
        if self._gate is None:
            self._gate = asyncio.Semaphore(AT_ONCE)
        async with self._gate:
            try:
                process = await asyncio.create_subprocess_exec(
                    *argv,
                    env={**env, "NO_COLOR": "1", "NO_UPDATE_NOTIFIER": "1"},
                    cwd="/",
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError:
                return None
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    told = await _read(process)
                    await process.wait()
            except TimeoutError:
                return None
            finally:
                # Whatever it started is in its group.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        found = _VERSION.search(told.decode(errors="replace")) if process.returncode == 0 else None
        return found[0][:200] if found is not None else None


async def _read(process: asyncio.subprocess.Process) -> bytes:
    """The first bytes of what it prints; the rest is thrown away, so that it can end."""
    assert process.stdout is not None
    told = b""
    while part := await process.stdout.read(ANSWER_BYTES):
        told = (told + part)[:ANSWER_BYTES]
    return told


def _stamp(path: str, arguments: tuple[str, ...]) -> _Stamp | None:
    real = os.path.realpath(path)
    try:
        stat = os.stat(real)  # noqa: PTH116
    except OSError:
        return None
    return real, stat.st_mtime_ns, stat.st_size, arguments


def see_login(credentials: Credentials | None, env: Mapping[str, str]) -> tuple[LoginState, float | None]:
    """Whether a login is there, and when its file was written."""
    if credentials is None:
        return "unknown", None
    if not credentials.needed:
        return "signed_in", None
    for file in credentials.files:
        with contextlib.suppress(OSError):
            return "signed_in", os.stat(expand(file, env)).st_mtime  # noqa: PTH116
    if any(env.get(name) for name in credentials.env):
        return "signed_in", None
    if any(os.path.exists(expand(file, env)) for file in credentials.elsewhere):  # noqa: PTH110
        return "unknown", None
    return "signed_out", None


def expand(path: str, env: Mapping[str, str]) -> str:
    """A path with its variables and its home filled in from an environment."""
    filled = _VARIABLE.sub(lambda match: env.get(match[1]) or match[2], path)
    home = env.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    return home + filled[1:] if filled == "~" or filled.startswith("~/") else filled
