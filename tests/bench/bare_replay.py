"""Reads the rows of a log and writes them to stdout as frames: what a replay costs at least."""

from __future__ import annotations

import os
import sqlite3
import sys

FETCH_ROWS = 256


def write_rows(log: sqlite3.Connection, after: int) -> None:
    """Everything after a position."""
    rows = log.execute("SELECT frame FROM events WHERE seq > ? ORDER BY seq", (after,))
    while batch := rows.fetchmany(FETCH_ROWS):
        parts = []
        for (frame,) in batch:
            parts.append(b"Content-Length: %d\r\n\r\n" % len(frame))
            parts.append(frame)
        view = memoryview(b"".join(parts))
        while view:
            view = view[os.write(1, view) :]


if __name__ == "__main__":
    connection = sqlite3.connect(sys.argv[1])
    os.write(1, b"ready")
    sys.stdin.readline()
    write_rows(connection, int(sys.argv[2]))
