"""Both stores at once: what is committed goes to memory and to a database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agentlanes.adapters.store.sqlite import SqliteStore
from agentlanes.kernel.ports.store import Boot, Selection, Transaction
from kernel.driving import GatedStore, fold


class TwinStore(GatedStore):
    """Answers from memory."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.disk = SqliteStore(path, lambda: "sv_00000000000000000000000001")

    def boot(self) -> Boot:
        self.disk.boot()
        return super().boot()

    def commit(self, transactions: Sequence[Transaction]) -> None:
        super().commit(transactions)
        self.disk.commit(transactions)

    def close(self) -> None:
        self.disk.close()

    def check_twins(self) -> None:
        """Both hold the same, and it is what the log says."""
        mine, theirs = self.load(), self.disk.load()
        assert (mine.head, dict(mine.streams), list(mine.entities)) == (
            theirs.head,
            dict(theirs.streams),
            [tuple(entity) for entity in theirs.entities],
        )
        rows = self.disk.events(0, 100_000)
        assert rows == self.rows
        folded = fold(rows)
        nouns = {noun for noun, _ in folded}
        assert folded == {key: row.json for key, row in self.entities.items()}
        assert folded == {
            (noun, id): json for noun in nouns for id, json in self.disk.select(Selection(noun, limit=100_000))
        }
        for process_id in {*self.writes, *self.cursors}:
            assert self.outbox(process_id) == self.disk.outbox(process_id)
            assert self.cursor(process_id) == self.disk.cursor(process_id)
        assert self.audits(None, None, None, 100_000) == self.disk.audits(None, None, None, 100_000)
