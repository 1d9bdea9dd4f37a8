"""The state as it would be after the events so far: where a decision reads and writes.

A decision works on a draft and leaves the state alone; a refusal throws the draft away. Every put passes the state
machines and the order of lifecycles here, once for all nouns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec
from msgspec import Struct

from agentlanes.core.command import Command, CursorMove, Event, Write
from agentlanes.core.errors import Refusal
from agentlanes.core.state import State, is_resident
from agentlanes.core.world import Stored
from agentlanes.wire.models import (
    Answer,
    Approval,
    Constraint,
    FrameCursor,
    Grant,
    HarnessStatus,
    Item,
    Lane,
    Operation,
    Process,
    RendererSwitch,
    Repo,
    Session,
    Terminal,
    Turn,
    Workspace,
)
from agentlanes.wire.table import ENTITIES, MACHINES, TOPICS


class Draft:
    """An overlay over the state, and the record of what the decision does."""

    def __init__(self, state: State, command: Command[Any]) -> None:
        self._state = state
        self._changed: dict[tuple[str, str], Any] = {}
        self.command = command
        self.events: list[Event] = []
        self.writes: list[Write] = []
        self.cursors: list[CursorMove] = []
        self.answer: Struct | None = None
        """What the command is answered with, where that is more than the entity that it is about."""
        self.unlogged: dict[str, tuple[Answer, ...]] = {}
        """Secret answers by approval: for the driver, and for no disk."""
        self.chosen: list[tuple[str, str]] = []
        """Ids that the client chose. Those of entities that left memory are known to the store only."""
        self.audit_kind: str | None = None
        """What the command's audit record is of, where it is one to look for."""

    def get(self, noun: str, id: str) -> Any | None:
        """The entity, or None."""
        key = (noun, id)
        return self._changed[key] if key in self._changed else self._state.get(noun, id)

    def find(self, noun: str, id: str | None) -> Any:
        """The entity; refuses with `<NOUN>_NOT_FOUND`."""
        entity = self.get(noun, id) if id is not None else None
        if entity is None:
            raise Refusal(f"{noun.upper()}_NOT_FOUND", f"there is no {noun} {id}", **{f"{noun}_id": id})
        return entity

    def recall(self, noun: str, id: str, seen: Stored) -> Any:
        """The entity, also one that left memory, as the store has it."""
        entity = self.get(noun, id)
        if entity is not None:
            return entity
        if seen.entity is None:
            return self.find(noun, id)
        if is_resident(noun, seen.entity):
            raise Refusal("STALE", f"{noun} {id} ended while it was looked up; look again", **{f"{noun}_id": id})
        return seen.entity

    def workspace(self, id: str | None) -> Workspace:
        return cast(Workspace, self.find("workspace", id))

    def repo(self, id: str | None) -> Repo:
        return cast(Repo, self.find("repo", id))

    def lane(self, id: str | None) -> Lane:
        return cast(Lane, self.find("lane", id))

    def session(self, id: str | None) -> Session:
        return cast(Session, self.find("session", id))

    def terminal(self, id: str | None) -> Terminal:
        return cast(Terminal, self.find("terminal", id))

    def process(self, id: str | None) -> Process:
        return cast(Process, self.find("process", id))

    def harness(self) -> HarnessStatus | None:
        """The harness, once one was configured."""
        known = next(iter(self._state.all("harness")), None)
        return known if known is None else self.get("harness", known.harness_id)

    def repos(self, workspace_id: str) -> list[Repo]:
        return list(self._children("repo", workspace_id))

    def lanes(self, workspace_id: str) -> list[Lane]:
        return list(self._children("lane", workspace_id))

    def sessions(self, lane_id: str) -> list[Session]:
        return list(self._children("session", lane_id))

    def all_sessions(self) -> list[Session]:
        """The sessions of every workspace, as they were before this decision."""
        return list(self._state.all("session"))

    def terminals(self, lane_id: str) -> list[Terminal]:
        return list(self._children("terminal", lane_id))

    def processes(self, lane_id: str) -> list[Process]:
        """Processes that run."""
        return list(self._children("process", lane_id))

    def switches(self, workspace_id: str) -> list[RendererSwitch]:
        """Switches of the renderer mode that are under way."""
        return list(self._children("renderer", workspace_id))

    def constraints(self, workspace_id: str) -> list[Constraint]:
        return list(self._children("constraint", workspace_id))

    def turns(self, session_id: str) -> list[Turn]:
        """Turns that have not ended."""
        return list(self._children("turn", session_id))

    def items(self, turn_id: str) -> list[Item]:
        """Items in progress."""
        return list(self._children("item", turn_id))

    def approvals(self, session_id: str) -> list[Approval]:
        """Approvals that are pending, and decided ones that the agent was not told of."""
        return list(self._children("approval", session_id))

    def all(self, noun: str) -> list[Any]:
        """Every entity of a noun that the state would hold."""
        known = {getattr(entity, ENTITIES[noun].id): entity for entity in self._state.all(noun)}
        known |= {id: entity for (kind, id), entity in self._changed.items() if kind == noun}
        return [entity for entity in known.values() if entity is not None and is_resident(noun, entity)]

    def grants(self, workspace_id: str) -> list[Grant]:
        return list(self._children("grant", workspace_id))

    def _children(self, noun: str, parent: str) -> Iterator[Any]:
        """What the state would hold below the parent; what ended in this draft is over here as well."""
        field = ENTITIES[noun].parent
        assert field is not None
        for child in self._state.children(noun, parent):
            id = getattr(child, ENTITIES[noun].id)
            current = self._changed.get((noun, id), child)
            if current is not None and is_resident(noun, current):
                yield current
        for (kind, id), entity in self._changed.items():
            fresh = kind == noun and entity is not None and self._state.get(noun, id) is None
            if fresh and getattr(entity, field) == parent and is_resident(noun, entity):
                yield entity

    def choose_id(self, noun: str, chosen: str | None) -> str:
        """The id that the client chose, if it is free, or a fresh one."""
        if chosen is None:
            return self.command.minter.mint(noun)
        if self.get(noun, chosen) is not None:
            raise id_in_use(noun, chosen)
        self.chosen.append((noun, chosen))
        return chosen

    def begin(self, kind: str, *, apart: bool = False, **details: Any) -> Operation:
        """An operation of this command, for an entity to carry until its effect has ended. One that stands apart has a
        correlation of its own: a command that begins several of a noun can lend its own to one of them only. Its
        details may name as `caller` the correlation of the one who asked, whose environment a process is started in."""
        command = self.command
        return Operation(
            kind=kind,
            correlation_id=command.minter.mint("correlation") if apart else command.correlation_id,
            started_at=command.at,
            actor=command.actor,
            details={key: value for key, value in details.items() if value is not None} or None,
        )

    def put(self, topic: str, entity: Struct) -> None:
        """Records an event. Refuses what the noun's machine or the order of lifecycles does not allow."""
        row = TOPICS[topic]
        noun = row.noun
        id = getattr(entity, ENTITIES[noun].id)
        previous = self.get(noun, id)
        if noun in MACHINES:
            _check_transition(noun, previous, entity)
        if row.phase is not None:
            self._check_order(topic, noun, id, previous, entity)
        self._changed[noun, id] = None if row.drops else entity
        self.events.append(Event(row, id, entity, self._correlate(topic, previous, entity)))

    def change(self, topic: str, entity: Any, **changes: Any) -> Any:
        """Records an event with some fields changed; `updated_at` follows where the entity has one."""
        if "updated_at" in entity.__struct_fields__:
            changes["updated_at"] = self.command.at
        changed = msgspec.structs.replace(entity, **changes)
        self.put(topic, changed)
        return changed

    def write(self, process_id: str, n: int, data: str) -> None:
        """Records a write to a process."""
        self.writes.append(Write(process_id, n, data))

    def move(self, process_id: str, cursor: FrameCursor) -> None:
        """Records how far a process' output was taken in."""
        self.cursors.append(CursorMove(process_id, cursor))

    def _correlate(self, topic: str, previous: Any, entity: Any) -> str:
        if topic == "turn.started":
            # It starts because it was asked for, whatever made room for it.
            return entity.correlation_id or self.command.correlation_id
        before, after = getattr(previous, "operation", None), getattr(entity, "operation", None)
        of = before if before is not None and after is None else after if TOPICS[topic].phase == "start" else None
        return of.correlation_id if of is not None else self.command.correlation_id

    def _operating(self, noun: str, correlation_id: str) -> str | None:
        """The id of the noun's entity that has an operation under this correlation."""
        id = self._state.operating(noun, correlation_id)
        if id is None or (noun, id) not in self._changed:
            return id
        operation = getattr(self._changed[noun, id], "operation", None)
        return id if operation is not None and operation.correlation_id == correlation_id else None

    def _check_order(self, topic: str, noun: str, id: str, previous: Any, entity: Any) -> None:
        if TOPICS[topic].phase == "start":
            correlation = entity.operation.correlation_id
            other = self._operating(noun, correlation)
            if other is not None:
                raise Refusal(
                    "ORDERING_VIOLATION",
                    f"{noun} {other} has an operation under correlation_id {correlation}; "
                    f"wait for its end or use another correlation_id",
                    correlation_id=correlation,
                    **{f"{noun}_id": other},
                )
        elif getattr(previous, "operation", None) is None:
            raise Refusal("ORDERING_VIOLATION", f"{topic}: {noun} {id} has no operation to end", topic=topic)


def _check_transition(noun: str, previous: Any, entity: Any) -> None:
    machine = MACHINES[noun]
    if previous is None:
        return
    before, after = getattr(previous, machine.field), getattr(entity, machine.field)
    if before != after and after not in machine.edges[before]:
        raise illegal(noun, getattr(entity, ENTITIES[noun].id), before, after)


def illegal(noun: str, id: str, state: str, wanted: str) -> Refusal:
    """The refusal of a transition; its details name the state and what is legal from it."""
    legal = MACHINES[noun].edges[state]
    return Refusal(
        "ILLEGAL_TRANSITION",
        f"{noun} {id} is {state} and cannot become {wanted}; from {state} it can become "
        f"{', '.join(legal) if legal else 'nothing else'}",
        id=id,
        state=state,
        wanted=wanted,
        legal=list(legal),
    )


def id_in_use(noun: str, id: str) -> Refusal:
    """The refusal of an id that belongs to something already."""
    return Refusal("ID_IN_USE", f"{noun} {id} exists already; choose another id or none", id=id)


def refuse_while_operating(noun: str, id: str, operation: Operation | None) -> None:
    """One effect at a time per entity."""
    if operation is not None:
        raise Refusal(
            "OPERATION_IN_PROGRESS",
            f"{noun} {id}: {operation.kind} is under way since {operation.started_at}; try again when it has ended",
            id=id,
            operation={"kind": operation.kind, "correlation_id": operation.correlation_id},
        )
