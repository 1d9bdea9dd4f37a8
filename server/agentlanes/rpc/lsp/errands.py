"""What an editor's plugin does in several steps, done in one for a client without a plugin."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.rpc.contract import name_fault
from agentlanes.rpc.lsp.client import LspClient, holds, read_path
from agentlanes.rpc.lsp.desk import Desk
from agentlanes.rpc.lsp.documents import name_transcript
from agentlanes.rpc.peer import Peer
from agentlanes.wire.models import Lane, Repo

LANE_SECONDS = 600.0
"""How long a lane's worktree may take; a large repository's is slow, and the user sees it in the lane's state."""
_NAME_CAP = 60


class Errands:
    """The errands of all plain LSP clients."""

    def __init__(self, kernel: Kernel, desk: Desk) -> None:
        self._kernel = kernel
        self._desk = desk
        self._lanes: dict[str, list[asyncio.Future[Lane]]] = {}

    def hear(self, committed: Committed) -> None:
        """Something was committed: lanes that were waited for may be there."""
        for event in committed.events:
            lane = event.entity
            if isinstance(lane, Lane) and lane.operation is None:
                for future in self._lanes.pop(lane.lane_id, ()):
                    if not future.done():
                        future.set_result(lane)

    async def start(self, peer: Peer, client: LspClient, wanted: dict[str, Any]) -> dict[str, Any]:
        """Makes a lane and prompts an agent in it. `wanted` holds prompt, and as far as is known uri, name, profile
        and links. Returns the ids. Raises Fault."""
        prompt = wanted.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise name_fault("INVALID_PARAMS", "agentlanes.start needs a prompt, a text that says what to do")
        repo = await self._find_repo(peer, client, read_path(wanted.get("uri")))
        name = wanted.get("name") if isinstance(wanted.get("name"), str) else None
        payload = {"name": _write_name(name or prompt), "repo_id": repo.repo_id}
        profile = {"profile": wanted["profile"]} if isinstance(wanted.get("profile"), str) else {}
        above = {"workspace_id": repo.workspace_id}
        made = await self._desk.run(peer, "lane.create", {**payload, **profile}, above)
        lane = await self._wait_for_lane(made["lane"]["lane_id"])
        if lane.status == "error":
            assert lane.problem is not None
            raise name_fault(lane.problem.code, lane.problem.message, lane_id=lane.lane_id)
        created = await self._desk.run(peer, "session.create", profile, {"lane_id": lane.lane_id})
        session_id: str = created["session"]["session_id"]
        turn = await self.send(peer, {"session_id": session_id, "prompt": prompt, "links": wanted.get("links")})
        return {"lane_id": lane.lane_id, **turn}

    async def send(self, peer: Peer, wanted: dict[str, Any]) -> dict[str, Any]:
        """Prompts a session. Returns the ids and the URI of its transcript. Raises Fault."""
        payload: dict[str, Any] = {"prompt": wanted.get("prompt")}
        if isinstance(wanted.get("links"), list):
            payload["links"] = wanted["links"]
        made = await self._desk.run(peer, "turn.create", payload, {"session_id": wanted.get("session_id")})
        turn = made["turn"]
        session_id = turn["session_id"]
        return {"session_id": session_id, "turn_id": turn["turn_id"], "uri": name_transcript(session_id)}

    async def _find_repo(self, peer: Peer, client: LspClient, path: str | None) -> Repo:
        """The innermost repo that holds the file, or the client's folder; one that is not known yet is added."""
        place = path or next(iter(client.folders), None) or peer.cwd
        if place is None:
            raise name_fault("REPO_REQUIRED", "no file and no folder says where to work; give a uri, or open a folder")
        found = self._look_up(place)
        if found is None:
            folder = client.find_folder(place) or (place if Path(place).is_dir() else str(Path(place).parent))
            above = {"workspace_id": await self._open_workspace(peer, folder)}
            await self._desk.run(peer, "repo.add", {"path": folder}, above)
            found = self._look_up(place)
        if found is None:
            raise name_fault("REPO_REQUIRED", f"{place} is in no git repository; open a file of one")
        return found

    async def _open_workspace(self, peer: Peer, folder: str) -> str:
        for workspace in self._kernel.state.all("workspace"):
            if any(holds(root, folder) for root in workspace.root_paths):
                return str(workspace.workspace_id)
        made = await self._desk.run(peer, "workspace.create", {"root_paths": [folder]})
        return str(made["workspace"]["workspace_id"])

    def _look_up(self, place: str) -> Repo | None:
        state = self._kernel.state
        for lane in state.all("lane"):
            for worktree in lane.worktrees:
                if holds(worktree.path, place):
                    return state.get("repo", worktree.repo_id)
        repos = (repo for repo in state.all("repo") if holds(repo.path, place))
        return max(repos, key=lambda repo: len(repo.path), default=None)

    async def _wait_for_lane(self, lane_id: str) -> Lane:
        lane: Lane | None = self._kernel.state.get("lane", lane_id)
        if lane is not None and lane.operation is None:
            return lane
        future: asyncio.Future[Lane] = asyncio.get_running_loop().create_future()
        self._lanes.setdefault(lane_id, []).append(future)
        async with asyncio.timeout(LANE_SECONDS):
            return await future


def _write_name(prompt: str) -> str:
    line = "".join(c if c.isprintable() else " " for c in prompt.strip().split("\n", 1)[0])
    return line if len(line) <= _NAME_CAP else f"{line[: _NAME_CAP - 1]}…"
