"""What only a store on a disk can meet: other versions, damage, missing permission, a full disk."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentlanes.adapters.store.sqlite import VERSION, SqliteStore
from agentlanes.kernel.ports.store import StoreRefused, StoreUnavailable, Transaction
from store.full_disk import full_disk
from store.material import make_audit, make_entity, make_id, make_response, make_row, put

Open = Callable[[], SqliteStore]


def fill(store: SqliteStore, events: int) -> None:
    head = store.load().head
    store.commit([put(seq, make_entity("lane", seq, seq)) for seq in range(head + 1, head + 1 + events)])


def test_what_was_committed_is_there_after_opening_again(open_sqlite: Open) -> None:
    first = open_sqlite()
    first.boot()
    fill(first, 3)
    kept = first.load()
    first.close()
    again = open_sqlite().boot()
    assert again.generation == kept.generation + 1
    assert (again.server_id, again.head, again.streams, again.entities) == (
        kept.server_id,
        kept.head,
        kept.streams,
        kept.entities,
    )


def test_a_newer_version_is_refused_and_left_alone(open_sqlite: Open, path: Path) -> None:
    open_sqlite().boot()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreRefused) as refused:
        open_sqlite().boot()
    assert refused.value.code == "LOG_TOO_NEW"
    assert path.read_bytes() == before


def test_a_file_that_is_no_database(open_sqlite: Open, path: Path) -> None:
    path.write_bytes(b"not a database " * 1000)
    with pytest.raises(StoreRefused) as refused:
        open_sqlite()
    assert refused.value.code == "LOG_DAMAGED"


def test_a_truncated_file(open_sqlite: Open, path: Path) -> None:
    store = open_sqlite()
    store.boot()
    fill(store, 500)
    store.close()
    size = path.stat().st_size
    for part in (0.9, 0.5, 0.1):
        with path.open("r+b") as file:
            file.truncate(int(size * part) // 4096 * 4096)
        with pytest.raises(StoreRefused) as refused:
            open_sqlite().boot()
        assert refused.value.code == "LOG_DAMAGED", part


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM events WHERE seq = 2",
        "DELETE FROM events WHERE seq = 3",
        "DROP TABLE entities",
    ],
)
def test_a_log_with_something_missing(open_sqlite: Open, path: Path, damage: str) -> None:
    store = open_sqlite()
    store.boot()
    fill(store, 3)
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute(damage)
    connection.close()
    with pytest.raises(StoreRefused) as refused:
        open_sqlite().boot()
    assert refused.value.code in ("LOG_DAMAGED", "LOG_UNREADABLE")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write everywhere, so root steps aside."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_to_all(tmp_path: Path) -> Iterator[None]:
    folders = [tmp_path, *tmp_path.parents]
    modes = [(folder, folder.stat().st_mode) for folder in folders if folder.stat().st_uid == os.geteuid()]
    for folder, mode in modes:
        folder.chmod(mode | 0o055)
    yield
    for folder, mode in modes:
        folder.chmod(mode)


@pytest.mark.usefixtures("open_to_all")
def test_a_folder_that_may_not_be_written(open_sqlite: Open, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with as_nobody(), pytest.raises(StoreRefused) as refused:
        open_sqlite()
    assert refused.value.code == "LOG_UNREADABLE"


@pytest.mark.usefixtures("open_to_all")
def test_a_file_that_may_not_be_written(open_sqlite: Open, path: Path) -> None:
    store = open_sqlite()
    store.boot()
    store.close()
    path.chmod(0o444)
    with as_nobody(), pytest.raises(StoreRefused) as refused:
        open_sqlite().boot()
    assert refused.value.code == "LOG_UNREADABLE"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused) as refused:
        SqliteStore(tmp_path / "nowhere" / "log.sqlite3", lambda: "sv")
    assert refused.value.code == "LOG_UNREADABLE"


def test_a_full_disk_keeps_nothing_of_the_commit_and_all_before_it(open_sqlite: Open, path: Path) -> None:
    store = open_sqlite()
    store.boot()
    fill(store, 5)
    before = store.load()
    big = Transaction(rows=[make_row(6)._replace(frame=b"x" * (1 << 20))], response=make_response(1))
    with full_disk(path):
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                store.commit([put(6, make_entity("lane", 1, 6)), big])
        assert store.load() == before
        assert store.response("envelope-1") is None
    fill(store, 2)
    assert store.load().head == 7
    store.close()
    assert open_sqlite().boot().head == 7


def test_a_commit_that_fails_in_the_middle_leaves_no_transaction_open(open_sqlite: Open) -> None:
    store = open_sqlite()
    store.boot()
    unwritable = Transaction(rows=[make_row(1)], cursors=[(make_id("process", 1), 1 << 70, 0)])
    with pytest.raises((StoreUnavailable, OverflowError)):
        store.commit([unwritable])
    fill(store, 1)
    assert store.load().head == 1


def test_a_repeated_audit_id_refuses_the_batch(open_sqlite: Open) -> None:
    store = open_sqlite()
    store.boot()
    with pytest.raises(StoreUnavailable):
        store.commit([Transaction(audits=[make_audit(1)]), Transaction(audits=[make_audit(1)])])
    assert store.audits(None, None, None, 10) == []


def test_a_closed_store_is_unavailable(open_sqlite: Open) -> None:
    store = open_sqlite()
    store.boot()
    store.close()
    with pytest.raises(StoreUnavailable):
        store.load()
    with pytest.raises(StoreUnavailable):
        fill(store, 1)


def test_readers_see_whole_commits(open_sqlite: Open) -> None:
    store = open_sqlite()
    store.boot()
    stop = threading.Event()

    def write() -> None:
        for seq in range(1, 401, 2):
            store.commit([Transaction(rows=[make_row(seq), make_row(seq + 1)])])
        stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    heads = []
    while not stop.is_set():
        heads.append(len(store.events(0, 1000)))
    thread.join()
    assert all(head % 2 == 0 for head in heads)
    assert heads == sorted(heads)
