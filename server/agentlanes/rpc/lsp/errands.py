"""What an editor's plugin knows and a client without a plugin cannot say: where the user is."""

from __future__ import annotations

from typing import Any

from agentlanes.rpc.contract import name_fault
from agentlanes.rpc.lsp.client import LspClient, read_path
from agentlanes.rpc.lsp.desk import Desk
from agentlanes.rpc.lsp.documents import name_transcript
from agentlanes.rpc.peer import Peer


class Errands:
    """The errands of all plain LSP clients."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def start(
        self, peer: Peer, client: LspClient, wanted: dict[str, Any], envelope: dict[str, Any]
    ) -> dict[str, Any]:
        """Starts a lane with `lane.start`, whose payload `wanted` is; in place of a path it may have the `uri` of a
        file, and without either the client's folder is meant. Returns the ids. Raises Fault."""
        payload = {name: value for name, value in wanted.items() if name != "uri"}
        if not {"path", "repo_id"} & set(payload) and "workspace_id" not in envelope:
            payload["path"] = self._find_place(peer, client, wanted.get("uri"))
        folder = client.find_folder(str(payload.get("path")))
        if folder is not None:
            payload.setdefault("folder", folder)
        made = await self._desk.run(peer, "lane.start", payload, envelope)
        return {"lane_id": made["lane"]["lane_id"], **_name(made["turn"])}

    async def send(self, peer: Peer, wanted: dict[str, Any], envelope: dict[str, Any]) -> dict[str, Any]:
        """Prompts a session. Returns the ids and the URI of its transcript. Raises Fault."""
        payload = {name: value for name, value in wanted.items() if name != "session_id"}
        if "session_id" in wanted:
            envelope = {**envelope, "session_id": wanted["session_id"]}
        made = await self._desk.run(peer, "turn.create", payload, envelope)
        return _name(made["turn"])

    def _find_place(self, peer: Peer, client: LspClient, uri: object) -> str:
        place = read_path(uri) or next(iter(client.folders), None) or peer.cwd
        if place is None:
            raise name_fault("REPO_REQUIRED", "no file and no folder says where to work; give a uri, or open a folder")
        return place


def _name(turn: dict[str, Any]) -> dict[str, Any]:
    session_id = turn["session_id"]
    return {"session_id": session_id, "turn_id": turn["turn_id"], "uri": name_transcript(session_id)}
