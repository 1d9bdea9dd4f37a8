"""The noun files as tests read them: raw, and as validators of both libraries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "protocol" / "v1"
BUNDLE: dict[str, Any] = json.loads((ROOT / "server" / "agentlanes" / "wire" / "protocol.json").read_text())
TYPES: dict[str, Any] = BUNDLE["schema"]["$defs"]

INDEX = json.loads((SOURCE / "protocol.json").read_text())
NOUN_FILES = [json.loads((SOURCE / f"{noun}.json").read_text()) for noun in ["common", *INDEX["nouns"]]]
INDEX_ERRORS = frozenset(INDEX["errors"])
METHOD_ERRORS = {name: frozenset(row.get("errors", ())) for name, row in BUNDLE["methods"].items()}


def _match(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """`$` is the end, as in ECMA 262 and in Rust; Python's own also matches before a last newline."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Oracle: Any = extend(Draft202012Validator, {"pattern": _match})  # type: ignore[no-untyped-call]


def _point(type_name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{type_name}", "$defs": TYPES}


@cache
def oracle(type_name: str) -> Any:
    """The reference implementation's validator of a type."""
    return _Oracle(_point(type_name))


@cache
def validator(type_name: str) -> jsonschema_rs.Draft202012Validator:
    """The validator that the server uses."""
    return jsonschema_rs.Draft202012Validator(_point(type_name))


def explain(type_name: str, value: Any) -> str | None:
    """Why a value is not of the type; None where it is. Both libraries must agree."""
    error = next(iter(oracle(type_name).iter_errors(value)), None)
    assert validator(type_name).is_valid(value) == (error is None), f"the two disagree on {type_name}: {value!r}"
    return None if error is None else f"{error.json_path}: {error.message}"
