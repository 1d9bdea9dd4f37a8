if vim.g.loaded_agentlanes then
  return
end
vim.g.loaded_agentlanes = true

vim.api.nvim_create_user_command("Lanes", function(opts)
  require("agentlanes.command").user_command(opts)
end, {
  nargs = "*",
  range = true,
  bang = true,
  bar = false,
  desc = "agentlanes: coding agents in git lanes",
  complete = function(lead, line)
    return require("agentlanes.command").complete(lead, line)
  end,
})

for name, line in pairs({
  lanes = "",
  approve = "approve",
  allow = "answer allow_once",
  reject = "answer reject_once",
  diff = "diff",
  prompt = "prompt",
  terminal = "terminal",
}) do
  vim.keymap.set("n", ("<Plug>(agentlanes-%s)"):format(name), function()
    require("agentlanes.command").run(line)
  end, { desc = "agentlanes: " .. (line == "" and "lanes" or line) })
end

for name, link in pairs({
  Title = "Title",
  Lane = "Identifier",
  Prompt = "Title",
  Thought = "Comment",
  Tool = "Function",
  Key = "Special",
  Dim = "Comment",
  Ok = "DiagnosticOk",
  Failed = "DiagnosticError",
  Waiting = "DiagnosticWarn",
  Running = "DiagnosticInfo",
  Added = "Added",
  Removed = "Removed",
}) do
  vim.api.nvim_set_hl(0, "Agentlanes" .. name, { link = link, default = true })
end

-- What the user opens by its name, and what a session file of Neovim brings back.
local names = { "agentlanes://lanes", "agentlanes://session/*", "agentlanes://terminal/*" }
local group = vim.api.nvim_create_augroup("agentlanes", {})
vim.api.nvim_create_autocmd("BufReadCmd", {
  group = group,
  pattern = names,
  nested = true,
  callback = function(event)
    require("agentlanes.command").open_name(event.match, event.buf)
  end,
})
vim.api.nvim_create_autocmd("SessionLoadPost", {
  group = group,
  nested = true,
  callback = function()
    for _, win in ipairs(vim.api.nvim_list_wins()) do
      local buf = vim.api.nvim_win_get_buf(win)
      local name = vim.api.nvim_buf_get_name(buf)
      if
        name:find("^agentlanes://lanes$")
        or name:find("^agentlanes://session/")
        or name:find("^agentlanes://terminal/")
      then
        require("agentlanes.command").open_name(name, buf)
      end
    end
  end,
})
