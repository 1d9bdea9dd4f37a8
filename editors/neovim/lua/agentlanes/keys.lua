-- The keys of the plugin's own buffers: one list, the mappings made of it, and the help that shows what is mapped.
local M = {}
local api = vim.api

local MARK = "agentlanes: "

---@type { [1]: string, [2]: string, [3]: string }[] Key, sub-command with its arguments, what it does.
local KEYS = {
  { "<CR>", "open", "open" },
  { "c", "start", "new lane" },
  { "p", "prompt", "prompt" },
  { "s", "stop", "stop" },
  { "aa", "answer allow_once", "allow" },
  { "ar", "answer reject_once", "reject" },
  { "aA", "answer allow_always", "always allow" },
  { "aR", "answer reject_always", "always reject" },
  { "a?", "approve", "choose" },
  { "d", "diff", "diff" },
  { "m", "merge", "merge" },
  { "C", "commit", "commit" },
  { "t", "terminal", "terminal" },
  { "S", "session", "new session" },
  { "r", "rename", "rename" },
  { "x", "close", "close lane" },
  { "R", "restore", "restore" },
  { "g?", "help", "help" },
}

---Makes a mapping that :Lanes help knows.
---@param buf integer
---@param modes string|string[]
---@param key string
---@param action string|fun()
---@param about string
function M.set(buf, modes, key, action, about)
  vim.keymap.set(modes, key, action, { buffer = buf, nowait = true, desc = MARK .. about })
end

---Gives a buffer the keys of the lanes buffer.
---@param buf integer
---@param without? string[] Keys that mean something else there.
function M.map(buf, without)
  for _, key in ipairs(KEYS) do
    if not vim.list_contains(without or {}, key[1]) then
      M.set(buf, "n", key[1], function()
        require("agentlanes.command").run(key[2])
      end, key[3])
    end
  end
end

---Gives a buffer in which people write the keys that answer, with a `g` in place of their `a`.
---@param buf integer
function M.map_answers(buf)
  for _, key in ipairs(KEYS) do
    if key[2]:find("^answer ") or key[2] == "help" then
      M.set(buf, "n", "g" .. key[1]:sub(2), function()
        require("agentlanes.command").run(key[2])
      end, key[3])
    end
  end
end

---Some keys and what they do, as a row of a buffer.
---@param shown string[]
---@return agentlanes.Row
function M.row(shown)
  local row = {} ---@type agentlanes.Row
  for _, key in ipairs(KEYS) do
    if vim.list_contains(shown, key[1]) then
      local name = key[1]:gsub("<CR>", "⏎")
      vim.list_extend(row, { { name, "AgentlanesKey" }, { " " .. key[3] .. "  ", "AgentlanesDim" } })
    end
  end
  return row
end

---What the current buffer's keys do, the common ones first.
---@return string[]
local function describe()
  local place = {} ---@type table<string, integer>
  for i, key in ipairs(KEYS) do
    place[key[1]] = i
  end
  local mapped = {} ---@type { key: string, modes: string, about: string }[]
  for _, mode in ipairs({ "n", "i" }) do
    for _, map in ipairs(api.nvim_buf_get_keymap(0, mode)) do
      local about = vim.startswith(map.desc or "", MARK) and map.desc:sub(#MARK + 1) or nil
      if about and mode == "n" then
        mapped[#mapped + 1] = { key = map.lhs, about = about }
      elseif about then
        for _, each in ipairs(mapped) do
          each.about = each.key == map.lhs and about .. ", also while typing" or each.about
        end
      end
    end
  end
  table.sort(mapped, function(a, b)
    local first, second = place[a.key] or 99, place[b.key] or 99
    return first < second or (first == second and a.key < b.key)
  end)
  local lines = {}
  for _, each in ipairs(mapped) do
    lines[#lines + 1] = (" %-7s %s "):format(each.key, each.about)
  end
  if require("agentlanes.blocks").of() then
    lines[#lines + 1] = (" %-7s %s "):format("za", "fold")
  end
  return lines
end

---Shows the keys of the current buffer; any of q, <Esc> and g? closes it.
function M.help()
  local lines = describe()
  if #lines == 0 then
    return vim.cmd.help("agentlanes-commands")
  end
  local width = 0
  for _, line in ipairs(lines) do
    width = math.max(width, api.nvim_strwidth(line))
  end
  local buf = api.nvim_create_buf(false, true)
  api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  vim.bo[buf].modifiable, vim.bo[buf].bufhidden = false, "wipe"
  local height = math.min(#lines, math.max(1, vim.o.lines - 4))
  local win = api.nvim_open_win(buf, true, {
    relative = "editor",
    row = math.max(0, math.floor((vim.o.lines - height) / 2) - 1),
    col = math.max(0, math.floor((vim.o.columns - width) / 2)),
    width = math.min(width, vim.o.columns),
    height = height,
    style = "minimal",
    border = "rounded",
    title = " agentlanes ",
    footer = " :help agentlanes ",
  })
  for _, key in ipairs({ "q", "<Esc>", "g?" }) do
    vim.keymap.set("n", key, "<Cmd>close<CR>", { buffer = buf, nowait = true })
  end
  api.nvim_create_autocmd("WinLeave", {
    buffer = buf,
    once = true,
    callback = vim.schedule_wrap(function()
      if api.nvim_win_is_valid(win) then
        api.nvim_win_close(win, true)
      end
    end),
  })
end

return M
