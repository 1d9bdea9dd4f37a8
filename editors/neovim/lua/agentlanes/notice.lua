-- One line to the user. A longer one would stop the editor at "Press ENTER", so its whole goes to :messages.
local M = {}

---@param text string
---@param level? integer One of vim.log.levels.
function M.tell(text, level)
  local line = "agentlanes: " .. text:gsub("%s*\n%s*", " · ")
  local room = math.max(20, vim.v.echospace)
  if vim.fn.strdisplaywidth(line) > room then
    vim.cmd("silent echomsg " .. vim.fn.string(line))
    line = vim.fn.strcharpart(line, 0, room - 12) .. "… :messages"
  end
  vim.notify(line, level or vim.log.levels.INFO)
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
