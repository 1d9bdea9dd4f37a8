"""Looks at the world that a decision needs. The method's row names one; its facts travel in the command.

An observation may be outdated when its effect runs; effects look again and report STALE.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from agentlanes.core.command import Context
from agentlanes.core.errors import Refusal
from agentlanes.core.facts import RepoAddress, text_of_bytes
from agentlanes.core.origin import is_kept
from agentlanes.core.place import choose_repo, find_repo, holds
from agentlanes.core.primer import write_primer
from agentlanes.core.route import HARNESS
from agentlanes.core.state import State
from agentlanes.core.world import (
    Ground,
    LaneBase,
    LaneWork,
    OriginSeen,
    ProfileSeen,
    RendererSeen,
    RootPaths,
    Shell,
    StartSeen,
    Stored,
    TurnsSeen,
)
from agentlanes.kernel.addresses import address_new, address_repo, address_worktree, describe_risks
from agentlanes.kernel.ports.agents import Profiles
from agentlanes.kernel.ports.git import Git, GitRefusal
from agentlanes.kernel.ports.renderers import Renderers
from agentlanes.kernel.ports.store import Selection, Store
from agentlanes.kernel.refusals import refuse_git
from agentlanes.wire.models import (
    Item,
    LaneCreate,
    LaneStart,
    Session,
    SessionOrigin,
    Turn,
)
from agentlanes.wire.table import ENTITIES


class Asking(Struct, frozen=True):
    """Who asks for what."""

    context: Context
    payload: Any
    env: Mapping[str, str]
    """The calling peer's environment, as far as it may pass."""


Observer = Callable[[State, Asking], Awaitable[Any]]

PAGE = 500
RETOLD_TURNS = 20
"""Newest turns whose items a primer is written from."""


class Observers:
    """All observations by name."""

    def __init__(
        self,
        store: Store,
        committed: Callable[[], Awaitable[None]],
        git: Git,
        profiles: Profiles,
        lane_root: Path,
        renderers: Renderers,
        check_harness: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._committed = committed
        self._git = git
        self._profiles = profiles
        self._lane_root = str(lane_root)
        self._renderers = renderers
        self._check_harness = check_harness
        self._by_name: dict[str, Observer] = {
            "root_paths": self._see_root_paths,
            "repo": self._see_repo,
            "lane_base": self._see_lane_base,
            "lane_start": self._see_lane_start,
            "lane_work": self._see_lane_work,
            "profile": self._see_profile,
            "origin": self._see_origin,
            "turns": self._see_turns,
            "shell": self._see_shell,
            "turn": self._see_turn,
            "profiles": self._see_profiles,
            "replacement": self._see_replacement,
            "approval": self._see_approval,
            "renderer": self._see_renderer,
        }

    def observe(self, name: str, state: State, asking: Asking) -> Awaitable[Any]:
        """The facts of the observation of this name."""
        return self._by_name[name](state, asking)

    async def _see_root_paths(self, state: State, asking: Asking) -> RootPaths:
        if not asking.payload.root_paths:
            # An update of something else: nothing to look at, and no thread to wait for.
            return RootPaths((), {})

        def look() -> RootPaths:
            resolved: list[str] = []
            refused: dict[str, str] = {}
            for path in asking.payload.root_paths:
                try:
                    real = Path(path).resolve(strict=True)
                except (OSError, RuntimeError) as error:
                    loop = isinstance(error, RuntimeError)
                    refused[path] = "a loop of symbolic links" if loop else str(error.strerror).lower()  # type: ignore[union-attr]
                    continue
                if real.is_dir() and not _is_text(real):
                    refused[path] = f"it leads to {text_of_bytes(os.fsencode(real))}, whose name is not UTF-8"
                elif real.is_dir():
                    resolved.append(str(real))
                else:
                    refused[path] = "not a folder"
            return RootPaths(tuple(dict.fromkeys(resolved)), refused)

        return await asyncio.to_thread(look)

    async def _see_repo(self, state: State, asking: Asking) -> Any:
        try:
            facts = await self._git.inspect(asking.payload.path)
            branch = asking.payload.default_target_branch
            if branch is not None:
                address = address_new(facts.top_level)
                names = {found.name for found in await self._git.list_branches(address)}
                if branch not in names:
                    return Refusal("BRANCH_NOT_FOUND", f"{facts.top_level} has no branch {branch}", branch=branch)
        except GitRefusal as error:
            return refuse_git(error)
        return facts

    async def _see_lane_base(self, state: State, asking: Asking) -> tuple[ProfileSeen, LaneBase]:
        payload = asking.payload
        profile = self._look_up(payload.profile)
        nothing = LaneBase(self._lane_root, None, None, False, None)
        workspace_id = asking.context.workspace_id
        if workspace_id is None or state.get("workspace", workspace_id) is None:
            return profile, nothing
        try:
            repo = choose_repo(list(state.children("repo", workspace_id)), payload.repo_id)
        except Refusal:
            return profile, nothing
        return profile, await self._find_base(address_repo(repo), payload, repo.default_target_branch)

    async def _find_base(self, address: RepoAddress, payload: LaneCreate | LaneStart, default: str | None) -> LaneBase:
        target = payload.target_branch or default
        if target is None:
            return LaneBase(self._lane_root, None, None, False, None)
        try:
            target_commit = await self._git.resolve(address, f"refs/heads/{target}")
            base = target_commit if payload.base is None else await self._git.resolve(address, payload.base)
            taken = payload.branch is not None and await self._git.resolve(address, f"refs/heads/{payload.branch}")
        except GitRefusal as error:
            return LaneBase(self._lane_root, None, None, False, refuse_git(error))
        return LaneBase(self._lane_root, base, target_commit, bool(taken), None)

    async def _see_lane_start(self, state: State, asking: Asking) -> StartSeen:
        payload: LaneStart = asking.payload
        profile = await self._see_profile(state, asking)
        ground = Ground() if payload.path is None else await self._see_ground(state, payload.path, payload.folder)
        nothing = LaneBase(self._lane_root, None, None, False, None)
        try:
            repo = find_repo(state.all, asking.context, payload, ground)
        except Refusal:
            return StartSeen(profile, ground, nothing)
        if repo is not None:
            base = await self._find_base(address_repo(repo), payload, repo.default_target_branch)
        elif ground.facts is not None:
            base = await self._find_base(address_new(ground.facts.top_level), payload, ground.facts.head_branch)
        else:
            base = nothing
        return StartSeen(profile, ground, base)

    async def _see_ground(self, state: State, path: str, folder: str | None) -> Ground:
        """What lies around a path. In a lane's worktree that is the lane's repo, whatever kind of copy the lane is."""
        trees = [(tree.path, tree.repo_id) for lane in state.all("lane") for tree in lane.worktrees]

        def look() -> tuple[str, str | None, str | None]:
            place = _find_folder(path)
            lanes = (repo_id for tree, repo_id in trees if holds(tree, place) or holds(os.path.realpath(tree), place))
            return place, next(lanes, None), None if folder is None else os.path.realpath(folder)

        place, repo_id, root = await asyncio.to_thread(look)
        repo = state.get("repo", repo_id) if repo_id is not None else None
        try:
            facts = await self._git.inspect(place if repo is None else repo.path)
        except GitRefusal as error:
            return Ground(refusal=refuse_git(error))
        return Ground(
            top_level=facts.top_level,
            root=root if root is not None and holds(root, place) and Path(root).is_dir() else facts.top_level,
            repo_id=None if repo is None else repo.repo_id,
            facts=facts,
        )

    async def _see_lane_work(self, state: State, asking: Asking) -> LaneWork:
        lane = state.get("lane", asking.context.lane_id or "")
        lost: list[str] = []
        details: list[dict[str, Any]] = []
        if lane is None or lane.status == "closed":
            return LaneWork((), ())
        for worktree in lane.worktrees:
            repo = state.get("repo", worktree.repo_id)
            if repo is None:
                continue
            try:
                found = await self._git.assess(address_worktree(repo, lane, worktree), worktree.target_branch)
            except GitRefusal as error:
                if error.code == "WORKTREE_FOREIGN":
                    continue
                raise refuse_git(error) from error
            if found.risks:
                lost += describe_risks(found)
                details.append({"repo_id": repo.repo_id, **msgspec.to_builtins(found)})
        return LaneWork(tuple(lost), tuple(details))

    async def _see_profile(self, state: State, asking: Asking) -> ProfileSeen:
        name = getattr(asking.payload, "profile", None)
        session = state.get("session", asking.context.session_id or "")
        if name is None and session is not None:
            name = session.profile
        elif name is None and asking.context.session_id is None and asking.context.lane_id is not None:
            lane = state.get("lane", asking.context.lane_id)
            name = lane.provider_profile if lane is not None else None
        seen = self._look_up(name)
        wanted = getattr(asking.payload, "transport", None) or (
            seen.transport if session is None else session.route.preferred_transport if session.route else None
        )
        if wanted == HARNESS and self._check_harness is not None:
            await self._check_harness()
        return seen

    async def _see_origin(self, state: State, asking: Asking) -> OriginSeen:
        """The profile of a new session, and what the log has of the one that it goes on from."""
        origin: SessionOrigin | None = asking.payload.origin
        source = state.get("session", origin.session_id or "") if origin is not None else None
        if origin is None or source is None:
            return OriginSeen(await self._see_profile(state, asking))
        if origin.kind == "fork":
            profile = self._look_up(asking.payload.profile or source.profile)
        else:
            profile = await self._see_profile(state, asking)
        turns = await self._read_turns(state, source)
        named = next((turn for turn in turns if turn.turn_id == origin.turn_id), None)
        if named is None and origin.turn_id is not None:
            named = (await self._see_stored(state, "turn", origin.turn_id)).entity
        newest = next((turn for turn in reversed(turns) if is_kept(turn)), None)
        primer = self._write_primer(state, source, turns) if origin.kind == "handover" else None
        return OriginSeen(profile, named, newest, primer)

    async def _see_turns(self, state: State, asking: Asking) -> TurnsSeen:
        session = state.get("session", asking.context.session_id or "")
        return TurnsSeen(() if session is None else tuple(await self._read_turns(state, session)))

    async def _read_turns(self, state: State, session: Session) -> list[Turn]:
        """All turns of a session that began, in the order in which they did."""
        await self._committed()
        turns: dict[str, Turn] = {}
        after: str | None = None
        while True:
            page = self._store.select(Selection("turn", parent=session.session_id, after=after, limit=PAGE))
            turns |= {id: msgspec.json.decode(json, type=Turn) for id, json in page}
            if len(page) < PAGE:
                break
            after = page[-1][0]
        turns |= {turn.turn_id: turn for turn in state.children("turn", session.session_id)}
        began = [turn for turn in turns.values() if turn.started_at is not None]
        return sorted(began, key=lambda turn: (turn.started_at or "", turn.turn_id))

    def _write_primer(self, state: State, source: Session, turns: list[Turn]) -> str | None:
        items: dict[str, list[Item]] = {}
        for turn in turns[-RETOLD_TURNS:]:
            stored = self._store.select(Selection("item", parent=turn.turn_id, limit=PAGE * 4))
            found = [msgspec.json.decode(json, type=Item) for _, json in stored]
            items[turn.turn_id] = sorted(found, key=lambda item: item.position)
        lane = state.get("lane", source.lane_id)
        root = lane.worktrees[0].path if lane is not None and lane.worktrees else "/"
        return write_primer(source, root, turns, items)

    async def _see_profiles(self, state: State, asking: Asking) -> dict[str, ProfileSeen]:
        known = self._profiles.list()
        names = tuple(profile.name for profile in known)
        return {profile.name: ProfileSeen(profile.name, profile.driver, names) for profile in known}

    def _look_up(self, name: str | None) -> ProfileSeen:
        known = self._profiles.list()
        if name is None:
            name = next((profile.name for profile in known if profile.default), "demo")
        names = tuple(profile.name for profile in known)
        found = next((profile for profile in known if profile.name == name), None)
        if found is None:
            return ProfileSeen(name, None, names)
        return ProfileSeen(name, found.driver, names, found.transport, HARNESS in found.transports)

    async def _see_shell(self, state: State, asking: Asking) -> Shell:
        payload = asking.payload
        lane = state.get("lane", asking.context.lane_id or "")
        root = lane.worktrees[0].path if lane is not None and lane.worktrees else "/"
        cwd = os.path.normpath(Path(root, payload.cwd)) if payload.cwd else root
        shell = asking.env.get("SHELL") or os.environ.get("SHELL") or "/bin/sh"
        problem = None if Path(cwd).is_dir() else f"{cwd} is no folder; cwd is taken from the lane's worktree {root}"
        return Shell(payload.argv or (shell,), cwd, problem)

    async def _see_turn(self, state: State, asking: Asking) -> Stored:
        return await self._see_stored(state, "turn", asking.payload.turn_id)

    async def _see_replacement(self, state: State, asking: Asking) -> tuple[Stored, ProfileSeen]:
        stored = await self._see_turn(state, asking)
        turn = state.get("turn", asking.payload.turn_id) or stored.entity
        session = state.get("session", turn.session_id) if turn is not None else None
        return stored, self._look_up(session.profile if session is not None else None)

    async def _see_approval(self, state: State, asking: Asking) -> Stored:
        return await self._see_stored(state, "approval", asking.payload.approval_id)

    async def _see_renderer(self, state: State, asking: Asking) -> RendererSeen:
        return RendererSeen(self._renderers.problem)

    async def _see_stored(self, state: State, noun: str, id: str) -> Stored:
        if state.get(noun, id) is not None:
            return Stored(None)
        # It may have left memory by a command that is not written yet.
        await self._committed()
        json = self._store.entity(noun, id)
        return Stored(None if json is None else msgspec.json.decode(json, type=ENTITIES[noun].type))


def _find_folder(path: str) -> str:
    """The innermost folder of a path that is there, without symlinks: a file may not be written yet."""
    place = Path(os.path.realpath(path))
    return str(next((folder for folder in (place, *place.parents) if folder.is_dir()), place))


def _is_text(path: Path) -> bool:
    """Whether a path can be told in JSON."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
