"""The server's validator and the reference implementation accept and refuse the same."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentlanes.wire.table import METHODS, TOPICS
from protocol.examples import EXAMPLES
from protocol.schemas import INDEX, TYPES, oracle, validator

ENVELOPES = ["CommandEnvelope", "ResponseEnvelope", "EventEnvelope", "ErrorData"]
CHECKED = sorted(
    {*ENVELOPES, *(row.params.__name__ for row in METHODS.values()), *(row.payload.__name__ for row in TOPICS.values())}
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(),
    st.sampled_from([0.0, 1.0, 1.5, 2.0**53, 2**53, 2**63, 2**64, 1e300, -0.0]),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
ENDINGS = st.sampled_from(["\n", "\r\n", " ", "\u0000", "\u2028", "ü", "😀", "0", "U", "_"])


@st.composite
def mutated(draw: st.DrawFn, type_name: str) -> Any:
    """An example of the type, changed here and there."""
    value = copy.deepcopy(draw(st.sampled_from([e.value for e in EXAMPLES if e.type == type_name])))
    for _ in range(draw(st.integers(0, 3))):
        value = mutate(draw, value)
    return value


def mutate(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(value)))
        match draw(st.sampled_from(["inside", "inside", "inside", "remove", "add", "rename"])):
            case "inside":
                return {**value, key: mutate(draw, value[key])}
            case "remove":
                return {name: inner for name, inner in value.items() if name != key}
            case "rename":
                return {(name if name != key else draw(TEXT)): inner for name, inner in value.items()}
        return {**value, draw(TEXT): draw(JSON)}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], mutate(draw, value[index]), *value[index + 1 :]]
    if isinstance(value, str) and draw(st.integers(0, 2)):
        return draw(
            st.sampled_from([value + draw(ENDINGS), draw(ENDINGS) + value, value[:-1], value * 2, value.upper()])
        )
    if isinstance(value, int) and not isinstance(value, bool) and draw(st.integers(0, 2)):
        return draw(st.sampled_from([value + 1, -value, float(value), value + 0.5, str(value), 10**30]))
    return draw(JSON)


@pytest.mark.parametrize("type_name", CHECKED)
def test_they_agree(type_name: str) -> None:
    @settings(max_examples=max(30, settings().max_examples // 2))
    @given(mutated(type_name))
    def agree(value: Any) -> None:
        assume(is_json(value))
        assert validator(type_name).is_valid(value) == oracle(type_name).is_valid(value)

    agree()


def is_json(value: Any) -> bool:
    """Whether a parser could have made it: Python makes infinities where JSON has none."""
    if isinstance(value, dict):
        return all(map(is_json, value.values()))
    if isinstance(value, list):
        return all(map(is_json, value))
    return not isinstance(value, float) or math.isfinite(value)


def test_patterns_mean_the_same_everywhere() -> None:
    """`$` is the end and nothing else; classes are spelled out; nothing looks around."""
    for name, node in TYPES.items():
        for row in [node, *node.get("properties", {}).values()]:
            pattern = row.get("pattern", "^$")
            assert pattern.startswith("^"), name
            assert "\\$" not in pattern and "(?" not in pattern, name
            assert not any(f"\\{letter}" in pattern for letter in "dDwWsSbBAzZpPQE"), name


def test_the_index_and_the_types_agree_on_prefixes() -> None:
    prefixes = set(INDEX["id_prefixes"].values())
    for name, node in TYPES.items():
        pattern = node.get("pattern", "")
        if name.endswith("Id") and pattern.endswith("{26}$"):
            assert pattern[1 : pattern.index("_")] in prefixes, name
