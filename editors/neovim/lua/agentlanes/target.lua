-- What a command is about: what the cursor is on, what the buffer belongs to, or what the user names or chooses.
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")

local M = {}

---@class agentlanes.Target
---@field lane? agentlanes.Lane
---@field session? agentlanes.Session
---@field turn? agentlanes.Turn
---@field approval? agentlanes.Approval
---@field terminal? agentlanes.Terminal
---@field path? string A changed file, relative to its worktree.

---The lane whose worktree holds a file.
---@param path string
---@return agentlanes.Lane?
---@return agentlanes.Worktree?
function M.lane_of(path)
  for _, lane in ipairs(mirror.list("lane")) do
    for _, worktree in ipairs(lane.worktrees) do
      if lane.status ~= "closed" and vim.startswith(path, worktree.path .. "/") then
        return lane, worktree
      end
    end
  end
end

---What the cursor is on.
---@return agentlanes.Target
function M.find()
  local blocks = require("agentlanes.blocks").of()
  local ids = blocks and blocks:target() or {}
  local here = vim.b.agentlanes or {} ---@type table<string, string>
  local found = { path = ids.path } ---@type agentlanes.Target
  for _, noun in ipairs({ "lane", "session", "turn", "approval", "terminal" }) do
    found[noun] = mirror.get(noun, ids[noun .. "_id"]) or mirror.get(noun, here[noun .. "_id"])
  end
  if not found.lane then
    local path = vim.api.nvim_buf_get_name(0)
    found.lane = M.lane_of(vim.uv.fs_realpath(path) or path)
  end
  return found
end

---@param lane agentlanes.Lane
local function is_open(lane)
  return lane.status ~= "closed"
end

---The lanes that a command may name: those of a workspace where one is meant, all others after them.
---@return agentlanes.Lane[]
function M.lanes()
  local lanes = vim.tbl_filter(is_open, mirror.list("lane"))
  local workspace = require("agentlanes.workspace").find(require("agentlanes.workspace").root())
  if workspace then
    local ours, others = {}, {}
    for _, lane in ipairs(lanes) do
      table.insert(lane.workspace_id == workspace.workspace_id and ours or others, lane)
    end
    return vim.list_extend(ours, others)
  end
  return lanes
end

---@param name string Name or id, or the beginning of a name.
---@return agentlanes.Lane?
function M.named(name)
  local begins ---@type agentlanes.Lane?
  for _, lane in ipairs(mirror.list("lane")) do
    if lane.lane_id == name or lane.name == name then
      return lane
    elseif vim.startswith(lane.name:lower(), name:lower()) then
      begins = begins or lane
    end
  end
  return begins
end

---Hands over the lane that is meant.
---@param name? string
---@param done fun(lane: agentlanes.Lane)
function M.lane(name, done)
  require("agentlanes.connection").ready(function()
    if name and name ~= "" then
      local lane = M.named(name)
      if not lane then
        return notice.fail(("there is no lane %s; :Lanes shows those that there are"):format(name))
      end
      return done(lane)
    end
    local lane = M.find().lane
    local lanes = M.lanes()
    if lane or #lanes == 1 then
      return done(lane or lanes[1])
    elseif #lanes == 0 then
      return notice.fail("there is no lane yet; :Lanes create makes one")
    end
    vim.ui.select(lanes, {
      prompt = "Which lane",
      kind = "agentlanes.lane",
      format_item = function(each)
        return ("%s (%s)"):format(each.name, each.status)
      end,
    }, function(chosen)
      if chosen then
        done(chosen)
      end
    end)
  end)
end

---The sessions of a lane that are not over, oldest first.
---@param lane agentlanes.Lane
---@return agentlanes.Session[]
function M.sessions(lane)
  return vim.tbl_filter(function(session)
    return session.status ~= "terminated"
  end, mirror.list("session", lane.lane_id))
end

---The turn of a session that is under way.
---@param session_id string
---@return agentlanes.Turn?
function M.running(session_id)
  for _, turn in ipairs(mirror.list("turn", session_id)) do
    if turn.status ~= "queued" and not mirror.is_final("turn", turn) then
      return turn
    end
  end
end

---Hands over the session that is meant: the one here, the lane's only one, one that the user chooses, or a new one.
---@param lane agentlanes.Lane
---@param done fun(session: agentlanes.Session)
function M.session(lane, done)
  local here = M.find().session
  if here and here.lane_id == lane.lane_id then
    return done(here)
  end
  local sessions = M.sessions(lane)
  if #sessions == 1 then
    return done(sessions[1])
  elseif #sessions == 0 then
    local ids = { lane_id = lane.lane_id }
    return require("agentlanes.connection").request("session.create", nil, ids, function(problem, made)
      if problem then
        return notice.fail(problem.message)
      end
      done(made.session)
    end)
  end
  vim.ui.select(sessions, {
    prompt = "Which session",
    kind = "agentlanes.session",
    format_item = function(session)
      return ("%s · %s (%s)"):format(session.profile, session.title or "no title yet", session.status)
    end,
  }, function(chosen)
    if chosen then
      done(chosen)
    end
  end)
end

return M
