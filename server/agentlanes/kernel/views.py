"""What queries show: lists and single entities of every noun by one rule, and the few that look elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from agentlanes.core.command import Context
from agentlanes.core.errors import Refusal
from agentlanes.core.facts import DiffFile as GitFile
from agentlanes.core.facts import DiffOptions
from agentlanes.core.queue import USABLE, find_position
from agentlanes.core.trace import trace_turn
from agentlanes.kernel.addresses import address_repo, address_worktree
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.ports.git import Git, GitRefusal
from agentlanes.kernel.ports.store import Selection
from agentlanes.kernel.refusals import refuse_git
from agentlanes.kernel.vitals import Vitals
from agentlanes.wire.models import (
    AuditEvent,
    AuditList,
    AuditPage,
    Branch,
    BranchPage,
    DiffFile,
    DiffHunk,
    EventList,
    EventPage,
    Item,
    Lane,
    LaneDiff,
    LaneDiffResult,
    RepoRef,
    Session,
    SessionList,
    Snapshot,
    TraceEntry,
    TraceList,
    TracePage,
    Turn,
    TurnList,
    TurnPage,
    WorktreeDiff,
)
from agentlanes.wire.table import ENTITIES, METHODS

DEFAULT_LIMIT = 100
TRACED_TURNS = 20
_HIGHEST = 1 << 53
_SCOPES = ("workspace_id", "lane_id", "session_id")
_PLURALS = {"process": "processes", "harness": "harnesses"}

View = Callable[[Context, Any], Struct | Awaitable[Struct]]


def pluralize(noun: str) -> str:
    """The field that holds a list of the noun's entities."""
    return _PLURALS.get(noun, f"{noun}s")


class Views:
    """Every query that needs no peer, by method."""

    def __init__(self, kernel: Kernel, git: Git, vitals: Vitals) -> None:
        self._kernel = kernel
        self._git = git
        self._vitals = vitals
        self.by_method: dict[str, View] = {
            "event.list": self._list_events,
            "audit.list": self._list_audit,
            "lane.diff": self._diff_lane,
            "repo.branches": self._list_branches,
            "trace.list": self._list_traces,
        }
        for noun in ENTITIES:
            if f"{noun}.list" in METHODS:
                self.by_method[f"{noun}.list"] = self._list_view(noun)
            if f"{noun}.get" in METHODS:
                self.by_method[f"{noun}.get"] = self._get_view(noun)
        self._list_turns = self.by_method["turn.list"]
        self.by_method["turn.list"] = self._list_turns_or_queues

    def find(self, noun: str, id: str | None) -> Any:
        """An entity, from memory or the store, with its vitals; refuses with `<NOUN>_NOT_FOUND`."""
        entity = self._kernel.state.get(noun, id) if id is not None else None
        if entity is None and id is not None:
            entity = self._kernel.find_leaving(noun, id)
        if entity is None and id is not None and ENTITIES[noun].open_only:
            json = self._kernel.store.entity(noun, id)
            entity = None if json is None else msgspec.json.decode(json, type=ENTITIES[noun].type)
        if entity is None:
            raise Refusal(f"{noun.upper()}_NOT_FOUND", f"there is no {noun} {id}", **{f"{noun}_id": id})
        return self._vitals.complete(noun, entity)

    def _get_view(self, noun: str) -> View:
        id_field = ENTITIES[noun].id
        result = METHODS[f"{noun}.get"].result

        def get(context: Context, payload: Any) -> Struct:
            id = getattr(context, id_field, None) or getattr(payload, id_field, None)
            return result(**{noun: self.find(noun, id)})

        return get

    def _list_view(self, noun: str) -> View:
        result = METHODS[f"{noun}.list"].result
        select = self._select_stored if ENTITIES[noun].open_only else self._select_resident

        def show(context: Context, payload: Any) -> Struct:
            limit = payload.limit or DEFAULT_LIMIT
            found = select(noun, context, payload, limit + 1)
            page = [self._vitals.complete(noun, entity) for entity in found[:limit]]
            more = getattr(page[-1], ENTITIES[noun].id) if len(found) > limit else None
            return result(**{pluralize(noun): tuple(page), "next_cursor": more})

        return show

    def _select_resident(self, noun: str, context: Context, payload: Any, limit: int) -> list[Any]:
        id_field = ENTITIES[noun].id
        wanted = {name: getattr(context, name) for name in _SCOPES if getattr(context, name) is not None}
        wanted |= _filters(payload)
        hidden = isinstance(payload, SessionList) and not payload.unlisted
        found = [
            entity
            for entity in self._kernel.state.all(noun)
            if all(getattr(entity, name, None) == value for name, value in wanted.items())
            and (payload.cursor is None or getattr(entity, id_field) > payload.cursor)
            and not (hidden and isinstance(entity, Session) and not entity.listed)
        ]
        return sorted(found, key=lambda entity: str(getattr(entity, id_field)))[:limit]

    def _select_stored(self, noun: str, context: Context, payload: Any, limit: int) -> list[Any]:
        where = _filters(payload)
        parent = ENTITIES[noun].parent
        selection = Selection(
            noun,
            parent=where.pop(parent, None) if parent is not None else None,
            workspace_id=context.workspace_id,
            lane_id=context.lane_id,
            session_id=context.session_id,
            where=where,
            after=payload.cursor,
            limit=limit,
        )
        type_ = ENTITIES[noun].type
        return [msgspec.json.decode(json, type=type_) for _, json in self._kernel.store.select(selection)]

    def _list_turns_or_queues(self, context: Context, payload: TurnList) -> Struct | Awaitable[Struct]:
        """Queued turns alone are shown in the order in which they will run; all of them are in memory."""
        if payload.status != "queued":
            return self._list_turns(context, payload)
        limit = payload.limit or DEFAULT_LIMIT
        wanted = {name: getattr(context, name) for name in _SCOPES if getattr(context, name) is not None}
        found = sorted(
            (_write_place(turn), turn)
            for turn in self._kernel.state.all("turn")
            if turn.status == "queued" and all(getattr(turn, name) == value for name, value in wanted.items())
        )
        page = [row for row in found if payload.cursor is None or row[0] > payload.cursor]
        more = page[limit - 1][0] if len(page) > limit else None
        return TurnPage(turns=tuple(turn for _, turn in page[:limit]), next_cursor=more)

    def snapshot(self, workspace_ids: tuple[str, ...]) -> Snapshot:
        """What is live, for a client to start its mirror from."""

        def of(noun: str) -> tuple[Any, ...]:
            return tuple(
                self._vitals.complete(noun, entity)
                for entity in self._kernel.state.all(noun)
                if not workspace_ids or getattr(entity, "workspace_id", None) in (None, *workspace_ids)
            )

        turns = of("turn")
        items: list[Item] = []
        for turn in turns:
            items += self._list_items(turn.turn_id)
        return Snapshot(
            workspaces=of("workspace"),
            repos=of("repo"),
            lanes=of("lane"),
            sessions=of("session"),
            turns=turns,
            items=tuple(items),
            processes=of("process"),
            terminals=of("terminal"),
            approvals=of("approval"),
            constraints=of("constraint"),
            stops=of("stop"),
            harnesses=of("harness"),
            renderers=of("renderer"),
            grants=of("grant"),
        )

    def _list_items(self, turn_id: str) -> list[Item]:
        """All items of an open turn as they are decided, which the store is behind of."""
        stored = self._kernel.store.select(Selection("item", parent=turn_id, limit=100_000))
        items = {id: msgspec.json.decode(json, type=Item) for id, json in stored}
        decided = [*self._kernel.list_leaving("item"), *self._kernel.state.children("item", turn_id)]
        items |= {item.item_id: item for item in decided if item.turn_id == turn_id}
        return [self._vitals.complete("item", item) for item in sorted(items.values(), key=lambda item: item.position)]

    def _list_events(self, context: Context, payload: EventList) -> Struct:
        rows = self._kernel.store.events(payload.after_seq or 0, payload.limit or DEFAULT_LIMIT)
        events = tuple(msgspec.json.decode(row.frame, type=_Notification).params for row in rows)
        return EventPage(events=events, seq=self._kernel.feed.head)  # type: ignore[arg-type]

    def _list_audit(self, context: Context, payload: AuditList) -> Struct:
        limit = payload.limit or DEFAULT_LIMIT
        found = self._kernel.store.audits(payload.correlation_id, payload.result, payload.cursor, limit + 1)
        page = tuple(msgspec.json.decode(json, type=AuditEvent) for json in found[:limit])
        return AuditPage(audit_events=page, next_cursor=page[-1].audit_event_id if len(found) > limit else None)

    def _list_traces(self, context: Context, payload: TraceList) -> Struct:
        if payload.turn_id is not None:
            return TracePage(traces=tuple(self._trace(self.find("turn", payload.turn_id))))
        if context.session_id is None:
            raise Refusal("TRACE_NOT_NAMED", "trace.list needs turn_id, or session_id in the envelope")
        limit = payload.limit or TRACED_TURNS
        scope = Context(session_id=self.find("session", context.session_id).session_id)
        turns = self._select_stored("turn", scope, TraceList(cursor=payload.cursor), limit + 1)
        traces: list[TraceEntry] = []
        for turn in turns[:limit]:
            traces += self._trace(turn)
        return TracePage(traces=tuple(traces), next_cursor=turns[limit - 1].turn_id if len(turns) > limit else None)

    def _trace(self, turn: Turn) -> list[TraceEntry]:
        return trace_turn(turn, self._list_items(turn.turn_id), self._kernel.state.get("session", turn.session_id))

    async def _list_branches(self, context: Context, payload: RepoRef) -> Struct:
        repo = self.find("repo", payload.repo_id)
        try:
            found = await self._git.list_branches(address_repo(repo))
        except GitRefusal as error:
            raise refuse_git(error) from error
        return BranchPage(
            branches=tuple(
                Branch(name=b.name, commit=b.commit, checked_out_at=b.checked_out_at[0] if b.checked_out_at else None)
                for b in found
            )
        )

    async def _diff_lane(self, context: Context, payload: LaneDiff) -> Struct:
        lane: Lane = self.find("lane", context.lane_id)
        if lane.status not in USABLE:
            raise Refusal("LANE_NOT_READY", f"lane {lane.name} is {lane.status}; lane.attach brings its worktree back")
        options = DiffOptions(
            paths=payload.paths,
            context_lines=3 if payload.context is None else payload.context,
            hunks=payload.hunks is not False,
            max_bytes=payload.max_bytes or 1 << 20,
        )
        shown: list[WorktreeDiff] = []
        for worktree in lane.worktrees:
            repo = self.find("repo", worktree.repo_id)
            address = address_worktree(repo, lane, worktree)
            try:
                found = await self._git.diff(address, f"refs/heads/{worktree.target_branch}", options)
            except GitRefusal as error:
                raise refuse_git(error) from error
            shown.append(
                WorktreeDiff(
                    repo_id=repo.repo_id,
                    base_commit=found.base_commit or worktree.base_commit,
                    head_commit=found.head_commit or worktree.base_commit,
                    files=tuple(_show_file(file) for file in found.files),
                    additions=found.additions,
                    deletions=found.deletions,
                    uncommitted=found.uncommitted,
                    truncated=found.truncated,
                )
            )
        return LaneDiffResult(worktrees=tuple(shown))


def _write_place(turn: Turn) -> str:
    """A turn's place among all queues, as a text that sorts as they do."""
    position, priority = find_position(turn)
    return f"{turn.session_id}:{position + _HIGHEST:017d}:{100 + priority:03d}:{turn.turn_id}"


class _Notification(Struct):
    params: msgspec.Raw


def _filters(payload: Any) -> dict[str, Any]:
    """The list's own fields that must match: everything that is neither paging nor a switch."""
    told = msgspec.structs.asdict(payload)
    return {
        name: value for name, value in told.items() if value is not None and name not in ("cursor", "limit", "unlisted")
    }


def _show_file(file: GitFile) -> DiffFile:
    return DiffFile(
        path=file.path,
        old_path=file.old_path,
        status=file.status,
        additions=file.additions,
        deletions=file.deletions,
        binary=file.binary,
        old_mode=file.old_mode,
        new_mode=file.new_mode,
        hunks=tuple(
            DiffHunk(
                old_start=hunk.old_start,
                old_lines=hunk.old_lines,
                new_start=hunk.new_start,
                new_lines=hunk.new_lines,
                section=hunk.section,
                text="".join(f"{line}\n" for line in hunk.lines),
            )
            for hunk in file.hunks
        ),
        truncated=file.truncated or None,
    )
