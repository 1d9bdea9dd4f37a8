"""Where the files of a lane's runner are."""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec import Struct

LONGEST_SOCKET = 100
"""Bytes. The kernel takes 107; a path that only just fits would fail on the next longer name."""

_NAME_LENGTH = 10
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_-]")


class RunnerPlace(Struct, frozen=True):
    """The files of one lane's runner. Short names: the last ten characters of a ULID are random enough."""

    lane_id: str
    socket: Path
    journal: Path
    log: Path

    @classmethod
    def of_lane(cls, run_dir: Path, lane_id: str) -> RunnerPlace:
        """Raises ValueError for an id that cannot name a file, or a folder that is too deep for a socket."""
        name = f"r-{lane_id[-_NAME_LENGTH:]}"
        if not lane_id or _UNNAMEABLE.search(lane_id):
            raise ValueError(f"{lane_id!r} cannot name a file")
        place = cls(lane_id, run_dir / f"{name}.sock", run_dir / f"{name}.jsonl", run_dir / f"{name}.jsonl.log")
        if len(os.fsencode(place.socket)) > LONGEST_SOCKET:
            raise ValueError(f"{place.socket} is longer than {LONGEST_SOCKET} bytes")
        return place


def list_journals(run_dir: Path) -> list[Path]:
    return sorted(run_dir.glob("r-*.jsonl"))


def list_forgotten_logs(run_dir: Path) -> list[Path]:
    """Logs of runners that had trouble and whose journals are gone."""
    return [path for path in run_dir.glob("r-*.jsonl.log") if not path.with_suffix("").exists()]
