"""The names that the first seed's clients know are here, or it is said what became of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentlanes.wire.table import ALIASES, DEFERRED, ERRORS, METHODS, TOPICS
from protocol.schemas import TYPES

SEED: dict[str, Any] = json.loads((Path(__file__).parent / "first_seed.json").read_text())


def test_methods() -> None:
    told = SEED["methods"]
    assert set(told["kept"]) <= set(METHODS)
    assert set(told["alias"]) == set(ALIASES)
    assert set(ALIASES.values()) <= set(METHODS)
    assert set(told["deferred"]) <= set(DEFERRED)
    assert not set(DEFERRED) & (set(METHODS) | set(ALIASES))
    assert len(told["kept"]) + len(told["alias"]) + len(told["deferred"]) == 28


def test_topics() -> None:
    told = SEED["topics"]
    assert set(told["kept"]) <= set(TOPICS)
    assert set(told["other"].values()) <= set(TOPICS)
    assert set(told["deferred"].values()) <= set(DEFERRED)
    assert not (set(told["other"]) | set(told["deferred"])) & set(TOPICS)


def test_errors() -> None:
    told = SEED["errors"]
    assert set(told["kept"]) <= set(ERRORS)
    assert set(told["other"].values()) <= set(ERRORS)


@pytest.mark.parametrize("name", SEED["entities"])
def test_fields(name: str) -> None:
    told = SEED["entities"][name]
    fields: dict[str, Any] = {}
    for type_name in told["types"]:
        fields |= TYPES[type_name]["properties"]
    assert set(told["fields"]) <= set(fields)
    for field, words in told["words"].items():
        assert TYPES[fields[field]["$ref"].rsplit("/", 1)[1]]["enum"] == words


@pytest.mark.parametrize(("name", "starts"), [("lane", 5), ("session", 4), ("terminal", 2)])
def test_lifecycles_have_their_ends(name: str, starts: int) -> None:
    """Each `x.started` has an end that succeeds and, where it can fail, one that says so."""
    of_noun = {topic: row.phase for topic, row in TOPICS.items() if row.noun == name}
    begun = [topic for topic, phase in of_noun.items() if phase == "start"]
    assert len(begun) == starts
    for topic in begun:
        assert topic.endswith(".started")
    for topic, phase in of_noun.items():
        if topic.endswith(".failed"):
            assert phase == "end"
            assert topic.removesuffix("failed") + "started" in begun
