-- :checkhealth agentlanes
local M = {}

local SERVER_TIMEOUT_MS = 60000

---What a command of the program prints for scripts, one table a line. It waits, as health checks may; nothing else in
---the plugin does.
---@param program string
---@param ... string The command and its flags.
---@return table[]
local function read(program, ...)
  local done = vim.system({ program, ... }, { text = true, timeout = SERVER_TIMEOUT_MS }):wait()
  local found = {} ---@type table[]
  for _, line in ipairs(vim.split(done.stdout or "", "\n", { trimempty = true })) do
    local is_json, row = pcall(vim.json.decode, line)
    found[#found + 1] = is_json and row or nil
  end
  if #found == 0 then
    local told = vim.trim(done.stderr or "")
    vim.health.error(("%s %s says nothing: %s"):format(program, (...), told ~= "" and told or "exit " .. done.code))
  end
  return found
end

function M.check()
  local health = vim.health
  local config = require("agentlanes.config")
  local connection = require("agentlanes.connection")
  local protocol = require("agentlanes.protocol")

  health.start("Neovim")
  if vim.fn.has("nvim-0.11") == 1 then
    health.ok(("version %s"):format(vim.version()))
  else
    health.error("Neovim 0.11 or newer is needed", "upgrade Neovim")
  end

  health.start("Configuration")
  local problems = config.problems()
  for _, problem in ipairs(problems) do
    health.error(problem, "see :help g:agentlanes")
  end
  if #problems == 0 then
    health.ok(vim.g.agentlanes and "vim.g.agentlanes is right" or "vim.g.agentlanes is not set; the defaults are used")
  end

  health.start("Server")
  local cmd = config.get().cmd
  local program = vim.fn.exepath(cmd[1])
  if program == "" then
    health.error(
      ("%s is not on Neovim's PATH"):format(cmd[1]),
      'install agentlanes, or name it: vim.g.agentlanes = { cmd = { "/path/to/agentlanes", "stdio" } }'
    )
    return
  end
  health.ok("it is started with " .. table.concat(cmd, " ") .. " (" .. program .. ")")
  if connection.state == "connected" and connection.server then
    local server = connection.server
    health.ok(
      ("connected to version %s, generation %d, protocol %s"):format(
        server.version or "?",
        server.generation,
        server.protocol_version
      )
    )
  else
    health.info("not connected: " .. connection.state .. "; :Lanes connects")
  end
  health.info("this plugin speaks protocol " .. protocol.version)
  for _, found in ipairs(read(program, "doctor")) do
    local told = ("%s: %s"):format(found.subject, found.message)
    if found.level == "ok" then
      health.ok(told)
    else
      health[found.level == "warn" and "warn" or "error"](told, found.cure ~= "" and found.cure or nil)
    end
  end

  health.start("Agents")
  for _, agent in ipairs(read(program, "agents", "--all")) do
    local name = agent.name .. (agent.profile.default and ", the default" or "")
    if agent.available then
      health.ok(("%s: %s %s"):format(name, agent.profile.title or agent.name, agent.version or ""))
    else
      health.info(("%s: %s"):format(name, agent.unavailable_reason or "not there"))
    end
  end
end

return M
