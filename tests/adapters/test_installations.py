"""What is found of installed agents: real programs in a folder of their own, real files in a home."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from agentlanes.adapters.agents.built_in import KNOWN
from agentlanes.adapters.agents.installations import LocalInstallations, expand, see_login
from agentlanes.kernel.ports.agents import Credentials, Known

BY_NAME = {known.profile.name: known for known in KNOWN}
LONG = 30.0


@pytest.fixture
async def installations() -> AsyncIterator[LocalInstallations]:
    installations = LocalInstallations()
    yield installations
    await installations.close()


class Machine:
    """A home and a folder of programs."""

    def __init__(self, folder: Path) -> None:
        self.home, self.bin = folder / "home", folder / "bin"
        self.home.mkdir()
        self.bin.mkdir()
        self.env = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(self.home)}

    def install(self, name: str, script: str) -> Path:
        program = self.bin / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    def write(self, path: str) -> Path:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("not to be read")
        file.chmod(0)
        return file


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


async def test_a_program_that_is_not_there(installations: LocalInstallations, machine: Machine) -> None:
    found = await installations.look(BY_NAME["codex"], machine.env, LONG)
    assert (found.path, found.version, found.login) == (None, None, "signed_out")


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ('echo "codex-cli 0.169.0"', "0.169.0"),
        ('echo "2.1.197 (Claude Code)"', "2.1.197"),
        ('echo "v1.2.3-beta.4+build.5"', "1.2.3-beta.4+build.5"),
        ('echo "warning: something" >&2; echo "tool 1.18"', "1.18"),
        ('echo "no number here"', None),
        ('echo "1.2.3"; exit 3', None),
        ("head -c 300000 /dev/zero", None),
    ],
)
async def test_a_program_tells_its_version(
    installations: LocalInstallations, machine: Machine, script: str, version: str | None
) -> None:
    program = machine.install("codex", f'[ "$*" = --version ] || exit 9\n{script}')
    found = await installations.look(BY_NAME["codex"], machine.env, LONG)
    assert (found.path, found.version) == (str(program), version)


async def test_it_is_asked_once_and_again_when_it_changes(installations: LocalInstallations, machine: Machine) -> None:
    count = machine.home / "asked"
    machine.install("codex", f"echo asked >> {count}; echo 1.0.0")
    for _ in range(3):
        assert (await installations.look(BY_NAME["codex"], machine.env, LONG)).version == "1.0.0"
    assert count.read_text().count("asked") == 1
    machine.install("codex", f"echo asked >> {count}; echo 1.10.0")
    assert (await installations.look(BY_NAME["codex"], machine.env, LONG)).version == "1.10.0"


async def test_nobody_waits_for_a_program_that_hangs_and_it_is_ended(machine: Machine) -> None:
    installations = LocalInstallations()
    started = machine.home / "started"
    os.mkfifo(started)
    machine.install("codex", f"echo $$ > {started}; exec sleep 1000")
    found = await installations.look(BY_NAME["codex"], machine.env, 0)
    assert (found.path, found.version) == (str(machine.bin / "codex"), None)
    # Opening waits until it runs; close ends it, and the fixtures see that nothing is left.
    pid = int(await asyncio.to_thread(started.read_text))
    assert Path(f"/proc/{pid}").exists()
    await installations.close()
    assert not Path(f"/proc/{pid}").exists()


async def test_a_program_gets_no_keys_when_it_is_asked(installations: LocalInstallations, machine: Machine) -> None:
    machine.install("codex", '[ -z "$OPENAI_API_KEY" ] && [ -n "$HOME" ] && ! read line && echo 1.2.3')
    env = {**machine.env, "OPENAI_API_KEY": "sk-secret"}
    assert (await installations.look(BY_NAME["codex"], env, LONG)).version == "1.2.3"


async def test_it_is_found_where_its_profile_says(installations: LocalInstallations, machine: Machine) -> None:
    elsewhere = Machine(machine.home)
    program = elsewhere.install("codex", "echo 2.0.0")
    codex = BY_NAME["codex"]
    launch = msgspec.structs.replace(codex.launch, env={"PATH": elsewhere.env["PATH"]})
    found = await installations.look(msgspec.structs.replace(codex, launch=launch), machine.env, LONG)
    assert (found.path, found.version) == (str(program), "2.0.0")


@pytest.mark.parametrize(
    ("name", "files", "env", "login"),
    [
        ("codex", [], {}, "signed_out"),
        ("codex", [".codex/auth.json"], {}, "signed_in"),
        ("codex", [".codex/config.toml"], {}, "unknown"),
        ("codex", ["elsewhere/auth.json"], {"CODEX_HOME": "~/elsewhere"}, "signed_in"),
        ("codex", [".codex/auth.json"], {"CODEX_HOME": "~/elsewhere"}, "signed_out"),
        ("claude", [".claude/.credentials.json"], {}, "signed_in"),
        ("claude", [".claude/settings.json"], {}, "unknown"),
        ("claude", [], {"ANTHROPIC_API_KEY": "sk"}, "signed_in"),
        ("claude", [], {"ANTHROPIC_API_KEY": ""}, "signed_out"),
        ("gemini", [".gemini/oauth_creds.json"], {}, "signed_in"),
        ("gemini", [], {"GEMINI_API_KEY": "k"}, "signed_in"),
        ("opencode", [], {}, "unknown"),
        ("opencode", ["data/opencode/auth.json"], {"XDG_DATA_HOME": "~/data"}, "signed_in"),
        ("copilot", [], {"GH_TOKEN": "t"}, "signed_in"),
        ("copilot", [".copilot/config.json"], {}, "unknown"),
        ("vibe", [], {"MISTRAL_API_KEY": "k"}, "signed_in"),
    ],
)
def test_a_login_is_seen_by_what_is_there(
    machine: Machine, name: str, files: list[str], env: dict[str, str], login: str
) -> None:
    written = [machine.write(file) for file in files]
    seen, at = see_login(BY_NAME[name].about.credentials, {**machine.env, **env})
    assert seen == login
    if login == "signed_in" and written:
        assert at == written[0].stat().st_mtime


def test_who_needs_no_login_or_is_not_known() -> None:
    assert see_login(Credentials(needed=False), {})[0] == "signed_in"
    assert see_login(None, {})[0] == "unknown"


def test_paths_are_those_of_the_caller() -> None:
    env = {"HOME": "/home/me", "XDG_DATA_HOME": "/data"}
    assert expand("${XDG_DATA_HOME:-~/.local/share}/a", env) == "/data/a"
    assert expand("${XDG_DATA_HOME:-~/.local/share}/a", {"HOME": "/home/me"}) == "/home/me/.local/share/a"
    assert expand("/etc/a", env) == "/etc/a"


def test_the_built_in_agents_say_how_to_become_usable() -> None:
    unready = [known for known in KNOWN if not isinstance(known, Known) or not known.about.login]
    assert [known.profile.name for known in unready] in ([], ["aider"])
