"""`python -m fakes.renderer`: the renderer with an emulator that some bytes break, as a defect in it would."""

from __future__ import annotations

import os
import time

from agentlanes.renderer import emulator
from agentlanes.renderer.service import Service

_feed = emulator.Emulator.feed


def feed(self: emulator.Emulator, data: bytes) -> None:
    if b"CRASH" in data:
        os._exit(139)
    if b"HANG" in data:
        time.sleep(1000)
    if b"RAISE" in data:
        raise RuntimeError("terminal_resize failed: -1")
    _feed(self, data)


if __name__ == "__main__":
    emulator.Emulator.feed = feed  # type: ignore[method-assign]
    Service(0, 1).run()
