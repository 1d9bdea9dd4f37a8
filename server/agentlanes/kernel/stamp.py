"""Turns what a decision did into a transaction: positions, envelopes, rows, audit records."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from agentlanes.core.command import Command, Event
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.core.state import is_resident
from agentlanes.kernel.ports.store import AuditRow, EntityRow, LogRow, Transaction
from agentlanes.wire.models import AuditEvent, EventEnvelope, Problem
from agentlanes.wire.table import ENTITIES

encode = msgspec.json.encode

SERVER_STREAM = "server"


class Began(NamedTuple):
    """What a failure ends: the method that began it, and its correlation."""

    method: str
    correlation_id: str


class Notification(Struct, frozen=True):
    """An event on the wire."""

    method: str
    params: EventEnvelope
    jsonrpc: str = "2.0"


class Stamp:
    """Gives events their places in the log and in their streams."""

    def __init__(self, seq: int, streams: dict[str, int]) -> None:
        self.seq = seq
        self._streams = streams

    def transact(self, command: Command[Any], draft: Draft) -> Transaction:
        """Everything that the decision changes, as one transaction."""
        transaction = Transaction(
            writes=[(write.process_id, write.n, write.data) for write in draft.writes],
            cursors=[(move.process_id, move.cursor.rest, move.cursor.applied) for move in draft.cursors],
        )
        latest: dict[tuple[str, str], EntityRow | None] = {}
        streams: dict[str, int] = {}
        for seq, event in enumerate(draft.events, self.seq + 1):
            self._record(command, event, seq, streams, transaction, latest)
        for (noun, id), row in latest.items():
            if row is None:
                transaction.drops.append((noun, id))
            else:
                transaction.puts.append(row)
        seq = self.seq + len(draft.events)
        if command.method.lifecycle:
            transaction.audits.append(_audit(command, "success", {"seq": seq}, kind=draft.audit_kind))
        # Last, so that what cannot be written leaves no gap.
        self.seq = seq
        self._streams |= streams
        return transaction

    def _record(
        self,
        command: Command[Any],
        event: Event,
        seq: int,
        streams: dict[str, int],
        transaction: Transaction,
        latest: dict[tuple[str, str], EntityRow | None],
    ) -> None:
        entity: Any = event.entity
        topic = event.topic
        workspace_id = getattr(entity, "workspace_id", None)
        lane_id = getattr(entity, "lane_id", None)
        session_id = getattr(entity, "session_id", None)
        stream = session_id or lane_id or workspace_id or SERVER_STREAM
        stream_seq = streams.get(stream, self._streams.get(stream, 0)) + 1
        streams[stream] = stream_seq
        json = encode(entity)
        frame = encode(
            Notification(
                topic.name,
                EventEnvelope(
                    envelope_id=command.minter.mint("envelope"),
                    correlation_id=event.correlation_id,
                    causation_id=command.envelope_id,
                    topic=topic.name,
                    method=command.method.name,
                    seq=seq,
                    stream=stream,
                    stream_seq=stream_seq,
                    workspace_id=workspace_id,
                    lane_id=lane_id,
                    session_id=session_id,
                    terminal_id=getattr(entity, "terminal_id", None),
                    actor=command.actor,
                    payload={topic.noun: msgspec.Raw(json)},
                    timestamp=command.at,
                ),
            )
        )
        transaction.rows.append(LogRow(seq, topic.name, workspace_id, stream, stream_seq, frame))
        if topic.drops:
            latest[topic.noun, event.id] = None
        else:
            row = ENTITIES[topic.noun]
            known = latest.get((topic.noun, event.id))
            latest[topic.noun, event.id] = EntityRow(
                topic.noun,
                event.id,
                getattr(entity, row.parent) if row.parent is not None else None,
                workspace_id,
                lane_id,
                session_id,
                is_resident(topic.noun, entity),
                known.born if known is not None else seq,
                seq,
                json,
            )
        if topic.name == "process.exited":
            transaction.ended.append(event.id)
        problem = getattr(entity, "problem", None)
        if topic.phase == "end" and topic.name.endswith(".failed") and problem is not None:
            began = Began(topic.name.removesuffix(".failed"), event.correlation_id)
            transaction.audits.append(_audit(command, "failure", _told(problem), began))


def audit_refusal(command: Command[Any], refusal: Refusal) -> Transaction:
    """The record of a lifecycle command that was not accepted."""
    return Transaction(audits=[_audit(command, "failure", _told(refusal.problem()))])


def _told(problem: Problem) -> dict[str, Any]:
    """Code and message; the details of a problem may quote what a user or an agent wrote."""
    return {"code": problem.code, "message": problem.message[:500]}


def _audit(
    command: Command[Any],
    result: str,
    details: dict[str, Any],
    began: Began | None = None,
    kind: str | None = None,
) -> AuditRow:
    began = began or Began(command.method.name, command.correlation_id)
    context = command.context
    for name in ("workspace_id", "lane_id", "session_id", "terminal_id"):
        value = getattr(context, name)
        if value is not None:
            details[name] = value
    id = command.minter.mint("audit")
    record = AuditEvent(
        audit_event_id=id,
        correlation_id=began.correlation_id,
        event_type=began.method,
        kind=kind,
        actor=command.actor,
        result="success" if result == "success" else "failure",
        details=details,
        recorded_at=command.at,
    )
    return AuditRow(id, began.correlation_id, result, encode(record))
