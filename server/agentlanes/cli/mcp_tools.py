"""The tools of `agentlanes mcp`, and what an agent may do with them.

An agent looks around in its workspace, has lanes started that may do what its own may, prompts and interrupts what it
had started, and reads what came of it. There is no tool that decides an approval, changes what a lane may do, ends or
merges a lane, or stops anybody else: those are a person's, in their own client. The server checks what a lane may have
started (`parent_lane_id`); which sessions may be prompted is checked here, and people are asked first, as the lane's
permission mode wants it. Whoever has a shell on the machine is the user, for this server as for every other; a lane's
mode and rules are what keeps an agent from one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from agentlanes.cli.client import Client, Json, connect
from agentlanes.cli.mcp_seat import NotAllowed, Seat, list_all

TEXT_CAP = 60_000
"""Characters of a transcript, the newest; a model reads no more at once."""
ITEM_CAP = 4000
TITLE_CAP = 200
DIFF_BYTES = 100_000
WAIT_SECONDS = 45
"""Some clients give a tool a minute."""
LONGEST_SECONDS = 600
OPTIONAL = "(optional)"
ENDS = ("completed", "failed", "interrupted", "canceled")


class Tool(NamedTuple):
    """A row of the list."""

    summary: str
    fields: Mapping[str, str]
    """What each argument means; it is required where that does not begin with OPTIONAL."""
    run: Callable[[Seat, Client, Json], Json]
    is_outside: bool = False
    """Whether it shows what an agent in a lane does not see."""
    changes: bool = False
    question: Callable[[Seat, Client, Json], str | None] | None = None
    """What people are asked before it is run for an agent in a lane; nothing where the tool will refuse it."""

    def decide(self, name: str, seat: Seat, given: Json) -> None:
        """Has people decide where they must, on connections of its own: a server may come and go. Raises NotAllowed."""
        if self.question is None or seat.lane_id is None:
            return
        with connect("mcp") as client:
            title = self.question(seat, client, given)
        if title is not None:
            seat.ask(name, title, given)

    def check(self, given: Json) -> Json:
        """The arguments, if they are what the tool takes. Raises NotAllowed."""
        missing = [name for name, text in self.fields.items() if not text.startswith(OPTIONAL) and name not in given]
        wrong = [
            name
            for name, value in given.items()
            if name not in self.fields or type(value) is not (int if name in _NUMBERS else str)
        ]
        if missing or wrong:
            raise NotAllowed(
                f"{', '.join(missing) or 'nothing'} is missing, and {', '.join(wrong) or 'nothing'} is not understood; "
                f"the arguments are {', '.join(self.fields) or 'none'}"
            )
        return given

    def describe(self, name: str) -> Json:
        """The tool as tools/list has it."""
        types = {name: "integer" if name in _NUMBERS else "string" for name in self.fields}
        properties = {name: {"type": types[name], "description": text} for name, text in self.fields.items()}
        schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        schema["required"] = [name for name, text in self.fields.items() if not text.startswith(OPTIONAL)]
        # Agents that ask their user by these hints ask before anybody else is set to work.
        hints = {"readOnlyHint": not self.changes, "destructiveHint": self.changes, "openWorldHint": self.changes}
        return {"name": name, "description": self.summary, "inputSchema": schema, "annotations": hints}


_NUMBERS = ("seconds", "max_bytes")


def _get_context(seat: Seat, client: Client, given: Json) -> Json:
    if seat.lane_id is None:
        return {"server": client.call("server.status"), "workspaces": client.call("workspace.list")["workspaces"]}
    workspace_id = seat.find_workspace(client, {})
    lanes = list_all(client, "lane.list", "lanes", workspace_id=workspace_id)
    return {
        "workspace": client.call("workspace.get", workspace_id=workspace_id)["workspace"],
        "lane": next((lane for lane in lanes if lane["lane_id"] == seat.lane_id), None),
        "sessions": list_all(client, "session.list", "sessions", lane_id=seat.lane_id),
        "lanes_started_from_here": [lane for lane in lanes if lane.get("parent_lane_id") == seat.lane_id],
    }


def _list_workspaces(seat: Seat, client: Client, given: Json) -> Json:
    return {"workspaces": client.call("workspace.list")["workspaces"]}


def _list_repos(seat: Seat, client: Client, given: Json) -> Json:
    return {"repos": list_all(client, "repo.list", "repos", workspace_id=seat.find_workspace(client, given))}


def _list_agents(seat: Seat, client: Client, given: Json) -> Json:
    agents = list_all(client, "agent.list", "agents")
    return {"agents": [{name: agent[name] for name in _AGENT if name in agent} for agent in agents]}


_AGENT = ("name", "type", "status", "activity_state", "available", "unavailable_reason", "version", "problem")


def _list_lanes(seat: Seat, client: Client, given: Json) -> Json:
    return {"lanes": list_all(client, "lane.list", "lanes", workspace_id=seat.find_workspace(client, given))}


def _list_sessions(seat: Seat, client: Client, given: Json) -> Json:
    if "lane_id" in given:
        lane_id = str(given["lane_id"])
        seat.look_at(client, client.call("lane.get", lane_id=lane_id)["lane"])
        sessions = list_all(client, "session.list", "sessions", lane_id=lane_id)
    else:
        sessions = list_all(client, "session.list", "sessions", workspace_id=seat.find_workspace(client, given))
    # What it offers is long, and of no use to another agent.
    return {"sessions": [{k: v for k, v in session.items() if k not in ("offer", "primer")} for session in sessions]}


def _question_lane(seat: Seat, client: Client, given: Json) -> str | None:
    seat.find_workspace(client, given)
    if seat.find_lane(client).get("parent_lane_id") is not None:
        # A lane that an agent had started starts none: nobody is asked for what the server refuses.
        return None
    return f"Start {given.get('profile', 'an agent')} in a new lane: {_cut(given['prompt'])}"


def _start_lane(seat: Seat, client: Client, given: Json) -> Json:
    workspace_id = seat.find_workspace(client, given)
    payload = {k: v for k, v in given.items() if k in ("prompt", "name", "repo_id", "base", "profile")}
    if seat.lane_id is not None:
        payload["parent_lane_id"] = seat.lane_id
    started = client.call("lane.start", payload, workspace_id=workspace_id)
    return {name: started[name][f"{name}_id"] for name in ("lane", "session", "turn")} | {
        "branch": started["lane"]["branch"],
        "next": "wait_for_turn with the turn's id tells how it went",
    }


def _question_prompt(seat: Seat, client: Client, given: Json) -> str | None:
    session = client.call("session.get", session_id=str(given["session_id"]))["session"]
    seat.look_at(client, session)
    lane = seat.own(client, session["lane_id"])
    return f"Prompt the agent of lane {lane['name']}: {_cut(given['prompt'])}"


def _send_prompt(seat: Seat, client: Client, given: Json) -> Json:
    session = client.call("session.get", session_id=str(given["session_id"]))["session"]
    seat.look_at(client, session)
    seat.own(client, session["lane_id"])
    turn = client.call("turn.create", {"prompt": given["prompt"]}, session_id=session["session_id"])["turn"]
    return {"turn_id": turn["turn_id"], "status": turn["status"], "position": turn.get("position")}


def _cut(text: str) -> str:
    return " ".join(text[:TITLE_CAP].split())


def _wait_for_turn(seat: Seat, client: Client, given: Json) -> Json:
    turn_id, seconds = str(given["turn_id"]), min(int(given.get("seconds", WAIT_SECONDS)), LONGEST_SECONDS)
    deadline = time.monotonic() + seconds
    # From before the look on, so that no end is missed.
    seq = client.call("server.status")["seq"]
    client.call("event.subscribe", {"after_seq": seq, "topics": ["turn.*", "approval.*"]})
    turn = seat.look_at(client, client.call("turn.get", {"turn_id": turn_id})["turn"])
    while turn["status"] not in ENDS and (left := deadline - time.monotonic()) > 0:
        if turn["status"] == "waiting":
            break
        if client.receive(left) is not None:
            turn = client.call("turn.get", {"turn_id": turn_id})["turn"]
    told: Json = {k: turn[k] for k in ("turn_id", "status", "summary", "stop_reason", "problem", "usage") if k in turn}
    if turn["status"] in ("queued", "running"):
        told["next"] = f"it was not over after {seconds} s; wait_for_turn again"
    if turn["status"] == "waiting":
        pending = list_all(client, "approval.list", "approvals", session_id=turn["session_id"])
        told["waits_for"] = [each["title"] for each in pending if each["status"] == "pending"]
        told["next"] = "a person has to decide that; tell the user, or do something else meanwhile"
    return told


def _interrupt_turn(seat: Seat, client: Client, given: Json) -> Json:
    turn = seat.look_at(client, client.call("turn.get", {"turn_id": str(given["turn_id"])})["turn"])
    seat.own(client, turn["lane_id"])
    turn = client.call("turn.interrupt", {"turn_id": turn["turn_id"]})["turn"]
    return {"turn_id": turn["turn_id"], "status": turn["status"]}


def _read_transcript(seat: Seat, client: Client, given: Json) -> Json:
    session_id = str(given["session_id"])
    seat.look_at(client, client.call("session.get", session_id=session_id)["session"])
    turns = list_all(client, "turn.list", "turns", session_id=session_id)
    if "turn_id" in given:
        turns = [turn for turn in turns if turn["turn_id"] == given["turn_id"]]
    parts: list[str] = []
    for turn in turns:
        parts.append(f"## Turn {turn['turn_id']} ({turn['status']})\n\nUser: {turn['prompt'][:ITEM_CAP]}\n")
        for item in list_all(client, "item.list", "items", {"turn_id": turn["turn_id"]}, session_id=session_id):
            parts.append(_write_item(item))
    text = "\n".join(parts)
    return {"text": text[-TEXT_CAP:], "cut": len(text) > TEXT_CAP}


def _write_item(item: Json) -> str:
    text = (item.get("text") or "")[:ITEM_CAP]
    if "tool" in item:
        tool = item["tool"]
        return f"[{tool.get('status', item['status'])}] {tool.get('title', 'a tool')}\n{text}\n"
    return f"{item['kind']}: {text}\n" if text else ""


def _read_diff(seat: Seat, client: Client, given: Json) -> Json:
    lane = seat.look_at(client, client.call("lane.get", lane_id=str(given["lane_id"]))["lane"])
    size = min(int(given.get("max_bytes", DIFF_BYTES)), DIFF_BYTES)
    return client.call("lane.diff", {"hunks": True, "max_bytes": size}, lane_id=lane["lane_id"])


_WORKSPACE = {"workspace_id": "(optional) which workspace; the only one where absent"}
TOOLS: dict[str, Tool] = {
    "get_context": Tool(
        "Where you are: your workspace, lane, sessions, and the lanes that you had started.", {}, _get_context
    ),
    "list_workspaces": Tool("All workspaces.", {}, _list_workspaces, is_outside=True),
    "list_repos": Tool("The repositories of a workspace.", _WORKSPACE, _list_repos),
    "list_agents": Tool("The agents that a lane can be given to, and whether each can start.", {}, _list_agents),
    "list_lanes": Tool(
        "The lanes of a workspace: what is worked on, on which branch, in which state.", _WORKSPACE, _list_lanes
    ),
    "list_sessions": Tool(
        "The conversations of agents in a lane, or in the whole workspace.",
        {"lane_id": "(optional) the lane; all where absent", **_WORKSPACE},
        _list_sessions,
    ),
    "start_lane": Tool(
        "Give an agent a task in a new lane: a worktree on a branch of its own. Answers at once with the ids of the "
        "lane, its session and its first turn.",
        {
            "prompt": "the task, complete: the agent knows nothing of your conversation",
            "name": "(optional) what the work is; the branch is named after it",
            "profile": "(optional) which agent, by list_agents; the default where absent",
            "repo_id": "(optional) which repository, by list_repos; the only one where absent",
            "base": "(optional) branch or commit to start from; the repository's default branch where absent",
            **_WORKSPACE,
        },
        _start_lane,
        changes=True,
        question=_question_lane,
    ),
    "send_prompt": Tool(
        "Say something to an agent that you had started; it waits its turn where that agent is busy.",
        {"session_id": "whose conversation", "prompt": "what is said"},
        _send_prompt,
        changes=True,
        question=_question_prompt,
    ),
    "wait_for_turn": Tool(
        "Wait until a turn is over, or waits for a decision, and tell how it went.",
        {"turn_id": "which turn", "seconds": f"(optional) for how long; {WAIT_SECONDS} where absent"},
        _wait_for_turn,
    ),
    "interrupt_turn": Tool(
        "Interrupt a turn of an agent that you had started; its lane and its conversation stay.",
        {"turn_id": "which turn"},
        _interrupt_turn,
        changes=True,
    ),
    "read_transcript": Tool(
        "What was said and done in a conversation, as text; the newest part where it is long.",
        {"session_id": "whose conversation", "turn_id": "(optional) only this turn"},
        _read_transcript,
    ),
    "read_diff": Tool(
        "What a lane has changed since it left its base branch, by file, with hunks.",
        {"lane_id": "which lane", "max_bytes": f"(optional) of hunks at most; {DIFF_BYTES} where absent"},
        _read_diff,
    ),
}


def list_tools(seat: Seat) -> tuple[str, ...]:
    """Names of the tools that there are for a seat."""
    return tuple(name for name, tool in TOOLS.items() if seat.lane_id is None or not tool.is_outside)
