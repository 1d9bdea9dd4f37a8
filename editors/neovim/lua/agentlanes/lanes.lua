-- The lanes buffer: what runs, what waits for the user, what changed.
local Blocks = require("agentlanes.blocks")
local changes = require("agentlanes.changes")
local connection = require("agentlanes.connection")
local folds = require("agentlanes.folds")
local keys = require("agentlanes.keys")
local mirror = require("agentlanes.mirror")
local transcript = require("agentlanes.transcript")
local window = require("agentlanes.window")

local M = {}

local REDRAW_MS = 30
local PREVIEW_ROWS = 12

local LANE_MARKS = {
  new = { "◌", "AgentlanesDim" },
  provisioning = { "◌", "AgentlanesRunning" },
  ready = { "○", "AgentlanesOk" },
  running = { "●", "AgentlanesRunning" },
  blocked = { "?", "AgentlanesWaiting" },
  error = { "✗", "AgentlanesFailed" },
  closed = { "−", "AgentlanesDim" },
}

local SHOWN_KEYS = { { "<CR>", "c", "p", "s" }, { "aa", "ar", "a?" }, { "d", "m", "t", "g?" } }

local blocks ---@type agentlanes.Blocks?
local due = false

---@return agentlanes.Block
local function head_block()
  local counts = { running = 0, blocked = 0 }
  for _, lane in ipairs(mirror.list("lane")) do
    counts[lane.status] = (counts[lane.status] or 0) + 1
  end
  local waiting = #require("agentlanes.approval").pending()
  local state = connection.state
  local row = { { "Lanes ", "AgentlanesTitle" } } ---@type agentlanes.Row
  if state == "connected" then
    vim.list_extend(row, { { "● ", "AgentlanesOk" }, { ("%d running"):format(counts.running + counts.blocked) } })
    if waiting > 0 then
      table.insert(row, { (" · %d wait%s for you"):format(waiting, waiting == 1 and "s" or ""), "AgentlanesWaiting" })
    end
  else
    row[#row + 1] = { state == "waiting" and "the server is gone, trying again" or state, "AgentlanesFailed" }
  end
  local rows = { row }
  for _, shown in ipairs(SHOWN_KEYS) do
    rows[#rows + 1] = keys.row(shown)
  end
  rows[#rows + 1] = { { "" } }
  return { key = "head", order = "0", rows = rows }
end

---@param approval agentlanes.Approval
---@return agentlanes.Block
local function approval_block(approval)
  local lane = mirror.get("lane", approval.lane_id)
  local rows = transcript.approval_rows(approval, "", true)
  table.insert(rows[1], 2, { (lane and lane.name or approval.lane_id) .. ": ", "AgentlanesLane" })
  local preview = {} ---@type agentlanes.Row[]
  if approval.preview and approval.preview.command then
    preview[1] = { { "  $ " .. vim.split(approval.preview.command, "\n")[1] } }
  end
  for _, change in ipairs(approval.preview and approval.preview.changes or {}) do
    vim.list_extend(preview, transcript.change_rows(change, "  "))
  end
  vim.list_extend(rows, preview, 1, math.min(#preview, PREVIEW_ROWS))
  if #preview > PREVIEW_ROWS then
    local left = ("  … %d more lines, "):format(#preview - PREVIEW_ROWS)
    rows[#rows + 1] = { { left, "AgentlanesDim" }, { "d", "AgentlanesKey" }, { " shows them", "AgentlanesDim" } }
  end
  for i, row in ipairs(rows) do
    row.fold = i == 1 and ">1" or "1"
  end
  rows[#rows + 1] = { { "" } }
  return {
    key = approval.approval_id,
    order = "1" .. approval.requested_at .. approval.approval_id,
    rows = rows,
    target = approval,
  }
end

---@param lane agentlanes.Lane
---@return agentlanes.Row?
local function changes_chunk(lane)
  local files, added, deleted = 0, 0, 0
  for _, worktree in ipairs(changes.get(lane) or {}) do
    files = files + #worktree.files
    added, deleted = added + worktree.additions, deleted + worktree.deletions
  end
  if files > 0 then
    return { { "  +" .. added, "AgentlanesAdded" }, { " −" .. deleted, "AgentlanesRemoved" } }
  end
end

---@param session agentlanes.Session
---@return agentlanes.Row
local function session_row(session)
  local queued, status = 0, session.status == "attached" and "idle" or session.status
  local unseen = false
  for _, turn in ipairs(mirror.list("turn", session.session_id)) do
    if turn.status == "queued" then
      queued = queued + 1
    elseif not mirror.is_final("turn", turn) then
      status = turn.status
    elseif not turn.seen then
      unseen = true
    end
  end
  local hl = status == "running" and "AgentlanesRunning"
    or status == "waiting" and "AgentlanesWaiting"
    or "AgentlanesDim"
  local row = { { "    " }, { session.profile, "AgentlanesTool" }, { " " .. status, hl }, fold = "1", target = session } ---@type agentlanes.Row
  if queued > 0 then
    row[#row + 1] = { (" ⧗%d"):format(queued), "AgentlanesKey" }
  end
  if unseen and status ~= "running" and status ~= "waiting" then
    row[#row + 1] = { " ✓ new", "AgentlanesOk" }
  end
  local words = session.activity or session.title
  if session.problem then
    row[#row + 1] = { " " .. session.problem.message, "AgentlanesFailed" }
  elseif words then
    row[#row + 1] = { " " .. words, "AgentlanesDim" }
  end
  return row
end

---@param lane agentlanes.Lane
---@return agentlanes.Block
local function lane_block(lane)
  local mark = LANE_MARKS[lane.status] or { "·", "AgentlanesDim" }
  local row = { { mark[1] .. " ", mark[2] }, { lane.name, "AgentlanesLane" }, { "  " .. lane.status, mark[2] } } ---@type agentlanes.Row
  row.fold = ">1"
  if lane.operation then
    row[#row + 1] = { (" · %s…"):format(lane.operation.kind), "AgentlanesRunning" }
  end
  if lane.permission_mode and lane.permission_mode ~= "supervised" then
    row[#row + 1] = { " · " .. lane.permission_mode, "AgentlanesKey" }
  end
  local constraint = mirror.get("constraint", lane.constraint_id)
  if constraint then
    row[#row + 1] = { " · ≤ " .. constraint.name, "AgentlanesKey" }
  end
  vim.list_extend(row, changes_chunk(lane) or {})
  local merge = lane.merges and lane.merges[#lane.merges]
  if merge then
    row[#row + 1] = { (" · merged into %s"):format(merge.target_branch_name), "AgentlanesOk" }
  end
  local rows = { row }
  if lane.problem then
    rows[#rows + 1] = { { "    " .. lane.problem.message, "AgentlanesFailed" }, fold = "1" }
  end
  for _, session in ipairs(mirror.list("session", lane.lane_id)) do
    if session.status ~= "terminated" then
      rows[#rows + 1] = session_row(session)
    end
  end
  for _, terminal in ipairs(mirror.list("terminal", lane.lane_id)) do
    if terminal.state ~= "closed" then
      rows[#rows + 1] = {
        { "    $ ", "AgentlanesTool" },
        { terminal.title },
        { " " .. terminal.state, "AgentlanesDim" },
        fold = "1",
        target = terminal,
      }
    end
  end
  return { key = lane.lane_id, order = "2" .. lane.workspace_id .. "/" .. lane.lane_id, rows = rows, target = lane }
end

---@return agentlanes.Block[]
local function all_blocks()
  local shown = { head_block() }
  for _, approval in ipairs(require("agentlanes.approval").pending()) do
    shown[#shown + 1] = approval_block(approval)
  end
  local workspaces, closed = {}, {} ---@type table<string, true>, agentlanes.Row[]
  for _, lane in ipairs(mirror.list("lane")) do
    if lane.status == "closed" then
      closed[#closed + 1] = { { "− " .. lane.name, "AgentlanesDim" }, fold = "2", target = lane }
    else
      workspaces[lane.workspace_id] = true
      shown[#shown + 1] = lane_block(lane)
    end
  end
  if vim.tbl_count(workspaces) > 1 then
    for id in pairs(workspaces) do
      local workspace = mirror.get("workspace", id)
      local rows = { { { workspace and workspace.name or id, "AgentlanesTitle" } } }
      shown[#shown + 1] = { key = id, order = "2" .. id, rows = rows, target = workspace }
    end
  elseif vim.tbl_isempty(workspaces) and connection.state == "connected" then
    local rows =
      { { { "No lane yet. ", "AgentlanesDim" }, { "c", "AgentlanesKey" }, { " makes one.", "AgentlanesDim" } } }
    shown[#shown + 1] = { key = "none", order = "2", rows = rows }
  end
  if #closed > 0 then
    table.insert(closed, 1, { { ("Closed lanes · %d"):format(#closed), "AgentlanesDim" }, fold = ">2" })
    table.insert(closed, 1, { { "" } })
    shown[#shown + 1] = { key = "closed", order = "3", rows = closed }
  end
  return shown
end

local function redraw()
  due = false
  if blocks and vim.api.nvim_buf_is_loaded(blocks.buf) then
    blocks:show(all_blocks())
  end
end

local function schedule()
  if blocks and not due then
    due = true
    vim.defer_fn(redraw, REDRAW_MS)
  end
end

---@param change agentlanes.Change
local function hear(change)
  if change.op ~= "append" and change.noun ~= "item" and change.noun ~= "process" then
    schedule()
  end
end

---Moves the cursor to the next or previous block that is about something.
---@param step 1|-1
local function jump(step)
  local line, last = vim.fn.line("."), vim.fn.line("$")
  local here = blocks and blocks:at(line)
  for lnum = line + step, step > 0 and last or 1, step do
    local block, at = blocks:at(lnum)
    if block ~= here and block.target and at == 1 then
      return vim.api.nvim_win_set_cursor(0, { lnum, 0 })
    end
  end
end

---Opens the lanes buffer.
---@param mods? string
function M.open(mods)
  local fresh
  blocks, fresh = Blocks.open("agentlanes://lanes", "agentlanes")
  if fresh then
    keys.map(blocks.buf)
    keys.set(blocks.buf, "n", "q", "<Cmd>close<CR>", "close the window")
    keys.set(blocks.buf, "n", "]]", function()
      jump(1)
    end, "next")
    keys.set(blocks.buf, "n", "[[", function()
      jump(-1)
    end, "previous")
    mirror.listen(hear)
    changes.listen(schedule)
    connection.listen(schedule)
  end
  connection.start()
  redraw()
  local win = window.show(blocks.buf, "lanes", mods)
  folds.dress(win)
  vim.wo[win][0].foldlevel = 1
  vim.wo[win][0].wrap = false
  vim.wo[win][0].winfixwidth = true
  window.name(win, "Lanes")
  -- Where nothing is known yet, what there is to stand on comes later.
  connection.ready(function()
    redraw()
    if vim.api.nvim_get_current_win() == win and not blocks:target() then
      vim.api.nvim_win_set_cursor(win, { 1, 0 })
      jump(1)
    end
  end)
end

return M
