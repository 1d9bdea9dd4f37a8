"""What the core is handed, and what it hands back."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct

from agentlanes.core.ids import Minter
from agentlanes.wire.models import FrameCursor
from agentlanes.wire.table import Method, Topic

P = TypeVar("P")


class Context(Struct, frozen=True):
    """The ids of the envelope."""

    workspace_id: str | None = None
    lane_id: str | None = None
    session_id: str | None = None
    terminal_id: str | None = None


class Command(Struct, Generic[P], frozen=True):
    """A command as it is decided on: clock, chance and the world are already in it."""

    method: Method
    envelope_id: str
    correlation_id: str
    actor: str
    at: str
    context: Context
    payload: P
    minter: Minter
    facts: Any = None
    """What the observation named in the method's row saw."""


class Event(Struct, frozen=True):
    """A fact: the entity as it is after it, under a topic."""

    topic: Topic
    id: str
    entity: Struct
    correlation_id: str
    """Of the command; an event that ends an operation has the correlation of what began it."""


class Write(Struct, frozen=True):
    """A numbered write to a process, recorded with its cause and delivered after it."""

    process_id: str
    n: int
    data: str


class CursorMove(Struct, frozen=True):
    """How far the output of an agent's process was taken in."""

    process_id: str
    cursor: FrameCursor
