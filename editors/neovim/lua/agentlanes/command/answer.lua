-- The sub-commands that answer what waits.
local approval = require("agentlanes.approval")
local connection = require("agentlanes.connection")
local input = require("agentlanes.command.input")
local mirror = require("agentlanes.mirror")
local notice = require("agentlanes.notice")
local target = require("agentlanes.target")

---@type table<string, agentlanes.Command>
return {
  approve = {
    about = "answers what waits: choose, or name a kind of answer",
    complete = input.among({ "allow_once", "allow_always", "reject_once", "reject_always" }),
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
    complete = input.among({ "allow_once", "allow_always", "reject_once", "reject_always" }),
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
  grants = {
    about = "shows what was allowed or denied for good, to revoke it",
    run = function()
      connection.ready(function()
        local grants = mirror.list("grant")
        if #grants == 0 then
          return notice.tell("nothing was allowed or denied for good")
        end
        vim.ui.select(grants, {
          prompt = "Revoke which",
          kind = "agentlanes.grant",
          format_item = function(grant)
            return ("%s · %s · by %s"):format(vim.json.encode(grant.rule), grant.scope, grant.actor)
          end,
        }, function(grant)
          if grant then
            connection.request("grant.revoke", { grant_id = grant.grant_id })
          end
        end)
      end)
    end,
  },
}
