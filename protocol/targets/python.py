"""Python: the models, the tables and the bundled schema that the server reads."""

from __future__ import annotations

import json
import keyword
from typing import Any

from noun_files import Json, Model


def python_type(node: Json) -> str:
    """The annotation of a field or an alias."""
    if "$ref" in node:
        return str(node["$ref"]).rsplit("/", 1)[1]
    if "enum" in node:
        return "str" if node.get("open") else "Literal[" + ", ".join(json.dumps(v) for v in node["enum"]) + "]"
    match node.get("type"):
        case "string":
            return "str"
        case "integer":
            return "int"
        case "number":
            return "float"
        case "boolean":
            return "bool"
        case "array":
            return f"tuple[{python_type(node['items'])}, ...]"
        case "object":
            inner = node["additionalProperties"]
            return "dict[str, Any]" if inner is True else f"dict[str, {python_type(inner)}]"
    return "Any"


def python_field(name: str, node: Json, required: bool) -> str:
    """One line of a Struct. A list that is absent is empty; anything else that is absent is None."""
    type_ = python_type(node)
    if keyword.iskeyword(name):
        return f'{name}_: {type_} = field(name="{name}")'
    if required:
        return f"{name}: {type_}"
    return f"{name}: {type_} = ()" if node.get("type") == "array" else f"{name}: {type_} | None = None"


def write_models(model: Model) -> str:
    out = [
        '"""Typed views of protocol/v1. Written by protocol/generate.py; do not edit."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, Literal, TypeAlias",
        "",
        "from msgspec import Struct, field",
        "",
    ]
    records = {name: node for name, node in model.types.items() if "properties" in node}
    for name, node in model.types.items():
        if name not in records:
            out.append(f"{name}: TypeAlias = {python_type(node)}")
    for name, node in records.items():
        out += ["", "", f"class {name}(Struct, frozen=True, kw_only=True, omit_defaults=True):"]
        out.append(f'    """{node["description"]}"""')
        if node["properties"]:
            out.append("")
        for field, row in node["properties"].items():
            out.append("    " + python_field(field, row, field in node["required"]))
    return "\n".join(out) + "\n"


def write_table(model: Model) -> str:
    def literal(value: str | None) -> str:
        return "None" if value is None else json.dumps(value)

    def words(values: list[str]) -> str:
        return "(" + "".join(f"{json.dumps(v)}, " for v in values).rstrip() + ")"

    out = [
        '"""The one list of methods, topics, errors and machines. Written by protocol/generate.py; do not edit."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Literal, NamedTuple",
        "",
        "from msgspec import Struct",
        "",
        "from . import models",
        "",
        f"PROTOCOL_VERSION = {json.dumps(model.index['version'])}",
        "",
        "",
        "class Method(NamedTuple):",
        '    """A row of a noun file\'s methods."""',
        "",
        "    name: str",
        '    kind: Literal["command", "query", "stream", "internal"]',
        "    params: type[Struct]",
        "    result: type[Struct]",
        "    lifecycle: bool",
        "    context: tuple[str, ...]",
        "    observe: str | None",
        "",
        "",
        "class Topic(NamedTuple):",
        '    """A row of a noun file\'s topics."""',
        "",
        "    name: str",
        "    noun: str",
        "    payload: type[Struct]",
        "    logged: bool",
        "    drops: bool",
        '    phase: Literal["start", "end"] | None',
        "",
        "",
        "class Error(NamedTuple):",
        '    """A row of the error table."""',
        "",
        "    code: int",
        "    retryable: bool",
        "    summary: str",
        "",
        "",
        "class Machine(NamedTuple):",
        '    """A noun\'s state machine."""',
        "",
        "    field: str",
        "    initial: str",
        "    edges: dict[str, tuple[str, ...]]",
        "",
        "    def is_final(self, state: str) -> bool:",
        '        """Whether nothing is legal from this state."""',
        "        return not self.edges[state]",
        "",
        "",
        "class Entity(NamedTuple):",
        '    """What a noun\'s entities are, and what holds them."""',
        "",
        "    type: type[Struct]",
        "    id: str",
        "    parent: str | None",
        "    open_only: bool",
        "    until: str | None",
        "",
        "",
        "METHODS: dict[str, Method] = {",
    ]
    for name, row in model.methods.items():
        out.append(
            f'    "{name}": Method("{name}", "{row["kind"]}", models.{row["params"]}, models.{row["result"]}, '
            f"{row.get('lifecycle', False)}, {words(row.get('context', []))}, {literal(row.get('observe'))}),"
        )
    out += ["}", "", "TOPICS: dict[str, Topic] = {"]
    for name, row in model.topics.items():
        out.append(
            f'    "{name}": Topic("{name}", "{row["noun"]}", models.{row["payload"]}, '
            f"{row.get('kind') != 'stream'}, {row.get('op') == 'drop'}, {literal(row.get('phase'))}),"
        )
    out += ["}", "", "ERRORS: dict[str, Error] = {"]
    for name, row in model.errors.items():
        out.append(f'    "{name}": Error({row["code"]}, {row.get("retryable", False)}, {json.dumps(row["summary"])}),')
    out += ["}", "", "MACHINES: dict[str, Machine] = {"]
    for name, row in model.machines.items():
        edges = ", ".join(f"{json.dumps(s)}: {words(t)}" for s, t in row["edges"].items())
        out.append(f'    "{name}": Machine("{row["field"]}", "{row["initial"]}", {{{edges}}}),')
    out += ["}", "", "ENTITIES: dict[str, Entity] = {"]
    for name, row in model.entities.items():
        out.append(
            f'    "{name}": Entity(models.{row["type"]}, "{row["id"]}", {literal(row.get("parent"))}, '
            f"{'resident' in row}, {literal(row.get('until'))}),"
        )
    aliases = {alias: name for name, row in model.methods.items() for alias in row.get("aliases", ())}
    for title, table in (
        ("ALIASES", aliases),
        ("DEFERRED", model.index["deferred"]),
        ("PREFIXES", model.index["id_prefixes"]),
    ):
        out += ["}", "", f"{title}: dict[str, str] = {{"]
        out += [f"    {json.dumps(key)}: {json.dumps(value)}," for key, value in table.items()]
    return "\n".join([*out, "}", ""])


def write_bundle(model: Model) -> str:
    """One file with everything, for the server to read at start and to hand out."""

    def flat(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: "#/$defs/" + value.rsplit("/", 1)[1] if key == "$ref" else flat(value)
                for key, value in node.items()
                if key != "open"
            }
        return [flat(value) for value in node] if isinstance(node, list) else node

    def close(node: Json) -> Json:
        """An open enum accepts every string."""
        return {"type": "string", "description": node["description"]} if node.get("open") else flat(node)

    bundle = {
        "name": model.index["name"],
        "version": model.index["version"],
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$defs": {name: close(node) for name, node in model.types.items()},
        },
        "methods": model.methods,
        "topics": model.topics,
        "machines": model.machines,
        "errors": model.errors,
        "deferred": model.index["deferred"],
    }
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")) + "\n"
