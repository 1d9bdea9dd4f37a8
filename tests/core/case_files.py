"""Reads protocol/v1/cases: what is given, what is decided, what follows. The files say how they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from agentlanes.core import facts as git_facts
from agentlanes.core import world
from agentlanes.core.command import Command, Context
from agentlanes.core.errors import Refusal
from agentlanes.core.ids import Minter, seed
from agentlanes.core.state import State
from agentlanes.wire.table import ENTITIES, METHODS, PREFIXES

FOLDER = Path(__file__).resolve().parents[2] / "protocol" / "v1" / "cases"

_SHORT_ID = re.compile(rf"\b({'|'.join(PREFIXES.values())})_([0-9A-HJKMNP-TV-Z]{{1,12}})\b")

Json = dict[str, Any]


def lengthen(node: Any) -> Any:
    """The same with every short id at its full length."""
    if isinstance(node, str):
        return _SHORT_ID.sub(lambda match: f"{match[1]}_{match[2].zfill(26)}", node)
    if isinstance(node, dict):
        return {key: lengthen(value) for key, value in node.items()}
    return [lengthen(value) for value in node] if isinstance(node, list) else node


GIVEN: Json = lengthen(json.loads((FOLDER / "given.json").read_text()))


@dataclass(frozen=True, eq=False)
class Case:
    """One given/when/then, with short forms written out."""

    file: str
    description: str
    given: tuple[tuple[str, Json], ...]
    when: Json
    then: Json

    @property
    def method(self) -> str:
        return str(self.when["method"])

    def state(self) -> State:
        state = State()
        for noun, entity in self.given:
            row = ENTITIES[noun]
            state.put(noun, entity[row.id], msgspec.convert(entity, row.type))
        return state

    def command(self) -> Command[Any]:
        row = METHODS[self.method]
        context = {**{name: _default_id(name) for name in row.context}, **self.when.get("context", {})}
        told = self.when["facts"] if "facts" in self.when else GIVEN["facts"].get(row.observe)
        return Command(
            method=row,
            envelope_id="case",
            correlation_id=self.when.get("correlation_id", "asked"),
            actor=self.when.get("actor", "client/test"),
            at=str(self.when.get("at", GIVEN["at"])),
            context=Context(**context),
            payload=msgspec.convert(self.when.get("payload", {}), row.params),
            minter=Minter(seed(1_800_000_000_000, 42)),
            facts=read_facts(told),
        )


def _default_id(context: str) -> str:
    return f"{PREFIXES[context.removesuffix('_id')]}_{'1'.zfill(26)}"


def read_facts(told: Any) -> Any:
    """Facts from their JSON, where each class is named by the key of an object of its own."""
    if isinstance(told, list):
        return tuple(read_facts(value) for value in told)
    if not isinstance(told, dict):
        return told
    if len(told) == 1:
        (name, fields) = next(iter(told.items()))
        if name == "Refusal":
            return Refusal(fields["code"], fields["message"], **fields.get("details", {}))
        if name == "Entity":
            return _read_stored(fields)
        if name == "Stored":
            return world.Stored(_read_stored(fields["entity"]))
        kind = getattr(world, name, None) or getattr(git_facts, name, None)
        if kind is not None:
            return kind(**{field: read_facts(value) for field, value in fields.items()})
    return {key: read_facts(value) for key, value in told.items()}


def _read_stored(given: Any) -> Any:
    if given is None:
        return None
    noun, entity = write_out(given)
    return msgspec.convert(entity, ENTITIES[noun].type)


def write_out(given: str | Json) -> tuple[str, Json]:
    """The noun and the whole entity that a name, with or without changes, stands for."""
    name, changes = (given, {}) if isinstance(given, str) else next(iter(given.items()))
    entity = {**GIVEN["entities"][name], **changes}
    if isinstance(entity.get("operation"), str):
        entity["operation"] = {"kind": entity["operation"], **GIVEN["operation"]}
    noun = entity.pop("noun")
    return noun, {field: value for field, value in entity.items() if value is not None}


def read_cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.json")):
        if path.name == "given.json":
            continue
        for row in lengthen(json.loads(path.read_text())):
            given = tuple(write_out(entity) for entity in _repeat(row["given"]))
            yield Case(path.stem, row["description"], given, row["when"], row["then"])


def _repeat(given: list[Any]) -> Iterator[Any]:
    """`{"repeat": n, "of": entity}` stands for n entities whose ids count up from 1000."""
    for entity in given:
        if isinstance(entity, dict) and "repeat" in entity:
            name, changes = next(iter(entity["of"].items()))
            noun = GIVEN["entities"][name]["noun"]
            for number in range(entity["repeat"]):
                id = f"{PREFIXES[noun]}_{str(1000 + number).zfill(26)}"
                yield {name: {**changes, ENTITIES[noun].id: id}}
        else:
            yield entity


CASES = list(read_cases())


def find_mismatch(expected: Any, found: Any, where: str = "") -> str | None:
    """Where `found` is not as a case says, or None. What a case does not mention may be anything."""
    if expected == "*":
        return None if found is not None else f"{where}: is absent"
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return f"{where}: {found!r} is not {expected!r}"
        for key, value in expected.items():
            mismatch = find_mismatch(value, found.get(key), f"{where}.{key}")
            if mismatch is not None:
                return mismatch
        return None
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return f"{where}: {found!r} is not {expected!r}"
        pairs = enumerate(zip(expected, found, strict=True))
        return next((m for i, (e, f) in pairs if (m := find_mismatch(e, f, f"{where}[{i}]"))), None)
    return None if expected == found else f"{where}: {found!r} is not {expected!r}"
