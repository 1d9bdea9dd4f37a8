-- The prompt area below a transcript: what is typed there is sent, and is kept as a draft until then.
local config = require("agentlanes.config")
local connection = require("agentlanes.connection")
local keys = require("agentlanes.keys")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local target = require("agentlanes.target")
local window = require("agentlanes.window")

local M = {}
local api = vim.api

local PLACEHOLDER = "what shall the agent do?   ⏎ sends · ^S sends while typing"
local OPTIONS = {
  number = false,
  relativenumber = false,
  signcolumn = "no",
  winfixheight = true,
  wrap = true,
  fillchars = "eob: ",
}

local namespace = api.nvim_create_namespace("agentlanes.placeholder")

---@param session_id string
---@return string
local function draft_path(session_id)
  return vim.fs.joinpath(vim.fn.stdpath("state"), "agentlanes", "drafts", session_id)
end

---Writes down what was typed and not sent.
---@param session_id string
---@param buf integer
function M.keep_draft(session_id, buf)
  if not api.nvim_buf_is_loaded(buf) then
    return
  end
  local path = draft_path(session_id)
  local lines = api.nvim_buf_get_lines(buf, 0, -1, false)
  if #lines == 1 and lines[1] == "" then
    os.remove(path)
  else
    vim.fn.mkdir(vim.fs.dirname(path), "p", "0700")
    vim.fn.writefile(lines, path)
  end
end

---Says in an empty prompt area what it is for.
---@param buf integer
function M.show_placeholder(buf)
  if not api.nvim_buf_is_loaded(buf) then
    return
  end
  api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
  local lines = api.nvim_buf_get_lines(buf, 0, 2, false)
  if #lines == 1 and lines[1] == "" then
    local session = mirror.get("session", vim.b[buf].agentlanes.session_id)
    local steer = session and session.offer and session.offer.steer and " · gs steers the running turn" or ""
    api.nvim_buf_set_extmark(buf, namespace, 0, 0, { virt_text = { { PLACEHOLDER .. steer, "AgentlanesDim" } } })
  end
end

---@param session_id string
---@param buf integer
---@param method "turn.create"|"turn.steer"
---@param sent fun()
local function send(session_id, buf, method, sent)
  local text = vim.trim(table.concat(api.nvim_buf_get_lines(buf, 0, -1, false), "\n"))
  if text == "" then
    return
  end
  local payload = { prompt = text }
  if method == "turn.steer" then
    local turn = target.running(session_id)
    if not turn then
      return notice.warn("no turn is running that could be steered")
    end
    payload.turn_id = turn.turn_id
  end
  connection.request(method, payload, { session_id = session_id }, function(problem)
    if problem then
      notice.fail(problem.message)
      if api.nvim_buf_is_loaded(buf) and api.nvim_buf_line_count(buf) == 1 then
        api.nvim_buf_set_lines(buf, 0, -1, false, vim.split(text, "\n", { plain = true }))
      end
    end
  end)
  api.nvim_buf_set_lines(buf, 0, -1, false, {})
  M.show_placeholder(buf)
  os.remove(draft_path(session_id))
  -- What was sent is watched, and answered with two keys; and Neovim finds no folds while somebody types.
  vim.cmd.stopinsert()
  sent()
end

---For its 'omnifunc': the agent's own commands.
---@param findstart 0|1
---@param base string
function M.complete(findstart, base)
  if findstart == 1 then
    return vim.startswith(api.nvim_get_current_line(), "/") and 0 or -3
  end
  local session = mirror.get("session", (vim.b.agentlanes or {}).session_id)
  local found = {}
  for _, command in ipairs(session and session.offer and session.offer.commands or {}) do
    if vim.startswith("/" .. command.name, base) then
      found[#found + 1] = { word = "/" .. command.name, menu = command.hint or "", info = command.description or "" }
    end
  end
  return found
end

---Makes the prompt area of a session, with the draft that was kept of it.
---@param session agentlanes.Session
---@param actions { sent: fun(), close: fun() } What follows when something was sent, and what `q` does.
---@return integer buf
function M.make(session, actions)
  local id = session.session_id
  local buf = window.buffer("agentlanes://prompt/" .. id)
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = "nofile", "hide", false
  vim.bo[buf].filetype = "agentlanes-prompt"
  vim.bo[buf].omnifunc = "v:lua.require'agentlanes.prompt'.complete"
  vim.b[buf].agentlanes = { session_id = id, lane_id = session.lane_id }
  if vim.uv.fs_stat(draft_path(id)) then
    api.nvim_buf_set_lines(buf, 0, -1, false, vim.fn.readfile(draft_path(id)))
  end
  M.show_placeholder(buf)
  for key, modes in pairs({ ["<CR>"] = "n", ["<C-S>"] = { "n", "i" } }) do
    keys.set(buf, modes, key, function()
      send(id, buf, "turn.create", actions.sent)
    end, "send")
  end
  keys.set(buf, "n", "gs", function()
    send(id, buf, "turn.steer", actions.sent)
  end, "steer the running turn")
  keys.set(buf, "n", "<C-C>", function()
    require("agentlanes.command").run("stop")
  end, "stop the running turn")
  keys.set(buf, "n", "q", actions.close, "close the windows")
  keys.map_answers(buf)
  api.nvim_create_autocmd({ "TextChanged", "TextChangedI" }, {
    buffer = buf,
    callback = function()
      M.show_placeholder(buf)
    end,
  })
  api.nvim_create_autocmd({ "BufLeave", "VimLeavePre" }, {
    buffer = buf,
    callback = function()
      M.keep_draft(id, buf)
    end,
  })
  return buf
end

---Shows a prompt area below its transcript; that of another session which was shown here makes place for it.
---@param buf integer
---@param above integer The transcript's window.
---@return integer win
function M.show(buf, above)
  local below = window.find(buf)
  if below then
    return below
  end
  for _, win in ipairs(api.nvim_tabpage_list_wins(0)) do
    if window.kind(win) == "prompt" then
      below = win
    end
  end
  if below then
    api.nvim_win_set_buf(below, buf)
  else
    below = api.nvim_open_win(buf, false, { split = "below", win = above, height = config.get().prompt_height })
  end
  for name, value in pairs(OPTIONS) do
    vim.wo[below][0][name] = value
  end
  window.name(below, "Prompt")
  return below
end

return M
