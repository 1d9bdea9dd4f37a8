"""How these agents are started, as data for each: what their command lines call what we want of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct

from agentlanes.adapters.agents.mcp_presets import find_asking
from agentlanes.adapters.agents.stream_json.handshake import find_conversation
from agentlanes.adapters.agents.stream_json.outbox import name_conversation
from agentlanes.kernel.ports.agents import PROMPT, AgentView, Launch, Start
from agentlanes.wire.models import ResourceLink

MCP_SERVERS = "{mcp_servers}"
_CLAUDE = (
    *("-p", "--output-format", "stream-json", "--input-format", "stream-json", "--verbose"),
    *("--include-partial-messages", "--permission-prompt-tool", "stdio"),
)


class Dialect(Struct, frozen=True):
    """An agent that takes one prompt for each process. Words in braces stand for what is wanted."""

    title: str
    programs: tuple[str, ...]
    """Names under which its program is installed."""
    begin: tuple[str, ...]
    go_on: tuple[str, ...]
    """Instead of `begin`, where a conversation goes on: {id}."""
    prompt: tuple[str, ...] = ()
    """Where the prompt stands in the arguments; it is written to standard input where it stands nowhere."""
    model: tuple[str, ...] = ()
    effort: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()
    modes: Mapping[str, tuple[str, ...]] | None = None
    """Arguments for a permission mode of the lane, where no mode was chosen."""


DIALECTS = {
    # amp --execute reads its prompt from a pipe, and `threads continue` goes on with the thread that is named.
    "amp": Dialect(
        title="Amp",
        programs=("amp",),
        begin=("--execute", "--stream-json"),
        go_on=("threads", "continue", "{id}", "--execute", "--stream-json"),
        mode=("--mode", "{mode}"),
    ),
    # Without --force its print mode proposes changes and makes none.
    "cursor": Dialect(
        title="Cursor",
        programs=("cursor-agent", "agent"),
        begin=("-p", "--output-format", "stream-json"),
        go_on=("-p", "--output-format", "stream-json", "--resume", "{id}"),
        prompt=(PROMPT,),
        model=("--model", "{model}"),
        mode=("--mode", "{mode}"),
        modes={"plan": ("--mode", "plan")},
    ),
    # It only reads unless --auto says how much it may do; what reads, it judges by a command's words, and lets
    # `echo one > file` pass. In its specification mode it runs nothing of the kind.
    "droid": Dialect(
        title="Droid",
        programs=("droid",),
        begin=("exec", "--output-format", "stream-json"),
        go_on=("exec", "--output-format", "stream-json", "--session-id", "{id}"),
        prompt=(PROMPT,),
        model=("--model", "{model}"),
        effort=("--reasoning-effort", "{effort}"),
        mode=("--auto", "{mode}"),
        modes={"plan": ("--use-spec",)},
    ),
}


def find_dialect(launch: Launch) -> str:
    """What the profile's program speaks: as its quirks say, or by the program's name; Claude Code's where unknown."""
    named = launch.quirks.get("dialect")
    if named is not None:
        return str(named)
    program = PurePosixPath(launch.argv[0]).name if launch.argv else ""
    return next((name for name, dialect in DIALECTS.items() if program in dialect.programs), "claude")


def start_claude(launch: Launch, view: AgentView, process_id: str) -> Start:
    """Claude Code, reading messages until its input is closed."""
    old_id, forks = find_conversation(view)
    model, effort = find_choice(launch, view)
    argv = [*launch.argv, *_CLAUDE, "--permission-mode", find_mode(launch, view)]
    argv += ["--model", model] if model is not None else []
    argv += ["--effort", effort] if effort is not None else []
    argv += ["--resume", old_id] if old_id is not None else []
    argv += ["--fork-session"] if forks else []
    origin = view.session.origin
    if forks and origin is not None and origin.agent_turn_id is not None:
        argv += ["--resume-session-at", origin.agent_turn_id]
    argv += ["--session-id", name_conversation(process_id)] if old_id is None or forks else []
    fills = {}
    if launch.mcp_servers:
        asking = {str(server["name"]): found for server in launch.mcp_servers if (found := find_asking(server))}
        argv += ["--mcp-config", MCP_SERVERS]
        fills[MCP_SERVERS] = write_mcp_servers(asking.get(str(s["name"]), s) for s in launch.mcp_servers)
        # Claude Code gives a tool more than a day, and knows servers by letters, digits, - and _.
        allowed = ",".join("mcp__" + re.sub(r"[^a-zA-Z0-9_-]", "_", name) for name in asking)
        argv += ["--allowed-tools", allowed] if allowed else []
    return Start(tuple(argv), fills=fills)


def start_once(dialect: Dialect, launch: Launch, view: AgentView, text: str) -> Start:
    """An agent with its prompt."""
    old_id, _ = find_conversation(view)
    model, effort = find_choice(launch, view)
    chosen = _choose(view, "mode", launch.mode)
    words = list(dialect.begin if old_id is None else dialect.go_on)
    if words[:1] == list(launch.argv[1:2]):
        del words[0]
    words += dialect.model if model is not None else ()
    words += dialect.effort if effort is not None else ()
    # A lane that plans goes before what the profile wants.
    if view.permission_mode == "plan" or chosen is None:
        words += (dialect.modes or {}).get(view.permission_mode, ())
    else:
        words += dialect.mode
    known = {"{id}": old_id, "{model}": model, "{effort}": effort, "{mode}": chosen}
    argv = (*launch.argv, *(known.get(word) or word for word in words), *dialect.prompt)
    # A prompt that begins with a hyphen would be taken for an option.
    fills = {PROMPT: f" {text}" if text.startswith("-") else text} if dialect.prompt else {}
    return Start(argv, fills=fills, closes_input=True)


def find_mode(launch: Launch, view: AgentView) -> str:
    """Claude Code's permission mode. A lane that plans goes before what was chosen; what is asked, our rules decide."""
    if view.permission_mode == "plan":
        return "plan"
    return _choose(view, "mode", launch.mode) or "default"


def find_choice(launch: Launch, view: AgentView) -> tuple[str | None, str | None]:
    """Model and effort."""
    return _choose(view, "model", launch.model), _choose(view, "effort", launch.effort)


def _choose(view: AgentView, name: str, written: str | None) -> str | None:
    choices = (view.turn.choice if view.turn is not None else None, view.session.choice)
    return next((value for choice in choices if choice is not None and (value := getattr(choice, name))), written)


def write_text(prompt: str, links: Iterable[ResourceLink]) -> str:
    """A prompt with what it points to, as text."""
    return "\n".join([prompt, *(f"[{link.name}]({link.uri})" for link in links)])


def write_mcp_servers(servers: Iterable[Mapping[str, Any]]) -> str:
    """Servers as ACP names them, in the form of an .mcp.json."""
    written = {}
    for server in servers:
        entry = {key: value for key, value in server.items() if key not in ("name", "env", "headers")}
        for key in ("env", "headers"):
            if pairs := server.get(key):
                entry[key] = {pair["name"]: pair["value"] for pair in pairs}
        written[str(server["name"])] = entry
    return msgspec.json.encode({"mcpServers": written}).decode()
