"""A worktree whose repository is gone: the user deleted, moved or unmounted it.

Without the repository nobody can say which of its files are work, so all of them are: it is moved, never deleted.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

from msgspec import Struct

from agentlanes.adapters.git.discovery import path_of, text_of
from agentlanes.adapters.git.folders import move_folder, remove_folder
from agentlanes.adapters.git.repository import checked_id
from agentlanes.adapters.git.rescue import read_record, record_folder, write_record
from agentlanes.core.facts import AssessmentFacts, RemovalFacts, RescueFacts, WorktreeAddress
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

GONE = frozenset({RefusalCode.PATH_NOT_FOUND, RefusalCode.NOT_A_REPOSITORY})
"""How opening a repository is refused that is not there."""


class Orphan(Struct, frozen=True):
    """The directory, and our own folders that concern it."""

    address: WorktreeAddress
    data_dir: Path

    @property
    def path(self) -> Path:
        return path_of(self.address.path)

    @property
    def private(self) -> Path:
        repo_id, lane_id = checked_id(self.address.repo.repo_id), checked_id(self.address.lane_id)
        repos = self.data_dir / "repos"
        if self.address.mode == "clone":
            return repos / f"{repo_id}.clones" / f"{lane_id}.git"
        return repos / f"{repo_id}.git" / "worktrees" / lane_id

    def holds_more(self) -> bool:
        """Nothing is where a clone was, and there is something that was taken in from it."""
        gone = self.address.mode == "clone" and not os.path.lexists(self.path)
        return gone and (self.private / "mirror").is_dir()

    def assess(self) -> AssessmentFacts:
        there = os.path.lexists(self.path)
        seen = (self.address.path, self.path.lstat().st_ino if there else None)
        return AssessmentFacts(
            presence="foreign" if there else "missing",
            fingerprint=hashlib.sha256(repr(seen).encode()).hexdigest(),
            risks=("repository_missing",) if there or self.holds_more() else (),
            head_branch=None,
            head_commit=None,
            branch_commit=None,
            branch_unmerged=None,
            tree=None,
            uncommitted=(),
            uncommitted_total=0,
            untracked=(),
            untracked_total=0,
            unreferenced_commits=(),
            references=(),
            operation=None,
            nested=(),
            unstorable=(),
            ignored_entries=0,
            locked_reason=None,
        )

    async def rescue(self, time: int) -> RescueFacts:
        folder = record_folder(self.data_dir / "rescue", self.address.lane_id, self.address.repo.repo_id, time)
        facts, done = read_record(folder)
        if facts is not None and done:
            return facts
        target = folder / "worktree"
        moved = os.path.lexists(self.path) or target.is_dir()
        if os.path.lexists(self.path):
            await asyncio.to_thread(move_folder, self.path, target)
        taken = folder / "gitdir"
        if self.holds_more():
            await asyncio.to_thread(move_folder, self.private, taken)
        facts = RescueFacts(
            repo_id=self.address.repo.repo_id,
            lane_id=self.address.lane_id,
            time=time,
            commit=None,
            ref=None,
            git_dir=text_of(self.data_dir / "repos" / f"{self.address.repo.repo_id}.git"),
            base_commit=None,
            moved_to=text_of(target) if moved else None,
            admin_moved_to=text_of(taken) if taken.is_dir() else None,
            restore=None,
            fingerprint=self.assess().fingerprint,
        )
        write_record(folder, facts, done=True)
        return facts

    async def remove(self) -> RemovalFacts:
        if os.path.lexists(self.path) or self.holds_more():
            raise GitRefusal(
                RefusalCode.WORK_WOULD_BE_LOST,
                f"the repository of {self.address.path} is gone, so everything in it counts as work; rescue it first",
                {"path": self.address.path, "risks": ["repository_missing"]},
            )
        await asyncio.to_thread(remove_folder, self.private)
        return RemovalFacts(self.address.path, was_missing=True, left_behind=False, branch_deleted=False)
