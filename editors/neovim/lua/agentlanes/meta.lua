---@meta
-- The types of protocol/v1. Written by protocol/generate.py; do not edit.
error('a meta file')

---Id of a workspace.
---@alias agentlanes.WorkspaceId string

---Id of a repo.
---@alias agentlanes.RepoId string

---Id of a lane.
---@alias agentlanes.LaneId string

---Id of a session.
---@alias agentlanes.SessionId string

---Id of a turn.
---@alias agentlanes.TurnId string

---Id of an item.
---@alias agentlanes.ItemId string

---Id of a process.
---@alias agentlanes.ProcessId string

---Id of a terminal.
---@alias agentlanes.TerminalId string

---Id of an approval.
---@alias agentlanes.ApprovalId string

---Id of a grant.
---@alias agentlanes.GrantId string

---Id of an audit record.
---@alias agentlanes.AuditEventId string

---Id of one connected client.
---@alias agentlanes.PeerId string

---Id of an envelope. A client that chooses one makes its command idempotent.
---@alias agentlanes.EnvelopeId string

---Groups everything that one intent caused.
---@alias agentlanes.CorrelationId string

---UTC, RFC 3339 with milliseconds.
---@alias agentlanes.Timestamp string

---An absolute path on the server's machine.
---@alias agentlanes.AbsolutePath string

---A name for people, on one line.
---@alias agentlanes.Name string

---Name of a profile, or of a variant of one as `claude:plan`.
---@alias agentlanes.ProfileName string

---A branch without refs/heads/.
---@alias agentlanes.BranchName string

---A git object id, SHA-1 or SHA-256.
---@alias agentlanes.CommitId string

---Name of an event's topic.
---@alias agentlanes.Topic string

---A topic, a prefix as `lane.*`, or `*`.
---@alias agentlanes.TopicFilter string

---Position in the log; the first event is 1, 0 is before it.
---@alias agentlanes.Seq integer

---Bytes from the start of a tape or a text.
---@alias agentlanes.Offset integer

---Rows of one page; 100 where absent.
---@alias agentlanes.Limit integer

---Where the next page starts; opaque.
---@alias agentlanes.Cursor string

---Free JSON that belongs to the client.
---@alias agentlanes.Metadata table<string, any>

---How bytes travel: text cut at code points, or exact.
---@alias agentlanes.Encoding "utf-8"|"base64"

---A tape of a process: the PTY's or standard output, or standard error.
---@alias agentlanes.StreamName "out"|"err"

---Why something failed, in the form of an error's data.
---@class agentlanes.Problem
---@field code string The name to match on.
---@field message string What was refused, because of what, and what would work.
---@field retryable? boolean Whether the same command may work later.
---@field details? agentlanes.Metadata Facts behind the message.

---An effect under way. A restart drives every one that it finds.
---@class agentlanes.Operation
---@field kind string The verb: create, attach, commit, merge, cleanup, spawn, terminate.
---@field correlation_id agentlanes.CorrelationId
---@field started_at agentlanes.Timestamp
---@field actor string Who asked.
---@field details? agentlanes.Metadata What the effect was decided on.

---The params of every request. The method's row says which ids it needs and what the payload is.
---@class agentlanes.CommandEnvelope
---@field envelope_id? agentlanes.EnvelopeId
---@field correlation_id? agentlanes.CorrelationId
---@field workspace_id? agentlanes.WorkspaceId
---@field lane_id? agentlanes.LaneId
---@field session_id? agentlanes.SessionId
---@field terminal_id? agentlanes.TerminalId
---@field payload? agentlanes.Metadata The method's own params type.

---The result of every request.
---@class agentlanes.ResponseEnvelope
---@field envelope_id agentlanes.EnvelopeId
---@field correlation_id agentlanes.CorrelationId
---@field seq agentlanes.Seq Position of the log after the command.
---@field payload agentlanes.Metadata The method's own result type.

---The params of every notification whose method is a topic. An envelope without seq bypassed the log.
---@class agentlanes.EventEnvelope
---@field envelope_id agentlanes.EnvelopeId
---@field correlation_id agentlanes.CorrelationId
---@field causation_id? agentlanes.EnvelopeId Envelope of the command that caused the event.
---@field topic agentlanes.Topic
---@field method? agentlanes.Topic Method of the command that caused the event.
---@field seq? agentlanes.Seq
---@field stream? string The session, outside one its lane or workspace, else `server`.
---@field stream_seq? agentlanes.Seq Position in the stream, from 1, without gaps.
---@field workspace_id? agentlanes.WorkspaceId
---@field lane_id? agentlanes.LaneId
---@field session_id? agentlanes.SessionId
---@field terminal_id? agentlanes.TerminalId
---@field actor? string Who caused it: `client/<name>`, `agent/<profile>` or `server`.
---@field payload agentlanes.Metadata The topic's own payload type.
---@field timestamp agentlanes.Timestamp

---The data of every JSON-RPC error. Match on code.
---@class agentlanes.ErrorData
---@field code string The name to match on.
---@field retryable boolean Whether the same request may work later.
---@field correlation_id? agentlanes.CorrelationId
---@field details agentlanes.Metadata Facts behind the message.

---A payload with nothing in it.
---@class agentlanes.Empty

---The schema of the very server that answers.
---@class agentlanes.Description
---@field name agentlanes.Name
---@field version string Version of the protocol.
---@field server_version string Version of the server.
---@field schema agentlanes.Metadata Every type, JSON Schema 2020-12 under $defs.
---@field methods agentlanes.Metadata Rows of all methods by name.
---@field topics agentlanes.Metadata Rows of all topics by name.
---@field machines agentlanes.Metadata State machines by noun.
---@field errors agentlanes.Metadata Errors by name.

---How the server is.
---@class agentlanes.ServerStatus
---@field server_id string Id of the state that this server holds; survives restarts.
---@field generation integer Rises by one at every start.
---@field version string Version of the server.
---@field protocol_versions string[] Protocol versions it speaks.
---@field pid integer Its process.
---@field started_at agentlanes.Timestamp
---@field state_dir agentlanes.AbsolutePath Where log, tapes and sockets are.
---@field seq agentlanes.Seq Newest position of the log.
---@field peers agentlanes.PeerStatus[] Connected clients.
---@field counts table<string, integer> Entities in memory by noun.
---@field runners integer Connected runners.

---One connected client.
---@class agentlanes.PeerStatus
---@field peer_id agentlanes.PeerId
---@field client string Name that the client gave at initialize.
---@field connected_at agentlanes.Timestamp
---@field subscribed boolean Whether it receives events.

---Stops the server. Runners and what they hold go on.
---@class agentlanes.ServerStop

---Without after_seq the answer holds a snapshot and events follow from there; with it, what was missed follows first.
---@class agentlanes.EventSubscribe
---@field after_seq? agentlanes.Seq The last position that the client has.
---@field workspace_ids? agentlanes.WorkspaceId[] Only these workspaces; all where absent.
---@field topics? agentlanes.TopicFilter[] Only these topics; all where absent.

---Where the stream of events starts.
---@class agentlanes.Subscription
---@field from_seq agentlanes.Seq The first event that follows is after this position.
---@field seq agentlanes.Seq Newest position at the time of the answer.
---@field snapshot? agentlanes.Snapshot

---What is live at from_seq. Finished turns and their items, and ended processes, are listed instead.
---@class agentlanes.Snapshot
---@field workspaces agentlanes.Workspace[]
---@field repos agentlanes.Repo[]
---@field lanes agentlanes.Lane[]
---@field sessions agentlanes.Session[]
---@field turns agentlanes.Turn[]
---@field items agentlanes.Item[]
---@field processes agentlanes.Process[]
---@field terminals agentlanes.Terminal[]
---@field approvals agentlanes.Approval[]
---@field grants agentlanes.Grant[]
---@field constraints agentlanes.Constraint[]
---@field stops agentlanes.Stop[]
---@field harnesses agentlanes.HarnessStatus[] One where the config names one.
---@field renderers agentlanes.RendererSwitch[] Switches of the renderer mode that are under way.

---Reads the log itself.
---@class agentlanes.EventList
---@field after_seq? agentlanes.Seq
---@field limit? agentlanes.Limit

---Events in order of seq.
---@class agentlanes.EventPage
---@field events agentlanes.EventEnvelope[]
---@field seq agentlanes.Seq Newest position of the log.

---A stretch of the log that this peer will not get.
---@class agentlanes.Gap
---@field from agentlanes.Seq
---@field to agentlanes.Seq
---@field reason string Why it is gone.

---archived = closed by the user; its lanes stay.
---@alias agentlanes.WorkspaceStatus "active"|"archived"|"error"

---mode_a hands out raw terminal bytes, mode_b a rendered screen.
---@alias agentlanes.RendererMode "mode_a"|"mode_b"

---A workspace.
---@class agentlanes.Workspace
---@field workspace_id agentlanes.WorkspaceId
---@field name agentlanes.Name
---@field root_paths agentlanes.AbsolutePath[] Folders that the workspace opens, resolved.
---@field active_renderer_mode agentlanes.RendererMode
---@field status agentlanes.WorkspaceStatus
---@field metadata? agentlanes.Metadata Settings and layout of the clients.
---@field created_at agentlanes.Timestamp
---@field updated_at agentlanes.Timestamp
---@field last_accessed_at agentlanes.Timestamp When it was last opened.

---A new workspace.
---@class agentlanes.WorkspaceCreate
---@field workspace_id? agentlanes.WorkspaceId Chosen by the client, or by the server where absent.
---@field name? agentlanes.Name The last part of the first root path where absent.
---@field root_paths agentlanes.AbsolutePath[] Existing folders.
---@field active_renderer_mode? agentlanes.RendererMode
---@field metadata? agentlanes.Metadata

---What changes; the rest stays.
---@class agentlanes.WorkspaceUpdate
---@field name? agentlanes.Name
---@field root_paths? agentlanes.AbsolutePath[]
---@field metadata? agentlanes.Metadata Replaces the whole of it.

---Which workspaces.
---@class agentlanes.WorkspaceList
---@field status? agentlanes.WorkspaceStatus
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One workspace as it is now.
---@class agentlanes.WorkspaceState
---@field workspace agentlanes.Workspace

---Workspaces in order of creation.
---@class agentlanes.WorkspacePage
---@field workspaces agentlanes.Workspace[]
---@field next_cursor? agentlanes.Cursor

---A repo of a workspace.
---@class agentlanes.Repo
---@field repo_id agentlanes.RepoId
---@field workspace_id agentlanes.WorkspaceId
---@field path agentlanes.AbsolutePath Top folder of its main working tree; unique in the workspace.
---@field name agentlanes.Name Name of its folder.
---@field display_name agentlanes.Name
---@field default_target_branch? agentlanes.BranchName Branch that lanes start from and merge into.
---@field default_working_dir? string Folder inside the repo where agents start.
---@field setup_script? string Shell script that a fresh lane runs in its worktree before its agents start; a lane whose setup fails is not ready.
---@field cleanup_script? string Shell script that a lane runs before it is removed; where it fails, only force removes the lane.
---@field archive_script? string Shell script that terminal.spawn runs when it is asked to.
---@field dev_server_script? string Shell script that serves the lane's work; terminal.spawn starts it.
---@field copy_files? string Files that git does not track and a fresh lane gets, such as `.env, config/*.local`: globs of paths in the repo, ** for any folders, separated by commas or lines. What the worktree has already stays as it is, and what git does not ignore counts as work of the lane.
---@field parallel_setup_script? boolean Whether the agent may start before setup has ended.
---@field lane_mode? agentlanes.LaneMode Mode of lanes that name none; worktree where absent.
---@field has_submodules? boolean Submodules are left empty in lanes.
---@field created_at agentlanes.Timestamp
---@field updated_at agentlanes.Timestamp

---A repository that exists.
---@class agentlanes.RepoAdd
---@field repo_id? agentlanes.RepoId Chosen by the client, or by the server where absent.
---@field path agentlanes.AbsolutePath Any folder inside the repository.
---@field display_name? agentlanes.Name
---@field default_target_branch? agentlanes.BranchName The branch that is checked out where absent.
---@field default_working_dir? string
---@field lane_mode? agentlanes.LaneMode

---What changes; the rest stays. An empty text clears.
---@class agentlanes.RepoUpdate
---@field display_name? agentlanes.Name
---@field default_target_branch? agentlanes.BranchName
---@field default_working_dir? string
---@field setup_script? string
---@field cleanup_script? string
---@field archive_script? string
---@field dev_server_script? string
---@field copy_files? string
---@field parallel_setup_script? boolean
---@field lane_mode? agentlanes.LaneMode
---@field repo_id agentlanes.RepoId

---Which repo.
---@class agentlanes.RepoRef
---@field repo_id agentlanes.RepoId

---Which repos.
---@class agentlanes.RepoList
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One repo as it is now.
---@class agentlanes.RepoState
---@field repo agentlanes.Repo

---Repos in order of creation.
---@class agentlanes.RepoPage
---@field repos agentlanes.Repo[]
---@field next_cursor? agentlanes.Cursor

---A local branch.
---@class agentlanes.Branch
---@field name agentlanes.BranchName
---@field commit agentlanes.CommitId
---@field checked_out_at? agentlanes.AbsolutePath Working tree that has it checked out.

---The repo's local branches.
---@class agentlanes.BranchPage
---@field branches agentlanes.Branch[]

---running = a turn runs; blocked = every running turn waits for a decision.
---@alias agentlanes.LaneStatus "new"|"provisioning"|"ready"|"running"|"blocked"|"error"|"closed"

---supervised = what the agent asks, a person decides; plan = nothing is changed; auto = the lane's rules decide, and what none fits is asked.
---@alias agentlanes.PermissionMode "supervised"|"plan"|"auto"

---worktree = a linked worktree of the repo, which shares its git directory; clone = a repository of its own, in which an agent can commit that may write nowhere else.
---@alias agentlanes.LaneMode "worktree"|"clone"

---The lane's working tree of one repo.
---@class agentlanes.Worktree
---@field repo_id agentlanes.RepoId
---@field path agentlanes.AbsolutePath
---@field branch agentlanes.BranchName
---@field base_commit agentlanes.CommitId Where the branch started.
---@field target_branch agentlanes.BranchName Where it merges into.
---@field head_commit? agentlanes.CommitId The branch after the last commit that the server made.

---A merge of the lane into a target branch.
---@class agentlanes.Merge
---@field repo_id agentlanes.RepoId
---@field target_branch_name agentlanes.BranchName
---@field merge_commit agentlanes.CommitId
---@field merged_at agentlanes.Timestamp

---Work that was saved before a lane was removed.
---@class agentlanes.Rescue
---@field repo_id agentlanes.RepoId
---@field commit? agentlanes.CommitId Commit in our rescue repository.
---@field ref? string Ref that holds it.
---@field moved_to? agentlanes.AbsolutePath Where the whole folder went, where a commit could not hold it.
---@field restore? string The git command that brings it back.
---@field rescued_at agentlanes.Timestamp

---Of all rules that match, deny goes before ask, and ask before allow.
---@alias agentlanes.RuleEffect "allow"|"deny"|"ask"

---What happens to what an agent asks for. All that a rule names must match; one that names nothing matches everything.
---@class agentlanes.Rule
---@field effect agentlanes.RuleEffect
---@field tool_kind? agentlanes.ToolKind
---@field command? string Words of a command, each a glob; a last word of * stands for any further words. Of a compound command every part must be allowed.
---@field line? string The whole command, letter by letter.
---@field path? string Glob of a path in the lane's worktree: * within a folder, ** across folders. Nothing outside of the lane, and nothing of git's own, is ever allowed by a rule.
---@field title? string The title of what is asked, letter by letter; alone it allows only what names neither a command nor a path.

---Rules as a whole, so that none is a set as well.
---@class agentlanes.RuleSet
---@field list agentlanes.Rule[]

---A lane.
---@class agentlanes.Lane
---@field lane_id agentlanes.LaneId
---@field workspace_id agentlanes.WorkspaceId
---@field project_context_id? string Project of the lane, or absent.
---@field parent_lane_id? agentlanes.LaneId The lane whose agent asked for this one; absent where a person did.
---@field name agentlanes.Name
---@field status agentlanes.LaneStatus
---@field provider_profile agentlanes.ProfileName Profile of sessions that name none.
---@field permission_mode? agentlanes.PermissionMode supervised where absent.
---@field constraint_id? agentlanes.ConstraintId Limits of the lane's turns; the workspace's default where absent.
---@field rules? agentlanes.Rule[] What happens in mode auto to what its agents ask.
---@field branch agentlanes.BranchName
---@field mode? agentlanes.LaneMode worktree where absent.
---@field worktrees agentlanes.Worktree[]
---@field pinned? boolean Kept from automatic cleanup.
---@field operation? agentlanes.Operation
---@field problem? agentlanes.Problem Why the last effect failed.
---@field merges? agentlanes.Merge[] Newest last; at most 20.
---@field rescues? agentlanes.Rescue[] Newest last; at most 20.
---@field created_at agentlanes.Timestamp
---@field updated_at agentlanes.Timestamp
---@field closed_at? agentlanes.Timestamp

---A new lane.
---@class agentlanes.LaneCreate
---@field lane_id? agentlanes.LaneId Chosen by the client, or by the server where absent.
---@field name agentlanes.Name What the work is; the branch is named after it.
---@field repo_id? agentlanes.RepoId The workspace's only repo where absent.
---@field target_branch? agentlanes.BranchName The repo's default where absent.
---@field base? string Branch or commit to start from; the target branch where absent.
---@field branch? agentlanes.BranchName `<prefix>/<short id>-<slug>` where absent.
---@field mode? agentlanes.LaneMode The repo's lane_mode where absent.
---@field profile? agentlanes.ProfileName `demo` where absent and none is configured.
---@field project_context_id? string
---@field constraint? agentlanes.ConstraintName
---@field permission_mode? agentlanes.PermissionMode supervised where absent.
---@field rules? agentlanes.Rule[]
---@field pinned? boolean

---Work for an agent, and where it is done: in the repository around `path`, or in `repo_id`, or in the only repo of the envelope's workspace.
---@class agentlanes.LaneStart
---@field prompt string What the agent is asked.
---@field links? agentlanes.ResourceLink[]
---@field path? agentlanes.AbsolutePath A file or folder of the repository, which need not be there yet; in a lane's worktree, the lane's repo is meant.
---@field folder? agentlanes.AbsolutePath Root of the workspace where one has to be made, if it holds the path; the repository's top folder where absent.
---@field repo_id? agentlanes.RepoId
---@field name? agentlanes.Name The first line of the prompt where absent.
---@field profile? agentlanes.ProfileName The default profile where absent.
---@field choice? agentlanes.Choice
---@field target_branch? agentlanes.BranchName The repo's default where absent.
---@field base? string Branch or commit to start from; the target branch where absent.
---@field branch? agentlanes.BranchName `<prefix>/<short id>-<slug>` where absent.
---@field mode? agentlanes.LaneMode The repo's lane_mode where absent.
---@field constraint? agentlanes.ConstraintName Limits of the lane's turns; one of a workspace that exists.
---@field permission_mode? agentlanes.PermissionMode supervised where absent.
---@field rules? agentlanes.Rule[]
---@field lane_id? agentlanes.LaneId Chosen by the client, or by the server where absent.
---@field session_id? agentlanes.SessionId Chosen by the client, or by the server where absent.
---@field turn_id? agentlanes.TurnId Chosen by the client, or by the server where absent.
---@field parent_lane_id? agentlanes.LaneId The lane whose agent asks for it. The new lane has that one's permission mode, rules and constraint; others are refused.

---What was started. The turn waits until the lane is ready and its agent attached.
---@class agentlanes.LaneStarted
---@field lane agentlanes.Lane
---@field session agentlanes.Session
---@field turn agentlanes.Turn
---@field repo agentlanes.Repo
---@field workspace agentlanes.Workspace

---What changes; the rest stays.
---@class agentlanes.LaneUpdate
---@field name? agentlanes.Name
---@field profile? agentlanes.ProfileName
---@field constraint? agentlanes.ConstraintName
---@field permission_mode? agentlanes.PermissionMode
---@field rules? agentlanes.RuleSet All rules from now on.
---@field pinned? boolean

---Which lanes.
---@class agentlanes.LaneList
---@field status? agentlanes.LaneStatus
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One lane as it is now.
---@class agentlanes.LaneState
---@field lane agentlanes.Lane

---Lanes in order of creation.
---@class agentlanes.LanePage
---@field lanes agentlanes.Lane[]
---@field next_cursor? agentlanes.Cursor

---How much to tell.
---@class agentlanes.LaneDiff
---@field paths? string[] Only these paths; all where absent.
---@field hunks? boolean Whether to send the text of the changes; true where absent.
---@field context? integer Unchanged lines around a change; 3 where absent. With more than the file has, its hunk is the whole file.
---@field max_bytes? integer Bytes of hunks at most; 1 MiB where absent.

---One hunk of a unified diff.
---@class agentlanes.DiffHunk
---@field old_start integer
---@field old_lines integer
---@field new_start integer
---@field new_lines integer
---@field section string Heading that git found for the hunk.
---@field text string Lines, each with its leading space, plus or minus.

---What happened to a file.
---@alias agentlanes.DiffStatus "added"|"modified"|"deleted"|"renamed"|"copied"|"type_changed"

---One changed file.
---@class agentlanes.DiffFile
---@field path string Relative to the worktree; bytes that are not UTF-8 are written as git quotes them.
---@field old_path? string Where it was before a rename.
---@field status agentlanes.DiffStatus
---@field additions integer
---@field deletions integer
---@field binary boolean
---@field old_mode? string
---@field new_mode? string
---@field hunks? agentlanes.DiffHunk[]
---@field truncated? boolean Whether hunks were left out for their size.

---What a worktree holds that its target does not, untracked files included.
---@class agentlanes.WorktreeDiff
---@field repo_id agentlanes.RepoId
---@field base_commit agentlanes.CommitId Merge base of the lane and its target.
---@field head_commit agentlanes.CommitId
---@field files agentlanes.DiffFile[]
---@field additions integer
---@field deletions integer
---@field uncommitted boolean Whether part of it is not committed.
---@field truncated boolean

---The lane's changes, one entry per worktree.
---@class agentlanes.LaneDiffResult
---@field worktrees agentlanes.WorktreeDiff[]

---A commit of everything that is in the lane's worktree.
---@class agentlanes.LaneCommit
---@field message? string The lane's name where absent.

---A merge of the lane's branch. What is not committed yet is committed first.
---@class agentlanes.LaneMerge
---@field message? string `Merge lane <name>` where absent.
---@field squash? boolean One commit with one parent instead of a merge commit.
---@field expected_target? agentlanes.CommitId Refuse when the target branch is elsewhere.

---Removes the lane's worktrees and closes it.
---@class agentlanes.LaneCleanup
---@field force? boolean Save what exists nowhere else in the rescue repository, then remove.
---@field delete_branch? boolean Delete the branch as well if its target contains it.

---How the lane's operation ended.
---@class agentlanes.LaneSettle
---@field kind string Kind of the operation that ended.
---@field problem? agentlanes.Problem
---@field worktrees? agentlanes.Worktree[]
---@field merges? agentlanes.Merge[]
---@field rescues? agentlanes.Rescue[]

---attached = an agent process with an open protocol session; of an agent that takes one prompt for each process: the next prompt starts it.
---@alias agentlanes.SessionStatus "detached"|"attaching"|"attached"|"terminated"

---How the agent reaches its model; native_openai where no route was chosen.
---@alias agentlanes.Transport "cliproxy_harness"|"native_openai"

---What was chosen of the settings that the agent offers; what is absent stays as the agent has it.
---@class agentlanes.Choice
---@field mode? string
---@field model? string
---@field effort? string How much it thinks, in the agent's own words.

---What a setting is about.
---@alias agentlanes.SettingKind "mode"|"model"|"effort"|"other"|string

---One value that a setting can have.
---@class agentlanes.SettingValue
---@field value string
---@field name string
---@field description? string

---Something that can be chosen in the agent.
---@class agentlanes.Setting
---@field setting_id string The agent's own id.
---@field name string
---@field kind agentlanes.SettingKind
---@field value? string Its value now.
---@field values agentlanes.SettingValue[]

---A command that the agent understands where a prompt begins with a slash and its name.
---@class agentlanes.AgentCommand
---@field name string
---@field description? string
---@field hint? string What may follow the name.

---What the agent of an open session can do; what is absent it cannot.
---@class agentlanes.Offer
---@field steer? boolean A running turn takes further input.
---@field fork? boolean The conversation can go on in two ways from its end.
---@field fork_at_turn? boolean The same from any turn that ended.
---@field rewind? boolean The newest turns can be taken back.
---@field compact? boolean The context can be summed up on request.
---@field review? boolean It can review the lane's changes.
---@field settings? agentlanes.Setting[]
---@field commands? agentlanes.AgentCommand[]

---Who the agent of an open session says it is.
---@class agentlanes.AgentIdentity
---@field name string
---@field title? string
---@field version? string
---@field protocol? string What it speaks, with the version that was agreed on: acp/1, acp/2.

---fork = goes on from another session's conversation; adopt = from one that was begun outside; handover = told what another session was about.
---@alias agentlanes.OriginKind "fork"|"adopt"|"handover"

---What a session goes on from, where it is not a fresh one.
---@class agentlanes.SessionOrigin
---@field kind agentlanes.OriginKind
---@field session_id? agentlanes.SessionId The other session, of a fork or a handover.
---@field turn_id? agentlanes.TurnId The last turn that a fork keeps; the newest where absent.
---@field agent_session_id? string The agent's own id of the conversation that is gone on from; chosen by the client to adopt, by the server to fork.
---@field agent_turn_id? string The agent's own id of turn_id; set by the server.

---How the agent's way to its model was chosen. It is decided when the agent starts; another one for the next turn starts it anew.
---@class agentlanes.SessionRoute
---@field preferred_transport agentlanes.Transport What the session, or else its profile, wants.
---@field reason? agentlanes.Problem Why it is another one than preferred; absent where it is not.
---@field decided_at agentlanes.Timestamp
---@field prompted? boolean Whether a turn has begun, so that an agent that starts anew has a conversation to resume.

---A session.
---@class agentlanes.Session
---@field session_id agentlanes.SessionId
---@field workspace_id agentlanes.WorkspaceId
---@field lane_id agentlanes.LaneId
---@field profile agentlanes.ProfileName
---@field driver string The protocol that the agent speaks: acp.
---@field status agentlanes.SessionStatus
---@field agent_session_id? string The agent's own id of the conversation; used to resume it.
---@field codex_session_id? string The agent's own id where the agent is Codex.
---@field transport agentlanes.Transport
---@field route? agentlanes.SessionRoute
---@field origin? agentlanes.SessionOrigin
---@field primer? string What the agent is told of the work that was handed over, before its first prompt; the turn that told it has it from then on.
---@field constraint_id? agentlanes.ConstraintId Limits of the session's turns; the lane's where absent.
---@field choice? agentlanes.Choice What the user chose; it goes before the profile's.
---@field identity? agentlanes.AgentIdentity
---@field offer? agentlanes.Offer
---@field usage? agentlanes.Usage Of all its turns; the context as it is now.
---@field title? agentlanes.Name
---@field activity? string One line: what it does now.
---@field listed boolean True from its first prompt on.
---@field process_id? agentlanes.ProcessId The agent's process, while one belongs to it.
---@field terminal_id? agentlanes.TerminalId The terminal that its process runs on, or ran on last, where the agent is a program of the terminal.
---@field operation? agentlanes.Operation
---@field problem? agentlanes.Problem Why it is not attached.
---@field resumable? boolean Whether the agent can continue the conversation in a new process.
---@field attached_at? agentlanes.Timestamp When its agent last took prompts.
---@field detached_at? agentlanes.Timestamp When an agent that took prompts last ended.
---@field created_at agentlanes.Timestamp
---@field updated_at agentlanes.Timestamp
---@field last_heartbeat_at? agentlanes.Timestamp Last frame or byte of the agent; a vital, present in reads.

---A new session.
---@class agentlanes.SessionCreate
---@field session_id? agentlanes.SessionId Chosen by the client, or by the server where absent.
---@field profile? agentlanes.ProfileName Where absent, the lane's profile; of a fork, the profile of the session that it goes on from.
---@field title? agentlanes.Name
---@field choice? agentlanes.Choice
---@field origin? agentlanes.SessionOrigin What it goes on from; a fresh conversation where absent.
---@field constraint? agentlanes.ConstraintName
---@field transport? agentlanes.Transport The preferred one; the profile's where absent.
---@field attach? boolean Start the agent at once; true where absent.

---How far to go back.
---@class agentlanes.SessionRewind
---@field turn_id agentlanes.TurnId The first turn that is taken back.

---What changes; the rest stays.
---@class agentlanes.SessionUpdate
---@field title? agentlanes.Name
---@field choice? agentlanes.Choice For the turns that start from now on; what is absent in it stays.
---@field transport? agentlanes.Transport Preferred from the next turn on.

---Which sessions.
---@class agentlanes.SessionList
---@field status? agentlanes.SessionStatus
---@field unlisted? boolean Also those that were never prompted.
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One session as it is now.
---@class agentlanes.SessionState
---@field session agentlanes.Session

---Sessions in order of creation.
---@class agentlanes.SessionPage
---@field sessions agentlanes.Session[]
---@field next_cursor? agentlanes.Cursor

---How attaching ended.
---@class agentlanes.SessionSettle
---@field process_id agentlanes.ProcessId Process that it is about; another one's news are stale.
---@field agent_session_id? string
---@field resumable? boolean
---@field title? agentlanes.Name
---@field identity? agentlanes.AgentIdentity
---@field offer? agentlanes.Offer
---@field problem? agentlanes.Problem
---@field cursor? agentlanes.FrameCursor

---How far an agent's output tape was taken in.
---@class agentlanes.FrameCursor
---@field rest agentlanes.Offset First frame of the oldest open item; reading starts here after a restart.
---@field applied agentlanes.Offset Frames before this only rebuild the driver's memory.

---What became of a further input to the running turn.
---@class agentlanes.Steered
---@field number integer Which of the turn's steers.
---@field input_n? integer Number of the write that carried it.
---@field problem? agentlanes.Problem Why the agent did not take it.

---What became of the running turn.
---@class agentlanes.TurnProgress
---@field turn_id agentlanes.TurnId
---@field status? agentlanes.TurnStatus Its new status, where it changes.
---@field input_n? integer Number of the write that carried the prompt.
---@field interrupt_n? integer Number of the write that carried the interrupt.
---@field agent_turn_id? string
---@field steered? agentlanes.Steered[]
---@field stop_reason? agentlanes.StopReason
---@field summary? string
---@field usage? agentlanes.Usage
---@field problem? agentlanes.Problem

---The agent was told what was decided.
---@class agentlanes.ApprovalAnswered
---@field approval_id agentlanes.ApprovalId
---@field answer_n integer Number of the write that carried the answer.

---One numbered write to the agent.
---@class agentlanes.AgentWrite
---@field n integer From 1 for each process, without gaps.
---@field data string The frame, a line of JSON without its newline.

---What a driver made of the agent's frames and of what waits for the agent; one transaction.
---@class agentlanes.SessionApply
---@field process_id agentlanes.ProcessId
---@field cursor? agentlanes.FrameCursor
---@field items? agentlanes.Item[] Items as they are now, in order.
---@field approvals? agentlanes.Approval[] New approvals.
---@field answered? agentlanes.ApprovalAnswered[]
---@field turn? agentlanes.TurnProgress
---@field title? agentlanes.Name
---@field activity? string
---@field offer? agentlanes.Offer What the agent offers from now on, whole.
---@field agent_session_id? string The agent's own id of the conversation, where it tells one after it was attached.
---@field ended? boolean The process is done with all that it had to do, and has ended or cannot be started. A prompt that waits is given to the next one.
---@field problem? agentlanes.Problem Why it cannot be started; the queue waits then.
---@field writes? agentlanes.AgentWrite[]

---waiting = an approval of the turn is pending.
---@alias agentlanes.TurnStatus "queued"|"running"|"waiting"|"completed"|"failed"|"interrupted"|"canceled"

---Why the agent stopped, in ACP's words.
---@alias agentlanes.StopReason "end_turn"|"max_tokens"|"max_turn_requests"|"refusal"|"cancelled"|string

---What the turn asks of the agent: to answer a prompt, to sum up its context, to review the lane's changes.
---@alias agentlanes.TurnAction "prompt"|"compact"|"review"

---Money, as the agent reports it.
---@class agentlanes.Cost
---@field amount number
---@field currency string ISO 4217.

---Tokens as the agent counts them.
---@class agentlanes.Usage
---@field input_tokens? integer
---@field output_tokens? integer
---@field total_tokens? integer
---@field cached_tokens? integer Of the input, what came from a cache.
---@field thought_tokens? integer Of the output, what it thought.
---@field cost? agentlanes.Cost
---@field session_cost? agentlanes.Cost What all of the agent's session has cost by now, where the agent tells that; the turn's cost is what came to it.
---@field context_used? integer Tokens in the context now.
---@field context_size? integer Tokens that fit.

---Something that the prompt points to.
---@class agentlanes.ResourceLink
---@field uri string
---@field name agentlanes.Name

---Somebody asked to stop the turn.
---@class agentlanes.Interrupt
---@field requested_at agentlanes.Timestamp
---@field actor string
---@field input_n? integer Number of the write that told the agent.
---@field problem? agentlanes.Problem Why the server stops it: a limit, a watchdog; absent where a person asked.

---Further input to a turn that runs.
---@class agentlanes.Steer
---@field number integer From 1 in each turn.
---@field prompt string
---@field links? agentlanes.ResourceLink[]
---@field actor string
---@field requested_at agentlanes.Timestamp
---@field input_n? integer Number of the write that carried it.
---@field problem? agentlanes.Problem Why the agent did not take it.

---A turn.
---@class agentlanes.Turn
---@field turn_id agentlanes.TurnId
---@field workspace_id agentlanes.WorkspaceId
---@field lane_id agentlanes.LaneId
---@field session_id agentlanes.SessionId
---@field status agentlanes.TurnStatus
---@field action? agentlanes.TurnAction prompt where absent.
---@field prompt string What the user asked.
---@field primer? string What the agent was told before the prompt, of work that was handed over.
---@field links? agentlanes.ResourceLink[]
---@field priority integer Where it enters the queue: before the first turn of lower priority; 50 where nothing was said.
---@field position? integer Order in the queue: the lowest runs next. Only the order means something.
---@field replaces? agentlanes.TurnId The turn that was interrupted for this one.
---@field correlation_id? agentlanes.CorrelationId Correlation of the prompt; all that the turn causes carries it.
---@field choice? agentlanes.Choice What was chosen for this turn; the session keeps it.
---@field agent_turn_id? string The agent's own id of the turn.
---@field steers? agentlanes.Steer[]
---@field constraint_id? agentlanes.ConstraintId Limits that were chosen for it; the session's where absent.
---@field limits? agentlanes.Limits The limits in force since it began.
---@field waiting_since? agentlanes.Timestamp Since when it waits for a decision.
---@field waited_ms? integer How long it waited for decisions before.
---@field process_id? agentlanes.ProcessId The agent's process that runs it.
---@field input_n? integer Number of the write that carried the prompt.
---@field interrupt? agentlanes.Interrupt
---@field stop_reason? agentlanes.StopReason
---@field summary? string The agent's last message.
---@field usage? agentlanes.Usage
---@field problem? agentlanes.Problem Why it failed or was cut.
---@field resumable? boolean Whether a new prompt can go on from where it was cut.
---@field dropped? boolean Taken back: the agent's conversation goes on without it.
---@field seen? boolean Whether the user has looked at its end.
---@field created_at agentlanes.Timestamp
---@field started_at? agentlanes.Timestamp
---@field ended_at? agentlanes.Timestamp

---A prompt for a session. It runs when the session is attached and the turns before it have ended.
---@class agentlanes.TurnCreate
---@field turn_id? agentlanes.TurnId Chosen by the client, or by the server where absent.
---@field action? agentlanes.TurnAction prompt where absent.
---@field prompt? string Needed to prompt; what to look at in a review, what to keep of a context that is summed up.
---@field links? agentlanes.ResourceLink[]
---@field constraint? agentlanes.ConstraintName
---@field priority? integer
---@field choice? agentlanes.Choice Chosen for this turn; the session keeps it.

---Further input to the running turn.
---@class agentlanes.TurnSteer
---@field turn_id agentlanes.TurnId
---@field prompt string
---@field links? agentlanes.ResourceLink[]

---A prompt that shall run in place of a turn.
---@class agentlanes.TurnReplace
---@field turn_id agentlanes.TurnId The turn that is interrupted.
---@field new_turn_id? agentlanes.TurnId Chosen by the client, or by the server where absent.
---@field prompt string
---@field links? agentlanes.ResourceLink[]
---@field choice? agentlanes.Choice

---Receipt of a replacement.
---@class agentlanes.TurnReplaced
---@field turn agentlanes.Turn The new turn: it runs next.
---@field replaced agentlanes.Turn The turn that it replaces, as it is now.
---@field interrupted boolean Whether it was still running; otherwise it had ended before, and nothing was cut.

---An end of the queue.
---@alias agentlanes.QueuePlace "first"|"last"

---Where a queued turn goes: before or after another one, or to an end of the queue. One of the three.
---@class agentlanes.TurnMove
---@field turn_id agentlanes.TurnId
---@field before? agentlanes.TurnId
---@field after? agentlanes.TurnId
---@field to? agentlanes.QueuePlace

---Why the server stops a turn.
---@class agentlanes.TurnHalt
---@field turn_id agentlanes.TurnId
---@field problem agentlanes.Problem

---Limits that nobody can enforce.
---@class agentlanes.TurnExempt
---@field turn_id agentlanes.TurnId
---@field unenforced agentlanes.LimitName[]
---@field reason string

---Which turn.
---@class agentlanes.TurnRef
---@field turn_id agentlanes.TurnId

---What changes; the rest stays.
---@class agentlanes.TurnUpdate
---@field turn_id agentlanes.TurnId
---@field seen? boolean
---@field prompt? string Of a queued turn, as all that follows.
---@field links? agentlanes.ResourceLink[]
---@field priority? integer The turn enters the queue anew by it.
---@field choice? agentlanes.Choice

---Which turns.
---@class agentlanes.TurnList
---@field status? agentlanes.TurnStatus
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One turn as it is now.
---@class agentlanes.TurnState
---@field turn agentlanes.Turn

---Turns in order of creation; queued ones in the order in which they will run, where only those were asked for.
---@class agentlanes.TurnPage
---@field turns agentlanes.Turn[]
---@field next_cursor? agentlanes.Cursor

---What it is. A kind that the server does not know is kept and shown.
---@alias agentlanes.ItemKind "user_message"|"message"|"thought"|"tool_call"|"plan"|"usage"|"notice"|"error"|"compaction"|"question"|string

---Text only grows while it is in progress.
---@alias agentlanes.ItemStatus "in_progress"|"completed"|"failed"|"canceled"

---What a tool call does.
---@alias agentlanes.ToolKind "read"|"edit"|"delete"|"move"|"search"|"execute"|"think"|"fetch"|"switch_mode"|"other"|string

---Status of a tool call in the agent's words.
---@alias agentlanes.ToolStatus "pending"|"in_progress"|"completed"|"failed"|string

---A place in a file.
---@class agentlanes.Location
---@field path string
---@field line? integer

---A file before and after.
---@class agentlanes.FileChange
---@field path string
---@field old_text? string Absent for a new file.
---@field new_text string

---A tool that the agent uses.
---@class agentlanes.ToolCall
---@field tool_call_id string The agent's own id.
---@field title? string
---@field tool_kind? agentlanes.ToolKind
---@field command? string The shell command, where it runs one.
---@field exit_code? integer How the command ended.
---@field parent_tool_call_id? string The tool call, of a sub-agent say, that it is part of.
---@field status agentlanes.ToolStatus
---@field locations? agentlanes.Location[]
---@field changes? agentlanes.FileChange[]
---@field raw_input? any As the agent gave it.
---@field raw_output? any As the agent gave it.

---One step of a plan.
---@class agentlanes.PlanEntry
---@field content string
---@field priority? string
---@field status string

---An item.
---@class agentlanes.Item
---@field item_id agentlanes.ItemId
---@field workspace_id agentlanes.WorkspaceId
---@field lane_id agentlanes.LaneId
---@field session_id agentlanes.SessionId
---@field turn_id agentlanes.TurnId
---@field kind agentlanes.ItemKind
---@field status agentlanes.ItemStatus
---@field position integer Order within the turn; offset of its first frame on the agent's tape.
---@field text? string Message, thought, a tool's output, a notice. Whole when the item is closed.
---@field tool? agentlanes.ToolCall
---@field plan? agentlanes.PlanEntry[]
---@field usage? agentlanes.Usage
---@field problem? agentlanes.Problem
---@field raw? any The agent's own frame where the kind is not known.
---@field created_at agentlanes.Timestamp
---@field ended_at? agentlanes.Timestamp

---Which item.
---@class agentlanes.ItemRef
---@field item_id agentlanes.ItemId

---Which items.
---@class agentlanes.ItemList
---@field turn_id? agentlanes.TurnId
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One item as it is now.
---@class agentlanes.ItemState
---@field item agentlanes.Item

---Items in order of creation.
---@class agentlanes.ItemPage
---@field items agentlanes.Item[]
---@field next_cursor? agentlanes.Cursor

---Text that an item in progress grew by. A client that has more than offset drops the part it has.
---@class agentlanes.ItemDelta
---@field item_id agentlanes.ItemId
---@field turn_id agentlanes.TurnId
---@field offset agentlanes.Offset Bytes of the text, in UTF-8, before this part.
---@field data string

---What it runs for.
---@alias agentlanes.RunReason "agent"|"shell"|"setup"|"cleanup"|"archive"|"dev_server"

---completed = exit 0; killed = ended by a signal.
---@alias agentlanes.ProcessStatus "running"|"completed"|"failed"|"killed"

---A process.
---@class agentlanes.Process
---@field process_id agentlanes.ProcessId
---@field workspace_id agentlanes.WorkspaceId
---@field lane_id agentlanes.LaneId
---@field session_id? agentlanes.SessionId
---@field run_reason agentlanes.RunReason
---@field status agentlanes.ProcessStatus
---@field argv string[]
---@field cwd agentlanes.AbsolutePath
---@field pid? integer
---@field pty? boolean It runs on a terminal.
---@field exit_code? integer
---@field signal? string Name of the signal that ended it.
---@field dropped? boolean Hidden by the user.
---@field problem? agentlanes.Problem
---@field started_at agentlanes.Timestamp
---@field completed_at? agentlanes.Timestamp

---Which process.
---@class agentlanes.ProcessRef
---@field process_id agentlanes.ProcessId

---Which processes.
---@class agentlanes.ProcessList
---@field status? agentlanes.ProcessStatus
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One process as it is now.
---@class agentlanes.ProcessState
---@field process agentlanes.Process

---Processes in order of creation.
---@class agentlanes.ProcessPage
---@field processes agentlanes.Process[]
---@field next_cursor? agentlanes.Cursor

---A part of a tape.
---@class agentlanes.ProcessRead
---@field process_id agentlanes.ProcessId
---@field stream? agentlanes.StreamName out where absent.
---@field offset? agentlanes.Offset The tape's last max_bytes where absent.
---@field max_bytes? integer 64 KiB where absent.
---@field encoding? agentlanes.Encoding

---Bytes of a tape.
---@class agentlanes.TapeChunk
---@field offset agentlanes.Offset Where data starts; later than asked where older bytes were dropped.
---@field data string
---@field next_offset agentlanes.Offset
---@field end_offset agentlanes.Offset The tape's end now.
---@field skipped? integer Bytes that were asked for and are gone.
---@field encoding agentlanes.Encoding

---A process ended.
---@class agentlanes.ProcessExit
---@field process_id agentlanes.ProcessId
---@field exit_code? integer
---@field signal? string
---@field cols? agentlanes.Columns Width of its terminal at its end, where it was resized.
---@field rows? agentlanes.Rows
---@field problem? agentlanes.Problem
---@field items? agentlanes.Item[] Items of an agent's that are open, with all of their text.

---A process of an agent runs.
---@class agentlanes.ProcessStart
---@field process_id agentlanes.ProcessId
---@field run_reason agentlanes.RunReason
---@field argv string[]
---@field cwd agentlanes.AbsolutePath
---@field pid integer
---@field cols? agentlanes.Columns With rows: it runs on a terminal, which its session shows.
---@field rows? agentlanes.Rows

---throttled = the runner holds it to its share of a byte budget, or its tape cannot be written.
---@alias agentlanes.TerminalPhase "idle"|"spawning"|"active"|"throttled"|"closed"

---Width in cells.
---@alias agentlanes.Columns integer

---Height in cells.
---@alias agentlanes.Rows integer

---Which script of a repo.
---@alias agentlanes.Script "setup"|"cleanup"|"archive"|"dev_server"

---A terminal.
---@class agentlanes.Terminal
---@field terminal_id agentlanes.TerminalId
---@field workspace_id agentlanes.WorkspaceId
---@field lane_id agentlanes.LaneId
---@field session_id? agentlanes.SessionId Absent for a shell of the lane.
---@field process_id agentlanes.ProcessId
---@field run_reason? agentlanes.RunReason The script that it runs; absent for everything else.
---@field title agentlanes.Name
---@field state agentlanes.TerminalPhase
---@field throttle_reason? string
---@field argv string[]
---@field cwd agentlanes.AbsolutePath
---@field cols agentlanes.Columns Width when it was spawned; reads give the width now, and once it is closed its last.
---@field rows agentlanes.Rows Height when it was spawned; reads give the height now, and once it is closed its last.
---@field active_renderer_mode? agentlanes.RendererMode How it is handed out; as its workspace says where absent.
---@field exit_code? integer
---@field signal? string
---@field operation? agentlanes.Operation
---@field problem? agentlanes.Problem
---@field last_output_seq? agentlanes.Offset The tape's end; a vital, present in reads.
---@field created_at agentlanes.Timestamp
---@field updated_at agentlanes.Timestamp
---@field closed_at? agentlanes.Timestamp

---A new terminal in a lane.
---@class agentlanes.TerminalSpawn
---@field terminal_id? agentlanes.TerminalId Chosen by the client, or by the server where absent.
---@field title? agentlanes.Name
---@field argv? string[] The user's shell where absent.
---@field script? agentlanes.Script Run this script of the repo, in its worktree, instead of argv; each of them runs once at a time in a lane.
---@field repo_id? agentlanes.RepoId Whose script; the lane's first repo where absent.
---@field cwd? string Relative to the lane's first worktree, or absolute; the worktree where absent.
---@field env? table<string, string> Added to the allowed environment.
---@field cols? agentlanes.Columns 80 where absent.
---@field rows? agentlanes.Rows 24 where absent.

---What changes; the rest stays.
---@class agentlanes.TerminalUpdate
---@field title? agentlanes.Name

---latest lets a slow peer skip and says so; lossless reads at the peer's own pace.
---@alias agentlanes.TerminalFlow "latest"|"lossless"

---Sends this peer the terminal's output.
---@class agentlanes.TerminalAttach
---@field offset? agentlanes.Offset Continue here.
---@field tail_bytes? integer Start this much before the end; 64 KiB where neither is given.
---@field window_bytes? integer Bytes under way before an ack is needed; where absent only the connection holds the output back.
---@field flow? agentlanes.TerminalFlow latest where absent.
---@field encoding? agentlanes.Encoding utf-8 where absent.
---@field nudge? boolean Make a full-screen program redraw; true where absent, and needless in mode_b.
---@field mode? agentlanes.RendererMode Whatever is switched, this peer gets bytes (mode_a) or screens (mode_b); where absent the terminal's mode, also when it is switched.

---Where the output starts.
---@class agentlanes.TerminalAttachment
---@field terminal agentlanes.Terminal
---@field offset agentlanes.Offset The first byte that follows.
---@field end_offset agentlanes.Offset
---@field skipped? integer Bytes that were asked for and are gone.
---@field mode agentlanes.RendererMode mode_a: terminal.output follows; mode_b: terminal.rendered, with the whole screen first.

---How far the client has used up what it got.
---@class agentlanes.TerminalAck
---@field consumed agentlanes.Offset Offset up to which the output was consumed.

---What was typed.
---@class agentlanes.TerminalInput
---@field data string At most 1 MiB of bytes.
---@field encoding? agentlanes.Encoding utf-8 where absent.
---@field input_id? string A repeat with the same id is dropped.

---A new size. The owner's size counts; who resizes owns.
---@class agentlanes.TerminalResize
---@field cols agentlanes.Columns
---@field rows agentlanes.Rows
---@field claim? boolean Become the owner; without it only the owner may resize, or anybody while there is none.

---The size that counts now.
---@class agentlanes.TerminalSize
---@field cols agentlanes.Columns
---@field rows agentlanes.Rows
---@field applied boolean False where another peer owns the terminal.

---A signal by name.
---@alias agentlanes.SignalName "SIGINT"|"SIGTERM"|"SIGKILL"|"SIGHUP"|"SIGQUIT"|"SIGTSTP"|"SIGCONT"|"SIGUSR1"|"SIGUSR2"|"SIGWINCH"

---A signal for the terminal's foreground processes.
---@class agentlanes.TerminalSignal
---@field signal agentlanes.SignalName

---Ends the terminal's processes.
---@class agentlanes.TerminalClose
---@field grace_ms? integer Wait this long after SIGTERM; 2000 where absent.

---A part of the terminal's tape.
---@class agentlanes.TerminalRead
---@field offset? agentlanes.Offset The tape's last max_bytes where absent.
---@field max_bytes? integer 64 KiB where absent.
---@field encoding? agentlanes.Encoding

---Which terminals.
---@class agentlanes.TerminalList
---@field state? agentlanes.TerminalPhase
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One terminal as it is now.
---@class agentlanes.TerminalState
---@field terminal agentlanes.Terminal

---Terminals in order of creation.
---@class agentlanes.TerminalPage
---@field terminals agentlanes.Terminal[]
---@field next_cursor? agentlanes.Cursor

---Bytes of the tape.
---@class agentlanes.TerminalOutput
---@field terminal_id agentlanes.TerminalId
---@field offset agentlanes.Offset Of the first byte of data.
---@field next_offset agentlanes.Offset Of the first byte after data.
---@field data string
---@field encoding agentlanes.Encoding
---@field skipped? integer Bytes before offset that this peer does not get.

---What to tell of a terminal's screen.
---@class agentlanes.TerminalRender
---@field history_lines? integer So many of the newest lines above the screen; none where absent.

---What a terminal shows now, with all its lines.
---@class agentlanes.TerminalScreen
---@field terminal_id agentlanes.TerminalId
---@field text string The screen as plain text, a line for each row without the blanks at its end.
---@field screen agentlanes.Screen
---@field history? string[] Lines above the screen as plain text, oldest first; present where asked for.

---What changed on a terminal's screen since this peer was told last.
---@class agentlanes.TerminalRendered
---@field terminal_id agentlanes.TerminalId
---@field full boolean The screen has every line; forget what was there.
---@field screen agentlanes.Screen

---This peer gets no more screens of the terminal.
---@class agentlanes.TerminalRenderEnded
---@field terminal_id agentlanes.TerminalId
---@field problem agentlanes.Problem

---The size changed.
---@class agentlanes.TerminalResized
---@field terminal_id agentlanes.TerminalId
---@field cols agentlanes.Columns
---@field rows agentlanes.Rows

---How spawning ended.
---@class agentlanes.TerminalSettle
---@field pid? integer
---@field problem? agentlanes.Problem

---The runner holds the terminal back, or no longer.
---@class agentlanes.TerminalThrottle
---@field on boolean
---@field reason? string

---expired counts as a reject; canceled = the turn ended first.
---@alias agentlanes.ApprovalStatus "pending"|"approved"|"denied"|"expired"|"canceled"

---What choosing the option means, in ACP's words.
---@alias agentlanes.OptionKind "allow_once"|"allow_always"|"reject_once"|"reject_always"|string

---One way to decide.
---@class agentlanes.ApprovalOption
---@field option_id string The agent's own id.
---@field label string
---@field kind agentlanes.OptionKind

---permission = may a tool run; plan = is a plan accepted; question = the agent wants to know something.
---@alias agentlanes.ApprovalKind "permission"|"plan"|"question"

---An answer that the agent proposes.
---@class agentlanes.QuestionOption
---@field label string
---@field description? string

---Something that the agent wants to know.
---@class agentlanes.Question
---@field question_id string
---@field header? string A word or two.
---@field text string
---@field options? agentlanes.QuestionOption[]
---@field multiple? boolean More than one option may be chosen.
---@field free? boolean Any text is an answer.
---@field secret? boolean The answer must not be shown or kept.

---What was answered to one question.
---@class agentlanes.Answer
---@field question_id string
---@field values string[] Labels of options, or a text of one's own.

---For what a decision counts from now on: this approval alone, or the same in the session, the lane or the workspace.
---@alias agentlanes.ApprovalScope "once"|"session"|"lane"|"workspace"

---A path that a tool call is about, as it was when the agent asked.
---@class agentlanes.Touch
---@field path string As the agent wrote it.
---@field inside? string Where it leads in the lane's worktree, symlinks resolved; absent where it leads out of the lane or to git's own files.

---What was decided, and by whom.
---@class agentlanes.Decision
---@field option_id? string The option chosen; absent where the agent offered none that fits.
---@field kind? agentlanes.OptionKind
---@field answers? agentlanes.Answer[] To the approval's questions, but for secret ones.
---@field actor string Who decided: a client, the server where it expired, or `policy`.
---@field scope? agentlanes.ApprovalScope once where absent.
---@field grant_id? agentlanes.GrantId The grant that decided.
---@field reason? string Of a person, for the agent; of the policy, the rule that decided.
---@field decided_at agentlanes.Timestamp

---An approval.
---@class agentlanes.Approval
---@field approval_id agentlanes.ApprovalId
---@field workspace_id agentlanes.WorkspaceId
---@field lane_id agentlanes.LaneId
---@field session_id agentlanes.SessionId
---@field turn_id agentlanes.TurnId
---@field item_id? agentlanes.ItemId
---@field process_id? agentlanes.ProcessId The agent's process that asks; absent where it was asked by approval.request.
---@field request_id string The agent's request, as JSON; the tool's name where it was asked by approval.request.
---@field status agentlanes.ApprovalStatus
---@field kind? agentlanes.ApprovalKind permission where absent.
---@field title string What the agent wants to do.
---@field questions? agentlanes.Question[]
---@field preview? agentlanes.ToolCall The tool call that the decision is about.
---@field touches? agentlanes.Touch[] The paths of the preview, and where they lead.
---@field options agentlanes.ApprovalOption[]
---@field decision? agentlanes.Decision
---@field answer_n? integer Number of the write that told the agent.
---@field answered? boolean The agent was told, or is gone.
---@field requested_at agentlanes.Timestamp
---@field expires_at agentlanes.Timestamp

---What the agent of the envelope's session wants to do by a tool of ours, in the turn that it works on.
---@class agentlanes.ApprovalRequest
---@field title string What it wants to do.
---@field tool string The tool's name; it is the title of the preview, by which rules and grants know it.
---@field arguments table<string, any> What the tool is called with.

---Which approval.
---@class agentlanes.ApprovalRef
---@field approval_id agentlanes.ApprovalId

---A decision, by an option's id or by its kind.
---@class agentlanes.ApprovalResolve
---@field approval_id agentlanes.ApprovalId
---@field option_id? string
---@field kind? agentlanes.OptionKind The first option of this kind.
---@field answers? agentlanes.Answer[] To all of the approval's questions. Answers to secret ones are kept nowhere.
---@field scope? agentlanes.ApprovalScope once where absent. A wider one makes a grant, and the agent is told once only.
---@field reason? string

---Which approvals.
---@class agentlanes.ApprovalList
---@field status? agentlanes.ApprovalStatus
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One approval as it is now.
---@class agentlanes.ApprovalState
---@field approval agentlanes.Approval

---Approvals in order of creation.
---@class agentlanes.ApprovalPage
---@field approvals agentlanes.Approval[]
---@field next_cursor? agentlanes.Cursor

---A grant.
---@class agentlanes.Grant
---@field grant_id agentlanes.GrantId
---@field workspace_id agentlanes.WorkspaceId
---@field lane_id? agentlanes.LaneId Where it counts for one lane.
---@field session_id? agentlanes.SessionId Where it counts for one session.
---@field scope agentlanes.ApprovalScope
---@field rule agentlanes.Rule What it matches, and whether that is allowed or denied.
---@field approval_id agentlanes.ApprovalId The approval that was decided.
---@field actor string Who decided.
---@field reason? string
---@field created_at agentlanes.Timestamp

---Which grant.
---@class agentlanes.GrantRef
---@field grant_id agentlanes.GrantId

---Which grants.
---@class agentlanes.GrantList
---@field scope? agentlanes.ApprovalScope
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One grant as it is now.
---@class agentlanes.GrantState
---@field grant agentlanes.Grant

---Grants in order of creation.
---@class agentlanes.GrantPage
---@field grants agentlanes.Grant[]
---@field next_cursor? agentlanes.Cursor

---A prompt and whom it is for: the sessions that are named, else all of the envelope's lane or workspace that are not over.
---@class agentlanes.PromptCreate
---@field session_ids? agentlanes.SessionId[]
---@field prompt string
---@field links? agentlanes.ResourceLink[]
---@field priority? integer In each session's queue.

---A session that did not take the prompt.
---@class agentlanes.PromptRefusal
---@field session_id agentlanes.SessionId
---@field problem agentlanes.Problem

---What became of the prompt.
---@class agentlanes.PromptReceipt
---@field turns agentlanes.Turn[] One for each session that took it.
---@field refused agentlanes.PromptRefusal[]

---How to start an agent. Values of its environment are not told.
---@class agentlanes.Profile
---@field name agentlanes.ProfileName
---@field title agentlanes.Name
---@field driver string The protocol that it speaks: acp.
---@field argv string[]
---@field env_names string[] Variables that the profile sets.
---@field env_pass string[] Variables that the client's environment provides.
---@field mode? string Mode that the agent is put in.
---@field model? string
---@field effort? string How much it thinks, in the agent's own words.
---@field quirks? agentlanes.Metadata How it differs from others that speak its protocol.
---@field append_prompt? string Said to the agent after each prompt.
---@field mcp_servers? agentlanes.McpServer[] Servers that it is handed.
---@field variant_of? agentlanes.ProfileName The profile that it is a variant of; its own name is that name, a colon and the variant's.
---@field docs? string Where its makers describe it.
---@field transports? agentlanes.Transport[] Routes that it says how to take; native_openai where absent.
---@field transport? agentlanes.Transport The route that it prefers.
---@field source string `built in`, or the file that it is written in.
---@field default boolean Used where nothing names a profile.

---How an MCP server is reached.
---@alias agentlanes.McpKind "stdio"|"http"|"sse"

---An MCP server, without the values of its environment and headers.
---@class agentlanes.McpServer
---@field name agentlanes.Name
---@field kind agentlanes.McpKind
---@field argv? string[] Of a stdio server.
---@field url? string Of the others, without what follows a question mark.
---@field env_names? string[]
---@field header_names? string[]

---A command that a user may run in a terminal. The server never runs one by itself.
---@class agentlanes.SetupCommand
---@field title agentlanes.Name What it does, and what to do in it.
---@field argv string[]

---What makes an agent usable, as data.
---@class agentlanes.Setup
---@field install agentlanes.SetupCommand[]
---@field login agentlanes.SetupCommand[]

---Which agent it is, whatever protocol it is spoken to in.
---@alias agentlanes.AgentType "CLAUDE"|"GEMINI"|"CODEX"|"OPENCODE"|"COPILOT"|"QWEN"|"VIBE"|"AMP"|"CURSOR"|"DROID"|"AIDER"|"DEMO"|"OTHER"|string

---SETUP_HELPER = there are commands that install it or log in; CONTEXT_USAGE = it tells how full its context is.
---@alias agentlanes.AgentCapability "SESSION_FORK"|"SETUP_HELPER"|"CONTEXT_USAGE"|"RESUME"|"STEER"|"COMPACT"|"REVIEW"|string

---INSTALLATION_FOUND = its program is there, and no login was seen.
---@alias agentlanes.AgentAvailability "LOGIN_DETECTED"|"INSTALLATION_FOUND"|"NOT_FOUND"

---By whether its own credential files or variables are there; unknown where that says nothing.
---@alias agentlanes.LoginState "signed_in"|"signed_out"|"unknown"

---ONLINE = a session is attached; ERROR = it cannot start, or the session that was tried last could not.
---@alias agentlanes.AgentStatus "OFFLINE"|"CONNECTING"|"ONLINE"|"ERROR"

---PROCESSING = a turn runs; QUEUED = turns wait.
---@alias agentlanes.AgentActivity "IDLE"|"PROCESSING"|"QUEUED"

---A profile as seen running.
---@class agentlanes.Agent
---@field name agentlanes.ProfileName
---@field type agentlanes.AgentType
---@field profile agentlanes.Profile
---@field status agentlanes.AgentStatus
---@field activity_state agentlanes.AgentActivity
---@field available boolean Whether its program was found.
---@field unavailable_reason? string What is missing and what to do about it.
---@field availability agentlanes.AgentAvailability
---@field path? string Its program, as a session would start it.
---@field version? string As the program tells it. Absent where it was not asked, or has not answered yet.
---@field login agentlanes.LoginState
---@field login_at? agentlanes.Timestamp When its credential file was last written.
---@field capabilities agentlanes.AgentCapability[] What it is known to do, and what its newest session offered.
---@field setup agentlanes.Setup
---@field problem? agentlanes.Problem Why its newest session is not attached.
---@field connected_at? agentlanes.Timestamp When an agent of it last took prompts.
---@field disconnected_at? agentlanes.Timestamp When the last one ended; absent while one is there.
---@field host_machine string
---@field sessions integer Sessions that are not terminated.
---@field health_metrics? agentlanes.HealthMetrics A vital, present in reads.

---What can be chosen of an agent. Only an agent that runs can say it, so this is what the newest session of the profile, or of one that it is a variant of, was offered.
---@class agentlanes.AgentOptions
---@field name agentlanes.ProfileName
---@field choice agentlanes.Choice What the profile chooses.
---@field variants agentlanes.ProfileName[]
---@field offer? agentlanes.Offer Absent where no session of it was attached yet.
---@field session_id? agentlanes.SessionId The session that was offered it.
---@field seen_at? agentlanes.Timestamp

---How an agent is: its processes with all below them, and its turns.
---@class agentlanes.HealthMetrics
---@field cpu_usage number Percent of one processor since it was last looked at; at first, since the start.
---@field memory_usage number MB.
---@field uptime number Seconds since its oldest process started.
---@field commands_processed integer Turns that ended.
---@field average_response_time number Milliseconds of a turn on average, without the time in which it waited for decisions.

---How one session's agent is.
---@class agentlanes.SessionVitals
---@field session_id agentlanes.SessionId
---@field process_id agentlanes.ProcessId
---@field cpu_usage number Percent of one processor.
---@field memory_usage number MB.
---@field uptime number Seconds.
---@field processes integer The agent's own and all below it.
---@field last_heartbeat_at? agentlanes.Timestamp Last frame or byte of the agent.

---How an agent is now.
---@class agentlanes.AgentVitals
---@field name agentlanes.ProfileName
---@field health_metrics agentlanes.HealthMetrics
---@field sessions agentlanes.SessionVitals[]

---What to stop: all agents, of one workspace where the envelope names it, of one profile where it is named here.
---@class agentlanes.AgentStopAll
---@field profile? agentlanes.ProfileName Only the agents of this profile; shells and other agents of their lanes go on.
---@field reason? string Told wherever something ended because of it.

---Which profile.
---@class agentlanes.ProfileRef
---@field name agentlanes.ProfileName

---One profile.
---@class agentlanes.ProfileState
---@field profile agentlanes.Profile

---All profiles.
---@class agentlanes.ProfilePage
---@field profiles agentlanes.Profile[]
---@field problems agentlanes.Problem[] What is wrong in the config file; profiles that are right still work.

---One agent.
---@class agentlanes.AgentState
---@field agent agentlanes.Agent

---All agents.
---@class agentlanes.AgentPage
---@field agents agentlanes.Agent[]

---Id of a constraint.
---@alias agentlanes.ConstraintId string

---Id or name of a constraint of the workspace; `default` takes a choice back.
---@alias agentlanes.ConstraintName string

---Milliseconds that a turn may run; the time in which it waits for a decision does not count.
---@alias agentlanes.TimeLimit integer

---Tokens that a turn may take: what its requests read, cached or not, and wrote, as the agent counts while the turn runs. Where it tells only how full its context is, that counts: each request reads all of it, earlier turns too, so at least so much was taken. Who counts only at the turn's end is not stopped.
---@alias agentlanes.TokenBudget integer

---Money that a turn may take, where the agent reports its cost in this currency while the turn runs; who reports it only at the turn's end is not stopped.
---@class agentlanes.CostLimit
---@field amount number
---@field currency string ISO 4217.

---MiB of memory that the agent's process and all below it may hold together while the turn runs.
---@alias agentlanes.MemoryLimit integer

---Percent of one processor that the agent's process and all below it may use together, on average over 10 s; 400 = four processors.
---@alias agentlanes.CpuLimit integer

---Milliseconds in which a running turn may show no progress; waiting for a decision does not count.
---@alias agentlanes.SilenceLimit integer

---A limit.
---@alias agentlanes.LimitName "time_limit_ms"|"token_budget"|"cost_limit"|"memory_limit_mb"|"cpu_limit_percent"|"silence_limit_ms"

---A constraint. A limit that is absent limits nothing.
---@class agentlanes.Constraint
---@field constraint_id agentlanes.ConstraintId
---@field workspace_id agentlanes.WorkspaceId
---@field name agentlanes.Name Unique in the workspace.
---@field description? string
---@field time_limit_ms? agentlanes.TimeLimit
---@field token_budget? agentlanes.TokenBudget
---@field cost_limit? agentlanes.CostLimit
---@field memory_limit_mb? agentlanes.MemoryLimit
---@field cpu_limit_percent? agentlanes.CpuLimit
---@field silence_limit_ms? agentlanes.SilenceLimit
---@field is_default boolean Used where nothing else was chosen; one constraint of a workspace at most.
---@field created_at agentlanes.Timestamp
---@field updated_at agentlanes.Timestamp

---The limits that a turn began with; a later change of their constraint changes nothing for it.
---@class agentlanes.Limits
---@field constraint_id agentlanes.ConstraintId
---@field name agentlanes.Name The constraint's name when the turn began.
---@field time_limit_ms? agentlanes.TimeLimit
---@field token_budget? agentlanes.TokenBudget
---@field cost_limit? agentlanes.CostLimit
---@field memory_limit_mb? agentlanes.MemoryLimit
---@field cpu_limit_percent? agentlanes.CpuLimit
---@field silence_limit_ms? agentlanes.SilenceLimit
---@field unenforced? agentlanes.LimitName[] Those that nobody can enforce for this turn.
---@field unenforced_reason? string Why, and what to do about it.

---A new constraint.
---@class agentlanes.ConstraintCreate
---@field constraint_id? agentlanes.ConstraintId Chosen by the client, or by the server where absent.
---@field name agentlanes.Name
---@field description? string
---@field time_limit_ms? agentlanes.TimeLimit
---@field token_budget? agentlanes.TokenBudget
---@field cost_limit? agentlanes.CostLimit
---@field memory_limit_mb? agentlanes.MemoryLimit
---@field cpu_limit_percent? agentlanes.CpuLimit
---@field silence_limit_ms? agentlanes.SilenceLimit
---@field is_default? boolean The default until now is none any more.

---What changes; the rest stays. An empty description clears it.
---@class agentlanes.ConstraintUpdate
---@field constraint_id agentlanes.ConstraintId
---@field name? agentlanes.Name
---@field description? string
---@field time_limit_ms? agentlanes.TimeLimit
---@field token_budget? agentlanes.TokenBudget
---@field cost_limit? agentlanes.CostLimit
---@field memory_limit_mb? agentlanes.MemoryLimit
---@field cpu_limit_percent? agentlanes.CpuLimit
---@field silence_limit_ms? agentlanes.SilenceLimit
---@field clear? agentlanes.LimitName[] Limits that are taken away.
---@field is_default? boolean The default until now is none any more.

---Which constraint.
---@class agentlanes.ConstraintRef
---@field constraint_id agentlanes.ConstraintId

---Which constraints.
---@class agentlanes.ConstraintList
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One constraint as it is now.
---@class agentlanes.ConstraintState
---@field constraint agentlanes.Constraint

---Constraints in order of creation.
---@class agentlanes.ConstraintPage
---@field constraints agentlanes.Constraint[]
---@field next_cursor? agentlanes.Cursor

---Id of an emergency stop.
---@alias agentlanes.StopId string

---stopped = nothing of what it stopped lives, whatever that left behind included; survivor_pids name the exceptions.
---@alias agentlanes.StopStatus "stopping"|"stopped"

---An emergency stop. Sessions are detached, not terminated: their conversations can go on.
---@class agentlanes.Stop
---@field stop_id agentlanes.StopId
---@field workspace_id? agentlanes.WorkspaceId The only workspace that it is about; all where absent.
---@field profile? agentlanes.ProfileName The only profile that it is about; all where absent.
---@field reason? string
---@field actor string
---@field status agentlanes.StopStatus
---@field lane_ids agentlanes.LaneId[] Lanes of which every process is ended, shells too; none where a profile is named.
---@field session_ids agentlanes.SessionId[] Sessions whose agents are ended.
---@field process_ids agentlanes.ProcessId[] Processes that ran, or were being started.
---@field terminal_ids agentlanes.TerminalId[] Terminals that are closed.
---@field interrupted_turn_ids agentlanes.TurnId[] Turns that are cut.
---@field canceled_turn_ids agentlanes.TurnId[] Queued turns that are taken back, so that nothing of it starts by itself later.
---@field survivor_pids? integer[] System ids of processes that would not die within 10 s of being killed; absent where all of it is dead.
---@field operation? agentlanes.Operation
---@field created_at agentlanes.Timestamp
---@field ended_at? agentlanes.Timestamp

---Which emergency stop.
---@class agentlanes.StopRef
---@field stop_id agentlanes.StopId

---What an emergency stop came to.
---@class agentlanes.StopSettle
---@field stop_id agentlanes.StopId
---@field survivor_pids? integer[] System ids of processes that would not die.

---Which emergency stops.
---@class agentlanes.StopList
---@field status? agentlanes.StopStatus
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One emergency stop as it is now.
---@class agentlanes.StopState
---@field stop agentlanes.Stop

---Emergency stops in order of time.
---@class agentlanes.StopPage
---@field stops agentlanes.Stop[]
---@field next_cursor? agentlanes.Cursor

---Id of a harness.
---@alias agentlanes.HarnessId string

---healthy = it answers and has models; degraded = it answers and cannot serve; unavailable = it does not answer.
---@alias agentlanes.HarnessHealth "healthy"|"degraded"|"unavailable"

---What is wrong: refused = another status than 200; overloaded = 503; cooling_down = 429; flapping = it comes and goes.
---@alias agentlanes.HarnessFault "not_checked"|"not_configured"|"unreachable"|"timeout"|"garbage"|"refused"|"unauthorized"|"overloaded"|"cooling_down"|"no_models"|"flapping"|string

---What told it: a probe, a probe before a prompt, what an agent met in its turn, the config file.
---@alias agentlanes.HarnessSource "interval"|"on_demand"|"turn"|"config"|string

---The route of every session while the harness is not healthy.
---@alias agentlanes.FallbackTransport "native_openai"

---Health of the harness. It changes when its status or its fault does, not with every check.
---@class agentlanes.HarnessStatus
---@field harness_id agentlanes.HarnessId
---@field url string Where it listens, without credentials.
---@field status agentlanes.HarnessHealth
---@field fault? agentlanes.HarnessFault Absent while it is healthy.
---@field degrade_reason? string The same for people, with what would help; absent while it is healthy.
---@field fallback_transport agentlanes.FallbackTransport
---@field previous? agentlanes.HarnessHealth Its status before the last change.
---@field source agentlanes.HarnessSource
---@field changed_at agentlanes.Timestamp
---@field last_check_at? agentlanes.Timestamp The check that changed it; in harness.status.get the newest one, as a vital.

---How to look.
---@class agentlanes.HarnessGet
---@field fresh? boolean Probe it first, and wait for what it answers.

---The harness as it is known.
---@class agentlanes.HarnessState
---@field harness agentlanes.HarnessStatus

---What was found out about the harness.
---@class agentlanes.HarnessSettle
---@field url string
---@field status agentlanes.HarnessHealth
---@field fault? agentlanes.HarnessFault
---@field degrade_reason? string
---@field source agentlanes.HarnessSource

---Id of a switch of the renderer mode.
---@alias agentlanes.SwitchId string

---failed = everything is as it was before: the mode, and what every peer gets.
---@alias agentlanes.SwitchStatus "switching"|"succeeded"|"failed"

---One switch of the renderer mode. The mode is another one only when it has succeeded.
---@class agentlanes.RendererSwitch
---@field switch_id agentlanes.SwitchId
---@field workspace_id agentlanes.WorkspaceId
---@field lane_id? agentlanes.LaneId
---@field terminal_id? agentlanes.TerminalId The terminal that it is about; where absent the workspace, and all its terminals that have no mode of their own.
---@field from_mode agentlanes.RendererMode
---@field to_mode agentlanes.RendererMode
---@field status agentlanes.SwitchStatus
---@field operation? agentlanes.Operation
---@field problem? agentlanes.Problem Why it failed.
---@field created_at agentlanes.Timestamp
---@field ended_at? agentlanes.Timestamp

---Which mode; the envelope's terminal_id says of which terminal, its workspace_id alone of which workspace.
---@class agentlanes.RendererSwitchTo
---@field mode agentlanes.RendererMode

---One switch as it is now.
---@class agentlanes.RendererState
---@field renderer agentlanes.RendererSwitch

---How a switch ended.
---@class agentlanes.RendererSettle
---@field switch_id agentlanes.SwitchId
---@field problem? agentlanes.Problem

---A mode, and whether this server can do it.
---@class agentlanes.RendererOffer
---@field mode agentlanes.RendererMode
---@field available boolean
---@field engine? string What renders, with its version.
---@field problem? string Why it is not available, and what would help.

---Bounds of rendered screens.
---@class agentlanes.RendererLimits
---@field cells integer Of one screen; a larger terminal is rendered with fewer rows.
---@field history_lines integer Lines kept above a screen.
---@field frames_per_second integer A peer gets no more of one screen; what lies between is left out.
---@field screens integer Terminals that are rendered at the same time.

---What can be rendered, and how it is handed out now.
---@class agentlanes.RendererCapabilities
---@field modes agentlanes.RendererOffer[]
---@field active_renderer_mode? agentlanes.RendererMode Of the terminal or the workspace that the envelope names.
---@field hot_swap_supported boolean Whether a switch reaches attached peers without a new attach.
---@field limits agentlanes.RendererLimits

---A colour as #rrggbb, or its number in the palette of 256; the first 16 are the reader's own.
---@alias agentlanes.ScreenColor string

---How text is underlined.
---@alias agentlanes.ScreenUnderline "single"|"double"|"curly"|"dotted"|"dashed"|string

---Text of one line with the same attributes; an attribute that is absent is not set.
---@class agentlanes.ScreenRun
---@field text string
---@field cells integer Its width; wide characters take two.
---@field fg? agentlanes.ScreenColor
---@field bg? agentlanes.ScreenColor
---@field underline? agentlanes.ScreenUnderline
---@field underline_color? agentlanes.ScreenColor
---@field bold? boolean
---@field faint? boolean
---@field italic? boolean
---@field blink? boolean
---@field inverse? boolean
---@field invisible? boolean
---@field strikethrough? boolean
---@field overline? boolean

---One line as it is now; what it held before is gone.
---@class agentlanes.ScreenLine
---@field row integer From the top, from 0.
---@field runs agentlanes.ScreenRun[] From the left; blanks at the end are left out.

---How the cursor looks.
---@alias agentlanes.CursorShape "block"|"bar"|"underline"|string

---Where the next character goes.
---@class agentlanes.ScreenCursor
---@field row integer
---@field col integer In cells.
---@field visible boolean
---@field shape agentlanes.CursorShape
---@field blinking boolean

---What a terminal shows.
---@class agentlanes.Screen
---@field offset agentlanes.Offset The screen after this many bytes of the terminal's output.
---@field cols agentlanes.Columns
---@field rows agentlanes.Rows
---@field title string As the program set it; empty where it did not.
---@field cursor agentlanes.ScreenCursor
---@field alternate boolean A full-screen program shows itself; what was there before comes back.
---@field application_cursor_keys boolean The program expects arrow keys as ESC O A and not as ESC [ A.
---@field bracketed_paste boolean The program wants to be told what is pasted.
---@field mouse_tracking boolean The program wants to be told of the mouse.
---@field history_lines integer Lines above the screen that can be read.
---@field lines agentlanes.ScreenLine[] Every line of a whole screen, otherwise those that changed.

---failure = refused, or failed later.
---@alias agentlanes.AuditResult "success"|"failure"

---What a record is of, where it is one to look for.
---@alias agentlanes.AuditKind "EMERGENCY_STOP"|"TOKEN_LIMIT_EXCEEDED"|"TIME_LIMIT_EXCEEDED"|"COST_LIMIT_EXCEEDED"|string

---A record.
---@class agentlanes.AuditEvent
---@field audit_event_id agentlanes.AuditEventId
---@field correlation_id agentlanes.CorrelationId
---@field event_type agentlanes.Topic The command's method.
---@field kind? agentlanes.AuditKind
---@field actor string
---@field result agentlanes.AuditResult
---@field details agentlanes.Metadata Context ids, position of the log, and the problem's code and message.
---@field recorded_at agentlanes.Timestamp

---Which records, newest last.
---@class agentlanes.AuditList
---@field correlation_id? agentlanes.CorrelationId
---@field result? agentlanes.AuditResult
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit

---One record.
---@class agentlanes.AuditState
---@field audit_event agentlanes.AuditEvent

---Records in order of time.
---@class agentlanes.AuditPage
---@field audit_events agentlanes.AuditEvent[]
---@field next_cursor? agentlanes.Cursor

---LLM_PROMPT = the turn itself, the root; TOOL_CALL = a tool that the agent used; RESPONSE = something that it said or thought.
---@alias agentlanes.TraceType "LLM_PROMPT"|"TOOL_CALL"|"RESPONSE"

---One node of the tree.
---@class agentlanes.TraceEntry
---@field id string Of a prompt the turn's id, otherwise the item's.
---@field command_id agentlanes.TurnId The turn that it belongs to.
---@field agent_id agentlanes.ProfileName The agent, which is known by its profile.
---@field parent_id? string The entry that it is part of; absent at the root.
---@field type agentlanes.TraceType
---@field name string What to show it as.
---@field content table<string, any> LLM_PROMPT: prompt, model. TOOL_CALL: tool, args, result. RESPONSE: content.
---@field started_at agentlanes.Timestamp
---@field completed_at? agentlanes.Timestamp
---@field duration_ms? integer
---@field tokens_used? integer As far as the agent counts them: all of a turn at its root.
---@field error? string Why it failed.
---@field metadata table<string, any> What else is known: status, kind of the item, usage, locations, ids of the agent's own.

---Of which turn, or with session_id in the envelope of which session.
---@class agentlanes.TraceList
---@field turn_id? agentlanes.TurnId
---@field cursor? agentlanes.Cursor
---@field limit? agentlanes.Limit Turns at most; 20 where absent.

---Trees in the order in which their turns were asked for; in each, every entry stands after its parent.
---@class agentlanes.TracePage
---@field traces agentlanes.TraceEntry[]
---@field next_cursor? agentlanes.Cursor

---The method's payload and its result's.
---@class agentlanes.Calls
---@field ["protocol.describe"] fun(payload: agentlanes.Empty): agentlanes.Description The schema, methods, topics, machines and errors of this server.
---@field ["server.status"] fun(payload: agentlanes.Empty): agentlanes.ServerStatus How the server is and who is connected.
---@field ["server.stop"] fun(payload: agentlanes.ServerStop): agentlanes.Empty Stops the server; agents and terminals go on in their runners.
---@field ["event.subscribe"] fun(payload: agentlanes.EventSubscribe): agentlanes.Subscription Starts, or moves, this peer's stream of events.
---@field ["event.unsubscribe"] fun(payload: agentlanes.Empty): agentlanes.Empty Ends this peer's stream of events.
---@field ["event.list"] fun(payload: agentlanes.EventList): agentlanes.EventPage Reads events of the log by position.
---@field ["workspace.create"] fun(payload: agentlanes.WorkspaceCreate): agentlanes.WorkspaceState Makes a workspace.
---@field ["workspace.open"] fun(payload: agentlanes.Empty): agentlanes.WorkspaceState Opens a workspace that exists; one that was closed becomes active.
---@field ["workspace.update"] fun(payload: agentlanes.WorkspaceUpdate): agentlanes.WorkspaceState Changes name, root paths or metadata.
---@field ["workspace.close"] fun(payload: agentlanes.Empty): agentlanes.WorkspaceState Closes a workspace; its lanes, sessions and terminals go on.
---@field ["workspace.delete"] fun(payload: agentlanes.Empty): agentlanes.WorkspaceState Forgets a workspace whose lanes are all closed.
---@field ["workspace.list"] fun(payload: agentlanes.WorkspaceList): agentlanes.WorkspacePage Lists workspaces.
---@field ["workspace.get"] fun(payload: agentlanes.Empty): agentlanes.WorkspaceState One workspace.
---@field ["repo.add"] fun(payload: agentlanes.RepoAdd): agentlanes.RepoState Adds a git repository to a workspace.
---@field ["repo.update"] fun(payload: agentlanes.RepoUpdate): agentlanes.RepoState Changes a repo's settings.
---@field ["repo.remove"] fun(payload: agentlanes.RepoRef): agentlanes.RepoState Forgets a repo that no open lane uses; nothing on disk changes.
---@field ["repo.list"] fun(payload: agentlanes.RepoList): agentlanes.RepoPage Lists the repos of a workspace.
---@field ["repo.get"] fun(payload: agentlanes.RepoRef): agentlanes.RepoState One repo.
---@field ["repo.branches"] fun(payload: agentlanes.RepoRef): agentlanes.BranchPage The repo's local branches.
---@field ["lane.create"] fun(payload: agentlanes.LaneCreate): agentlanes.LaneState Makes a lane; its worktree follows, then what its repo copies and sets up, then lane.created.
---@field ["lane.start"] fun(payload: agentlanes.LaneStart): agentlanes.LaneStarted Starts work in one step: finds or makes workspace and repo, makes a lane and a session in it, and queues the prompt, all or nothing. The turn begins when the lane is ready.
---@field ["lane.attach"] fun(payload: agentlanes.Empty): agentlanes.LaneState Brings a lane's worktree back: checks one that should be there, restores one that was removed.
---@field ["lane.update"] fun(payload: agentlanes.LaneUpdate): agentlanes.LaneState Changes name, profile, constraint, pin, permission mode or rules.
---@field ["lane.commit"] fun(payload: agentlanes.LaneCommit): agentlanes.LaneState Commits what is in the lane, on its branch; lane.committed follows.
---@field ["lane.merge"] fun(payload: agentlanes.LaneMerge): agentlanes.LaneState Merges the lane into its target branch; lane.merged follows.
---@field ["lane.cleanup"] fun(payload: agentlanes.LaneCleanup): agentlanes.LaneState Stops the lane's processes, runs its repo's cleanup and removes its worktree; refused while it holds work that exists nowhere else.
---@field ["lane.delete"] fun(payload: agentlanes.Empty): agentlanes.LaneState Forgets a closed lane; its log stays.
---@field ["lane.diff"] fun(payload: agentlanes.LaneDiff): agentlanes.LaneDiffResult What the lane changed against the merge base with its target.
---@field ["lane.list"] fun(payload: agentlanes.LaneList): agentlanes.LanePage Lists lanes.
---@field ["lane.get"] fun(payload: agentlanes.Empty): agentlanes.LaneState One lane.
---@field ["session.create"] fun(payload: agentlanes.SessionCreate): agentlanes.SessionState Makes a session and, unless told otherwise, starts its agent.
---@field ["session.attach"] fun(payload: agentlanes.Empty): agentlanes.SessionState Starts the session's agent and continues the conversation.
---@field ["session.detach"] fun(payload: agentlanes.Empty): agentlanes.SessionState Stops the session's agent; the session can be attached again.
---@field ["session.terminate"] fun(payload: agentlanes.Empty): agentlanes.SessionState Ends the session: its agent, its terminals, its queue. What it said stays.
---@field ["session.rewind"] fun(payload: agentlanes.SessionRewind): agentlanes.SessionState Takes back a turn and all after it: the agent goes on from before them. Its files stay as they are.
---@field ["session.update"] fun(payload: agentlanes.SessionUpdate): agentlanes.SessionState Changes the title, what is chosen of the agent's settings, or the preferred transport.
---@field ["session.delete"] fun(payload: agentlanes.Empty): agentlanes.SessionState Forgets a terminated session; its log stays.
---@field ["session.list"] fun(payload: agentlanes.SessionList): agentlanes.SessionPage Lists sessions.
---@field ["session.get"] fun(payload: agentlanes.Empty): agentlanes.SessionState One session.
---@field ["turn.create"] fun(payload: agentlanes.TurnCreate): agentlanes.TurnState Prompts a session. A detached session is attached first; a busy one queues the turn.
---@field ["turn.cancel"] fun(payload: agentlanes.TurnRef): agentlanes.TurnState Takes a queued turn out of the queue.
---@field ["turn.interrupt"] fun(payload: agentlanes.TurnRef): agentlanes.TurnState Asks the agent to stop the running turn; turn.interrupted follows.
---@field ["turn.steer"] fun(payload: agentlanes.TurnSteer): agentlanes.TurnState Gives the running turn further input, where the agent takes it.
---@field ["turn.replace"] fun(payload: agentlanes.TurnReplace): agentlanes.TurnReplaced Interrupts a turn and puts a new one at the head of the queue, both or none. A turn that ended meanwhile is left as it ended, and the new one runs next.
---@field ["turn.move"] fun(payload: agentlanes.TurnMove): agentlanes.TurnState Changes the place of a queued turn.
---@field ["turn.update"] fun(payload: agentlanes.TurnUpdate): agentlanes.TurnState Edits a queued turn, or marks a finished one as seen.
---@field ["turn.list"] fun(payload: agentlanes.TurnList): agentlanes.TurnPage Lists the turns of a session, a lane or a workspace.
---@field ["turn.get"] fun(payload: agentlanes.TurnRef): agentlanes.TurnState One turn.
---@field ["item.list"] fun(payload: agentlanes.ItemList): agentlanes.ItemPage Lists the items of a turn or a session.
---@field ["item.get"] fun(payload: agentlanes.ItemRef): agentlanes.ItemState One item.
---@field ["process.list"] fun(payload: agentlanes.ProcessList): agentlanes.ProcessPage Lists processes.
---@field ["process.get"] fun(payload: agentlanes.ProcessRef): agentlanes.ProcessState One process.
---@field ["process.read"] fun(payload: agentlanes.ProcessRead): agentlanes.TapeChunk Reads a process' tape.
---@field ["terminal.spawn"] fun(payload: agentlanes.TerminalSpawn): agentlanes.TerminalState Starts a program on a PTY in a lane; terminal.spawned follows.
---@field ["terminal.close"] fun(payload: agentlanes.TerminalClose): agentlanes.TerminalState Ends the terminal's processes; terminal.closed follows.
---@field ["terminal.update"] fun(payload: agentlanes.TerminalUpdate): agentlanes.TerminalState Changes the title.
---@field ["terminal.delete"] fun(payload: agentlanes.Empty): agentlanes.TerminalState Forgets a closed terminal and its tape.
---@field ["terminal.attach"] fun(payload: agentlanes.TerminalAttach): agentlanes.TerminalAttachment Sends this peer the terminal's output from an offset on, or its screen.
---@field ["terminal.detach"] fun(payload: agentlanes.Empty): agentlanes.Empty Ends this peer's output of the terminal.
---@field ["terminal.ack"] fun(payload: agentlanes.TerminalAck): agentlanes.Empty Returns credit for output that was consumed.
---@field ["terminal.input"] fun(payload: agentlanes.TerminalInput): agentlanes.Empty Types into the terminal.
---@field ["terminal.resize"] fun(payload: agentlanes.TerminalResize): agentlanes.TerminalSize Changes the terminal's size.
---@field ["terminal.signal"] fun(payload: agentlanes.TerminalSignal): agentlanes.Empty Sends a signal to the terminal's foreground processes.
---@field ["terminal.read"] fun(payload: agentlanes.TerminalRead): agentlanes.TapeChunk Reads the terminal's tape.
---@field ["terminal.render"] fun(payload: agentlanes.TerminalRender): agentlanes.TerminalScreen Renders what the terminal shows now.
---@field ["terminal.list"] fun(payload: agentlanes.TerminalList): agentlanes.TerminalPage Lists terminals.
---@field ["terminal.get"] fun(payload: agentlanes.Empty): agentlanes.TerminalState One terminal.
---@field ["approval.request"] fun(payload: agentlanes.ApprovalRequest): agentlanes.ApprovalState Asks for a session's agent whether it may use a tool of ours, unless the policy decides. The same again in the same turn asks nobody twice: it tells what became of it, and a decision is told once.
---@field ["approval.resolve"] fun(payload: agentlanes.ApprovalResolve): agentlanes.ApprovalState Decides. The first decision wins; a later one is refused and told the first.
---@field ["approval.list"] fun(payload: agentlanes.ApprovalList): agentlanes.ApprovalPage Lists approvals.
---@field ["approval.get"] fun(payload: agentlanes.ApprovalRef): agentlanes.ApprovalState One approval.
---@field ["grant.list"] fun(payload: agentlanes.GrantList): agentlanes.GrantPage Lists grants.
---@field ["grant.get"] fun(payload: agentlanes.GrantRef): agentlanes.GrantState One grant.
---@field ["grant.revoke"] fun(payload: agentlanes.GrantRef): agentlanes.GrantState Ends a grant; what it decided stays decided.
---@field ["prompt.create"] fun(payload: agentlanes.PromptCreate): agentlanes.PromptReceipt Prompts several sessions in one step; what one of them refuses the others still take.
---@field ["profile.list"] fun(payload: agentlanes.Empty): agentlanes.ProfilePage Lists profiles.
---@field ["profile.get"] fun(payload: agentlanes.ProfileRef): agentlanes.ProfileState One profile.
---@field ["agent.list"] fun(payload: agentlanes.Empty): agentlanes.AgentPage Lists agents with their availability and status.
---@field ["agent.options"] fun(payload: agentlanes.ProfileRef): agentlanes.AgentOptions What can be chosen of an agent: modes, models, efforts, commands, as its newest session was offered them.
---@field ["agent.get"] fun(payload: agentlanes.ProfileRef): agentlanes.AgentState One agent.
---@field ["agent.stop_all"] fun(payload: agentlanes.AgentStopAll): agentlanes.StopState Emergency stop: ends the agents, cancels their queues and closes terminals; stop.ended follows when no process lives. Until then they take no prompt (OPERATION_IN_PROGRESS).
---@field ["constraint.create"] fun(payload: agentlanes.ConstraintCreate): agentlanes.ConstraintState Makes a constraint.
---@field ["constraint.update"] fun(payload: agentlanes.ConstraintUpdate): agentlanes.ConstraintState Changes a constraint. Turns that run keep the limits that they began with.
---@field ["constraint.delete"] fun(payload: agentlanes.ConstraintRef): agentlanes.ConstraintState Forgets a constraint that no open lane, session or queued turn has chosen.
---@field ["constraint.list"] fun(payload: agentlanes.ConstraintList): agentlanes.ConstraintPage Lists the constraints of a workspace.
---@field ["constraint.get"] fun(payload: agentlanes.ConstraintRef): agentlanes.ConstraintState One constraint.
---@field ["stop.list"] fun(payload: agentlanes.StopList): agentlanes.StopPage Lists emergency stops.
---@field ["stop.get"] fun(payload: agentlanes.StopRef): agentlanes.StopState One emergency stop.
---@field ["harness.status.get"] fun(payload: agentlanes.HarnessGet): agentlanes.HarnessState Health of the harness, and why sessions are not routed through it.
---@field ["renderer.capabilities"] fun(payload: agentlanes.Empty): agentlanes.RendererCapabilities Says which renderer modes there are, with their bounds.
---@field ["renderer.switch"] fun(payload: agentlanes.RendererSwitchTo): agentlanes.RendererState Changes how a terminal, or a workspace's terminals, are handed out; renderer.switch.succeeded or renderer.switch.failed follows.
---@field ["audit.list"] fun(payload: agentlanes.AuditList): agentlanes.AuditPage Lists audit records.
---@field ["trace.list"] fun(payload: agentlanes.TraceList): agentlanes.TracePage The tree of a turn, or of each turn of a session.

---The topic's payload.
---@class agentlanes.Payloads
---@field ["event.gap"] agentlanes.Gap A part of the log is missing from this peer's stream.
---@field ["workspace.created"] agentlanes.WorkspaceState A workspace was made.
---@field ["workspace.opened"] agentlanes.WorkspaceState A workspace was opened.
---@field ["workspace.updated"] agentlanes.WorkspaceState A workspace was changed.
---@field ["workspace.closed"] agentlanes.WorkspaceState A workspace was closed.
---@field ["workspace.deleted"] agentlanes.WorkspaceState A workspace was forgotten.
---@field ["repo.added"] agentlanes.RepoState A repo was added.
---@field ["repo.updated"] agentlanes.RepoState A repo was changed.
---@field ["repo.removed"] agentlanes.RepoState A repo was forgotten.
---@field ["lane.create.started"] agentlanes.LaneState The lane exists; its worktree is being made.
---@field ["lane.created"] agentlanes.LaneState The lane is ready.
---@field ["lane.create.failed"] agentlanes.LaneState The worktree could not be made or set up.
---@field ["lane.attach.started"] agentlanes.LaneState The lane's worktree is being checked or restored.
---@field ["lane.attached"] agentlanes.LaneState The lane's worktree is there.
---@field ["lane.attach.failed"] agentlanes.LaneState The lane's worktree could not be brought back.
---@field ["lane.commit.started"] agentlanes.LaneState A commit is being made.
---@field ["lane.committed"] agentlanes.LaneState The lane's branch has a new commit, or nothing was left to commit.
---@field ["lane.commit.failed"] agentlanes.LaneState The commit could not be made.
---@field ["lane.merge.started"] agentlanes.LaneState The lane is being merged.
---@field ["lane.merged"] agentlanes.LaneState The target branch contains the lane.
---@field ["lane.merge.failed"] agentlanes.LaneState The lane could not be merged.
---@field ["lane.cleanup.started"] agentlanes.LaneState The lane is being stopped and removed.
---@field ["lane.cleaned"] agentlanes.LaneState The lane is closed.
---@field ["lane.cleanup.failed"] agentlanes.LaneState The lane was not removed.
---@field ["lane.state.changed"] agentlanes.LaneState A turn started, waits or ended, or the worktree vanished.
---@field ["lane.updated"] agentlanes.LaneState The lane's settings changed.
---@field ["lane.deleted"] agentlanes.LaneState The lane was forgotten.
---@field ["session.created"] agentlanes.SessionState A session was made.
---@field ["session.attach.started"] agentlanes.SessionState The agent is being started.
---@field ["session.attached"] agentlanes.SessionState The agent takes prompts.
---@field ["session.attach.failed"] agentlanes.SessionState The agent could not be started or refused.
---@field ["session.detach.started"] agentlanes.SessionState The agent is being stopped.
---@field ["session.detached"] agentlanes.SessionState The agent ended; the session can be attached again.
---@field ["session.rewind.started"] agentlanes.SessionState Turns are being taken back.
---@field ["session.rewound"] agentlanes.SessionState The turns were taken back; the agent goes on from before them when it is attached.
---@field ["session.terminate.started"] agentlanes.SessionState The session is being ended.
---@field ["session.terminated"] agentlanes.SessionState The session is over.
---@field ["session.terminate.failed"] agentlanes.SessionState The session could not be ended.
---@field ["session.updated"] agentlanes.SessionState Title, activity or agent's id changed.
---@field ["session.deleted"] agentlanes.SessionState The session was forgotten.
---@field ["turn.queued"] agentlanes.TurnState A prompt was taken.
---@field ["turn.started"] agentlanes.TurnState The turn runs.
---@field ["turn.waiting"] agentlanes.TurnState The turn waits for a decision.
---@field ["turn.resumed"] agentlanes.TurnState The turn goes on.
---@field ["turn.completed"] agentlanes.TurnState The agent ended the turn.
---@field ["turn.failed"] agentlanes.TurnState The turn ended with a problem.
---@field ["turn.interrupted"] agentlanes.TurnState The turn was stopped or cut.
---@field ["turn.canceled"] agentlanes.TurnState A queued turn was taken back.
---@field ["turn.updated"] agentlanes.TurnState Something about the turn was noted.
---@field ["item.started"] agentlanes.ItemState An item began.
---@field ["item.updated"] agentlanes.ItemState Something about an item changed other than its growing text.
---@field ["item.completed"] agentlanes.ItemState An item is closed and whole.
---@field ["item.delta"] agentlanes.ItemDelta An item's text grew.
---@field ["process.started"] agentlanes.ProcessState A process runs.
---@field ["process.exited"] agentlanes.ProcessState A process ended.
---@field ["terminal.spawn.started"] agentlanes.TerminalState A terminal is being started.
---@field ["terminal.spawned"] agentlanes.TerminalState The terminal runs.
---@field ["terminal.spawn.failed"] agentlanes.TerminalState The terminal's program could not be started.
---@field ["terminal.state.changed"] agentlanes.TerminalState The terminal's state changed.
---@field ["terminal.close.started"] agentlanes.TerminalState The terminal's processes are being ended.
---@field ["terminal.closed"] agentlanes.TerminalState The terminal's program ended.
---@field ["terminal.updated"] agentlanes.TerminalState The terminal's title or renderer mode changed.
---@field ["terminal.deleted"] agentlanes.TerminalState The terminal was forgotten.
---@field ["terminal.output"] agentlanes.TerminalOutput Output, for peers that attached.
---@field ["terminal.rendered"] agentlanes.TerminalRendered The screen, or what changed on it, for peers that attached in mode_b.
---@field ["terminal.render.ended"] agentlanes.TerminalRenderEnded The screen cannot be rendered any more, for peers that attached in mode_b.
---@field ["terminal.resized"] agentlanes.TerminalResized The size changed, for peers that attached.
---@field ["approval.requested"] agentlanes.ApprovalState A decision is needed.
---@field ["approval.resolved"] agentlanes.ApprovalState It was decided, it expired, or its turn ended.
---@field ["approval.answered"] agentlanes.ApprovalState The agent was told, or is gone.
---@field ["grant.created"] agentlanes.GrantState A decision counts from now on.
---@field ["grant.revoked"] agentlanes.GrantState The grant was revoked, or what it counted for is over.
---@field ["agent.vitals"] agentlanes.AgentVitals How an agent is; at most every 250 ms, for peers whose subscription names agent.vitals or agent.*, because looking costs.
---@field ["constraint.created"] agentlanes.ConstraintState A constraint was made.
---@field ["constraint.updated"] agentlanes.ConstraintState A constraint was changed.
---@field ["constraint.deleted"] agentlanes.ConstraintState A constraint was forgotten.
---@field ["stop.started"] agentlanes.StopState Agents are being stopped.
---@field ["stop.ended"] agentlanes.StopState Nothing of what was stopped lives any more, whatever that left behind included.
---@field ["harness.status.changed"] agentlanes.HarnessState The harness' status or fault changed; the next turn of each session that wants it takes the route that follows.
---@field ["renderer.switch.started"] agentlanes.RendererState The renderer mode is being switched; nothing has changed yet.
---@field ["renderer.switch.succeeded"] agentlanes.RendererState The renderer mode is the new one.
---@field ["renderer.switch.failed"] agentlanes.RendererState The renderer mode is the one that it was.
---@field ["audit.recorded"] agentlanes.AuditState A record was made.
