-- Tells the user, in one line and without taking the cursor, what has begun to wait for them and what ended unseen.
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local window = require("agentlanes.window")

local M = {}

local known = false

---@param lane_id string
local function name(lane_id)
  local lane = mirror.get("lane", lane_id)
  return lane and lane.name or lane_id
end

---@param session_id string
local function is_shown(session_id)
  local buf = vim.fn.bufnr("^agentlanes://session/" .. session_id .. "$")
  return buf > 0 and window.find(buf) ~= nil
end

---@param change agentlanes.Change
local function hear(change)
  local entity, before = change.entity, change.before
  if change.op == "append" or change.noun == "item" or change.noun == "process" then
    return
  end
  vim.schedule(function()
    vim.cmd("redrawstatus!")
  end)
  if change.op == "reset" and not known then
    known = true
    local waiting = #require("agentlanes.approval").pending()
    if waiting > 0 then
      notice.tell(("%d wait%s for you  (:Lanes approve)"):format(waiting, waiting == 1 and "s" or ""))
    end
  end
  if change.op == "put" and change.noun == "turn" and mirror.is_final("turn", entity) then
    -- An editor may be open for weeks; what is in no transcript is read again when it is wanted.
    if vim.fn.bufnr("^agentlanes://session/" .. entity.session_id .. "$") < 0 then
      mirror.let_go(entity.turn_id)
    end
  end
  if change.op ~= "put" or not require("agentlanes.config").get().notify then
    return
  end
  if change.noun == "approval" and not before and entity.status == "pending" then
    notice.tell(("%s asks: %s  (:Lanes approve)"):format(name(entity.lane_id), entity.title))
  elseif change.noun == "stop" and before and mirror.is_final("stop", entity) and not mirror.is_final("stop", before) then
    local cut, taken = #entity.interrupted_turn_ids, #entity.canceled_turn_ids
    notice.tell(("stopped %d sessions: %d turns cut, %d taken back"):format(#entity.session_ids, cut, taken))
  elseif
    change.noun == "turn"
    and before
    and mirror.is_final("turn", entity)
    and not mirror.is_final("turn", before)
  then
    if entity.status ~= "canceled" and not is_shown(entity.session_id) then
      notice.tell(("%s: the turn is %s"):format(name(entity.lane_id), entity.status))
    end
  end
end

---Begins to listen.
function M.start()
  mirror.listen(hear)
end

return M
