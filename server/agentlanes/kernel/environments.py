"""The environments of callers, kept in memory only: values are secrets and never reach the log.

A process is started with the environment of the peer that asked for it, so that a server which one editor started does
not hand that editor's PATH and keys to all others. What an effect was decided under is found by its correlation.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import field

from agentlanes.core.state import State
from agentlanes.kernel.ports.veil import Veiled
from agentlanes.wire.models import Lane, Repo

KEPT = 1000

PASSED = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TERM", "COLORTERM", "TMPDIR", "TZ", "EDITOR",
        "VISUAL", "PAGER", "SSH_AUTH_SOCK", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
        "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy",
        "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "VIRTUAL_ENV",
    }
)  # fmt: skip
"""What every process of a lane gets. Names that begin with LC_ pass as well."""


def name_place(state: State, lane_id: str, cwd: str) -> dict[str, str]:
    """What a process of a lane is told of its place, beside the runner's markers: that of the worktree which it is
    started in, else of the lane's first."""
    lane: Lane | None = state.get("lane", lane_id)
    if lane is None or not lane.worktrees:
        return {}
    inside = (tree for tree in lane.worktrees if Path(cwd).is_relative_to(tree.path))
    worktree = next(inside, lane.worktrees[0])
    repo: Repo | None = state.get("repo", worktree.repo_id)
    return {
        "AGENTLANES_WORKSPACE": lane.workspace_id,
        "AGENTLANES_BRANCH": worktree.branch,
        "AGENTLANES_TARGET_BRANCH": worktree.target_branch,
        "AGENTLANES_REPO": repo.path if repo is not None else "",
    }


class Environment(Veiled, frozen=True):
    """A caller's variables, and those that the command itself named."""

    veiled = ("peer", "named")

    peer: Mapping[str, str]
    named: Mapping[str, str] = field(default_factory=dict)


class Environments:
    """Callers' environments by the correlation of what they asked."""

    def __init__(self) -> None:
        self._by_correlation: OrderedDict[str, Environment] = OrderedDict()

    def remember(self, correlation_id: str, peer: Mapping[str, str], named: Mapping[str, str] | None = None) -> None:
        """Keeps what a command was asked with; the newest 1,000 are kept."""
        self._by_correlation[correlation_id] = Environment(peer, named or {})
        self._by_correlation.move_to_end(correlation_id)
        if len(self._by_correlation) > KEPT:
            self._by_correlation.popitem(last=False)

    def find(self, correlation_id: str) -> Environment | None:
        """What the command was asked with; None after a restart."""
        return self._by_correlation.get(correlation_id)

    def look_up(self, name: str, correlation_id: str | None = None) -> str | None:
        """The value of one variable: the caller's who asked under this correlation, else the server's own, else the
        newest caller's who has it."""
        asked = self._by_correlation.get(correlation_id) if correlation_id is not None else None
        callers = (found.peer.get(name) for found in reversed(self._by_correlation.values()))
        own = asked.peer.get(name) if asked is not None else None
        return own or os.environ.get(name) or next(filter(None, callers), None)

    def compose(
        self, correlation_id: str, passed: Iterable[str] = (), own: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """The whole environment of a process: what may pass of the caller's (or, after a restart, of the server's),
        then what its profile sets, then what the command named."""
        found = self.find(correlation_id)
        source = found.peer if found is not None and found.peer else os.environ
        names = PASSED | set(passed)
        composed = {name: value for name, value in source.items() if name in names or name.startswith("LC_")}
        composed |= own or {}
        composed |= found.named if found is not None else {}
        return composed
