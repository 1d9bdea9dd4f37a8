"""The one list of methods, topics, errors and machines. Written by protocol/generate.py; do not edit."""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct

from . import models

PROTOCOL_VERSION = "1"


class Method(NamedTuple):
    """A row of a noun file's methods."""

    name: str
    kind: Literal["command", "query", "stream", "internal"]
    params: type[Struct]
    result: type[Struct]
    lifecycle: bool
    context: tuple[str, ...]
    observe: str | None


class Topic(NamedTuple):
    """A row of a noun file's topics."""

    name: str
    noun: str
    payload: type[Struct]
    logged: bool
    drops: bool
    phase: Literal["start", "end"] | None


class Error(NamedTuple):
    """A row of the error table."""

    code: int
    retryable: bool
    summary: str


class Machine(NamedTuple):
    """A noun's state machine."""

    field: str
    initial: str
    edges: dict[str, tuple[str, ...]]

    def is_final(self, state: str) -> bool:
        """Whether nothing is legal from this state."""
        return not self.edges[state]


class Entity(NamedTuple):
    """What a noun's entities are, and what holds them."""

    type: type[Struct]
    id: str
    parent: str | None
    open_only: bool
    until: str | None


METHODS: dict[str, Method] = {
    "protocol.describe": Method("protocol.describe", "query", models.Empty, models.Description, False, (), None),
    "server.status": Method("server.status", "query", models.Empty, models.ServerStatus, False, (), None),
    "server.stop": Method("server.stop", "query", models.ServerStop, models.Empty, False, (), None),
    "event.subscribe": Method("event.subscribe", "query", models.EventSubscribe, models.Subscription, False, (), None),
    "event.unsubscribe": Method("event.unsubscribe", "query", models.Empty, models.Empty, False, (), None),
    "event.list": Method("event.list", "query", models.EventList, models.EventPage, False, (), None),
    "workspace.create": Method("workspace.create", "command", models.WorkspaceCreate, models.WorkspaceState, True, (), "root_paths"),
    "workspace.open": Method("workspace.open", "command", models.Empty, models.WorkspaceState, True, ("workspace_id",), None),
    "workspace.update": Method("workspace.update", "command", models.WorkspaceUpdate, models.WorkspaceState, True, ("workspace_id",), "root_paths"),
    "workspace.close": Method("workspace.close", "command", models.Empty, models.WorkspaceState, True, ("workspace_id",), None),
    "workspace.delete": Method("workspace.delete", "command", models.Empty, models.WorkspaceState, True, ("workspace_id",), None),
    "workspace.list": Method("workspace.list", "query", models.WorkspaceList, models.WorkspacePage, False, (), None),
    "workspace.get": Method("workspace.get", "query", models.Empty, models.WorkspaceState, False, ("workspace_id",), None),
    "repo.add": Method("repo.add", "command", models.RepoAdd, models.RepoState, True, ("workspace_id",), "repo"),
    "repo.update": Method("repo.update", "command", models.RepoUpdate, models.RepoState, True, ("workspace_id",), None),
    "repo.remove": Method("repo.remove", "command", models.RepoRef, models.RepoState, True, ("workspace_id",), None),
    "repo.list": Method("repo.list", "query", models.RepoList, models.RepoPage, False, (), None),
    "repo.get": Method("repo.get", "query", models.RepoRef, models.RepoState, False, (), None),
    "repo.branches": Method("repo.branches", "query", models.RepoRef, models.BranchPage, False, (), None),
    "lane.create": Method("lane.create", "command", models.LaneCreate, models.LaneState, True, ("workspace_id",), "lane_base"),
    "lane.start": Method("lane.start", "command", models.LaneStart, models.LaneStarted, True, (), "lane_start"),
    "lane.attach": Method("lane.attach", "command", models.Empty, models.LaneState, True, ("lane_id",), None),
    "lane.update": Method("lane.update", "command", models.LaneUpdate, models.LaneState, True, ("lane_id",), "profile"),
    "lane.commit": Method("lane.commit", "command", models.LaneCommit, models.LaneState, True, ("lane_id",), None),
    "lane.merge": Method("lane.merge", "command", models.LaneMerge, models.LaneState, True, ("lane_id",), None),
    "lane.cleanup": Method("lane.cleanup", "command", models.LaneCleanup, models.LaneState, True, ("lane_id",), "lane_work"),
    "lane.delete": Method("lane.delete", "command", models.Empty, models.LaneState, True, ("lane_id",), None),
    "lane.diff": Method("lane.diff", "query", models.LaneDiff, models.LaneDiffResult, False, ("lane_id",), None),
    "lane.list": Method("lane.list", "query", models.LaneList, models.LanePage, False, (), None),
    "lane.get": Method("lane.get", "query", models.Empty, models.LaneState, False, ("lane_id",), None),
    "lane.settle": Method("lane.settle", "internal", models.LaneSettle, models.LaneState, False, ("lane_id",), None),
    "session.create": Method("session.create", "command", models.SessionCreate, models.SessionState, True, ("lane_id",), "origin"),
    "session.attach": Method("session.attach", "command", models.Empty, models.SessionState, True, ("session_id",), "profile"),
    "session.detach": Method("session.detach", "command", models.Empty, models.SessionState, True, ("session_id",), None),
    "session.terminate": Method("session.terminate", "command", models.Empty, models.SessionState, True, ("session_id",), None),
    "session.rewind": Method("session.rewind", "command", models.SessionRewind, models.SessionState, True, ("session_id",), "turns"),
    "session.update": Method("session.update", "command", models.SessionUpdate, models.SessionState, True, ("session_id",), "profile"),
    "session.delete": Method("session.delete", "command", models.Empty, models.SessionState, True, ("session_id",), None),
    "session.list": Method("session.list", "query", models.SessionList, models.SessionPage, False, (), None),
    "session.get": Method("session.get", "query", models.Empty, models.SessionState, False, ("session_id",), None),
    "session.settle": Method("session.settle", "internal", models.SessionSettle, models.SessionState, False, ("session_id",), None),
    "session.apply": Method("session.apply", "internal", models.SessionApply, models.SessionState, False, ("session_id",), None),
    "turn.create": Method("turn.create", "command", models.TurnCreate, models.TurnState, True, ("session_id",), "profile"),
    "turn.cancel": Method("turn.cancel", "command", models.TurnRef, models.TurnState, True, (), "turn"),
    "turn.interrupt": Method("turn.interrupt", "command", models.TurnRef, models.TurnState, True, (), "turn"),
    "turn.steer": Method("turn.steer", "command", models.TurnSteer, models.TurnState, True, (), "turn"),
    "turn.replace": Method("turn.replace", "command", models.TurnReplace, models.TurnReplaced, True, (), "replacement"),
    "turn.move": Method("turn.move", "command", models.TurnMove, models.TurnState, True, (), "turn"),
    "turn.update": Method("turn.update", "command", models.TurnUpdate, models.TurnState, True, (), "turn"),
    "turn.list": Method("turn.list", "query", models.TurnList, models.TurnPage, False, (), None),
    "turn.get": Method("turn.get", "query", models.TurnRef, models.TurnState, False, (), None),
    "turn.halt": Method("turn.halt", "internal", models.TurnHalt, models.TurnState, True, (), None),
    "turn.exempt": Method("turn.exempt", "internal", models.TurnExempt, models.TurnState, False, (), None),
    "item.list": Method("item.list", "query", models.ItemList, models.ItemPage, False, (), None),
    "item.get": Method("item.get", "query", models.ItemRef, models.ItemState, False, (), None),
    "process.list": Method("process.list", "query", models.ProcessList, models.ProcessPage, False, (), None),
    "process.get": Method("process.get", "query", models.ProcessRef, models.ProcessState, False, (), None),
    "process.read": Method("process.read", "query", models.ProcessRead, models.TapeChunk, False, (), None),
    "process.start": Method("process.start", "internal", models.ProcessStart, models.ProcessState, False, ("lane_id",), None),
    "process.exit": Method("process.exit", "internal", models.ProcessExit, models.ProcessState, False, (), None),
    "terminal.spawn": Method("terminal.spawn", "command", models.TerminalSpawn, models.TerminalState, True, ("lane_id",), "shell"),
    "terminal.close": Method("terminal.close", "command", models.TerminalClose, models.TerminalState, True, ("terminal_id",), None),
    "terminal.update": Method("terminal.update", "command", models.TerminalUpdate, models.TerminalState, True, ("terminal_id",), None),
    "terminal.delete": Method("terminal.delete", "command", models.Empty, models.TerminalState, True, ("terminal_id",), None),
    "terminal.attach": Method("terminal.attach", "query", models.TerminalAttach, models.TerminalAttachment, False, ("terminal_id",), None),
    "terminal.detach": Method("terminal.detach", "query", models.Empty, models.Empty, False, ("terminal_id",), None),
    "terminal.ack": Method("terminal.ack", "stream", models.TerminalAck, models.Empty, False, ("terminal_id",), None),
    "terminal.input": Method("terminal.input", "stream", models.TerminalInput, models.Empty, False, ("terminal_id",), None),
    "terminal.resize": Method("terminal.resize", "stream", models.TerminalResize, models.TerminalSize, False, ("terminal_id",), None),
    "terminal.signal": Method("terminal.signal", "stream", models.TerminalSignal, models.Empty, False, ("terminal_id",), None),
    "terminal.read": Method("terminal.read", "query", models.TerminalRead, models.TapeChunk, False, ("terminal_id",), None),
    "terminal.render": Method("terminal.render", "query", models.TerminalRender, models.TerminalScreen, False, ("terminal_id",), None),
    "terminal.list": Method("terminal.list", "query", models.TerminalList, models.TerminalPage, False, (), None),
    "terminal.get": Method("terminal.get", "query", models.Empty, models.TerminalState, False, ("terminal_id",), None),
    "terminal.settle": Method("terminal.settle", "internal", models.TerminalSettle, models.TerminalState, False, ("terminal_id",), None),
    "terminal.throttle": Method("terminal.throttle", "internal", models.TerminalThrottle, models.TerminalState, False, ("terminal_id",), None),
    "approval.resolve": Method("approval.resolve", "command", models.ApprovalResolve, models.ApprovalState, True, (), "approval"),
    "approval.list": Method("approval.list", "query", models.ApprovalList, models.ApprovalPage, False, (), None),
    "approval.get": Method("approval.get", "query", models.ApprovalRef, models.ApprovalState, False, (), None),
    "approval.expire": Method("approval.expire", "internal", models.ApprovalRef, models.ApprovalState, False, (), None),
    "grant.list": Method("grant.list", "query", models.GrantList, models.GrantPage, False, (), None),
    "grant.get": Method("grant.get", "query", models.GrantRef, models.GrantState, False, (), None),
    "grant.revoke": Method("grant.revoke", "command", models.GrantRef, models.GrantState, True, (), None),
    "prompt.create": Method("prompt.create", "command", models.PromptCreate, models.PromptReceipt, True, (), "profiles"),
    "profile.list": Method("profile.list", "query", models.Empty, models.ProfilePage, False, (), None),
    "profile.get": Method("profile.get", "query", models.ProfileRef, models.ProfileState, False, (), None),
    "agent.list": Method("agent.list", "query", models.Empty, models.AgentPage, False, (), None),
    "agent.options": Method("agent.options", "query", models.ProfileRef, models.AgentOptions, False, (), None),
    "agent.get": Method("agent.get", "query", models.ProfileRef, models.AgentState, False, (), None),
    "agent.stop_all": Method("agent.stop_all", "command", models.AgentStopAll, models.StopState, True, (), None),
    "constraint.create": Method("constraint.create", "command", models.ConstraintCreate, models.ConstraintState, True, ("workspace_id",), None),
    "constraint.update": Method("constraint.update", "command", models.ConstraintUpdate, models.ConstraintState, True, (), None),
    "constraint.delete": Method("constraint.delete", "command", models.ConstraintRef, models.ConstraintState, True, (), None),
    "constraint.list": Method("constraint.list", "query", models.ConstraintList, models.ConstraintPage, False, (), None),
    "constraint.get": Method("constraint.get", "query", models.ConstraintRef, models.ConstraintState, False, (), None),
    "stop.list": Method("stop.list", "query", models.StopList, models.StopPage, False, (), None),
    "stop.get": Method("stop.get", "query", models.StopRef, models.StopState, False, (), None),
    "stop.settle": Method("stop.settle", "internal", models.StopSettle, models.StopState, False, (), None),
    "harness.status.get": Method("harness.status.get", "query", models.HarnessGet, models.HarnessState, False, (), None),
    "harness.settle": Method("harness.settle", "internal", models.HarnessSettle, models.HarnessState, False, (), None),
    "renderer.capabilities": Method("renderer.capabilities", "query", models.Empty, models.RendererCapabilities, False, (), None),
    "renderer.switch": Method("renderer.switch", "command", models.RendererSwitchTo, models.RendererState, True, (), "renderer"),
    "renderer.settle": Method("renderer.settle", "internal", models.RendererSettle, models.RendererState, False, (), None),
    "audit.list": Method("audit.list", "query", models.AuditList, models.AuditPage, False, (), None),
    "trace.list": Method("trace.list", "query", models.TraceList, models.TracePage, False, (), None),
}

TOPICS: dict[str, Topic] = {
    "event.gap": Topic("event.gap", "connection", models.Gap, False, False, None),
    "workspace.created": Topic("workspace.created", "workspace", models.WorkspaceState, True, False, None),
    "workspace.opened": Topic("workspace.opened", "workspace", models.WorkspaceState, True, False, None),
    "workspace.updated": Topic("workspace.updated", "workspace", models.WorkspaceState, True, False, None),
    "workspace.closed": Topic("workspace.closed", "workspace", models.WorkspaceState, True, False, None),
    "workspace.deleted": Topic("workspace.deleted", "workspace", models.WorkspaceState, True, True, None),
    "repo.added": Topic("repo.added", "repo", models.RepoState, True, False, None),
    "repo.updated": Topic("repo.updated", "repo", models.RepoState, True, False, None),
    "repo.removed": Topic("repo.removed", "repo", models.RepoState, True, True, None),
    "lane.create.started": Topic("lane.create.started", "lane", models.LaneState, True, False, "start"),
    "lane.created": Topic("lane.created", "lane", models.LaneState, True, False, "end"),
    "lane.create.failed": Topic("lane.create.failed", "lane", models.LaneState, True, False, "end"),
    "lane.attach.started": Topic("lane.attach.started", "lane", models.LaneState, True, False, "start"),
    "lane.attached": Topic("lane.attached", "lane", models.LaneState, True, False, "end"),
    "lane.attach.failed": Topic("lane.attach.failed", "lane", models.LaneState, True, False, "end"),
    "lane.commit.started": Topic("lane.commit.started", "lane", models.LaneState, True, False, "start"),
    "lane.committed": Topic("lane.committed", "lane", models.LaneState, True, False, "end"),
    "lane.commit.failed": Topic("lane.commit.failed", "lane", models.LaneState, True, False, "end"),
    "lane.merge.started": Topic("lane.merge.started", "lane", models.LaneState, True, False, "start"),
    "lane.merged": Topic("lane.merged", "lane", models.LaneState, True, False, "end"),
    "lane.merge.failed": Topic("lane.merge.failed", "lane", models.LaneState, True, False, "end"),
    "lane.cleanup.started": Topic("lane.cleanup.started", "lane", models.LaneState, True, False, "start"),
    "lane.cleaned": Topic("lane.cleaned", "lane", models.LaneState, True, False, "end"),
    "lane.cleanup.failed": Topic("lane.cleanup.failed", "lane", models.LaneState, True, False, "end"),
    "lane.state.changed": Topic("lane.state.changed", "lane", models.LaneState, True, False, None),
    "lane.updated": Topic("lane.updated", "lane", models.LaneState, True, False, None),
    "lane.deleted": Topic("lane.deleted", "lane", models.LaneState, True, True, None),
    "session.created": Topic("session.created", "session", models.SessionState, True, False, None),
    "session.attach.started": Topic("session.attach.started", "session", models.SessionState, True, False, "start"),
    "session.attached": Topic("session.attached", "session", models.SessionState, True, False, "end"),
    "session.attach.failed": Topic("session.attach.failed", "session", models.SessionState, True, False, "end"),
    "session.detach.started": Topic("session.detach.started", "session", models.SessionState, True, False, "start"),
    "session.detached": Topic("session.detached", "session", models.SessionState, True, False, None),
    "session.rewind.started": Topic("session.rewind.started", "session", models.SessionState, True, False, "start"),
    "session.rewound": Topic("session.rewound", "session", models.SessionState, True, False, "end"),
    "session.terminate.started": Topic("session.terminate.started", "session", models.SessionState, True, False, "start"),
    "session.terminated": Topic("session.terminated", "session", models.SessionState, True, False, "end"),
    "session.terminate.failed": Topic("session.terminate.failed", "session", models.SessionState, True, False, "end"),
    "session.updated": Topic("session.updated", "session", models.SessionState, True, False, None),
    "session.deleted": Topic("session.deleted", "session", models.SessionState, True, True, None),
    "turn.queued": Topic("turn.queued", "turn", models.TurnState, True, False, None),
    "turn.started": Topic("turn.started", "turn", models.TurnState, True, False, None),
    "turn.waiting": Topic("turn.waiting", "turn", models.TurnState, True, False, None),
    "turn.resumed": Topic("turn.resumed", "turn", models.TurnState, True, False, None),
    "turn.completed": Topic("turn.completed", "turn", models.TurnState, True, False, None),
    "turn.failed": Topic("turn.failed", "turn", models.TurnState, True, False, None),
    "turn.interrupted": Topic("turn.interrupted", "turn", models.TurnState, True, False, None),
    "turn.canceled": Topic("turn.canceled", "turn", models.TurnState, True, False, None),
    "turn.updated": Topic("turn.updated", "turn", models.TurnState, True, False, None),
    "item.started": Topic("item.started", "item", models.ItemState, True, False, None),
    "item.updated": Topic("item.updated", "item", models.ItemState, True, False, None),
    "item.completed": Topic("item.completed", "item", models.ItemState, True, False, None),
    "item.delta": Topic("item.delta", "item", models.ItemDelta, False, False, None),
    "process.started": Topic("process.started", "process", models.ProcessState, True, False, None),
    "process.exited": Topic("process.exited", "process", models.ProcessState, True, False, None),
    "terminal.spawn.started": Topic("terminal.spawn.started", "terminal", models.TerminalState, True, False, "start"),
    "terminal.spawned": Topic("terminal.spawned", "terminal", models.TerminalState, True, False, "end"),
    "terminal.spawn.failed": Topic("terminal.spawn.failed", "terminal", models.TerminalState, True, False, "end"),
    "terminal.state.changed": Topic("terminal.state.changed", "terminal", models.TerminalState, True, False, None),
    "terminal.close.started": Topic("terminal.close.started", "terminal", models.TerminalState, True, False, "start"),
    "terminal.closed": Topic("terminal.closed", "terminal", models.TerminalState, True, False, None),
    "terminal.updated": Topic("terminal.updated", "terminal", models.TerminalState, True, False, None),
    "terminal.deleted": Topic("terminal.deleted", "terminal", models.TerminalState, True, True, None),
    "terminal.output": Topic("terminal.output", "terminal", models.TerminalOutput, False, False, None),
    "terminal.rendered": Topic("terminal.rendered", "terminal", models.TerminalRendered, False, False, None),
    "terminal.render.ended": Topic("terminal.render.ended", "terminal", models.TerminalRenderEnded, False, False, None),
    "terminal.resized": Topic("terminal.resized", "terminal", models.TerminalResized, False, False, None),
    "approval.requested": Topic("approval.requested", "approval", models.ApprovalState, True, False, None),
    "approval.resolved": Topic("approval.resolved", "approval", models.ApprovalState, True, False, None),
    "approval.answered": Topic("approval.answered", "approval", models.ApprovalState, True, False, None),
    "grant.created": Topic("grant.created", "grant", models.GrantState, True, False, None),
    "grant.revoked": Topic("grant.revoked", "grant", models.GrantState, True, True, None),
    "agent.vitals": Topic("agent.vitals", "agent", models.AgentVitals, False, False, None),
    "constraint.created": Topic("constraint.created", "constraint", models.ConstraintState, True, False, None),
    "constraint.updated": Topic("constraint.updated", "constraint", models.ConstraintState, True, False, None),
    "constraint.deleted": Topic("constraint.deleted", "constraint", models.ConstraintState, True, True, None),
    "stop.started": Topic("stop.started", "stop", models.StopState, True, False, None),
    "stop.ended": Topic("stop.ended", "stop", models.StopState, True, False, None),
    "harness.status.changed": Topic("harness.status.changed", "harness", models.HarnessState, True, False, None),
    "renderer.switch.started": Topic("renderer.switch.started", "renderer", models.RendererState, True, False, "start"),
    "renderer.switch.succeeded": Topic("renderer.switch.succeeded", "renderer", models.RendererState, True, False, "end"),
    "renderer.switch.failed": Topic("renderer.switch.failed", "renderer", models.RendererState, True, False, "end"),
    "audit.recorded": Topic("audit.recorded", "audit", models.AuditState, False, False, None),
}

ERRORS: dict[str, Error] = {
    "PARSE_ERROR": Error(-32700, False, "The frame is not JSON."),
    "INVALID_REQUEST": Error(-32600, False, "The frame is JSON but not a JSON-RPC 2.0 request."),
    "FRAME_TOO_LARGE": Error(-32600, False, "The frame is larger than 64 MiB."),
    "DUPLICATE_REQUEST_ID": Error(-32600, False, "A request with this id is still being answered."),
    "METHOD_NOT_FOUND": Error(-32601, False, "No such method; protocol.describe lists them."),
    "METHOD_NOT_SUPPORTED": Error(-32601, False, "The method is known and not offered by this server; details say what to use."),
    "INVALID_PARAMS": Error(-32602, False, "The params do not fit the method's schema; details list every path."),
    "INTERNAL_ERROR": Error(-32603, False, "The server failed; details carry an incident id that its log explains."),
    "SERVER_NOT_INITIALIZED": Error(-32002, False, "The first request of a connection must be initialize."),
    "REQUEST_CANCELLED": Error(-32800, False, "The client canceled the request before the command was accepted."),
    "OVERLOADED": Error(-32001, True, "Too many requests of this peer are in flight."),
    "VERSION_NOT_SUPPORTED": Error(-31000, False, "No protocol version in common; details say which are supported and who must upgrade."),
    "MISSING_CORRELATION_ID": Error(-31001, False, "A lifecycle command must carry correlation_id."),
    "MISSING_CONTEXT_ID": Error(-31002, False, "The command needs these context ids: details.missing."),
    "CONTEXT_MISMATCH": Error(-31003, False, "The context ids of the command do not belong together."),
    "ENVELOPE_ID_REUSED": Error(-31004, False, "The envelope_id was used before with other content."),
    "ORDERING_VIOLATION": Error(-31005, False, "A lifecycle with this correlation_id is already open, or none is open to end."),
    "ILLEGAL_TRANSITION": Error(-31006, False, "The entity's state does not allow this; details name the state and what is legal from it."),
    "ID_IN_USE": Error(-31007, False, "The id that the client chose already belongs to something."),
    "STORE_UNAVAILABLE": Error(-31008, True, "The log could not be written; nothing was done."),
    "STALE": Error(-31009, True, "The world changed between decision and effect; nothing was done."),
    "OPERATION_IN_PROGRESS": Error(-31010, True, "The entity has an effect under way; details name it."),
    "SERVER_STOPPING": Error(-31011, True, "The server is going away; connect again."),
    "INTERRUPTED_BY_RESTART": Error(-31012, True, "The effect was cut by a restart and could not be continued."),
    "WORKSPACE_NOT_FOUND": Error(-31100, False, "No workspace has this id."),
    "WORKSPACE_NOT_EMPTY": Error(-31101, False, "The workspace has lanes that are not closed; details list them."),
    "WORKSPACE_CLOSED": Error(-31102, False, "The workspace is closed; open it first."),
    "ROOT_PATH_NOT_FOUND": Error(-31103, False, "A root path is missing, is no folder, or cannot be resolved; details list them."),
    "REPO_NOT_FOUND": Error(-31200, False, "No repo has this id."),
    "REPO_EXISTS": Error(-31201, False, "The workspace already has this repository."),
    "REPO_IN_USE": Error(-31202, False, "Lanes that are not closed use the repo; details list them."),
    "REPO_REFUSED": Error(-31203, False, "The path is not a repository that lanes can be made of; details.reason says why."),
    "BRANCH_NOT_FOUND": Error(-31204, False, "The repository has no such branch."),
    "TARGET_BRANCH_REQUIRED": Error(-31205, False, "HEAD is detached, so a target branch must be named."),
    "GIT_FAILED": Error(-31206, False, "Git refused; details carry its words."),
    "COPY_OUTSIDE": Error(-31207, False, "A pattern of copy_files leads out of the repo, or into git's own folder."),
    "LANE_NOT_FOUND": Error(-31300, False, "No lane has this id."),
    "LANE_NOT_READY": Error(-31301, False, "The lane has no worktree to work in; lane.attach brings it back."),
    "LANE_HOLDS_WORK": Error(-31302, False, "The lane holds work that exists nowhere else; details list it, force saves it first."),
    "LANE_NOT_CLOSED": Error(-31303, False, "Only a closed lane can be forgotten; lane.cleanup closes it."),
    "REPO_REQUIRED": Error(-31304, False, "The workspace has none or several repos, so repo_id must say which."),
    "BRANCH_EXISTS": Error(-31305, False, "The branch exists already; name another or none."),
    "WORKTREE_MISSING": Error(-31306, False, "The worktree is gone from the disk."),
    "MERGE_CONFLICT": Error(-31307, False, "The lane and its target changed the same lines; details list the paths."),
    "TARGET_MOVED": Error(-31308, True, "The target branch moved meanwhile."),
    "TARGET_CHECKED_OUT_DIRTY": Error(-31309, False, "The target branch is checked out somewhere with changes that the merge would touch."),
    "ALREADY_MERGED": Error(-31310, False, "The target already contains the lane."),
    "LANE_BUSY": Error(-31311, True, "A turn is running in the lane; wait for it or interrupt it."),
    "COPY_FAILED": Error(-31312, False, "A file of the repo's copy_files could not be copied into the lane; lane.attach tries again."),
    "SCRIPT_FAILED": Error(-31313, False, "A script of the repo failed; details name its terminal, which shows what it said. lane.attach runs a setup again, force removes a lane in spite of its cleanup."),
    "LANE_MAY_NOT_START": Error(-31314, False, "The agent of this lane may not have this lane started; details say which rule it is."),
    "SESSION_NOT_FOUND": Error(-31400, False, "No session has this id."),
    "SESSION_TERMINATED": Error(-31401, False, "The session is over; make a new one."),
    "SESSION_NOT_TERMINATED": Error(-31402, False, "Only a terminated session can be forgotten."),
    "AGENT_START_FAILED": Error(-31403, False, "The agent's program could not be started; details say why."),
    "AGENT_EXITED": Error(-31404, False, "The agent ended by itself; details carry its exit and the end of its stderr."),
    "AGENT_PROTOCOL_ERROR": Error(-31405, False, "The agent said something that its protocol does not allow."),
    "AGENT_REFUSED": Error(-31406, False, "The agent answered with an error; details carry it."),
    "AGENT_SILENT": Error(-31407, False, "The agent did not answer in time."),
    "RESUME_FAILED": Error(-31408, False, "The agent could not continue the conversation; nothing fresh was started in its place."),
    "RUNNER_LOST": Error(-31409, False, "The runner of the lane died; its processes were ended."),
    "RUNNER_START_FAILED": Error(-31410, True, "The lane's runner could not be started."),
    "RUNNER_UNREACHABLE": Error(-31411, True, "The lane's runner lives and cannot be asked; what it holds goes on, and details.reason says why."),
    "ORIGIN_INCOMPLETE": Error(-31420, False, "The origin lacks what its kind needs; details name it."),
    "ORIGIN_REFUSED": Error(-31421, False, "Nothing can go on from this session or turn; the message says why, and what would work."),
    "FORK_NOT_OFFERED": Error(-31422, False, "The agent cannot fork its conversation, or not there; a handover always works."),
    "CONVERSATION_IN_USE": Error(-31423, False, "Another session has this conversation of the agent already."),
    "REWIND_NOT_OFFERED": Error(-31425, False, "The agent cannot go back to there; details say what would work."),
    "SESSION_BUSY": Error(-31424, True, "A turn of the session runs; wait for its end or interrupt it."),
    "TURN_NOT_FOUND": Error(-31500, False, "No turn has this id."),
    "QUEUE_FULL": Error(-31501, True, "The session's queue holds 100 turns."),
    "TURN_NOT_QUEUED": Error(-31502, False, "The turn does not wait in the queue any more; the message says what works instead."),
    "TURN_NOT_RUNNING": Error(-31503, False, "The turn does not run; the message says what works instead."),
    "STEER_NOT_SUPPORTED": Error(-31504, False, "The agent takes no input while a turn runs; turn.replace and turn.create work."),
    "STEERS_FULL": Error(-31505, False, "The turn was given further input 100 times."),
    "ACTION_NOT_OFFERED": Error(-31506, False, "The agent cannot do this; details list what it offers."),
    "CHOICE_NOT_OFFERED": Error(-31507, False, "The agent offers no such choice; details list what it offers."),
    "TURN_ENDED": Error(-31508, False, "The turn ended before the agent took it."),
    "LIMIT_REACHED": Error(-31580, False, "The turn was stopped at a limit; details name the limit, its value, what was used and the constraint."),
    "AGENT_LOOPS": Error(-31581, False, "The agent made the same tool call with the same result again and again, and was stopped; details count them."),
    "AGENT_UNSTOPPABLE": Error(-31582, False, "The agent did not stop its turn when it was asked to, and was ended."),
    "ITEM_NOT_FOUND": Error(-31600, False, "No item has this id."),
    "PROCESS_NOT_FOUND": Error(-31700, False, "No process has this id."),
    "PROCESS_LIMIT": Error(-31780, False, "The process and what it started took more memory or cpu than its turn may, and were ended; details carry the numbers."),
    "SPAWN_FAILED": Error(-31701, False, "The program could not be started; details say why."),
    "TERMINAL_NOT_FOUND": Error(-31800, False, "No terminal has this id."),
    "TERMINAL_CLOSED": Error(-31801, False, "The terminal's program has ended; its tape can still be read."),
    "TERMINAL_NOT_CLOSED": Error(-31802, False, "Only a closed terminal can be forgotten."),
    "TERMINAL_NOT_ATTACHED": Error(-31803, False, "This peer is not attached to the terminal."),
    "INPUT_REFUSED": Error(-31804, True, "The terminal's program does not read its input and too much waits already, or the data is not valid base64."),
    "SCRIPT_MISSING": Error(-31805, False, "The repo has no such script; repo.update sets it."),
    "SCRIPT_RUNS": Error(-31806, False, "The script runs in the lane already; details name its terminal."),
    "APPROVAL_NOT_FOUND": Error(-31900, False, "No approval has this id."),
    "APPROVAL_DECIDED": Error(-31901, False, "It was decided before; details carry the decision."),
    "OPTION_NOT_OFFERED": Error(-31902, False, "The agent did not offer this option; details list those that it offered."),
    "ANSWER_REFUSED": Error(-31903, False, "An answer does not fit its question; details name it."),
    "SCOPE_REFUSED": Error(-31904, False, "The decision can count for this approval only; the message says why."),
    "GRANT_NOT_FOUND": Error(-31975, False, "No grant has this id."),
    "PROMPT_REFUSED": Error(-31976, False, "No session took the prompt; details say why of each."),
    "PROFILE_NOT_FOUND": Error(-31950, False, "No profile has this name; details list those that exist."),
    "CONFIG_INVALID": Error(-31951, False, "The config file is wrong; details say where."),
    "CONSTRAINT_NOT_FOUND": Error(-31960, False, "The workspace has no constraint of this id or name."),
    "CONSTRAINT_EXISTS": Error(-31961, False, "The workspace has a constraint of this name, or the name is `default`, which stands for another one."),
    "CONSTRAINT_IN_USE": Error(-31962, False, "Open lanes, sessions or queued turns have chosen the constraint; details list them."),
    "STOP_NOT_FOUND": Error(-31970, False, "No emergency stop has this id."),
    "EMERGENCY_STOP": Error(-31971, False, "Somebody stopped every agent; details name the stop and its reason."),
    "HARNESS_NOT_CONFIGURED": Error(-31980, False, "The config file names no harness; a [harness] table with its url does."),
    "HARNESS_UNAVAILABLE": Error(-31981, True, "The harness is not healthy, so a session takes the other route; details say what is wrong with it."),
    "ROUTE_NOT_SUPPORTED": Error(-31982, False, "The agent cannot take the route that is preferred."),
    "RENDERER_SWITCH_UNSUPPORTED": Error(-31995, False, "This server cannot do the mode; details say why, and which mode it can do."),
    "RENDERER_SWITCH_FAILED": Error(-31996, True, "The terminal could not be rendered; everything is as it was."),
    "RENDERER_UNAVAILABLE": Error(-31997, True, "The screen cannot be rendered now; terminal.read and terminal.attach in mode_a still give its bytes."),
    "TRACE_NOT_NAMED": Error(-31990, False, "Neither a turn nor a session was named, so nothing says what to trace."),
}

MACHINES: dict[str, Machine] = {
    "workspace": Machine("status", "active", {"active": ("archived", "error",), "archived": ("active",), "error": ("active", "archived",)}),
    "lane": Machine("status", "provisioning", {"new": ("provisioning", "closed",), "provisioning": ("ready", "error", "closed",), "ready": ("running", "blocked", "error", "closed",), "running": ("ready", "blocked", "error", "closed",), "blocked": ("running", "ready", "error", "closed",), "error": ("provisioning", "closed",), "closed": ("provisioning",)}),
    "session": Machine("status", "detached", {"detached": ("attaching", "terminated",), "attaching": ("attached", "detached", "terminated",), "attached": ("detached", "terminated",), "terminated": ()}),
    "turn": Machine("status", "queued", {"queued": ("running", "canceled",), "running": ("waiting", "completed", "failed", "interrupted",), "waiting": ("running", "completed", "failed", "interrupted",), "completed": (), "failed": (), "interrupted": (), "canceled": ()}),
    "item": Machine("status", "in_progress", {"in_progress": ("completed", "failed", "canceled",), "completed": (), "failed": (), "canceled": ()}),
    "process": Machine("status", "running", {"running": ("completed", "failed", "killed",), "completed": (), "failed": (), "killed": ()}),
    "terminal": Machine("state", "spawning", {"idle": ("spawning",), "spawning": ("active", "closed",), "active": ("throttled", "closed",), "throttled": ("active", "closed",), "closed": ()}),
    "approval": Machine("status", "pending", {"pending": ("approved", "denied", "expired", "canceled",), "approved": (), "denied": (), "expired": (), "canceled": ()}),
    "stop": Machine("status", "stopping", {"stopping": ("stopped",), "stopped": ()}),
    "harness": Machine("status", "unavailable", {"healthy": ("degraded", "unavailable",), "degraded": ("healthy", "unavailable",), "unavailable": ("healthy", "degraded",)}),
    "renderer": Machine("status", "switching", {"switching": ("succeeded", "failed",), "succeeded": (), "failed": ()}),
}

ENTITIES: dict[str, Entity] = {
    "workspace": Entity(models.Workspace, "workspace_id", None, False, None),
    "repo": Entity(models.Repo, "repo_id", "workspace_id", False, None),
    "lane": Entity(models.Lane, "lane_id", "workspace_id", False, None),
    "session": Entity(models.Session, "session_id", "lane_id", False, None),
    "turn": Entity(models.Turn, "turn_id", "session_id", True, None),
    "item": Entity(models.Item, "item_id", "turn_id", True, None),
    "process": Entity(models.Process, "process_id", "lane_id", True, None),
    "terminal": Entity(models.Terminal, "terminal_id", "lane_id", False, None),
    "approval": Entity(models.Approval, "approval_id", "session_id", True, "answered"),
    "grant": Entity(models.Grant, "grant_id", "workspace_id", False, None),
    "constraint": Entity(models.Constraint, "constraint_id", "workspace_id", False, None),
    "stop": Entity(models.Stop, "stop_id", None, True, None),
    "harness": Entity(models.HarnessStatus, "harness_id", None, False, None),
    "renderer": Entity(models.RendererSwitch, "switch_id", "workspace_id", True, None),
}

ALIASES: dict[str, str] = {
    "approval.request.resolve": "approval.resolve",
}

DEFERRED: dict[str, str] = {
    "project.clone": "clone the repository with git and add it with repo.add",
    "project.init": "make the repository with git and add it with repo.add",
    "agent.run": "turn.create runs a prompt in a session",
    "agent.cancel": "turn.interrupt stops a running turn",
    "share.upterm.start": "sharing is not offered; share the terminal's tape instead",
    "share.upterm.stop": "sharing is not offered",
    "share.tmate.start": "sharing is not offered; share the terminal's tape instead",
    "share.tmate.stop": "sharing is not offered",
    "zmx.checkpoint": "every terminal is durable; nothing has to be checkpointed",
    "zmx.restore": "every terminal is durable; terminal.attach continues at an offset",
    "boundary.local.dispatch": "call the method itself",
    "boundary.tool.dispatch": "call the method itself",
    "boundary.a2a.dispatch": "call the method itself",
}

PREFIXES: dict[str, str] = {
    "workspace": "ws",
    "repo": "rp",
    "lane": "ln",
    "session": "ss",
    "turn": "tn",
    "item": "it",
    "process": "pr",
    "terminal": "tm",
    "approval": "ap",
    "constraint": "ct",
    "stop": "sp",
    "grant": "gr",
    "audit": "au",
    "envelope": "en",
    "correlation": "cor",
    "peer": "pe",
    "runner": "rn",
    "server": "sv",
    "renderer": "rd",
    "harness": "hn",
}
