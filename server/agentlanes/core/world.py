"""What observations saw: plain facts that travel in commands, taken before the decision and checked again by effects.

The facts of git are in `facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agentlanes.core.errors import Refusal
from agentlanes.core.facts import RepoFacts
from agentlanes.wire.models import Transport, Turn


class RootPaths(Struct, frozen=True):
    """Root paths of a workspace: symlinks resolved, and why the others were refused."""

    resolved: tuple[str, ...]
    refused: Mapping[str, str]


class LaneBase(Struct, frozen=True):
    """Where a lane can start."""

    lane_root: str
    """Folder that holds lanes' worktrees."""
    base_commit: str | None
    target_commit: str | None
    branch_exists: bool
    refusal: Refusal | None
    """Why git could not say."""


class Ground(Struct, frozen=True):
    """What lies around a path in which work is to start."""

    top_level: str | None = None
    """The repository's top folder, without symlinks."""
    root: str = "/"
    """Of a workspace, where one has to be made."""
    repo_id: str | None = None
    """The lane's repo, where the path lies in a lane's worktree."""
    facts: RepoFacts | None = None
    refusal: Refusal | None = None
    """Why nothing can start there."""


class StartSeen(Struct, frozen=True):
    """What a lane and its session start from."""

    profile: ProfileSeen
    ground: Ground
    base: LaneBase


class ProfileSeen(Struct, frozen=True):
    """A profile by name, and the names that there are."""

    name: str
    driver: str | None
    """None where there is no such profile."""
    known: tuple[str, ...]
    transport: Transport | None = None
    """The one that it prefers."""
    routable: bool = False
    """Whether it says how its agent goes through the harness."""

    def check(self) -> str:
        """The driver; refuses a profile that is not there."""
        if self.driver is None:
            raise Refusal(
                "PROFILE_NOT_FOUND",
                f"there is no profile {self.name}; there are {', '.join(self.known)}",
                name=self.name,
                known=list(self.known),
            )
        return self.driver


class OriginSeen(Struct, frozen=True):
    """What a new session starts from: its profile, and what the log has of the session that it goes on from."""

    profile: ProfileSeen
    turn: Turn | None = None
    """The turn that was named, once it has ended."""
    newest: Turn | None = None
    """The newest turn of that session that ran, ended and was not taken back."""
    primer: str | None = None
    """What another agent is told of it."""


class TurnsSeen(Struct, frozen=True):
    """The turns of a session that began, in the order in which they did."""

    turns: tuple[Turn, ...]


class Shell(Struct, frozen=True):
    """What a terminal runs where nothing is said, and whether its folder is there."""

    argv: tuple[str, ...]
    cwd: str
    problem: str | None


class RendererSeen(Struct, frozen=True):
    """Why screens cannot be rendered here; None where they can."""

    problem: str | None


class LaneWork(Struct, frozen=True):
    """What would be lost with the lane's worktrees: one text for each thing, with the repo it is in."""

    lost: tuple[str, ...]
    details: tuple[Mapping[str, Any], ...]


class PathsSeen(Struct, frozen=True):
    """Where the paths lead that an agent asks about."""

    real: Mapping[str, str]
    """Absolute and without symlinks, by the path as the agent wrote it."""
    roots: tuple[str, ...]
    """The lane's worktrees, without symlinks."""


class Stored(Struct, frozen=True):
    """An entity that left memory, as the store has it; None where there is none."""

    entity: Any | None
