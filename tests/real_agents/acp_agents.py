"""Agents that speak ACP, as their makers ship them: how each is started without its vendor, and how it behaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.rig import Rig
from fakes.models.chat import Chat
from fakes.models.gemini import Gemini
from fakes.models.messages import Messages
from fakes.models.responses import Responses
from fakes.models.server import Wire
from real_agents.codex_place import write_home
from real_agents.install import find_modules, find_program

Behaviour = dict[str, Any]
BEHAVIOUR: dict[str, Behaviour] = json.loads(Path(__file__).with_name("acp_behaviour.json").read_text())
"""What was measured of each agent, as data."""


@dataclass(frozen=True)
class AcpAgent:
    """One agent, or one way to start it."""

    name: str
    wire: Callable[[], Wire]
    find: Callable[[], list[str]]
    """Its argv; what is missing is installed."""
    settle: Callable[[Path, str], Mapping[str, str]]
    """Writes its files below a home, given the address of its model service; the result is its environment."""
    run: Callable[[str], dict[str, Any]]
    """The step in which its model runs a shell command that has to be asked for."""

    @property
    def behaviour(self) -> Behaviour:
        return BEHAVIOUR[self.name]

    def configure(self, rig: Rig, url: str) -> None:
        """The profile, as a user would write it."""
        home = rig.folder / "home"
        home.mkdir(exist_ok=True)
        folders = {"CONFIG": ".config", "DATA": ".local/share", "STATE": ".local/state", "CACHE": ".cache"}
        env = {"HOME": str(home), **{f"XDG_{name}_HOME": str(home / path) for name, path in folders.items()}}
        env |= self.settle(home, url)
        rows = ", ".join(f"{name} = {json.dumps(value)}" for name, value in env.items())
        rig.configure(
            f'default_profile = "agent"\n[profiles.agent]\ndriver = "acp"\nargv = {json.dumps(self.find())}\n'
            f"env = {{{rows}}}\n"
        )


def _find_node(folder: str, *parts: str) -> list[str]:
    node = shutil.which("node")
    assert node is not None
    return [node, str(find_modules(folder).joinpath(*parts))]


def settle_claude(home: Path, url: str) -> dict[str, str]:
    """The environment in which Claude Code keeps to one model service and a home of its own."""
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "sk-ant-none",
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
    }


def _settle_claude_first(home: Path, url: str) -> dict[str, str]:
    return {**settle_claude(home, url), "CLAUDE_AGENT_ACP_PROTOCOL": "v1"}


def _settle_codex(home: Path, url: str) -> dict[str, str]:
    return {"CODEX_HOME": str(write_home(home / "codex", url))}


def _settle_opencode(home: Path, url: str) -> dict[str, str]:
    model = {"tool_call": True, "limit": {"context": 100_000, "output": 8000}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{url}/v1", "apiKey": "none"},
        "models": {"fake-1": model},
    }
    _write(
        home / ".config" / "opencode" / "opencode.json",
        {
            "autoupdate": False,
            "share": "disabled",
            "model": "fake/fake-1",
            "small_model": "fake/fake-1",
            # Without these it never asks.
            "permission": {"bash": "ask", "edit": "ask"},
            "provider": {"fake": provider},
        },
    )
    names = ("AUTOUPDATE", "LSP_DOWNLOAD", "MODELS_FETCH", "DEFAULT_PLUGINS")
    return {f"OPENCODE_DISABLE_{name}": "1" for name in names}


def _settle_gemini(home: Path, url: str) -> dict[str, str]:
    _write(
        home / ".gemini" / "settings.json",
        {
            "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
            "privacy": {"usageStatisticsEnabled": False},
            "general": {"disableAutoUpdate": True, "disableUpdateNag": True},
        },
    )
    return {"GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": url}


def _settle_copilot(home: Path, url: str) -> dict[str, str]:
    return {
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_BASE_URL": f"{url}/v1",
        "COPILOT_PROVIDER_TYPE": "openai",
        "COPILOT_PROVIDER_API_KEY": "none",
        "COPILOT_MODEL": "fake-1",
        "COPILOT_AUTO_UPDATE": "false",
    }


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def _call(name: str, **args: Any) -> dict[str, Any]:
    return {"tools": [{"name": name, "args": args}]}


_CLAUDE = ("ci", "@agentclientprotocol", "claude-agent-acp", "dist", "index.js")

CLAUDE = AcpAgent(
    "claude",
    Messages,
    lambda: _find_node(*_CLAUDE),
    settle_claude,
    lambda command: _call("Bash", command=command, description="As asked"),
)
CLAUDE_FIRST = AcpAgent("claude-v1", CLAUDE.wire, CLAUDE.find, _settle_claude_first, CLAUDE.run)
CODEX = AcpAgent(
    "codex",
    Responses,
    lambda: _find_node("all", "@agentclientprotocol", "codex-acp", "dist", "index.js"),
    _settle_codex,
    lambda command: _call(
        "exec_command", cmd=command, sandbox_permissions="require_escalated", justification="It has to be"
    ),
)
OPENCODE = AcpAgent(
    "opencode",
    Chat,
    lambda: [str(find_program("all", "opencode-linux-x64/bin/opencode")), "acp"],
    _settle_opencode,
    lambda command: _call("bash", command=command, description="As asked"),
)
GEMINI = AcpAgent(
    "gemini",
    Gemini,
    lambda: [*_find_node("all", "@google", "gemini-cli", "bundle", "gemini.js"), "--acp", "-m", "gemini-2.5-pro"],
    _settle_gemini,
    lambda command: _call("run_shell_command", command=command, description="As asked"),
)
COPILOT = AcpAgent(
    "copilot",
    Chat,
    lambda: [str(find_program("all", "@github/copilot-linux-x64/copilot")), "--acp"],
    _settle_copilot,
    lambda command: _call("bash", command=command, description="As asked", mode="sync", initial_wait=30),
)
EVERY_RUN = (CLAUDE, CLAUDE_FIRST)
MORE = (CODEX, OPENCODE, GEMINI, COPILOT)
