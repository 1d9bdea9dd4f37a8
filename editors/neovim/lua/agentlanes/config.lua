-- What the user chose in vim.g.agentlanes. There is no setup() to call.
local M = {}

---@class agentlanes.Windows How each window is opened: an Ex command that ends in a window of its own.
---@field lanes string
---@field session string
---@field terminal string
---@field diff string

---@class agentlanes.Config
---@field cmd string[] What starts the relay.
---@field profile? string Profile of lanes that are made here; the server's default where absent.
---@field notify boolean Whether to tell what waits for you and what ended.
---@field signs boolean Whether to mark the lane's changes in files of its worktree.
---@field prompt_height integer Rows of the prompt area.
---@field windows agentlanes.Windows

---@type agentlanes.Config
local defaults = {
  cmd = { "agentlanes", "stdio" },
  profile = nil,
  notify = true,
  signs = true,
  prompt_height = 5,
  windows = {
    lanes = "topleft 56vsplit",
    session = "botright vsplit",
    terminal = "botright 15split",
    diff = "tabnew",
  },
}

local types = {
  cmd = "table",
  profile = "string",
  notify = "boolean",
  signs = "boolean",
  prompt_height = "number",
  windows = "table",
}

---What is wrong in the user's table, one line each.
---@return string[]
function M.problems()
  local found = {} ---@type string[]
  local given = vim.g.agentlanes
  if given == nil then
    return found
  end
  if type(given) ~= "table" then
    return { "vim.g.agentlanes is a " .. type(given) .. "; it must be a table" }
  end
  for key, value in pairs(given) do
    if not types[key] then
      found[#found + 1] = ("vim.g.agentlanes.%s is not known; known are %s"):format(
        key,
        table.concat(vim.fn.sort(vim.tbl_keys(types)), ", ")
      )
    elseif type(value) ~= types[key] then
      found[#found + 1] = ("vim.g.agentlanes.%s is a %s; it must be a %s"):format(key, type(value), types[key])
    end
  end
  for key, value in pairs(type(given.windows) == "table" and given.windows or {}) do
    if not defaults.windows[key] or type(value) ~= "string" then
      found[#found + 1] = ("vim.g.agentlanes.windows.%s must be one of lanes, session, terminal, diff and a command"):format(
        key
      )
    end
  end
  return found
end

---The user's choices over the defaults. What is wrong is left out; :checkhealth agentlanes tells it.
---@return agentlanes.Config
function M.get()
  local given = type(vim.g.agentlanes) == "table" and vim.g.agentlanes or {}
  local config = vim.deepcopy(defaults)
  for key, value in pairs(given) do
    if key == "windows" and type(value) == "table" then
      for kind, command in pairs(value) do
        if config.windows[kind] and type(command) == "string" then
          config.windows[kind] = command
        end
      end
    elseif type(value) == types[key] then
      config[key] = value
    end
  end
  return config
end

return M
