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
