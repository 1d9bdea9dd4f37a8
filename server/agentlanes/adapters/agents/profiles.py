"""Profiles: those that are built in, and those that the user writes in config.toml.

default_profile = "claude"

[profiles.claude]                     # built in: only what is different is written
model = "opus"
env_pass = ["ANTHROPIC_API_KEY"]      # taken from the environment of the client that starts it
[profiles.claude.variants.plan]       # the profile claude:plan
mode = "plan"

[profiles.mine]
argv = ["my-agent", "--acp"]
driver = "acp"                        # the protocol that it speaks; acp where absent
env = {LOG_LEVEL = "warn"}            # set for the agent

[agent_servers."Their Agent"]         # as Zed and JetBrains write it
command = "their-agent"
args = ["acp"]
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from agentlanes.adapters.agents.built_in import DEMO, KNOWN
from agentlanes.kernel.ports.agents import Known, Launch
from agentlanes.kernel.ports.harness import HarnessPlan
from agentlanes.kernel.ports.patience import Patience
from agentlanes.wire.models import Problem, Profile

_Stamp = tuple[int, int, int] | None


class TomlProfiles:
    """Implements `kernel.ports.agents.Profiles` on one file and those that it names, which are looked at again before
    each answer.

    A file that cannot be read as TOML at all leaves the profiles that were known before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: tuple[Path, ...] = ()
        self._stamps: tuple[_Stamp, ...] = ()
        self._is_fresh = True
        self._known: dict[str, Known] = {}
        self._harness: HarnessPlan | None = None
        self._patience = Patience()
        self._problems: tuple[Problem, ...] = ()
        self._hear: Callable[[], object] = lambda: None
        self._take((), (), None)

    def listen(self, hear: Callable[[], object]) -> None:
        """Calls `hear` whenever other profiles were read."""
        self._hear = hear

    def list(self) -> tuple[Profile, ...]:
        self._refresh()
        return tuple(known.profile for known in self._known.values())

    def problems(self) -> tuple[Problem, ...]:
        self._refresh()
        return self._problems

    def find(self, name: str) -> Known | None:
        self._refresh()
        return self._known.get(name)

    def launch(self, name: str) -> Launch | None:
        known = self.find(name)
        return None if known is None else known.launch

    def env_pass(self) -> tuple[str, ...]:
        self._refresh()
        names = {name for known in self._known.values() for name in known.launch.env_pass}
        if self._harness is not None and self._harness.key_env is not None:
            names.add(self._harness.key_env)
        return tuple(sorted(names))

    def harness(self) -> HarnessPlan | None:
        """The harness that the file names."""
        self._refresh()
        return self._harness

    def patience(self) -> Patience:
        """How long the file says that agents are waited for."""
        self._refresh()
        return self._patience

    def _refresh(self) -> None:
        stamps = tuple(_look(path) for path in (self._path, *self._files))
        if stamps == self._stamps or (self._is_fresh and stamps == (None,)):
            return
        self._is_fresh = False
        if stamps[0] is None:
            self._problems, self._files, self._harness, self._patience = (), (), None, Patience()
            self._take((), (), None)
        else:
            # pydantic takes longer to import than the rest of the server to start; without a config nobody needs it.
            from agentlanes.adapters.agents.config import read_config

            config = read_config(self._path, {known.profile.name: known for known in (DEMO, *KNOWN)})
            self._problems = config.problems
            if config.is_readable:
                self._files, self._harness, self._patience = config.files, config.harness, config.patience
                self._take(config.known, config.imported, config.default)
        self._stamps = tuple(_look(path) for path in (self._path, *self._files))
        self._hear()

    def _take(self, written: tuple[Known, ...], imported: tuple[Known, ...], default: str | None) -> None:
        """The user's own come first, and the first of them is the default where none is named; what is merely built in,
        or another editor's, never is."""
        known = {each.profile.name: each for each in written}
        for each in (DEMO, *imported, *KNOWN):
            known.setdefault(each.profile.name, each)
        chosen = default or next(iter(known))
        self._known = {name: _mark(each, default=name == chosen) for name, each in known.items()}


def _look(path: Path) -> _Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _mark(known: Known, *, default: bool) -> Known:
    if known.profile.default == default:
        return known
    return msgspec.structs.replace(known, profile=msgspec.structs.replace(known.profile, default=default))
