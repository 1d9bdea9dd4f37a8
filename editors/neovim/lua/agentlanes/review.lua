-- A lane's changes in the editor's own diff: the list of files, and for each the merge base beside the real file.
local Blocks = require("agentlanes.blocks")
local changes = require("agentlanes.changes")
local connection = require("agentlanes.connection")
local folds = require("agentlanes.folds")
local keys = require("agentlanes.keys")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local window = require("agentlanes.window")

local M = {}
local api = vim.api

local WHOLE_FILE = 1000000
local LARGEST = 16 * 1024 * 1024
local LIST_WIDTH = 36

local MARKS = {
  added = { "A", "AgentlanesAdded" },
  deleted = { "D", "AgentlanesRemoved" },
  renamed = { "R", "AgentlanesTool" },
}

---@param path string
---@return string
local function unreadable(path)
  return (path:gsub("\n", " "))
end

---@param lane agentlanes.Lane
---@param worktrees agentlanes.WorktreeDiff[]
---@return agentlanes.Block[]
local function list_blocks(lane, worktrees)
  local target = lane.worktrees[1] and lane.worktrees[1].target_branch or ""
  local shown = { ---@type agentlanes.Block[]
    {
      key = "head",
      order = "0",
      rows = {
        { { lane.name, "AgentlanesTitle" } },
        { { "against " .. target, "AgentlanesDim" } },
        { { "⏎", "AgentlanesKey" }, { " diff  " }, { "]f [f", "AgentlanesKey" }, { " next, previous" } },
        {
          { "m", "AgentlanesKey" },
          { " merge  " },
          { "C", "AgentlanesKey" },
          { " commit  " },
          { "q", "AgentlanesKey" },
          { " close" },
        },
        { { "" } },
      },
    },
  }
  local count = 0
  for _, worktree in ipairs(worktrees) do
    for _, file in ipairs(worktree.files) do
      count = count + 1
      local mark = MARKS[file.status] or { "M", "AgentlanesWaiting" }
      local row = { { mark[1] .. " ", mark[2] }, { unreadable(file.path) } } ---@type agentlanes.Row
      if file.binary then
        row[#row + 1] = { " binary", "AgentlanesDim" }
      else
        row[#row + 1] = { " +" .. file.additions, "AgentlanesAdded" }
        row[#row + 1] = { " −" .. file.deletions, "AgentlanesRemoved" }
      end
      local about = { lane_id = lane.lane_id, repo_id = worktree.repo_id, path = file.path, file = file }
      local key = worktree.repo_id .. "/" .. file.path
      shown[#shown + 1] = { key = key, order = "1" .. key, rows = { row }, target = about }
    end
    if worktree.uncommitted then
      local rows = { { { "not all of it is committed", "AgentlanesDim" } } }
      shown[#shown + 1] = { key = worktree.repo_id .. "/~", order = "2" .. worktree.repo_id, rows = rows }
    end
  end
  if count == 0 then
    local merge = lane.merges and lane.merges[#lane.merges]
    local words = merge and ("all of it is in %s"):format(merge.target_branch_name) or "nothing was changed"
    shown[#shown + 1] = { key = "none", order = "1", rows = { { { words, "AgentlanesDim" } } } }
  end
  return shown
end

---The whole old text of a file, from a diff with all of its lines. Nil where the diff says nothing of its lines.
---@param file agentlanes.DiffFile
---@return string[]?
local function old_lines(file)
  if file.status == "added" then
    return {}
  elseif not file.hunks or #file.hunks == 0 then
    return nil
  end
  local lines = {}
  for _, hunk in ipairs(file.hunks) do
    for _, line in ipairs(vim.split((hunk.text:gsub("\n$", "")), "\n", { plain = true })) do
      local sign = line:sub(1, 1)
      if sign == " " or sign == "-" then
        lines[#lines + 1] = line:sub(2)
      end
    end
  end
  return lines
end

---@param name string
---@param lines string[]
---@param path string
---@return integer
local function make_scratch(name, lines, path)
  local buf = window.buffer(name)
  vim.bo[buf].modifiable, vim.bo[buf].bufhidden, vim.bo[buf].buftype = true, "hide", "nofile"
  api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  vim.bo[buf].modifiable, vim.bo[buf].modified = false, false
  vim.bo[buf].filetype = vim.filetype.match({ filename = path, buf = buf }) or ""
  return buf
end

---The two windows for a pair of files in the current tab page, beside the list.
---@return integer left
---@return integer right
local function pair_windows()
  local found = {} ---@type integer[]
  for _, win in ipairs(api.nvim_tabpage_list_wins(0)) do
    if vim.w[win].agentlanes_side then
      found[vim.w[win].agentlanes_side] = win
    end
  end
  if found[1] and found[2] then
    return found[1], found[2]
  end
  local list = api.nvim_get_current_win()
  for _, win in ipairs(vim.t.agentlanes and api.nvim_tabpage_list_wins(0) or {}) do
    if win ~= list then
      api.nvim_win_close(win, false)
    end
  end
  local right = api.nvim_open_win(0, false, { split = "right", win = list })
  local left = api.nvim_open_win(0, false, { split = "left", win = right })
  api.nvim_win_set_width(list, LIST_WIDTH)
  vim.wo[list].winfixwidth = true
  vim.cmd("wincmd =")
  vim.w[left].agentlanes_side, vim.w[right].agentlanes_side = 1, 2
  return left, right
end

---@param list agentlanes.Blocks
---@param step 1|-1
local function next_file(list, step)
  local win = window.find(list.buf)
  if not win then
    return
  end
  local line = api.nvim_win_get_cursor(win)[1]
  for lnum = line + step, step > 0 and api.nvim_buf_line_count(list.buf) or 1, step do
    local target = list:target(lnum)
    if target and target.path then
      api.nvim_win_set_cursor(win, { lnum, 0 })
      return M.show(list, target)
    end
  end
end

---The tab page that was opened for a lane or for a question.
---@param id string
---@return integer?
local function find_tab(id)
  for _, tab in ipairs(api.nvim_list_tabpages()) do
    if vim.t[tab].agentlanes == id then
      return tab
    end
  end
end

---Closes the tab page of what is over, unless it is the only one.
---@param id string
local function close_tab(id)
  local tab = find_tab(id)
  if tab and #api.nvim_list_tabpages() > 1 then
    vim.cmd.tabclose(api.nvim_tabpage_get_number(tab))
  end
end

---Shows a changed file beside its merge base.
---@param list agentlanes.Blocks
---@param target { lane_id: string, repo_id: string, path: string }
function M.show(list, target)
  local lane = mirror.get("lane", target.lane_id)
  if not lane then
    return
  end
  local payload = { paths = { target.path }, context = WHOLE_FILE, max_bytes = LARGEST }
  connection.request("lane.diff", payload, { lane_id = target.lane_id }, function(problem, found)
    if problem then
      return notice.fail(problem.message)
    end
    local file, folder ---@type agentlanes.DiffFile?, string?
    for i, worktree in ipairs(found.worktrees) do
      if worktree.repo_id == target.repo_id then
        file, folder = worktree.files[1], lane.worktrees[i].path
      end
    end
    local list_win = window.find(list.buf)
    if not file or not list_win then
      return notice.tell(target.path .. " is as it was")
    elseif file.binary or file.truncated then
      return notice.tell(("%s is %s"):format(target.path, file.binary and "binary" or "too large to show"))
    end
    local path = vim.fs.joinpath(folder, target.path)
    local before = old_lines(file) or vim.fn.readfile(path)
    local had = api.nvim_get_current_win()
    api.nvim_set_current_win(list_win)
    local left, right = pair_windows()
    local base = make_scratch(("agentlanes://base/%s/%s"):format(lane.lane_id, target.path), before, target.path)
    api.nvim_win_call(left, function()
      vim.cmd("diffoff")
      api.nvim_win_set_buf(left, base)
    end)
    api.nvim_win_call(right, function()
      vim.cmd("diffoff")
      if file.status == "deleted" then
        local gone = make_scratch(("agentlanes://deleted/%s/%s"):format(lane.lane_id, target.path), {}, target.path)
        api.nvim_win_set_buf(right, gone)
      else
        vim.cmd.edit({ args = { path }, magic = { file = false }, mods = { keepalt = true } })
      end
    end)
    for _, win in ipairs({ left, right }) do
      local buf = api.nvim_win_get_buf(win)
      for key, step in pairs({ ["]f"] = 1, ["[f"] = -1 }) do
        keys.set(buf, "n", key, function()
          next_file(list, step)
        end, step > 0 and "next file" or "previous file")
      end
      api.nvim_win_call(win, function()
        vim.cmd("diffthis")
      end)
    end
    vim.wo[left].winbar = "merge base"
    vim.wo[right].winbar = "lane"
    window.name(left, target.path)
    -- Where the user was is where they stay; the first time that is the list, and the change is what they came for.
    api.nvim_set_current_win(api.nvim_win_is_valid(had) and had ~= list_win and had or right)
    if api.nvim_get_current_win() == right then
      pcall(vim.cmd, "normal! gg]c")
    end
  end)
end

---Opens a lane's changes in a tab page of their own, with the first file, or the one named, shown.
---@param lane agentlanes.Lane
---@param path? string
function M.open(lane, path)
  changes.refresh(lane.lane_id, function(worktrees, problem)
    if not worktrees then
      return notice.fail(problem and problem.message or "the lane has no changes to show")
    end
    local list, fresh = Blocks.open("agentlanes://diff/" .. lane.lane_id, "agentlanes")
    vim.b[list.buf].agentlanes = { lane_id = lane.lane_id }
    if fresh then
      keys.map(list.buf, { "<CR>", "aa", "ar", "aA", "aR", "a?", "d", "r", "R", "c" })
      local function map(key, action, about)
        keys.set(list.buf, "n", key, action, about)
      end
      map("<CR>", function()
        local target = list:target()
        if target and target.path then
          M.show(list, target)
        end
      end, "show the file")
      map("q", "<Cmd>tabclose<CR>", "close the tab page")
      map("]f", function()
        next_file(list, 1)
      end, "next file")
      map("[f", function()
        next_file(list, -1)
      end, "previous file")
      mirror.listen(function(change)
        if change.noun == "lane" and change.entity.lane_id == lane.lane_id and change.entity.status == "closed" then
          close_tab(lane.lane_id)
        end
      end)
      changes.listen(function(lane_id)
        local now = mirror.get("lane", lane_id)
        if lane_id == lane.lane_id and now and api.nvim_buf_is_loaded(list.buf) then
          list:show(list_blocks(now, changes.get(now) or {}))
          vim.cmd("silent! checktime")
        end
      end)
    end
    list:show(list_blocks(lane, worktrees))
    local tab = find_tab(lane.lane_id)
    if tab then
      api.nvim_set_current_tabpage(tab)
    end
    local before = api.nvim_get_current_tabpage()
    local win = window.show(list.buf, "diff")
    if api.nvim_get_current_tabpage() ~= before then
      vim.t.agentlanes = lane.lane_id
    end
    window.name(win, "Changes")
    folds.dress(win)
    vim.wo[win][0].wrap = false
    for lnum = 1, api.nvim_buf_line_count(list.buf) do
      local target = list:target(lnum)
      if target and target.path and (not path or target.path == path) then
        api.nvim_win_set_cursor(win, { lnum, 0 })
        M.show(list, target)
        break
      end
    end
  end)
end

---Puts a lane's changed files in the quickfix list, each at its first change.
---@param lane agentlanes.Lane
function M.list(lane)
  changes.refresh(lane.lane_id, function(worktrees, problem)
    if not worktrees then
      return notice.fail(problem and problem.message or "the lane has no changes to list")
    end
    local items = {}
    for i, worktree in ipairs(worktrees) do
      for _, file in ipairs(worktree.files) do
        for _, hunk in ipairs(#(file.hunks or {}) > 0 and file.hunks or { {} }) do
          items[#items + 1] = {
            filename = vim.fs.joinpath(lane.worktrees[i].path, file.path),
            lnum = math.max(1, hunk.new_start or 1),
            text = ("%s +%d -%d %s"):format(file.status, hunk.new_lines or 0, hunk.old_lines or 0, hunk.section or ""),
          }
        end
      end
    end
    vim.fn.setqflist({}, " ", { title = "Changes of lane " .. lane.name, items = items })
    if #items == 0 then
      return notice.tell(("lane %s changed nothing"):format(lane.name))
    end
    vim.cmd("botright copen")
  end)
end

---Shows what an approval would change, before it is answered; the windows close when it is answered anywhere.
---@param approval agentlanes.Approval
function M.preview(approval)
  local change = (approval.preview and approval.preview.changes or {})[1]
  if not change then
    return notice.tell("nothing would be changed by it")
  end
  vim.cmd.tabnew()
  local tab = api.nvim_get_current_tabpage()
  vim.t.agentlanes = approval.approval_id
  vim.bo.bufhidden = "wipe"
  local function lines(text)
    return text and text ~= "" and vim.split((text:gsub("\n$", "")), "\n", { plain = true }) or {}
  end
  local name = ("agentlanes://%%s/%s/%s"):format(approval.approval_id, vim.fs.basename(change.path))
  api.nvim_win_set_buf(0, make_scratch(name:format("before"), lines(change.old_text), change.path))
  vim.cmd("diffthis")
  vim.cmd("rightbelow vsplit")
  api.nvim_win_set_buf(0, make_scratch(name:format("after"), lines(change.new_text), change.path))
  vim.cmd("diffthis")
  for _, win in ipairs(api.nvim_tabpage_list_wins(tab)) do
    local buf = api.nvim_win_get_buf(win)
    vim.b[buf].agentlanes = { approval_id = approval.approval_id, lane_id = approval.lane_id }
    keys.map(buf, { "<CR>", "c", "p", "d", "m", "C", "t", "s", "S", "r", "x", "R", "g?" })
    keys.set(buf, "n", "q", "<Cmd>tabclose<CR>", "close the tab page")
    vim.wo[win].winbar = approval.title:gsub("%%", "%%%%") .. "%=aa allow · ar reject · q close"
  end
  local unlisten ---@type fun()
  unlisten = mirror.listen(function(heard)
    local now = mirror.get("approval", approval.approval_id)
    if heard.op ~= "append" and (not now or now.status ~= "pending") then
      unlisten()
      close_tab(approval.approval_id)
    end
  end)
end

return M
