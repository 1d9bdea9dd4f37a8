"""A log of a given length, written as the server writes it, without the hours that it would take to live it."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path

import msgspec

from agentlanes.adapters.store.sqlite import SqliteStore
from agentlanes.kernel.ports.store import LogRow, Transaction
from bench.servers import Bench

BATCH_ROWS = 1000


def lengthen(bench: Bench, events: int, frame_bytes: int) -> None:
    """Adds `workspace.updated` events of about `frame_bytes` to the log, which must hold one. The server must not
    run."""
    path = find_log(bench)
    with sqlite3.connect(path) as log:
        head, streams = read_head(log)
        topic, workspace_id, stream, frame = log.execute(
            "SELECT topic, workspace_id, stream, frame FROM events WHERE topic = 'workspace.updated' LIMIT 1"
        ).fetchone()
    log.close()
    message = msgspec.json.decode(frame)
    params = message["params"]
    # The name is where the size comes from, or the metadata where that is not enough.
    params["payload"]["workspace"]["metadata"] = {"note": ""}
    short = frame_bytes - len(msgspec.json.encode(message))
    if short > 0:
        params["payload"]["workspace"]["metadata"]["note"] = "n" * short
    else:
        del params["payload"]["workspace"]["metadata"]
    store = SqliteStore(path, lambda: "")
    store.boot()
    numbers = itertools.count(head + 1)
    left = events
    stream_seq = streams[stream]
    while left:
        transaction = Transaction()
        for _ in range(min(left, BATCH_ROWS)):
            seq = next(numbers)
            stream_seq += 1
            params["seq"] = seq
            params["stream_seq"] = stream_seq
            row = LogRow(seq, topic, workspace_id, stream, stream_seq, msgspec.json.encode(message))
            transaction.rows.append(row)
        left -= len(transaction.rows)
        store.commit([transaction])
    store.close()


def find_log(bench: Bench) -> Path:
    """The database of the log."""
    return bench.rig.folder / "s" / "log.db"


def read_head(log: sqlite3.Connection) -> tuple[int, dict[str, int]]:
    """The newest position of the log, and of each stream."""
    (head,) = log.execute("SELECT max(seq) FROM events").fetchone()
    return head, dict(log.execute("SELECT stream, seq FROM streams"))
