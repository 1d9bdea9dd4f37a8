"""MCP servers that a profile may name without a table of their own: programs that the user installed, and our own.

Nothing is downloaded: each is the program that its package installs, and README says what installs it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from agentlanes.locations import find_state_dir

OURS = "agentlanes"

_ASKING = ("-P", "-m", "agentlanes", "mcp")
PATIENCE_SECONDS = 36_000
"""How long a decision is waited for where the agent lets a tool take its time: as long as an approval can wait."""

PRESETS: dict[str, dict[str, Any]] = {
    # The ids are filled in for each session: an agent's server knows whose it is.
    OURS: {"command": sys.executable, "args": [*_ASKING, "--lane", "{lane_id}", "--session", "{session_id}"]},
    "context7": {"command": "context7-mcp"},
    "playwright": {"command": "playwright-mcp"},
    "chrome-devtools": {"command": "chrome-devtools-mcp"},
    "exa": {"command": "exa-mcp-server"},
}


def write_preset(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """The table that stands for a preset, with what the user says besides."""
    # An agent's server gets hardly any of the agent's environment, and must find this very server.
    env = {"AGENTLANES_STATE_DIR": find_state_dir()} if name == OURS else {}
    own = {key: value for key, value in table.items() if key not in ("preset", "env")}
    written = table.get("env", {})
    return {**PRESETS[name], **own, "env": {**env, **written} if isinstance(written, dict) else written}


def find_asking(server: Mapping[str, Any]) -> dict[str, Any] | None:
    """Our own server, told to wait for people's decisions; None for any other. It asks people itself before it sets
    another agent to work, so that the agent that has it need not ask them a second time."""
    args = tuple(server.get("args") or ())
    if args[: len(_ASKING)] != _ASKING or "--session" not in args:
        return None
    return {**server, "args": [*args, "--patience", str(PATIENCE_SECONDS)]}
