"""What a command leaves on stdout: JSON for a program, words and colour for a person, never mixed."""

from __future__ import annotations

import sys
from typing import Any

import msgspec


def show(value: Any) -> None:
    """JSON: one line for a program, coloured and indented for a person."""
    if sys.stdout.isatty():
        from agentlanes.cli.screen import Screen

        Screen().json(value)
    else:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
        sys.stdout.flush()


def tell(sentence: str, **facts: Any) -> None:
    """One sentence for a person, its facts as JSON for a program."""
    if sys.stdout.isatty():
        print(sentence)
    else:
        show(facts)
