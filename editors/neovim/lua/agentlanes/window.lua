-- Where buffers are shown. Only what the user asks for opens a window or moves the cursor.
local config = require("agentlanes.config")

local M = {}
local api = vim.api

local LANES_WIDTH = 36
local LANES_PART = 1 / 3
local SESSION_WIDTH = 50

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

---What a window of ours shows; nil where the user has put something else there.
---@param win integer
---@return string?
function M.kind(win)
  return api.nvim_buf_get_name(api.nvim_win_get_buf(win)):match("^agentlanes://(%l+)")
end

---Says what a window shows where Neovim would say its buffer's name; a statusline that the user chose stays.
---@param win integer
---@param title string
function M.name(win, title)
  if vim.go.statusline == api.nvim_get_option_info2("statusline", {}).default then
    vim.wo[win][0].statusline = " " .. title:gsub("%%", "%%%%") .. "%=%l/%L "
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
    if api.nvim_get_current_win() == win and (mode == "n" or mode == "nt") then
      done(value)
    else
      require("agentlanes.notice").tell(told(value))
    end
  end
end

---Leaves the tab page of a review or of a question, which has no room for anything else.
---@param buf integer What is to be shown.
local function leave_own_tab(buf)
  if not vim.t.agentlanes or M.find(buf) then
    return
  end
  local found ---@type integer?
  for _, tab in ipairs(api.nvim_list_tabpages()) do
    for _, win in ipairs(api.nvim_tabpage_list_wins(tab)) do
      found = found or (api.nvim_win_get_buf(win) == buf and tab or nil)
    end
  end
  for _, tab in ipairs(found and {} or api.nvim_list_tabpages()) do
    found = found or (not vim.t[tab].agentlanes and tab or nil)
  end
  if found then
    api.nvim_set_current_tabpage(found)
  end
end

---The widest window of the current tab page with a file of the user's in it.
---@param but integer A window that does not count.
---@return integer?
local function widest(but)
  local found ---@type integer?
  for _, win in ipairs(api.nvim_tabpage_list_wins(0)) do
    local buf = api.nvim_win_get_buf(win)
    local is_free = win ~= but and vim.bo[buf].buftype == "" and api.nvim_win_get_config(win).relative == ""
    if is_free and (vim.o.hidden or not vim.bo[buf].modified) then
      if not found or api.nvim_win_get_width(win) > api.nvim_win_get_width(found) then
        found = win
      end
    end
  end
  return found
end

---Opens a window as the user's configuration says. Where the screen is too narrow for one more, a session covers a
---window with a file, which comes back when it is left; and the lanes take no more than their part.
---@param kind "lanes"|"session"|"terminal"|"diff"
local function open(kind)
  local here = api.nvim_get_current_buf()
  vim.cmd(config.get().windows[kind])
  local win = api.nvim_get_current_win()
  if is_blank(win) and api.nvim_get_current_buf() ~= here then
    vim.bo.bufhidden = "wipe"
  end
  if kind == "lanes" then
    local most = math.max(LANES_WIDTH, math.floor(vim.o.columns * LANES_PART))
    if api.nvim_win_get_width(win) > most and most < vim.o.columns - 1 then
      api.nvim_win_set_width(win, most)
    end
  elseif kind == "session" and api.nvim_win_get_width(win) < SESSION_WIDTH then
    local covered = widest(win)
    if covered then
      api.nvim_win_close(win, true)
      api.nvim_set_current_win(covered)
      vim.w[covered].agentlanes_covers = api.nvim_win_get_buf(covered)
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
  local is_placed = (mods or "") ~= ""
  if kind ~= "diff" and not is_placed then
    leave_own_tab(buf)
  end
  local win = M.find(buf)
  if not win and not is_placed then
    for _, each in ipairs(api.nvim_tabpage_list_wins(0)) do
      local same = (kind == "session" or kind == "terminal") and M.kind(each) == kind
      if same or (kind == "session" or kind == "terminal") and is_blank(each) then
        win = each
        break
      end
    end
  end
  if win then
    api.nvim_set_current_win(win)
  elseif is_placed then
    vim.cmd(mods .. " new")
    vim.bo.bufhidden = "wipe"
  else
    open(kind)
  end
  win = api.nvim_get_current_win()
  api.nvim_win_set_buf(win, buf)
  return win
end

---Takes a buffer out of the current tab page: its window closes, or shows again what it covered.
---@param buf integer
function M.leave(buf)
  local win = M.find(buf)
  if not win then
    return
  end
  local covered = vim.w[win].agentlanes_covers
  vim.w[win].agentlanes_covers = nil
  if covered and api.nvim_buf_is_valid(covered) then
    api.nvim_win_set_buf(win, covered)
  elseif #api.nvim_tabpage_list_wins(0) > 1 then
    api.nvim_win_close(win, false)
  else
    vim.cmd.enew()
  end
end

return M
