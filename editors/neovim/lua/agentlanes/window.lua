-- Where buffers are shown. Only what the user asks for opens a window or moves the cursor.
local config = require("agentlanes.config")

local M = {}
local api = vim.api

---The buffer of a name, made where there is none. A session file of Neovim brings some back by their names.
---@param name string
---@return integer buf
---@return boolean known
function M.buffer(name)
  local found = vim.fn.bufnr("^" .. vim.fn.escape(name, "[]*?{}\\^$") .. "$")
  if found > 0 then
    vim.fn.bufload(found)
    return found, true
  end
  local buf = api.nvim_create_buf(false, true)
  api.nvim_buf_set_name(buf, name)
  return buf, false
end

---The window of the current tab page that shows a buffer.
---@param buf integer
---@return integer?
function M.find(buf)
  for _, win in ipairs(api.nvim_tabpage_list_wins(0)) do
    if api.nvim_win_get_buf(win) == buf then
      return win
    end
  end
end

---@param win integer
local function is_blank(win)
  local buf = api.nvim_win_get_buf(win)
  return api.nvim_buf_get_name(buf) == ""
    and vim.bo[buf].buftype == ""
    and not vim.bo[buf].modified
    and api.nvim_buf_line_count(buf) == 1
    and api.nvim_win_get_config(win).relative == ""
end

---For what comes some time after it was asked for: done where the user still is in the window that they asked in and
---types nothing, told otherwise.
---@generic T
---@param told fun(value: T): string
---@param done fun(value: T)
---@return fun(value: T)
function M.unless_moved(told, done)
  local win = api.nvim_get_current_win()
  return function(value)
    local mode = api.nvim_get_mode().mode
    if api.nvim_get_current_win() == win and mode == "n" then
      done(value)
    else
      require("agentlanes.notice").tell(told(value))
    end
  end
end

---Goes to the window that shows a buffer, and opens one where there is none: over a window of the same kind, over one
---that shows nothing, or a new one.
---@param buf integer
---@param kind "lanes"|"session"|"terminal"|"diff"
---@param mods? string Modifiers of the command, as :vertical, which say where a new window goes.
---@return integer win
function M.show(buf, kind, mods)
  local win = M.find(buf)
  if not win and (mods or "") == "" then
    for _, each in ipairs(api.nvim_tabpage_list_wins(0)) do
      local same = kind == "session" and vim.w[each].agentlanes == kind
      if same or (kind == "session" or kind == "terminal") and is_blank(each) then
        win = each
        break
      end
    end
  end
  if win then
    api.nvim_set_current_win(win)
  elseif (mods or "") ~= "" then
    vim.cmd(mods .. " new")
    vim.bo.bufhidden = "wipe"
  else
    vim.cmd(config.get().windows[kind])
  end
  win = api.nvim_get_current_win()
  api.nvim_win_set_buf(win, buf)
  vim.w[win].agentlanes = kind
  return win
end

return M
