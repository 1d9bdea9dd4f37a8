"""TypeScript: the protocol's types, and the tables that a connection and a mirror read at run time."""

from __future__ import annotations

import json

from noun_files import Json, Model

_SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}


def typescript_type(node: Json) -> str:
    """The type of a field or an alias."""
    if "$ref" in node:
        return str(node["$ref"]).rsplit("/", 1)[1]
    if "enum" in node:
        values = " | ".join(json.dumps(value) for value in node["enum"])
        # An open enum keeps its completions and takes any other text.
        return f"{values} | (string & {{}})" if node.get("open") else values
    kind = node.get("type")
    if kind in _SCALARS:
        return _SCALARS[kind]
    if kind == "array":
        inner = typescript_type(node["items"])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kind == "object":
        inner = node["additionalProperties"]
        return f"Record<string, {'unknown' if inner is True else typescript_type(inner)}>"
    return "unknown"


def write_typescript(model: Model) -> str:
    """One module: interfaces, what methods take and give, and the tables."""
    out = ["// The protocol as TypeScript sees it. Written by protocol/generate.py; do not edit."]
    for name, node in model.types.items():
        out += ["", f"/** {node.get('description', name)} */"]
        if "properties" not in node:
            out.append(f"export type {name} = {typescript_type(node)};")
            continue
        out.append(f"export interface {name} {{")
        for field, row in node["properties"].items():
            if "description" in row:
                out.append(f"  /** {row['description']} */")
            out.append(f"  {field}{'' if field in node['required'] else '?'}: {typescript_type(row)};")
        out.append("}")
    methods = {name: row for name, row in model.methods.items() if row["kind"] != "internal"}
    out += ["", "/** What each method takes and gives. */", "export interface Calls {"]
    for name, row in methods.items():
        out += [f"  /** {row['summary']} */", f'  "{name}": {{ payload: {row["params"]}; result: {row["result"]} }};']
    out += ["}", "", "/** What each topic carries. */", "export interface Payloads {"]
    for name, row in model.topics.items():
        out += [f"  /** {row['summary']} */", f'  "{name}": {row["payload"]};']
    out += ["}", "", "/** The nouns whose entities a mirror holds. */", "export interface Entities {"]
    out += [f"  {noun}: {row['type']};" for noun, row in model.entities.items()]
    out.append("}")
    plurals = {
        row["items"]["$ref"].rsplit("/", 1)[1]: field for field, row in model.types["Snapshot"]["properties"].items()
    }
    topics = {
        name: {"noun": row["noun"]}
        | ({"stream": True} if row.get("kind") == "stream" else {})
        | ({"drops": True} if row.get("op") == "drop" else {})
        for name, row in model.topics.items()
    }
    entities = {
        noun: {"id": row["id"], "parent": row.get("parent"), "plural": plurals[row["type"]]}
        for noun, row in model.entities.items()
    }
    machines = {noun: {"field": row["field"], "edges": row["edges"]} for noun, row in model.machines.items()}
    out += ["", f"export const VERSION = {json.dumps(model.index['version'])};"]
    for name, type_, table in (
        ("TOPICS", "Record<string, { noun: string; stream?: true; drops?: true }>", topics),
        ("ENTITIES", "Record<keyof Entities, { id: string; parent: string | null; plural: string }>", entities),
        ("MACHINES", "Record<string, { field: string; edges: Record<string, string[]> }>", machines),
    ):
        rows = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in table.items()]
        out += ["", f"export const {name}: {type_} = {{", *rows, "};"]
    return "\n".join(out) + "\n"
