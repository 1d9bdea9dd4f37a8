"""Lua: LuaCATS types for the language server, and the tables that the Neovim plugin reads."""

from __future__ import annotations

import json

from noun_files import Json, Model

WRITTEN = "Written by protocol/generate.py; do not edit."


def lua_type(node: Json) -> str:
    """The annotation of a field or an alias."""
    if "$ref" in node:
        return "agentlanes." + str(node["$ref"]).rsplit("/", 1)[1]
    if "enum" in node:
        return "|".join([*(json.dumps(value) for value in node["enum"]), *(["string"] if node.get("open") else [])])
    match node.get("type"):
        case "string" | "integer" | "number" | "boolean":
            return str(node["type"])
        case "array":
            return f"{lua_type(node['items'])}[]"
        case "object":
            inner = node["additionalProperties"]
            return f"table<string, {'any' if inner is True else lua_type(inner)}>"
    return "any"


def write_lua_types(model: Model) -> str:
    """A meta file: every type, and what each method takes and gives. Nothing loads it."""
    out = [
        "---@meta",
        "-- The types of protocol/v1. Written by protocol/generate.py; do not edit.",
        "error('a meta file')",
    ]
    for name, node in model.types.items():
        out += ["", f"---{node.get('description', '')}"]
        if "properties" not in node:
            out.append(f"---@alias agentlanes.{name} {lua_type(node)}")
            continue
        out.append(f"---@class agentlanes.{name}")
        for field, row in node["properties"].items():
            mark = "" if field in node["required"] else "?"
            out.append(f"---@field {field}{mark} {lua_type(row)} {row.get('description', '')}".rstrip())
    out += ["", "---The method's payload and its result's.", "---@class agentlanes.Calls"]
    for name, row in _public(model).items():
        types = f"fun(payload: agentlanes.{row['params']}): agentlanes.{row['result']}"
        out.append(f'---@field ["{name}"] {types} {row["summary"]}')
    out += ["", "---The topic's payload.", "---@class agentlanes.Payloads"]
    out += [f'---@field ["{name}"] agentlanes.{row["payload"]} {row["summary"]}' for name, row in model.topics.items()]
    return "\n".join(out) + "\n"


def write_lua_tables(model: Model) -> str:
    """The module that a mirror and a connection need at run time."""
    plurals = {
        row["items"]["$ref"].rsplit("/", 1)[1]: field for field, row in model.types["Snapshot"]["properties"].items()
    }

    def words(values: list[str]) -> str:
        return "{" + ", ".join(json.dumps(value) for value in values) + "}"

    out = [
        f"-- What protocol/v1 says of methods, topics, entities and machines. {WRITTEN}",
        "",
        "---@class agentlanes.MethodRow",
        "---@field lifecycle? true correlation_id is required, and the command is audited.",
        "---@field context string[] Ids that the envelope must carry.",
        "",
        "---@class agentlanes.TopicRow",
        "---@field noun string",
        "---@field stream? true Bypasses the log.",
        "---@field drops? true The entity is forgotten; otherwise it is put.",
        '---@field phase? "start"|"end" Starts or ends what the envelope\'s correlation_id began.',
        "",
        "---@class agentlanes.EntityRow",
        "---@field id string Name of its id's field.",
        "---@field parent? string Name of its parent's id's field.",
        "---@field plural string Its field of a snapshot.",
        "",
        "---@class agentlanes.Machine",
        "---@field field string",
        "---@field edges table<string, string[]>",
        "",
        "local M = {}",
        "",
        f"M.version = {json.dumps(model.index['version'])}",
        "",
        "---@type table<string, agentlanes.MethodRow>",
        "M.methods = {",
    ]
    for name, row in _public(model).items():
        lifecycle = "lifecycle = true, " if row.get("lifecycle") else ""
        out.append(f'  ["{name}"] = {{ {lifecycle}context = {words(row.get("context", []))} }},')
    out += ["}", "", "---@type table<string, agentlanes.TopicRow>", "M.topics = {"]
    for name, row in model.topics.items():
        stream = ", stream = true" if row.get("kind") == "stream" else ""
        drops = ", drops = true" if row.get("op") == "drop" else ""
        phase = f', phase = "{row["phase"]}"' if "phase" in row else ""
        out.append(f'  ["{name}"] = {{ noun = "{row["noun"]}"{stream}{drops}{phase} }},')
    out += ["}", "", "---@type table<string, agentlanes.EntityRow>", "M.entities = {"]
    for name, row in model.entities.items():
        parent = f', parent = "{row["parent"]}"' if "parent" in row else ""
        out.append(f'  {name} = {{ id = "{row["id"]}"{parent}, plural = "{plurals[row["type"]]}" }},')
    out += ["}", "", "---@type table<string, agentlanes.Machine>", "M.machines = {"]
    for name, row in model.machines.items():
        edges = ", ".join(f'["{state}"] = {words(to)}' for state, to in row["edges"].items())
        out.append(f'  {name} = {{ field = "{row["field"]}", edges = {{ {edges} }} }},')
    return "\n".join([*out, "}", "", "return M", ""])


def _public(model: Model) -> dict[str, Json]:
    return {name: row for name, row in model.methods.items() if row["kind"] != "internal"}
