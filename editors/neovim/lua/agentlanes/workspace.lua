-- The workspace of the folder that the user is in: found by its root path, or made with the repository in it.
local connection = require("agentlanes.connection")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")

local M = {}

---The repository of the current file, or of the working directory.
---@return string?
function M.root()
  local name = vim.api.nvim_buf_get_name(0)
  local from = vim.bo.buftype == "" and name ~= "" and vim.fs.dirname(name) or vim.fn.getcwd()
  local root = vim.fs.root(from, ".git") or vim.fs.root(vim.fn.getcwd(), ".git")
  return root and (vim.uv.fs_realpath(root) or root)
end

---The workspace that has a folder among its root paths.
---@param root? string
---@return agentlanes.Workspace?
function M.find(root)
  for _, workspace in ipairs(mirror.list("workspace")) do
    if workspace.status == "active" and vim.list_contains(workspace.root_paths, root) then
      return workspace
    end
  end
end

---The folder whose workspace is meant: a lane's worktree belongs to the workspace of its lane.
---@param done fun(workspace: agentlanes.Workspace)
function M.open(done)
  connection.ready(function()
    local lane = require("agentlanes.target").find().lane
    local known = lane and mirror.get("workspace", lane.workspace_id) or M.find(M.root())
    if known then
      return done(known)
    end
    local root = M.root()
    if not root then
      return notice.fail("no git repository is here; :cd into one first")
    end
    connection.request("workspace.create", { root_paths = { root } }, nil, function(problem, made)
      if problem then
        return notice.fail(problem.message)
      end
      local workspace = made.workspace
      connection.request("repo.add", { path = root }, { workspace_id = workspace.workspace_id }, function(refused)
        if refused and refused.data.code ~= "REPO_EXISTS" then
          return notice.fail(refused.message)
        end
        done(workspace)
      end)
    end)
  end)
end

return M
