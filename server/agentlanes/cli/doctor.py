"""`agentlanes doctor`: what is wrong with this installation, and the cure."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agentlanes import locations, relay
from agentlanes.adapters.agents.built_in import BUILT_IN
from agentlanes.adapters.agents.installations import LocalInstallations
from agentlanes.adapters.agents.profiles import TomlProfiles
from agentlanes.adapters.git.invocation import OLDEST_VERSION
from agentlanes.cli.client import Gone, NoServer, Refused, connect
from agentlanes.cli.fold import LOG_NAME, LogProblem, fold_log
from agentlanes.cli.output import show
from agentlanes.core.state import State
from agentlanes.kernel.agents import Agents
from agentlanes.wire.models import AgentPage

OLDEST_PYTHON = (3, 11)
LITTLE_SPACE = 1 << 30
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


class Finding(NamedTuple):
    """One line of the report. `level` is ok, warn or fail; whatever is not ok has a cure."""

    level: str
    subject: str
    message: str
    cure: str = ""


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--json", action="store_true", help="JSON lines also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """Report every finding; 1 if one of them is a failure."""
    failed = False
    as_json = arguments.json or not sys.stdout.isatty()
    for finding in examine():
        failed = failed or finding.level == "fail"
        if as_json:
            show(finding._asdict())
        else:
            _show_person(finding)
    return 1 if failed else 0


def examine() -> Iterator[Finding]:
    """Everything that is looked at, in order."""
    yield from _examine_python()
    yield from _examine_system()
    yield _examine_git()
    yield _examine_command()
    state_dir = Path(locations.find_state_dir())
    yield from _examine_folder("state", state_dir)
    yield from _examine_folder("data", Path(locations.find_data_dir()))
    yield _examine_data_place(Path(locations.find_data_dir()))
    yield from _examine_server()
    yield _examine_log(state_dir / LOG_NAME)
    yield from _examine_agents()


def _examine_python() -> Iterator[Finding]:
    version = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        yield Finding("ok", "python", f"{version} at {sys.executable}")
    else:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        yield Finding("fail", "python", f"{version} is older than {wanted}", f"install Python {wanted} or newer")


def _examine_system() -> Iterator[Finding]:
    if sys.platform == "linux":
        yield Finding("ok", "system", f"Linux {platform.release()}")
    elif sys.platform == "darwin":
        yield Finding(
            "warn",
            "system",
            "macOS: a process that leaves its group and its parent is not found when its lane is stopped",
            "end such processes yourself, or run lanes on Linux",
        )
    else:
        yield Finding("fail", "system", f"{sys.platform} is not supported", "on Windows use agentlanes inside WSL")


def _examine_git() -> Finding:
    wanted = ".".join(map(str, OLDEST_VERSION))
    cure = f"install git {wanted} or newer"
    try:
        told = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
        found = tuple(int(part) for part in told.split(".")[:2])
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError) as error:
        return Finding("fail", "git", f"git does not run: {error}", cure)
    if found < OLDEST_VERSION:
        return Finding("fail", "git", f"{told} is older than {wanted}, which first merges without a checkout", cure)
    return Finding("ok", "git", told)


def _examine_command() -> Finding:
    found = shutil.which("agentlanes")
    if found is None:
        folder = Path(sys.executable).parent
        return Finding(
            "warn",
            "command",
            "agentlanes is not on PATH, so editors do not find it by its name",
            f"add {folder} to PATH, or give editors {folder / 'agentlanes'}",
        )
    return Finding("ok", "command", f"{found}, version {relay.VERSION}")


def _examine_folder(what: str, folder: Path) -> Iterator[Finding]:
    cure = "make it yours with mode 0700, or set " + ("AGENTLANES_STATE_DIR" if what == "state" else "XDG_DATA_HOME")
    try:
        locations.make_dir(str(folder))
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding("fail", what, f"{folder} cannot be used: {error}", cure)
        return
    if free < LITTLE_SPACE:
        yield Finding(
            "warn",
            what,
            f"{folder} has {free >> 20} MiB left",
            "free some space: nothing can be recorded on a full disk",
        )
    else:
        yield Finding("ok", what, str(folder))


def _examine_data_place(folder: Path) -> Finding:
    shared = next((parent for parent in folder.parents if _is_open_to_all(parent)), None)
    if shared is None:
        return Finding("ok", "worktrees", str(folder / "lanes"))
    return Finding(
        "warn",
        "worktrees",
        f"they are under {shared}, which everybody may write to, agents in their sandboxes too",
        "set XDG_DATA_HOME to a folder in your home",
    )


def _is_open_to_all(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False


def _examine_server() -> Iterator[Finding]:
    try:
        path = Path(locations.make_server_socket())
    except OSError as error:
        yield Finding("fail", "socket", str(error), "set AGENTLANES_STATE_DIR to a folder of yours")
        return
    try:
        with connect("doctor", start=False) as client:
            status = client.call("server.status")
    except NoServer:
        if path.exists():
            yield Finding("warn", "socket", f"nobody answers at {path}", "nothing: the next server replaces it")
        yield Finding("ok", "server", "none runs; the first client starts one")
        return
    except (Gone, Refused, OSError) as error:
        cure = f"see {locations.find_server_log()}, then `agentlanes serve --daemon --replace`"
        yield Finding("fail", "server", f"it does not answer at {path}: {error}", cure)
        return
    yield Finding("ok", "socket", str(path))
    told = f"version {status['version']}, process {status['pid']}, generation {status['generation']}"
    if status["version"] == relay.VERSION:
        yield Finding("ok", "server", told)
    else:
        cure = "`agentlanes serve --daemon --replace` starts this one in its place"
        yield Finding("warn", "server", f"{told}; this command is version {relay.VERSION}", cure)


def _examine_log(path: Path) -> Finding:
    if not path.exists():
        return Finding("ok", "log", "there is none yet")
    try:
        folded = fold_log(path)
    except LogProblem as problem:
        cure = f"keep {path}, and put a backup in its place; `agentlanes log` still shows what can be read"
        return Finding("fail", "log", f"{path}: {problem}", cure)
    return Finding("ok", "log", f"{folded.events} events fold to the {folded.entities} entities that are kept")


def _examine_agents() -> Iterator[Finding]:
    config = Path(locations.find_config_dir()) / "config.toml"
    profiles = TomlProfiles(config)
    problems = profiles.problems()
    for problem in problems:
        yield Finding(
            "fail", "config", f"{config}: {problem.message}", "correct it; profiles that are right still work"
        )
    if not problems:
        yield Finding(
            "ok", "config", str(config) if config.exists() else f"there is none; {config} is where it would be"
        )
    for agent in asyncio.run(_see_agents(profiles)).agents:
        told = [" ".join(agent.profile.argv), *([agent.version] if agent.version else [])]
        if agent.available and agent.login == "signed_out":
            cure = " ".join(agent.setup.login[0].argv) if agent.setup.login else "log in to it in a terminal"
            yield Finding("warn", f"agent {agent.name}", f"{', '.join(told)}; nobody is logged in", cure)
        elif agent.available:
            yield Finding("ok", f"agent {agent.name}", ", ".join(told))
        elif agent.profile.source != BUILT_IN:
            yield Finding(
                "warn", f"agent {agent.name}", agent.unavailable_reason or "not available", "or leave it: others work"
            )


async def _see_agents(profiles: TomlProfiles) -> AgentPage:
    installations = LocalInstallations()
    try:
        return await Agents(profiles, installations).list_agents(State(), os.environ)
    finally:
        await installations.close()


def _show_person(finding: Finding) -> None:
    from agentlanes.cli.screen import Screen

    screen = Screen()
    screen.line(
        f"{finding.subject:<10} {finding.message}", mark=f"{finding.level:<4}", mark_style=_STYLES[finding.level]
    )
    if finding.cure:
        screen.line(f"     → {finding.cure}", "bold")
