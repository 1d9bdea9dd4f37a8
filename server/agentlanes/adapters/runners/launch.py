"""Starting the runner of a lane."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from agentlanes.adapters.runners.place import RunnerPlace
from agentlanes.kernel.ports.runners import RunnerError, RunnerErrorCode

LAUNCH_WITHIN = 40.0
"""Seconds; longer than a runner waits for the previous one of its lane to end."""

LOG_TAIL = 4096

_KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "PYTHONHOME", "PYTHONPATH", "TMPDIR", "TZ")


async def launch_runner(place: RunnerPlace, tapes_dir: Path, linger_ms: int) -> None:
    """Return once the lane has a runner that takes connections, whoever started it. Raises RUNNER_START_FAILED.

    The runner gets none of our environment but what Python needs: its children get only what their plans name, and a
    server that was itself started inside a lane must not pass that lane's markers on. `-P` keeps Python from importing
    out of a working directory, which an agent may have written to.
    """
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    arguments = {
        "lane": place.lane_id,
        "socket": place.socket,
        "home": tapes_dir,
        "journal": place.journal,
        "log": place.log,
        "linger-ms": linger_ms,
    }
    argv = [sys.executable, "-P", "-m", "agentlanes.runner"]
    for name, value in arguments.items():
        argv += [f"--{name}", str(value)]
    try:
        starter = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise start_failed(place, f"cannot execute {sys.executable}: {error}", None) from error
    try:
        async with asyncio.timeout(LAUNCH_WITHIN):
            _, stderr = await starter.communicate()
    except TimeoutError:
        starter.kill()
        await starter.wait()
        raise start_failed(place, f"did not start within {LAUNCH_WITHIN:.0f} s", None) from None
    except asyncio.CancelledError:
        # It goes on starting. Whoever asks for this lane next finds it.
        raise
    if starter.returncode != 0:
        text = stderr.decode(errors="replace").strip()
        raise start_failed(place, text or f"ended with {starter.returncode}", starter.returncode)


def start_failed(place: RunnerPlace, reason: str, exit_code: int | None) -> RunnerError:
    """The error, with what the runner's log says."""
    try:
        tail = place.log.read_bytes()[-LOG_TAIL:].decode(errors="replace")
    except OSError:
        tail = ""
    details = {"lane_id": place.lane_id, "exit_code": exit_code, "log": tail}
    return RunnerError(RunnerErrorCode.RUNNER_START_FAILED, reason, details)
