-- One line to the user. A longer one would stop the editor at "Press ENTER", so it is shortened; :messages has it whole.
local M = {}

local HIGHLIGHTS = { [vim.log.levels.WARN] = "WarningMsg", [vim.log.levels.ERROR] = "ErrorMsg" }

---Whether nobody put something better in the place of vim.notify.
local function is_plain()
  return debug.getinfo(vim.notify, "S").source:find("vim/_editor", 1, true) ~= nil
end

---@param text string
---@param level? integer One of vim.log.levels.
function M.tell(text, level)
  local line = "agentlanes: " .. text:gsub("%s*\n%s*", " · ")
  if not is_plain() then
    return vim.notify(line, level or vim.log.levels.INFO, { title = "agentlanes" })
  end
  -- :echomsg is the one that shortens what is shown and not what is kept.
  vim.cmd("echohl " .. (HIGHLIGHTS[level] or "None"))
  vim.cmd.echomsg(vim.fn.string(line))
  vim.cmd("echohl None")
  if level == vim.log.levels.ERROR then
    vim.v.errmsg = line
  end
end

---@param text string
function M.warn(text)
  M.tell(text, vim.log.levels.WARN)
end

---@param text string
function M.fail(text)
  M.tell(text, vim.log.levels.ERROR)
end

return M
