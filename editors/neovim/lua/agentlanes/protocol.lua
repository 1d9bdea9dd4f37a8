-- What protocol/v1 says of methods, topics, entities and machines. Written by protocol/generate.py; do not edit.

---@class agentlanes.MethodRow
---@field lifecycle? true correlation_id is required, and the command is audited.
---@field context string[] Ids that the envelope must carry.

---@class agentlanes.TopicRow
---@field noun string
---@field stream? true Bypasses the log.
---@field drops? true The entity is forgotten; otherwise it is put.
---@field phase? "start"|"end" Starts or ends what the envelope's correlation_id began.

---@class agentlanes.EntityRow
---@field id string Name of its id's field.
---@field parent? string Name of its parent's id's field.
---@field plural string Its field of a snapshot.

---@class agentlanes.Machine
---@field field string
---@field edges table<string, string[]>

local M = {}

M.version = "1"

---@type table<string, agentlanes.MethodRow>
M.methods = {
  ["protocol.describe"] = { context = {} },
  ["server.status"] = { context = {} },
  ["server.stop"] = { context = {} },
  ["event.subscribe"] = { context = {} },
  ["event.unsubscribe"] = { context = {} },
  ["event.list"] = { context = {} },
  ["workspace.create"] = { lifecycle = true, context = {} },
  ["workspace.open"] = { lifecycle = true, context = {"workspace_id"} },
  ["workspace.update"] = { lifecycle = true, context = {"workspace_id"} },
  ["workspace.close"] = { lifecycle = true, context = {"workspace_id"} },
  ["workspace.delete"] = { lifecycle = true, context = {"workspace_id"} },
  ["workspace.list"] = { context = {} },
  ["workspace.get"] = { context = {"workspace_id"} },
  ["repo.add"] = { lifecycle = true, context = {"workspace_id"} },
  ["repo.update"] = { lifecycle = true, context = {"workspace_id"} },
  ["repo.remove"] = { lifecycle = true, context = {"workspace_id"} },
  ["repo.list"] = { context = {} },
  ["repo.get"] = { context = {} },
  ["repo.branches"] = { context = {} },
  ["lane.create"] = { lifecycle = true, context = {"workspace_id"} },
  ["lane.attach"] = { lifecycle = true, context = {"lane_id"} },
  ["lane.update"] = { lifecycle = true, context = {"lane_id"} },
  ["lane.commit"] = { lifecycle = true, context = {"lane_id"} },
  ["lane.merge"] = { lifecycle = true, context = {"lane_id"} },
  ["lane.cleanup"] = { lifecycle = true, context = {"lane_id"} },
  ["lane.delete"] = { lifecycle = true, context = {"lane_id"} },
  ["lane.diff"] = { context = {"lane_id"} },
  ["lane.list"] = { context = {} },
  ["lane.get"] = { context = {"lane_id"} },
  ["session.create"] = { lifecycle = true, context = {"lane_id"} },
  ["session.attach"] = { lifecycle = true, context = {"session_id"} },
  ["session.detach"] = { lifecycle = true, context = {"session_id"} },
  ["session.terminate"] = { lifecycle = true, context = {"session_id"} },
  ["session.update"] = { lifecycle = true, context = {"session_id"} },
  ["session.delete"] = { lifecycle = true, context = {"session_id"} },
  ["session.list"] = { context = {} },
  ["session.get"] = { context = {"session_id"} },
  ["turn.create"] = { lifecycle = true, context = {"session_id"} },
  ["turn.cancel"] = { lifecycle = true, context = {} },
  ["turn.interrupt"] = { lifecycle = true, context = {} },
  ["turn.steer"] = { lifecycle = true, context = {} },
  ["turn.replace"] = { lifecycle = true, context = {} },
  ["turn.move"] = { lifecycle = true, context = {} },
  ["turn.update"] = { lifecycle = true, context = {} },
  ["turn.list"] = { context = {} },
  ["turn.get"] = { context = {} },
  ["item.list"] = { context = {} },
  ["item.get"] = { context = {} },
  ["process.list"] = { context = {} },
  ["process.get"] = { context = {} },
  ["process.read"] = { context = {} },
  ["terminal.spawn"] = { lifecycle = true, context = {"lane_id"} },
  ["terminal.close"] = { lifecycle = true, context = {"terminal_id"} },
  ["terminal.update"] = { lifecycle = true, context = {"terminal_id"} },
  ["terminal.delete"] = { lifecycle = true, context = {"terminal_id"} },
  ["terminal.attach"] = { context = {"terminal_id"} },
  ["terminal.detach"] = { context = {"terminal_id"} },
  ["terminal.ack"] = { context = {"terminal_id"} },
  ["terminal.input"] = { context = {"terminal_id"} },
  ["terminal.resize"] = { context = {"terminal_id"} },
  ["terminal.signal"] = { context = {"terminal_id"} },
  ["terminal.read"] = { context = {"terminal_id"} },
  ["terminal.list"] = { context = {} },
  ["terminal.get"] = { context = {"terminal_id"} },
  ["approval.resolve"] = { lifecycle = true, context = {} },
  ["approval.list"] = { context = {} },
  ["approval.get"] = { context = {} },
  ["profile.list"] = { context = {} },
  ["profile.get"] = { context = {} },
  ["agent.list"] = { context = {} },
  ["agent.get"] = { context = {} },
  ["audit.list"] = { context = {} },
}

---@type table<string, agentlanes.TopicRow>
M.topics = {
  ["event.gap"] = { noun = "connection", stream = true },
  ["workspace.created"] = { noun = "workspace" },
  ["workspace.opened"] = { noun = "workspace" },
  ["workspace.updated"] = { noun = "workspace" },
  ["workspace.closed"] = { noun = "workspace" },
  ["workspace.deleted"] = { noun = "workspace", drops = true },
  ["repo.added"] = { noun = "repo" },
  ["repo.updated"] = { noun = "repo" },
  ["repo.removed"] = { noun = "repo", drops = true },
  ["lane.create.started"] = { noun = "lane", phase = "start" },
  ["lane.created"] = { noun = "lane", phase = "end" },
  ["lane.create.failed"] = { noun = "lane", phase = "end" },
  ["lane.attach.started"] = { noun = "lane", phase = "start" },
  ["lane.attached"] = { noun = "lane", phase = "end" },
  ["lane.attach.failed"] = { noun = "lane", phase = "end" },
  ["lane.commit.started"] = { noun = "lane", phase = "start" },
  ["lane.committed"] = { noun = "lane", phase = "end" },
  ["lane.commit.failed"] = { noun = "lane", phase = "end" },
  ["lane.merge.started"] = { noun = "lane", phase = "start" },
  ["lane.merged"] = { noun = "lane", phase = "end" },
  ["lane.merge.failed"] = { noun = "lane", phase = "end" },
  ["lane.cleanup.started"] = { noun = "lane", phase = "start" },
  ["lane.cleaned"] = { noun = "lane", phase = "end" },
  ["lane.cleanup.failed"] = { noun = "lane", phase = "end" },
  ["lane.state.changed"] = { noun = "lane" },
  ["lane.updated"] = { noun = "lane" },
  ["lane.deleted"] = { noun = "lane", drops = true },
  ["session.created"] = { noun = "session" },
  ["session.attach.started"] = { noun = "session", phase = "start" },
  ["session.attached"] = { noun = "session", phase = "end" },
  ["session.attach.failed"] = { noun = "session", phase = "end" },
  ["session.detach.started"] = { noun = "session", phase = "start" },
  ["session.detached"] = { noun = "session" },
  ["session.terminate.started"] = { noun = "session", phase = "start" },
  ["session.terminated"] = { noun = "session", phase = "end" },
  ["session.terminate.failed"] = { noun = "session", phase = "end" },
  ["session.updated"] = { noun = "session" },
  ["session.deleted"] = { noun = "session", drops = true },
  ["turn.queued"] = { noun = "turn" },
  ["turn.started"] = { noun = "turn" },
  ["turn.waiting"] = { noun = "turn" },
  ["turn.resumed"] = { noun = "turn" },
  ["turn.completed"] = { noun = "turn" },
  ["turn.failed"] = { noun = "turn" },
  ["turn.interrupted"] = { noun = "turn" },
  ["turn.canceled"] = { noun = "turn" },
  ["turn.updated"] = { noun = "turn" },
  ["item.started"] = { noun = "item" },
  ["item.updated"] = { noun = "item" },
  ["item.completed"] = { noun = "item" },
  ["item.delta"] = { noun = "item", stream = true },
  ["process.started"] = { noun = "process" },
  ["process.exited"] = { noun = "process" },
  ["terminal.spawn.started"] = { noun = "terminal", phase = "start" },
  ["terminal.spawned"] = { noun = "terminal", phase = "end" },
  ["terminal.spawn.failed"] = { noun = "terminal", phase = "end" },
  ["terminal.state.changed"] = { noun = "terminal" },
  ["terminal.close.started"] = { noun = "terminal", phase = "start" },
  ["terminal.closed"] = { noun = "terminal" },
  ["terminal.updated"] = { noun = "terminal" },
  ["terminal.deleted"] = { noun = "terminal", drops = true },
  ["terminal.output"] = { noun = "terminal", stream = true },
  ["terminal.resized"] = { noun = "terminal", stream = true },
  ["approval.requested"] = { noun = "approval" },
  ["approval.resolved"] = { noun = "approval" },
  ["approval.answered"] = { noun = "approval" },
  ["audit.recorded"] = { noun = "audit", stream = true },
}

---@type table<string, agentlanes.EntityRow>
M.entities = {
  workspace = { id = "workspace_id", plural = "workspaces" },
  repo = { id = "repo_id", parent = "workspace_id", plural = "repos" },
  lane = { id = "lane_id", parent = "workspace_id", plural = "lanes" },
  session = { id = "session_id", parent = "lane_id", plural = "sessions" },
  turn = { id = "turn_id", parent = "session_id", plural = "turns" },
  item = { id = "item_id", parent = "turn_id", plural = "items" },
  process = { id = "process_id", parent = "lane_id", plural = "processes" },
  terminal = { id = "terminal_id", parent = "lane_id", plural = "terminals" },
  approval = { id = "approval_id", parent = "session_id", plural = "approvals" },
}

---@type table<string, agentlanes.Machine>
M.machines = {
  workspace = { field = "status", edges = { ["active"] = {"archived", "error"}, ["archived"] = {"active"}, ["error"] = {"active", "archived"} } },
  lane = { field = "status", edges = { ["new"] = {"provisioning", "closed"}, ["provisioning"] = {"ready", "error", "closed"}, ["ready"] = {"running", "blocked", "error", "closed"}, ["running"] = {"ready", "blocked", "error", "closed"}, ["blocked"] = {"running", "ready", "error", "closed"}, ["error"] = {"provisioning", "closed"}, ["closed"] = {"provisioning"} } },
  session = { field = "status", edges = { ["detached"] = {"attaching", "terminated"}, ["attaching"] = {"attached", "detached", "terminated"}, ["attached"] = {"detached", "terminated"}, ["terminated"] = {} } },
  turn = { field = "status", edges = { ["queued"] = {"running", "canceled"}, ["running"] = {"waiting", "completed", "failed", "interrupted"}, ["waiting"] = {"running", "completed", "failed", "interrupted"}, ["completed"] = {}, ["failed"] = {}, ["interrupted"] = {}, ["canceled"] = {} } },
  item = { field = "status", edges = { ["in_progress"] = {"completed", "failed", "canceled"}, ["completed"] = {}, ["failed"] = {}, ["canceled"] = {} } },
  process = { field = "status", edges = { ["running"] = {"completed", "failed", "killed"}, ["completed"] = {}, ["failed"] = {}, ["killed"] = {} } },
  terminal = { field = "state", edges = { ["idle"] = {"spawning"}, ["spawning"] = {"active", "closed"}, ["active"] = {"throttled", "closed"}, ["throttled"] = {"active", "closed"}, ["closed"] = {} } },
  approval = { field = "status", edges = { ["pending"] = {"approved", "denied", "expired", "canceled"}, ["approved"] = {}, ["denied"] = {}, ["expired"] = {}, ["canceled"] = {} } },
}

return M
