"""The noun files of protocol/v1: read, checked and joined."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SOURCE = Path(__file__).resolve().parent / "v1"

Json = dict[str, Any]


class Model:
    """The noun files, read, checked and joined."""

    def __init__(self, index: Json, nouns: list[Json]) -> None:
        self.index = index
        self.nouns = nouns
        self.types: dict[str, Json] = {}
        self.methods: dict[str, Json] = {}
        self.topics: dict[str, Json] = {}
        self.errors: dict[str, Json] = dict(index["errors"])
        self.machines: dict[str, Json] = {}
        self.entities: dict[str, Json] = {}
        for noun in nouns:
            for name, row in noun["$defs"].items():
                self._add(self.types, name, row, noun)
            for name, row in noun.get("methods", {}).items():
                self._add(self.methods, name, row, noun)
            for name, row in noun.get("topics", {}).items():
                self._add(self.topics, name, {**row, "noun": noun["noun"]}, noun)
            for name, row in noun.get("errors", {}).items():
                self._add(self.errors, name, row, noun)
            if "machine" in noun:
                self.machines[noun["noun"]] = noun["machine"]
            if "entity" in noun:
                self.entities[noun["noun"]] = noun["entity"]

    @staticmethod
    def _add(table: dict[str, Json], name: str, row: Json, noun: Json) -> None:
        if name in table:
            raise SystemExit(f"{noun['noun']}.json: {name} is already defined; names are unique over all noun files")
        table[name] = row

    def check(self) -> Iterator[str]:
        """What the dialect cannot say: that every name that is used is defined, and used rightly."""
        for noun in self.nouns:
            for where, reference in references(noun, noun["noun"]):
                file, name = reference.split("#/$defs/")
                home = next((n for n in self.nouns if f"{n['noun']}.json" == file), noun if not file else None)
                if home is None or name not in home["$defs"]:
                    yield f"{where}: {reference} does not exist"
        for name, type_ in self.types.items():
            for field in set(type_.get("required", ())) - set(type_.get("properties", ())):
                yield f"{name}: required field {field} is not a property"
        yield from self._check_methods()
        yield from self._check_topics()
        codes: dict[int, str] = {}
        for name, row in self.errors.items():
            if row["code"] > -32000 and codes.setdefault(row["code"], name) != name:
                yield f"{name}: code {row['code']} belongs to {codes[row['code']]}"
        for noun_name in self.entities:
            yield from self._check_entity(noun_name)
        for noun_name in self.machines:
            yield from self._check_machine(noun_name)

    def _check_methods(self) -> Iterator[str]:
        known = set(self.methods) | set(self.index["deferred"])
        for name in set(self.methods) & set(self.index["deferred"]):
            yield f"{name}: is deferred, and is a method"
        for name, row in self.methods.items():
            for key in ("params", "result"):
                if row[key] not in self.types:
                    yield f"{name}: {key} type {row[key]} does not exist"
            if self.types.get(row["params"], {}).get("additionalProperties") is not False:
                yield f"{name}: params type {row['params']} must refuse unknown keys"
            for error in set(row.get("errors", ())) - set(self.errors):
                yield f"{name}: error {error} does not exist"
            for alias in row.get("aliases", ()):
                if alias in known:
                    yield f"{name}: alias {alias} is the name of something else"
                known.add(alias)
            is_decided = row["kind"] in ("command", "internal") and name.split(".")[0] in self.entities
            if is_decided and not self._shows_entity(row["result"]):
                yield f"{name}: result type {row['result']} must begin with the entity that the command is about"

    def _check_topics(self) -> Iterator[str]:
        for name, row in self.topics.items():
            if row["payload"] not in self.types:
                yield f"{name}: payload type {row['payload']} does not exist"
            elif row.get("kind") != "stream" and list(self.types[row["payload"]]["properties"]) != [row["noun"]]:
                yield f"{name}: payload type {row['payload']} must hold the {row['noun']} and nothing else"
            entity = self.types.get(self.entities.get(row["noun"], {}).get("type", ""), {})
            if "phase" in row and "operation" not in entity.get("properties", {}):
                yield f"{name}: a {row['noun']} carries no operation, so nothing of it starts or ends"

    def _shows_entity(self, type_name: str) -> bool:
        fields = list(self.types.get(type_name, {}).get("properties", {}))
        return bool(fields) and fields[0] in self.entities

    def _check_entity(self, noun_name: str) -> Iterator[str]:
        entity = self.entities[noun_name]
        if entity["type"] not in self.types:
            yield f"{noun_name}: entity type {entity['type']} does not exist"
            return
        type_ = self.types[entity["type"]]
        for key in ("id", "parent"):
            if key in entity and entity[key] not in type_["required"]:
                yield f"{noun_name}: {entity['type']} does not require {entity[key]}"
        if "until" in entity and entity["until"] not in type_["properties"]:
            yield f"{noun_name}: {entity['type']} has no {entity['until']}"
        if "resident" in entity and noun_name not in self.machines:
            yield f"{noun_name}: without a machine it never leaves memory"
        if noun_name not in self.index["id_prefixes"]:
            yield f"{noun_name}: its ids have no prefix"

    def _check_machine(self, noun_name: str) -> Iterator[str]:
        machine = self.machines[noun_name]
        states = set(machine["edges"])
        for state, targets in machine["edges"].items():
            for target in set(targets) - states:
                yield f"{noun_name}: edge {state} → {target} leads to an unknown state"
        if machine["initial"] not in states:
            yield f"{noun_name}: initial state {machine['initial']} is unknown"
        type_ = self.types.get(self.entities.get(noun_name, {}).get("type", ""), {})
        field = type_.get("properties", {}).get(machine["field"], {})
        words = set(self.types.get(field.get("$ref", "").rsplit("/", 1)[-1], {}).get("enum", ()))
        if words != states:
            yield f"{noun_name}: field {machine['field']} has other words than the machine has states"


def references(node: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every $ref below a node, with the place where it stands."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield where, value
            else:
                yield from references(value, f"{where}/{key}")
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from references(value, f"{where}/{position}")


def parse(text: str) -> Json:
    """JSON that says nothing twice."""

    def collect(pairs: list[tuple[str, Any]]) -> Json:
        seen: Json = {}
        for key, value in pairs:
            if key in seen:
                raise ValueError(f"{key} is said twice")
            seen[key] = value
        return seen

    found: Json = json.loads(text, object_pairs_hook=collect)
    return found


def load(name: str) -> Json:
    """A file beside the noun files."""
    try:
        return parse((SOURCE / f"{name}.json").read_text())
    except ValueError as error:
        raise SystemExit(f"{name}.json: {error}") from error


def read() -> Model:
    """Reads and checks the noun files. Exits with one line per fault."""
    dialect = Draft202012Validator(load("dialect"))
    index = load("protocol")
    nouns = {name: load(name) for name in ["common", *index["nouns"]]}
    faults = [
        f"{name}.json: says that it is {noun.get('noun')}" for name, noun in nouns.items() if noun.get("noun") != name
    ]
    faults += [
        f"{name}.json {error.json_path}: {error.message}"
        for name, noun in nouns.items()
        for error in dialect.iter_errors(noun)
    ]
    if not faults:
        model = Model(index, list(nouns.values()))
        faults = list(model.check())
    if faults:
        raise SystemExit("\n".join(faults))
    return model
