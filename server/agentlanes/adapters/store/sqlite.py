"""The store on SQLite: WAL, synchronous FULL, one connection that writes and one that reads.

FULL costs one fdatasync for each group of commands and is what lets an answer mean that the command is kept
(sqlite.org/pragma.html#pragma_synchronous). Rows of the log hold the finished notification, so that replay is a copy.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from agentlanes.kernel.ports.store import (
    AuditRow,
    Boot,
    EntityRow,
    LogRow,
    Selection,
    StoredResponse,
    StoreRefused,
    StoreUnavailable,
    Transaction,
    check_log,
)
from agentlanes.wire.models import AgentWrite, FrameCursor

VERSION = 1
CHECKPOINT_PAGES = 10_000
PATH_BYTES = 504
"""The longest path that SQLite opens: 512 bytes, less what it appends for the files beside a database."""
COUNTED = 10_000

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, workspace_id TEXT, stream TEXT NOT NULL, stream_seq INTEGER NOT NULL,
  frame BLOB NOT NULL
);
CREATE TABLE streams (stream TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE entities (
  noun TEXT NOT NULL, id TEXT NOT NULL, parent TEXT, workspace_id TEXT, lane_id TEXT, session_id TEXT,
  resident INTEGER NOT NULL, born INTEGER NOT NULL, seq INTEGER NOT NULL, json BLOB NOT NULL, PRIMARY KEY (noun, id)
) WITHOUT ROWID;
CREATE INDEX entities_by_parent ON entities (noun, parent, id);
CREATE INDEX entities_by_session ON entities (noun, session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX entities_resident ON entities (born) WHERE resident;
CREATE TABLE responses (
  envelope_id TEXT PRIMARY KEY, digest BLOB NOT NULL, response BLOB NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX responses_by_age ON responses (at);
CREATE TABLE audit (
  id TEXT PRIMARY KEY, correlation_id TEXT NOT NULL, result TEXT NOT NULL, json BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE writes (process_id TEXT, n INTEGER, data TEXT NOT NULL, PRIMARY KEY (process_id, n)) WITHOUT ROWID;
CREATE TABLE cursors (process_id TEXT PRIMARY KEY, rest INTEGER NOT NULL, applied INTEGER NOT NULL) WITHOUT ROWID;
"""

_PUT = """
INSERT INTO entities (noun, id, parent, workspace_id, lane_id, session_id, resident, born, seq, json)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (noun, id) DO UPDATE SET resident = excluded.resident, seq = excluded.seq, json = excluded.json
"""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


class _Reader:
    """A connection that any thread may read with, one at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)
        self._lock = threading.Lock()

    def read(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        self._connection.close()


class SqliteStore:
    """One database file. Raises StoreUnavailable where SQLite cannot read or write."""

    def __init__(self, path: Path, new_server_id: Callable[[], str]) -> None:
        self._path = path
        self._head = 0
        self._new_server_id = new_server_id
        self._write_lock = threading.Lock()
        if len(os.fsencode(path.absolute())) > PATH_BYTES:
            raise StoreRefused(
                "LOG_UNREADABLE",
                f"{path} is longer than the {PATH_BYTES} bytes that SQLite opens; set AGENTLANES_STATE_DIR to a "
                "shorter folder",
            )
        with self._refused(), ExitStack() as opened:
            self._writer = opened.enter_context(closing(_connect(path)))
            # Single rows are read on the loop, which must not wait for somebody's pages.
            self._rows = opened.enter_context(closing(_Reader(path)))
            self._pages = opened.enter_context(closing(_Reader(path)))
            self._opened = opened.pop_all()

    @contextmanager
    def _refused(self) -> Iterator[None]:
        """At boot an error is final: what the file system does not allow, or a file that is no log."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreRefused("LOG_UNREADABLE", f"{self._path} cannot be opened as a log: {error}") from error
        except sqlite3.DatabaseError as error:
            raise StoreRefused(
                "LOG_DAMAGED",
                f"{self._path} is damaged: {error}; put a backup in its place, or move it away to start anew",
            ) from error

    def boot(self) -> Boot:
        with self._refused():
            self._prepare()
            self._writer.execute("UPDATE meta SET value = value + 1 WHERE key = 'generation'")
            return self._load()

    def _prepare(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreRefused(
                "LOG_TOO_NEW",
                f"{self._path} was written by a newer agentlanes (log version {version}, this one reads {VERSION}); "
                "start the newer one",
            )
        if version == 0:
            self._writer.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        if self._writer.execute("SELECT 1 FROM meta").fetchone() is None:
            self._writer.execute(
                "INSERT INTO meta VALUES ('server_id', ?), ('generation', 0)", (self._new_server_id(),)
            )
        # The newest part is counted, so that a start does not take longer with every event.
        kept = dict(self._writer.execute("SELECT key, value FROM meta")).get("head", 0)
        (head,) = self._writer.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        (count,) = self._writer.execute("SELECT count(*) FROM events WHERE seq > ?", (head - COUNTED,)).fetchone()
        if head != kept or count != min(head, COUNTED):
            raise StoreRefused(
                "LOG_DAMAGED",
                f"{self._path} is damaged: of {kept} events it holds those up to {head}, and {count} of the newest "
                f"{min(head, COUNTED)}; put a backup in its place, or move it away to start anew",
            )

    def load(self) -> Boot:
        with _translated():
            return self._load()

    def _load(self) -> Boot:
        read = self._pages.read
        with self._write_lock:
            meta = dict(read("SELECT key, value FROM meta"))
            ((self._head,),) = read("SELECT coalesce(max(seq), 0) FROM events")
            return Boot(
                server_id=meta["server_id"],
                generation=meta["generation"],
                head=self._head,
                streams=dict(read("SELECT stream, seq FROM streams")),
                entities=read("SELECT noun, id, json FROM entities WHERE resident ORDER BY born"),
            )

    def commit(self, transactions: Sequence[Transaction]) -> None:
        rows: list[LogRow] = []
        streams: dict[str, int] = {}
        puts: dict[tuple[str, str], EntityRow] = {}
        dropped: set[tuple[str, str]] = set()
        writes: dict[tuple[str, int], str] = {}
        cursors: dict[str, tuple[str, int, int]] = {}
        ended: set[tuple[str]] = set()
        responses: list[Any] = []
        audits: list[AuditRow] = []
        now = int(time.time())
        # What is deleted is deleted first; what came after a deletion in this batch is inserted then.
        for transaction in transactions:
            rows += transaction.rows
            for row in transaction.rows:
                streams[row.stream] = row.stream_seq
            for entity in transaction.puts:
                key = (entity.noun, entity.id)
                known = puts.get(key)
                puts[key] = entity if known is None else entity._replace(born=known.born)
            for key in transaction.drops:
                puts.pop(key, None)
                dropped.add(key)
            for process_id, n, data in transaction.writes:
                writes.setdefault((process_id, n), data)
            for move in transaction.cursors:
                cursors[move[0]] = move
            for process_id in transaction.ended:
                ended.add((process_id,))
                cursors.pop(process_id, None)
                for number in [number for number in writes if number[0] == process_id]:
                    del writes[number]
            audits += transaction.audits
            if transaction.response is not None:
                responses.append((*transaction.response, now))
        many = self._writer.executemany
        with self._write_lock:
            with _translated(), self._transaction():
                head = check_log(self._head, transactions)
                many("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
                self._writer.execute("INSERT OR REPLACE INTO meta VALUES ('head', ?)", (head,))
                many("INSERT OR REPLACE INTO streams VALUES (?, ?)", streams.items())
                many("DELETE FROM entities WHERE noun = ? AND id = ?", dropped)
                many(_PUT, puts.values())
                many("DELETE FROM writes WHERE process_id = ?", ended)
                many("DELETE FROM cursors WHERE process_id = ?", ended)
                many("INSERT OR IGNORE INTO writes VALUES (?, ?, ?)", [(*key, data) for key, data in writes.items()])
                many("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", cursors.values())
                many("INSERT INTO responses VALUES (?, ?, ?, ?)", responses)
                many("INSERT INTO audit VALUES (?, ?, ?, ?)", audits)
            self._head = head

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def events(self, after: int, limit: int) -> list[LogRow]:
        rows = self._read_pages(
            "SELECT seq, topic, workspace_id, stream, stream_seq, frame FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
            after,
            limit,
        )
        return [LogRow(*row) for row in rows]

    def entity(self, noun: str, id: str) -> bytes | None:
        found = self._read_rows("SELECT json FROM entities WHERE noun = ? AND id = ?", noun, id)
        return found[0][0] if found else None

    def select(self, selection: Selection) -> list[tuple[str, bytes]]:
        terms = ["noun = ?"]
        values: list[Any] = [selection.noun]
        for column in ("parent", "workspace_id", "lane_id", "session_id"):
            value = getattr(selection, column)
            if value is not None:
                terms.append(f"{column} = ?")
                values.append(value)
        for field, value in selection.where.items():
            terms.append("CAST(json AS TEXT) ->> ? = ?")
            values += [f"$.{field}", value]
        if selection.after is not None:
            terms.append("id > ?")
            values.append(selection.after)
        return self._read_pages(
            f"SELECT id, json FROM entities WHERE {' AND '.join(terms)} ORDER BY id LIMIT ?",  # noqa: S608 - fixed words
            *values,
            selection.limit,
        )

    def response(self, envelope_id: str) -> StoredResponse | None:
        found = self._read_rows(
            "SELECT envelope_id, digest, response FROM responses WHERE envelope_id = ?", envelope_id
        )
        return StoredResponse(*found[0]) if found else None

    def audits(self, correlation_id: str | None, result: str | None, after: str | None, limit: int) -> list[bytes]:
        rows = self._read_pages(
            "SELECT json FROM audit WHERE id > ? AND (? IS NULL OR correlation_id = ?) AND (? IS NULL OR result = ?) "
            "ORDER BY id LIMIT ?",
            after or "",
            correlation_id,
            correlation_id,
            result,
            result,
            limit,
        )
        return [row[0] for row in rows]

    def outbox(self, process_id: str) -> list[AgentWrite]:
        rows = self._read_rows("SELECT n, data FROM writes WHERE process_id = ? ORDER BY n", process_id)
        return [AgentWrite(n=n, data=data) for n, data in rows]

    def cursor(self, process_id: str) -> FrameCursor | None:
        rows = self._read_rows("SELECT rest, applied FROM cursors WHERE process_id = ?", process_id)
        return FrameCursor(rest=rows[0][0], applied=rows[0][1]) if rows else None

    def prune(self, before: int) -> None:
        with self._write_lock, _translated():
            self._writer.execute("DELETE FROM responses WHERE at < ?", (before,))

    def close(self) -> None:
        self._opened.close()

    def _read_rows(self, statement: str, *values: Any) -> list[Any]:
        with _translated():
            return self._rows.read(statement, *values)

    def _read_pages(self, statement: str, *values: Any) -> list[Any]:
        with _translated():
            return self._pages.read(statement, *values)
