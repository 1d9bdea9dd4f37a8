"""The git port on local repositories."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct, field

from agentlanes.adapters.git import cloning, commit, diff, merge, provision, removal, rescue, revisions
from agentlanes.adapters.git.assessment import assess
from agentlanes.adapters.git.clone import Clone
from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.intake import Intake
from agentlanes.adapters.git.invocation import Program
from agentlanes.adapters.git.offer import offer_branch
from agentlanes.adapters.git.orphan import GONE, Orphan
from agentlanes.adapters.git.preferences import PreferenceReader
from agentlanes.adapters.git.repository import Repositories, Repository, checked_id, open_store, stores_of
from agentlanes.adapters.git.snapshot import Memory, take_snapshot
from agentlanes.adapters.git.sweep import sweep
from agentlanes.adapters.git.worktree import Worktree, worktree_at
from agentlanes.core.facts import (
    AssessmentFacts,
    BranchFacts,
    CommitFacts,
    CommitPlan,
    DiffFacts,
    DiffOptions,
    MergeFacts,
    MergePlan,
    RemovalFacts,
    RepoAddress,
    RepoFacts,
    RescueFacts,
    SnapshotFacts,
    WorktreeAddress,
    WorktreeFacts,
    WorktreePlan,
)
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


def _pass(point: str) -> None:
    """Nothing happens at a named point, except in tests."""


class _Lane(Struct):
    """What we keep in memory for one worktree."""

    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    memory: Memory = field(default_factory=Memory)
    intake: Intake = field(default_factory=Intake)


class LocalGit:
    """Implements `kernel.ports.git.Git` with the git executable.

    `data_dir` is ours alone. `home` and `environment` are the user's: from them comes which files git would ignore.
    `reached` is called at each named point between two steps whose order matters.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        executable: str = "git",
        home: Path | None = None,
        environment: Mapping[str, str] | None = None,
        reached: Callable[[str], None] = _pass,
    ) -> None:
        program = Program(executable, data_dir / "git-home")
        preferences = PreferenceReader(program, home or Path.home(), os.environ if environment is None else environment)
        self._data_dir = data_dir
        self._repositories = Repositories(program, data_dir, preferences)
        self._reached = reached
        self._lanes: dict[tuple[str, str], _Lane] = {}

    async def inspect(self, path: str) -> RepoFacts:
        with _io_refusals():
            return await self._repositories.inspect(path)

    async def resolve(self, repo: RepoAddress, name: str) -> str | None:
        with _io_refusals():
            return await revisions.resolve(await self._repositories.open(repo), name)

    async def list_branches(self, repo: RepoAddress) -> tuple[BranchFacts, ...]:
        with _io_refusals():
            return await revisions.list_branches(await self._repositories.open(repo))

    async def provision(self, plan: WorktreePlan) -> WorktreeFacts:
        async with self._open(plan.worktree) as (worktree, _):
            if isinstance(worktree, Clone):
                return await cloning.provision_clone(worktree, plan, self._reached)
            return await provision.provision(worktree, plan, self._reached)

    async def inspect_worktree(self, worktree: WorktreeAddress) -> WorktreeFacts:
        if worktree.mode == "clone":
            async with self._open(worktree) as (opened, _):
                return opened.facts()
        with _io_refusals():
            return worktree_at(await self._repositories.open(worktree.repo), worktree).facts()

    async def snapshot(self, worktree: WorktreeAddress) -> SnapshotFacts:
        async with self._open(worktree) as (opened, memory):
            opened.require()
            return (await take_snapshot(opened, memory)).facts()

    async def diff(
        self, worktree: WorktreeAddress, target: str | None, options: DiffOptions | None = None
    ) -> DiffFacts:
        async with self._open(worktree) as (opened, memory):
            opened.require()
            commit_id = opened.base_commit() if target is None else await revisions.resolve(opened.repository, target)
            if commit_id is None:
                raise GitRefusal(
                    RefusalCode.COMMIT_NOT_FOUND,
                    f"{target or 'the commit that the lane started at'} names no commit; compare with a branch",
                    {"target": target},
                )
            snapshot = await take_snapshot(opened, memory)
            return await diff.diff_snapshot(opened, snapshot, commit_id, options or DiffOptions())

    async def commit(self, plan: CommitPlan) -> CommitFacts:
        async with self._open(plan.worktree) as (worktree, memory):
            made = await commit.commit(worktree, plan, memory, self._reached)
            await _offer(worktree)
            return made

    async def merge(self, plan: MergePlan) -> MergeFacts:
        async with self._open(plan.worktree) as (worktree, memory):
            merged = await merge.merge(self._repositories, worktree, plan, memory, self._reached)
            await _offer(worktree)
            return merged

    async def assess(self, worktree: WorktreeAddress, target_branch: str | None = None) -> AssessmentFacts:
        async with self._open_or_orphan(worktree) as (opened, memory):
            if isinstance(opened, Orphan):
                return opened.assess()
            return (await assess(opened, target_branch, memory)).facts

    async def rescue(self, worktree: WorktreeAddress, message: str, time: int) -> RescueFacts:
        async with self._open_or_orphan(worktree) as (opened, memory):
            if isinstance(opened, Orphan):
                return await opened.rescue(time)
            return await rescue.rescue(opened, message, time, memory, self._reached)

    async def list_rescues(self, repo: RepoAddress) -> tuple[RescueFacts, ...]:
        with _io_refusals():
            records = self._data_dir / "rescue"
            return await asyncio.to_thread(rescue.list_records, records, checked_id(repo.repo_id))

    async def remove(
        self,
        worktree: WorktreeAddress,
        expected_fingerprint: str,
        *,
        delete_branch: bool = False,
        target_branch: str | None = None,
    ) -> RemovalFacts:
        async with self._open_or_orphan(worktree) as (opened, memory):
            if isinstance(opened, Orphan):
                return await opened.remove()
            facts = await removal.remove(
                opened,
                expected_fingerprint,
                delete_branch=delete_branch,
                target_branch=target_branch,
                memory=memory,
                reached=self._reached,
            )
            await self._sweep(opened.keeper)
        self._lanes.pop((worktree.repo.repo_id, worktree.lane_id), None)
        return facts

    async def _sweep(self, repository: Repository) -> None:
        swept = [await sweep(repository)]
        for store in sorted(stores_of(repository).glob("*.git")):
            swept.append(await sweep(msgspec.structs.replace(repository, private=store)))
        if any(swept):
            for lane in self._lanes.values():
                lane.memory.tree = None

    @asynccontextmanager
    async def _open(self, address: WorktreeAddress) -> AsyncIterator[tuple[Worktree, Memory]]:
        lane = self._lanes.setdefault((address.repo.repo_id, address.lane_id), _Lane())
        async with lane.busy:
            with _io_refusals():
                worktree = worktree_at(await self._repositories.open(address.repo), address)
                if address.mode == "clone":
                    worktree = _as_clone(worktree, lane.intake)
                worktree.put_back()
                await worktree.look()
                yield worktree, lane.memory

    @asynccontextmanager
    async def _open_or_orphan(self, address: WorktreeAddress) -> AsyncIterator[tuple[Worktree | Orphan, Memory]]:
        try:
            await self._repositories.open(address.repo)
        except GitRefusal as refusal:
            if refusal.code not in GONE:
                raise
            with _io_refusals():
                yield Orphan(address, self._data_dir), Memory()
        else:
            async with self._open(address) as opened:
                yield opened


def _as_clone(place: Worktree, intake: Intake) -> Clone:
    store = open_store(place.repository, place.lane_id)
    return Clone(store, place.lane_id, place.path, place.branch, place.repository, intake)


async def _offer(worktree: Worktree) -> None:
    """Shows the branch of a clone in the user's repository. Where it may not move there, that is for its removal."""
    if isinstance(worktree, Clone):
        await worktree.look()
        with suppress(GitRefusal):
            await offer_branch(worktree)


@contextmanager
def _io_refusals() -> Iterator[None]:
    """Turns a full disk or a missing permission into the port's own exception."""
    try:
        yield
    except OSError as error:
        where = text_of(Path(error.filename)) if isinstance(error.filename, str) else None
        raise GitRefusal(
            RefusalCode.STORAGE_FAILED,
            f"{where or 'a file'}: {error.strerror}; free space or change permissions, then repeat",
            {"path": where, "errno": error.errno},
        ) from error
