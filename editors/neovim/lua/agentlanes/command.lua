-- :Lanes and its sub-commands. Each sends what the user asked for; whether it may be done, the server decides.
local approval = require("agentlanes.approval")
local config = require("agentlanes.config")
local connection = require("agentlanes.connection")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local target = require("agentlanes.target")
local window = require("agentlanes.window")

local M = {}

---@class agentlanes.Call
---@field args string What follows the sub-command.
---@field bang boolean
---@field mods string
---@field range? { first: integer, last: integer }

---@class agentlanes.Command
---@field run fun(call: agentlanes.Call)
---@field about string
---@field complete? fun(lead: string): string[]

---@return string[]
local function lane_names()
  return vim.tbl_map(function(lane)
    return lane.name
  end, mirror.list("lane"))
end

---@param words string[]
local function among(words)
  return function()
    return words
  end
end

---Asks for a text, unless it was given.
---@param given string
---@param prompt string
---@param done fun(text: string)
---@param default? string
local function with_text(given, prompt, done, default)
  if given ~= "" then
    return done(given)
  end
  vim.ui.input({ prompt = prompt .. ": ", default = default }, function(text)
    if text and vim.trim(text) ~= "" then
      done(vim.trim(text))
    end
  end)
end

---The lines that the command was given, as what a prompt points to.
---@param call agentlanes.Call
---@return string? text
---@return agentlanes.ResourceLink[]? links
local function selection(call)
  local path = vim.api.nvim_buf_get_name(0)
  if not call.range or vim.bo.buftype ~= "" or path == "" then
    return nil, nil
  end
  local lines = vim.api.nvim_buf_get_lines(0, call.range.first - 1, call.range.last, false)
  local name = ("%s:%d-%d"):format(vim.fn.fnamemodify(path, ":."), call.range.first, call.range.last)
  local text = ("\n\n%s\n```%s\n%s\n```"):format(name, vim.bo.filetype, table.concat(lines, "\n"))
  local uri = ("%s#L%d-L%d"):format(vim.uri_from_fname(path), call.range.first, call.range.last)
  return text, { { uri = uri, name = name } }
end

---@param session agentlanes.Session
---@param text string
---@param links? agentlanes.ResourceLink[]
local function send(session, text, links)
  connection.request("turn.create", { prompt = text, links = links }, { session_id = session.session_id })
end

---Hands over the session that is meant and its turn that runs.
---@param done fun(session: agentlanes.Session, turn: agentlanes.Turn)
local function with_running(done)
  target.lane(nil, function(lane)
    target.session(lane, function(session)
      local turn = require("agentlanes.session").running(session.session_id)
      if turn then
        done(session, turn)
      else
        notice.warn("no turn is running there")
      end
    end)
  end)
end

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

---@param question string
---@param yes string
---@param done fun()
local function confirm(question, yes, done)
  vim.ui.select({ yes, "Cancel" }, { prompt = question, kind = "agentlanes.confirm" }, function(chosen)
    if chosen == yes then
      done()
    end
  end)
end

---@param lane agentlanes.Lane
---@param payload table
local function close(lane, payload)
  local ids = { lane_id = lane.lane_id }
  connection.request("lane.cleanup", payload, ids, function(problem)
    if problem and problem.data.code == "LANE_HOLDS_WORK" then
      return confirm(problem.message, "Save its work and close it", function()
        close(lane, vim.tbl_extend("force", payload, { force = true }))
      end)
    elseif problem then
      notice.fail(problem.message)
    end
  end)
end

---@type table<string, agentlanes.Command>
M.commands = {
  open = {
    about = "opens what the cursor is on, or a lane's session",
    complete = lane_names,
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
  create = {
    about = "makes a lane, opens a session in it, and with lines prompts it with them",
    run = function(call)
      local text, links = selection(call)
      require("agentlanes.workspace").open(function(workspace)
        with_text(call.args, "What is the work", function(name)
          local payload = { name = name, profile = config.get().profile }
          local open = window.unless_moved(function()
            return ("%s is ready  (:Lanes open)"):format(name)
          end, function(session)
            require("agentlanes.session").open(session, call.mods)
          end)
          connection.follow("lane.create", payload, { workspace_id = workspace.workspace_id }, function(lane)
            target.session(lane, function(session)
              open(session)
              if text then
                send(session, name .. text, links)
              end
            end)
          end)
        end)
      end)
    end,
  },
  session = {
    about = "starts one more session in the lane, of a profile where one is named",
    complete = function()
      return M.profiles
    end,
    run = function(call)
      target.lane(nil, function(lane)
        local payload = { profile = call.args ~= "" and call.args or nil }
        connection.request("session.create", payload, { lane_id = lane.lane_id }, function(problem, made)
          if problem then
            return notice.fail(problem.message)
          end
          require("agentlanes.session").open(made.session, call.mods)
        end)
      end)
    end,
  },
  prompt = {
    about = "prompts the lane's session; with a range the lines go along",
    run = function(call)
      local text, links = selection(call)
      target.lane(nil, function(lane)
        with_text(call.args, "Prompt for " .. lane.name, function(words)
          target.session(lane, function(session)
            require("agentlanes.session").open(session, call.mods)
            send(session, words .. (text or ""), links)
          end)
        end)
      end)
    end,
  },
  steer = {
    about = "tells the running turn something more",
    run = function(call)
      with_running(function(session, turn)
        with_text(call.args, "Steer", function(words)
          local payload = { turn_id = turn.turn_id, prompt = words }
          connection.request("turn.steer", payload, { session_id = session.session_id })
        end)
      end)
    end,
  },
  replace = {
    about = "stops the running turn and puts this one in its place",
    run = function(call)
      with_running(function(session, turn)
        with_text(call.args, "Instead", function(words)
          local payload = { turn_id = turn.turn_id, prompt = words }
          connection.request("turn.replace", payload, { session_id = session.session_id })
        end)
      end)
    end,
  },
  queue = {
    about = "moves or edits the queued turn under the cursor",
    complete = among({ "first", "last", "up", "down", "edit" }),
    run = function(call)
      local turn = target.find().turn
      if not turn or turn.status ~= "queued" then
        return notice.warn("put the cursor on a turn that waits in the queue")
      end
      local ids = { session_id = turn.session_id }
      if call.args == "edit" then
        return with_text("", "Prompt", function(words)
          connection.request("turn.update", { turn_id = turn.turn_id, prompt = words }, ids)
        end, turn.prompt)
      elseif call.args == "first" or call.args == "last" then
        return connection.request("turn.move", { turn_id = turn.turn_id, to = call.args }, ids)
      end
      local waiting = vim.tbl_filter(function(each)
        return each.status == "queued"
      end, mirror.list("turn", turn.session_id))
      table.sort(waiting, function(a, b)
        return (a.position or 0) < (b.position or 0)
      end)
      for i, each in ipairs(waiting) do
        local other = each == turn and waiting[i + (call.args == "up" and -1 or 1)]
        if other then
          local side = call.args == "up" and "before" or "after"
          connection.request("turn.move", { turn_id = turn.turn_id, [side] = other.turn_id }, ids)
        end
      end
    end,
  },
  stop = {
    about = "stops the running turn, or takes back the queued one under the cursor",
    complete = lane_names,
    run = function(call)
      local here = call.args == "" and target.find() or {}
      local function interrupt(turn)
        local method = turn.status == "queued" and "turn.cancel" or "turn.interrupt"
        connection.request(method, { turn_id = turn.turn_id }, { session_id = turn.session_id })
      end
      if here.turn and not mirror.is_final("turn", here.turn) then
        return interrupt(here.turn)
      end
      target.lane(call.args, function(lane)
        local stopped = false
        for _, session in ipairs(here.session and { here.session } or target.sessions(lane)) do
          local turn = require("agentlanes.session").running(session.session_id)
          if turn then
            stopped = true
            interrupt(turn)
          end
        end
        if not stopped then
          notice.tell(("nothing runs in %s"):format(lane.name))
        end
      end)
    end,
  },
  approve = {
    about = "answers what waits: choose, or name a kind of answer",
    complete = among({ "allow_once", "allow_always", "reject_once", "reject_always" }),
    run = function(call)
      connection.ready(function()
        local here = target.find().approval
        local function answer(found)
          if call.args ~= "" then
            approval.answer(found, call.args)
          else
            approval.choose(found)
          end
        end
        if here and here.status == "pending" then
          answer(here)
        else
          approval.pick(nil, answer)
        end
      end)
    end,
  },
  answer = {
    about = "answers the question under the cursor, or the oldest of this lane, with a kind of answer",
    complete = among({ "allow_once", "allow_always", "reject_once", "reject_always" }),
    run = function(call)
      local here = target.find()
      local found = here.approval
      if not found or found.status ~= "pending" then
        local ids = here.session and { session_id = here.session.session_id }
          or here.lane and { lane_id = here.lane.lane_id }
          or nil
        found = approval.pending(ids)[1]
      end
      if not found then
        return notice.tell("nothing waits for you here")
      end
      approval.answer(found, call.args ~= "" and call.args or "allow_once")
    end,
  },
  diff = {
    about = "shows what the lane changed, or what the question under the cursor would change",
    complete = lane_names,
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
    complete = lane_names,
    run = function(call)
      target.lane(call.args, require("agentlanes.review").list)
    end,
  },
  commit = {
    about = "commits what is in the lane",
    run = function(call)
      target.lane(nil, function(lane)
        with_text(call.args, "Commit message", function(message)
          lane_command("lane.commit", { message = message }, function(now)
            return ("%s is committed at %s"):format(now.name, (now.worktrees[1].head_commit or ""):sub(1, 10))
          end)(lane)
        end, lane.name)
      end)
    end,
  },
  merge = {
    about = "merges the lane into its target; with ! without asking, with squash as one commit",
    complete = among({ "squash" }),
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
        confirm(("Merge %s into %s"):format(lane.name, branch), squash and "Squash and merge" or "Merge", merge)
      end)
    end,
  },
  close = {
    about = "closes the lane and removes its worktree; with ! its merged branch too",
    complete = lane_names,
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
    complete = lane_names,
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
        with_text(call.args, "Name", function(name)
          connection.request("lane.update", { name = name }, { lane_id = lane.lane_id })
        end, lane.name)
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
        local argv = call.args ~= "" and { vim.o.shell, "-c", call.args } or nil
        require("agentlanes.terminal").spawn(lane, argv, call.mods)
      end)
    end,
  },
  set = {
    about = "chooses among what the agent offers: its model, mode, effort",
    run = function()
      target.lane(nil, function(lane)
        target.session(lane, function(session)
          local settings = session.offer and session.offer.settings or {}
          if #settings == 0 then
            return notice.tell(("%s offers nothing to choose while it is %s"):format(session.profile, session.status))
          end
          local options = { prompt = "Which setting", kind = "agentlanes.setting" }
          options.format_item = function(each)
            return each.value and ("%s: %s"):format(each.name, each.value) or each.name
          end
          vim.ui.select(settings, options, function(setting)
            if not setting then
              return
            end
            options = { prompt = setting.name, kind = "agentlanes.value" }
            options.format_item = function(each)
              return each.name .. (each.description and " – " .. each.description or "")
            end
            vim.ui.select(setting.values, options, function(value)
              if value then
                local choice = { [setting.kind] = value.value }
                connection.request("session.update", { choice = choice }, { session_id = session.session_id })
              end
            end)
          end)
        end)
      end)
    end,
  },
  detach = {
    about = "stops the session's agent; a prompt starts it again",
    run = function()
      target.lane(nil, function(lane)
        target.session(lane, function(session)
          connection.request("session.detach", nil, { session_id = session.session_id })
        end)
      end)
    end,
  },
  ["end"] = {
    about = "ends the session for good; what it said stays",
    run = function()
      target.lane(nil, function(lane)
        target.session(lane, function(session)
          connection.request("session.terminate", nil, { session_id = session.session_id })
        end)
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
  connect = {
    about = "connects, and shows nothing; for those who want to be told from the start",
    run = function() end,
  },
  disconnect = {
    about = "ends this editor's connection; everything goes on",
    run = connection.stop,
  },
  help = {
    about = "shows the keys",
    run = function()
      require("agentlanes.lanes").help()
    end,
  },
}

---Names of profiles, for completion; read when the server is first reached.
---@type string[]
M.profiles = {}

local started = false

local function start()
  if started then
    return
  end
  started = true
  for _, problem in ipairs(config.problems()) do
    notice.warn(problem .. "; see :checkhealth agentlanes")
  end
  require("agentlanes.attention").start()
  if config.get().signs then
    require("agentlanes.signs").start()
  end
  connection.listen(function(state)
    if state == "connected" then
      connection.request("profile.list", nil, nil, function(_, page)
        M.profiles = vim.tbl_map(function(profile)
          return profile.name
        end, page and page.profiles or {})
      end)
    end
  end)
end

---@param name string
---@param call agentlanes.Call
local function dispatch(name, call)
  start()
  if name == "" then
    return require("agentlanes.lanes").open(call.mods)
  end
  local command = M.commands[name]
  if not command then
    local names = vim.fn.sort(vim.tbl_keys(M.commands))
    return notice.fail(("there is no :Lanes %s; there are %s"):format(name, table.concat(names, ", ")))
  end
  connection.start()
  command.run(call)
end

---For nvim_create_user_command.
---@param opts { args: string, bang: boolean, mods: string, range: integer, line1?: integer, line2?: integer }
function M.user_command(opts)
  local name, bang, args = opts.args:match("^([^%s!]*)(!?)%s*(.-)%s*$")
  dispatch(name, {
    args = args,
    bang = opts.bang or bang == "!",
    mods = opts.mods,
    range = opts.range > 0 and { first = opts.line1, last = opts.line2 } or nil,
  })
end

---Runs a sub-command, as keys do.
---@param line string As it would follow :Lanes.
function M.run(line)
  M.user_command({ args = line, bang = false, mods = "", range = 0 })
end

---Fills a buffer that was opened by its name.
---@param name string
---@param buf integer
function M.open_name(name, buf)
  start()
  local noun, id = name:match("^agentlanes://(%l+)/?(.*)$")
  connection.ready(function()
    local win = window.find(buf)
    if not win then
      return
    end
    local entity = noun ~= "lanes" and mirror.get(noun, id) or nil
    if noun ~= "lanes" and not entity then
      return notice.warn(("there is no %s %s any more"):format(noun, id))
    end
    local had = vim.api.nvim_get_current_win()
    vim.api.nvim_set_current_win(win)
    if noun == "lanes" then
      require("agentlanes.lanes").open()
    else
      require("agentlanes." .. noun).open(entity)
    end
    if had ~= win and vim.api.nvim_win_is_valid(had) then
      vim.api.nvim_set_current_win(had)
    end
  end)
end

---For completion on the command line.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local rest = line:match("Lanes!?%s+(.*)$") or ""
  local name, args = rest:match("^([^%s!]+)!?%s+(.*)$")
  local words, prefix
  if not name then
    words, prefix = vim.fn.sort(vim.tbl_keys(M.commands)), lead
  else
    local command = M.commands[name]
    words, prefix = command and command.complete and command.complete(args) or {}, args
  end
  local found = {}
  for _, word in ipairs(words) do
    if vim.startswith(word:lower(), prefix:lower()) then
      -- A name may have spaces; what stands before the word under the cursor is not repeated.
      found[#found + 1] = word:sub(#prefix - #lead + 1)
    end
  end
  return found
end

return M
