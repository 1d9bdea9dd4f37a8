-- :checkhealth agentlanes
local M = {}

local SERVER_TIMEOUT_MS = 10000

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
  -- Health checks may block; nothing that a user does elsewhere in the plugin does.
  local done = vim.system({ program, "doctor" }, { text = true, timeout = SERVER_TIMEOUT_MS }):wait()
  local told = vim.trim((done.stdout or "") .. (done.stderr or ""))
  if done.code == 0 then
    health.ok("agentlanes doctor finds nothing wrong")
  else
    health.warn("agentlanes doctor says:\n" .. told)
  end
  health.info("this plugin speaks protocol " .. protocol.version)
end

return M
