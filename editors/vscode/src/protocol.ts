// The protocol as TypeScript sees it. Written by protocol/generate.py; do not edit.

/** Id of a workspace. */
export type WorkspaceId = string;

/** Id of a repo. */
export type RepoId = string;

/** Id of a lane. */
export type LaneId = string;

/** Id of a session. */
export type SessionId = string;

/** Id of a turn. */
export type TurnId = string;

/** Id of an item. */
export type ItemId = string;

/** Id of a process. */
export type ProcessId = string;

/** Id of a terminal. */
export type TerminalId = string;

/** Id of an approval. */
export type ApprovalId = string;

/** Id of a grant. */
export type GrantId = string;

/** Id of an audit record. */
export type AuditEventId = string;

/** Id of one connected client. */
export type PeerId = string;

/** Id of an envelope. A client that chooses one makes its command idempotent. */
export type EnvelopeId = string;

/** Groups everything that one intent caused. */
export type CorrelationId = string;

/** UTC, RFC 3339 with milliseconds. */
export type Timestamp = string;

/** An absolute path on the server's machine. */
export type AbsolutePath = string;

/** A name for people, on one line. */
export type Name = string;

/** Name of a profile, or of a variant of one as `claude:plan`. */
export type ProfileName = string;

/** A branch without refs/heads/. */
export type BranchName = string;

/** A git object id, SHA-1 or SHA-256. */
export type CommitId = string;

/** Name of an event's topic. */
export type Topic = string;

/** A topic, a prefix as `lane.*`, or `*`. */
export type TopicFilter = string;

/** Position in the log; the first event is 1, 0 is before it. */
export type Seq = number;

/** Bytes from the start of a tape or a text. */
export type Offset = number;

/** Rows of one page; 100 where absent. */
export type Limit = number;

/** Where the next page starts; opaque. */
export type Cursor = string;

/** Free JSON that belongs to the client. */
export type Metadata = Record<string, unknown>;

/** How bytes travel: text cut at code points, or exact. */
export type Encoding = "utf-8" | "base64";

/** A tape of a process: the PTY's or standard output, or standard error. */
export type StreamName = "out" | "err";

/** Why something failed, in the form of an error's data. */
export interface Problem {
  /** The name to match on. */
  code: string;
  /** What was refused, because of what, and what would work. */
  message: string;
  /** Whether the same command may work later. */
  retryable?: boolean;
  /** Facts behind the message. */
  details?: Metadata;
}

/** An effect under way. A restart drives every one that it finds. */
export interface Operation {
  /** The verb: create, attach, commit, merge, cleanup, spawn, terminate. */
  kind: string;
  correlation_id: CorrelationId;
  started_at: Timestamp;
  /** Who asked. */
  actor: string;
  /** What the effect was decided on. */
  details?: Metadata;
}

/** The params of every request. The method's row says which ids it needs and what the payload is. */
export interface CommandEnvelope {
  envelope_id?: EnvelopeId;
  correlation_id?: CorrelationId;
  workspace_id?: WorkspaceId;
  lane_id?: LaneId;
  session_id?: SessionId;
  terminal_id?: TerminalId;
  /** The method's own params type. */
  payload?: Metadata;
}

/** The result of every request. */
export interface ResponseEnvelope {
  envelope_id: EnvelopeId;
  correlation_id: CorrelationId;
  /** Position of the log after the command. */
  seq: Seq;
  /** The method's own result type. */
  payload: Metadata;
}

/** The params of every notification whose method is a topic. An envelope without seq bypassed the log. */
export interface EventEnvelope {
  envelope_id: EnvelopeId;
  correlation_id: CorrelationId;
  /** Envelope of the command that caused the event. */
  causation_id?: EnvelopeId;
  topic: Topic;
  /** Method of the command that caused the event. */
  method?: Topic;
  seq?: Seq;
  /** The session, outside one its lane or workspace, else `server`. */
  stream?: string;
  /** Position in the stream, from 1, without gaps. */
  stream_seq?: Seq;
  workspace_id?: WorkspaceId;
  lane_id?: LaneId;
  session_id?: SessionId;
  terminal_id?: TerminalId;
  /** Who caused it: `client/<name>`, `agent/<profile>` or `server`. */
  actor?: string;
  /** The topic's own payload type. */
  payload: Metadata;
  timestamp: Timestamp;
}

/** The data of every JSON-RPC error. Match on code. */
export interface ErrorData {
  /** The name to match on. */
  code: string;
  /** Whether the same request may work later. */
  retryable: boolean;
  correlation_id?: CorrelationId;
  /** Facts behind the message. */
  details: Metadata;
}

/** A payload with nothing in it. */
export interface Empty {
}

/** The schema of the very server that answers. */
export interface Description {
  name: Name;
  /** Version of the protocol. */
  version: string;
  /** Version of the server. */
  server_version: string;
  /** Every type, JSON Schema 2020-12 under $defs. */
  schema: Metadata;
  /** Rows of all methods by name. */
  methods: Metadata;
  /** Rows of all topics by name. */
  topics: Metadata;
  /** State machines by noun. */
  machines: Metadata;
  /** Errors by name. */
  errors: Metadata;
}

/** How the server is. */
export interface ServerStatus {
  /** Id of the state that this server holds; survives restarts. */
  server_id: string;
  /** Rises by one at every start. */
  generation: number;
  /** Version of the server. */
  version: string;
  /** Protocol versions it speaks. */
  protocol_versions: string[];
  /** Its process. */
  pid: number;
  started_at: Timestamp;
  /** Where log, tapes and sockets are. */
  state_dir: AbsolutePath;
  /** Newest position of the log. */
  seq: Seq;
  /** Connected clients. */
  peers: PeerStatus[];
  /** Entities in memory by noun. */
  counts: Record<string, number>;
  /** Connected runners. */
  runners: number;
}

/** One connected client. */
export interface PeerStatus {
  peer_id: PeerId;
  /** Name that the client gave at initialize. */
  client: string;
  connected_at: Timestamp;
  /** Whether it receives events. */
  subscribed: boolean;
}

/** Stops the server. Runners and what they hold go on. */
export interface ServerStop {
}

/** Without after_seq the answer holds a snapshot and events follow from there; with it, what was missed follows first. */
export interface EventSubscribe {
  /** The last position that the client has. */
  after_seq?: Seq;
  /** Only these workspaces; all where absent. */
  workspace_ids?: WorkspaceId[];
  /** Only these topics; all where absent. */
  topics?: TopicFilter[];
}

/** Where the stream of events starts. */
export interface Subscription {
  /** The first event that follows is after this position. */
  from_seq: Seq;
  /** Newest position at the time of the answer. */
  seq: Seq;
  snapshot?: Snapshot;
}

/** What is live at from_seq. Finished turns and their items, and ended processes, are listed instead. */
export interface Snapshot {
  workspaces: Workspace[];
  repos: Repo[];
  lanes: Lane[];
  sessions: Session[];
  turns: Turn[];
  items: Item[];
  processes: Process[];
  terminals: Terminal[];
  approvals: Approval[];
  grants: Grant[];
  constraints: Constraint[];
  stops: Stop[];
  /** One where the config names one. */
  harnesses: HarnessStatus[];
  /** Switches of the renderer mode that are under way. */
  renderers: RendererSwitch[];
}

/** Reads the log itself. */
export interface EventList {
  after_seq?: Seq;
  limit?: Limit;
}

/** Events in order of seq. */
export interface EventPage {
  events: EventEnvelope[];
  /** Newest position of the log. */
  seq: Seq;
}

/** A stretch of the log that this peer will not get. */
export interface Gap {
  from: Seq;
  to: Seq;
  /** Why it is gone. */
  reason: string;
}

/** archived = closed by the user; its lanes stay. */
export type WorkspaceStatus = "active" | "archived" | "error";

/** mode_a hands out raw terminal bytes, mode_b a rendered screen. */
export type RendererMode = "mode_a" | "mode_b";

/** A workspace. */
export interface Workspace {
  workspace_id: WorkspaceId;
  name: Name;
  /** Folders that the workspace opens, resolved. */
  root_paths: AbsolutePath[];
  active_renderer_mode: RendererMode;
  status: WorkspaceStatus;
  /** Settings and layout of the clients. */
  metadata?: Metadata;
  created_at: Timestamp;
  updated_at: Timestamp;
  /** When it was last opened. */
  last_accessed_at: Timestamp;
}

/** A new workspace. */
export interface WorkspaceCreate {
  /** Chosen by the client, or by the server where absent. */
  workspace_id?: WorkspaceId;
  /** The last part of the first root path where absent. */
  name?: Name;
  /** Existing folders. */
  root_paths: AbsolutePath[];
  active_renderer_mode?: RendererMode;
  metadata?: Metadata;
}

/** What changes; the rest stays. */
export interface WorkspaceUpdate {
  name?: Name;
  root_paths?: AbsolutePath[];
  /** Replaces the whole of it. */
  metadata?: Metadata;
}

/** Which workspaces. */
export interface WorkspaceList {
  status?: WorkspaceStatus;
  cursor?: Cursor;
  limit?: Limit;
}

/** One workspace as it is now. */
export interface WorkspaceState {
  workspace: Workspace;
}

/** Workspaces in order of creation. */
export interface WorkspacePage {
  workspaces: Workspace[];
  next_cursor?: Cursor;
}

/** A repo of a workspace. */
export interface Repo {
  repo_id: RepoId;
  workspace_id: WorkspaceId;
  /** Top folder of its main working tree; unique in the workspace. */
  path: AbsolutePath;
  /** Name of its folder. */
  name: Name;
  display_name: Name;
  /** Branch that lanes start from and merge into. */
  default_target_branch?: BranchName;
  /** Folder inside the repo where agents start. */
  default_working_dir?: string;
  /** Shell script that a fresh lane runs in its worktree before its agents start; a lane whose setup fails is not ready. */
  setup_script?: string;
  /** Shell script that a lane runs before it is removed; where it fails, only force removes the lane. */
  cleanup_script?: string;
  /** Shell script that terminal.spawn runs when it is asked to. */
  archive_script?: string;
  /** Shell script that serves the lane's work; terminal.spawn starts it. */
  dev_server_script?: string;
  /** Files that git does not track and a fresh lane gets, such as `.env, config/*.local`: globs of paths in the repo, ** for any folders, separated by commas or lines. What the worktree has already stays as it is, and what git does not ignore counts as work of the lane. */
  copy_files?: string;
  /** Whether the agent may start before setup has ended. */
  parallel_setup_script?: boolean;
  /** Mode of lanes that name none; worktree where absent. */
  lane_mode?: LaneMode;
  /** Submodules are left empty in lanes. */
  has_submodules?: boolean;
  created_at: Timestamp;
  updated_at: Timestamp;
}

/** A repository that exists. */
export interface RepoAdd {
  /** Chosen by the client, or by the server where absent. */
  repo_id?: RepoId;
  /** Any folder inside the repository. */
  path: AbsolutePath;
  display_name?: Name;
  /** The branch that is checked out where absent. */
  default_target_branch?: BranchName;
  default_working_dir?: string;
  lane_mode?: LaneMode;
}

/** What changes; the rest stays. An empty text clears. */
export interface RepoUpdate {
  display_name?: Name;
  default_target_branch?: BranchName;
  default_working_dir?: string;
  setup_script?: string;
  cleanup_script?: string;
  archive_script?: string;
  dev_server_script?: string;
  copy_files?: string;
  parallel_setup_script?: boolean;
  lane_mode?: LaneMode;
  repo_id: RepoId;
}

/** Which repo. */
export interface RepoRef {
  repo_id: RepoId;
}

/** Which repos. */
export interface RepoList {
  cursor?: Cursor;
  limit?: Limit;
}

/** One repo as it is now. */
export interface RepoState {
  repo: Repo;
}

/** Repos in order of creation. */
export interface RepoPage {
  repos: Repo[];
  next_cursor?: Cursor;
}

/** A local branch. */
export interface Branch {
  name: BranchName;
  commit: CommitId;
  /** Working tree that has it checked out. */
  checked_out_at?: AbsolutePath;
}

/** The repo's local branches. */
export interface BranchPage {
  branches: Branch[];
}

/** running = a turn runs; blocked = every running turn waits for a decision. */
export type LaneStatus = "new" | "provisioning" | "ready" | "running" | "blocked" | "error" | "closed";

/** supervised = what the agent asks, a person decides; plan = nothing is changed; auto = the lane's rules decide, and what none fits is asked. */
export type PermissionMode = "supervised" | "plan" | "auto";

/** worktree = a linked worktree of the repo, which shares its git directory; clone = a repository of its own, in which an agent can commit that may write nowhere else. */
export type LaneMode = "worktree" | "clone";

/** The lane's working tree of one repo. */
export interface Worktree {
  repo_id: RepoId;
  path: AbsolutePath;
  branch: BranchName;
  /** Where the branch started. */
  base_commit: CommitId;
  /** Where it merges into. */
  target_branch: BranchName;
  /** The branch after the last commit that the server made. */
  head_commit?: CommitId;
}

/** A merge of the lane into a target branch. */
export interface Merge {
  repo_id: RepoId;
  target_branch_name: BranchName;
  merge_commit: CommitId;
  merged_at: Timestamp;
}

/** Work that was saved before a lane was removed. */
export interface Rescue {
  repo_id: RepoId;
  /** Commit in our rescue repository. */
  commit?: CommitId;
  /** Ref that holds it. */
  ref?: string;
  /** Where the whole folder went, where a commit could not hold it. */
  moved_to?: AbsolutePath;
  /** The git command that brings it back. */
  restore?: string;
  rescued_at: Timestamp;
}

/** Of all rules that match, deny goes before ask, and ask before allow. */
export type RuleEffect = "allow" | "deny" | "ask";

/** What happens to what an agent asks for. All that a rule names must match; one that names nothing matches everything. */
export interface Rule {
  effect: RuleEffect;
  tool_kind?: ToolKind;
  /** Words of a command, each a glob; a last word of * stands for any further words. Of a compound command every part must be allowed. */
  command?: string;
  /** The whole command, letter by letter. */
  line?: string;
  /** Glob of a path in the lane's worktree: * within a folder, ** across folders. Nothing outside of the lane, and nothing of git's own, is ever allowed by a rule. */
  path?: string;
  /** The title of what is asked, letter by letter; alone it allows only what names neither a command nor a path. */
  title?: string;
}

/** Rules as a whole, so that none is a set as well. */
export interface RuleSet {
  list: Rule[];
}

/** A lane. */
export interface Lane {
  lane_id: LaneId;
  workspace_id: WorkspaceId;
  /** Project of the lane, or absent. */
  project_context_id?: string;
  /** The lane whose agent asked for this one; absent where a person did. */
  parent_lane_id?: LaneId;
  name: Name;
  status: LaneStatus;
  /** Profile of sessions that name none. */
  provider_profile: ProfileName;
  /** supervised where absent. */
  permission_mode?: PermissionMode;
  /** Limits of the lane's turns; the workspace's default where absent. */
  constraint_id?: ConstraintId;
  /** What happens in mode auto to what its agents ask. */
  rules?: Rule[];
  branch: BranchName;
  /** worktree where absent. */
  mode?: LaneMode;
  worktrees: Worktree[];
  /** Kept from automatic cleanup. */
  pinned?: boolean;
  operation?: Operation;
  /** Why the last effect failed. */
  problem?: Problem;
  /** Newest last; at most 20. */
  merges?: Merge[];
  /** Newest last; at most 20. */
  rescues?: Rescue[];
  created_at: Timestamp;
  updated_at: Timestamp;
  closed_at?: Timestamp;
}

/** A new lane. */
export interface LaneCreate {
  /** Chosen by the client, or by the server where absent. */
  lane_id?: LaneId;
  /** What the work is; the branch is named after it. */
  name: Name;
  /** The workspace's only repo where absent. */
  repo_id?: RepoId;
  /** The repo's default where absent. */
  target_branch?: BranchName;
  /** Branch or commit to start from; the target branch where absent. */
  base?: string;
  /** `<prefix>/<short id>-<slug>` where absent. */
  branch?: BranchName;
  /** The repo's lane_mode where absent. */
  mode?: LaneMode;
  /** `demo` where absent and none is configured. */
  profile?: ProfileName;
  project_context_id?: string;
  constraint?: ConstraintName;
  /** supervised where absent. */
  permission_mode?: PermissionMode;
  rules?: Rule[];
  pinned?: boolean;
}

/** Work for an agent, and where it is done: in the repository around `path`, or in `repo_id`, or in the only repo of the envelope's workspace. */
export interface LaneStart {
  /** What the agent is asked. */
  prompt: string;
  links?: ResourceLink[];
  /** A file or folder of the repository, which need not be there yet; in a lane's worktree, the lane's repo is meant. */
  path?: AbsolutePath;
  /** Root of the workspace where one has to be made, if it holds the path; the repository's top folder where absent. */
  folder?: AbsolutePath;
  repo_id?: RepoId;
  /** The first line of the prompt where absent. */
  name?: Name;
  /** The default profile where absent. */
  profile?: ProfileName;
  choice?: Choice;
  /** The repo's default where absent. */
  target_branch?: BranchName;
  /** Branch or commit to start from; the target branch where absent. */
  base?: string;
  /** `<prefix>/<short id>-<slug>` where absent. */
  branch?: BranchName;
  /** The repo's lane_mode where absent. */
  mode?: LaneMode;
  /** Limits of the lane's turns; one of a workspace that exists. */
  constraint?: ConstraintName;
  /** supervised where absent. */
  permission_mode?: PermissionMode;
  rules?: Rule[];
  /** Chosen by the client, or by the server where absent. */
  lane_id?: LaneId;
  /** Chosen by the client, or by the server where absent. */
  session_id?: SessionId;
  /** Chosen by the client, or by the server where absent. */
  turn_id?: TurnId;
  /** The lane whose agent asks for it. The new lane has that one's permission mode, rules and constraint; others are refused. */
  parent_lane_id?: LaneId;
}

/** What was started. The turn waits until the lane is ready and its agent attached. */
export interface LaneStarted {
  lane: Lane;
  session: Session;
  turn: Turn;
  repo: Repo;
  workspace: Workspace;
}

/** What changes; the rest stays. */
export interface LaneUpdate {
  name?: Name;
  profile?: ProfileName;
  constraint?: ConstraintName;
  permission_mode?: PermissionMode;
  /** All rules from now on. */
  rules?: RuleSet;
  pinned?: boolean;
}

/** Which lanes. */
export interface LaneList {
  status?: LaneStatus;
  cursor?: Cursor;
  limit?: Limit;
}

/** One lane as it is now. */
export interface LaneState {
  lane: Lane;
}

/** Lanes in order of creation. */
export interface LanePage {
  lanes: Lane[];
  next_cursor?: Cursor;
}

/** How much to tell. */
export interface LaneDiff {
  /** Only these paths; all where absent. */
  paths?: string[];
  /** Whether to send the text of the changes; true where absent. */
  hunks?: boolean;
  /** Unchanged lines around a change; 3 where absent. With more than the file has, its hunk is the whole file. */
  context?: number;
  /** Bytes of hunks at most; 1 MiB where absent. */
  max_bytes?: number;
}

/** One hunk of a unified diff. */
export interface DiffHunk {
  old_start: number;
  old_lines: number;
  new_start: number;
  new_lines: number;
  /** Heading that git found for the hunk. */
  section: string;
  /** Lines, each with its leading space, plus or minus. */
  text: string;
}

/** What happened to a file. */
export type DiffStatus = "added" | "modified" | "deleted" | "renamed" | "copied" | "type_changed";

/** One changed file. */
export interface DiffFile {
  /** Relative to the worktree; bytes that are not UTF-8 are written as git quotes them. */
  path: string;
  /** Where it was before a rename. */
  old_path?: string;
  status: DiffStatus;
  additions: number;
  deletions: number;
  binary: boolean;
  old_mode?: string;
  new_mode?: string;
  hunks?: DiffHunk[];
  /** Whether hunks were left out for their size. */
  truncated?: boolean;
}

/** What a worktree holds that its target does not, untracked files included. */
export interface WorktreeDiff {
  repo_id: RepoId;
  /** Merge base of the lane and its target. */
  base_commit: CommitId;
  head_commit: CommitId;
  files: DiffFile[];
  additions: number;
  deletions: number;
  /** Whether part of it is not committed. */
  uncommitted: boolean;
  truncated: boolean;
}

/** The lane's changes, one entry per worktree. */
export interface LaneDiffResult {
  worktrees: WorktreeDiff[];
}

/** A commit of everything that is in the lane's worktree. */
export interface LaneCommit {
  /** The lane's name where absent. */
  message?: string;
}

/** A merge of the lane's branch. What is not committed yet is committed first. */
export interface LaneMerge {
  /** `Merge lane <name>` where absent. */
  message?: string;
  /** One commit with one parent instead of a merge commit. */
  squash?: boolean;
  /** Refuse when the target branch is elsewhere. */
  expected_target?: CommitId;
}

/** Removes the lane's worktrees and closes it. */
export interface LaneCleanup {
  /** Save what exists nowhere else in the rescue repository, then remove. */
  force?: boolean;
  /** Delete the branch as well if its target contains it. */
  delete_branch?: boolean;
}

/** How the lane's operation ended. */
export interface LaneSettle {
  /** Kind of the operation that ended. */
  kind: string;
  problem?: Problem;
  worktrees?: Worktree[];
  merges?: Merge[];
  rescues?: Rescue[];
}

/** attached = an agent process with an open protocol session; of an agent that takes one prompt for each process: the next prompt starts it. */
export type SessionStatus = "detached" | "attaching" | "attached" | "terminated";

/** How the agent reaches its model; native_openai where no route was chosen. */
export type Transport = "cliproxy_harness" | "native_openai";

/** What was chosen of the settings that the agent offers; what is absent stays as the agent has it. */
export interface Choice {
  mode?: string;
  model?: string;
  /** How much it thinks, in the agent's own words. */
  effort?: string;
}

/** What a setting is about. */
export type SettingKind = "mode" | "model" | "effort" | "other" | (string & {});

/** One value that a setting can have. */
export interface SettingValue {
  value: string;
  name: string;
  description?: string;
}

/** Something that can be chosen in the agent. */
export interface Setting {
  /** The agent's own id. */
  setting_id: string;
  name: string;
  kind: SettingKind;
  /** Its value now. */
  value?: string;
  values: SettingValue[];
}

/** A command that the agent understands where a prompt begins with a slash and its name. */
export interface AgentCommand {
  name: string;
  description?: string;
  /** What may follow the name. */
  hint?: string;
}

/** What the agent of an open session can do; what is absent it cannot. */
export interface Offer {
  /** A running turn takes further input. */
  steer?: boolean;
  /** The conversation can go on in two ways from its end. */
  fork?: boolean;
  /** The same from any turn that ended. */
  fork_at_turn?: boolean;
  /** The newest turns can be taken back. */
  rewind?: boolean;
  /** The context can be summed up on request. */
  compact?: boolean;
  /** It can review the lane's changes. */
  review?: boolean;
  settings?: Setting[];
  commands?: AgentCommand[];
}

/** Who the agent of an open session says it is. */
export interface AgentIdentity {
  name: string;
  title?: string;
  version?: string;
  /** What it speaks, with the version that was agreed on: acp/1, acp/2. */
  protocol?: string;
}

/** fork = goes on from another session's conversation; adopt = from one that was begun outside; handover = told what another session was about. */
export type OriginKind = "fork" | "adopt" | "handover";

/** What a session goes on from, where it is not a fresh one. */
export interface SessionOrigin {
  kind: OriginKind;
  /** The other session, of a fork or a handover. */
  session_id?: SessionId;
  /** The last turn that a fork keeps; the newest where absent. */
  turn_id?: TurnId;
  /** The agent's own id of the conversation that is gone on from; chosen by the client to adopt, by the server to fork. */
  agent_session_id?: string;
  /** The agent's own id of turn_id; set by the server. */
  agent_turn_id?: string;
}

/** How the agent's way to its model was chosen. It is decided when the agent starts; another one for the next turn starts it anew. */
export interface SessionRoute {
  /** What the session, or else its profile, wants. */
  preferred_transport: Transport;
  /** Why it is another one than preferred; absent where it is not. */
  reason?: Problem;
  decided_at: Timestamp;
  /** Whether a turn has begun, so that an agent that starts anew has a conversation to resume. */
  prompted?: boolean;
}

/** A session. */
export interface Session {
  session_id: SessionId;
  workspace_id: WorkspaceId;
  lane_id: LaneId;
  profile: ProfileName;
  /** The protocol that the agent speaks: acp. */
  driver: string;
  status: SessionStatus;
  /** The agent's own id of the conversation; used to resume it. */
  agent_session_id?: string;
  /** The agent's own id where the agent is Codex. */
  codex_session_id?: string;
  transport: Transport;
  route?: SessionRoute;
  origin?: SessionOrigin;
  /** What the agent is told of the work that was handed over, before its first prompt; the turn that told it has it from then on. */
  primer?: string;
  /** Limits of the session's turns; the lane's where absent. */
  constraint_id?: ConstraintId;
  /** What the user chose; it goes before the profile's. */
  choice?: Choice;
  identity?: AgentIdentity;
  offer?: Offer;
  /** Of all its turns; the context as it is now. */
  usage?: Usage;
  title?: Name;
  /** One line: what it does now. */
  activity?: string;
  /** True from its first prompt on. */
  listed: boolean;
  /** The agent's process, while one belongs to it. */
  process_id?: ProcessId;
  /** The terminal that its process runs on, or ran on last, where the agent is a program of the terminal. */
  terminal_id?: TerminalId;
  operation?: Operation;
  /** Why it is not attached. */
  problem?: Problem;
  /** Whether the agent can continue the conversation in a new process. */
  resumable?: boolean;
  /** When its agent last took prompts. */
  attached_at?: Timestamp;
  /** When an agent that took prompts last ended. */
  detached_at?: Timestamp;
  created_at: Timestamp;
  updated_at: Timestamp;
  /** Last frame or byte of the agent; a vital, present in reads. */
  last_heartbeat_at?: Timestamp;
}

/** A new session. */
export interface SessionCreate {
  /** Chosen by the client, or by the server where absent. */
  session_id?: SessionId;
  /** Where absent, the lane's profile; of a fork, the profile of the session that it goes on from. */
  profile?: ProfileName;
  title?: Name;
  choice?: Choice;
  /** What it goes on from; a fresh conversation where absent. */
  origin?: SessionOrigin;
  constraint?: ConstraintName;
  /** The preferred one; the profile's where absent. */
  transport?: Transport;
  /** Start the agent at once; true where absent. */
  attach?: boolean;
}

/** How far to go back. */
export interface SessionRewind {
  /** The first turn that is taken back. */
  turn_id: TurnId;
}

/** What changes; the rest stays. */
export interface SessionUpdate {
  title?: Name;
  /** For the turns that start from now on; what is absent in it stays. */
  choice?: Choice;
  /** Preferred from the next turn on. */
  transport?: Transport;
}

/** Which sessions. */
export interface SessionList {
  status?: SessionStatus;
  /** Also those that were never prompted. */
  unlisted?: boolean;
  cursor?: Cursor;
  limit?: Limit;
}

/** One session as it is now. */
export interface SessionState {
  session: Session;
}

/** Sessions in order of creation. */
export interface SessionPage {
  sessions: Session[];
  next_cursor?: Cursor;
}

/** How attaching ended. */
export interface SessionSettle {
  /** Process that it is about; another one's news are stale. */
  process_id: ProcessId;
  agent_session_id?: string;
  resumable?: boolean;
  title?: Name;
  identity?: AgentIdentity;
  offer?: Offer;
  problem?: Problem;
  cursor?: FrameCursor;
}

/** How far an agent's output tape was taken in. */
export interface FrameCursor {
  /** First frame of the oldest open item; reading starts here after a restart. */
  rest: Offset;
  /** Frames before this only rebuild the driver's memory. */
  applied: Offset;
}

/** What became of a further input to the running turn. */
export interface Steered {
  /** Which of the turn's steers. */
  number: number;
  /** Number of the write that carried it. */
  input_n?: number;
  /** Why the agent did not take it. */
  problem?: Problem;
}

/** What became of the running turn. */
export interface TurnProgress {
  turn_id: TurnId;
  /** Its new status, where it changes. */
  status?: TurnStatus;
  /** Number of the write that carried the prompt. */
  input_n?: number;
  /** Number of the write that carried the interrupt. */
  interrupt_n?: number;
  agent_turn_id?: string;
  steered?: Steered[];
  stop_reason?: StopReason;
  summary?: string;
  usage?: Usage;
  problem?: Problem;
}

/** The agent was told what was decided. */
export interface ApprovalAnswered {
  approval_id: ApprovalId;
  /** Number of the write that carried the answer. */
  answer_n: number;
}

/** One numbered write to the agent. */
export interface AgentWrite {
  /** From 1 for each process, without gaps. */
  n: number;
  /** The frame, a line of JSON without its newline. */
  data: string;
}

/** What a driver made of the agent's frames and of what waits for the agent; one transaction. */
export interface SessionApply {
  process_id: ProcessId;
  cursor?: FrameCursor;
  /** Items as they are now, in order. */
  items?: Item[];
  /** New approvals. */
  approvals?: Approval[];
  answered?: ApprovalAnswered[];
  turn?: TurnProgress;
  title?: Name;
  activity?: string;
  /** What the agent offers from now on, whole. */
  offer?: Offer;
  /** The agent's own id of the conversation, where it tells one after it was attached. */
  agent_session_id?: string;
  /** The process is done with all that it had to do, and has ended or cannot be started. A prompt that waits is given to the next one. */
  ended?: boolean;
  /** Why it cannot be started; the queue waits then. */
  problem?: Problem;
  writes?: AgentWrite[];
}

/** waiting = an approval of the turn is pending. */
export type TurnStatus = "queued" | "running" | "waiting" | "completed" | "failed" | "interrupted" | "canceled";

/** Why the agent stopped, in ACP's words. */
export type StopReason = "end_turn" | "max_tokens" | "max_turn_requests" | "refusal" | "cancelled" | (string & {});

/** What the turn asks of the agent: to answer a prompt, to sum up its context, to review the lane's changes. */
export type TurnAction = "prompt" | "compact" | "review";

/** Money, as the agent reports it. */
export interface Cost {
  amount: number;
  /** ISO 4217. */
  currency: string;
}

/** Tokens as the agent counts them. */
export interface Usage {
  input_tokens?: number;
  output_tokens?: number;
  total_tokens?: number;
  /** Of the input, what came from a cache. */
  cached_tokens?: number;
  /** Of the output, what it thought. */
  thought_tokens?: number;
  cost?: Cost;
  /** What all of the agent's session has cost by now, where the agent tells that; the turn's cost is what came to it. */
  session_cost?: Cost;
  /** Tokens in the context now. */
  context_used?: number;
  /** Tokens that fit. */
  context_size?: number;
}

/** Something that the prompt points to. */
export interface ResourceLink {
  uri: string;
  name: Name;
}

/** Somebody asked to stop the turn. */
export interface Interrupt {
  requested_at: Timestamp;
  actor: string;
  /** Number of the write that told the agent. */
  input_n?: number;
  /** Why the server stops it: a limit, a watchdog; absent where a person asked. */
  problem?: Problem;
}

/** Further input to a turn that runs. */
export interface Steer {
  /** From 1 in each turn. */
  number: number;
  prompt: string;
  links?: ResourceLink[];
  actor: string;
  requested_at: Timestamp;
  /** Number of the write that carried it. */
  input_n?: number;
  /** Why the agent did not take it. */
  problem?: Problem;
}

/** A turn. */
export interface Turn {
  turn_id: TurnId;
  workspace_id: WorkspaceId;
  lane_id: LaneId;
  session_id: SessionId;
  status: TurnStatus;
  /** prompt where absent. */
  action?: TurnAction;
  /** What the user asked. */
  prompt: string;
  /** What the agent was told before the prompt, of work that was handed over. */
  primer?: string;
  links?: ResourceLink[];
  /** Where it enters the queue: before the first turn of lower priority; 50 where nothing was said. */
  priority: number;
  /** Order in the queue: the lowest runs next. Only the order means something. */
  position?: number;
  /** The turn that was interrupted for this one. */
  replaces?: TurnId;
  /** Correlation of the prompt; all that the turn causes carries it. */
  correlation_id?: CorrelationId;
  /** What was chosen for this turn; the session keeps it. */
  choice?: Choice;
  /** The agent's own id of the turn. */
  agent_turn_id?: string;
  steers?: Steer[];
  /** Limits that were chosen for it; the session's where absent. */
  constraint_id?: ConstraintId;
  /** The limits in force since it began. */
  limits?: Limits;
  /** Since when it waits for a decision. */
  waiting_since?: Timestamp;
  /** How long it waited for decisions before. */
  waited_ms?: number;
  /** The agent's process that runs it. */
  process_id?: ProcessId;
  /** Number of the write that carried the prompt. */
  input_n?: number;
  interrupt?: Interrupt;
  stop_reason?: StopReason;
  /** The agent's last message. */
  summary?: string;
  usage?: Usage;
  /** Why it failed or was cut. */
  problem?: Problem;
  /** Whether a new prompt can go on from where it was cut. */
  resumable?: boolean;
  /** Taken back: the agent's conversation goes on without it. */
  dropped?: boolean;
  /** Whether the user has looked at its end. */
  seen?: boolean;
  created_at: Timestamp;
  started_at?: Timestamp;
  ended_at?: Timestamp;
}

/** A prompt for a session. It runs when the session is attached and the turns before it have ended. */
export interface TurnCreate {
  /** Chosen by the client, or by the server where absent. */
  turn_id?: TurnId;
  /** prompt where absent. */
  action?: TurnAction;
  /** Needed to prompt; what to look at in a review, what to keep of a context that is summed up. */
  prompt?: string;
  links?: ResourceLink[];
  constraint?: ConstraintName;
  priority?: number;
  /** Chosen for this turn; the session keeps it. */
  choice?: Choice;
}

/** Further input to the running turn. */
export interface TurnSteer {
  turn_id: TurnId;
  prompt: string;
  links?: ResourceLink[];
}

/** A prompt that shall run in place of a turn. */
export interface TurnReplace {
  /** The turn that is interrupted. */
  turn_id: TurnId;
  /** Chosen by the client, or by the server where absent. */
  new_turn_id?: TurnId;
  prompt: string;
  links?: ResourceLink[];
  choice?: Choice;
}

/** Receipt of a replacement. */
export interface TurnReplaced {
  /** The new turn: it runs next. */
  turn: Turn;
  /** The turn that it replaces, as it is now. */
  replaced: Turn;
  /** Whether it was still running; otherwise it had ended before, and nothing was cut. */
  interrupted: boolean;
}

/** An end of the queue. */
export type QueuePlace = "first" | "last";

/** Where a queued turn goes: before or after another one, or to an end of the queue. One of the three. */
export interface TurnMove {
  turn_id: TurnId;
  before?: TurnId;
  after?: TurnId;
  to?: QueuePlace;
}

/** Why the server stops a turn. */
export interface TurnHalt {
  turn_id: TurnId;
  problem: Problem;
}

/** Limits that nobody can enforce. */
export interface TurnExempt {
  turn_id: TurnId;
  unenforced: LimitName[];
  reason: string;
}

/** Which turn. */
export interface TurnRef {
  turn_id: TurnId;
}

/** What changes; the rest stays. */
export interface TurnUpdate {
  turn_id: TurnId;
  seen?: boolean;
  /** Of a queued turn, as all that follows. */
  prompt?: string;
  links?: ResourceLink[];
  /** The turn enters the queue anew by it. */
  priority?: number;
  choice?: Choice;
}

/** Which turns. */
export interface TurnList {
  status?: TurnStatus;
  cursor?: Cursor;
  limit?: Limit;
}

/** One turn as it is now. */
export interface TurnState {
  turn: Turn;
}

/** Turns in order of creation; queued ones in the order in which they will run, where only those were asked for. */
export interface TurnPage {
  turns: Turn[];
  next_cursor?: Cursor;
}

/** What it is. A kind that the server does not know is kept and shown. */
export type ItemKind = "user_message" | "message" | "thought" | "tool_call" | "plan" | "usage" | "notice" | "error" | "compaction" | "question" | (string & {});

/** Text only grows while it is in progress. */
export type ItemStatus = "in_progress" | "completed" | "failed" | "canceled";

/** What a tool call does. */
export type ToolKind = "read" | "edit" | "delete" | "move" | "search" | "execute" | "think" | "fetch" | "switch_mode" | "other" | (string & {});

/** Status of a tool call in the agent's words. */
export type ToolStatus = "pending" | "in_progress" | "completed" | "failed" | (string & {});

/** A place in a file. */
export interface Location {
  path: string;
  line?: number;
}

/** A file before and after. */
export interface FileChange {
  path: string;
  /** Absent for a new file. */
  old_text?: string;
  new_text: string;
}

/** A tool that the agent uses. */
export interface ToolCall {
  /** The agent's own id. */
  tool_call_id: string;
  title?: string;
  tool_kind?: ToolKind;
  /** The shell command, where it runs one. */
  command?: string;
  /** How the command ended. */
  exit_code?: number;
  /** The tool call, of a sub-agent say, that it is part of. */
  parent_tool_call_id?: string;
  status: ToolStatus;
  locations?: Location[];
  changes?: FileChange[];
  /** As the agent gave it. */
  raw_input?: unknown;
  /** As the agent gave it. */
  raw_output?: unknown;
}

/** One step of a plan. */
export interface PlanEntry {
  content: string;
  priority?: string;
  status: string;
}

/** An item. */
export interface Item {
  item_id: ItemId;
  workspace_id: WorkspaceId;
  lane_id: LaneId;
  session_id: SessionId;
  turn_id: TurnId;
  kind: ItemKind;
  status: ItemStatus;
  /** Order within the turn; offset of its first frame on the agent's tape. */
  position: number;
  /** Message, thought, a tool's output, a notice. Whole when the item is closed. */
  text?: string;
  tool?: ToolCall;
  plan?: PlanEntry[];
  usage?: Usage;
  problem?: Problem;
  /** The agent's own frame where the kind is not known. */
  raw?: unknown;
  created_at: Timestamp;
  ended_at?: Timestamp;
}

/** Which item. */
export interface ItemRef {
  item_id: ItemId;
}

/** Which items. */
export interface ItemList {
  turn_id?: TurnId;
  cursor?: Cursor;
  limit?: Limit;
}

/** One item as it is now. */
export interface ItemState {
  item: Item;
}

/** Items in order of creation. */
export interface ItemPage {
  items: Item[];
  next_cursor?: Cursor;
}

/** Text that an item in progress grew by. A client that has more than offset drops the part it has. */
export interface ItemDelta {
  item_id: ItemId;
  turn_id: TurnId;
  /** Bytes of the text, in UTF-8, before this part. */
  offset: Offset;
  data: string;
}

/** What it runs for. */
export type RunReason = "agent" | "shell" | "setup" | "cleanup" | "archive" | "dev_server";

/** completed = exit 0; killed = ended by a signal. */
export type ProcessStatus = "running" | "completed" | "failed" | "killed";

/** A process. */
export interface Process {
  process_id: ProcessId;
  workspace_id: WorkspaceId;
  lane_id: LaneId;
  session_id?: SessionId;
  run_reason: RunReason;
  status: ProcessStatus;
  argv: string[];
  cwd: AbsolutePath;
  pid?: number;
  /** It runs on a terminal. */
  pty?: boolean;
  exit_code?: number;
  /** Name of the signal that ended it. */
  signal?: string;
  /** Hidden by the user. */
  dropped?: boolean;
  problem?: Problem;
  started_at: Timestamp;
  completed_at?: Timestamp;
}

/** Which process. */
export interface ProcessRef {
  process_id: ProcessId;
}

/** Which processes. */
export interface ProcessList {
  status?: ProcessStatus;
  cursor?: Cursor;
  limit?: Limit;
}

/** One process as it is now. */
export interface ProcessState {
  process: Process;
}

/** Processes in order of creation. */
export interface ProcessPage {
  processes: Process[];
  next_cursor?: Cursor;
}

/** A part of a tape. */
export interface ProcessRead {
  process_id: ProcessId;
  /** out where absent. */
  stream?: StreamName;
  /** The tape's last max_bytes where absent. */
  offset?: Offset;
  /** 64 KiB where absent. */
  max_bytes?: number;
  encoding?: Encoding;
}

/** Bytes of a tape. */
export interface TapeChunk {
  /** Where data starts; later than asked where older bytes were dropped. */
  offset: Offset;
  data: string;
  next_offset: Offset;
  /** The tape's end now. */
  end_offset: Offset;
  /** Bytes that were asked for and are gone. */
  skipped?: number;
  encoding: Encoding;
}

/** A process ended. */
export interface ProcessExit {
  process_id: ProcessId;
  exit_code?: number;
  signal?: string;
  /** Width of its terminal at its end, where it was resized. */
  cols?: Columns;
  rows?: Rows;
  problem?: Problem;
  /** Items of an agent's that are open, with all of their text. */
  items?: Item[];
}

/** A process of an agent runs. */
export interface ProcessStart {
  process_id: ProcessId;
  run_reason: RunReason;
  argv: string[];
  cwd: AbsolutePath;
  pid: number;
  /** With rows: it runs on a terminal, which its session shows. */
  cols?: Columns;
  rows?: Rows;
}

/** throttled = the runner holds it to its share of a byte budget, or its tape cannot be written. */
export type TerminalPhase = "idle" | "spawning" | "active" | "throttled" | "closed";

/** Width in cells. */
export type Columns = number;

/** Height in cells. */
export type Rows = number;

/** Which script of a repo. */
export type Script = "setup" | "cleanup" | "archive" | "dev_server";

/** A terminal. */
export interface Terminal {
  terminal_id: TerminalId;
  workspace_id: WorkspaceId;
  lane_id: LaneId;
  /** Absent for a shell of the lane. */
  session_id?: SessionId;
  process_id: ProcessId;
  /** The script that it runs; absent for everything else. */
  run_reason?: RunReason;
  title: Name;
  state: TerminalPhase;
  throttle_reason?: string;
  argv: string[];
  cwd: AbsolutePath;
  /** Width when it was spawned; reads give the width now, and once it is closed its last. */
  cols: Columns;
  /** Height when it was spawned; reads give the height now, and once it is closed its last. */
  rows: Rows;
  /** How it is handed out; as its workspace says where absent. */
  active_renderer_mode?: RendererMode;
  exit_code?: number;
  signal?: string;
  operation?: Operation;
  problem?: Problem;
  /** The tape's end; a vital, present in reads. */
  last_output_seq?: Offset;
  created_at: Timestamp;
  updated_at: Timestamp;
  closed_at?: Timestamp;
}

/** A new terminal in a lane. */
export interface TerminalSpawn {
  /** Chosen by the client, or by the server where absent. */
  terminal_id?: TerminalId;
  title?: Name;
  /** The user's shell where absent. */
  argv?: string[];
  /** Run this script of the repo, in its worktree, instead of argv; each of them runs once at a time in a lane. */
  script?: Script;
  /** Whose script; the lane's first repo where absent. */
  repo_id?: RepoId;
  /** Relative to the lane's first worktree, or absolute; the worktree where absent. */
  cwd?: string;
  /** Added to the allowed environment. */
  env?: Record<string, string>;
  /** 80 where absent. */
  cols?: Columns;
  /** 24 where absent. */
  rows?: Rows;
}

/** What changes; the rest stays. */
export interface TerminalUpdate {
  title?: Name;
}

/** latest lets a slow peer skip and says so; lossless reads at the peer's own pace. */
export type TerminalFlow = "latest" | "lossless";

/** Sends this peer the terminal's output. */
export interface TerminalAttach {
  /** Continue here. */
  offset?: Offset;
  /** Start this much before the end; 64 KiB where neither is given. */
  tail_bytes?: number;
  /** Bytes under way before an ack is needed; where absent only the connection holds the output back. */
  window_bytes?: number;
  /** latest where absent. */
  flow?: TerminalFlow;
  /** utf-8 where absent. */
  encoding?: Encoding;
  /** Make a full-screen program redraw; true where absent, and needless in mode_b. */
  nudge?: boolean;
  /** Whatever is switched, this peer gets bytes (mode_a) or screens (mode_b); where absent the terminal's mode, also when it is switched. */
  mode?: RendererMode;
}

/** Where the output starts. */
export interface TerminalAttachment {
  terminal: Terminal;
  /** The first byte that follows. */
  offset: Offset;
  end_offset: Offset;
  /** Bytes that were asked for and are gone. */
  skipped?: number;
  /** mode_a: terminal.output follows; mode_b: terminal.rendered, with the whole screen first. */
  mode: RendererMode;
}

/** How far the client has used up what it got. */
export interface TerminalAck {
  /** Offset up to which the output was consumed. */
  consumed: Offset;
}

/** What was typed. */
export interface TerminalInput {
  /** At most 1 MiB of bytes. */
  data: string;
  /** utf-8 where absent. */
  encoding?: Encoding;
  /** A repeat with the same id is dropped. */
  input_id?: string;
}

/** A new size. The owner's size counts; who resizes owns. */
export interface TerminalResize {
  cols: Columns;
  rows: Rows;
  /** Become the owner; without it only the owner may resize, or anybody while there is none. */
  claim?: boolean;
}

/** The size that counts now. */
export interface TerminalSize {
  cols: Columns;
  rows: Rows;
  /** False where another peer owns the terminal. */
  applied: boolean;
}

/** A signal by name. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGKILL" | "SIGHUP" | "SIGQUIT" | "SIGTSTP" | "SIGCONT" | "SIGUSR1" | "SIGUSR2" | "SIGWINCH";

/** A signal for the terminal's foreground processes. */
export interface TerminalSignal {
  signal: SignalName;
}

/** Ends the terminal's processes. */
export interface TerminalClose {
  /** Wait this long after SIGTERM; 2000 where absent. */
  grace_ms?: number;
}

/** A part of the terminal's tape. */
export interface TerminalRead {
  /** The tape's last max_bytes where absent. */
  offset?: Offset;
  /** 64 KiB where absent. */
  max_bytes?: number;
  encoding?: Encoding;
}

/** Which terminals. */
export interface TerminalList {
  state?: TerminalPhase;
  cursor?: Cursor;
  limit?: Limit;
}

/** One terminal as it is now. */
export interface TerminalState {
  terminal: Terminal;
}

/** Terminals in order of creation. */
export interface TerminalPage {
  terminals: Terminal[];
  next_cursor?: Cursor;
}

/** Bytes of the tape. */
export interface TerminalOutput {
  terminal_id: TerminalId;
  /** Of the first byte of data. */
  offset: Offset;
  /** Of the first byte after data. */
  next_offset: Offset;
  data: string;
  encoding: Encoding;
  /** Bytes before offset that this peer does not get. */
  skipped?: number;
}

/** What to tell of a terminal's screen. */
export interface TerminalRender {
  /** So many of the newest lines above the screen; none where absent. */
  history_lines?: number;
}

/** What a terminal shows now, with all its lines. */
export interface TerminalScreen {
  terminal_id: TerminalId;
  /** The screen as plain text, a line for each row without the blanks at its end. */
  text: string;
  screen: Screen;
  /** Lines above the screen as plain text, oldest first; present where asked for. */
  history?: string[];
}

/** What changed on a terminal's screen since this peer was told last. */
export interface TerminalRendered {
  terminal_id: TerminalId;
  /** The screen has every line; forget what was there. */
  full: boolean;
  screen: Screen;
}

/** This peer gets no more screens of the terminal. */
export interface TerminalRenderEnded {
  terminal_id: TerminalId;
  problem: Problem;
}

/** The size changed. */
export interface TerminalResized {
  terminal_id: TerminalId;
  cols: Columns;
  rows: Rows;
}

/** How spawning ended. */
export interface TerminalSettle {
  pid?: number;
  problem?: Problem;
}

/** The runner holds the terminal back, or no longer. */
export interface TerminalThrottle {
  on: boolean;
  reason?: string;
}

/** expired counts as a reject; canceled = the turn ended first. */
export type ApprovalStatus = "pending" | "approved" | "denied" | "expired" | "canceled";

/** What choosing the option means, in ACP's words. */
export type OptionKind = "allow_once" | "allow_always" | "reject_once" | "reject_always" | (string & {});

/** One way to decide. */
export interface ApprovalOption {
  /** The agent's own id. */
  option_id: string;
  label: string;
  kind: OptionKind;
}

/** permission = may a tool run; plan = is a plan accepted; question = the agent wants to know something. */
export type ApprovalKind = "permission" | "plan" | "question";

/** An answer that the agent proposes. */
export interface QuestionOption {
  label: string;
  description?: string;
}

/** Something that the agent wants to know. */
export interface Question {
  question_id: string;
  /** A word or two. */
  header?: string;
  text: string;
  options?: QuestionOption[];
  /** More than one option may be chosen. */
  multiple?: boolean;
  /** Any text is an answer. */
  free?: boolean;
  /** The answer must not be shown or kept. */
  secret?: boolean;
}

/** What was answered to one question. */
export interface Answer {
  question_id: string;
  /** Labels of options, or a text of one's own. */
  values: string[];
}

/** For what a decision counts from now on: this approval alone, or the same in the session, the lane or the workspace. */
export type ApprovalScope = "once" | "session" | "lane" | "workspace";

/** A path that a tool call is about, as it was when the agent asked. */
export interface Touch {
  /** As the agent wrote it. */
  path: string;
  /** Where it leads in the lane's worktree, symlinks resolved; absent where it leads out of the lane or to git's own files. */
  inside?: string;
}

/** What was decided, and by whom. */
export interface Decision {
  /** The option chosen; absent where the agent offered none that fits. */
  option_id?: string;
  kind?: OptionKind;
  /** To the approval's questions, but for secret ones. */
  answers?: Answer[];
  /** Who decided: a client, the server where it expired, or `policy`. */
  actor: string;
  /** once where absent. */
  scope?: ApprovalScope;
  /** The grant that decided. */
  grant_id?: GrantId;
  /** Of a person, for the agent; of the policy, the rule that decided. */
  reason?: string;
  decided_at: Timestamp;
}

/** An approval. */
export interface Approval {
  approval_id: ApprovalId;
  workspace_id: WorkspaceId;
  lane_id: LaneId;
  session_id: SessionId;
  turn_id: TurnId;
  item_id?: ItemId;
  /** The agent's process that asks; absent where it was asked by approval.request. */
  process_id?: ProcessId;
  /** The agent's request, as JSON; the tool's name where it was asked by approval.request. */
  request_id: string;
  status: ApprovalStatus;
  /** permission where absent. */
  kind?: ApprovalKind;
  /** What the agent wants to do. */
  title: string;
  questions?: Question[];
  /** The tool call that the decision is about. */
  preview?: ToolCall;
  /** The paths of the preview, and where they lead. */
  touches?: Touch[];
  options: ApprovalOption[];
  decision?: Decision;
  /** Number of the write that told the agent. */
  answer_n?: number;
  /** The agent was told, or is gone. */
  answered?: boolean;
  requested_at: Timestamp;
  expires_at: Timestamp;
}

/** What the agent of the envelope's session wants to do by a tool of ours, in the turn that it works on. */
export interface ApprovalRequest {
  /** What it wants to do. */
  title: string;
  /** The tool's name; it is the title of the preview, by which rules and grants know it. */
  tool: string;
  /** What the tool is called with. */
  arguments: Record<string, unknown>;
}

/** Which approval. */
export interface ApprovalRef {
  approval_id: ApprovalId;
}

/** A decision, by an option's id or by its kind. */
export interface ApprovalResolve {
  approval_id: ApprovalId;
  option_id?: string;
  /** The first option of this kind. */
  kind?: OptionKind;
  /** To all of the approval's questions. Answers to secret ones are kept nowhere. */
  answers?: Answer[];
  /** once where absent. A wider one makes a grant, and the agent is told once only. */
  scope?: ApprovalScope;
  reason?: string;
}

/** Which approvals. */
export interface ApprovalList {
  status?: ApprovalStatus;
  cursor?: Cursor;
  limit?: Limit;
}

/** One approval as it is now. */
export interface ApprovalState {
  approval: Approval;
}

/** Approvals in order of creation. */
export interface ApprovalPage {
  approvals: Approval[];
  next_cursor?: Cursor;
}

/** A grant. */
export interface Grant {
  grant_id: GrantId;
  workspace_id: WorkspaceId;
  /** Where it counts for one lane. */
  lane_id?: LaneId;
  /** Where it counts for one session. */
  session_id?: SessionId;
  scope: ApprovalScope;
  /** What it matches, and whether that is allowed or denied. */
  rule: Rule;
  /** The approval that was decided. */
  approval_id: ApprovalId;
  /** Who decided. */
  actor: string;
  reason?: string;
  created_at: Timestamp;
}

/** Which grant. */
export interface GrantRef {
  grant_id: GrantId;
}

/** Which grants. */
export interface GrantList {
  scope?: ApprovalScope;
  cursor?: Cursor;
  limit?: Limit;
}

/** One grant as it is now. */
export interface GrantState {
  grant: Grant;
}

/** Grants in order of creation. */
export interface GrantPage {
  grants: Grant[];
  next_cursor?: Cursor;
}

/** A prompt and whom it is for: the sessions that are named, else all of the envelope's lane or workspace that are not over. */
export interface PromptCreate {
  session_ids?: SessionId[];
  prompt: string;
  links?: ResourceLink[];
  /** In each session's queue. */
  priority?: number;
}

/** A session that did not take the prompt. */
export interface PromptRefusal {
  session_id: SessionId;
  problem: Problem;
}

/** What became of the prompt. */
export interface PromptReceipt {
  /** One for each session that took it. */
  turns: Turn[];
  refused: PromptRefusal[];
}

/** How to start an agent. Values of its environment are not told. */
export interface Profile {
  name: ProfileName;
  title: Name;
  /** The protocol that it speaks: acp. */
  driver: string;
  argv: string[];
  /** Variables that the profile sets. */
  env_names: string[];
  /** Variables that the client's environment provides. */
  env_pass: string[];
  /** Mode that the agent is put in. */
  mode?: string;
  model?: string;
  /** How much it thinks, in the agent's own words. */
  effort?: string;
  /** How it differs from others that speak its protocol. */
  quirks?: Metadata;
  /** Said to the agent after each prompt. */
  append_prompt?: string;
  /** Servers that it is handed. */
  mcp_servers?: McpServer[];
  /** The profile that it is a variant of; its own name is that name, a colon and the variant's. */
  variant_of?: ProfileName;
  /** Where its makers describe it. */
  docs?: string;
  /** Routes that it says how to take; native_openai where absent. */
  transports?: Transport[];
  /** The route that it prefers. */
  transport?: Transport;
  /** `built in`, or the file that it is written in. */
  source: string;
  /** Used where nothing names a profile. */
  default: boolean;
}

/** How an MCP server is reached. */
export type McpKind = "stdio" | "http" | "sse";

/** An MCP server, without the values of its environment and headers. */
export interface McpServer {
  name: Name;
  kind: McpKind;
  /** Of a stdio server. */
  argv?: string[];
  /** Of the others, without what follows a question mark. */
  url?: string;
  env_names?: string[];
  header_names?: string[];
}

/** A command that a user may run in a terminal. The server never runs one by itself. */
export interface SetupCommand {
  /** What it does, and what to do in it. */
  title: Name;
  argv: string[];
}

/** What makes an agent usable, as data. */
export interface Setup {
  install: SetupCommand[];
  login: SetupCommand[];
}

/** Which agent it is, whatever protocol it is spoken to in. */
export type AgentType = "CLAUDE" | "GEMINI" | "CODEX" | "OPENCODE" | "COPILOT" | "QWEN" | "VIBE" | "AMP" | "CURSOR" | "DROID" | "AIDER" | "DEMO" | "OTHER" | (string & {});

/** SETUP_HELPER = there are commands that install it or log in; CONTEXT_USAGE = it tells how full its context is. */
export type AgentCapability = "SESSION_FORK" | "SETUP_HELPER" | "CONTEXT_USAGE" | "RESUME" | "STEER" | "COMPACT" | "REVIEW" | (string & {});

/** INSTALLATION_FOUND = its program is there, and no login was seen. */
export type AgentAvailability = "LOGIN_DETECTED" | "INSTALLATION_FOUND" | "NOT_FOUND";

/** By whether its own credential files or variables are there; unknown where that says nothing. */
export type LoginState = "signed_in" | "signed_out" | "unknown";

/** ONLINE = a session is attached; ERROR = it cannot start, or the session that was tried last could not. */
export type AgentStatus = "OFFLINE" | "CONNECTING" | "ONLINE" | "ERROR";

/** PROCESSING = a turn runs; QUEUED = turns wait. */
export type AgentActivity = "IDLE" | "PROCESSING" | "QUEUED";

/** A profile as seen running. */
export interface Agent {
  name: ProfileName;
  type: AgentType;
  profile: Profile;
  status: AgentStatus;
  activity_state: AgentActivity;
  /** Whether its program was found. */
  available: boolean;
  /** What is missing and what to do about it. */
  unavailable_reason?: string;
  availability: AgentAvailability;
  /** Its program, as a session would start it. */
  path?: string;
  /** As the program tells it. Absent where it was not asked, or has not answered yet. */
  version?: string;
  login: LoginState;
  /** When its credential file was last written. */
  login_at?: Timestamp;
  /** What it is known to do, and what its newest session offered. */
  capabilities: AgentCapability[];
  setup: Setup;
  /** Why its newest session is not attached. */
  problem?: Problem;
  /** When an agent of it last took prompts. */
  connected_at?: Timestamp;
  /** When the last one ended; absent while one is there. */
  disconnected_at?: Timestamp;
  host_machine: string;
  /** Sessions that are not terminated. */
  sessions: number;
  /** A vital, present in reads. */
  health_metrics?: HealthMetrics;
}

/** What can be chosen of an agent. Only an agent that runs can say it, so this is what the newest session of the profile, or of one that it is a variant of, was offered. */
export interface AgentOptions {
  name: ProfileName;
  /** What the profile chooses. */
  choice: Choice;
  variants: ProfileName[];
  /** Absent where no session of it was attached yet. */
  offer?: Offer;
  /** The session that was offered it. */
  session_id?: SessionId;
  seen_at?: Timestamp;
}

/** How an agent is: its processes with all below them, and its turns. */
export interface HealthMetrics {
  /** Percent of one processor since it was last looked at; at first, since the start. */
  cpu_usage: number;
  /** MB. */
  memory_usage: number;
  /** Seconds since its oldest process started. */
  uptime: number;
  /** Turns that ended. */
  commands_processed: number;
  /** Milliseconds of a turn on average, without the time in which it waited for decisions. */
  average_response_time: number;
}

/** How one session's agent is. */
export interface SessionVitals {
  session_id: SessionId;
  process_id: ProcessId;
  /** Percent of one processor. */
  cpu_usage: number;
  /** MB. */
  memory_usage: number;
  /** Seconds. */
  uptime: number;
  /** The agent's own and all below it. */
  processes: number;
  /** Last frame or byte of the agent. */
  last_heartbeat_at?: Timestamp;
}

/** How an agent is now. */
export interface AgentVitals {
  name: ProfileName;
  health_metrics: HealthMetrics;
  sessions: SessionVitals[];
}

/** What to stop: all agents, of one workspace where the envelope names it, of one profile where it is named here. */
export interface AgentStopAll {
  /** Only the agents of this profile; shells and other agents of their lanes go on. */
  profile?: ProfileName;
  /** Told wherever something ended because of it. */
  reason?: string;
}

/** Which profile. */
export interface ProfileRef {
  name: ProfileName;
}

/** One profile. */
export interface ProfileState {
  profile: Profile;
}

/** All profiles. */
export interface ProfilePage {
  profiles: Profile[];
  /** What is wrong in the config file; profiles that are right still work. */
  problems: Problem[];
}

/** One agent. */
export interface AgentState {
  agent: Agent;
}

/** All agents. */
export interface AgentPage {
  agents: Agent[];
}

/** Id of a constraint. */
export type ConstraintId = string;

/** Id or name of a constraint of the workspace; `default` takes a choice back. */
export type ConstraintName = string;

/** Milliseconds that a turn may run; the time in which it waits for a decision does not count. */
export type TimeLimit = number;

/** Tokens that a turn may take: what its requests read, cached or not, and wrote, as the agent counts while the turn runs. Where it tells only how full its context is, that counts: each request reads all of it, earlier turns too, so at least so much was taken. Who counts only at the turn's end is not stopped. */
export type TokenBudget = number;

/** Money that a turn may take, where the agent reports its cost in this currency while the turn runs; who reports it only at the turn's end is not stopped. */
export interface CostLimit {
  amount: number;
  /** ISO 4217. */
  currency: string;
}

/** MiB of memory that the agent's process and all below it may hold together while the turn runs. */
export type MemoryLimit = number;

/** Percent of one processor that the agent's process and all below it may use together, on average over 10 s; 400 = four processors. */
export type CpuLimit = number;

/** Milliseconds in which a running turn may show no progress; waiting for a decision does not count. */
export type SilenceLimit = number;

/** A limit. */
export type LimitName = "time_limit_ms" | "token_budget" | "cost_limit" | "memory_limit_mb" | "cpu_limit_percent" | "silence_limit_ms";

/** A constraint. A limit that is absent limits nothing. */
export interface Constraint {
  constraint_id: ConstraintId;
  workspace_id: WorkspaceId;
  /** Unique in the workspace. */
  name: Name;
  description?: string;
  time_limit_ms?: TimeLimit;
  token_budget?: TokenBudget;
  cost_limit?: CostLimit;
  memory_limit_mb?: MemoryLimit;
  cpu_limit_percent?: CpuLimit;
  silence_limit_ms?: SilenceLimit;
  /** Used where nothing else was chosen; one constraint of a workspace at most. */
  is_default: boolean;
  created_at: Timestamp;
  updated_at: Timestamp;
}

/** The limits that a turn began with; a later change of their constraint changes nothing for it. */
export interface Limits {
  constraint_id: ConstraintId;
  /** The constraint's name when the turn began. */
  name: Name;
  time_limit_ms?: TimeLimit;
  token_budget?: TokenBudget;
  cost_limit?: CostLimit;
  memory_limit_mb?: MemoryLimit;
  cpu_limit_percent?: CpuLimit;
  silence_limit_ms?: SilenceLimit;
  /** Those that nobody can enforce for this turn. */
  unenforced?: LimitName[];
  /** Why, and what to do about it. */
  unenforced_reason?: string;
}

/** A new constraint. */
export interface ConstraintCreate {
  /** Chosen by the client, or by the server where absent. */
  constraint_id?: ConstraintId;
  name: Name;
  description?: string;
  time_limit_ms?: TimeLimit;
  token_budget?: TokenBudget;
  cost_limit?: CostLimit;
  memory_limit_mb?: MemoryLimit;
  cpu_limit_percent?: CpuLimit;
  silence_limit_ms?: SilenceLimit;
  /** The default until now is none any more. */
  is_default?: boolean;
}

/** What changes; the rest stays. An empty description clears it. */
export interface ConstraintUpdate {
  constraint_id: ConstraintId;
  name?: Name;
  description?: string;
  time_limit_ms?: TimeLimit;
  token_budget?: TokenBudget;
  cost_limit?: CostLimit;
  memory_limit_mb?: MemoryLimit;
  cpu_limit_percent?: CpuLimit;
  silence_limit_ms?: SilenceLimit;
  /** Limits that are taken away. */
  clear?: LimitName[];
  /** The default until now is none any more. */
  is_default?: boolean;
}

/** Which constraint. */
export interface ConstraintRef {
  constraint_id: ConstraintId;
}

/** Which constraints. */
export interface ConstraintList {
  cursor?: Cursor;
  limit?: Limit;
}

/** One constraint as it is now. */
export interface ConstraintState {
  constraint: Constraint;
}

/** Constraints in order of creation. */
export interface ConstraintPage {
  constraints: Constraint[];
  next_cursor?: Cursor;
}

/** Id of an emergency stop. */
export type StopId = string;

/** stopped = nothing of what it stopped lives, whatever that left behind included; survivor_pids name the exceptions. */
export type StopStatus = "stopping" | "stopped";

/** An emergency stop. Sessions are detached, not terminated: their conversations can go on. */
export interface Stop {
  stop_id: StopId;
  /** The only workspace that it is about; all where absent. */
  workspace_id?: WorkspaceId;
  /** The only profile that it is about; all where absent. */
  profile?: ProfileName;
  reason?: string;
  actor: string;
  status: StopStatus;
  /** Lanes of which every process is ended, shells too; none where a profile is named. */
  lane_ids: LaneId[];
  /** Sessions whose agents are ended. */
  session_ids: SessionId[];
  /** Processes that ran, or were being started. */
  process_ids: ProcessId[];
  /** Terminals that are closed. */
  terminal_ids: TerminalId[];
  /** Turns that are cut. */
  interrupted_turn_ids: TurnId[];
  /** Queued turns that are taken back, so that nothing of it starts by itself later. */
  canceled_turn_ids: TurnId[];
  /** System ids of processes that would not die within 10 s of being killed; absent where all of it is dead. */
  survivor_pids?: number[];
  operation?: Operation;
  created_at: Timestamp;
  ended_at?: Timestamp;
}

/** Which emergency stop. */
export interface StopRef {
  stop_id: StopId;
}

/** What an emergency stop came to. */
export interface StopSettle {
  stop_id: StopId;
  /** System ids of processes that would not die. */
  survivor_pids?: number[];
}

/** Which emergency stops. */
export interface StopList {
  status?: StopStatus;
  cursor?: Cursor;
  limit?: Limit;
}

/** One emergency stop as it is now. */
export interface StopState {
  stop: Stop;
}

/** Emergency stops in order of time. */
export interface StopPage {
  stops: Stop[];
  next_cursor?: Cursor;
}

/** Id of a harness. */
export type HarnessId = string;

/** healthy = it answers and has models; degraded = it answers and cannot serve; unavailable = it does not answer. */
export type HarnessHealth = "healthy" | "degraded" | "unavailable";

/** What is wrong: refused = another status than 200; overloaded = 503; cooling_down = 429; flapping = it comes and goes. */
export type HarnessFault = "not_checked" | "not_configured" | "unreachable" | "timeout" | "garbage" | "refused" | "unauthorized" | "overloaded" | "cooling_down" | "no_models" | "flapping" | (string & {});

/** What told it: a probe, a probe before a prompt, what an agent met in its turn, the config file. */
export type HarnessSource = "interval" | "on_demand" | "turn" | "config" | (string & {});

/** The route of every session while the harness is not healthy. */
export type FallbackTransport = "native_openai";

/** Health of the harness. It changes when its status or its fault does, not with every check. */
export interface HarnessStatus {
  harness_id: HarnessId;
  /** Where it listens, without credentials. */
  url: string;
  status: HarnessHealth;
  /** Absent while it is healthy. */
  fault?: HarnessFault;
  /** The same for people, with what would help; absent while it is healthy. */
  degrade_reason?: string;
  fallback_transport: FallbackTransport;
  /** Its status before the last change. */
  previous?: HarnessHealth;
  source: HarnessSource;
  changed_at: Timestamp;
  /** The check that changed it; in harness.status.get the newest one, as a vital. */
  last_check_at?: Timestamp;
}

/** How to look. */
export interface HarnessGet {
  /** Probe it first, and wait for what it answers. */
  fresh?: boolean;
}

/** The harness as it is known. */
export interface HarnessState {
  harness: HarnessStatus;
}

/** What was found out about the harness. */
export interface HarnessSettle {
  url: string;
  status: HarnessHealth;
  fault?: HarnessFault;
  degrade_reason?: string;
  source: HarnessSource;
}

/** Id of a switch of the renderer mode. */
export type SwitchId = string;

/** failed = everything is as it was before: the mode, and what every peer gets. */
export type SwitchStatus = "switching" | "succeeded" | "failed";

/** One switch of the renderer mode. The mode is another one only when it has succeeded. */
export interface RendererSwitch {
  switch_id: SwitchId;
  workspace_id: WorkspaceId;
  lane_id?: LaneId;
  /** The terminal that it is about; where absent the workspace, and all its terminals that have no mode of their own. */
  terminal_id?: TerminalId;
  from_mode: RendererMode;
  to_mode: RendererMode;
  status: SwitchStatus;
  operation?: Operation;
  /** Why it failed. */
  problem?: Problem;
  created_at: Timestamp;
  ended_at?: Timestamp;
}

/** Which mode; the envelope's terminal_id says of which terminal, its workspace_id alone of which workspace. */
export interface RendererSwitchTo {
  mode: RendererMode;
}

/** One switch as it is now. */
export interface RendererState {
  renderer: RendererSwitch;
}

/** How a switch ended. */
export interface RendererSettle {
  switch_id: SwitchId;
  problem?: Problem;
}

/** A mode, and whether this server can do it. */
export interface RendererOffer {
  mode: RendererMode;
  available: boolean;
  /** What renders, with its version. */
  engine?: string;
  /** Why it is not available, and what would help. */
  problem?: string;
}

/** Bounds of rendered screens. */
export interface RendererLimits {
  /** Of one screen; a larger terminal is rendered with fewer rows. */
  cells: number;
  /** Lines kept above a screen. */
  history_lines: number;
  /** A peer gets no more of one screen; what lies between is left out. */
  frames_per_second: number;
  /** Terminals that are rendered at the same time. */
  screens: number;
}

/** What can be rendered, and how it is handed out now. */
export interface RendererCapabilities {
  modes: RendererOffer[];
  /** Of the terminal or the workspace that the envelope names. */
  active_renderer_mode?: RendererMode;
  /** Whether a switch reaches attached peers without a new attach. */
  hot_swap_supported: boolean;
  limits: RendererLimits;
}

/** A colour as #rrggbb, or its number in the palette of 256; the first 16 are the reader's own. */
export type ScreenColor = string;

/** How text is underlined. */
export type ScreenUnderline = "single" | "double" | "curly" | "dotted" | "dashed" | (string & {});

/** Text of one line with the same attributes; an attribute that is absent is not set. */
export interface ScreenRun {
  text: string;
  /** Its width; wide characters take two. */
  cells: number;
  fg?: ScreenColor;
  bg?: ScreenColor;
  underline?: ScreenUnderline;
  underline_color?: ScreenColor;
  bold?: boolean;
  faint?: boolean;
  italic?: boolean;
  blink?: boolean;
  inverse?: boolean;
  invisible?: boolean;
  strikethrough?: boolean;
  overline?: boolean;
}

/** One line as it is now; what it held before is gone. */
export interface ScreenLine {
  /** From the top, from 0. */
  row: number;
  /** From the left; blanks at the end are left out. */
  runs: ScreenRun[];
}

/** How the cursor looks. */
export type CursorShape = "block" | "bar" | "underline" | (string & {});

/** Where the next character goes. */
export interface ScreenCursor {
  row: number;
  /** In cells. */
  col: number;
  visible: boolean;
  shape: CursorShape;
  blinking: boolean;
}

/** What a terminal shows. */
export interface Screen {
  /** The screen after this many bytes of the terminal's output. */
  offset: Offset;
  cols: Columns;
  rows: Rows;
  /** As the program set it; empty where it did not. */
  title: string;
  cursor: ScreenCursor;
  /** A full-screen program shows itself; what was there before comes back. */
  alternate: boolean;
  /** The program expects arrow keys as ESC O A and not as ESC [ A. */
  application_cursor_keys: boolean;
  /** The program wants to be told what is pasted. */
  bracketed_paste: boolean;
  /** The program wants to be told of the mouse. */
  mouse_tracking: boolean;
  /** Lines above the screen that can be read. */
  history_lines: number;
  /** Every line of a whole screen, otherwise those that changed. */
  lines: ScreenLine[];
}

/** failure = refused, or failed later. */
export type AuditResult = "success" | "failure";

/** What a record is of, where it is one to look for. */
export type AuditKind = "EMERGENCY_STOP" | "TOKEN_LIMIT_EXCEEDED" | "TIME_LIMIT_EXCEEDED" | "COST_LIMIT_EXCEEDED" | (string & {});

/** A record. */
export interface AuditEvent {
  audit_event_id: AuditEventId;
  correlation_id: CorrelationId;
  /** The command's method. */
  event_type: Topic;
  kind?: AuditKind;
  actor: string;
  result: AuditResult;
  /** Context ids, position of the log, and the problem's code and message. */
  details: Metadata;
  recorded_at: Timestamp;
}

/** Which records, newest last. */
export interface AuditList {
  correlation_id?: CorrelationId;
  result?: AuditResult;
  cursor?: Cursor;
  limit?: Limit;
}

/** One record. */
export interface AuditState {
  audit_event: AuditEvent;
}

/** Records in order of time. */
export interface AuditPage {
  audit_events: AuditEvent[];
  next_cursor?: Cursor;
}

/** LLM_PROMPT = the turn itself, the root; TOOL_CALL = a tool that the agent used; RESPONSE = something that it said or thought. */
export type TraceType = "LLM_PROMPT" | "TOOL_CALL" | "RESPONSE";

/** One node of the tree. */
export interface TraceEntry {
  /** Of a prompt the turn's id, otherwise the item's. */
  id: string;
  /** The turn that it belongs to. */
  command_id: TurnId;
  /** The agent, which is known by its profile. */
  agent_id: ProfileName;
  /** The entry that it is part of; absent at the root. */
  parent_id?: string;
  type: TraceType;
  /** What to show it as. */
  name: string;
  /** LLM_PROMPT: prompt, model. TOOL_CALL: tool, args, result. RESPONSE: content. */
  content: Record<string, unknown>;
  started_at: Timestamp;
  completed_at?: Timestamp;
  duration_ms?: number;
  /** As far as the agent counts them: all of a turn at its root. */
  tokens_used?: number;
  /** Why it failed. */
  error?: string;
  /** What else is known: status, kind of the item, usage, locations, ids of the agent's own. */
  metadata: Record<string, unknown>;
}

/** Of which turn, or with session_id in the envelope of which session. */
export interface TraceList {
  turn_id?: TurnId;
  cursor?: Cursor;
  /** Turns at most; 20 where absent. */
  limit?: Limit;
}

/** Trees in the order in which their turns were asked for; in each, every entry stands after its parent. */
export interface TracePage {
  traces: TraceEntry[];
  next_cursor?: Cursor;
}

/** What each method takes and gives. */
export interface Calls {
  /** The schema, methods, topics, machines and errors of this server. */
  "protocol.describe": { payload: Empty; result: Description };
  /** How the server is and who is connected. */
  "server.status": { payload: Empty; result: ServerStatus };
  /** Stops the server; agents and terminals go on in their runners. */
  "server.stop": { payload: ServerStop; result: Empty };
  /** Starts, or moves, this peer's stream of events. */
  "event.subscribe": { payload: EventSubscribe; result: Subscription };
  /** Ends this peer's stream of events. */
  "event.unsubscribe": { payload: Empty; result: Empty };
  /** Reads events of the log by position. */
  "event.list": { payload: EventList; result: EventPage };
  /** Makes a workspace. */
  "workspace.create": { payload: WorkspaceCreate; result: WorkspaceState };
  /** Opens a workspace that exists; one that was closed becomes active. */
  "workspace.open": { payload: Empty; result: WorkspaceState };
  /** Changes name, root paths or metadata. */
  "workspace.update": { payload: WorkspaceUpdate; result: WorkspaceState };
  /** Closes a workspace; its lanes, sessions and terminals go on. */
  "workspace.close": { payload: Empty; result: WorkspaceState };
  /** Forgets a workspace whose lanes are all closed. */
  "workspace.delete": { payload: Empty; result: WorkspaceState };
  /** Lists workspaces. */
  "workspace.list": { payload: WorkspaceList; result: WorkspacePage };
  /** One workspace. */
  "workspace.get": { payload: Empty; result: WorkspaceState };
  /** Adds a git repository to a workspace. */
  "repo.add": { payload: RepoAdd; result: RepoState };
  /** Changes a repo's settings. */
  "repo.update": { payload: RepoUpdate; result: RepoState };
  /** Forgets a repo that no open lane uses; nothing on disk changes. */
  "repo.remove": { payload: RepoRef; result: RepoState };
  /** Lists the repos of a workspace. */
  "repo.list": { payload: RepoList; result: RepoPage };
  /** One repo. */
  "repo.get": { payload: RepoRef; result: RepoState };
  /** The repo's local branches. */
  "repo.branches": { payload: RepoRef; result: BranchPage };
  /** Makes a lane; its worktree follows, then what its repo copies and sets up, then lane.created. */
  "lane.create": { payload: LaneCreate; result: LaneState };
  /** Starts work in one step: finds or makes workspace and repo, makes a lane and a session in it, and queues the prompt, all or nothing. The turn begins when the lane is ready. */
  "lane.start": { payload: LaneStart; result: LaneStarted };
  /** Brings a lane's worktree back: checks one that should be there, restores one that was removed. */
  "lane.attach": { payload: Empty; result: LaneState };
  /** Changes name, profile, constraint, pin, permission mode or rules. */
  "lane.update": { payload: LaneUpdate; result: LaneState };
  /** Commits what is in the lane, on its branch; lane.committed follows. */
  "lane.commit": { payload: LaneCommit; result: LaneState };
  /** Merges the lane into its target branch; lane.merged follows. */
  "lane.merge": { payload: LaneMerge; result: LaneState };
  /** Stops the lane's processes, runs its repo's cleanup and removes its worktree; refused while it holds work that exists nowhere else. */
  "lane.cleanup": { payload: LaneCleanup; result: LaneState };
  /** Forgets a closed lane; its log stays. */
  "lane.delete": { payload: Empty; result: LaneState };
  /** What the lane changed against the merge base with its target. */
  "lane.diff": { payload: LaneDiff; result: LaneDiffResult };
  /** Lists lanes. */
  "lane.list": { payload: LaneList; result: LanePage };
  /** One lane. */
  "lane.get": { payload: Empty; result: LaneState };
  /** Makes a session and, unless told otherwise, starts its agent. */
  "session.create": { payload: SessionCreate; result: SessionState };
  /** Starts the session's agent and continues the conversation. */
  "session.attach": { payload: Empty; result: SessionState };
  /** Stops the session's agent; the session can be attached again. */
  "session.detach": { payload: Empty; result: SessionState };
  /** Ends the session: its agent, its terminals, its queue. What it said stays. */
  "session.terminate": { payload: Empty; result: SessionState };
  /** Takes back a turn and all after it: the agent goes on from before them. Its files stay as they are. */
  "session.rewind": { payload: SessionRewind; result: SessionState };
  /** Changes the title, what is chosen of the agent's settings, or the preferred transport. */
  "session.update": { payload: SessionUpdate; result: SessionState };
  /** Forgets a terminated session; its log stays. */
  "session.delete": { payload: Empty; result: SessionState };
  /** Lists sessions. */
  "session.list": { payload: SessionList; result: SessionPage };
  /** One session. */
  "session.get": { payload: Empty; result: SessionState };
  /** Prompts a session. A detached session is attached first; a busy one queues the turn. */
  "turn.create": { payload: TurnCreate; result: TurnState };
  /** Takes a queued turn out of the queue. */
  "turn.cancel": { payload: TurnRef; result: TurnState };
  /** Asks the agent to stop the running turn; turn.interrupted follows. */
  "turn.interrupt": { payload: TurnRef; result: TurnState };
  /** Gives the running turn further input, where the agent takes it. */
  "turn.steer": { payload: TurnSteer; result: TurnState };
  /** Interrupts a turn and puts a new one at the head of the queue, both or none. A turn that ended meanwhile is left as it ended, and the new one runs next. */
  "turn.replace": { payload: TurnReplace; result: TurnReplaced };
  /** Changes the place of a queued turn. */
  "turn.move": { payload: TurnMove; result: TurnState };
  /** Edits a queued turn, or marks a finished one as seen. */
  "turn.update": { payload: TurnUpdate; result: TurnState };
  /** Lists the turns of a session, a lane or a workspace. */
  "turn.list": { payload: TurnList; result: TurnPage };
  /** One turn. */
  "turn.get": { payload: TurnRef; result: TurnState };
  /** Lists the items of a turn or a session. */
  "item.list": { payload: ItemList; result: ItemPage };
  /** One item. */
  "item.get": { payload: ItemRef; result: ItemState };
  /** Lists processes. */
  "process.list": { payload: ProcessList; result: ProcessPage };
  /** One process. */
  "process.get": { payload: ProcessRef; result: ProcessState };
  /** Reads a process' tape. */
  "process.read": { payload: ProcessRead; result: TapeChunk };
  /** Starts a program on a PTY in a lane; terminal.spawned follows. */
  "terminal.spawn": { payload: TerminalSpawn; result: TerminalState };
  /** Ends the terminal's processes; terminal.closed follows. */
  "terminal.close": { payload: TerminalClose; result: TerminalState };
  /** Changes the title. */
  "terminal.update": { payload: TerminalUpdate; result: TerminalState };
  /** Forgets a closed terminal and its tape. */
  "terminal.delete": { payload: Empty; result: TerminalState };
  /** Sends this peer the terminal's output from an offset on, or its screen. */
  "terminal.attach": { payload: TerminalAttach; result: TerminalAttachment };
  /** Ends this peer's output of the terminal. */
  "terminal.detach": { payload: Empty; result: Empty };
  /** Returns credit for output that was consumed. */
  "terminal.ack": { payload: TerminalAck; result: Empty };
  /** Types into the terminal. */
  "terminal.input": { payload: TerminalInput; result: Empty };
  /** Changes the terminal's size. */
  "terminal.resize": { payload: TerminalResize; result: TerminalSize };
  /** Sends a signal to the terminal's foreground processes. */
  "terminal.signal": { payload: TerminalSignal; result: Empty };
  /** Reads the terminal's tape. */
  "terminal.read": { payload: TerminalRead; result: TapeChunk };
  /** Renders what the terminal shows now. */
  "terminal.render": { payload: TerminalRender; result: TerminalScreen };
  /** Lists terminals. */
  "terminal.list": { payload: TerminalList; result: TerminalPage };
  /** One terminal. */
  "terminal.get": { payload: Empty; result: TerminalState };
  /** Asks for a session's agent whether it may use a tool of ours, unless the policy decides. The same again in the same turn asks nobody twice: it tells what became of it, and a decision is told once. */
  "approval.request": { payload: ApprovalRequest; result: ApprovalState };
  /** Decides. The first decision wins; a later one is refused and told the first. */
  "approval.resolve": { payload: ApprovalResolve; result: ApprovalState };
  /** Lists approvals. */
  "approval.list": { payload: ApprovalList; result: ApprovalPage };
  /** One approval. */
  "approval.get": { payload: ApprovalRef; result: ApprovalState };
  /** Lists grants. */
  "grant.list": { payload: GrantList; result: GrantPage };
  /** One grant. */
  "grant.get": { payload: GrantRef; result: GrantState };
  /** Ends a grant; what it decided stays decided. */
  "grant.revoke": { payload: GrantRef; result: GrantState };
  /** Prompts several sessions in one step; what one of them refuses the others still take. */
  "prompt.create": { payload: PromptCreate; result: PromptReceipt };
  /** Lists profiles. */
  "profile.list": { payload: Empty; result: ProfilePage };
  /** One profile. */
  "profile.get": { payload: ProfileRef; result: ProfileState };
  /** Lists agents with their availability and status. */
  "agent.list": { payload: Empty; result: AgentPage };
  /** What can be chosen of an agent: modes, models, efforts, commands, as its newest session was offered them. */
  "agent.options": { payload: ProfileRef; result: AgentOptions };
  /** One agent. */
  "agent.get": { payload: ProfileRef; result: AgentState };
  /** Emergency stop: ends the agents, cancels their queues and closes terminals; stop.ended follows when no process lives. Until then they take no prompt (OPERATION_IN_PROGRESS). */
  "agent.stop_all": { payload: AgentStopAll; result: StopState };
  /** Makes a constraint. */
  "constraint.create": { payload: ConstraintCreate; result: ConstraintState };
  /** Changes a constraint. Turns that run keep the limits that they began with. */
  "constraint.update": { payload: ConstraintUpdate; result: ConstraintState };
  /** Forgets a constraint that no open lane, session or queued turn has chosen. */
  "constraint.delete": { payload: ConstraintRef; result: ConstraintState };
  /** Lists the constraints of a workspace. */
  "constraint.list": { payload: ConstraintList; result: ConstraintPage };
  /** One constraint. */
  "constraint.get": { payload: ConstraintRef; result: ConstraintState };
  /** Lists emergency stops. */
  "stop.list": { payload: StopList; result: StopPage };
  /** One emergency stop. */
  "stop.get": { payload: StopRef; result: StopState };
  /** Health of the harness, and why sessions are not routed through it. */
  "harness.status.get": { payload: HarnessGet; result: HarnessState };
  /** Says which renderer modes there are, with their bounds. */
  "renderer.capabilities": { payload: Empty; result: RendererCapabilities };
  /** Changes how a terminal, or a workspace's terminals, are handed out; renderer.switch.succeeded or renderer.switch.failed follows. */
  "renderer.switch": { payload: RendererSwitchTo; result: RendererState };
  /** Lists audit records. */
  "audit.list": { payload: AuditList; result: AuditPage };
  /** The tree of a turn, or of each turn of a session. */
  "trace.list": { payload: TraceList; result: TracePage };
}

/** What each topic carries. */
export interface Payloads {
  /** A part of the log is missing from this peer's stream. */
  "event.gap": Gap;
  /** A workspace was made. */
  "workspace.created": WorkspaceState;
  /** A workspace was opened. */
  "workspace.opened": WorkspaceState;
  /** A workspace was changed. */
  "workspace.updated": WorkspaceState;
  /** A workspace was closed. */
  "workspace.closed": WorkspaceState;
  /** A workspace was forgotten. */
  "workspace.deleted": WorkspaceState;
  /** A repo was added. */
  "repo.added": RepoState;
  /** A repo was changed. */
  "repo.updated": RepoState;
  /** A repo was forgotten. */
  "repo.removed": RepoState;
  /** The lane exists; its worktree is being made. */
  "lane.create.started": LaneState;
  /** The lane is ready. */
  "lane.created": LaneState;
  /** The worktree could not be made or set up. */
  "lane.create.failed": LaneState;
  /** The lane's worktree is being checked or restored. */
  "lane.attach.started": LaneState;
  /** The lane's worktree is there. */
  "lane.attached": LaneState;
  /** The lane's worktree could not be brought back. */
  "lane.attach.failed": LaneState;
  /** A commit is being made. */
  "lane.commit.started": LaneState;
  /** The lane's branch has a new commit, or nothing was left to commit. */
  "lane.committed": LaneState;
  /** The commit could not be made. */
  "lane.commit.failed": LaneState;
  /** The lane is being merged. */
  "lane.merge.started": LaneState;
  /** The target branch contains the lane. */
  "lane.merged": LaneState;
  /** The lane could not be merged. */
  "lane.merge.failed": LaneState;
  /** The lane is being stopped and removed. */
  "lane.cleanup.started": LaneState;
  /** The lane is closed. */
  "lane.cleaned": LaneState;
  /** The lane was not removed. */
  "lane.cleanup.failed": LaneState;
  /** A turn started, waits or ended, or the worktree vanished. */
  "lane.state.changed": LaneState;
  /** The lane's settings changed. */
  "lane.updated": LaneState;
  /** The lane was forgotten. */
  "lane.deleted": LaneState;
  /** A session was made. */
  "session.created": SessionState;
  /** The agent is being started. */
  "session.attach.started": SessionState;
  /** The agent takes prompts. */
  "session.attached": SessionState;
  /** The agent could not be started or refused. */
  "session.attach.failed": SessionState;
  /** The agent is being stopped. */
  "session.detach.started": SessionState;
  /** The agent ended; the session can be attached again. */
  "session.detached": SessionState;
  /** Turns are being taken back. */
  "session.rewind.started": SessionState;
  /** The turns were taken back; the agent goes on from before them when it is attached. */
  "session.rewound": SessionState;
  /** The session is being ended. */
  "session.terminate.started": SessionState;
  /** The session is over. */
  "session.terminated": SessionState;
  /** The session could not be ended. */
  "session.terminate.failed": SessionState;
  /** Title, activity or agent's id changed. */
  "session.updated": SessionState;
  /** The session was forgotten. */
  "session.deleted": SessionState;
  /** A prompt was taken. */
  "turn.queued": TurnState;
  /** The turn runs. */
  "turn.started": TurnState;
  /** The turn waits for a decision. */
  "turn.waiting": TurnState;
  /** The turn goes on. */
  "turn.resumed": TurnState;
  /** The agent ended the turn. */
  "turn.completed": TurnState;
  /** The turn ended with a problem. */
  "turn.failed": TurnState;
  /** The turn was stopped or cut. */
  "turn.interrupted": TurnState;
  /** A queued turn was taken back. */
  "turn.canceled": TurnState;
  /** Something about the turn was noted. */
  "turn.updated": TurnState;
  /** An item began. */
  "item.started": ItemState;
  /** Something about an item changed other than its growing text. */
  "item.updated": ItemState;
  /** An item is closed and whole. */
  "item.completed": ItemState;
  /** An item's text grew. */
  "item.delta": ItemDelta;
  /** A process runs. */
  "process.started": ProcessState;
  /** A process ended. */
  "process.exited": ProcessState;
  /** A terminal is being started. */
  "terminal.spawn.started": TerminalState;
  /** The terminal runs. */
  "terminal.spawned": TerminalState;
  /** The terminal's program could not be started. */
  "terminal.spawn.failed": TerminalState;
  /** The terminal's state changed. */
  "terminal.state.changed": TerminalState;
  /** The terminal's processes are being ended. */
  "terminal.close.started": TerminalState;
  /** The terminal's program ended. */
  "terminal.closed": TerminalState;
  /** The terminal's title or renderer mode changed. */
  "terminal.updated": TerminalState;
  /** The terminal was forgotten. */
  "terminal.deleted": TerminalState;
  /** Output, for peers that attached. */
  "terminal.output": TerminalOutput;
  /** The screen, or what changed on it, for peers that attached in mode_b. */
  "terminal.rendered": TerminalRendered;
  /** The screen cannot be rendered any more, for peers that attached in mode_b. */
  "terminal.render.ended": TerminalRenderEnded;
  /** The size changed, for peers that attached. */
  "terminal.resized": TerminalResized;
  /** A decision is needed. */
  "approval.requested": ApprovalState;
  /** It was decided, it expired, or its turn ended. */
  "approval.resolved": ApprovalState;
  /** The agent was told, or is gone. */
  "approval.answered": ApprovalState;
  /** A decision counts from now on. */
  "grant.created": GrantState;
  /** The grant was revoked, or what it counted for is over. */
  "grant.revoked": GrantState;
  /** How an agent is; at most every 250 ms, for peers whose subscription names agent.vitals or agent.*, because looking costs. */
  "agent.vitals": AgentVitals;
  /** A constraint was made. */
  "constraint.created": ConstraintState;
  /** A constraint was changed. */
  "constraint.updated": ConstraintState;
  /** A constraint was forgotten. */
  "constraint.deleted": ConstraintState;
  /** Agents are being stopped. */
  "stop.started": StopState;
  /** Nothing of what was stopped lives any more, whatever that left behind included. */
  "stop.ended": StopState;
  /** The harness' status or fault changed; the next turn of each session that wants it takes the route that follows. */
  "harness.status.changed": HarnessState;
  /** The renderer mode is being switched; nothing has changed yet. */
  "renderer.switch.started": RendererState;
  /** The renderer mode is the new one. */
  "renderer.switch.succeeded": RendererState;
  /** The renderer mode is the one that it was. */
  "renderer.switch.failed": RendererState;
  /** A record was made. */
  "audit.recorded": AuditState;
}

/** The nouns whose entities a mirror holds. */
export interface Entities {
  workspace: Workspace;
  repo: Repo;
  lane: Lane;
  session: Session;
  turn: Turn;
  item: Item;
  process: Process;
  terminal: Terminal;
  approval: Approval;
  grant: Grant;
  constraint: Constraint;
  stop: Stop;
  harness: HarnessStatus;
  renderer: RendererSwitch;
}

export const VERSION = "1";

export const TOPICS: Record<string, { noun: string; stream?: true; drops?: true }> = {
  "event.gap": {"noun": "connection", "stream": true},
  "workspace.created": {"noun": "workspace"},
  "workspace.opened": {"noun": "workspace"},
  "workspace.updated": {"noun": "workspace"},
  "workspace.closed": {"noun": "workspace"},
  "workspace.deleted": {"noun": "workspace", "drops": true},
  "repo.added": {"noun": "repo"},
  "repo.updated": {"noun": "repo"},
  "repo.removed": {"noun": "repo", "drops": true},
  "lane.create.started": {"noun": "lane"},
  "lane.created": {"noun": "lane"},
  "lane.create.failed": {"noun": "lane"},
  "lane.attach.started": {"noun": "lane"},
  "lane.attached": {"noun": "lane"},
  "lane.attach.failed": {"noun": "lane"},
  "lane.commit.started": {"noun": "lane"},
  "lane.committed": {"noun": "lane"},
  "lane.commit.failed": {"noun": "lane"},
  "lane.merge.started": {"noun": "lane"},
  "lane.merged": {"noun": "lane"},
  "lane.merge.failed": {"noun": "lane"},
  "lane.cleanup.started": {"noun": "lane"},
  "lane.cleaned": {"noun": "lane"},
  "lane.cleanup.failed": {"noun": "lane"},
  "lane.state.changed": {"noun": "lane"},
  "lane.updated": {"noun": "lane"},
  "lane.deleted": {"noun": "lane", "drops": true},
  "session.created": {"noun": "session"},
  "session.attach.started": {"noun": "session"},
  "session.attached": {"noun": "session"},
  "session.attach.failed": {"noun": "session"},
  "session.detach.started": {"noun": "session"},
  "session.detached": {"noun": "session"},
  "session.rewind.started": {"noun": "session"},
  "session.rewound": {"noun": "session"},
  "session.terminate.started": {"noun": "session"},
  "session.terminated": {"noun": "session"},
  "session.terminate.failed": {"noun": "session"},
  "session.updated": {"noun": "session"},
  "session.deleted": {"noun": "session", "drops": true},
  "turn.queued": {"noun": "turn"},
  "turn.started": {"noun": "turn"},
  "turn.waiting": {"noun": "turn"},
  "turn.resumed": {"noun": "turn"},
  "turn.completed": {"noun": "turn"},
  "turn.failed": {"noun": "turn"},
  "turn.interrupted": {"noun": "turn"},
  "turn.canceled": {"noun": "turn"},
  "turn.updated": {"noun": "turn"},
  "item.started": {"noun": "item"},
  "item.updated": {"noun": "item"},
  "item.completed": {"noun": "item"},
  "item.delta": {"noun": "item", "stream": true},
  "process.started": {"noun": "process"},
  "process.exited": {"noun": "process"},
  "terminal.spawn.started": {"noun": "terminal"},
  "terminal.spawned": {"noun": "terminal"},
  "terminal.spawn.failed": {"noun": "terminal"},
  "terminal.state.changed": {"noun": "terminal"},
  "terminal.close.started": {"noun": "terminal"},
  "terminal.closed": {"noun": "terminal"},
  "terminal.updated": {"noun": "terminal"},
  "terminal.deleted": {"noun": "terminal", "drops": true},
  "terminal.output": {"noun": "terminal", "stream": true},
  "terminal.rendered": {"noun": "terminal", "stream": true},
  "terminal.render.ended": {"noun": "terminal", "stream": true},
  "terminal.resized": {"noun": "terminal", "stream": true},
  "approval.requested": {"noun": "approval"},
  "approval.resolved": {"noun": "approval"},
  "approval.answered": {"noun": "approval"},
  "grant.created": {"noun": "grant"},
  "grant.revoked": {"noun": "grant", "drops": true},
  "agent.vitals": {"noun": "agent", "stream": true},
  "constraint.created": {"noun": "constraint"},
  "constraint.updated": {"noun": "constraint"},
  "constraint.deleted": {"noun": "constraint", "drops": true},
  "stop.started": {"noun": "stop"},
  "stop.ended": {"noun": "stop"},
  "harness.status.changed": {"noun": "harness"},
  "renderer.switch.started": {"noun": "renderer"},
  "renderer.switch.succeeded": {"noun": "renderer"},
  "renderer.switch.failed": {"noun": "renderer"},
  "audit.recorded": {"noun": "audit", "stream": true},
};

export const ENTITIES: Record<keyof Entities, { id: string; parent: string | null; plural: string }> = {
  "workspace": {"id": "workspace_id", "parent": null, "plural": "workspaces"},
  "repo": {"id": "repo_id", "parent": "workspace_id", "plural": "repos"},
  "lane": {"id": "lane_id", "parent": "workspace_id", "plural": "lanes"},
  "session": {"id": "session_id", "parent": "lane_id", "plural": "sessions"},
  "turn": {"id": "turn_id", "parent": "session_id", "plural": "turns"},
  "item": {"id": "item_id", "parent": "turn_id", "plural": "items"},
  "process": {"id": "process_id", "parent": "lane_id", "plural": "processes"},
  "terminal": {"id": "terminal_id", "parent": "lane_id", "plural": "terminals"},
  "approval": {"id": "approval_id", "parent": "session_id", "plural": "approvals"},
  "grant": {"id": "grant_id", "parent": "workspace_id", "plural": "grants"},
  "constraint": {"id": "constraint_id", "parent": "workspace_id", "plural": "constraints"},
  "stop": {"id": "stop_id", "parent": null, "plural": "stops"},
  "harness": {"id": "harness_id", "parent": null, "plural": "harnesses"},
  "renderer": {"id": "switch_id", "parent": "workspace_id", "plural": "renderers"},
};

export const MACHINES: Record<string, { field: string; edges: Record<string, string[]> }> = {
  "workspace": {"field": "status", "edges": {"active": ["archived", "error"], "archived": ["active"], "error": ["active", "archived"]}},
  "lane": {"field": "status", "edges": {"new": ["provisioning", "closed"], "provisioning": ["ready", "error", "closed"], "ready": ["running", "blocked", "error", "closed"], "running": ["ready", "blocked", "error", "closed"], "blocked": ["running", "ready", "error", "closed"], "error": ["provisioning", "closed"], "closed": ["provisioning"]}},
  "session": {"field": "status", "edges": {"detached": ["attaching", "terminated"], "attaching": ["attached", "detached", "terminated"], "attached": ["detached", "terminated"], "terminated": []}},
  "turn": {"field": "status", "edges": {"queued": ["running", "canceled"], "running": ["waiting", "completed", "failed", "interrupted"], "waiting": ["running", "completed", "failed", "interrupted"], "completed": [], "failed": [], "interrupted": [], "canceled": []}},
  "item": {"field": "status", "edges": {"in_progress": ["completed", "failed", "canceled"], "completed": [], "failed": [], "canceled": []}},
  "process": {"field": "status", "edges": {"running": ["completed", "failed", "killed"], "completed": [], "failed": [], "killed": []}},
  "terminal": {"field": "state", "edges": {"idle": ["spawning"], "spawning": ["active", "closed"], "active": ["throttled", "closed"], "throttled": ["active", "closed"], "closed": []}},
  "approval": {"field": "status", "edges": {"pending": ["approved", "denied", "expired", "canceled"], "approved": [], "denied": [], "expired": [], "canceled": []}},
  "stop": {"field": "status", "edges": {"stopping": ["stopped"], "stopped": []}},
  "harness": {"field": "status", "edges": {"healthy": ["degraded", "unavailable"], "degraded": ["healthy", "unavailable"], "unavailable": ["healthy", "degraded"]}},
  "renderer": {"field": "status", "edges": {"switching": ["succeeded", "failed"], "succeeded": [], "failed": []}},
};
