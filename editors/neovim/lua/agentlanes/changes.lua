-- What lanes changed, as the server last told it. Read again when an agent or the user may have changed a file.
local connection = require("agentlanes.connection")
local mirror = require("agentlanes.mirror")

local M = {}

local SETTLE_MS = 150

local known = {} ---@type table<string, agentlanes.WorktreeDiff[]>
local asked = {} ---@type table<string, true>
local listeners = {} ---@type table<function, true>

---Hears when a lane's changes were read.
---@param listener fun(lane_id: string)
function M.listen(listener)
  listeners[listener] = true
end

---What is known of a lane's changes, one for each worktree. Where nothing is, it is asked for.
---@param lane agentlanes.Lane
---@return agentlanes.WorktreeDiff[]?
function M.get(lane)
  if not known[lane.lane_id] and lane.status ~= "closed" then
    M.refresh(lane.lane_id)
  end
  return known[lane.lane_id]
end

---Reads a lane's changes again.
---@param lane_id string
---@param done? fun(worktrees: agentlanes.WorktreeDiff[]?, problem: lsp.ResponseError?)
function M.refresh(lane_id, done)
  if asked[lane_id] and not done then
    return
  end
  asked[lane_id] = true
  vim.defer_fn(function()
    asked[lane_id] = nil
    connection.request("lane.diff", { context = 0 }, { lane_id = lane_id }, function(problem, found)
      known[lane_id] = problem and {} or found.worktrees
      for listener in pairs(listeners) do
        listener(lane_id)
      end
      if done then
        done(found and found.worktrees, problem)
      end
    end)
  end, done and 0 or SETTLE_MS)
end

mirror.listen(function(change)
  local entity = change.entity
  if change.op == "reset" then
    for lane_id in pairs(known) do
      M.refresh(lane_id)
    end
  elseif entity and entity.lane_id and known[entity.lane_id] then
    if change.noun == "lane" and not entity.operation and entity.status ~= "closed" then
      M.refresh(entity.lane_id)
    elseif
      change.op == "put"
      and change.noun == "item"
      and entity.kind == "tool_call"
      and mirror.is_final("item", entity)
    then
      M.refresh(entity.lane_id)
    end
  end
end)

return M
