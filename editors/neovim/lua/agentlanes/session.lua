-- A session's windows: the transcript as it streams, and below it a prompt area that keeps its draft.
local Blocks = require("agentlanes.blocks")
local config = require("agentlanes.config")
local connection = require("agentlanes.connection")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local transcript = require("agentlanes.transcript")
local window = require("agentlanes.window")

local M = {}
local api = vim.api

local PAGE_ROWS = 200
local GROWING_MS = 80
local PLACEHOLDER = "what shall the agent do?   ⏎ sends · ^S sends while typing"

---@class agentlanes.OpenSession
---@field blocks agentlanes.Blocks
---@field prompt integer The prompt area's buffer.
---@field told? string What the winbar says, until something changes.
---@field growing table<string, true> Items that are about to be shown again.

local open = {} ---@type table<string, agentlanes.OpenSession>
local placeholder = api.nvim_create_namespace("agentlanes.placeholder")

---@param session_id string
---@return string
local function draft_path(session_id)
  return vim.fs.joinpath(vim.fn.stdpath("state"), "agentlanes", "drafts", session_id)
end

---@param session_id string
local function keep_draft(session_id)
  local state = open[session_id]
  if not state or not api.nvim_buf_is_loaded(state.prompt) then
    return
  end
  local path = draft_path(session_id)
  local lines = api.nvim_buf_get_lines(state.prompt, 0, -1, false)
  if #lines == 1 and lines[1] == "" then
    os.remove(path)
  else
    vim.fn.mkdir(vim.fs.dirname(path), "p", "0700")
    vim.fn.writefile(lines, path)
  end
end

---@param buf integer
local function show_placeholder(buf)
  api.nvim_buf_clear_namespace(buf, placeholder, 0, -1)
  local lines = api.nvim_buf_get_lines(buf, 0, 2, false)
  if #lines == 1 and lines[1] == "" then
    local session = mirror.get("session", vim.b[buf].agentlanes.session_id)
    local steer = session and session.offer and session.offer.steer and " · gs steers the running turn" or ""
    api.nvim_buf_set_extmark(buf, placeholder, 0, 0, { virt_text = { { PLACEHOLDER .. steer, "AgentlanesDim" } } })
  end
end

---@param turn agentlanes.Turn
---@param blocks agentlanes.Blocks
local function note_seen(turn, blocks)
  if turn.seen or not mirror.is_final("turn", turn) or turn.status == "canceled" or not window.find(blocks.buf) then
    return
  end
  connection.request("turn.update", { turn_id = turn.turn_id, seen = true }, nil, function() end)
end

---@param session_id string
local function load(session_id)
  local ids = { session_id = session_id }
  connection.page("turn.list", "turns", { limit = PAGE_ROWS }, ids, function(turns, more)
    mirror.take("turn", turns)
    if more then
      return
    end
    connection.page("item.list", "items", { limit = PAGE_ROWS }, ids, function(items)
      mirror.take("item", items)
    end)
    connection.page("approval.list", "approvals", { limit = PAGE_ROWS }, ids, function(approvals)
      mirror.take("approval", approvals)
    end)
  end)
end

---Shows what a tool prints while it prints: the whole of it now and then, because it is cut and folded.
---@param session_id string
---@param item_id string
local function show_growing(session_id, item_id)
  local state = open[session_id]
  if state.growing[item_id] then
    return
  end
  state.growing[item_id] = true
  vim.defer_fn(function()
    state.growing[item_id] = nil
    local item = mirror.get("item", item_id)
    local block = item and open[session_id] == state and transcript.item_block(item)
    if block then
      state.blocks:set(block)
    end
  end, GROWING_MS)
end

---@param session_id string
---@param change agentlanes.Change
local function hear(session_id, change)
  local blocks, entity = open[session_id].blocks, change.entity
  if change.noun ~= "item" then
    open[session_id].told = nil
  end
  if change.noun == "session" and entity.session_id == session_id then
    show_placeholder(open[session_id].prompt)
  end
  if change.op == "reset" then
    return load(session_id)
  elseif not entity or entity.session_id ~= session_id then
    return
  elseif change.op == "append" then
    if blocks.by_key[entity.item_id] then
      if entity.kind == "message" or entity.kind == "thought" then
        return blocks:grow(entity.item_id, change.data)
      end
    end
    return show_growing(session_id, entity.item_id)
  end
  local block ---@type agentlanes.Block?
  if change.noun == "turn" then
    local before = change.before
    if before and before.started_at ~= entity.started_at then
      for _, each in ipairs(transcript.turn_blocks(entity)) do
        blocks:set(each)
      end
      return
    end
    local first, last = transcript.turn_frame(entity)
    blocks:set(first)
    blocks:set(last)
    note_seen(entity, blocks)
  elseif change.noun == "item" then
    block = transcript.item_block(entity)
  elseif change.noun == "approval" then
    block = transcript.approval_block(entity)
  end
  if block then
    blocks:set(block)
  end
end

---@param session_id string
---@param method "turn.create"|"turn.steer"
local function send(session_id, method)
  local state = open[session_id]
  local text = vim.trim(table.concat(api.nvim_buf_get_lines(state.prompt, 0, -1, false), "\n"))
  if text == "" then
    return
  end
  local function done(problem)
    if problem then
      notice.fail(problem.message)
      if api.nvim_buf_is_loaded(state.prompt) and api.nvim_buf_line_count(state.prompt) == 1 then
        api.nvim_buf_set_lines(state.prompt, 0, -1, false, vim.split(text, "\n", { plain = true }))
      end
    end
  end
  if method == "turn.steer" then
    local turn = M.running(session_id)
    if not turn then
      return notice.warn("no turn is running that could be steered")
    end
    connection.request(method, { turn_id = turn.turn_id, prompt = text }, { session_id = session_id }, done)
  else
    connection.request(method, { prompt = text }, { session_id = session_id }, done)
  end
  api.nvim_buf_set_lines(state.prompt, 0, -1, false, {})
  show_placeholder(state.prompt)
  os.remove(draft_path(session_id))
  local win = window.find(state.blocks.buf)
  if win then
    api.nvim_win_set_cursor(win, { api.nvim_buf_line_count(state.blocks.buf), 0 })
  end
end

---The turn of a session that is under way.
---@param session_id string
---@return agentlanes.Turn?
function M.running(session_id)
  for _, turn in ipairs(mirror.list("turn", session_id)) do
    if turn.status ~= "queued" and not mirror.is_final("turn", turn) then
      return turn
    end
  end
end

---For 'omnifunc' of a prompt: the agent's own commands.
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

---What a session is about and how it is.
---@param session_id string
---@return string
local function describe(session_id)
  local session = mirror.get("session", session_id)
  if not session then
    return ""
  end
  local lane = mirror.get("lane", session.lane_id)
  local turn, queued = M.running(session.session_id), 0
  for _, each in ipairs(mirror.list("turn", session.session_id)) do
    queued = queued + (each.status == "queued" and 1 or 0)
  end
  local status = turn and turn.status or session.status == "attached" and "idle" or session.status
  local hl = status == "running" and "AgentlanesRunning"
    or status == "waiting" and "AgentlanesWaiting"
    or "AgentlanesDim"
  if connection.state ~= "connected" then
    status, hl = "the server is gone, trying again", "AgentlanesFailed"
  end
  local function plain(text)
    return (text:gsub("%%", "%%%%"))
  end
  local words = { ("%%#%s#● %s%%*"):format(hl, status), plain(lane and lane.name or ""), plain(session.profile) }
  if session.choice and session.choice.model then
    words[#words + 1] = plain(session.choice.model)
  end
  if queued > 0 then
    words[#words + 1] = ("⧗ %d queued"):format(queued)
  end
  local usage = session.usage
  if usage and usage.context_used and usage.context_size and usage.context_size > 0 then
    words[#words + 1] = ("%d%%%% of context"):format(100 * usage.context_used / usage.context_size)
  end
  return table.concat(words, " · ")
end

---For the 'winbar' of a transcript.
---@return string
function M.winbar()
  local id = (vim.b.agentlanes or {}).session_id
  local state = open[id]
  if not state then
    return ""
  end
  -- It is asked for at every redraw, and there may be many turns.
  state.told = state.told or describe(id)
  local told, keys = state.told, "i prompt  s stop  d diff  g? help"
  local width = api.nvim_eval_statusline(told, { use_winbar = true, maxwidth = 1000 }).width + 2 + #keys
  if width <= api.nvim_win_get_width(0) then
    told = told .. "%=%#AgentlanesDim#" .. keys
  end
  return told
end

---@param session agentlanes.Session
local function make(session)
  local id = session.session_id
  local blocks = Blocks.open("agentlanes://session/" .. id, "agentlanes")
  blocks.follow = true
  vim.b[blocks.buf].agentlanes = { session_id = id, lane_id = session.lane_id }
  pcall(vim.treesitter.start, blocks.buf, "markdown")
  local prompt = window.buffer("agentlanes://prompt/" .. id)
  vim.bo[prompt].buftype, vim.bo[prompt].bufhidden, vim.bo[prompt].swapfile = "nofile", "hide", false
  vim.bo[prompt].filetype = "agentlanes-prompt"
  vim.bo[prompt].omnifunc = "v:lua.require'agentlanes.session'.complete"
  vim.b[prompt].agentlanes = { session_id = id, lane_id = session.lane_id }
  local state = { blocks = blocks, prompt = prompt, growing = {} }
  open[id] = state
  if vim.uv.fs_stat(draft_path(id)) then
    api.nvim_buf_set_lines(prompt, 0, -1, false, vim.fn.readfile(draft_path(id)))
  end
  show_placeholder(prompt)

  local function map(buf, modes, key, action, desc)
    vim.keymap.set(modes, key, action, { buffer = buf, nowait = true, desc = "agentlanes: " .. desc })
  end
  require("agentlanes.lanes").map(blocks.buf, { "<CR>", "c", "C", "R", "S", "x", "r" })
  map(blocks.buf, "n", "q", function()
    M.close(id)
  end, "close the windows")
  for _, key in ipairs({ "i", "o", "<CR>", "p" }) do
    map(blocks.buf, "n", key, function()
      M.focus(id)
    end, "go to the prompt")
  end
  for key, where in pairs({ K = "up", J = "down", E = "edit" }) do
    map(blocks.buf, "n", key, function()
      require("agentlanes.command").run("queue " .. where)
    end, "queue: " .. where)
  end
  map(blocks.buf, "n", "]]", function()
    vim.fn.search("^❯", "W")
  end, "next prompt")
  map(blocks.buf, "n", "[[", function()
    vim.fn.search("^❯", "bW")
  end, "previous prompt")
  map(prompt, "n", "<CR>", function()
    send(id, "turn.create")
  end, "send")
  map(prompt, { "n", "i" }, "<C-s>", function()
    send(id, "turn.create")
  end, "send")
  map(prompt, "n", "gs", function()
    send(id, "turn.steer")
  end, "steer the running turn")
  map(prompt, "n", "<C-c>", function()
    require("agentlanes.command").run("stop")
  end, "stop the running turn")
  map(prompt, "n", "q", function()
    M.close(id)
  end, "close the windows")
  api.nvim_create_autocmd({ "TextChanged", "TextChangedI" }, {
    buffer = prompt,
    callback = function()
      show_placeholder(prompt)
    end,
  })
  api.nvim_create_autocmd({ "BufLeave", "VimLeavePre" }, {
    buffer = prompt,
    callback = function()
      keep_draft(id)
    end,
  })
  api.nvim_create_autocmd("BufWinEnter", {
    buffer = blocks.buf,
    callback = function()
      for _, turn in ipairs(mirror.list("turn", id)) do
        note_seen(turn, blocks)
      end
    end,
  })

  local unlisten = mirror.listen(function(change)
    hear(id, change)
  end)
  local unlisten_state = connection.listen(function()
    state.told = nil
    vim.schedule(function()
      vim.cmd("redrawstatus!")
    end)
  end)
  local function forget()
    if open[id] ~= state then
      return
    end
    keep_draft(id)
    unlisten()
    unlisten_state()
    open[id] = nil
    for _, turn in ipairs(mirror.list("turn", id)) do
      if mirror.is_final("turn", turn) then
        mirror.let_go(turn.turn_id)
      end
    end
    -- One without the other, or without its keys, is of no use.
    vim.schedule(function()
      for _, buf in ipairs({ prompt, blocks.buf }) do
        if api.nvim_buf_is_valid(buf) then
          api.nvim_buf_delete(buf, { force = true })
        end
      end
    end)
  end
  for _, buf in ipairs({ prompt, blocks.buf }) do
    api.nvim_create_autocmd("BufUnload", { buffer = buf, callback = forget })
  end
  for _, turn in ipairs(mirror.list("turn", id)) do
    for _, block in ipairs(transcript.turn_blocks(turn)) do
      blocks:set(block)
    end
  end
  load(id)
  return state
end

---Opens a session's windows and goes to its prompt.
---@param session agentlanes.Session
---@param mods? string
function M.open(session, mods)
  local state = open[session.session_id] or make(session)
  local win = window.show(state.blocks.buf, "session", mods)
  Blocks.dress(win)
  vim.wo[win][0].winbar = "%{%v:lua.require'agentlanes.session'.winbar()%}"
  api.nvim_win_set_cursor(win, { api.nvim_buf_line_count(state.blocks.buf), 0 })
  -- The prompt area of another session that was shown here makes place for this one's.
  local below = window.find(state.prompt)
  if not below then
    for _, each in ipairs(api.nvim_tabpage_list_wins(0)) do
      if vim.w[each].agentlanes == "prompt" then
        below = each
      end
    end
    if not below then
      below =
        api.nvim_open_win(state.prompt, false, { split = "below", win = win, height = config.get().prompt_height })
    end
    api.nvim_win_set_buf(below, state.prompt)
    vim.w[below].agentlanes = "prompt"
    local options = {
      number = false,
      relativenumber = false,
      signcolumn = "no",
      winfixheight = true,
      wrap = true,
      fillchars = "eob: ",
    }
    for name, value in pairs(options) do
      vim.wo[below][0][name] = value
    end
  end
  api.nvim_set_current_win(below)
end

---Goes to the prompt of a session that is open.
---@param session_id string
function M.focus(session_id)
  local session = mirror.get("session", session_id)
  if session then
    M.open(session)
    vim.cmd.startinsert({ bang = true })
  end
end

---Closes a session's windows; the session goes on.
---@param session_id string
function M.close(session_id)
  local state = open[session_id]
  for _, buf in ipairs(state and { state.prompt, state.blocks.buf } or {}) do
    local win = window.find(buf)
    if win and #api.nvim_tabpage_list_wins(0) > 1 then
      api.nvim_win_close(win, false)
    elseif win then
      vim.cmd.enew()
    end
  end
end

return M
