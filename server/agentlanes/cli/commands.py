"""The list of commands, and what all of them do with a failure.

A command is a module with `declare`, which adds its arguments to a parser, and `run`, which returns the exit code. Only
the module of the command that was typed is loaded.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib import import_module
from typing import NamedTuple, NoReturn

from agentlanes.cli.archive import NotKept
from agentlanes.cli.client import Gone, NoServer, Refused
from agentlanes.locations import LocationError
from agentlanes.relay import VERSION, StartError


class Command(NamedTuple):
    """A row of the list."""

    module: str
    summary: str


COMMANDS = {
    "try": Command("story", "Watch an agent work in a lane of its own, from the prompt to the merge."),
    "start": Command("start", "Start a lane: give an agent a prompt, in a worktree of its own."),
    "status": Command("status", "Show the server, its clients and what it holds."),
    "agents": Command("agents", "Show the agents: which are installed, logged in, at work, and what is missing."),
    "serve": Command("serve", "Run the server."),
    "stop": Command("stop", "Stop the server; agents and terminals go on."),
    "stop-all": Command("stop_all", "Emergency stop: end every agent and whatever runs in its lane."),
    "stdio": Command("stdio", "Speak the protocol on stdin and stdout, as editors do."),
    "mcp": Command("mcp", "Serve MCP on stdin and stdout: lanes as tools for agents."),
    "call": Command("call", "Call one method and print its answer as JSON."),
    "watch": Command("watch", "Print events as they happen."),
    "approvals": Command("approvals", "Show what agents wait for in all lanes, and decide it."),
    "log": Command("log", "Print the events of the log."),
    "trace": Command("trace", "Print what a turn or a session was made of, as JSON or as OpenTelemetry spans."),
    "export": Command("export", "Write what a terminal showed as an asciicast or as text."),
    "screen": Command("terminal_screen", "Print what a terminal of a lane shows now."),
    "attach": Command("attach", "Use a terminal of a lane from this terminal."),
    "describe": Command("describe", "Show the methods, topics and types of the server."),
    "doctor": Command("doctor", "Check this installation and say what to do about what is wrong."),
    "demo-agent": Command("demo_agent", "Run the bundled agent: ACP on stdin and stdout, without a model."),
}

INTERRUPTED = 130
BROKEN_PIPE = 141


def run(argv: list[str]) -> int:
    """Run what was typed and return the exit code."""
    # What an agent says may not fit the terminal's encoding; a command does not die of it.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        arguments = _parse(argv)
        return int(arguments.run(arguments))
    except (Refused, Gone, NoServer, NotKept, StartError, LocationError) as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough. Python would complain again when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return BROKEN_PIPE


def fail(message: str) -> int:
    """Tell on stderr, in one line, why a command did not do its work; the exit code for it."""
    print(f"agentlanes: {' '.join(message.split())}", file=sys.stderr)
    return 1


class Parser(argparse.ArgumentParser):
    """Tells wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; `{self.prog} --help` shows the usage\n")


def _parse(argv: list[str]) -> argparse.Namespace:
    found = COMMANDS.get(argv[0]) if argv else None
    if found is None:
        return _make_overview().parse_args(argv or ["--help"])
    module = import_module(f"agentlanes.cli.{found.module}")
    parser = Parser(prog=f"agentlanes {argv[0]}", description=found.summary)
    parser.set_defaults(run=module.run)
    module.declare(parser)
    return parser.parse_intermixed_args(argv[1:])


def _make_overview() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    parser = Parser(
        prog="agentlanes",
        usage="agentlanes COMMAND ...",
        description="\n".join(
            [
                "Runs coding agents in isolated git lanes; every editor and script is a client.",
                "",
                *(f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()),
            ]
        ),
        epilog="`agentlanes COMMAND --help` tells more of each. `agentlanes try` shows all of it in a minute.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"agentlanes {VERSION}")
    parser.add_argument("command", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser
