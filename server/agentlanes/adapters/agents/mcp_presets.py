"""MCP servers that a profile may name without a table of their own: programs that the user installed, and our own.

Nothing is downloaded: each is the program that its package installs, and README says what installs it.
"""

from __future__ import annotations

import sys
from typing import Any

from agentlanes.locations import find_state_dir

OURS = "agentlanes"

PRESETS: dict[str, dict[str, Any]] = {
    # {lane_id} is filled in for each session: an agent's server knows whose it is.
    OURS: {"command": sys.executable, "args": ["-P", "-m", "agentlanes", "mcp", "--lane", "{lane_id}"]},
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
