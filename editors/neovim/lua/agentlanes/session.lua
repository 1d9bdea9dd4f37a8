-- A session's windows: the transcript as it streams, and below it the prompt area.
local Blocks = require("agentlanes.blocks")
local connection = require("agentlanes.connection")
local folds = require("agentlanes.folds")
local keys = require("agentlanes.keys")
local mirror = require("agentlanes.mirror")
local prompt = require("agentlanes.prompt")
local target = require("agentlanes.target")
local transcript = require("agentlanes.transcript")
local window = require("agentlanes.window")

local M = {}
local api = vim.api

local PAGE_ROWS = 200
local GROWING_MS = 80

---@class agentlanes.OpenSession
---@field blocks agentlanes.Blocks
---@field prompt integer The prompt area's buffer.
---@field told? string What the winbar says, until something changes.
---@field growing table<string, true> Items that are about to be shown again.

local open = {} ---@type table<string, agentlanes.OpenSession>

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
  if change.op == "put" and change.noun == "session" and entity.session_id == session_id then
    prompt.show_placeholder(open[session_id].prompt)
    blocks:set(transcript.head_block(entity))
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

---What a session is about and how it is.
---@param session_id string
---@return string
local function describe(session_id)
  local session = mirror.get("session", session_id)
  if not session then
    return ""
  end
  local lane = mirror.get("lane", session.lane_id)
  local turn, queued = target.running(session.session_id), 0
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
  local words = { ("%%#%s#● %s%%*"):format(hl, status), plain(lane and lane.name or "") .. "%<", plain(session.profile) }
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
  local told, help = state.told, "i prompt  s stop  d diff  g? help"
  local width = api.nvim_eval_statusline(told, { use_winbar = true, maxwidth = 1000 }).width + 2 + #help
  if width <= api.nvim_win_get_width(0) then
    told = told .. "%=%#AgentlanesDim#" .. help
  end
  return told
end

---Lets the transcript's window go on with its end.
---@param blocks agentlanes.Blocks
local function follow(blocks)
  local win = window.find(blocks.buf)
  if win then
    api.nvim_win_set_cursor(win, { api.nvim_buf_line_count(blocks.buf), 0 })
  end
end

---@param buf integer The transcript's buffer.
---@param id string
local function map(buf, id)
  keys.map(buf, { "<CR>", "c", "C", "R", "S", "x", "r", "p" })
  keys.set(buf, "n", "q", function()
    M.close(id)
  end, "close the windows")
  for _, key in ipairs({ "i", "o", "<CR>", "p" }) do
    keys.set(buf, "n", key, function()
      M.focus(id)
    end, "go to the prompt")
  end
  for key, where in pairs({ K = "up", J = "down", E = "edit" }) do
    keys.set(buf, "n", key, function()
      require("agentlanes.command").run("queue " .. where)
    end, "in the queue: " .. where)
  end
  keys.set(buf, "n", "]]", function()
    vim.fn.search("^❯", "W")
  end, "next prompt")
  keys.set(buf, "n", "[[", function()
    vim.fn.search("^❯", "bW")
  end, "previous prompt")
end

---@param session agentlanes.Session
local function make(session)
  local id = session.session_id
  local blocks = Blocks.open("agentlanes://session/" .. id, "agentlanes")
  blocks.follow = true
  vim.b[blocks.buf].agentlanes = { session_id = id, lane_id = session.lane_id }
  pcall(vim.treesitter.start, blocks.buf, "markdown")
  local area = prompt.make(session, {
    sent = function()
      follow(blocks)
    end,
    close = function()
      M.close(id)
    end,
  })
  local state = { blocks = blocks, prompt = area, growing = {} }
  open[id] = state
  map(blocks.buf, id)
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
    prompt.keep_draft(id, area)
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
      for _, buf in ipairs({ area, blocks.buf }) do
        if api.nvim_buf_is_valid(buf) then
          api.nvim_buf_delete(buf, { force = true })
        end
      end
    end)
  end
  for _, buf in ipairs({ area, blocks.buf }) do
    api.nvim_create_autocmd("BufUnload", { buffer = buf, callback = forget })
  end
  blocks:set(transcript.head_block(session))
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
  folds.dress(win)
  vim.wo[win][0].winbar = "%{%v:lua.require'agentlanes.session'.winbar()%}"
  window.name(win, "Session")
  follow(state.blocks)
  api.nvim_set_current_win(prompt.show(state.prompt, win))
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
    window.leave(buf)
  end
end

return M
