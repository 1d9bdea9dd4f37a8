-- The sub-commands about sessions: their turns, their queue and their agent.
local connection = require("agentlanes.connection")
local input = require("agentlanes.command.input")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local target = require("agentlanes.target")

---Hands over the session that is meant and its turn that runs.
---@param done fun(session: agentlanes.Session, turn: agentlanes.Turn)
local function with_running(done)
  target.lane(nil, function(lane)
    target.session(lane, function(session)
      local turn = target.running(session.session_id)
      if turn then
        done(session, turn)
      else
        notice.warn("no turn is running there")
      end
    end)
  end)
end

---Opens a session that goes on from another one.
---@param lane agentlanes.Lane
---@param payload agentlanes.SessionCreate
---@param mods string
local function go_on(lane, payload, mods)
  connection.request("session.create", payload, { lane_id = lane.lane_id }, function(problem, made)
    if problem then
      return notice.fail(problem.message)
    end
    require("agentlanes.session").open(made.session, mods)
  end)
end

---@type table<string, agentlanes.Command>
return {
  session = {
    about = "starts one more session in the lane, of a profile where one is named",
    complete = function()
      return input.profiles
    end,
    run = function(call)
      target.lane(nil, function(lane)
        go_on(lane, { profile = call.args ~= "" and call.args or nil }, call.mods)
      end)
    end,
  },
  prompt = {
    about = "prompts the lane's session; with a range the lines go along",
    run = function(call)
      local text, links = input.selection(call)
      target.lane(nil, function(lane)
        input.with_text(call.args, "Prompt for " .. lane.name, function(words)
          target.session(lane, function(session)
            require("agentlanes.session").open(session, call.mods)
            connection.send_prompt(session, words .. (text or ""), links)
          end)
        end)
      end)
    end,
  },
  steer = {
    about = "tells the running turn something more",
    run = function(call)
      with_running(function(session, turn)
        input.with_text(call.args, "Steer", function(words)
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
        input.with_text(call.args, "Instead", function(words)
          local payload = { turn_id = turn.turn_id, prompt = words }
          connection.request("turn.replace", payload, { session_id = session.session_id })
        end)
      end)
    end,
  },
  queue = {
    about = "moves or edits the queued turn under the cursor",
    complete = input.among({ "first", "last", "up", "down", "edit" }),
    run = function(call)
      local turn = target.find().turn
      if not turn or turn.status ~= "queued" then
        return notice.warn("put the cursor on a turn that waits in the queue")
      end
      local ids = { session_id = turn.session_id }
      if call.args == "edit" then
        return input.with_text("", "Prompt", function(words)
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
    complete = input.lane_names,
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
          local turn = target.running(session.session_id)
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
  fork = {
    about = "goes on from this conversation in a session of its own; on a turn, from that turn's end",
    run = function(call)
      target.lane(nil, function(lane)
        local turn = target.find().turn
        target.session(lane, function(session)
          local origin = { kind = "fork", session_id = session.session_id, turn_id = turn and turn.turn_id }
          go_on(lane, { origin = origin }, call.mods)
        end)
      end)
    end,
  },
  handover = {
    about = "lets another agent go on, told what this session was about",
    complete = function()
      return input.profiles
    end,
    run = function(call)
      target.lane(nil, function(lane)
        target.session(lane, function(session)
          local payload = { origin = { kind = "handover", session_id = session.session_id } }
          payload.profile = call.args ~= "" and call.args or nil
          go_on(lane, payload, call.mods)
        end)
      end)
    end,
  },
  rewind = {
    about = "takes back the turn under the cursor and all after it; files stay as they are",
    run = function()
      local turn = target.find().turn
      if not turn then
        return notice.warn("put the cursor on the first turn that is to be taken back")
      end
      input.confirm("Take back this turn and all after it", "Take back", function()
        connection.request("session.rewind", { turn_id = turn.turn_id }, { session_id = turn.session_id })
      end)
    end,
  },
  halt = {
    about = "stops every agent at once, of all lanes; with a profile only its agents",
    complete = function()
      return input.profiles
    end,
    run = function(call)
      local payload = { profile = call.args ~= "" and call.args or nil }
      local function halt()
        connection.request("agent.stop_all", payload)
      end
      if call.bang then
        return halt()
      end
      input.confirm("Stop every agent" .. (payload.profile and " of " .. payload.profile or ""), "Stop them", halt)
    end,
  },
}
