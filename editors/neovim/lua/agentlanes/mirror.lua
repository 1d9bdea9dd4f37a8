-- What the server has told: entities are put or dropped by id, texts grow at offsets. It holds no rule.
local protocol = require("agentlanes.protocol")

local M = {}

---@class agentlanes.Change
---@field op "put"|"drop"|"append"|"reset"
---@field noun? string
---@field entity? table The entity as it is now; of a drop, as it was.
---@field before? table The entity as it was.
---@field data? string What an item's text grew by.

---The position in the log that everything here stands at; nil before the first snapshot and after a gap.
---@type integer?
M.seq = nil

---Which state dir's log this is.
---@type string?
M.server_id = nil

local entities = {} ---@type table<string, table<string, table>>
local children = {} ---@type table<string, table<string, table<string, true>>>
local texts = {} ---@type table<string, { size: integer, parts: string[] }>
local listeners = {} ---@type table<function, true>

---@param listener fun(change: agentlanes.Change)
---@return fun() unlisten
function M.listen(listener)
  listeners[listener] = true
  return function()
    listeners[listener] = nil
  end
end

---@param change agentlanes.Change
local function tell(change)
  for listener in pairs(listeners) do
    listener(change)
  end
end

local function clear()
  entities, children, texts = {}, {}, {}
  for noun in pairs(protocol.entities) do
    entities[noun], children[noun] = {}, {}
  end
end
clear()

---An entity by id.
---@param noun string
---@param id string?
---@return table?
function M.get(noun, id)
  return id and entities[noun][id]
end

---All entities of a noun, or those of one parent, in order of their ids, which is the order of their creation.
---@param noun string
---@param parent_id? string
---@return table[]
function M.list(noun, parent_id)
  local found = {}
  if parent_id then
    for id in pairs(children[noun][parent_id] or {}) do
      found[#found + 1] = entities[noun][id]
    end
  else
    found = vim.tbl_values(entities[noun])
  end
  local field = protocol.entities[noun].id
  table.sort(found, function(a, b)
    return a[field] < b[field]
  end)
  return found
end

---The text of an item as far as it came.
---@param item_id string
---@return string
function M.text(item_id)
  local text = texts[item_id]
  if not text then
    return ""
  end
  if #text.parts > 1 then
    text.parts = { table.concat(text.parts) }
  end
  return text.parts[1]
end

---@param item_id string
---@param offset integer
---@param data string
---@return string? fresh What was not known yet.
local function append(item_id, offset, data)
  local text = texts[item_id]
  if not text then
    text = { size = 0, parts = { "" } }
    texts[item_id] = text
  end
  local fresh = data:sub(text.size - offset + 1)
  if offset > text.size or fresh == "" then
    -- A part that is missing here comes with the whole text, when the item changes.
    return nil
  end
  text.parts[#text.parts + 1] = fresh
  text.size = text.size + #fresh
  return fresh
end

---@param noun string
---@param entity table
local function put(noun, entity)
  local row = protocol.entities[noun]
  local id = entity[row.id]
  local before = entities[noun][id]
  entities[noun][id] = entity
  if row.parent then
    local parent_id = entity[row.parent]
    children[noun][parent_id] = children[noun][parent_id] or {}
    children[noun][parent_id][id] = true
  end
  if noun == "item" and entity.text then
    append(id, 0, entity.text)
  end
  return before
end

---@param noun string
---@param entity table
local function drop(noun, entity)
  local row = protocol.entities[noun]
  local id = entity[row.id]
  entities[noun][id], texts[id] = nil, nil
  local siblings = row.parent and children[noun][entity[row.parent]]
  if siblings then
    siblings[id] = nil
  end
end

---Takes the answer to event.subscribe.
---@param subscription agentlanes.Subscription
function M.begin(subscription)
  local snapshot = subscription.snapshot
  if not snapshot then
    if subscription.from_seq ~= M.seq then
      M.seq = nil
    end
    return
  end
  clear()
  M.seq = subscription.seq
  for noun, row in pairs(protocol.entities) do
    for _, entity in ipairs(snapshot[row.plural] or {}) do
      put(noun, entity)
    end
  end
  tell({ op = "reset" })
end

---Takes entities of an answer: it is never older than what is known, because an answer follows its events.
---@param noun string
---@param found table[]
function M.take(noun, found)
  for _, entity in ipairs(found) do
    tell({ op = "put", noun = noun, entity = entity, before = put(noun, entity) })
  end
end

---Forgets the items of a turn, which nobody looks at; the server still has them.
---@param turn_id string
function M.let_go(turn_id)
  for id in pairs(children.item[turn_id] or {}) do
    entities.item[id], texts[id] = nil, nil
  end
  children.item[turn_id] = nil
end

---Takes a notification. False where the stream is broken, and a new snapshot is needed.
---@param event agentlanes.EventEnvelope
---@return boolean whole
function M.hear(event)
  if event.topic == "event.gap" then
    M.seq = nil
  end
  if not M.seq then
    return event.topic ~= "event.gap"
  end
  local payload = event.payload
  if event.topic == "item.delta" then
    local data = append(payload.item_id, payload.offset, payload.data)
    local item = data and entities.item[payload.item_id]
    if item then
      tell({ op = "append", noun = "item", entity = item, data = data })
    end
    return true
  end
  if not event.seq then
    return true
  end
  if event.seq ~= M.seq + 1 then
    M.seq = nil
    return false
  end
  M.seq = event.seq
  local row = protocol.topics[event.topic]
  if not row then
    -- A newer server has topics that are not known here.
    return true
  end
  local entity = payload[row.noun]
  if row.drops then
    drop(row.noun, entity)
    tell({ op = "drop", noun = row.noun, entity = entity })
  else
    tell({ op = "put", noun = row.noun, entity = entity, before = put(row.noun, entity) })
  end
  return true
end

---Whether nothing is legal any more from where an entity stands, by its noun's machine.
---@param noun string
---@param entity table
---@return boolean
function M.is_final(noun, entity)
  local machine = protocol.machines[noun]
  return #(machine.edges[entity[machine.field]] or {}) == 0
end

return M
