-- The sub-commands about lanes: making, reviewing, merging and closing them.
local config = require("agentlanes.config")
local connection = require("agentlanes.connection")
local input = require("agentlanes.command.input")
local notice = require("agentlanes.notice")
local target = require("agentlanes.target")
local window = require("agentlanes.window")

---A command about a lane that is followed to its end.
---@param method string
---@param payload? table
---@param told fun(lane: agentlanes.Lane): string
local function lane_command(method, payload, told)
  return function(lane)
    connection.follow(method, payload, { lane_id = lane.lane_id }, function(now)
      notice.tell(told(now))
    end)
  end
end

---@param lane agentlanes.Lane
---@param payload table
local function close(lane, payload)
  local ids = { lane_id = lane.lane_id }
  connection.request("lane.cleanup", payload, ids, function(problem)
    if problem and problem.data.code == "LANE_HOLDS_WORK" then
      return input.confirm(problem.message, "Save its work and close it", function()
        close(lane, vim.tbl_extend("force", payload, { force = true }))
      end)
    elseif problem then
      notice.fail(problem.message)
    end
  end)
end

---@type table<string, agentlanes.Command>
return {
  open = {
    about = "opens what the cursor is on, or a lane's session",
    complete = input.lane_names,
    run = function(call)
      local here = target.find()
      if call.args == "" and here.terminal then
        return require("agentlanes.terminal").open(here.terminal, call.mods)
      elseif call.args == "" and here.session then
        return require("agentlanes.session").open(here.session, call.mods)
      end
      target.lane(call.args, function(lane)
        target.session(lane, function(session)
          require("agentlanes.session").open(session, call.mods)
        end)
      end)
    end,
  },
  start = {
    about = "makes a lane and lets an agent begin with this in it; with a range the lines go along",
    run = function(call)
      local text, links = input.selection(call)
      local here = input.path()
      input.with_text(call.args, "What shall the agent do", function(words)
        local payload = { prompt = words .. (text or ""), links = links, path = here, profile = config.get().profile }
        local open = window.unless_moved(function(made)
          return ("%s has begun  (:Lanes open)"):format(made.lane.name)
        end, function(made)
          require("agentlanes.session").open(made.session, call.mods)
        end)
        connection.request("lane.start", payload, nil, function(problem, made)
          if problem then
            return notice.fail(problem.message)
          end
          open(made --[[@as agentlanes.LaneStarted]])
        end)
      end)
    end,
  },
  create = {
    about = "makes a lane and opens a session in it, for a prompt that is still to be written",
    run = function(call)
      require("agentlanes.workspace").open(function(workspace)
        input.with_text(call.args, "What is the work", function(name)
          local payload = { name = name, profile = config.get().profile }
          local open = window.unless_moved(function()
            return ("%s is ready  (:Lanes open)"):format(name)
          end, function(session)
            require("agentlanes.session").open(session, call.mods)
          end)
          connection.follow("lane.create", payload, { workspace_id = workspace.workspace_id }, function(lane)
            target.session(lane, open)
          end)
        end)
      end)
    end,
  },
  diff = {
    about = "shows what the lane changed, or what the question under the cursor would change",
    complete = input.lane_names,
    run = function(call)
      local here = target.find()
      if call.args == "" and here.approval and here.approval.status == "pending" then
        return require("agentlanes.review").preview(here.approval)
      end
      target.lane(call.args, function(lane)
        require("agentlanes.review").open(lane, here.path)
      end)
    end,
  },
  changes = {
    about = "puts the lane's changes in the quickfix list",
    complete = input.lane_names,
    run = function(call)
      target.lane(call.args, require("agentlanes.review").list)
    end,
  },
  commit = {
    about = "commits what is in the lane",
    run = function(call)
      target.lane(nil, function(lane)
        input.with_text(call.args, "Commit message", function(message)
          lane_command("lane.commit", { message = message }, function(now)
            return ("%s is committed at %s"):format(now.name, (now.worktrees[1].head_commit or ""):sub(1, 10))
          end)(lane)
        end, lane.name)
      end)
    end,
  },
  merge = {
    about = "merges the lane into its target; with ! without asking, with squash as one commit",
    complete = input.among({ "squash" }),
    run = function(call)
      target.lane(nil, function(lane)
        local squash = call.args == "squash" or nil
        local branch = lane.worktrees[1] and lane.worktrees[1].target_branch or "its target"
        local function merge()
          lane_command("lane.merge", { squash = squash }, function(now)
            local made = now.merges[#now.merges]
            return ("%s is merged into %s as %s"):format(
              now.name,
              made.target_branch_name,
              made.merge_commit:sub(1, 10)
            )
          end)(lane)
        end
        if call.bang then
          return merge()
        end
        input.confirm(("Merge %s into %s"):format(lane.name, branch), squash and "Squash and merge" or "Merge", merge)
      end)
    end,
  },
  close = {
    about = "closes the lane and removes its worktree; with ! its merged branch too",
    complete = input.lane_names,
    run = function(call)
      local here = call.args == "" and target.find() or {}
      if here.terminal then
        return connection.request("terminal.close", nil, { terminal_id = here.terminal.terminal_id })
      end
      target.lane(call.args, function(lane)
        close(lane, { delete_branch = call.bang or nil })
      end)
    end,
  },
  restore = {
    about = "brings a closed lane's worktree back",
    complete = input.lane_names,
    run = function(call)
      target.lane(
        call.args,
        lane_command("lane.attach", nil, function(now)
          return ("%s is back at %s"):format(now.name, now.worktrees[1].path)
        end)
      )
    end,
  },
  rename = {
    about = "gives the lane another name",
    run = function(call)
      target.lane(nil, function(lane)
        input.with_text(call.args, "Name", function(name)
          connection.request("lane.update", { name = name }, { lane_id = lane.lane_id })
        end, lane.name)
      end)
    end,
  },
  mode = {
    about = "says who decides what the lane's agents ask: supervised, plan or auto",
    complete = input.among({ "supervised", "plan", "auto" }),
    run = function(call)
      target.lane(nil, function(lane)
        if call.args == "" then
          return notice.tell(("%s is %s"):format(lane.name, lane.permission_mode or "supervised"))
        end
        connection.request("lane.update", { permission_mode = call.args }, { lane_id = lane.lane_id })
      end)
    end,
  },
  terminal = {
    about = "starts a program, or the shell, in the lane's worktree",
    complete = function(lead)
      return vim.fn.getcompletion(lead, "shellcmd")
    end,
    run = function(call)
      target.lane(nil, function(lane)
        require("agentlanes.terminal").spawn(lane, call.args ~= "" and call.args or nil, call.mods)
      end)
    end,
  },
  edit = {
    about = "edits a file of the lane's worktree; its folder where none is named",
    complete = function(lead)
      local lane = target.find().lane
      local folder = lane and lane.worktrees[1] and lane.worktrees[1].path
      if not folder then
        return {}
      end
      return vim.tbl_map(function(path)
        return path:sub(#folder + 2)
      end, vim.fn.getcompletion(folder .. "/" .. lead, "file"))
    end,
    run = function(call)
      target.lane(nil, function(lane)
        vim.cmd.edit({ args = { vim.fs.joinpath(lane.worktrees[1].path, call.args) }, magic = { file = false } })
      end)
    end,
  },
}
