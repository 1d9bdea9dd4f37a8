-- :Lanes and its sub-commands. Each sends what the user asked for; whether it may be done, the server decides.
local config = require("agentlanes.config")
local connection = require("agentlanes.connection")
local input = require("agentlanes.command.input")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local window = require("agentlanes.window")

local M = {}

---@type table<string, agentlanes.Command>
M.commands = vim.tbl_extend(
  "error",
  require("agentlanes.command.lane"),
  require("agentlanes.command.session"),
  require("agentlanes.command.answer"),
  require("agentlanes.command.limit"),
  {
    connect = {
      about = "connects, and shows nothing; for those who want to be told from the start",
      run = function() end,
    },
    disconnect = {
      about = "ends this editor's connection; everything goes on",
      run = connection.stop,
    },
    help = {
      about = "shows the keys of this buffer",
      run = function()
        require("agentlanes.keys").help()
      end,
    },
  }
)

local started = false

local function start()
  if started then
    return
  end
  started = true
  for _, problem in ipairs(config.problems()) do
    notice.warn(problem .. "; see :checkhealth agentlanes")
  end
  require("agentlanes.attention").start()
  if config.get().signs then
    require("agentlanes.signs").start()
  end
  connection.listen(function(state)
    if state == "connected" then
      connection.request("profile.list", nil, nil, function(_, page)
        input.profiles = vim.tbl_map(function(profile)
          return profile.name
        end, page and page.profiles or {})
      end)
    end
  end)
end

---@param name string
---@param call agentlanes.Call
local function dispatch(name, call)
  start()
  if name == "" then
    return require("agentlanes.lanes").open(call.mods)
  end
  local command = M.commands[name]
  if not command then
    local names = vim.fn.sort(vim.tbl_keys(M.commands))
    return notice.fail(("there is no :Lanes %s; there are %s"):format(name, table.concat(names, ", ")))
  end
  connection.start()
  command.run(call)
end

---For nvim_create_user_command.
---@param opts { args: string, bang: boolean, mods: string, range: integer, line1?: integer, line2?: integer }
function M.user_command(opts)
  local name, bang, args = opts.args:match("^([^%s!]*)(!?)%s*(.-)%s*$")
  dispatch(name, {
    args = args,
    bang = opts.bang or bang == "!",
    mods = opts.mods,
    range = opts.range > 0 and { first = opts.line1, last = opts.line2 } or nil,
  })
end

---Runs a sub-command, as keys do.
---@param line string As it would follow :Lanes.
function M.run(line)
  M.user_command({ args = line, bang = false, mods = "", range = 0 })
end

---Fills a buffer that was opened by its name.
---@param name string
---@param buf integer
function M.open_name(name, buf)
  start()
  local noun, id = name:match("^agentlanes://(%l+)/?(.*)$")
  connection.ready(function()
    local win = window.find(buf)
    if not win then
      return
    end
    local entity = noun ~= "lanes" and mirror.get(noun, id) or nil
    if noun ~= "lanes" and not entity then
      return notice.warn(("there is no %s %s any more"):format(noun, id))
    end
    local had = vim.api.nvim_get_current_win()
    vim.api.nvim_set_current_win(win)
    if noun == "lanes" then
      require("agentlanes.lanes").open()
    else
      require("agentlanes." .. noun).open(entity)
    end
    if had ~= win and vim.api.nvim_win_is_valid(had) then
      vim.api.nvim_set_current_win(had)
    end
  end)
end

---For completion on the command line.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local rest = line:match("Lanes!?%s+(.*)$") or ""
  local name, args = rest:match("^([^%s!]+)!?%s+(.*)$")
  local words, prefix
  if not name then
    words, prefix = vim.fn.sort(vim.tbl_keys(M.commands)), lead
  else
    local command = M.commands[name]
    words, prefix = command and command.complete and command.complete(args) or {}, args
  end
  local found = {}
  for _, word in ipairs(words) do
    if vim.startswith(word:lower(), prefix:lower()) then
      -- A name may have spaces; what stands before the word under the cursor is not repeated.
      found[#found + 1] = word:sub(#prefix - #lead + 1)
    end
  end
  return found
end

return M
