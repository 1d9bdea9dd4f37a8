"""State: what the log says is so, as far as decisions need it.

`State.evolve` is the fold, and all of it: put or drop an entity by id. What the machine says is over leaves memory
(its row in the store stays), so memory does not grow with history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from agentlanes.core.command import Event
from agentlanes.wire.table import ENTITIES, MACHINES


def is_resident(noun: str, entity: Struct) -> bool:
    """Whether decisions may still need the entity, so that it stays in memory."""
    row = ENTITIES[noun]
    if not row.open_only:
        return True
    machine = MACHINES[noun]
    if not machine.is_final(getattr(entity, machine.field)):
        return True
    return row.until is not None and not getattr(entity, row.until)


class State:
    """Entities by noun and id, with the two indexes that decisions use: children by parent, and open operations."""

    __slots__ = ("_children", "_entities", "_operations")

    def __init__(self) -> None:
        self._entities: dict[str, dict[str, Any]] = {noun: {} for noun in ENTITIES}
        self._children: dict[str, dict[tuple[str, str], Any]] = {}
        self._operations: dict[tuple[str, str], str] = {}

    def get(self, noun: str, id: str) -> Any | None:
        """The entity, or None where memory has none."""
        return self._entities[noun].get(id)

    def all(self, noun: str) -> Iterable[Any]:
        """Every entity of a noun, in order of creation."""
        return self._entities[noun].values()

    def children(self, noun: str, parent: str) -> Iterator[Any]:
        """Entities of a noun below a parent, in the order in which they came."""
        return (entity for (kind, _), entity in self._children.get(parent, {}).items() if kind == noun)

    def operating(self, noun: str, correlation_id: str) -> str | None:
        """The id of the noun's entity that has an operation under this correlation."""
        return self._operations.get((noun, correlation_id))

    def count(self) -> dict[str, int]:
        """Entities in memory by noun."""
        return {noun: len(entities) for noun, entities in self._entities.items()}

    def evolve(self, event: Event) -> None:
        """Takes in one event."""
        noun = event.topic.noun
        if not event.topic.drops and is_resident(noun, event.entity):
            self.put(noun, event.id, event.entity)
        else:
            self.drop(noun, event.id)

    def put(self, noun: str, id: str, entity: Any) -> None:
        """Holds the entity as it is now. One that was there keeps its place in the order."""
        previous = self._entities[noun].get(id)
        self._entities[noun][id] = entity
        parent = ENTITIES[noun].parent
        if parent is not None:
            self._children.setdefault(getattr(entity, parent), {})[noun, id] = entity
        self._follow_operation(noun, id, previous, entity)

    def drop(self, noun: str, id: str) -> None:
        """Forgets the entity, and what the indexes say of it."""
        previous = self._entities[noun].pop(id, None)
        if previous is None:
            return
        parent = ENTITIES[noun].parent
        if parent is not None:
            siblings = self._children[getattr(previous, parent)]
            del siblings[noun, id]
            if not siblings:
                del self._children[getattr(previous, parent)]
        self._follow_operation(noun, id, previous, None)

    def _follow_operation(self, noun: str, id: str, previous: Any, entity: Any) -> None:
        ended = getattr(previous, "operation", None)
        if ended is not None:
            self._operations.pop((noun, ended.correlation_id), None)
        begun = getattr(entity, "operation", None)
        if begun is not None:
            self._operations[noun, begun.correlation_id] = id
