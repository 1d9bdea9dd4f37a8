-- The sub-command about limits: which constraint a lane's turns keep to, and making a new one.
local connection = require("agentlanes.connection")
local input = require("agentlanes.command.input")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local target = require("agentlanes.target")

---How a limit is written: its word, the field that holds it, and what its units are worth in the field's own.
---@type { [1]: string, [2]: string, [3]: table<string, number> }[]
local LIMITS = {
  { "time", "time_limit_ms", { s = 1e3, m = 60e3, h = 3600e3 } },
  { "silence", "silence_limit_ms", { s = 1e3, m = 60e3, h = 3600e3 } },
  { "tokens", "token_budget", { [""] = 1, k = 1e3, M = 1e6 } },
  { "memory", "memory_limit_mb", { M = 1, G = 1024 } },
  { "cpu", "cpu_limit_percent", { ["%"] = 1 } },
}
local HOW = "Limits (as time=10m silence=2m tokens=200k cost=1.50USD memory=2G cpu=150%)"

---The limits that a text names, by their fields.
---@param text string
---@return table<string, any>? limits
---@return string? problem
local function parse(text)
  local found = {} ---@type table<string, any>
  for word in text:gmatch("%S+") do
    local name, number, unit = word:match("^(%l+)=([%d.]+)(%S*)$")
    local value = tonumber(number)
    if name == "cost" and value and unit ~= "" then
      found.cost_limit = { amount = value, currency = unit }
    else
      local row = vim.iter(LIMITS):find(function(each)
        return each[1] == name
      end)
      local factor = row and row[3][unit]
      if not value or not factor then
        return nil, word .. " is no limit; write them as " .. HOW:match("%((.*)%)")
      end
      found[row[2]] = math.floor(value * factor)
    end
  end
  return found
end

---The limits of a constraint in words, in the largest unit that says them exactly.
---@param constraint agentlanes.Constraint
---@return string
local function describe(constraint)
  local words = {}
  for _, row in ipairs(LIMITS) do
    local value = constraint[row[2]]
    local best, worth ---@type string?, number
    for unit, factor in pairs(row[3]) do
      if value and value % factor == 0 and (not best or factor > worth) then
        best, worth = unit, factor
      end
    end
    if best then
      words[#words + 1] = ("%s=%d%s"):format(row[1], value / worth, best)
    elseif value then
      words[#words + 1] = ("%s=%d"):format(row[2], value)
    end
  end
  local cost = constraint.cost_limit
  if cost then
    words[#words + 1] = ("cost=%g%s"):format(cost.amount, cost.currency)
  end
  return table.concat(words, " ")
end

---@param lane agentlanes.Lane
---@param name string
local function choose(lane, name)
  connection.request("lane.update", { constraint = name }, { lane_id = lane.lane_id })
end

---Makes a constraint of what the user types, and lets the lane keep to it.
---@param lane agentlanes.Lane
local function make(lane)
  input.with_text("", "Name", function(name)
    input.with_text("", HOW, function(text)
      local limits, problem = parse(text)
      if not limits then
        return notice.fail(problem --[[@as string]])
      end
      limits.name = name
      connection.request("constraint.create", limits, { workspace_id = lane.workspace_id }, function(refused)
        if refused then
          return notice.fail(refused.message)
        end
        choose(lane, name)
      end)
    end)
  end)
end

---@type table<string, agentlanes.Command>
return {
  limit = {
    about = "chooses the limits that the lane's turns keep to, or makes new ones",
    complete = function()
      local names = vim.tbl_map(function(constraint)
        return constraint.name
      end, mirror.list("constraint"))
      return vim.list_extend(names, { "default" })
    end,
    run = function(call)
      target.lane(nil, function(lane)
        if call.args ~= "" then
          return choose(lane, call.args)
        end
        local rows = {} ---@type { label: string, name?: string }[]
        for _, each in ipairs(mirror.list("constraint", lane.workspace_id)) do
          local is_chosen = each.constraint_id == lane.constraint_id
          local label = ("%s  %s%s"):format(each.name, describe(each), is_chosen and "  (chosen)" or "")
          rows[#rows + 1] = { label = label, name = each.name }
        end
        rows[#rows + 1] = { label = "what the workspace's default says", name = "default" }
        rows[#rows + 1] = { label = "new limits…" }
        vim.ui.select(rows, {
          prompt = ("Limits of each turn in %s"):format(lane.name),
          kind = "agentlanes.constraint",
          format_item = function(row)
            return row.label
          end,
        }, function(row)
          if row and row.name then
            choose(lane, row.name)
          elseif row then
            make(lane)
          end
        end)
      end)
    end,
  },
}
