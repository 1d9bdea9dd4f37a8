"""The tapes of a state folder, by process and stream."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from agentlanes.kernel.ports.runners import TapeReader
from agentlanes.runner.tape import Reader

TapeName = Literal["pty", "out", "err", "in"]
"""The streams of a process, and what an agent was sent."""


def open_tape(tapes_dir: Path, process_id: str, stream: TapeName) -> TapeReader:
    """A process' tape; one that does not exist reads as empty."""
    return Reader(str(tapes_dir / process_id / stream))
