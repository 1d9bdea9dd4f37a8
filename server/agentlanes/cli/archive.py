"""The state folder as it lies on disk: the log and the tapes, read without a server and beside one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from agentlanes import locations
from agentlanes.adapters.runners.tapes import TapeName, open_tape
from agentlanes.kernel.ports.runners import TapeReader
from agentlanes.wire.table import ENTITIES

LOG_NAME = "log.db"


class NotKept(Exception):  # noqa: N818 - the state of the folder, told with what would help
    """The folder does not have what was asked for."""


class Archive:
    """Reads one state folder."""

    def __init__(self, log: sqlite3.Connection, state_dir: Path) -> None:
        self._log = log
        self._state_dir = state_dir

    def find(self, noun: str, id: str) -> Any:
        """An entity as it is now. Raises NotKept."""
        row = self._log.execute("SELECT json FROM entities WHERE noun = ? AND id = ?", (noun, id)).fetchone()
        if row is None:
            raise NotKept(f"the log in {self._state_dir} has no {noun} {id}")
        return msgspec.json.decode(row[0], type=ENTITIES[noun].type)

    def list_of_session(self, noun: str, session_id: str) -> list[Any]:
        """Every entity of a noun that belongs to a session, in order of id."""
        rows = self._log.execute(
            "SELECT json FROM entities WHERE noun = ? AND session_id = ? ORDER BY id", (noun, session_id)
        )
        return [msgspec.json.decode(json, type=ENTITIES[noun].type) for (json,) in rows]

    def tape(self, process_id: str, stream: TapeName) -> TapeReader:
        """What a process printed; empty where nothing was kept."""
        return open_tape(self._state_dir / "tapes", process_id, stream)


@contextmanager
def open_archive() -> Iterator[Archive]:
    """The state folder of this installation. Raises NotKept where there is no log."""
    state_dir = Path(locations.find_state_dir())
    path = state_dir / LOG_NAME
    if not path.is_file():
        raise NotKept(f"there is no log at {path}; AGENTLANES_STATE_DIR names another state folder")
    with closing(sqlite3.connect(f"file:{_quote(str(path))}?mode=ro", uri=True, isolation_level=None)) as log:
        try:
            yield Archive(log, state_dir)
        except sqlite3.Error as error:
            raise NotKept(f"the log at {path} cannot be read: {error}") from error


def _quote(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
