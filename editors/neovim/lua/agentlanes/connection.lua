-- The way to the server: Neovim's own LSP client over `agentlanes stdio`, one for all windows. When the server goes
-- away it comes back by itself, the events go on after the last one that came, and what was not answered is sent again.
local config = require("agentlanes.config")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local protocol = require("agentlanes.protocol")

local M = {}

local FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 100, 10000

---@alias agentlanes.ConnectionState "stopped"|"connecting"|"connected"|"waiting"

---waiting = the server is gone, and is tried again after a pause.
---@type agentlanes.ConnectionState
M.state = "stopped"

---What the server said of itself at initialize.
---@type { server_id: string, generation: integer, peer_id: string, protocol_version: string, version: string }?
M.server = nil

---@class agentlanes.Ids Context ids of an envelope.
---@field workspace_id? string
---@field lane_id? string
---@field session_id? string
---@field terminal_id? string
---@field correlation_id? string

---@alias agentlanes.Done fun(problem: lsp.ResponseError?, payload: table?)

---@class agentlanes.Pending
---@field number integer
---@field method string
---@field params table
---@field done agentlanes.Done
---@field sent? integer Id of the client that it was sent by.

local client ---@type vim.lsp.Client?
local pause = FIRST_PAUSE_MS
local number = 0
local pending = {} ---@type table<integer, agentlanes.Pending>
local state_listeners = {} ---@type table<function, true>
local stream_listeners = {} ---@type table<string, function>
local mark = ("nvim-%s"):format(vim.uv.random(8):gsub(".", function(byte)
  return ("%02x"):format(byte:byte())
end))

---@param state agentlanes.ConnectionState
local function enter(state)
  M.state = state
  for listener in pairs(state_listeners) do
    listener(state)
  end
end

---Hears every change of `state`.
---@param listener fun(state: agentlanes.ConnectionState)
---@return fun() unlisten
function M.listen(listener)
  state_listeners[listener] = true
  return function()
    state_listeners[listener] = nil
  end
end

---Hears a topic that bypasses the log.
---@param topic string
---@param listener fun(payload: table)
function M.on_stream(topic, listener)
  stream_listeners[topic] = listener
end

---@param each agentlanes.Pending
local function send(each)
  if not client or M.state ~= "connected" then
    return
  end
  each.sent = client.id
  client:request(each.method, each.params, function(problem, result)
    if problem and problem.data and problem.data.code == "SERVER_STOPPING" then
      -- It is sent again to the server that comes after this one.
      each.sent = nil
      return
    end
    pending[each.number] = nil
    each.done(problem, result and result.payload)
  end)
end

local function send_pending()
  local numbers = vim.tbl_keys(pending)
  table.sort(numbers)
  for _, n in ipairs(numbers) do
    if pending[n].sent ~= (client and client.id) then
      send(pending[n])
    end
  end
end

---Nothing of what waits will be sent: a command that is done much later than it was given would surprise.
---@param message string
local function abandon(message)
  local left = pending
  pending = {}
  for _, each in pairs(left) do
    each.done({ code = -32001, message = message, data = { code = "NOT_CONNECTED", retryable = true, details = {} } })
  end
end

---Sends a request, now or as soon as there is a server. A command is done once, however often it has to be sent,
---because its envelope has an id.
---@param method string
---@param payload? table
---@param ids? agentlanes.Ids
---@param done? agentlanes.Done Called once. Where absent, a problem is told to the user.
function M.request(method, payload, ids, done)
  number = number + 1
  local params = vim.tbl_extend("force", {}, ids or {})
  params.payload = (payload and next(payload) ~= nil) and payload or vim.empty_dict()
  params.envelope_id = ("%s-%d"):format(mark, number)
  params.correlation_id = params.correlation_id or params.envelope_id
  local each = {
    number = number,
    method = method,
    params = params,
    done = done or function(problem)
      if problem then
        notice.fail(problem.message)
      end
    end,
  }
  pending[number] = each
  M.start()
  if pending[each.number] == each and not each.sent then
    send(each)
  end
end

---Sends a command and follows what it is about until nothing is under way there any more.
---@param method string
---@param payload? table
---@param ids? agentlanes.Ids
---@param done fun(entity: table) Called with the entity at its end; a problem is told to the user instead.
function M.follow(method, payload, ids, done)
  M.request(method, payload, ids, function(problem, answer)
    if problem then
      return notice.fail(problem.message)
    end
    local noun ---@type string
    for field in
      pairs(answer --[[@as table]])
    do
      noun = protocol.entities[field] and field or noun
    end
    local entity, row = answer[noun], protocol.entities[noun]
    local unlisten ---@type fun()?
    local function look(now)
      if now.operation then
        return false
      end
      if unlisten then
        unlisten()
      end
      if now.problem then
        notice.fail(now.problem.message)
      else
        done(now)
      end
      return true
    end
    -- The mirror may already be past the answer, never behind it.
    if not look(mirror.get(noun, entity[row.id]) or entity) then
      unlisten = mirror.listen(function(change)
        if change.op == "put" and change.noun == noun and change.entity[row.id] == entity[row.id] then
          look(change.entity)
        elseif change.op == "reset" then
          look(mirror.get(noun, entity[row.id]) or entity)
        end
      end)
    end
  end)
end

---Prompts a session.
---@param session agentlanes.Session
---@param text string
---@param links? agentlanes.ResourceLink[]
function M.send_prompt(session, text, links)
  M.request("turn.create", { prompt = text, links = links }, { session_id = session.session_id })
end

---Reads all pages of a list.
---@param method string
---@param field string Field of the page that holds the rows.
---@param payload? table
---@param ids? agentlanes.Ids
---@param each fun(rows: table[], more: boolean)
function M.page(method, field, payload, ids, each)
  M.request(method, payload, ids, function(problem, page)
    if problem then
      return notice.fail(problem.message)
    end
    each(page[field], page.next_cursor ~= nil)
    if page.next_cursor then
      M.page(method, field, vim.tbl_extend("force", payload or {}, { cursor = page.next_cursor }), ids, each)
    end
  end)
end

local function subscribe()
  local this = client
  local params = { payload = mirror.seq and { after_seq = mirror.seq } or vim.empty_dict() }
  this:request("event.subscribe", params, function(problem, result)
    if problem or this ~= client then
      return
    end
    mirror.begin(result.payload)
    if not mirror.seq then
      return subscribe()
    end
    pause = FIRST_PAUSE_MS
    if M.state ~= "connected" then
      enter("connected")
    end
    send_pending()
  end)
end

---@param event agentlanes.EventEnvelope
local function hear(_, event)
  if not mirror.hear(event) then
    return subscribe()
  end
  local listener = stream_listeners[event.topic]
  if listener then
    listener(event.payload)
  end
end

---Every dotted method is a topic, also one that only a newer server knows; LSP's own have slashes.
local handlers = setmetatable({}, {
  __index = function(_, method)
    return method:find(".", 1, true) and not method:find("/", 1, true) and hear or nil
  end,
})

local launch ---@type fun()

local function retry()
  enter("waiting")
  vim.defer_fn(function()
    if M.state == "waiting" then
      launch()
    end
  end, pause)
  pause = math.min(pause * 2, LONGEST_PAUSE_MS)
end

function launch()
  enter("connecting")
  local argv = config.get().cmd
  local this ---@type integer?
  this = vim.lsp.start({
    name = "agentlanes",
    cmd = function(dispatchers)
      local on_exit = dispatchers.on_exit
      dispatchers.on_exit = function()
        -- It comes back by itself; Neovim's own warning about a client that quit would only alarm.
        on_exit(0, 0)
      end
      return vim.lsp.rpc.start(argv, dispatchers)
    end,
    handlers = handlers,
    init_options = { agentlanes = { protocol_versions = { protocol.version }, client = "neovim" } },
    on_init = function(started, result)
      local ours = vim.tbl_get(result, "capabilities", "experimental", "agentlanes")
      if not ours then
        notice.fail(table.concat(argv, " ") .. " is not an agentlanes server; see :checkhealth agentlanes")
        return M.stop()
      end
      client = started
      M.server = vim.tbl_extend("force", ours, { version = vim.tbl_get(result, "serverInfo", "version") })
      if mirror.server_id ~= ours.server_id then
        mirror.server_id, mirror.seq = ours.server_id, nil
      end
      subscribe()
    end,
    on_exit = function()
      vim.schedule(function()
        if client and client.id == this then
          client = nil
        end
        if M.state ~= "stopped" then
          retry()
        end
      end)
    end,
    on_error = function() end,
  }, {
    attach = false,
    silent = true,
    reuse_client = function()
      return false
    end,
  })
  if not this then
    enter("stopped")
    local message = ("%s cannot be started; see :checkhealth agentlanes"):format(argv[1])
    if next(pending) == nil then
      notice.fail(message)
    end
    abandon(message)
  end
end

---Connects, unless it is connected or about to be. What the server holds goes on without any editor.
function M.start()
  if M.state == "stopped" then
    pause = FIRST_PAUSE_MS
    launch()
  end
end

---Connects where needed, and goes on when everything is known.
---@param done fun()
function M.ready(done)
  if M.state == "connected" then
    return done()
  end
  local unlisten ---@type fun()
  unlisten = M.listen(function(state)
    if state == "connected" or state == "stopped" then
      unlisten()
    end
    if state == "connected" then
      done()
    end
  end)
  M.start()
end

---Ends the connection; the server, its agents and terminals go on.
function M.stop()
  enter("stopped")
  if client then
    client:stop()
    client = nil
  end
  abandon("this editor was disconnected")
end

return M
