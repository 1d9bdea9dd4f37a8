"""One renderer process: started, asked, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Sequence

import msgspec

from agentlanes.renderer.wire import Frames, pack

log = logging.getLogger(__name__)

MEMORY_MB = 2048
READ_BYTES = 256 << 10
END_SECONDS = 5.0
COMMAND = (sys.executable, "-P", "-m", "agentlanes.renderer", "--memory-mb", str(MEMORY_MB))
"""`-P` keeps Python from importing out of a working directory."""

_KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "PYTHONHOME", "PYTHONPATH", "TMPDIR")


class RendererProcess:
    """`hear` is called on the loop with each frame's body, `lost` once when the process is gone."""

    def __init__(
        self, process: asyncio.subprocess.Process, hear: Callable[[bytes], None], lost: Callable[[], None]
    ) -> None:
        self._process = process
        self._hear = hear
        self._lost = lost
        self._reading = asyncio.create_task(self._read(), name="renderer")

    @classmethod
    async def start(
        cls, command: Sequence[str], hear: Callable[[bytes], None], lost: Callable[[], None]
    ) -> RendererProcess:
        """Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # What the emulator has to say of an agent's bytes is nothing for our log.
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
            start_new_session=True,
        )
        return cls(process, hear, lost)

    def ask(self, request: dict[str, object]) -> None:
        """Sends a request; what a dead process is asked is lost with it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, RuntimeError):
            self._process.stdin.write(pack(msgspec.json.encode(request)))

    def kill(self) -> None:
        """Ends it at once; `lost` follows."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """Ends it. `lost` is not called."""
        self._lost = lambda: None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await asyncio.shield(self._reading)
        except TimeoutError:
            self.kill()
            await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        frames = Frames()
        try:
            while data := await self._process.stdout.read(READ_BYTES):
                for body in frames.push(data):
                    self._hear(body)
        except Exception:
            log.exception("the renderer said what cannot be read; it is started anew")
        self.kill()
        await self._process.wait()
        self._lost()
