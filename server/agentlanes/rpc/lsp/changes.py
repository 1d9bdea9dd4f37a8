"""Which lanes changed a file, and what made a line as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from agentlanes.core.queue import USABLE
from agentlanes.kernel.kernel import Kernel
from agentlanes.rpc.fault import Fault
from agentlanes.rpc.lsp.client import holds
from agentlanes.rpc.lsp.desk import Desk
from agentlanes.rpc.peer import Peer
from agentlanes.wire.models import Lane

LANES_CAP = 20
"""Lanes that are looked at for one file; each costs a git process."""
_ITEM_PAGES = 5


class Place(NamedTuple):
    """A file as a lane sees it."""

    lane: Lane
    path: str
    """Relative to the lane's worktree."""
    is_inside: bool
    """The file is the lane's own copy; otherwise it is the user's, in the repository that the lane came from."""


class LineChange(NamedTuple):
    """What a lane did to a line."""

    lane: Lane
    removed: str
    added: str
    turn: dict[str, Any] | None
    """The turn whose edit wrote the line, where an agent told of it."""


class Changes:
    """Looks at diffs and items on behalf of a peer."""

    def __init__(self, kernel: Kernel, desk: Desk) -> None:
        self._kernel = kernel
        self._desk = desk

    async def list_lanes(self, peer: Peer, path: str) -> list[tuple[Lane, dict[str, Any]]]:
        """Lanes that changed a file, with the file's entry of their diff."""
        found = []
        for place in self._find_places(path):
            file = await self._diff(peer, place, hunks=False)
            if file is not None:
                found.append((place.lane, file))
        return found

    async def explain_line(self, peer: Peer, path: str, line: int, text: str) -> list[LineChange]:
        """What lanes did to a line of a file; `line` counts from 0, `text` is what stands there."""
        found = []
        for place in self._find_places(path):
            file = await self._diff(peer, place, hunks=True)
            for hunk in (file or {}).get("hunks", ()):
                if _touches(hunk, line + 1, place.is_inside):
                    removed, added = _split(hunk["text"])
                    turn = await self._find_turn(peer, place, text) if place.is_inside else None
                    found.append(LineChange(place.lane, removed, added, turn))
        return found

    def _find_places(self, path: str) -> list[Place]:
        return list(self._walk_places(path))[:LANES_CAP]

    def _walk_places(self, path: str) -> Iterator[Place]:
        lanes = [lane for lane in self._kernel.state.all("lane") if lane.status in USABLE]
        for lane in lanes:
            for worktree in lane.worktrees:
                if holds(worktree.path, path):
                    # A lane's own copy is nobody else's business.
                    yield Place(lane, path[len(worktree.path) :].lstrip("/"), True)
                    return
        for lane in lanes:
            for worktree in lane.worktrees:
                repo = self._kernel.state.get("repo", worktree.repo_id)
                if repo is not None and holds(repo.path, path):
                    yield Place(lane, path[len(repo.path) :].lstrip("/"), False)

    async def _diff(self, peer: Peer, place: Place, *, hunks: bool) -> dict[str, Any] | None:
        wanted = {"paths": [place.path], "hunks": hunks, "context": 0}
        try:
            diff = await self._desk.run(peer, "lane.diff", wanted, {"lane_id": place.lane.lane_id})
        except Fault:
            # A lane that is just going away has no say; the others have.
            return None
        files = [file for worktree in diff["worktrees"] for file in worktree["files"] if file["path"] == place.path]
        return files[0] if files else None

    async def _find_turn(self, peer: Peer, place: Place, text: str) -> dict[str, Any] | None:
        """The newest turn of the lane with an edit of this file that has the line in its new text, not in its old."""
        newest: dict[str, Any] | None = None
        for session in self._kernel.state.children("session", place.lane.lane_id):
            cursor: dict[str, Any] = {}
            for _ in range(_ITEM_PAGES):
                page = await self._desk.run(
                    peer, "item.list", {"limit": 1000, **cursor}, {"session_id": session.session_id}
                )
                for item in page["items"]:
                    if any(_wrote(change, place.path, text) for change in item.get("tool", {}).get("changes", ())):
                        newest = item if newest is None else max(newest, item, key=lambda item: str(item["created_at"]))
                if "next_cursor" not in page:
                    break
                cursor = {"cursor": page["next_cursor"]}
        if newest is None:
            return None
        found = await self._desk.run(peer, "turn.get", {"turn_id": newest["turn_id"]})
        turn: dict[str, Any] = found["turn"]
        return turn


def _touches(hunk: dict[str, Any], number: int, is_inside: bool) -> bool:
    side = "new" if is_inside else "old"
    start, lines = hunk[f"{side}_start"], hunk[f"{side}_lines"]
    # Of no lines, git names the one before.
    return bool(start <= number < start + lines) if lines else bool(number == max(start, 1))


def _split(text: str) -> tuple[str, str]:
    # Git's lines end at `\n` alone.
    lines = [line.rstrip("\r") for line in text.split("\n")]
    removed = [line[1:] for line in lines if line.startswith("-")]
    added = [line[1:] for line in lines if line.startswith("+")]
    return "\n".join(removed), "\n".join(added)


def _wrote(change: dict[str, Any], path: str, text: str) -> bool:
    told = str(change["path"])
    if not (told == path or told.endswith("/" + path)):
        return False
    line = text.rstrip("\r\n")
    new, old = (text.replace("\r", "").split("\n") for text in (change["new_text"], change.get("old_text") or ""))
    return line in new and line not in old
