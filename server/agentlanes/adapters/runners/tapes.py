"""The tapes of a state folder, by process and stream."""

from __future__ import annotations

from pathlib import Path

from agentlanes.kernel.ports.runners import Stream, TapeReader
from agentlanes.runner.tape import Reader


def open_tape(tapes_dir: Path, process_id: str, stream: Stream) -> TapeReader:
    """A process' tape; one that does not exist reads as empty."""
    return Reader(str(tapes_dir / process_id / stream))
