"""The steps that most tests begin with."""

from __future__ import annotations

import json
from typing import Any

from e2e.rig import Client, Rig


async def make_lane(client: Client, rig: Rig, name: str = "Greet the reader", **payload: Any) -> dict[str, Any]:
    """A workspace, the repo, and a lane that is ready."""
    workspace = (await client.call("workspace.create", {"root_paths": [str(rig.folder / "repo")]}))["workspace"]
    workspace_id = workspace["workspace_id"]
    await client.call("repo.add", {"path": str(rig.folder / "repo")}, workspace_id=workspace_id)
    return await add_lane(client, workspace_id, name, **payload)


async def add_lane(client: Client, workspace_id: str, name: str, **payload: Any) -> dict[str, Any]:
    """One more lane, ready."""
    lane = (await client.call("lane.create", {"name": name, **payload}, workspace_id=workspace_id))["lane"]
    topic, payload = await client.wait_one_of(
        {
            "lane.created": lambda payload: payload["lane"]["lane_id"] == lane["lane_id"],
            "lane.create.failed": lambda payload: payload["lane"]["lane_id"] == lane["lane_id"],
        }
    )
    assert topic == "lane.created", payload
    ready: dict[str, Any] = payload["lane"]
    return ready


async def make_session(client: Client, lane: dict[str, Any], **payload: Any) -> dict[str, Any]:
    """An attached session."""
    session = (await client.call("session.create", payload, lane_id=lane["lane_id"]))["session"]
    session_id = session["session_id"]
    topic, attached = await client.wait_one_of(
        {
            "session.attached": lambda payload: payload["session"]["session_id"] == session_id,
            "session.attach.failed": lambda payload: payload["session"]["session_id"] == session_id,
        }
    )
    assert topic == "session.attached", attached
    found: dict[str, Any] = attached["session"]
    return found


def script(*steps: dict[str, Any]) -> str:
    """A prompt that tells the demo agent what to do."""
    return f"SCRIPT:{json.dumps(list(steps))}ENDSCRIPT"


async def prompt(client: Client, session: dict[str, Any], text: str, **payload: Any) -> str:
    """Sends a prompt and answers its turn's id."""
    turn = (await client.call("turn.create", {"prompt": text, **payload}, session_id=session["session_id"]))["turn"]
    return str(turn["turn_id"])


async def wait_turn(client: Client, turn_id: str) -> tuple[str, dict[str, Any]]:
    """How a turn ended."""
    ends = ("turn.completed", "turn.failed", "turn.interrupted", "turn.canceled")
    topic, payload = await client.wait_one_of(
        {end: lambda payload: payload["turn"]["turn_id"] == turn_id for end in ends}
    )
    return topic, payload["turn"]


async def wait_approval(client: Client, turn_id: str) -> dict[str, Any]:
    """The first question of a turn."""
    asked = await client.wait("approval.requested", lambda payload: payload["approval"]["turn_id"] == turn_id)
    approval: dict[str, Any] = asked["approval"]
    return approval


async def resolve(client: Client, approval: dict[str, Any], kind: str) -> None:
    await client.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": kind})


async def list_items(client: Client, turn_id: str) -> list[dict[str, Any]]:
    """All items of a turn, in order."""
    items = (await client.call("item.list", {"turn_id": turn_id}))["items"]
    return sorted(items, key=lambda item: int(item["position"]))


async def wait_words(client: Client, words: str) -> None:
    """Until an agent has said that much of what it says: an item begins with its first part only."""
    holds = lambda payload: client.oracle.mirror.has_text(words)  # noqa: E731
    await client.wait_one_of({"item.started": holds, "item.delta": holds, "item.updated": holds})
