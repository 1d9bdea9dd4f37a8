-- A buffer made of blocks in order. A block that changes touches only the lines that differ, so that cursors, folds
-- and marks of everything else stay where they are, and a text that grows is only ever added to.
local window = require("agentlanes.window")

local api = vim.api

---@class agentlanes.Row One line: chunks of text with their highlights, in order.
---@field [integer] { [1]: string, [2]: string? }
---@field fold? string What 'foldexpr' says of it; "0" where absent.
---@field target? table What it is about, where that is not the block's target.

---@class agentlanes.Block
---@field key string
---@field order string Blocks stand in ascending order of this.
---@field rows agentlanes.Row[]
---@field target? table What it is about.
---@field growing? { indent: string, hl: string? } How a text that grows at its end looks.

---@class agentlanes.Blocks
---@field buf integer
---@field private list agentlanes.Block[]
---@field private by_key table<string, agentlanes.Block>
---@field private starts integer[] First line, from 0, of each block, as far as `known`.
---@field private known integer
---@field follow? boolean Whether a cursor on the last line goes on with it.
local Blocks = {}
Blocks.__index = Blocks

local namespace = api.nvim_create_namespace("agentlanes.blocks")
local of_buffer = {} ---@type table<integer, agentlanes.Blocks>

---@param name string Name of the buffer, which is reused where there is one.
---@param filetype string
---@return agentlanes.Blocks
---@return boolean fresh Whether there was none.
function Blocks.open(name, filetype)
  local buf = window.buffer(name)
  if of_buffer[buf] then
    return of_buffer[buf], false
  end
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = "nofile", "hide", false
  vim.bo[buf].undolevels, vim.bo[buf].modifiable = -1, false
  local self = setmetatable({ buf = buf, list = {}, by_key = {}, starts = {}, known = 0 }, Blocks)
  of_buffer[buf] = self
  api.nvim_create_autocmd("BufUnload", {
    buffer = buf,
    callback = function()
      of_buffer[buf] = nil
    end,
  })
  vim.bo[buf].filetype = filetype
  return self, true
end

---The blocks of a buffer, the current one where none is named.
---@param buf? integer
---@return agentlanes.Blocks?
function Blocks.of(buf)
  return of_buffer[(buf == nil or buf == 0) and api.nvim_get_current_buf() or buf]
end

---For 'foldexpr'.
---@param lnum integer
---@return string
function Blocks.fold(lnum)
  local self = Blocks.of()
  local block, at = nil, nil
  if self then
    block, at = self:at(lnum)
  end
  return block and block.rows[at] and block.rows[at].fold or "0"
end

---@param row agentlanes.Row
local function text_of(row)
  local parts = {}
  for _, chunk in ipairs(row) do
    parts[#parts + 1] = chunk[1]
  end
  -- A line that came from somewhere else may hold anything.
  return (table.concat(parts):gsub("[\n\r]", " "))
end

---Replaces lines. nvim_buf_set_lines and its like take every line that they touch out of its fold, which then is too
---short; these functions do not. Neovim asks for folds at each step, so there are as many lines as in the end at once.
---@param buf integer
---@param first integer From 0.
---@param last integer Exclusive.
---@param lines string[]
local function set_lines(buf, first, last, lines)
  local stay = math.min(last - first, #lines)
  if #lines > stay then
    vim.fn.appendbufline(buf, first + stay, vim.list_slice(lines, stay + 1))
  elseif first + stay < last then
    vim.fn.deletebufline(buf, first + stay + 1, last)
  end
  if stay > 0 then
    vim.fn.setbufline(buf, first + 1, vim.list_slice(lines, 1, stay))
  end
end

---@param a agentlanes.Row
---@param b agentlanes.Row
local function is_same(a, b)
  if #a ~= #b or a.fold ~= b.fold then
    return false
  end
  for i, chunk in ipairs(a) do
    if chunk[1] ~= b[i][1] or chunk[2] ~= b[i][2] then
      return false
    end
  end
  return true
end

---First line of the block at an index, from 0.
---@private
---@param index integer
---@return integer
function Blocks:start(index)
  while self.known < index do
    local i = self.known + 1
    self.starts[i] = i == 1 and 0 or self.starts[i - 1] + #self.list[i - 1].rows
    self.known = i
  end
  return self.starts[index]
end

---@private
---@param order string
---@return integer index Of the first block that is not before `order`.
function Blocks:seek(order)
  local low, high = 1, #self.list + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if self.list[middle].order < order then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

---@private
---@param block agentlanes.Block
---@return integer
function Blocks:index(block)
  local index = self:seek(block.order)
  while self.list[index] ~= block do
    index = index + 1
  end
  return index
end

---The block at a line, and which of its rows that is.
---@param lnum integer From 1.
---@return agentlanes.Block?
---@return integer? at
function Blocks:at(lnum)
  if #self.list == 0 then
    return nil
  end
  self:start(#self.list)
  local low, high = 1, #self.list
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if self.starts[middle] < lnum then
      low = middle
    else
      high = middle - 1
    end
  end
  return self.list[low], lnum - self.starts[low]
end

---What a line is about.
---@param lnum? integer The cursor's where absent.
---@return table?
function Blocks:target(lnum)
  local block, at = self:at(lnum or api.nvim_win_get_cursor(0)[1])
  if not block then
    return nil
  end
  local row = block.rows[at]
  return row and row.target or block.target
end

---First line, from 1, of a block.
---@param key string
---@return integer?
function Blocks:line(key)
  local block = self.by_key[key]
  return block and self:start(self:index(block)) + 1
end

---The keys of all blocks, in order.
---@return string[]
function Blocks:keys()
  return vim.tbl_map(function(block)
    return block.key
  end, self.list)
end

---@private
---@param first integer
---@param row agentlanes.Row
function Blocks:colour(first, row)
  local column = 0
  for _, chunk in ipairs(row) do
    local ends = column + #chunk[1]
    if chunk[2] and ends > column then
      api.nvim_buf_set_extmark(self.buf, namespace, first, column, {
        end_col = ends,
        hl_group = chunk[2],
        strict = false,
      })
    end
    column = ends
  end
end

---Windows whose cursor rests on the last line go on with it.
---@private
---@param edit fun()
function Blocks:edit(edit)
  local before = api.nvim_buf_line_count(self.buf)
  local following = {} ---@type integer[]
  for _, win in ipairs(vim.fn.win_findbuf(self.buf)) do
    if self.follow and api.nvim_win_get_cursor(win)[1] >= before then
      following[#following + 1] = win
    end
  end
  vim.bo[self.buf].modifiable = true
  edit()
  vim.bo[self.buf].modifiable = false
  local after = api.nvim_buf_line_count(self.buf)
  for _, win in ipairs(following) do
    if after ~= before then
      api.nvim_win_set_cursor(win, { after, 0 })
    end
  end
end

---Makes lines of rows. The blocks already are what the buffer is to be, because Neovim asks for folds at once.
---@private
---@param first integer From 0.
---@param last integer Exclusive.
---@param rows agentlanes.Row[]
function Blocks:replace(first, last, rows)
  self:edit(function()
    api.nvim_buf_clear_namespace(self.buf, namespace, first, last)
    set_lines(self.buf, first, last, vim.tbl_map(text_of, rows))
    for i, row in ipairs(rows) do
      self:colour(first + i - 1, row)
    end
  end)
end

---Puts a block: a new one in its place, a known one over what it was.
---@param block agentlanes.Block
function Blocks:set(block)
  local old = self.by_key[block.key]
  if #block.rows == 0 then
    return self:remove(block.key)
  end
  if old and old.order ~= block.order then
    self:remove(block.key)
    old = nil
  end
  if not old then
    local index = self:seek(block.order)
    -- An empty buffer has one line that is no row.
    local empty = #self.list == 0
    table.insert(self.list, index, block)
    self.by_key[block.key] = block
    self.known = math.min(self.known, index - 1)
    local first = self:start(index)
    return self:replace(first, first + (empty and 1 or 0), block.rows)
  end
  local index = self:index(old)
  local first = self:start(index)
  local head, tail = 0, 0
  local shorter = math.min(#old.rows, #block.rows)
  while head < shorter and is_same(old.rows[head + 1], block.rows[head + 1]) do
    head = head + 1
  end
  while tail < shorter - head and is_same(old.rows[#old.rows - tail], block.rows[#block.rows - tail]) do
    tail = tail + 1
  end
  local changed = vim.list_slice(block.rows, head + 1, #block.rows - tail)
  local from, to = first + head, first + #old.rows - tail
  if #block.rows ~= #old.rows then
    self.known = math.min(self.known, index)
  end
  self.list[index], self.by_key[block.key] = block, block
  if from < to or #changed > 0 then
    self:replace(from, to, changed)
  end
end

---Adds to the text at the end of a block whose `growing` says how.
---@param key string
---@param data string
function Blocks:grow(key, data)
  local block = self.by_key[key]
  if not block or not block.growing then
    return
  end
  local index = self:index(block)
  local row = self:start(index) + #block.rows - 1
  local lines = vim.split(data, "\n", { plain = true })
  for i = 2, #lines do
    lines[i] = block.growing.indent .. lines[i]
  end
  local last = block.rows[#block.rows]
  local hl = block.growing.hl
  if last[#last] and last[#last][2] == hl then
    last[#last][1] = last[#last][1] .. lines[1]
  else
    last[#last + 1] = { lines[1], hl }
  end
  for i = 2, #lines do
    block.rows[#block.rows + 1] = { { lines[i], hl }, fold = last.fold and "1" or nil }
  end
  if #lines > 1 then
    self.known = math.min(self.known, index)
  end
  self:replace(row, row + 1, vim.list_slice(block.rows, #block.rows - #lines + 1))
end

---@param key string
function Blocks:remove(key)
  local block = self.by_key[key]
  if not block then
    return
  end
  local index = self:index(block)
  local first = self:start(index)
  table.remove(self.list, index)
  self.by_key[key] = nil
  self.known = math.min(self.known, index - 1)
  self:replace(first, first + #block.rows, {})
end

---Makes the buffer hold these blocks and no others.
---@param blocks agentlanes.Block[]
function Blocks:show(blocks)
  local wanted = {}
  for _, block in ipairs(blocks) do
    wanted[block.key] = true
  end
  for _, key in ipairs(self:keys()) do
    if not wanted[key] then
      self:remove(key)
    end
  end
  for _, block in ipairs(blocks) do
    self:set(block)
  end
end

return Blocks
