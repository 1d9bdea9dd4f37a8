"""Every limit of every field, from both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from agentlanes.wire.table import ENTITIES, METHODS
from protocol.examples import find_example
from protocol.schemas import TYPES, explain

PARAMS = sorted({row.params.__name__ for row in METHODS.values()})
CLOSED = sorted(name for name, node in TYPES.items() if node.get("additionalProperties") is False)
ENTITY_TYPES = [row.type.__name__ for row in ENTITIES.values()]
CHECKED = [*PARAMS, *ENTITY_TYPES, "CommandEnvelope", "EventEnvelope"]


class Limit(NamedTuple):
    type: str
    field: str
    good: list[Any]
    bad: list[Any]


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    target: dict[str, Any] = TYPES[node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
    return target


def list_limits(type_name: str) -> Iterator[Limit]:
    for field, row in TYPES[type_name]["properties"].items():
        node = resolve(row)
        match node.get("type"):
            case "integer":
                low, high = node.get("minimum"), node.get("maximum")
                good = [value for value in (low, high) if value is not None]
                bad = [*([low - 1] if low is not None else []), *([high + 1] if high is not None else [])]
                yield Limit(type_name, field, good, [*bad, 1.5, "1", None, True])
            case "string" if "pattern" not in node:
                low, high = node.get("minLength", 0), node.get("maxLength")
                good = ["a" * max(low, 1), *(["ü" * high] if high is not None else [])]
                bad = [*([""] if low else []), *(["a" * (high + 1)] if high is not None else [])]
                yield Limit(type_name, field, good, [*bad, 1, None, ["a"]])
            case "array":
                one = find_example(type_name)[field][0]
                low, high = node.get("minItems", 0), node.get("maxItems")
                good = [[one] * max(low, 1), *([[one] * high] if high is not None else [])]
                bad = [*([[]] if low else []), *([[one] * (high + 1)] if high is not None else [])]
                yield Limit(type_name, field, good, [*bad, one, None])
            case "boolean":
                yield Limit(type_name, field, [True, False], ["true", 0, None])
            case "object" if node.get("maxProperties") is not None:
                high = node["maxProperties"]
                full = {f"k{n}": "v" for n in range(high)}
                yield Limit(type_name, field, [{}, full], [{**full, "one": "more"}, [], None])
            case _ if "enum" in node:
                yield Limit(type_name, field, list(node["enum"]), ["sideways", node["enum"][0].swapcase(), None])


@pytest.mark.parametrize("type_name", CHECKED)
def test_limits(type_name: str) -> None:
    example = find_example(type_name)
    for limit in list_limits(type_name):
        for value in limit.good:
            assert explain(type_name, {**example, limit.field: value}) is None, limit
        for value in limit.bad:
            assert explain(type_name, {**example, limit.field: value}) is not None, (limit, value)


@pytest.mark.parametrize("type_name", CHECKED)
def test_required_fields(type_name: str) -> None:
    example = find_example(type_name)
    for field in TYPES[type_name]["properties"]:
        without = {key: value for key, value in example.items() if key != field}
        assert (explain(type_name, without) is None) == (field not in TYPES[type_name]["required"]), field


@pytest.mark.parametrize("type_name", [*ENTITY_TYPES, "EventEnvelope", "ResponseEnvelope"])
def test_what_is_told_stays_open(type_name: str) -> None:
    assert explain(type_name, {**find_example(type_name), "colour": "red"}) is None


@pytest.mark.parametrize("type_name", [*PARAMS, "CommandEnvelope"])
def test_what_is_asked_is_closed(type_name: str) -> None:
    assert type_name in CLOSED
    assert explain(type_name, {**find_example(type_name), "colour": "red"}) is not None


def test_numbers_that_clients_send_are_exact_in_every_language() -> None:
    for type_name in [*PARAMS, "CommandEnvelope", "FrameCursor"]:
        for field, row in TYPES[type_name]["properties"].items():
            node = resolve(row)
            if node.get("type") == "integer" and (type_name, field) not in UNBOUNDED:
                assert node.get("maximum", 1 << 60) <= 2**53 - 1, f"{type_name}.{field} has no maximum"


UNBOUNDED = {
    ("ProcessExit", "exit_code"),
    ("ProcessStart", "pid"),
    ("TerminalSettle", "pid"),
}
"""What the server tells itself about processes."""


@pytest.mark.parametrize("prefixed", sorted(name for name in TYPES if name.endswith("Id") and name[0] in "WRLSTIPA"))
def test_ids(prefixed: str) -> None:
    id = find_example(prefixed)
    assert explain(prefixed, id) is None
    for wrong in (id[:-1], id + "0", "xx" + id[2:], id.lower(), id[:-1] + "U", id[:-1] + "\n", id + "\n", "", id[3:]):
        assert explain(prefixed, wrong) is not None, wrong
