-- What sub-commands ask of the user, and what they take from the editor.
local mirror = require("agentlanes.mirror")

local M = {}

---Names of profiles, for completion; read when the server is reached.
---@type string[]
M.profiles = {}

---@class agentlanes.Call
---@field args string What follows the sub-command.
---@field bang boolean
---@field mods string
---@field range? { first: integer, last: integer }

---@class agentlanes.Command
---@field run fun(call: agentlanes.Call)
---@field about string
---@field complete? fun(lead: string): string[]

---The names of all lanes, for completion.
---@return string[]
function M.lane_names()
  return vim.tbl_map(function(lane)
    return lane.name
  end, mirror.list("lane"))
end

---Always the same words, for completion.
---@param words string[]
function M.among(words)
  return function()
    return words
  end
end

---Asks for a text, unless it was given.
---@param given string
---@param prompt string
---@param done fun(text: string)
---@param default? string
function M.with_text(given, prompt, done, default)
  if given ~= "" then
    return done(given)
  end
  vim.ui.input({ prompt = prompt .. ": ", default = default }, function(text)
    if text and vim.trim(text) ~= "" then
      done(vim.trim(text))
    end
  end)
end

---The lines that the command was given, as what a prompt points to.
---@param call agentlanes.Call
---@return string? text
---@return agentlanes.ResourceLink[]? links
function M.selection(call)
  local path = vim.api.nvim_buf_get_name(0)
  if not call.range or vim.bo.buftype ~= "" or path == "" then
    return nil, nil
  end
  local lines = vim.api.nvim_buf_get_lines(0, call.range.first - 1, call.range.last, false)
  local name = ("%s:%d-%d"):format(vim.fn.fnamemodify(path, ":."), call.range.first, call.range.last)
  local text = ("\n\n%s\n```%s\n%s\n```"):format(name, vim.bo.filetype, table.concat(lines, "\n"))
  local uri = ("%s#L%d-L%d"):format(vim.uri_from_fname(path), call.range.first, call.range.last)
  return text, { { uri = uri, name = name } }
end

---The file that the user is in, or the folder.
---@return string
function M.path()
  local name = vim.api.nvim_buf_get_name(0)
  return vim.bo.buftype == "" and name ~= "" and vim.fs.abspath(name) or vim.fn.getcwd()
end

---Asks before something is done that is not easily undone.
---@param question string
---@param yes string
---@param done fun()
function M.confirm(question, yes, done)
  vim.ui.select({ yes, "Cancel" }, { prompt = question, kind = "agentlanes.confirm" }, function(chosen)
    if chosen == yes then
      done()
    end
  end)
end

return M
