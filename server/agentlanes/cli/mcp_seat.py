"""From where a tool of `agentlanes mcp` is used, what may be done from there, and who is asked first.

Agents decide for themselves whether they ask before they use a tool, and what their own settings allow we do not know.
So what sets other agents to work is asked for here, in the turn of the agent that wants it, whatever it asked before.
"""

from __future__ import annotations

import time
from typing import Any

from agentlanes.cli.client import Client, Gone, Json, NoServer, Refused, connect

PATIENCE_SECONDS = 45.0
"""Some clients give a tool a minute."""
RETRY_SECONDS = 0.2
SHOWN_CAP = 8000
"""Characters of an argument that whoever decides is shown."""


class NotAllowed(Exception):  # noqa: N818 - told to the model as what it may not do
    """What an agent may not do from its seat."""


class Seat:
    """From where is asked: the lane of an agent, or outside of all lanes."""

    def __init__(self, lane_id: str | None, session_id: str | None = None, patience: float = PATIENCE_SECONDS) -> None:
        self.lane_id = lane_id
        self._session_id = session_id
        self._patience = patience

    @property
    def instructions(self) -> str:
        """What the model is told of this server."""
        told = (
            "agentlanes runs coding agents in lanes: worktrees of a repository, each on its own branch. start_lane "
            "gives an agent a task in a new lane, wait_for_turn tells how it went, read_diff what it changed. What "
            "agents ask for is decided by people, and lanes are merged by people; a turn that waits for one says "
            "so, and there is nothing to do but to wait or to tell the user."
        )
        return told if self.lane_id is None else f"{told} You work in lane {self.lane_id} yourself."

    def find_workspace(self, client: Client, given: Json) -> str:
        """The workspace that is meant: that of the seat, whatever is asked for."""
        if self.lane_id is not None:
            workspace_id = str(self.find_lane(client)["workspace_id"])
            if given.get("workspace_id") not in (None, workspace_id):
                raise NotAllowed(f"you work in workspace {workspace_id}, and see no other")
            return workspace_id
        if "workspace_id" in given:
            return str(given["workspace_id"])
        workspaces = client.call("workspace.list")["workspaces"]
        if len(workspaces) != 1:
            raise NotAllowed("workspace_id must say which workspace is meant; list_workspaces tells them")
        return str(workspaces[0]["workspace_id"])

    def look_at(self, client: Client, entity: Json) -> Json:
        """An entity that may be seen from here."""
        self.find_workspace(client, entity)
        return entity

    def own(self, client: Client, lane_id: str) -> Json:
        """A lane that may be told what to do from here: one that was started from here."""
        lane: Json = client.call("lane.get", lane_id=lane_id)["lane"]
        if self.lane_id is not None and lane.get("parent_lane_id") != self.lane_id:
            raise NotAllowed(
                f"lane {lane_id} was not started by you, so its agent is not yours to prompt or to interrupt; "
                "start_lane starts one"
            )
        return lane

    def find_lane(self, client: Client) -> Json:
        """The lane of the agent that asks."""
        return dict(client.call("lane.get", lane_id=str(self.lane_id))["lane"])

    def ask(self, tool: str, title: str, given: Json) -> None:
        """Has people decide, unless the lane's mode, rules or grants do.

        The question is durable: a server that went away meanwhile is waited for. Raises NotAllowed.
        """
        shown = {key: value[:SHOWN_CAP] if isinstance(value, str) else value for key, value in given.items()}
        question = {"title": title, "tool": f"agentlanes: {tool}", "arguments": shown}
        deadline = time.monotonic() + self._patience
        while True:
            try:
                with connect("mcp", start=False) as client:
                    status = self._wait_for_decision(client, question, deadline)
                break
            except (Gone, NoServer):
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)
        if status == "pending":
            raise NotAllowed(
                f"nobody has decided yet whether you may ({title}); {tool} with the same arguments goes on waiting"
            )
        if status != "approved":
            raise NotAllowed(f"this was not allowed ({title}): {status}")

    def _wait_for_decision(self, client: Client, question: Json, deadline: float) -> str:
        """What became of the question: a status, with its reason where it has one."""
        seq = client.call("server.status")["seq"]
        client.call("event.subscribe", {"after_seq": seq, "topics": ["approval.resolved"]})
        while True:
            approval = self._put(client, question)
            decision = approval.get("decision") or {}
            if approval["status"] != "pending":
                reason = decision.get("reason")
                return str(approval["status"]) if not reason or approval["status"] == "approved" else f"{reason}"
            while True:
                left = deadline - time.monotonic()
                message = client.receive(left) if left > 0 else None
                if message is None:
                    return "pending"
                found = message.event["payload"].get("approval") if message.method == "approval.resolved" else None
                if found is not None and found["approval_id"] == approval["approval_id"]:
                    break
            if found["status"] == "canceled":
                return "your turn ended before anybody decided"

    def _put(self, client: Client, question: Json) -> Json:
        """The question as it stands. It is asked in the session of the seat, or in one of the lane that works."""
        sessions = [self._session_id] if self._session_id is not None else self._list_sessions(client)
        for session_id in sessions:
            try:
                approval: Json = client.call("approval.request", question, session_id=session_id)["approval"]
            except Refused as refused:
                if refused.name != "TURN_NOT_RUNNING":
                    raise
            else:
                return approval
        raise NotAllowed(f"no turn runs in lane {self.lane_id}, so that nobody can be asked whether you may do this")

    def _list_sessions(self, client: Client) -> list[str]:
        sessions = list_all(client, "session.list", "sessions", lane_id=str(self.lane_id))
        return [session["session_id"] for session in sessions]


def list_all(client: Client, method: str, name: str, payload: Json | None = None, **ids: str) -> list[Any]:
    """All of a list."""
    found: list[Any] = []
    cursor: Json = {}
    while True:
        page = client.call(method, {**(payload or {}), **cursor}, **ids)
        found += page[name]
        if page.get("next_cursor") is None:
            return found
        cursor = {"cursor": page["next_cursor"]}
