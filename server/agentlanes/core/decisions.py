"""Finds the function that decides each command: method `noun.verb` is function `verb` of module `noun`.

decide(state, command) → draft with events        pure: no clock, no ids, no I/O
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentlanes.core import (
    agent,
    approval,
    constraint,
    grant,
    harness,
    lane,
    process,
    prompt,
    renderer,
    repo,
    session,
    stop,
    terminal,
    turn,
    workspace,
)
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.state import State
from agentlanes.wire.table import METHODS

Decision = Callable[[Draft, Command[Any]], None]

_MODULES = {
    "workspace": workspace,
    "repo": repo,
    "lane": lane,
    "session": session,
    "turn": turn,
    "approval": approval,
    "grant": grant,
    "prompt": prompt,
    "process": process,
    "terminal": terminal,
    "agent": agent,
    "constraint": constraint,
    "stop": stop,
    "harness": harness,
    "renderer": renderer,
}


def _find(method: str) -> Decision:
    noun, verb = method.split(".")
    decision: Decision = getattr(_MODULES[noun], verb)
    return decision


DECISIONS: dict[str, Decision] = {
    name: _find(name) for name, row in METHODS.items() if row.kind in ("command", "internal")
}


def decide(state: State, command: Command[Any]) -> Draft:
    """What the command does. Raises Refusal where the state does not allow it."""
    draft = Draft(state, command)
    DECISIONS[command.method.name](draft, command)
    return draft
