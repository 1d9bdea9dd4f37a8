"""The store on disk, however its transactions are grouped and whenever it is opened again, holds what memory holds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.adapters.store.memory import MemoryStore
from agentlanes.adapters.store.sqlite import SqliteStore
from agentlanes.kernel.ports.store import Boot, Selection, Store, Transaction
from store.conftest import SERVER_ID
from store.material import make_audit, make_entity, make_id, make_response, make_row

NUMBERS = range(1, 5)

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["put", "retire", "drop", "write", "move", "end", "answer", "audit"]), st.sampled_from(NUMBERS)
    ),
    max_size=6,
)
SCRIPTS = st.lists(st.tuples(ACTS, st.sampled_from(["together", "apart", "reopen"])), max_size=8)


def make_transaction(acts: list[tuple[str, int]], head: int, seen: set[tuple[str, int]]) -> Transaction:
    transaction = Transaction()
    for act, number in acts:
        seq = head + len(transaction.rows) + 1
        process = make_id("process", number)
        if act in ("put", "retire"):
            entity = make_entity("turn", number, seq, resident=act == "put", parent="s", session_id="s", state=act)
            known = next((row for row in transaction.puts if row.id == entity.id), None)
            if known is not None:
                transaction.puts[transaction.puts.index(known)] = entity._replace(born=known.born)
            elif ("turn", entity.id) not in transaction.drops:
                transaction.puts.append(entity)
            transaction.rows.append(make_row(seq, f"stream-{number}"))
        elif act == "drop" and not any(row.id == make_id("turn", number) for row in transaction.puts):
            transaction.drops.append(("turn", make_id("turn", number)))
            transaction.rows.append(make_row(seq))
        elif act == "write":
            transaction.writes.append((process, seq, f"{number}"))
        elif act == "move":
            transaction.cursors.append((process, seq, seq + number))
        elif act == "end":
            transaction.ended.append(process)
        elif act == "answer" and ("answer", number) not in seen and transaction.response is None:
            transaction.response = make_response(number)
            seen.add(("answer", number))
        elif act == "audit" and ("audit", number) not in seen:
            transaction.audits.append(make_audit(number))
            seen.add(("audit", number))
    return transaction


def describe(store: Store, boot: Boot) -> object:
    processes = [make_id("process", number) for number in NUMBERS]
    return (
        (boot.head, dict(boot.streams), [tuple(row) for row in boot.entities]),
        store.events(0, 1000),
        store.select(Selection("turn")),
        store.select(Selection("turn", parent="s", where={"state": "put"}, limit=2)),
        [store.response(f"envelope-{number}") for number in NUMBERS],
        store.audits(None, None, None, 100),
        [(store.outbox(process), store.cursor(process)) for process in processes],
    )


@given(SCRIPTS)
def test_disk_and_memory_agree(script: list[tuple[list[tuple[str, int]], str]]) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / "log.sqlite3"
        memory, disk = MemoryStore(), SqliteStore(path, lambda: SERVER_ID)
        memory.boot()
        disk.boot()
        waiting: list[Transaction] = []
        head, seen = 0, set[tuple[str, int]]()
        for acts, then in script:
            transaction = make_transaction(acts, head, seen)
            head += len(transaction.rows)
            memory.commit([transaction])
            waiting.append(transaction)
            if then != "together":
                disk.commit(waiting)
                waiting = []
            if then == "reopen":
                disk.close()
                disk = SqliteStore(path, lambda: SERVER_ID)
                disk.boot()
        disk.commit(waiting)
        try:
            assert msgspec.to_builtins(describe(disk, disk.load())) == msgspec.to_builtins(
                describe(memory, memory.load())
            )
        finally:
            disk.close()
