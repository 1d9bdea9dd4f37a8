"""Effects of lanes: worktrees are made, committed, merged and removed through the git port."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from agentlanes.core.errors import Refusal
from agentlanes.core.facts import CommitPlan, Identity, MergePlan, RescueFacts, WorktreeAddress, WorktreePlan
from agentlanes.crash_points import reached
from agentlanes.kernel.addresses import address_worktree, describe_risks
from agentlanes.kernel.clock import Clock, read_time, write_time
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.ports.git import Git, GitRefusal
from agentlanes.kernel.ports.runners import RunnerError, Runners
from agentlanes.kernel.reactors.engine import Effect, GiveUp
from agentlanes.kernel.reactors.scripts import Scripts
from agentlanes.kernel.refusals import refuse_git, refuse_runner
from agentlanes.wire.models import Lane, LaneSettle, Merge, Operation, Problem, Rescue, SessionApply, Worktree

STOP_SECONDS = 20.0
NOBODY = Identity("agentlanes", "agentlanes@localhost")
"""Author of commits where the user's git knows no name."""


class Lanes:
    """The lane effects by operation."""

    def __init__(self, kernel: Kernel, git: Git, runners: Runners, scripts: Scripts, clock: Clock) -> None:
        self._kernel = kernel
        self._git = git
        self._runners = runners
        self._scripts = scripts
        self._clock = clock

    def effects(self) -> dict[tuple[str, str], Effect]:
        """What the engine runs."""
        return {
            ("lane", "create"): self._provision,
            ("lane", "attach"): self._restore,
            ("lane", "commit"): self._commit,
            ("lane", "merge"): self._merge,
            ("lane", "cleanup"): self._clean_up,
        }

    def give_ups(self) -> dict[tuple[str, str], GiveUp]:
        """How the engine ends what is refused for good."""

        async def fail(lane: Lane, problem: Problem) -> None:
            await self._settle(lane, problem=problem)

        return dict.fromkeys(self.effects(), fail)

    async def _settle(self, lane: Lane, **outcome: Any) -> None:
        operation = _operation(lane)
        await self._kernel.perform(
            "lane.settle",
            LaneSettle(kind=operation.kind, **outcome),
            correlation_id=operation.correlation_id,
            lane_id=lane.lane_id,
        )

    async def _provision(self, lane: Lane) -> None:
        try:
            for worktree in lane.worktrees:
                await self._git.provision(WorktreePlan(self._address(lane, worktree), worktree.base_commit))
            await self._scripts.copy(lane)
            await self._scripts.set_up(lane)
        except (GitRefusal, Refusal) as error:
            await self._settle(lane, problem=_refuse(error).problem())
        else:
            await self._settle(lane)

    async def _restore(self, lane: Lane) -> None:
        """Makes the worktrees that are gone: of the lane's branch where it is still there, else from the base anew."""
        rescues: list[Rescue] = []
        try:
            for worktree in lane.worktrees:
                address = self._address(lane, worktree)
                if (await self._git.inspect_worktree(address)).presence == "ok":
                    continue
                # Git still knows a worktree that was deleted by hand, and may hold what was staged or detached in it.
                rescue = await self._remove(lane, worktree, force=True, delete_branch=False)
                if rescue is not None:
                    rescues.append(_show_rescue(worktree, rescue))
                kept = await self._git.resolve(address.repo, f"refs/heads/{worktree.branch}")
                plan = WorktreePlan(address, worktree.base_commit, adopt_branch=kept is not None)
                await self._git.provision(plan)
            await self._scripts.copy(lane)
            await self._scripts.set_up(lane)
        except (GitRefusal, Refusal) as error:
            await self._settle(lane, problem=_refuse(error).problem(), rescues=tuple(rescues))
        else:
            await self._settle(lane, rescues=tuple(rescues))

    async def _commit(self, lane: Lane) -> None:
        operation = _operation(lane)
        try:
            worktrees = tuple([await self._commit_worktree(lane, worktree, operation) for worktree in lane.worktrees])
        except (GitRefusal, Refusal) as error:
            await self._settle(lane, problem=_refuse(error).problem())
        else:
            await self._settle(lane, worktrees=worktrees)

    async def _commit_worktree(self, lane: Lane, worktree: Worktree, operation: Operation) -> Worktree:
        address = self._address(lane, worktree)
        found = await self._git.inspect_worktree(address)
        if found.presence == "missing":
            raise Refusal(
                "WORKTREE_MISSING", f"{worktree.path} is gone; lane.attach makes it again", path=worktree.path
            )
        message = (operation.details or {}).get("message") or lane.name
        try:
            made = await self._git.commit(
                CommitPlan(
                    worktree=address,
                    message=str(message),
                    author=await self._find_author(address),
                    time=int(read_time(operation.started_at)),
                    expected_head=found.head_commit or worktree.base_commit,
                )
            )
        except GitRefusal as error:
            if error.code != "NOTHING_TO_COMMIT":
                raise
            return msgspec.structs.replace(worktree, head_commit=found.head_commit)
        return msgspec.structs.replace(worktree, head_commit=made.commit)

    async def _merge(self, lane: Lane) -> None:
        operation = _operation(lane)
        details = operation.details or {}
        merges: list[Merge] = []
        worktrees: list[Worktree] = []
        try:
            for worktree in lane.worktrees:
                address = self._address(lane, worktree)
                committed = await self._commit_worktree(
                    lane, worktree, msgspec.structs.replace(operation, details={"message": lane.name})
                )
                made = await self._git.merge(
                    MergePlan(
                        worktree=address,
                        target_branch=worktree.target_branch,
                        message=str(details["message"]),
                        author=await self._find_author(address),
                        time=int(read_time(operation.started_at)),
                        expected_target=details.get("expected_target"),
                        squash=bool(details.get("squash")),
                    )
                )
                worktrees.append(committed)
                merges.append(
                    Merge(
                        repo_id=worktree.repo_id,
                        target_branch_name=worktree.target_branch,
                        merge_commit=made.commit,
                        merged_at=self._clock.now(),
                    )
                )
        except (GitRefusal, Refusal) as error:
            await self._settle(lane, problem=_refuse(error).problem(), merges=tuple(merges))
        else:
            await self._settle(lane, worktrees=tuple(worktrees), merges=tuple(merges))

    async def _clean_up(self, lane: Lane) -> None:
        details = _operation(lane).details or {}
        rescues: list[Rescue] = []
        try:
            if not self._scripts.has_begun(lane, "cleanup"):
                await self._stop(lane)
            await self._run_cleanup(lane, force=bool(details.get("force")))
            reached("cleanup.stopped")
            for worktree in lane.worktrees:
                rescue = await self._remove(
                    lane, worktree, force=bool(details.get("force")), delete_branch=bool(details.get("delete_branch"))
                )
                if rescue is not None:
                    rescues.append(_show_rescue(worktree, rescue))
        except (GitRefusal, RunnerError, Refusal) as error:
            await self._settle(lane, problem=_refuse(error).problem(), rescues=tuple(rescues))
        else:
            await self._settle(lane, rescues=tuple(rescues))

    async def _run_cleanup(self, lane: Lane, *, force: bool) -> None:
        """Lets the repos clean up behind the lane, in worktrees that are there."""
        found = [await self._git.inspect_worktree(self._address(lane, worktree)) for worktree in lane.worktrees]
        if any(each.presence != "ok" for each in found):
            return
        try:
            await self._scripts.clean_up(lane)
        except Refusal as refusal:
            if not force or refusal.code == "STORE_UNAVAILABLE":
                raise
        await self._stop(lane)

    async def _stop(self, lane: Lane) -> None:
        """Ends the lane's processes, and waits until the log says so: what they wrote last belongs to the lane."""
        await self._runners.stop_lane(lane.lane_id)
        for session in list(self._kernel.state.children("session", lane.lane_id)):
            if session.status == "attached" and self._kernel.state.get("process", session.process_id) is None:
                # It waits for the prompt that would start its process, so no process' end detaches it.
                ended = SessionApply(process_id=session.process_id, ended=True)
                await self._kernel.perform("session.apply", ended, session_id=session.session_id)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._kernel.until(lambda state: not any(state.children("process", lane.lane_id)))
        except TimeoutError:
            raise Refusal("STALE", "a process of the lane does not end; try again") from None

    async def _remove(self, lane: Lane, worktree: Worktree, *, force: bool, delete_branch: bool) -> RescueFacts | None:
        address = self._address(lane, worktree)
        time = int(read_time(_operation(lane).started_at))
        found = await self._git.assess(address, worktree.target_branch)
        rescue: RescueFacts | None = None
        fingerprint = found.fingerprint
        if found.risks and not force:
            raise Refusal(
                "LANE_HOLDS_WORK",
                f"lane {lane.name} got work meanwhile that exists nowhere else: "
                f"{', '.join(describe_risks(found))}; commit and merge it, or use force",
            )
        # A removal that a crash cut may have saved the work already: it must still be named.
        if found.risks or (force and await self._was_rescued(address, time)):
            rescue = await self._git.rescue(address, f"Rescue of lane {lane.name}", time)
            fingerprint = rescue.fingerprint
        delete = delete_branch and found.branch_unmerged == 0
        target = worktree.target_branch if delete else None
        await self._git.remove(address, fingerprint, delete_branch=delete, target_branch=target)
        return rescue

    async def _was_rescued(self, address: WorktreeAddress, time: int) -> bool:
        rescues = await self._git.list_rescues(address.repo)
        return any((rescue.lane_id, rescue.time) == (address.lane_id, time) for rescue in rescues)

    async def _find_author(self, address: WorktreeAddress) -> Identity:
        """Commits are by the user, as git would have it."""
        return (await self._git.inspect(address.repo.path)).author or NOBODY

    def _address(self, lane: Lane, worktree: Worktree) -> WorktreeAddress:
        repo = self._kernel.state.get("repo", worktree.repo_id)
        if repo is None:
            raise Refusal("REPO_NOT_FOUND", f"repo {worktree.repo_id} of the lane is no longer known")
        return address_worktree(repo, lane, worktree)


def _operation(lane: Lane) -> Operation:
    assert lane.operation is not None
    return lane.operation


def _refuse(error: GitRefusal | RunnerError | Refusal) -> Refusal:
    if isinstance(error, GitRefusal):
        return refuse_git(error)
    return refuse_runner(error) if isinstance(error, RunnerError) else error


def _show_rescue(worktree: Worktree, rescue: RescueFacts) -> Rescue:
    return Rescue(
        repo_id=worktree.repo_id,
        commit=rescue.commit,
        ref=rescue.ref,
        moved_to=rescue.moved_to,
        restore=rescue.restore,
        rescued_at=write_time(rescue.time),
    )
