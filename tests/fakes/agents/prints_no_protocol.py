"""Is no agent at all: prints log lines to its output, as fast as it can, until its input ends."""

from __future__ import annotations

import sys
import threading


def chatter() -> None:
    line = b"2026-01-01 INFO listening on http://localhost:3000\n" * 100
    while True:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


threading.Thread(target=chatter, daemon=True).start()
sys.stdin.buffer.read()
