"""Agents in the form that Zed, JetBrains and others share: `{"agent_servers": {name: {command, args, env}}}`.

Zed writes it into its settings, which are JSON with comments; entries that come from Zed's registry name no command.
JetBrains writes ~/.jetbrains/acp.json.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# A text, which is left alone; a comment; a comma before what ends a list or an object.
_LOOSE = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]])', re.DOTALL)


def find_files(env: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Where other editors keep theirs."""
    home = Path.home()
    if sys.platform == "darwin":
        zed = home / "Library" / "Application Support" / "Zed"
    else:
        zed = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "zed"
    return home / ".jetbrains" / "acp.json", zed / "settings.json", home / ".config" / "zed" / "settings.json"


def read_file(path: Path) -> dict[str, Any]:
    """The entries of a file that have a command. Raises OSError, or ValueError with what is wrong."""
    text = path.read_text(encoding="utf-8")
    written = json.loads(_LOOSE.sub(lambda match: match[1] or "", text))
    servers = written.get("agent_servers", {}) if isinstance(written, dict) else None
    if not isinstance(servers, dict):
        raise ValueError('it has no object "agent_servers"')
    return {name: entry for name, entry in servers.items() if isinstance(entry, dict) and "command" in entry}


def name_profile(title: str) -> str:
    """A profile's name for an agent that has any name: small letters and digits, hyphens for the rest."""
    return re.sub(r"[^a-z0-9._]+", "-", title.lower()).strip("-._")[:64].rstrip("-") or "agent"
