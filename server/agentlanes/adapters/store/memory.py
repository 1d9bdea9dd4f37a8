"""The store in memory: for tests, and the shortest description of what a store does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from agentlanes.core.ids import write_ulid
from agentlanes.kernel.ports.store import (
    AuditRow,
    Boot,
    EntityRow,
    LogRow,
    Selection,
    StoredResponse,
    StoreUnavailable,
    Transaction,
    check_log,
)
from agentlanes.wire.models import AgentWrite, FrameCursor


class MemoryStore:
    """Passes the same contract as the one on disk. `failing` makes the next commits fail."""

    def __init__(self) -> None:
        self.rows: list[LogRow] = []
        self.entities: dict[tuple[str, str], EntityRow] = {}
        self.writes: dict[str, dict[int, str]] = {}
        self.cursors: dict[str, FrameCursor] = {}
        self.responses: dict[str, tuple[StoredResponse, int]] = {}
        self.records: dict[str, AuditRow] = {}
        self.generation = 0
        self.failing = False

    def boot(self) -> Boot:
        self.generation += 1
        return self.load()

    def load(self) -> Boot:
        streams: dict[str, int] = {row.stream: row.stream_seq for row in self.rows}
        resident = sorted((row for row in self.entities.values() if row.resident), key=lambda row: row.born)
        return Boot(
            server_id=f"sv_{write_ulid(1)}",
            generation=self.generation,
            head=len(self.rows),
            streams=streams,
            entities=[(row.noun, row.id, row.json) for row in resident],
        )

    def commit(self, transactions: Sequence[Transaction]) -> None:
        if self.failing:
            raise StoreUnavailable("the store was told to fail")
        check_log(len(self.rows), transactions)
        for transaction in transactions:
            self.rows += transaction.rows
            for row in transaction.puts:
                known = self.entities.get((row.noun, row.id))
                self.entities[row.noun, row.id] = row._replace(born=known.born) if known is not None else row
            for key in transaction.drops:
                self.entities.pop(key, None)
            for process_id, n, data in transaction.writes:
                self.writes.setdefault(process_id, {}).setdefault(n, data)
            for process_id, rest, applied in transaction.cursors:
                self.cursors[process_id] = FrameCursor(rest=rest, applied=applied)
            for process_id in transaction.ended:
                self.writes.pop(process_id, None)
                self.cursors.pop(process_id, None)
            if transaction.response is not None:
                self.responses[transaction.response.envelope_id] = (transaction.response, int(time.time()))
            for record in transaction.audits:
                self.records[record.id] = record

    def events(self, after: int, limit: int) -> list[LogRow]:
        return self.rows[after : after + limit]

    def entity(self, noun: str, id: str) -> bytes | None:
        row = self.entities.get((noun, id))
        return row.json if row else None

    def select(self, selection: Selection) -> list[tuple[str, bytes]]:
        found: list[tuple[str, bytes]] = []
        for (noun, id), row in sorted(self.entities.items()):
            told = {
                column: getattr(selection, column) for column in ("parent", "workspace_id", "lane_id", "session_id")
            }
            if noun != selection.noun or (selection.after is not None and id <= selection.after):
                continue
            if any(value is not None and getattr(row, column) != value for column, value in told.items()):
                continue
            entity: dict[str, Any] = msgspec.json.decode(row.json)
            if all(entity.get(field) == value for field, value in selection.where.items()):
                found.append((id, row.json))
        return found[: selection.limit]

    def response(self, envelope_id: str) -> StoredResponse | None:
        found = self.responses.get(envelope_id)
        return found[0] if found is not None else None

    def audits(self, correlation_id: str | None, result: str | None, after: str | None, limit: int) -> list[bytes]:
        records = [
            record
            for _, record in sorted(self.records.items())
            if record.id > (after or "")
            and correlation_id in (None, record.correlation_id)
            and result in (None, record.result)
        ]
        return [record.json for record in records[:limit]]

    def outbox(self, process_id: str) -> list[AgentWrite]:
        return [AgentWrite(n=n, data=data) for n, data in sorted(self.writes.get(process_id, {}).items())]

    def cursor(self, process_id: str) -> FrameCursor | None:
        return self.cursors.get(process_id)

    def prune(self, before: int) -> None:
        self.responses = {key: kept for key, kept in self.responses.items() if kept[1] >= before}

    def close(self) -> None:
        return
