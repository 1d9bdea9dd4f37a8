"""Typed views of protocol/v1. Written by protocol/generate.py; do not edit."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

WorkspaceId: TypeAlias = str
RepoId: TypeAlias = str
LaneId: TypeAlias = str
SessionId: TypeAlias = str
TurnId: TypeAlias = str
ItemId: TypeAlias = str
ProcessId: TypeAlias = str
TerminalId: TypeAlias = str
ApprovalId: TypeAlias = str
GrantId: TypeAlias = str
AuditEventId: TypeAlias = str
PeerId: TypeAlias = str
EnvelopeId: TypeAlias = str
CorrelationId: TypeAlias = str
Timestamp: TypeAlias = str
AbsolutePath: TypeAlias = str
Name: TypeAlias = str
ProfileName: TypeAlias = str
BranchName: TypeAlias = str
CommitId: TypeAlias = str
Topic: TypeAlias = str
TopicFilter: TypeAlias = str
Seq: TypeAlias = int
Offset: TypeAlias = int
Limit: TypeAlias = int
Cursor: TypeAlias = str
Metadata: TypeAlias = dict[str, Any]
Encoding: TypeAlias = Literal["utf-8", "base64"]
StreamName: TypeAlias = Literal["out", "err"]
WorkspaceStatus: TypeAlias = Literal["active", "archived", "error"]
RendererMode: TypeAlias = Literal["mode_a", "mode_b"]
LaneStatus: TypeAlias = Literal["new", "provisioning", "ready", "running", "blocked", "error", "closed"]
PermissionMode: TypeAlias = Literal["supervised", "plan", "auto"]
LaneMode: TypeAlias = Literal["worktree", "clone"]
RuleEffect: TypeAlias = Literal["allow", "deny", "ask"]
DiffStatus: TypeAlias = Literal["added", "modified", "deleted", "renamed", "copied", "type_changed"]
SessionStatus: TypeAlias = Literal["detached", "attaching", "attached", "terminated"]
Transport: TypeAlias = Literal["cliproxy_harness", "native_openai"]
SettingKind: TypeAlias = str
OriginKind: TypeAlias = Literal["fork", "adopt", "handover"]
TurnStatus: TypeAlias = Literal["queued", "running", "waiting", "completed", "failed", "interrupted", "canceled"]
StopReason: TypeAlias = str
TurnAction: TypeAlias = Literal["prompt", "compact", "review"]
QueuePlace: TypeAlias = Literal["first", "last"]
ItemKind: TypeAlias = str
ItemStatus: TypeAlias = Literal["in_progress", "completed", "failed", "canceled"]
ToolKind: TypeAlias = str
ToolStatus: TypeAlias = str
RunReason: TypeAlias = Literal["agent", "shell", "setup", "cleanup", "archive", "dev_server"]
ProcessStatus: TypeAlias = Literal["running", "completed", "failed", "killed"]
TerminalPhase: TypeAlias = Literal["idle", "spawning", "active", "throttled", "closed"]
Columns: TypeAlias = int
Rows: TypeAlias = int
Script: TypeAlias = Literal["setup", "cleanup", "archive", "dev_server"]
TerminalFlow: TypeAlias = Literal["latest", "lossless"]
SignalName: TypeAlias = Literal["SIGINT", "SIGTERM", "SIGKILL", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGCONT", "SIGUSR1", "SIGUSR2", "SIGWINCH"]
ApprovalStatus: TypeAlias = Literal["pending", "approved", "denied", "expired", "canceled"]
OptionKind: TypeAlias = str
ApprovalKind: TypeAlias = Literal["permission", "plan", "question"]
ApprovalScope: TypeAlias = Literal["once", "session", "lane", "workspace"]
McpKind: TypeAlias = Literal["stdio", "http", "sse"]
AgentType: TypeAlias = str
AgentCapability: TypeAlias = str
AgentAvailability: TypeAlias = Literal["LOGIN_DETECTED", "INSTALLATION_FOUND", "NOT_FOUND"]
LoginState: TypeAlias = Literal["signed_in", "signed_out", "unknown"]
AgentStatus: TypeAlias = Literal["OFFLINE", "CONNECTING", "ONLINE", "ERROR"]
AgentActivity: TypeAlias = Literal["IDLE", "PROCESSING", "QUEUED"]
ConstraintId: TypeAlias = str
ConstraintName: TypeAlias = str
TimeLimit: TypeAlias = int
TokenBudget: TypeAlias = int
MemoryLimit: TypeAlias = int
CpuLimit: TypeAlias = int
SilenceLimit: TypeAlias = int
LimitName: TypeAlias = Literal["time_limit_ms", "token_budget", "cost_limit", "memory_limit_mb", "cpu_limit_percent", "silence_limit_ms"]
StopId: TypeAlias = str
StopStatus: TypeAlias = Literal["stopping", "stopped"]
HarnessId: TypeAlias = str
HarnessHealth: TypeAlias = Literal["healthy", "degraded", "unavailable"]
HarnessFault: TypeAlias = str
HarnessSource: TypeAlias = str
FallbackTransport: TypeAlias = Literal["native_openai"]
SwitchId: TypeAlias = str
SwitchStatus: TypeAlias = Literal["switching", "succeeded", "failed"]
ScreenColor: TypeAlias = str
ScreenUnderline: TypeAlias = str
CursorShape: TypeAlias = str
AuditResult: TypeAlias = Literal["success", "failure"]
AuditKind: TypeAlias = str
TraceType: TypeAlias = Literal["LLM_PROMPT", "TOOL_CALL", "RESPONSE"]


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something failed, in the form of an error's data."""

    code: str
    message: str
    retryable: bool | None = None
    details: Metadata | None = None


class Operation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An effect under way. A restart drives every one that it finds."""

    kind: str
    correlation_id: CorrelationId
    started_at: Timestamp
    actor: str
    details: Metadata | None = None


class CommandEnvelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The params of every request. The method's row says which ids it needs and what the payload is."""

    envelope_id: EnvelopeId | None = None
    correlation_id: CorrelationId | None = None
    workspace_id: WorkspaceId | None = None
    lane_id: LaneId | None = None
    session_id: SessionId | None = None
    terminal_id: TerminalId | None = None
    payload: Metadata | None = None


class ResponseEnvelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of every request."""

    envelope_id: EnvelopeId
    correlation_id: CorrelationId
    seq: Seq
    payload: Metadata


class EventEnvelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The params of every notification whose method is a topic. An envelope without seq bypassed the log."""

    envelope_id: EnvelopeId
    correlation_id: CorrelationId
    causation_id: EnvelopeId | None = None
    topic: Topic
    method: Topic | None = None
    seq: Seq | None = None
    stream: str | None = None
    stream_seq: Seq | None = None
    workspace_id: WorkspaceId | None = None
    lane_id: LaneId | None = None
    session_id: SessionId | None = None
    terminal_id: TerminalId | None = None
    actor: str | None = None
    payload: Metadata
    timestamp: Timestamp


class ErrorData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The data of every JSON-RPC error. Match on code."""

    code: str
    retryable: bool
    correlation_id: CorrelationId | None = None
    details: Metadata


class Empty(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payload with nothing in it."""


class Description(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The schema of the very server that answers."""

    name: Name
    version: str
    server_version: str
    schema: Metadata
    methods: Metadata
    topics: Metadata
    machines: Metadata
    errors: Metadata


class ServerStatus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the server is."""

    server_id: str
    generation: int
    version: str
    protocol_versions: tuple[str, ...]
    pid: int
    started_at: Timestamp
    state_dir: AbsolutePath
    seq: Seq
    peers: tuple[PeerStatus, ...]
    counts: dict[str, int]
    runners: int


class PeerStatus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One connected client."""

    peer_id: PeerId
    client: str
    connected_at: Timestamp
    subscribed: bool


class ServerStop(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Stops the server. Runners and what they hold go on."""


class EventSubscribe(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Without after_seq the answer holds a snapshot and events follow from there; with it, what was missed follows first."""

    after_seq: Seq | None = None
    workspace_ids: tuple[WorkspaceId, ...] = ()
    topics: tuple[TopicFilter, ...] = ()


class Subscription(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the stream of events starts."""

    from_seq: Seq
    seq: Seq
    snapshot: Snapshot | None = None


class Snapshot(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is live at from_seq. Finished turns and their items, and ended processes, are listed instead."""

    workspaces: tuple[Workspace, ...]
    repos: tuple[Repo, ...]
    lanes: tuple[Lane, ...]
    sessions: tuple[Session, ...]
    turns: tuple[Turn, ...]
    items: tuple[Item, ...]
    processes: tuple[Process, ...]
    terminals: tuple[Terminal, ...]
    approvals: tuple[Approval, ...]
    grants: tuple[Grant, ...]
    constraints: tuple[Constraint, ...]
    stops: tuple[Stop, ...]
    harnesses: tuple[HarnessStatus, ...]
    renderers: tuple[RendererSwitch, ...]


class EventList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Reads the log itself."""

    after_seq: Seq | None = None
    limit: Limit | None = None


class EventPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Events in order of seq."""

    events: tuple[EventEnvelope, ...]
    seq: Seq


class Gap(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stretch of the log that this peer will not get."""

    from_: Seq = field(name="from")
    to: Seq
    reason: str


class Workspace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workspace."""

    workspace_id: WorkspaceId
    name: Name
    root_paths: tuple[AbsolutePath, ...]
    active_renderer_mode: RendererMode
    status: WorkspaceStatus
    metadata: Metadata | None = None
    created_at: Timestamp
    updated_at: Timestamp
    last_accessed_at: Timestamp


class WorkspaceCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new workspace."""

    workspace_id: WorkspaceId | None = None
    name: Name | None = None
    root_paths: tuple[AbsolutePath, ...]
    active_renderer_mode: RendererMode | None = None
    metadata: Metadata | None = None


class WorkspaceUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes; the rest stays."""

    name: Name | None = None
    root_paths: tuple[AbsolutePath, ...] = ()
    metadata: Metadata | None = None


class WorkspaceList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which workspaces."""

    status: WorkspaceStatus | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class WorkspaceState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One workspace as it is now."""

    workspace: Workspace


class WorkspacePage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Workspaces in order of creation."""

    workspaces: tuple[Workspace, ...]
    next_cursor: Cursor | None = None


class Repo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A repo of a workspace."""

    repo_id: RepoId
    workspace_id: WorkspaceId
    path: AbsolutePath
    name: Name
    display_name: Name
    default_target_branch: BranchName | None = None
    default_working_dir: str | None = None
    setup_script: str | None = None
    cleanup_script: str | None = None
    archive_script: str | None = None
    dev_server_script: str | None = None
    copy_files: str | None = None
    parallel_setup_script: bool | None = None
    lane_mode: LaneMode | None = None
    has_submodules: bool | None = None
    created_at: Timestamp
    updated_at: Timestamp


class RepoAdd(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A repository that exists."""

    repo_id: RepoId | None = None
    path: AbsolutePath
    display_name: Name | None = None
    default_target_branch: BranchName | None = None
    default_working_dir: str | None = None
    lane_mode: LaneMode | None = None


class RepoUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes; the rest stays. An empty text clears."""

    display_name: Name | None = None
    default_target_branch: BranchName | None = None
    default_working_dir: str | None = None
    setup_script: str | None = None
    cleanup_script: str | None = None
    archive_script: str | None = None
    dev_server_script: str | None = None
    copy_files: str | None = None
    parallel_setup_script: bool | None = None
    lane_mode: LaneMode | None = None
    repo_id: RepoId


class RepoRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which repo."""

    repo_id: RepoId


class RepoList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which repos."""

    cursor: Cursor | None = None
    limit: Limit | None = None


class RepoState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One repo as it is now."""

    repo: Repo


class RepoPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Repos in order of creation."""

    repos: tuple[Repo, ...]
    next_cursor: Cursor | None = None


class Branch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A local branch."""

    name: BranchName
    commit: CommitId
    checked_out_at: AbsolutePath | None = None


class BranchPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The repo's local branches."""

    branches: tuple[Branch, ...]


class Worktree(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The lane's working tree of one repo."""

    repo_id: RepoId
    path: AbsolutePath
    branch: BranchName
    base_commit: CommitId
    target_branch: BranchName
    head_commit: CommitId | None = None


class Merge(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A merge of the lane into a target branch."""

    repo_id: RepoId
    target_branch_name: BranchName
    merge_commit: CommitId
    merged_at: Timestamp


class Rescue(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work that was saved before a lane was removed."""

    repo_id: RepoId
    commit: CommitId | None = None
    ref: str | None = None
    moved_to: AbsolutePath | None = None
    restore: str | None = None
    rescued_at: Timestamp


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens to what an agent asks for. All that a rule names must match; one that names nothing matches everything."""

    effect: RuleEffect
    tool_kind: ToolKind | None = None
    command: str | None = None
    line: str | None = None
    path: str | None = None
    title: str | None = None


class RuleSet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rules as a whole, so that none is a set as well."""

    list: tuple[Rule, ...]


class Lane(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lane."""

    lane_id: LaneId
    workspace_id: WorkspaceId
    project_context_id: str | None = None
    parent_lane_id: LaneId | None = None
    name: Name
    status: LaneStatus
    provider_profile: ProfileName
    permission_mode: PermissionMode | None = None
    constraint_id: ConstraintId | None = None
    rules: tuple[Rule, ...] = ()
    branch: BranchName
    mode: LaneMode | None = None
    worktrees: tuple[Worktree, ...]
    pinned: bool | None = None
    operation: Operation | None = None
    problem: Problem | None = None
    merges: tuple[Merge, ...] = ()
    rescues: tuple[Rescue, ...] = ()
    created_at: Timestamp
    updated_at: Timestamp
    closed_at: Timestamp | None = None


class LaneCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new lane."""

    lane_id: LaneId | None = None
    name: Name
    repo_id: RepoId | None = None
    target_branch: BranchName | None = None
    base: str | None = None
    branch: BranchName | None = None
    mode: LaneMode | None = None
    profile: ProfileName | None = None
    project_context_id: str | None = None
    constraint: ConstraintName | None = None
    permission_mode: PermissionMode | None = None
    rules: tuple[Rule, ...] = ()
    pinned: bool | None = None


class LaneStart(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work for an agent, and where it is done: in the repository around `path`, or in `repo_id`, or in the only repo of the envelope's workspace."""

    prompt: str
    links: tuple[ResourceLink, ...] = ()
    path: AbsolutePath | None = None
    folder: AbsolutePath | None = None
    repo_id: RepoId | None = None
    name: Name | None = None
    profile: ProfileName | None = None
    choice: Choice | None = None
    target_branch: BranchName | None = None
    base: str | None = None
    branch: BranchName | None = None
    mode: LaneMode | None = None
    constraint: ConstraintName | None = None
    permission_mode: PermissionMode | None = None
    rules: tuple[Rule, ...] = ()
    lane_id: LaneId | None = None
    session_id: SessionId | None = None
    turn_id: TurnId | None = None
    parent_lane_id: LaneId | None = None


class LaneStarted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was started. The turn waits until the lane is ready and its agent attached."""

    lane: Lane
    session: Session
    turn: Turn
    repo: Repo
    workspace: Workspace


class LaneUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes; the rest stays."""

    name: Name | None = None
    profile: ProfileName | None = None
    constraint: ConstraintName | None = None
    permission_mode: PermissionMode | None = None
    rules: RuleSet | None = None
    pinned: bool | None = None


class LaneList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which lanes."""

    status: LaneStatus | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class LaneState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One lane as it is now."""

    lane: Lane


class LanePage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Lanes in order of creation."""

    lanes: tuple[Lane, ...]
    next_cursor: Cursor | None = None


class LaneDiff(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much to tell."""

    paths: tuple[str, ...] = ()
    hunks: bool | None = None
    context: int | None = None
    max_bytes: int | None = None


class DiffHunk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One hunk of a unified diff."""

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    section: str
    text: str


class DiffFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One changed file."""

    path: str
    old_path: str | None = None
    status: DiffStatus
    additions: int
    deletions: int
    binary: bool
    old_mode: str | None = None
    new_mode: str | None = None
    hunks: tuple[DiffHunk, ...] = ()
    truncated: bool | None = None


class WorktreeDiff(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worktree holds that its target does not, untracked files included."""

    repo_id: RepoId
    base_commit: CommitId
    head_commit: CommitId
    files: tuple[DiffFile, ...]
    additions: int
    deletions: int
    uncommitted: bool
    truncated: bool


class LaneDiffResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The lane's changes, one entry per worktree."""

    worktrees: tuple[WorktreeDiff, ...]


class LaneCommit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A commit of everything that is in the lane's worktree."""

    message: str | None = None


class LaneMerge(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A merge of the lane's branch. What is not committed yet is committed first."""

    message: str | None = None
    squash: bool | None = None
    expected_target: CommitId | None = None


class LaneCleanup(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Removes the lane's worktrees and closes it."""

    force: bool | None = None
    delete_branch: bool | None = None


class LaneSettle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the lane's operation ended."""

    kind: str
    problem: Problem | None = None
    worktrees: tuple[Worktree, ...] = ()
    merges: tuple[Merge, ...] = ()
    rescues: tuple[Rescue, ...] = ()


class Choice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was chosen of the settings that the agent offers; what is absent stays as the agent has it."""

    mode: str | None = None
    model: str | None = None
    effort: str | None = None


class SettingValue(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value that a setting can have."""

    value: str
    name: str
    description: str | None = None


class Setting(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that can be chosen in the agent."""

    setting_id: str
    name: str
    kind: SettingKind
    value: str | None = None
    values: tuple[SettingValue, ...]


class AgentCommand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command that the agent understands where a prompt begins with a slash and its name."""

    name: str
    description: str | None = None
    hint: str | None = None


class Offer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent of an open session can do; what is absent it cannot."""

    steer: bool | None = None
    fork: bool | None = None
    fork_at_turn: bool | None = None
    rewind: bool | None = None
    compact: bool | None = None
    review: bool | None = None
    settings: tuple[Setting, ...] = ()
    commands: tuple[AgentCommand, ...] = ()


class AgentIdentity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who the agent of an open session says it is."""

    name: str
    title: str | None = None
    version: str | None = None
    protocol: str | None = None


class SessionOrigin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a session goes on from, where it is not a fresh one."""

    kind: OriginKind
    session_id: SessionId | None = None
    turn_id: TurnId | None = None
    agent_session_id: str | None = None
    agent_turn_id: str | None = None


class SessionRoute(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the agent's way to its model was chosen. It is decided when the agent starts; another one for the next turn starts it anew."""

    preferred_transport: Transport
    reason: Problem | None = None
    decided_at: Timestamp
    prompted: bool | None = None


class Session(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session."""

    session_id: SessionId
    workspace_id: WorkspaceId
    lane_id: LaneId
    profile: ProfileName
    driver: str
    status: SessionStatus
    agent_session_id: str | None = None
    codex_session_id: str | None = None
    transport: Transport
    route: SessionRoute | None = None
    origin: SessionOrigin | None = None
    primer: str | None = None
    constraint_id: ConstraintId | None = None
    choice: Choice | None = None
    identity: AgentIdentity | None = None
    offer: Offer | None = None
    usage: Usage | None = None
    title: Name | None = None
    activity: str | None = None
    listed: bool
    process_id: ProcessId | None = None
    terminal_id: TerminalId | None = None
    operation: Operation | None = None
    problem: Problem | None = None
    resumable: bool | None = None
    attached_at: Timestamp | None = None
    detached_at: Timestamp | None = None
    created_at: Timestamp
    updated_at: Timestamp
    last_heartbeat_at: Timestamp | None = None


class SessionCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new session."""

    session_id: SessionId | None = None
    profile: ProfileName | None = None
    title: Name | None = None
    choice: Choice | None = None
    origin: SessionOrigin | None = None
    constraint: ConstraintName | None = None
    transport: Transport | None = None
    attach: bool | None = None


class SessionRewind(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far to go back."""

    turn_id: TurnId


class SessionUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes; the rest stays."""

    title: Name | None = None
    choice: Choice | None = None
    transport: Transport | None = None


class SessionList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which sessions."""

    status: SessionStatus | None = None
    unlisted: bool | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class SessionState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One session as it is now."""

    session: Session


class SessionPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sessions in order of creation."""

    sessions: tuple[Session, ...]
    next_cursor: Cursor | None = None


class SessionSettle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How attaching ended."""

    process_id: ProcessId
    agent_session_id: str | None = None
    resumable: bool | None = None
    title: Name | None = None
    identity: AgentIdentity | None = None
    offer: Offer | None = None
    problem: Problem | None = None
    cursor: FrameCursor | None = None


class FrameCursor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far an agent's output tape was taken in."""

    rest: Offset
    applied: Offset


class Steered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a further input to the running turn."""

    number: int
    input_n: int | None = None
    problem: Problem | None = None


class TurnProgress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the running turn."""

    turn_id: TurnId
    status: TurnStatus | None = None
    input_n: int | None = None
    interrupt_n: int | None = None
    agent_turn_id: str | None = None
    steered: tuple[Steered, ...] = ()
    stop_reason: StopReason | None = None
    summary: str | None = None
    usage: Usage | None = None
    problem: Problem | None = None


class ApprovalAnswered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The agent was told what was decided."""

    approval_id: ApprovalId
    answer_n: int


class AgentWrite(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One numbered write to the agent."""

    n: int
    data: str


class SessionApply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a driver made of the agent's frames and of what waits for the agent; one transaction."""

    process_id: ProcessId
    cursor: FrameCursor | None = None
    items: tuple[Item, ...] = ()
    approvals: tuple[Approval, ...] = ()
    answered: tuple[ApprovalAnswered, ...] = ()
    turn: TurnProgress | None = None
    title: Name | None = None
    activity: str | None = None
    offer: Offer | None = None
    agent_session_id: str | None = None
    ended: bool | None = None
    problem: Problem | None = None
    writes: tuple[AgentWrite, ...] = ()


class Cost(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money, as the agent reports it."""

    amount: float
    currency: str


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens as the agent counts them."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    thought_tokens: int | None = None
    cost: Cost | None = None
    session_cost: Cost | None = None
    context_used: int | None = None
    context_size: int | None = None


class ResourceLink(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the prompt points to."""

    uri: str
    name: Name


class Interrupt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody asked to stop the turn."""

    requested_at: Timestamp
    actor: str
    input_n: int | None = None
    problem: Problem | None = None


class Steer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Further input to a turn that runs."""

    number: int
    prompt: str
    links: tuple[ResourceLink, ...] = ()
    actor: str
    requested_at: Timestamp
    input_n: int | None = None
    problem: Problem | None = None


class Turn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A turn."""

    turn_id: TurnId
    workspace_id: WorkspaceId
    lane_id: LaneId
    session_id: SessionId
    status: TurnStatus
    action: TurnAction | None = None
    prompt: str
    primer: str | None = None
    links: tuple[ResourceLink, ...] = ()
    priority: int
    position: int | None = None
    replaces: TurnId | None = None
    correlation_id: CorrelationId | None = None
    choice: Choice | None = None
    agent_turn_id: str | None = None
    steers: tuple[Steer, ...] = ()
    constraint_id: ConstraintId | None = None
    limits: Limits | None = None
    waiting_since: Timestamp | None = None
    waited_ms: int | None = None
    process_id: ProcessId | None = None
    input_n: int | None = None
    interrupt: Interrupt | None = None
    stop_reason: StopReason | None = None
    summary: str | None = None
    usage: Usage | None = None
    problem: Problem | None = None
    resumable: bool | None = None
    dropped: bool | None = None
    seen: bool | None = None
    created_at: Timestamp
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None


class TurnCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt for a session. It runs when the session is attached and the turns before it have ended."""

    turn_id: TurnId | None = None
    action: TurnAction | None = None
    prompt: str | None = None
    links: tuple[ResourceLink, ...] = ()
    constraint: ConstraintName | None = None
    priority: int | None = None
    choice: Choice | None = None


class TurnSteer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Further input to the running turn."""

    turn_id: TurnId
    prompt: str
    links: tuple[ResourceLink, ...] = ()


class TurnReplace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt that shall run in place of a turn."""

    turn_id: TurnId
    new_turn_id: TurnId | None = None
    prompt: str
    links: tuple[ResourceLink, ...] = ()
    choice: Choice | None = None


class TurnReplaced(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Receipt of a replacement."""

    turn: Turn
    replaced: Turn
    interrupted: bool


class TurnMove(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a queued turn goes: before or after another one, or to an end of the queue. One of the three."""

    turn_id: TurnId
    before: TurnId | None = None
    after: TurnId | None = None
    to: QueuePlace | None = None


class TurnHalt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why the server stops a turn."""

    turn_id: TurnId
    problem: Problem


class TurnExempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits that nobody can enforce."""

    turn_id: TurnId
    unenforced: tuple[LimitName, ...]
    reason: str


class TurnRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which turn."""

    turn_id: TurnId


class TurnUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes; the rest stays."""

    turn_id: TurnId
    seen: bool | None = None
    prompt: str | None = None
    links: tuple[ResourceLink, ...] = ()
    priority: int | None = None
    choice: Choice | None = None


class TurnList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which turns."""

    status: TurnStatus | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class TurnState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One turn as it is now."""

    turn: Turn


class TurnPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Turns in order of creation; queued ones in the order in which they will run, where only those were asked for."""

    turns: tuple[Turn, ...]
    next_cursor: Cursor | None = None


class Location(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place in a file."""

    path: str
    line: int | None = None


class FileChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file before and after."""

    path: str
    old_text: str | None = None
    new_text: str


class ToolCall(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool that the agent uses."""

    tool_call_id: str
    title: str | None = None
    tool_kind: ToolKind | None = None
    command: str | None = None
    exit_code: int | None = None
    parent_tool_call_id: str | None = None
    status: ToolStatus
    locations: tuple[Location, ...] = ()
    changes: tuple[FileChange, ...] = ()
    raw_input: Any | None = None
    raw_output: Any | None = None


class PlanEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a plan."""

    content: str
    priority: str | None = None
    status: str


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item."""

    item_id: ItemId
    workspace_id: WorkspaceId
    lane_id: LaneId
    session_id: SessionId
    turn_id: TurnId
    kind: ItemKind
    status: ItemStatus
    position: int
    text: str | None = None
    tool: ToolCall | None = None
    plan: tuple[PlanEntry, ...] = ()
    usage: Usage | None = None
    problem: Problem | None = None
    raw: Any | None = None
    created_at: Timestamp
    ended_at: Timestamp | None = None


class ItemRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which item."""

    item_id: ItemId


class ItemList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which items."""

    turn_id: TurnId | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class ItemState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item as it is now."""

    item: Item


class ItemPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Items in order of creation."""

    items: tuple[Item, ...]
    next_cursor: Cursor | None = None


class ItemDelta(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Text that an item in progress grew by. A client that has more than offset drops the part it has."""

    item_id: ItemId
    turn_id: TurnId
    offset: Offset
    data: str


class Process(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process."""

    process_id: ProcessId
    workspace_id: WorkspaceId
    lane_id: LaneId
    session_id: SessionId | None = None
    run_reason: RunReason
    status: ProcessStatus
    argv: tuple[str, ...]
    cwd: AbsolutePath
    pid: int | None = None
    pty: bool | None = None
    exit_code: int | None = None
    signal: str | None = None
    dropped: bool | None = None
    problem: Problem | None = None
    started_at: Timestamp
    completed_at: Timestamp | None = None


class ProcessRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which process."""

    process_id: ProcessId


class ProcessList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which processes."""

    status: ProcessStatus | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class ProcessState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One process as it is now."""

    process: Process


class ProcessPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Processes in order of creation."""

    processes: tuple[Process, ...]
    next_cursor: Cursor | None = None


class ProcessRead(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a tape."""

    process_id: ProcessId
    stream: StreamName | None = None
    offset: Offset | None = None
    max_bytes: int | None = None
    encoding: Encoding | None = None


class TapeChunk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bytes of a tape."""

    offset: Offset
    data: str
    next_offset: Offset
    end_offset: Offset
    skipped: int | None = None
    encoding: Encoding


class ProcessExit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process ended."""

    process_id: ProcessId
    exit_code: int | None = None
    signal: str | None = None
    cols: Columns | None = None
    rows: Rows | None = None
    problem: Problem | None = None
    items: tuple[Item, ...] = ()


class ProcessStart(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process of an agent runs."""

    process_id: ProcessId
    run_reason: RunReason
    argv: tuple[str, ...]
    cwd: AbsolutePath
    pid: int
    cols: Columns | None = None
    rows: Rows | None = None


class Terminal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A terminal."""

    terminal_id: TerminalId
    workspace_id: WorkspaceId
    lane_id: LaneId
    session_id: SessionId | None = None
    process_id: ProcessId
    run_reason: RunReason | None = None
    title: Name
    state: TerminalPhase
    throttle_reason: str | None = None
    argv: tuple[str, ...]
    cwd: AbsolutePath
    cols: Columns
    rows: Rows
    active_renderer_mode: RendererMode | None = None
    exit_code: int | None = None
    signal: str | None = None
    operation: Operation | None = None
    problem: Problem | None = None
    last_output_seq: Offset | None = None
    created_at: Timestamp
    updated_at: Timestamp
    closed_at: Timestamp | None = None


class TerminalSpawn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new terminal in a lane."""

    terminal_id: TerminalId | None = None
    title: Name | None = None
    argv: tuple[str, ...] = ()
    script: Script | None = None
    repo_id: RepoId | None = None
    cwd: str | None = None
    env: dict[str, str] | None = None
    cols: Columns | None = None
    rows: Rows | None = None


class TerminalUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes; the rest stays."""

    title: Name | None = None


class TerminalAttach(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sends this peer the terminal's output."""

    offset: Offset | None = None
    tail_bytes: int | None = None
    window_bytes: int | None = None
    flow: TerminalFlow | None = None
    encoding: Encoding | None = None
    nudge: bool | None = None
    mode: RendererMode | None = None


class TerminalAttachment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the output starts."""

    terminal: Terminal
    offset: Offset
    end_offset: Offset
    skipped: int | None = None
    mode: RendererMode


class TerminalAck(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the client has used up what it got."""

    consumed: Offset


class TerminalInput(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was typed."""

    data: str
    encoding: Encoding | None = None
    input_id: str | None = None


class TerminalResize(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new size. The owner's size counts; who resizes owns."""

    cols: Columns
    rows: Rows
    claim: bool | None = None


class TerminalSize(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The size that counts now."""

    cols: Columns
    rows: Rows
    applied: bool


class TerminalSignal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signal for the terminal's foreground processes."""

    signal: SignalName


class TerminalClose(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Ends the terminal's processes."""

    grace_ms: int | None = None


class TerminalRead(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the terminal's tape."""

    offset: Offset | None = None
    max_bytes: int | None = None
    encoding: Encoding | None = None


class TerminalList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which terminals."""

    state: TerminalPhase | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class TerminalState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One terminal as it is now."""

    terminal: Terminal


class TerminalPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Terminals in order of creation."""

    terminals: tuple[Terminal, ...]
    next_cursor: Cursor | None = None


class TerminalOutput(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bytes of the tape."""

    terminal_id: TerminalId
    offset: Offset
    next_offset: Offset
    data: str
    encoding: Encoding
    skipped: int | None = None


class TerminalRender(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to tell of a terminal's screen."""

    history_lines: int | None = None


class TerminalScreen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a terminal shows now, with all its lines."""

    terminal_id: TerminalId
    text: str
    screen: Screen
    history: tuple[str, ...] = ()


class TerminalRendered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed on a terminal's screen since this peer was told last."""

    terminal_id: TerminalId
    full: bool
    screen: Screen


class TerminalRenderEnded(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """This peer gets no more screens of the terminal."""

    terminal_id: TerminalId
    problem: Problem


class TerminalResized(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The size changed."""

    terminal_id: TerminalId
    cols: Columns
    rows: Rows


class TerminalSettle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How spawning ended."""

    pid: int | None = None
    problem: Problem | None = None


class TerminalThrottle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The runner holds the terminal back, or no longer."""

    on: bool
    reason: str | None = None


class ApprovalOption(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to decide."""

    option_id: str
    label: str
    kind: OptionKind


class QuestionOption(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer that the agent proposes."""

    label: str
    description: str | None = None


class Question(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the agent wants to know."""

    question_id: str
    header: str | None = None
    text: str
    options: tuple[QuestionOption, ...] = ()
    multiple: bool | None = None
    free: bool | None = None
    secret: bool | None = None


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was answered to one question."""

    question_id: str
    values: tuple[str, ...]


class Touch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A path that a tool call is about, as it was when the agent asked."""

    path: str
    inside: str | None = None


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided, and by whom."""

    option_id: str | None = None
    kind: OptionKind | None = None
    answers: tuple[Answer, ...] = ()
    actor: str
    scope: ApprovalScope | None = None
    grant_id: GrantId | None = None
    reason: str | None = None
    decided_at: Timestamp


class Approval(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An approval."""

    approval_id: ApprovalId
    workspace_id: WorkspaceId
    lane_id: LaneId
    session_id: SessionId
    turn_id: TurnId
    item_id: ItemId | None = None
    process_id: ProcessId | None = None
    request_id: str
    status: ApprovalStatus
    kind: ApprovalKind | None = None
    title: str
    questions: tuple[Question, ...] = ()
    preview: ToolCall | None = None
    touches: tuple[Touch, ...] = ()
    options: tuple[ApprovalOption, ...]
    decision: Decision | None = None
    answer_n: int | None = None
    answered: bool | None = None
    requested_at: Timestamp
    expires_at: Timestamp


class ApprovalRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent of the envelope's session wants to do by a tool of ours, in the turn that it works on."""

    title: str
    tool: str
    arguments: dict[str, Any]


class ApprovalRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which approval."""

    approval_id: ApprovalId


class ApprovalResolve(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision, by an option's id or by its kind."""

    approval_id: ApprovalId
    option_id: str | None = None
    kind: OptionKind | None = None
    answers: tuple[Answer, ...] = ()
    scope: ApprovalScope | None = None
    reason: str | None = None


class ApprovalList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which approvals."""

    status: ApprovalStatus | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class ApprovalState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One approval as it is now."""

    approval: Approval


class ApprovalPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Approvals in order of creation."""

    approvals: tuple[Approval, ...]
    next_cursor: Cursor | None = None


class Grant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A grant."""

    grant_id: GrantId
    workspace_id: WorkspaceId
    lane_id: LaneId | None = None
    session_id: SessionId | None = None
    scope: ApprovalScope
    rule: Rule
    approval_id: ApprovalId
    actor: str
    reason: str | None = None
    created_at: Timestamp


class GrantRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which grant."""

    grant_id: GrantId


class GrantList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which grants."""

    scope: ApprovalScope | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class GrantState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One grant as it is now."""

    grant: Grant


class GrantPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Grants in order of creation."""

    grants: tuple[Grant, ...]
    next_cursor: Cursor | None = None


class PromptCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt and whom it is for: the sessions that are named, else all of the envelope's lane or workspace that are not over."""

    session_ids: tuple[SessionId, ...] = ()
    prompt: str
    links: tuple[ResourceLink, ...] = ()
    priority: int | None = None


class PromptRefusal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session that did not take the prompt."""

    session_id: SessionId
    problem: Problem


class PromptReceipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the prompt."""

    turns: tuple[Turn, ...]
    refused: tuple[PromptRefusal, ...]


class Profile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to start an agent. Values of its environment are not told."""

    name: ProfileName
    title: Name
    driver: str
    argv: tuple[str, ...]
    env_names: tuple[str, ...]
    env_pass: tuple[str, ...]
    mode: str | None = None
    model: str | None = None
    effort: str | None = None
    quirks: Metadata | None = None
    append_prompt: str | None = None
    mcp_servers: tuple[McpServer, ...] = ()
    variant_of: ProfileName | None = None
    docs: str | None = None
    transports: tuple[Transport, ...] = ()
    transport: Transport | None = None
    source: str
    default: bool


class McpServer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An MCP server, without the values of its environment and headers."""

    name: Name
    kind: McpKind
    argv: tuple[str, ...] = ()
    url: str | None = None
    env_names: tuple[str, ...] = ()
    header_names: tuple[str, ...] = ()


class SetupCommand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command that a user may run in a terminal. The server never runs one by itself."""

    title: Name
    argv: tuple[str, ...]


class Setup(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What makes an agent usable, as data."""

    install: tuple[SetupCommand, ...]
    login: tuple[SetupCommand, ...]


class Agent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A profile as seen running."""

    name: ProfileName
    type: AgentType
    profile: Profile
    status: AgentStatus
    activity_state: AgentActivity
    available: bool
    unavailable_reason: str | None = None
    availability: AgentAvailability
    path: str | None = None
    version: str | None = None
    login: LoginState
    login_at: Timestamp | None = None
    capabilities: tuple[AgentCapability, ...]
    setup: Setup
    problem: Problem | None = None
    connected_at: Timestamp | None = None
    disconnected_at: Timestamp | None = None
    host_machine: str
    sessions: int
    health_metrics: HealthMetrics | None = None


class AgentOptions(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What can be chosen of an agent. Only an agent that runs can say it, so this is what the newest session of the profile, or of one that it is a variant of, was offered."""

    name: ProfileName
    choice: Choice
    variants: tuple[ProfileName, ...]
    offer: Offer | None = None
    session_id: SessionId | None = None
    seen_at: Timestamp | None = None


class HealthMetrics(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an agent is: its processes with all below them, and its turns."""

    cpu_usage: float
    memory_usage: float
    uptime: float
    commands_processed: int
    average_response_time: float


class SessionVitals(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one session's agent is."""

    session_id: SessionId
    process_id: ProcessId
    cpu_usage: float
    memory_usage: float
    uptime: float
    processes: int
    last_heartbeat_at: Timestamp | None = None


class AgentVitals(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an agent is now."""

    name: ProfileName
    health_metrics: HealthMetrics
    sessions: tuple[SessionVitals, ...]


class AgentStopAll(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to stop: all agents, of one workspace where the envelope names it, of one profile where it is named here."""

    profile: ProfileName | None = None
    reason: str | None = None


class ProfileRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which profile."""

    name: ProfileName


class ProfileState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One profile."""

    profile: Profile


class ProfilePage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All profiles."""

    profiles: tuple[Profile, ...]
    problems: tuple[Problem, ...]


class AgentState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One agent."""

    agent: Agent


class AgentPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All agents."""

    agents: tuple[Agent, ...]


class CostLimit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money that a turn may take, where the agent reports its cost in this currency while the turn runs; who reports it only at the turn's end is not stopped."""

    amount: float
    currency: str


class Constraint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A constraint. A limit that is absent limits nothing."""

    constraint_id: ConstraintId
    workspace_id: WorkspaceId
    name: Name
    description: str | None = None
    time_limit_ms: TimeLimit | None = None
    token_budget: TokenBudget | None = None
    cost_limit: CostLimit | None = None
    memory_limit_mb: MemoryLimit | None = None
    cpu_limit_percent: CpuLimit | None = None
    silence_limit_ms: SilenceLimit | None = None
    is_default: bool
    created_at: Timestamp
    updated_at: Timestamp


class Limits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits that a turn began with; a later change of their constraint changes nothing for it."""

    constraint_id: ConstraintId
    name: Name
    time_limit_ms: TimeLimit | None = None
    token_budget: TokenBudget | None = None
    cost_limit: CostLimit | None = None
    memory_limit_mb: MemoryLimit | None = None
    cpu_limit_percent: CpuLimit | None = None
    silence_limit_ms: SilenceLimit | None = None
    unenforced: tuple[LimitName, ...] = ()
    unenforced_reason: str | None = None


class ConstraintCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new constraint."""

    constraint_id: ConstraintId | None = None
    name: Name
    description: str | None = None
    time_limit_ms: TimeLimit | None = None
    token_budget: TokenBudget | None = None
    cost_limit: CostLimit | None = None
    memory_limit_mb: MemoryLimit | None = None
    cpu_limit_percent: CpuLimit | None = None
    silence_limit_ms: SilenceLimit | None = None
    is_default: bool | None = None


class ConstraintUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes; the rest stays. An empty description clears it."""

    constraint_id: ConstraintId
    name: Name | None = None
    description: str | None = None
    time_limit_ms: TimeLimit | None = None
    token_budget: TokenBudget | None = None
    cost_limit: CostLimit | None = None
    memory_limit_mb: MemoryLimit | None = None
    cpu_limit_percent: CpuLimit | None = None
    silence_limit_ms: SilenceLimit | None = None
    clear: tuple[LimitName, ...] = ()
    is_default: bool | None = None


class ConstraintRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which constraint."""

    constraint_id: ConstraintId


class ConstraintList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which constraints."""

    cursor: Cursor | None = None
    limit: Limit | None = None


class ConstraintState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One constraint as it is now."""

    constraint: Constraint


class ConstraintPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Constraints in order of creation."""

    constraints: tuple[Constraint, ...]
    next_cursor: Cursor | None = None


class Stop(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An emergency stop. Sessions are detached, not terminated: their conversations can go on."""

    stop_id: StopId
    workspace_id: WorkspaceId | None = None
    profile: ProfileName | None = None
    reason: str | None = None
    actor: str
    status: StopStatus
    lane_ids: tuple[LaneId, ...]
    session_ids: tuple[SessionId, ...]
    process_ids: tuple[ProcessId, ...]
    terminal_ids: tuple[TerminalId, ...]
    interrupted_turn_ids: tuple[TurnId, ...]
    canceled_turn_ids: tuple[TurnId, ...]
    survivor_pids: tuple[int, ...] = ()
    operation: Operation | None = None
    created_at: Timestamp
    ended_at: Timestamp | None = None


class StopRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which emergency stop."""

    stop_id: StopId


class StopSettle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an emergency stop came to."""

    stop_id: StopId
    survivor_pids: tuple[int, ...] = ()


class StopList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which emergency stops."""

    status: StopStatus | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class StopState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One emergency stop as it is now."""

    stop: Stop


class StopPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Emergency stops in order of time."""

    stops: tuple[Stop, ...]
    next_cursor: Cursor | None = None


class HarnessStatus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Health of the harness. It changes when its status or its fault does, not with every check."""

    harness_id: HarnessId
    url: str
    status: HarnessHealth
    fault: HarnessFault | None = None
    degrade_reason: str | None = None
    fallback_transport: FallbackTransport
    previous: HarnessHealth | None = None
    source: HarnessSource
    changed_at: Timestamp
    last_check_at: Timestamp | None = None


class HarnessGet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to look."""

    fresh: bool | None = None


class HarnessState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The harness as it is known."""

    harness: HarnessStatus


class HarnessSettle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found out about the harness."""

    url: str
    status: HarnessHealth
    fault: HarnessFault | None = None
    degrade_reason: str | None = None
    source: HarnessSource


class RendererSwitch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One switch of the renderer mode. The mode is another one only when it has succeeded."""

    switch_id: SwitchId
    workspace_id: WorkspaceId
    lane_id: LaneId | None = None
    terminal_id: TerminalId | None = None
    from_mode: RendererMode
    to_mode: RendererMode
    status: SwitchStatus
    operation: Operation | None = None
    problem: Problem | None = None
    created_at: Timestamp
    ended_at: Timestamp | None = None


class RendererSwitchTo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which mode; the envelope's terminal_id says of which terminal, its workspace_id alone of which workspace."""

    mode: RendererMode


class RendererState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One switch as it is now."""

    renderer: RendererSwitch


class RendererSettle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a switch ended."""

    switch_id: SwitchId
    problem: Problem | None = None


class RendererOffer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mode, and whether this server can do it."""

    mode: RendererMode
    available: bool
    engine: str | None = None
    problem: str | None = None


class RendererLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bounds of rendered screens."""

    cells: int
    history_lines: int
    frames_per_second: int
    screens: int


class RendererCapabilities(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What can be rendered, and how it is handed out now."""

    modes: tuple[RendererOffer, ...]
    active_renderer_mode: RendererMode | None = None
    hot_swap_supported: bool
    limits: RendererLimits


class ScreenRun(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Text of one line with the same attributes; an attribute that is absent is not set."""

    text: str
    cells: int
    fg: ScreenColor | None = None
    bg: ScreenColor | None = None
    underline: ScreenUnderline | None = None
    underline_color: ScreenColor | None = None
    bold: bool | None = None
    faint: bool | None = None
    italic: bool | None = None
    blink: bool | None = None
    inverse: bool | None = None
    invisible: bool | None = None
    strikethrough: bool | None = None
    overline: bool | None = None


class ScreenLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line as it is now; what it held before is gone."""

    row: int
    runs: tuple[ScreenRun, ...]


class ScreenCursor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the next character goes."""

    row: int
    col: int
    visible: bool
    shape: CursorShape
    blinking: bool


class Screen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a terminal shows."""

    offset: Offset
    cols: Columns
    rows: Rows
    title: str
    cursor: ScreenCursor
    alternate: bool
    application_cursor_keys: bool
    bracketed_paste: bool
    mouse_tracking: bool
    history_lines: int
    lines: tuple[ScreenLine, ...]


class AuditEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record."""

    audit_event_id: AuditEventId
    correlation_id: CorrelationId
    event_type: Topic
    kind: AuditKind | None = None
    actor: str
    result: AuditResult
    details: Metadata
    recorded_at: Timestamp


class AuditList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which records, newest last."""

    correlation_id: CorrelationId | None = None
    result: AuditResult | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class AuditState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record."""

    audit_event: AuditEvent


class AuditPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Records in order of time."""

    audit_events: tuple[AuditEvent, ...]
    next_cursor: Cursor | None = None


class TraceEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node of the tree."""

    id: str
    command_id: TurnId
    agent_id: ProfileName
    parent_id: str | None = None
    type: TraceType
    name: str
    content: dict[str, Any]
    started_at: Timestamp
    completed_at: Timestamp | None = None
    duration_ms: int | None = None
    tokens_used: int | None = None
    error: str | None = None
    metadata: dict[str, Any]


class TraceList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of which turn, or with session_id in the envelope of which session."""

    turn_id: TurnId | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class TracePage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Trees in the order in which their turns were asked for; in each, every entry stands after its parent."""

    traces: tuple[TraceEntry, ...]
    next_cursor: Cursor | None = None
