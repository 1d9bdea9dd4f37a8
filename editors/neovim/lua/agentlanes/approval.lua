-- Answers to what waits for a decision. Which answers there are, and whether one comes too late, the server says.
local connection = require("agentlanes.connection")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")

local M = {}

---What waits for a decision, oldest first; of one lane or session where an id is given.
---@param ids? { lane_id: string?, session_id: string? }
---@return agentlanes.Approval[]
function M.pending(ids)
  return vim.tbl_filter(function(approval)
    return approval.status == "pending"
      and (not ids or not ids.lane_id or approval.lane_id == ids.lane_id)
      and (not ids or not ids.session_id or approval.session_id == ids.session_id)
  end, mirror.list("approval"))
end

---@param approval agentlanes.Approval
---@param payload table
local function resolve(approval, payload)
  payload.approval_id = approval.approval_id
  connection.request("approval.resolve", payload, { workspace_id = approval.workspace_id }, function(problem)
    if problem then
      notice.warn(problem.message)
    end
  end)
end

---@param approval agentlanes.Approval
---@param payload table
---@param answers agentlanes.Answer[]
---@param number integer
local function ask(approval, payload, answers, number)
  local question = (approval.questions or {})[number]
  if not question then
    payload.answers = #answers > 0 and answers or nil
    return resolve(approval, payload)
  end
  local function take(values)
    answers[#answers + 1] = { question_id = question.question_id, values = values }
    ask(approval, payload, answers, number + 1)
  end
  local function type_it()
    if question.secret then
      local typed = vim.fn.inputsecret(question.text .. " ")
      return typed ~= "" and take({ typed })
    end
    vim.ui.input({ prompt = question.text .. " " }, function(typed)
      if typed then
        take({ typed })
      end
    end)
  end
  local options = vim.deepcopy(question.options or {})
  if #options == 0 then
    return type_it()
  end
  local chosen = {} ---@type string[]
  local function choose()
    local rows = vim.tbl_filter(function(option)
      return not vim.list_contains(chosen, option.label)
    end, options)
    if question.free then
      rows[#rows + 1] = { label = "another answer…", free = true }
    end
    if question.multiple and #chosen > 0 then
      table.insert(rows, 1, { label = "done: " .. table.concat(chosen, ", "), done = true })
    end
    vim.ui.select(rows, {
      prompt = question.text,
      kind = "agentlanes.question",
      format_item = function(option)
        return option.label .. (option.description and " – " .. option.description or "")
      end,
    }, function(option)
      if not option then
        return
      elseif option.free then
        type_it()
      elseif option.done then
        take(chosen)
      elseif question.multiple then
        chosen[#chosen + 1] = option.label
        choose()
      else
        take({ option.label })
      end
    end)
  end
  choose()
end

---Answers with the first option of a kind. Questions that it carries are asked first.
---@param approval agentlanes.Approval
---@param kind string
function M.answer(approval, kind)
  local questions = kind:find("^allow") and approval.questions or {}
  if #questions > 0 then
    ask(approval, { kind = kind }, {}, 1)
  else
    resolve(approval, { kind = kind })
  end
end

---Lets the user choose among the options that the agent offers, and how far an answer reaches.
---@param approval agentlanes.Approval
function M.choose(approval)
  local lane = mirror.get("lane", approval.lane_id)
  local rows = vim.deepcopy(approval.options) ---@type table[]
  if #rows > 0 and not approval.questions then
    for _, scope in ipairs({ "session", "lane", "workspace" }) do
      rows[#rows + 1] = { label = "Allow what is like it in this " .. scope, kind = "allow_once", scope = scope }
      rows[#rows + 1] = { label = "Reject what is like it in this " .. scope, kind = "reject_once", scope = scope }
    end
  end
  vim.ui.select(rows, {
    prompt = ("%s: %s"):format(lane and lane.name or approval.lane_id, approval.title),
    kind = "agentlanes.approval",
    format_item = function(row)
      return row.label
    end,
  }, function(row)
    if not row then
      return
    end
    local payload = row.scope and { kind = row.kind, scope = row.scope } or { option_id = row.option_id }
    if row.kind:find("^allow") then
      ask(approval, payload, {}, 1)
    else
      resolve(approval, payload)
    end
  end)
end

---Lets the user choose what to answer, where several things wait, and hands it over.
---@param ids? { lane_id: string?, session_id: string? }
---@param done fun(approval: agentlanes.Approval)
function M.pick(ids, done)
  local waiting = M.pending(ids)
  if #waiting == 0 then
    return notice.tell("nothing waits for you")
  elseif #waiting == 1 then
    return done(waiting[1])
  end
  vim.ui.select(waiting, {
    prompt = "What waits for you",
    kind = "agentlanes.approval",
    format_item = function(approval)
      local lane = mirror.get("lane", approval.lane_id)
      return ("%s: %s"):format(lane and lane.name or approval.lane_id, approval.title)
    end,
  }, function(approval)
    if approval then
      done(approval)
    end
  end)
end

return M
