"""What the schema says of the examples, in both libraries, and what the models make of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.wire import models
from protocol.examples import EXAMPLES, RECORDS, Example, find_example
from protocol.schemas import TYPES, explain


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example(example: Example) -> None:
    fault = explain(example.type, example.value)
    assert (fault is None) == example.valid, fault


def test_every_record_has_an_example_with_all_its_fields() -> None:
    assert set(RECORDS) <= {example.type for example in EXAMPLES if example.name == "complete"}
    exclusive = {"ApprovalResolve": {"kind"}, "TerminalAttach": {"tail_bytes"}, "Process": {"exit_code"}}
    for name in RECORDS:
        missing = set(TYPES[name]["properties"]) - set(find_example(name))
        assert missing <= exclusive.get(name, set()), f"{name}: {missing}"


def test_every_folder_is_a_type() -> None:
    assert {example.type for example in EXAMPLES} <= set(TYPES)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.valid and e.type in RECORDS], ids=str)
def test_models_give_back_what_they_were_given(example: Example) -> None:
    model = getattr(models, example.type)
    decoded = msgspec.json.decode(example.text, type=model)
    assert msgspec.json.decode(msgspec.json.encode(decoded)) == normalize(example.type, example.value)
    assert msgspec.convert(example.value, model) == decoded


def normalize(type_name: str, value: Any) -> Any:
    """The value without what models leave out: keys that they do not know, and optional lists that are empty."""
    node = TYPES[type_name]
    if "properties" not in node:
        return value
    kept = {}
    for field, inner in value.items():
        row = node["properties"].get(field)
        if row is None or (inner == [] and field not in node["required"]):
            continue
        kept[field] = _normalize_field(row, inner)
    return kept


def _normalize_field(row: dict[str, Any], value: Any) -> Any:
    if "$ref" in row:
        return normalize(row["$ref"].rsplit("/", 1)[1], value)
    if row.get("type") == "array" and "$ref" in row["items"]:
        return [_normalize_field(row["items"], one) for one in value]
    return value
