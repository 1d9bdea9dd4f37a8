from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentlanes.adapters.store.memory import MemoryStore
from agentlanes.adapters.store.sqlite import SqliteStore
from agentlanes.kernel.ports.store import Store

SERVER_ID = "sv_00000000000000000000000001"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite3"


@pytest.fixture
def open_sqlite(path: Path) -> Iterator[Callable[[], SqliteStore]]:
    """Opens the database of this test; all that was opened is closed at the end."""
    opened: list[SqliteStore] = []

    def open_store() -> SqliteStore:
        store = SqliteStore(path, lambda: SERVER_ID)
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest) -> Store:
    """A store that was booted once, of every kind."""
    store: Store
    store = MemoryStore() if request.param == "memory" else request.getfixturevalue("open_sqlite")()
    store.boot()
    return store
