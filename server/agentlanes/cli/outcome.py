"""When a command has come to its end.

A command is answered with the entity in its new state; what becomes of it is told by events. An entity with an
`operation` is under way until it has none, a turn until its machine says that nothing is legal any more.
"""

from __future__ import annotations

from agentlanes.cli.client import Client, Json, Refused
from agentlanes.wire.table import ENTITIES, ERRORS, MACHINES

INTERNAL_ERROR = -32603


class Outcome:
    """Follows one entity from a command's answer on. `seq` is the answer's: what happened before it is in it."""

    def __init__(self, noun: str, entity: Json, seq: int) -> None:
        self.noun = noun
        self.entity = entity
        self._seq = seq
        self._id_field = ENTITIES[noun].id
        self._failed = False

    @property
    def settled(self) -> bool:
        """Whether nothing more is to come of it by itself."""
        if "operation" in ENTITIES[self.noun].type.__struct_fields__:
            return "operation" not in self.entity
        machine = MACHINES.get(self.noun)
        if machine is None or not any(machine.is_final(state) for state in machine.edges):
            return True
        return machine.is_final(self.entity[machine.field])

    def hear(self, event: Json) -> None:
        """Take in an event, if it is about this entity."""
        if event.get("seq", 0) <= self._seq:
            return
        entity = event["payload"].get(self.noun)
        if entity is not None and entity[self._id_field] == self.entity[self._id_field]:
            self.entity = entity
            self._failed = event["topic"].endswith(".failed")

    def check(self) -> Json:
        """The entity, if what was asked of it was done. Raises Refused with its problem otherwise."""
        problem = self.entity.get("problem")
        if problem is not None or self._failed:
            raise _refuse(problem or {"code": "INTERNAL_ERROR", "message": f"{self.noun} failed without a reason"})
        return self.entity


def find_outcome(answer: Json) -> Outcome | None:
    """The outcome to follow after a command was answered with this envelope; None where it names no entity."""
    for noun, entity in answer["payload"].items():
        if noun in ENTITIES:
            return Outcome(noun, entity, answer["seq"])
    return None


def await_outcome(client: Client, outcome: Outcome) -> Json:
    """The entity at its end, from the events of a client that is subscribed to them. Raises Refused."""
    while not outcome.settled:
        message = client.receive()
        if message is not None and message.method is not None:
            outcome.hear(message.event)
    return outcome.check()


def _refuse(problem: Json) -> Refused:
    name = problem["code"]
    row = ERRORS.get(name)
    data = {
        "code": name,
        "retryable": problem.get("retryable", row is not None and row.retryable),
        "details": problem.get("details", {}),
    }
    return Refused(row.code if row is not None else INTERNAL_ERROR, problem["message"], data)
