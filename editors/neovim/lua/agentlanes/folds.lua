-- How windows that show blocks look, and how Neovim finds the folds in them.
local M = {}
local api = vim.api

local FOLDEXPR = "v:lua.require'agentlanes.blocks'.fold(v:lnum)"
local OPTIONS = {
  foldmethod = "expr",
  foldexpr = FOLDEXPR,
  foldtext = "",
  foldlevel = 0,
  fillchars = "fold: ,eob: ",
  number = false,
  relativenumber = false,
  signcolumn = "no",
  foldcolumn = "0",
  cursorline = true,
  wrap = true,
  linebreak = true,
  breakindent = true,
  spell = false,
  list = false,
}

---Sets the options of a window that shows blocks.
---@param win integer
function M.dress(win)
  for name, value in pairs(OPTIONS) do
    vim.wo[win][0][name] = value
  end
end

---Lets Neovim look anew for the folds that a window shows.
---@param win integer
local function find(win)
  if vim.wo[win].foldexpr == FOLDEXPR then
    vim.wo[win][0].foldmethod = "expr"
  end
end

-- Neovim finds no folds while somebody types, also not in other windows; so they are found afterwards.
api.nvim_create_autocmd("InsertLeave", {
  group = api.nvim_create_augroup("agentlanes.folds", {}),
  callback = vim.schedule_wrap(function()
    vim.iter(api.nvim_list_wins()):each(find)
  end),
})

return M
