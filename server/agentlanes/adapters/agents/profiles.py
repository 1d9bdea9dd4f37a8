"""Profiles: the built-in one, and those that the user writes in config.toml.

default_profile = "claude"

[profiles.claude]
title = "Claude Code"                 # its name where absent
driver = "acp"                        # the protocol that it speaks; acp where absent
argv = ["claude-agent-acp"]
env = {ANTHROPIC_LOG = "warn"}        # set for the agent
env_pass = ["ANTHROPIC_API_KEY"]      # taken from the environment of the client that starts it
mode = "plan"
model = "opus"
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from agentlanes.kernel.ports.agents import Detour, Launch
from agentlanes.kernel.ports.harness import HarnessPlan
from agentlanes.wire.models import Problem, Profile

BUILT_IN = "built in"
# -P: without it the agent would import what lies in the repository that it works in.
DEMO = Profile(
    name="demo",
    title="Demo agent",
    driver="acp",
    argv=(sys.executable, "-P", "-m", "agentlanes.demo_agent"),
    env_names=(),
    env_pass=("AGENTLANES_DEMO_PACE_MS", "AGENTLANES_DEMO_STATE"),
    source=BUILT_IN,
    default=True,
)

_Stamp = tuple[int, int, int]


class TomlProfiles:
    """Implements `kernel.ports.agents.Profiles` on one file, which is looked at again before each answer.

    A file that cannot be read as TOML at all leaves the profiles that were known before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: _Stamp | None = None
        self._profiles: tuple[Profile, ...] = (DEMO,)
        self._env: dict[str, dict[str, str]] = {}
        self._detours: dict[str, Detour] = {}
        self._harness: HarnessPlan | None = None
        self._problems: tuple[Problem, ...] = ()

    def list(self) -> tuple[Profile, ...]:
        self._refresh()
        return self._profiles

    def problems(self) -> tuple[Problem, ...]:
        self._refresh()
        return self._problems

    def launch(self, name: str) -> Launch | None:
        self._refresh()
        for profile in self._profiles:
            if profile.name == name:
                return Launch(
                    argv=profile.argv,
                    env=self._env.get(name, {}),
                    env_pass=profile.env_pass,
                    driver=profile.driver,
                    mode=profile.mode,
                    model=profile.model,
                    detour=self._detours.get(name),
                )
        return None

    def env_pass(self) -> tuple[str, ...]:
        self._refresh()
        names = {name for profile in self._profiles for name in profile.env_pass}
        if self._harness is not None and self._harness.key_env is not None:
            names.add(self._harness.key_env)
        return tuple(sorted(names))

    def harness(self) -> HarnessPlan | None:
        """The harness that the file names."""
        self._refresh()
        return self._harness

    def _refresh(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        if stamp is None:
            self._take((), {}, None)
            self._detours, self._harness = {}, None
            return
        # pydantic takes longer to import than the rest of the server to start; without a config file nobody needs it.
        from agentlanes.adapters.agents.config import read_config

        config = read_config(self._path)
        self._problems = config.problems
        if config.is_readable:
            self._take(config.profiles, config.env, config.default)
            self._detours, self._harness = config.detours, config.harness

    def _take(self, written: tuple[Profile, ...], env: dict[str, dict[str, str]], default: str | None) -> None:
        names = {profile.name for profile in written}
        profiles = written if DEMO.name in names else (*written, DEMO)
        chosen = default or profiles[0].name
        self._profiles = tuple(
            profile if profile.default == (profile.name == chosen) else _mark(profile, default=profile.name == chosen)
            for profile in profiles
        )
        self._env = env

    def _look(self) -> _Stamp | None:
        try:
            stat = self._path.stat()
        except OSError:
            self._problems = ()
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _mark(profile: Profile, *, default: bool) -> Profile:
    return msgspec.structs.replace(profile, default=default)
