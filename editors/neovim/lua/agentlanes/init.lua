-- What users and other plugins may call. Everything else is reached through :Lanes.
local M = {}

---For a statusline: how many lanes run, and what waits for the user. Empty where nothing is connected.
---
---    vim.o.statusline = "%f %=%{%v:lua.require'agentlanes'.statusline()%}"
---@return string
function M.statusline()
  local counts = M.counts()
  if not counts then
    return ""
  elseif counts.state ~= "connected" then
    return "%#AgentlanesFailed#lanes gone%*"
  end
  local parts = {}
  if counts.running > 0 then
    parts[#parts + 1] = ("%%#AgentlanesRunning#● %d%%*"):format(counts.running)
  end
  if counts.waiting > 0 then
    parts[#parts + 1] = ("%%#AgentlanesWaiting#? %d%%*"):format(counts.waiting)
  end
  if #parts == 0 then
    parts[1] = ("○ %d"):format(counts.lanes)
  end
  return table.concat(parts, " ")
end

---The numbers behind the statusline; nil where nothing was connected yet.
---@return { state: agentlanes.ConnectionState, lanes: integer, running: integer, waiting: integer }?
function M.counts()
  local connection = package.loaded["agentlanes.connection"]
  if not connection or connection.state == "stopped" then
    return nil
  end
  local mirror = require("agentlanes.mirror")
  local counts = { state = connection.state, lanes = 0, running = 0, waiting = 0 }
  for _, lane in ipairs(mirror.list("lane")) do
    counts.lanes = counts.lanes + (lane.status ~= "closed" and 1 or 0)
    counts.running = counts.running + (lane.status == "running" and 1 or 0)
  end
  counts.waiting = #require("agentlanes.approval").pending()
  return counts
end

---Runs a subcommand of :Lanes.
---@param line string As it would follow :Lanes.
function M.run(line)
  require("agentlanes.command").run(line)
end

return M
