"""Decisions about lanes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from agentlanes.core import grant as grants
from agentlanes.core import limits, parent, queue
from agentlanes.core import place as places
from agentlanes.core import session as sessions
from agentlanes.core import turn as turns
from agentlanes.core.command import Command
from agentlanes.core.draft import Draft, illegal, refuse_while_operating
from agentlanes.core.errors import Refusal
from agentlanes.core.script import choose_terminals
from agentlanes.core.text import write_line
from agentlanes.core.world import LaneBase, LaneWork, OriginSeen, ProfileSeen, StartSeen
from agentlanes.wire.models import (
    Empty,
    Lane,
    LaneCleanup,
    LaneCommit,
    LaneCreate,
    LaneMerge,
    LaneSettle,
    LaneStart,
    LaneStarted,
    LaneUpdate,
    Repo,
    SessionCreate,
    Workspace,
    Worktree,
)

BRANCH_PREFIX = "lane"
KEPT = 20
TITLE_CAP = 60

_ENDS = {
    "create": ("lane.created", "lane.create.failed"),
    "attach": ("lane.attached", "lane.attach.failed"),
    "commit": ("lane.committed", "lane.commit.failed"),
    "merge": ("lane.merged", "lane.merge.failed"),
    "cleanup": ("lane.cleaned", "lane.cleanup.failed"),
}


def create(draft: Draft, command: Command[LaneCreate]) -> None:
    payload = command.payload
    workspace = draft.workspace(command.context.workspace_id)
    if workspace.status != "active":
        raise Refusal("WORKSPACE_CLOSED", f"workspace {workspace.name} is closed; workspace.open opens it")
    repo = places.choose_repo(draft.repos(workspace.workspace_id), payload.repo_id)
    profile, base = command.facts
    assert isinstance(profile, ProfileSeen) and isinstance(base, LaneBase)
    _begin(draft, workspace, repo, payload, profile, base)


def start(draft: Draft, command: Command[LaneStart]) -> None:
    """Everything or nothing: what is made here waits, and goes on when the lane's worktree is there."""
    payload = command.payload
    seen: StartSeen = command.facts
    seen.profile.check()
    workspace, repo = places.settle(draft, command, seen.ground)
    asked = LaneCreate(
        name=payload.name or write_line(payload.prompt.strip().split("\n", 1)[0], TITLE_CAP) or repo.display_name,
        lane_id=payload.lane_id,
        target_branch=payload.target_branch,
        base=payload.base,
        branch=payload.branch,
        mode=payload.mode,
        constraint=payload.constraint,
        permission_mode=payload.permission_mode,
        rules=payload.rules,
    )
    kept: Mapping[str, str] = {}
    if payload.parent_lane_id is not None:
        asked, kept = parent.inherit(draft, workspace.workspace_id, payload.parent_lane_id, asked)
    lane = _begin(draft, workspace, repo, asked, seen.profile, seen.base, kept)
    wanted = SessionCreate(session_id=payload.session_id, choice=payload.choice)
    session = sessions.make(draft, lane, wanted, OriginSeen(seen.profile))
    queue.refuse_stopped(draft, session)
    turn = turns.enqueue(
        draft,
        session,
        seen.profile,
        turn_id=draft.choose_id("turn", payload.turn_id),
        prompt=payload.prompt,
        links=payload.links,
        priority=turns.DEFAULT_PRIORITY,
    )
    session = draft.session(session.session_id)
    draft.answer = LaneStarted(lane=lane, session=session, turn=turn, repo=repo, workspace=workspace)


def _begin(
    draft: Draft,
    workspace: Workspace,
    repo: Repo,
    payload: LaneCreate,
    profile: ProfileSeen,
    base: LaneBase,
    kept: Mapping[str, str] = MappingProxyType({}),
) -> Lane:
    """A lane whose worktree is made next, with what it keeps of its parent."""
    profile.check()
    at = draft.command.at
    target = payload.target_branch or repo.default_target_branch
    if base.refusal is not None:
        raise base.refusal
    if target is None:
        raise Refusal(
            "TARGET_BRANCH_REQUIRED",
            f"HEAD of {repo.display_name} is detached, so target_branch must say where the lane merges into",
            repo_id=repo.repo_id,
        )
    if base.target_commit is None:
        raise Refusal("BRANCH_NOT_FOUND", f"{repo.display_name} has no branch {target}", branch=target)
    if base.base_commit is None:
        raise Refusal("BRANCH_NOT_FOUND", f"{repo.display_name} has no branch or commit {payload.base}")
    if base.branch_exists:
        raise Refusal("BRANCH_EXISTS", f"branch {payload.branch} exists; name another or none", branch=payload.branch)
    lane_id = draft.choose_id("lane", payload.lane_id)
    branch = payload.branch or name_branch(lane_id, payload.name)
    lane = Lane(
        lane_id=lane_id,
        workspace_id=workspace.workspace_id,
        project_context_id=payload.project_context_id,
        name=payload.name,
        status="provisioning",
        provider_profile=profile.name,
        branch=branch,
        mode=payload.mode or repo.lane_mode,
        worktrees=(
            Worktree(
                repo_id=repo.repo_id,
                path=f"{base.lane_root}/{lane_id}/{repo.name}",
                branch=branch,
                base_commit=base.base_commit,
                target_branch=target,
            ),
        ),
        constraint_id=kept.get("constraint_id") or limits.choose(draft, workspace.workspace_id, payload.constraint),
        parent_lane_id=kept.get("parent_lane_id"),
        pinned=payload.pinned,
        permission_mode=payload.permission_mode,
        rules=payload.rules,
        operation=draft.begin("create", setup=choose_terminals(draft, [repo], "setup")),
        created_at=at,
        updated_at=at,
    )
    draft.put("lane.create.started", lane)
    return lane


def name_branch(lane_id: str, name: str) -> str:
    """`lane/<short id>-<slug>`: short enough to read, with chance enough never to collide by name."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    return f"{BRANCH_PREFIX}/{lane_id[-8:].lower()}" + (f"-{slug}" if slug else "")


def attach(draft: Draft, command: Command[Empty]) -> None:
    lane = draft.lane(command.context.lane_id)
    refuse_while_operating("lane", lane.lane_id, lane.operation)
    if lane.status in ("error", "closed"):
        draft.change(
            "lane.attach.started",
            lane,
            status="provisioning",
            operation=draft.begin("attach", setup=choose_terminals(draft, _list_repos(draft, lane), "setup")),
            problem=None,
            closed_at=None,
        )
    else:
        draft.change("lane.attach.started", lane, operation=draft.begin("attach"))


def update(draft: Draft, command: Command[LaneUpdate]) -> None:
    lane = draft.lane(command.context.lane_id)
    payload = command.payload
    profile: ProfileSeen = command.facts
    if payload.profile is not None:
        profile.check()
    draft.change(
        "lane.updated",
        lane,
        name=payload.name or lane.name,
        provider_profile=payload.profile or lane.provider_profile,
        constraint_id=lane.constraint_id
        if payload.constraint is None
        else limits.choose(draft, lane.workspace_id, payload.constraint),
        pinned=lane.pinned if payload.pinned is None else payload.pinned,
        permission_mode=payload.permission_mode or lane.permission_mode,
        rules=lane.rules if payload.rules is None else payload.rules.list,
    )


def commit(draft: Draft, command: Command[LaneCommit]) -> None:
    lane = queue.require_usable(draft, command.context.lane_id)
    refuse_while_operating("lane", lane.lane_id, lane.operation)
    message = command.payload.message or lane.name
    draft.change("lane.commit.started", lane, operation=draft.begin("commit", message=message), problem=None)


def merge(draft: Draft, command: Command[LaneMerge]) -> None:
    lane = queue.require_usable(draft, command.context.lane_id)
    refuse_while_operating("lane", lane.lane_id, lane.operation)
    if lane.status != "ready":
        raise Refusal(
            "LANE_BUSY",
            f"lane {lane.name} is {lane.status}: its agent may still write; wait for the turn or interrupt it",
            status=lane.status,
        )
    payload = command.payload
    draft.change(
        "lane.merge.started",
        lane,
        operation=draft.begin(
            "merge",
            message=payload.message or f"Merge lane {lane.name}",
            squash=payload.squash,
            expected_target=payload.expected_target,
        ),
        problem=None,
    )


def cleanup(draft: Draft, command: Command[LaneCleanup]) -> None:
    lane = draft.lane(command.context.lane_id)
    refuse_while_operating("lane", lane.lane_id, lane.operation)
    if lane.status == "closed":
        raise illegal("lane", lane.lane_id, "closed", "closed")
    work: LaneWork = command.facts
    if work.lost and not command.payload.force:
        raise Refusal(
            "LANE_HOLDS_WORK",
            f"lane {lane.name} holds work that exists nowhere else: {'; '.join(work.lost[:20])}. "
            "Commit and merge it, or use force, which saves it in the rescue repository first",
            work=list(work.details),
        )
    draft.change(
        "lane.cleanup.started",
        lane,
        operation=draft.begin(
            "cleanup",
            force=command.payload.force,
            delete_branch=command.payload.delete_branch,
            cleanup=choose_terminals(draft, _list_repos(draft, lane), "cleanup"),
        ),
        problem=None,
    )


def delete(draft: Draft, command: Command[Empty]) -> None:
    lane = draft.lane(command.context.lane_id)
    if lane.status != "closed":
        raise Refusal("LANE_NOT_CLOSED", f"lane {lane.name} is {lane.status}; lane.cleanup closes it")
    forget(draft, lane)


def forget(draft: Draft, lane: Lane) -> None:
    """Drops a closed lane and what is below it. Prompts that still wait will never run."""
    for terminal in draft.terminals(lane.lane_id):
        draft.put("terminal.deleted", terminal)
    for session in draft.sessions(lane.lane_id):
        for turn in draft.turns(session.session_id):
            if turn.status == "queued":
                draft.change("turn.canceled", turn, status="canceled", ended_at=draft.command.at)
            else:
                queue.end(draft, turn, "interrupted")
        draft.put("session.deleted", session)
    grants.end(draft, (g for g in draft.grants(lane.workspace_id) if g.lane_id == lane.lane_id))
    draft.put("lane.deleted", lane)


def settle(draft: Draft, command: Command[LaneSettle]) -> None:
    lane = draft.lane(command.context.lane_id)
    payload = command.payload
    if lane.operation is None or lane.operation.kind != payload.kind:
        raise Refusal("STALE", f"lane {lane.lane_id} has no operation {payload.kind} to end")
    done, failed = _ENDS[payload.kind]
    status = lane.status
    if payload.kind == "cleanup" and payload.problem is None:
        status = "closed"
    elif lane.status == "provisioning":
        status = "ready" if payload.problem is None else "error"
    elif payload.problem is not None and payload.problem.code == "WORKTREE_MISSING":
        status = "error"
    draft.change(
        failed if payload.problem else done,
        lane,
        status=status,
        operation=None,
        problem=payload.problem,
        worktrees=payload.worktrees or lane.worktrees,
        merges=(*lane.merges, *payload.merges)[-KEPT:],
        rescues=(*lane.rescues, *payload.rescues)[-KEPT:],
        closed_at=command.at if status == "closed" else lane.closed_at,
    )
    if status == "closed":
        grants.end(draft, (g for g in draft.grants(lane.workspace_id) if g.lane_id == lane.lane_id))
    queue.follow_turns(draft, lane.lane_id)
    for session in draft.sessions(lane.lane_id):
        queue.start_next(draft, session)
    if lane.status == "provisioning" and status == "ready":
        _begin_work(draft, lane)


def _begin_work(draft: Draft, lane: Lane) -> None:
    """Attaches the sessions that were made with the lane, and prompted before there was a place to work in. Other
    queues wait on: a lane that was restored is not set to work by that alone."""
    for session in draft.sessions(lane.lane_id):
        is_new = session.status == "detached" and session.operation is None and session.attached_at is None
        if is_new and queue.waiting(draft, session.session_id) and queue.can_start(draft, session):
            sessions.begin_attach(draft, session)
            # The operation's correlation can be that of one session only, and lane.start makes one.
            return


def _list_repos(draft: Draft, lane: Lane) -> list[Repo]:
    wanted = {worktree.repo_id for worktree in lane.worktrees}
    return [repo for repo in draft.repos(lane.workspace_id) if repo.repo_id in wanted]
