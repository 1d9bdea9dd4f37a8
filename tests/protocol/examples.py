"""The examples beside the noun files. A folder is named after the type of what is in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from protocol.schemas import SOURCE, TYPES


@dataclass(frozen=True)
class Example:
    """`invalid-*.json` is what the type refuses."""

    type: str
    name: str
    text: str

    @property
    def valid(self) -> bool:
        return not self.name.startswith("invalid-")

    @property
    def value(self) -> Any:
        return json.loads(self.text)

    def __str__(self) -> str:
        return f"{self.type}/{self.name}"


EXAMPLES = [
    Example(path.parent.name, path.stem, path.read_text()) for path in sorted((SOURCE / "examples").glob("*/*.json"))
]
RECORDS = sorted(name for name, node in TYPES.items() if "properties" in node)


def find_example(type_name: str) -> Any:
    """One with all that a type can have."""
    return next(
        example.value
        for example in EXAMPLES
        if (example.type, example.name) == (type_name, "complete" if type_name in RECORDS else "typical")
    )
