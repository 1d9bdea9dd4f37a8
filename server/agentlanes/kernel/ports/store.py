"""The port to the store: the log, and everything that the same transaction keeps beside it.

One thread writes. A commit is all or nothing and durable when it returns. Reads see what was committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct, field

from agentlanes.wire.models import AgentWrite, FrameCursor


class StoreUnavailable(Exception):  # noqa: N818 - the state of the store, told with its reason
    """The store could not be read or written. Nothing of the commit was kept."""


class StoreRefused(Exception):  # noqa: N818
    """The store is not one that this server may open: damaged, or written by a newer version."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class LogRow(NamedTuple):
    """One event in its wire form: `frame` is the finished JSON of the notification."""

    seq: int
    topic: str
    workspace_id: str | None
    stream: str
    stream_seq: int
    frame: bytes


class EntityRow(NamedTuple):
    """An entity as it is after event `seq`. The ids are for lists; `resident` says that boot reads it.

    `born` is the first event of the transaction that put it; a store keeps that of the entity's first transaction.
    """

    noun: str
    id: str
    parent: str | None
    workspace_id: str | None
    lane_id: str | None
    session_id: str | None
    resident: bool
    born: int
    seq: int
    json: bytes


class StoredResponse(NamedTuple):
    """What a command with a client's envelope_id was answered, and a digest of what it asked."""

    envelope_id: str
    digest: bytes
    response: bytes


class AuditRow(NamedTuple):
    """An audit record."""

    id: str
    correlation_id: str
    result: str
    json: bytes


class Transaction(Struct):
    """All that one command changes."""

    rows: list[LogRow] = field(default_factory=list)
    puts: list[EntityRow] = field(default_factory=list)
    drops: list[tuple[str, str]] = field(default_factory=list)
    """Entities that are forgotten, by noun and id."""
    writes: list[tuple[str, int, str]] = field(default_factory=list)
    """Outbox: process id, number, data. A number that is there stays as it is."""
    cursors: list[tuple[str, int, int]] = field(default_factory=list)
    """Process id, rest, applied."""
    ended: list[str] = field(default_factory=list)
    """Processes whose outbox and cursor are no longer needed."""
    response: StoredResponse | None = None
    audits: list[AuditRow] = field(default_factory=list)


class Boot(Struct, frozen=True):
    """What the store holds when the server starts."""

    server_id: str
    generation: int
    head: int
    streams: Mapping[str, int]
    """Newest position of every stream."""
    entities: Sequence[tuple[str, str, bytes]]
    """Resident entities: noun, id, JSON; in order of creation."""


class Selection(Struct, frozen=True):
    """Which entities a list shows, in order of id. A field that is None does not count."""

    noun: str
    parent: str | None = None
    workspace_id: str | None = None
    lane_id: str | None = None
    session_id: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    """Fields that must have these values."""
    after: str | None = None
    limit: int = 100


class Store(Protocol):
    """See the module. Every method raises StoreUnavailable."""

    def boot(self) -> Boot:
        """Counts a generation up and reads what memory holds. Raises StoreRefused, and nothing else."""

    def load(self) -> Boot:
        """The same without counting: what is committed now."""

    def commit(self, transactions: Sequence[Transaction]) -> None:
        """Writes them all, in order, in one durable step. Called by one thread only. Refuses a log with a gap."""

    def events(self, after: int, limit: int) -> list[LogRow]:
        """Rows of the log above a position, in order."""

    def entity(self, noun: str, id: str) -> bytes | None:
        """An entity's JSON, also of one that left memory."""

    def select(self, selection: Selection) -> list[tuple[str, bytes]]:
        """Ids and JSON of a list's rows."""

    def response(self, envelope_id: str) -> StoredResponse | None:
        """What a command was answered."""

    def audits(self, correlation_id: str | None, result: str | None, after: str | None, limit: int) -> list[bytes]:
        """Audit records in order of time, after an id."""

    def outbox(self, process_id: str) -> list[AgentWrite]:
        """Every write to a process, in order."""

    def cursor(self, process_id: str) -> FrameCursor | None:
        """How far a process' output was taken in."""

    def prune(self, before: int) -> None:
        """Forgets responses older than `before`, seconds since the epoch."""

    def close(self) -> None:
        """Releases the files."""


def check_log(head: int, transactions: Sequence[Transaction]) -> int:
    """The head after these transactions. Raises StoreUnavailable where their rows do not follow on the log's head."""
    for transaction in transactions:
        for row in transaction.rows:
            if row.seq != head + 1:
                raise StoreUnavailable(f"event {row.seq} does not follow on {head}")
            head = row.seq
    return head
