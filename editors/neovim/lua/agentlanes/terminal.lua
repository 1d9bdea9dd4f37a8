-- Terminals of lanes. The server holds them and their output; what is here is a view at an offset, so closing the
-- editor ends nothing, and coming back continues at the byte after the last one that was shown.
local connection = require("agentlanes.connection")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local window = require("agentlanes.window")

local M = {}
local api = vim.api

-- The emulator takes about a megabyte of short lines in a second (measured), and nothing else runs meanwhile. So it is
-- fed in slices, for a part of the time, and asks the server for no more than it can take; what is too much is skipped.
local WINDOW_BYTES = 64 * 1024
local SLICE_BYTES = 2048
local BUSY_NS = 6e6
local REST_MS = 8
local TITLE_CHARS = 100

---@class agentlanes.View
---@field buf integer
---@field channel integer
---@field shown? integer Offset up to which the tape is on the screen.
---@field live? integer Offset from which the tape is new; what is before is history.
---@field backlog { data: string, ends: integer? }[] What came and is not shown yet; words of ours have no end.
---@field ending? { told: string, at: integer } What is said once everything before this offset is on the screen.
---@field feeding boolean
---@field parsing boolean Whether output is being taken in, so that what comes back is the emulator's own answer.
---@field typed string[] Keys that were not sent yet.
---@field sending boolean
---@field inputs integer
---@field cols? integer
---@field rows? integer

local views = {} ---@type table<string, agentlanes.View>
local mark = ("%x"):format(vim.uv.hrtime())

---Sends what was typed, in order: the next part when the one before has arrived. A part that is sent again after the
---server came back has the same id, and is taken once.
---@param terminal_id string
---@param view agentlanes.View
local function send_typed(terminal_id, view)
  if view.sending or #view.typed == 0 then
    return
  end
  view.sending = true
  view.inputs = view.inputs + 1
  local payload = {
    data = vim.base64.encode(table.concat(view.typed)),
    encoding = "base64",
    input_id = ("nvim-%s-%d"):format(mark, view.inputs),
  }
  view.typed = {}
  connection.request("terminal.input", payload, { terminal_id = terminal_id }, function(problem)
    view.sending = false
    if problem then
      notice.warn(problem.message)
    end
    send_typed(terminal_id, view)
  end)
end

---@param terminal_id string
---@param view agentlanes.View
---@param claim boolean Whether the user works here, so that this window's size counts.
local function resize(terminal_id, view, claim)
  local win = window.find(view.buf)
  local terminal = mirror.get("terminal", terminal_id)
  if not win or not terminal or terminal.state == "closed" then
    return
  end
  local cols = api.nvim_win_get_width(win) - vim.fn.getwininfo(win)[1].textoff
  local rows = api.nvim_win_get_height(win)
  if cols == view.cols and rows == view.rows and not claim then
    return
  end
  view.cols, view.rows = cols, rows
  local payload = { cols = cols, rows = rows, claim = claim or nil }
  connection.request("terminal.resize", payload, { terminal_id = terminal_id }, function() end)
end

---@param view agentlanes.View
---@param data string
local function show(view, data)
  view.parsing = true
  api.nvim_chan_send(view.channel, data)
  view.parsing = false
end

---Shows what came, for as long as the user does not notice, and goes on after a pause.
---@param terminal_id string
---@param view agentlanes.View
local function feed(terminal_id, view)
  if views[terminal_id] ~= view then
    return
  end
  local start = vim.uv.hrtime()
  local used = nil ---@type integer?
  while view.backlog[1] and vim.uv.hrtime() - start < BUSY_NS do
    local part = view.backlog[1]
    local slice = part.data:sub(1, SLICE_BYTES)
    part.data = part.data:sub(SLICE_BYTES + 1)
    if part.ends then
      view.shown = part.ends - #part.data
    end
    show(view, slice)
    if part.data == "" then
      table.remove(view.backlog, 1)
      used = part.ends or used
    end
  end
  if used and connection.state == "connected" then
    connection.request("terminal.ack", { consumed = used }, { terminal_id = terminal_id }, function() end)
  end
  view.feeding = view.backlog[1] ~= nil
  if view.ending and not view.feeding and (view.shown or 0) >= view.ending.at then
    show(view, view.ending.told)
    view.ending = nil
  end
  if view.feeding then
    vim.defer_fn(function()
      feed(terminal_id, view)
    end, REST_MS)
  end
end

---@param terminal_id string
---@param view agentlanes.View
local function attach(terminal_id, view)
  local payload = { mode = "mode_a", encoding = "base64", flow = "latest", window_bytes = WINDOW_BYTES }
  -- The whole tape where nothing is shown yet, and what was missed where something is.
  view.backlog = {}
  payload.offset, payload.nudge = view.shown or 0, false
  connection.request("terminal.attach", payload, { terminal_id = terminal_id }, function(problem, attachment)
    if problem then
      return notice.warn(problem.message)
    end
    view.live = attachment.end_offset
    mirror.take("terminal", { attachment.terminal })
    resize(terminal_id, view, false)
  end)
end

---@param terminal_id string
---@param view agentlanes.View
local function listen(terminal_id, view)
  local unlisten = mirror.listen(function(change)
    local terminal = change.noun == "terminal" and change.entity
    if change.op == "put" and terminal and terminal.terminal_id == terminal_id then
      local closed = terminal.state == "closed" and (change.before or {}).state ~= "closed"
      if closed and change.before then
        local how = terminal.exit_code and ("exit " .. terminal.exit_code) or terminal.signal or "ended"
        -- The news of the end overtakes the last output, which comes as fast as it can be shown.
        connection.request("terminal.get", nil, { terminal_id = terminal_id }, function(problem, found)
          local at = not problem and found.terminal.last_output_seq or 0
          view.ending = { told = ("\r\n[%s]\r\n"):format(how), at = at }
          if not view.feeding then
            feed(terminal_id, view)
          end
        end)
      end
    end
  end)
  local unlisten_state = connection.listen(function(state)
    if state == "connected" then
      attach(terminal_id, view)
    end
  end)
  view.take = function(output)
    if output.skipped and view.shown then
      local told = ("\r\n\27[7m %d bytes were skipped \27[0m\r\n"):format(output.skipped)
      table.insert(view.backlog, { data = told })
    end
    table.insert(view.backlog, { data = vim.base64.decode(output.data), ends = output.next_offset })
    if not view.feeding then
      feed(terminal_id, view)
    end
  end
  api.nvim_create_autocmd("BufUnload", {
    buffer = view.buf,
    callback = function()
      unlisten()
      unlisten_state()
      views[terminal_id] = nil
      connection.request("terminal.detach", nil, { terminal_id = terminal_id }, function() end)
    end,
  })
end

connection.on_stream("terminal.output", function(output)
  local view = views[output.terminal_id]
  if view then
    view.take(output)
  end
end)

api.nvim_create_autocmd({ "WinResized", "BufWinEnter" }, {
  group = api.nvim_create_augroup("agentlanes.terminal", {}),
  callback = vim.schedule_wrap(function()
    for terminal_id, view in pairs(views) do
      resize(terminal_id, view, false)
    end
  end),
})

---@param terminal agentlanes.Terminal
---@return agentlanes.View
local function make(terminal)
  local id = terminal.terminal_id
  local buf = window.buffer("agentlanes://terminal/" .. id)
  vim.bo[buf].bufhidden = "hide"
  local view =
    { buf = buf, channel = 0, backlog = {}, feeding = false, parsing = false, typed = {}, sending = false, inputs = 0 } ---@type agentlanes.View
  view.channel = api.nvim_open_term(buf, {
    on_input = function(_, _, _, data)
      -- What the emulator answers by itself to output of the past was answered long ago, and what it answers to new
      -- output only the one who works there may say.
      local old = view.live and (view.shown or 0) <= view.live
      if view.parsing and (old or api.nvim_get_current_buf() ~= buf) then
        return
      end
      view.typed[#view.typed + 1] = data
      send_typed(id, view)
    end,
  })
  vim.b[buf].agentlanes = { terminal_id = id, lane_id = terminal.lane_id, session_id = terminal.session_id }
  vim.b[buf].term_title = terminal.title
  api.nvim_create_autocmd("TermEnter", {
    buffer = buf,
    callback = function()
      resize(id, view, true)
    end,
  })
  views[id] = view
  listen(id, view)
  attach(id, view)
  return view
end

---Opens a terminal's window.
---@param terminal agentlanes.Terminal
---@param mods? string
function M.open(terminal, mods)
  local view = views[terminal.terminal_id] or make(terminal)
  local win = window.show(view.buf, "terminal", mods)
  for name, value in pairs({ number = false, relativenumber = false, signcolumn = "no", winfixheight = true }) do
    vim.wo[win][0][name] = value
  end
  window.name(win, terminal.title)
  -- The last line is followed.
  api.nvim_win_set_cursor(win, { api.nvim_buf_line_count(view.buf), 0 })
  resize(terminal.terminal_id, view, true)
end

---Starts a program, the user's shell where none is named, in a lane, and opens its window.
---@param lane agentlanes.Lane
---@param command? string A line for the user's shell.
---@param mods? string
function M.spawn(lane, command, mods)
  local payload = {}
  if command then
    payload = { argv = { vim.o.shell, "-c", command }, title = vim.fn.strcharpart(command, 0, TITLE_CHARS) }
  end
  local shown = window.unless_moved(function(terminal)
    return ("%s runs in %s"):format(terminal.title, lane.name)
  end, function(terminal)
    M.open(terminal, mods)
    vim.cmd.startinsert()
  end)
  connection.follow("terminal.spawn", payload, { lane_id = lane.lane_id }, shown)
end

return M
