-- A session's turns as people read them: what was asked, said, thought and done, one block for each.
local mirror = require("agentlanes.mirror")

local M = {}

local OUTPUT_ROWS = 200
local STATUS_HIGHLIGHTS = {
  running = "AgentlanesRunning",
  waiting = "AgentlanesWaiting",
  completed = "AgentlanesOk",
  failed = "AgentlanesFailed",
  interrupted = "AgentlanesFailed",
  canceled = "AgentlanesDim",
  queued = "AgentlanesDim",
}
local PLAN_MARKS = { completed = "☑", in_progress = "◐", pending = "☐" }
---Keys, the kind of answer that they give, and a word for it.
local WAYS = {
  { "aa", "allow_once", "allow" },
  { "aA", "allow_always" },
  { "ar", "reject_once", "reject" },
  { "aR", "reject_always" },
}
local TOOL_MARKS = { completed = { "✓", "AgentlanesOk" }, failed = { "✗", "AgentlanesFailed" } }

---@param text string
---@return string[]
local function split(text)
  return vim.split(text, "\n", { plain = true })
end

---Where a turn stands among the others: those that ran in the order in which they began, then those that wait.
---@param turn agentlanes.Turn
---@return string
local function order_of(turn)
  if turn.started_at then
    return "1" .. turn.started_at .. turn.turn_id
  end
  if turn.status ~= "queued" then
    return "1" .. (turn.ended_at or turn.created_at) .. turn.turn_id
  end
  return ("2%017.0f%s"):format((turn.position or 0) + 2 ^ 53, turn.turn_id)
end

---@param turn agentlanes.Turn
---@param item agentlanes.Item
local function order_in(turn, item)
  return ("%s/%016d%s"):format(order_of(turn), item.position, item.item_id)
end

---The rows of a text below a row that it folds into.
---@param rows agentlanes.Row[]
---@param text string
---@param indent string
---@param hl? string
---@param most? integer
local function add_folded(rows, text, indent, hl, most)
  local lines = split(text:gsub("\n+$", ""))
  for i, line in ipairs(lines) do
    if most and i > most then
      rows[#rows + 1] = { { ("%s… %d more lines"):format(indent, #lines - most), "AgentlanesDim" }, fold = "1" }
      break
    end
    rows[#rows + 1] = { { indent .. line, hl }, fold = "1" }
  end
end

---The lines of a unified diff of a change, without its head.
---@param change agentlanes.FileChange
---@return agentlanes.Row[]
function M.change_rows(change, indent, fold)
  local function whole(text)
    return (text == "" or text:sub(-1) == "\n") and text or text .. "\n"
  end
  local diff = vim.diff(whole(change.old_text or ""), whole(change.new_text), { ctxlen = 2 }) --[[@as string]]
  local rows = {}
  for _, line in ipairs(split((diff:gsub("\n$", "")))) do
    local first = line:sub(1, 1)
    local hl = first == "+" and "AgentlanesAdded"
      or first == "-" and "AgentlanesRemoved"
      or first == "@" and "AgentlanesTool"
      or nil
    rows[#rows + 1] = { { indent .. line, hl }, fold = fold }
    if #rows >= OUTPUT_ROWS then
      rows[#rows + 1] = { { indent .. "…", "AgentlanesDim" }, fold = fold }
      break
    end
  end
  return rows
end

---@param turn agentlanes.Turn
local function prompt_block(turn)
  local rows = {} ---@type agentlanes.Row[]
  local queued = turn.status == "queued"
  local action = turn.action and turn.action ~= "prompt" and ("/" .. turn.action .. " ") or ""
  for i, line in ipairs(split(action .. turn.prompt)) do
    local mark = i == 1 and (queued and "⧗ " or "❯ ") or "  "
    rows[i] = { { mark, "AgentlanesKey" }, { line, queued and "AgentlanesDim" or "AgentlanesPrompt" } }
  end
  if turn.primer then
    rows[#rows + 1] = { { "  ↪ ", "AgentlanesKey" }, { "told what was done before", "AgentlanesDim" }, fold = ">1" }
    add_folded(rows, turn.primer, "    ", nil, OUTPUT_ROWS)
  end
  for _, link in ipairs(turn.links or {}) do
    rows[#rows + 1] = { { "  @ ", "AgentlanesKey" }, { link.name, "AgentlanesDim" } }
  end
  for _, steer in ipairs(turn.steers or {}) do
    rows[#rows + 1] = { { "  ↳ ", "AgentlanesKey" }, { steer.prompt, "AgentlanesPrompt" } }
    if steer.problem then
      rows[#rows + 1] = { { "    " .. steer.problem.message, "AgentlanesFailed" } }
    end
  end
  if turn.limits and turn.limits.unenforced_reason then
    rows[#rows + 1] = { { "  ! " .. turn.limits.unenforced_reason, "AgentlanesWaiting" } }
  end
  table.insert(rows, 1, { { "" } })
  return { key = turn.turn_id, order = order_of(turn), rows = rows, target = turn }
end

---@param turn agentlanes.Turn
local function end_block(turn)
  local rows = {} ---@type agentlanes.Row[]
  if turn.status ~= "queued" and mirror.is_final("turn", turn) then
    local words = { turn.dropped and "taken back" or turn.status }
    local usage = turn.usage
    if usage and usage.total_tokens then
      words[#words + 1] = usage.total_tokens .. " tokens"
    end
    if usage and usage.cost then
      words[#words + 1] = ("%.4f %s"):format(usage.cost.amount, usage.cost.currency)
    end
    if turn.stop_reason and turn.stop_reason ~= "end_turn" then
      words[#words + 1] = turn.stop_reason
    end
    rows[1] = { { "─ " .. table.concat(words, " · "), STATUS_HIGHLIGHTS[turn.status] } }
    if turn.problem then
      rows[2] = { { "  " .. turn.problem.message, "AgentlanesFailed" } }
    end
  end
  return { key = turn.turn_id .. "/end", order = order_of(turn) .. "/~", rows = rows, target = turn }
end

---@param item agentlanes.Item
---@return agentlanes.Row[]
local function tool_rows(item)
  local tool = item.tool or {}
  local mark = TOOL_MARKS[item.status] or { "◌", "AgentlanesRunning" }
  if tool.status == "failed" then
    mark = TOOL_MARKS.failed
  end
  local title = tool.title or tool.command or tool.tool_kind or "a tool"
  local rows = { ---@type agentlanes.Row[]
    {
      { mark[1] .. " ", mark[2] },
      { (tool.tool_kind or "tool") .. " ", "AgentlanesTool" },
      { split(title)[1] },
      fold = ">1",
    },
  }
  if tool.exit_code and tool.exit_code ~= 0 then
    table.insert(rows[1], { " · exit " .. tool.exit_code, "AgentlanesFailed" })
  end
  for _, change in ipairs(tool.changes or {}) do
    vim.list_extend(rows, M.change_rows(change, "    ", "1"))
  end
  local text = mirror.text(item.item_id)
  if text ~= "" then
    add_folded(rows, text, "    ", "AgentlanesDim", OUTPUT_ROWS)
  end
  if #rows > 1 then
    local count = #rows - 1
    table.insert(rows[1], { (" · %d %s"):format(count, count == 1 and "line" or "lines"), "AgentlanesDim" })
  end
  return rows
end

---@param item agentlanes.Item
---@return agentlanes.Row[]
local function item_rows(item)
  local text = mirror.text(item.item_id)
  local rows = {} ---@type agentlanes.Row[]
  if item.kind == "message" then
    for i, line in ipairs(split((text:gsub("\n+$", "")))) do
      rows[i] = { { line } }
    end
  elseif item.kind == "thought" then
    for i, line in ipairs(split((text:gsub("\n+$", "")))) do
      rows[i] = { { (i == 1 and "~ " or "  ") .. line, "AgentlanesThought" }, fold = i == 1 and ">1" or "1" }
    end
  elseif item.kind == "tool_call" then
    rows = tool_rows(item)
  elseif item.kind == "plan" then
    for i, entry in ipairs(item.plan or {}) do
      local mark = PLAN_MARKS[entry.status] or "☐"
      local hl = entry.status == "completed" and "AgentlanesDim" or nil
      rows[i] = { { mark .. " ", "AgentlanesTool" }, { split(entry.content)[1], hl } }
    end
  elseif item.kind == "usage" or item.kind == "user_message" then
    -- The turn's end tells the usage, its beginning the prompt.
    return rows
  else
    local failed = item.kind == "error"
    local told = text ~= "" and text or item.problem and item.problem.message or item.kind
    rows[1] = { { "! " .. split(told)[1], failed and "AgentlanesFailed" or "AgentlanesWaiting" }, fold = ">1" }
    add_folded(rows, table.concat(vim.list_slice(split(told), 2), "\n"), "  ")
    if rows[2] and rows[2][1][1] == "  " and not rows[3] then
      rows[2] = nil
    end
  end
  return rows
end

---@param item agentlanes.Item
---@return agentlanes.Block?
function M.item_block(item)
  local turn = mirror.get("turn", item.turn_id)
  if not turn then
    return nil
  end
  local block = { key = item.item_id, order = order_in(turn, item), rows = item_rows(item), target = item }
  if item.kind == "message" then
    block.growing = { indent = "" }
  elseif item.kind == "thought" then
    block.growing = { indent = "  ", hl = "AgentlanesThought" }
  end
  return block
end

---@param approval agentlanes.Approval
---@return agentlanes.Block?
function M.approval_block(approval)
  local turn = mirror.get("turn", approval.turn_id)
  if not turn then
    return nil
  end
  local item = approval.item_id and mirror.get("item", approval.item_id)
  local order = (item and order_in(turn, item) or order_of(turn) .. "/9") .. "?"
  return { key = approval.approval_id, order = order, rows = M.approval_rows(approval, ""), target = approval }
end

---What an approval asks, and while it waits, how to answer.
---@param approval agentlanes.Approval
---@param indent string
---@param short? boolean Whether to name only what counts once, by one word each.
---@return agentlanes.Row[]
function M.approval_rows(approval, indent, short)
  if approval.status ~= "pending" then
    local decision = approval.decision
    local by = decision and (" by " .. decision.actor) or ""
    local hl = approval.status == "approved" and "AgentlanesOk" or "AgentlanesFailed"
    return { { { ("%s? %s · %s%s"):format(indent, approval.title, approval.status, by), hl } } }
  end
  local rows = { { { indent .. "? ", "AgentlanesWaiting" }, { split(approval.title)[1], "AgentlanesWaiting" } } } ---@type agentlanes.Row[]
  for _, question in ipairs(approval.questions or {}) do
    rows[#rows + 1] = { { indent .. "  " .. split(question.text)[1] } }
  end
  local keys = { { indent .. "  " } } ---@type agentlanes.Row
  for _, way in ipairs(WAYS) do
    for _, option in ipairs(approval.options) do
      if option.kind == way[2] and (not short or vim.endswith(way[2], "_once")) then
        vim.list_extend(keys, { { way[1], "AgentlanesKey" }, { " " .. (short and way[3] or option.label) .. "  " } })
        break
      end
    end
  end
  vim.list_extend(keys, { { "a?", "AgentlanesKey" }, { " choose" } })
  rows[#rows + 1] = keys
  return rows
end

---All blocks that a turn makes.
---@param turn agentlanes.Turn
---@return agentlanes.Block[]
function M.turn_blocks(turn)
  local blocks = { prompt_block(turn), end_block(turn) }
  for _, item in ipairs(mirror.list("item", turn.turn_id)) do
    blocks[#blocks + 1] = M.item_block(item)
  end
  for _, approval in ipairs(mirror.list("approval", turn.session_id)) do
    if approval.turn_id == turn.turn_id then
      blocks[#blocks + 1] = M.approval_block(approval)
    end
  end
  return blocks
end

local ORIGINS = { fork = "goes on from %s", handover = "takes over from %s", adopt = "goes on from %s" }

---What a session goes on from, and why its agent could not be started.
---@param session agentlanes.Session
---@return agentlanes.Block
function M.head_block(session)
  local rows = {} ---@type agentlanes.Row[]
  local origin = session.origin
  if origin then
    local other = mirror.get("session", origin.session_id)
    local name = other and ("%s, %s"):format(other.profile, split(other.title or "no title yet")[1]) or "another conversation"
    rows[1] = { { "↪ " .. (ORIGINS[origin.kind] or "%s"):format(name), "AgentlanesDim" } }
    if session.primer then
      rows[1].fold = ">1"
      add_folded(rows, session.primer, "  ", nil, OUTPUT_ROWS)
    end
  end
  if session.problem then
    rows[#rows + 1] = { { "! " .. split(session.problem.message)[1], "AgentlanesFailed" } }
  end
  return { key = "head", order = "0", rows = rows, target = session }
end

---@param turn agentlanes.Turn
---@return agentlanes.Block, agentlanes.Block
function M.turn_frame(turn)
  return prompt_block(turn), end_block(turn)
end

return M
