"""Rows for stores, each consistent with the rows before it."""

from __future__ import annotations

from typing import Any

import msgspec

from agentlanes.core.ids import write_ulid
from agentlanes.kernel.ports.store import AuditRow, EntityRow, LogRow, StoredResponse, Transaction
from agentlanes.wire.table import PREFIXES


def make_id(noun: str, number: int) -> str:
    return f"{PREFIXES[noun]}_{write_ulid(number)}"


def make_row(seq: int, stream: str = "server", stream_seq: int | None = None) -> LogRow:
    frame = msgspec.json.encode({"seq": seq})
    return LogRow(seq, "workspace.updated", None, stream, stream_seq or seq, frame)


def make_entity(noun: str, number: int, seq: int, *, resident: bool = True, **fields: Any) -> EntityRow:
    places = {name: fields.pop(name, None) for name in ("parent", "workspace_id", "lane_id", "session_id")}
    json = msgspec.json.encode({"id": number, "seq": seq, **fields})
    return EntityRow(noun, make_id(noun, number), **places, resident=resident, born=seq, seq=seq, json=json)


def make_response(number: int, response: bytes = b"{}") -> StoredResponse:
    return StoredResponse(f"envelope-{number}", b"digest", response)


def make_audit(number: int, correlation_id: str = "c", result: str = "success") -> AuditRow:
    return AuditRow(make_id("audit", number), correlation_id, result, msgspec.json.encode({"id": number}))


def put(seq: int, *entities: EntityRow) -> Transaction:
    """One event and what it put."""
    return Transaction(rows=[make_row(seq)], puts=list(entities))
