-- Marks at the lines that a lane changed, in files of its worktree, against the merge base with its target.
local changes = require("agentlanes.changes")
local mirror = require("agentlanes.mirror")
local target = require("agentlanes.target")

local M = {}
local api = vim.api
local namespace = api.nvim_create_namespace("agentlanes.signs")

---@param buf integer
---@param file agentlanes.DiffFile
local function mark(buf, file)
  local last = api.nvim_buf_line_count(buf)
  for _, hunk in ipairs(file.hunks or {}) do
    local sign, hl = "┃", hunk.old_lines == 0 and "AgentlanesAdded" or "AgentlanesWaiting"
    local first, count = hunk.new_start, hunk.new_lines
    if count == 0 then
      sign, hl, first, count = "▁", "AgentlanesRemoved", math.max(first, 1), 1
    end
    for lnum = first, math.min(first + count - 1, last) do
      api.nvim_buf_set_extmark(buf, namespace, lnum - 1, 0, { sign_text = sign, sign_hl_group = hl, priority = 5 })
    end
  end
end

---Marks a buffer, if it is a file of a lane.
---@param buf integer
function M.show(buf)
  if not api.nvim_buf_is_loaded(buf) or vim.bo[buf].buftype ~= "" then
    return
  end
  local name = api.nvim_buf_get_name(buf)
  local path = vim.uv.fs_realpath(name) or name
  local lane, worktree = target.lane_of(path)
  if not lane or not worktree then
    return
  end
  vim.b[buf].agentlanes = { lane_id = lane.lane_id }
  api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
  for i, each in ipairs(changes.get(lane) or {}) do
    for _, file in ipairs(lane.worktrees[i] == worktree and each.files or {}) do
      if worktree.path .. "/" .. file.path == path then
        mark(buf, file)
      end
    end
  end
end

---Lets go of the files of a worktree that is removed: what nobody looks at is forgotten, and the rest is not asked about.
---@param lane agentlanes.Lane
local function release(lane)
  for _, worktree in ipairs(lane.worktrees) do
    local folder = worktree.path .. "/"
    api.nvim_create_autocmd("FileChangedShell", {
      group = api.nvim_create_augroup("agentlanes.removed." .. lane.lane_id, {}),
      pattern = vim.fn.escape(folder, "\\*?[]{},") .. "*",
      callback = function()
        vim.v.fcs_choice = ""
      end,
    })
    for _, buf in ipairs(api.nvim_list_bufs()) do
      local path = vim.uv.fs_realpath(folder) or folder
      local name = api.nvim_buf_get_name(buf)
      local is_in = vim.startswith(name, folder) or vim.startswith(name, path)
      if is_in and not vim.bo[buf].modified and #vim.fn.win_findbuf(buf) == 0 then
        api.nvim_buf_delete(buf, {})
      end
    end
  end
end

---Keeps the marks of all buffers as they should be.
function M.start()
  changes.listen(function()
    for _, buf in ipairs(api.nvim_list_bufs()) do
      M.show(buf)
    end
  end)
  mirror.listen(function(change)
    local before = change.before or {}
    if change.noun == "lane" and change.entity.status == "closed" and before.status and before.status ~= "closed" then
      -- Whoever shows a file of it in a tab page of its own closes that first.
      vim.schedule(function()
        release(change.entity)
      end)
    end
  end)
  local group = api.nvim_create_augroup("agentlanes.signs", {})
  api.nvim_create_autocmd("BufReadPost", {
    group = group,
    callback = function(event)
      M.show(event.buf)
    end,
  })
  api.nvim_create_autocmd("BufWritePost", {
    group = group,
    callback = function(event)
      local here = vim.b[event.buf].agentlanes
      if here and mirror.get("lane", here.lane_id) then
        changes.refresh(here.lane_id)
      end
    end,
  })
  for _, buf in ipairs(api.nvim_list_bufs()) do
    M.show(buf)
  end
end

return M
