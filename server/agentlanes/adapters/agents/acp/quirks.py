"""How agents differ from others that speak ACP: one row for each that was measured, and a row for all others.

A row is found by the name that the agent gives itself in `initialize`. A profile may name another row (`agent`) and
overrule single fields, in its table of quirks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

NEWEST_PROTOCOL = 2


class Quirks(Struct, frozen=True):
    """What this driver does differently for an agent."""

    protocol: int = NEWEST_PROTOCOL
    """Newest version of ACP that is asked for. The agent's name is not known by then, so only a profile can say it."""
    supervised: Mapping[str, str] = field(default_factory=dict)
    """Modes in which the agent decides by itself what a person should decide, and the modes that take their places
    where neither the user nor the profile chose one."""
    plan_mode: str = "plan"
    """The mode in which it changes nothing."""
    compact: str = "compact"
    """Its command that sums up the context."""
    review: str = "review"
    """Its command that reviews changes."""
    reject_ends_turn: bool = False
    """A rejected tool call ends the whole turn; people who decide are told so."""
    replays_late: bool = False
    """It tells an old conversation after it answered session/load: the session is open only when it has nothing more
    to tell."""
    resumes_silently: bool = False
    """It can resume sessions and does not say so."""


ROWS: Mapping[str, Quirks] = {
    "claude-agent-acp": Quirks(),
    # Its own default has a model review what the sandbox refuses; the mode beside it asks a person.
    "codex-acp": Quirks(supervised={"agent": "workspace-write"}, plan_mode="read-only", reject_ends_turn=True),
    "opencode": Quirks(),
    "gemini-cli": Quirks(replays_late=True),
    "copilot": Quirks(),
    "qwen-code": Quirks(supervised={"auto": "default"}),
    "mistral-vibe": Quirks(resumes_silently=True),
}
KEYS = ("agent", *Quirks.__struct_fields__)
"""What a profile's table of quirks may hold."""


def read_quirks(name: str | None, own: Mapping[str, Any]) -> Quirks:
    """The row of an agent, with what a profile says of it. Raises ValueError for a key or value that means nothing."""
    row = ROWS.get(read_name(own.get("agent") or name or ""), Quirks())
    changes: dict[str, Any] = {}
    for key, value in own.items():
        if key not in KEYS:
            raise ValueError(f"there is no quirk {key!r}; there are {', '.join(KEYS)}")
        if key == "agent":
            if read_name(str(value)) not in ROWS:
                raise ValueError(f"there is no row for an agent {value!r}; there are {', '.join(ROWS)}")
            continue
        kind = type(getattr(row, key)) if key != "supervised" else dict
        if type(value) is not kind:
            raise ValueError(f"quirk {key} is {value!r}; it takes a value of type {kind.__name__}")
        changes[key] = value
    return replace(row, **changes)


def read_name(name: str) -> str:
    """An agent's name as rows have it: without the scope of its package, in small letters."""
    return name.rpartition("/")[2].lower()
