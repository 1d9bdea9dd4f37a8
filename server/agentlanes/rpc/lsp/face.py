"""The LSP side of one peer: what it opened, what it is told, what it may ask."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from agentlanes.core.command import Context
from agentlanes.core.errors import Refusal
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.ports.renderers import Renderers
from agentlanes.kernel.views import Views
from agentlanes.rpc.contract import name_fault
from agentlanes.rpc.fault import Fault, refuse
from agentlanes.rpc.lsp.attention import Attention
from agentlanes.rpc.lsp.capabilities import CLOSED, DOCUMENT_NOTIFICATIONS
from agentlanes.rpc.lsp.changes import Changes
from agentlanes.rpc.lsp.client import LspClient, holds, read_path
from agentlanes.rpc.lsp.desk import Desk
from agentlanes.rpc.lsp.documents import OVERVIEW, name_file, read_name, write_diff, write_overview, write_transcript
from agentlanes.rpc.lsp.errands import Errands
from agentlanes.rpc.lsp.screens import ScreenDocuments
from agentlanes.rpc.lsp.shelf import Shelf
from agentlanes.rpc.lsp.texts import Texts
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.ports import Reply
from agentlanes.wire.models import ItemList, LaneDiff, Session, TurnList

_PAGE = 1000


class Face:
    """One plain LSP client. pygls is made when the client first says something that only LSP knows."""

    def __init__(
        self,
        peer: Peer,
        client: LspClient,
        kernel: Kernel,
        views: Views,
        renderers: Renderers,
        desk: Desk,
        errands: Errands,
        shelf: Shelf,
        version: str,
    ) -> None:
        self.peer = peer
        self.client = client
        self.desk = desk
        self.errands = errands
        self.version = version
        self.changes = Changes(kernel, desk)
        self.texts = Texts(client.choose_encoding())
        self.attention = Attention(peer, client, kernel, desk, self._refresh)
        self._shelf = shelf
        self._screens = ScreenDocuments(renderers, self.attention.note_change)
        self._kernel = kernel
        self._views = views
        self._take: Callable[[dict[str, Any]], None] | None = None
        """pygls, once it is there."""
        self._loading: asyncio.Task[None] | None = None
        self._backlog: list[tuple[int, dict[str, Any]]] = []
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last = 0

    async def request(self, method: str, params: dict[str, Any]) -> Reply:
        """Answers one of LSP's own requests. Raises Fault."""
        self._last += 1
        number = self._last
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future

        self._say(number, {"id": number, "method": method, "params": params})
        try:
            return Reply(msgspec.json.encode(await future))
        finally:
            self._waiting.pop(number, None)

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Hears one of LSP's own notifications."""
        if method == "initialized":
            self.attention.start()
        elif method == "window/workDoneProgress/cancel":
            self.attention.cancel_progress(params.get("token"))
        elif method == "workspace/didChangeWorkspaceFolders":
            self.client.change_folders(params.get("event"))
        elif method in DOCUMENT_NOTIFICATIONS:
            self.texts.hear(method, params)
            if method == CLOSED:
                self._forget_document(params)

    def close(self) -> None:
        """The peer is gone."""
        self.attention.close()
        self._screens.close()
        if self._loading is not None:
            self._loading.cancel()
        self._shelf.close()

    def shorten(self, path: str) -> str:
        """A file's path as an agent in a lane knows it: relative to the worktree or the repository that holds it."""
        state = self._kernel.state
        roots = [worktree.path for lane in state.all("lane") for worktree in lane.worktrees]
        roots += [repo.path for repo in state.all("repo")]
        roots += self.client.folders
        root = max((root for root in roots if holds(root, path)), key=len, default="")
        return path[len(root) :].lstrip("/") if root else path

    def find_place(self, uri: str) -> str | None:
        """Where work about a document is done: the file, or the client's folder where it is none yet. None where that
        is in no repository."""
        path = read_path(uri)
        if path is None and uri.startswith(("untitled:", "buffer:")):
            path = next(iter(self.client.folders), None)
        if path is None or path.startswith(self._shelf.folder):
            return None
        state = self._kernel.state
        roots = [worktree.path for lane in state.all("lane") for worktree in lane.worktrees]
        roots += [repo.path for repo in state.all("repo")]
        if any(holds(root, path) for root in roots):
            return path
        return path if any((folder / ".git").exists() for folder in (Path(path), *Path(path).parents)) else None

    def list_sessions(self, path: str) -> list[Session]:
        """Sessions that could be told about a file: those of lanes that hold it or came from where it is; newest
        first."""
        state = self._kernel.state
        found = [
            session
            for session in state.all("session")
            if session.listed and session.status != "terminated" and self._reaches(session.lane_id, path)
        ]
        return sorted(found, key=lambda session: session.updated_at, reverse=True)

    def _reaches(self, lane_id: str, path: str) -> bool:
        lane = self._kernel.state.get("lane", lane_id)
        for worktree in lane.worktrees if lane is not None else ():
            repo = self._kernel.state.get("repo", worktree.repo_id)
            if holds(worktree.path, path) or (repo is not None and holds(repo.path, path)):
                return True
        return False

    async def read_document(self, uri: str) -> str:
        """The text of a document of ours. Raises Fault."""
        named = read_name(uri)
        if named is None:
            raise refuse(
                "INVALID_PARAMS", f"{uri[:200]!r} is none of our documents, which are transcripts, diffs and screens"
            )
        noun, id = named
        try:
            if uri == OVERVIEW:
                self.attention.note_read(uri)
                return self._write_overview()
            entity = self._views.find(noun, id)
            self.attention.note_read(uri)
            if noun == "session":
                return self._write_transcript(entity)
            if noun == "terminal":
                return await self._screens.read(uri, entity)
            diff = self._views.by_method["lane.diff"](Context(lane_id=id), LaneDiff())
            return write_diff(entity, await diff)  # type: ignore[misc]
        except Refusal as refusal:
            raise name_fault(refusal.code, refusal.message, **refusal.details) from None

    def _forget_document(self, params: dict[str, Any]) -> None:
        document = params.get("textDocument")
        uri = document.get("uri") if isinstance(document, dict) else None
        if isinstance(uri, str):
            self._screens.forget(uri)

    def _write_transcript(self, session: Session) -> str:
        context = Context(session_id=session.session_id)
        turns = self._views.by_method["turn.list"](context, TurnList(limit=_PAGE)).turns  # type: ignore[union-attr]
        listed = self._views.by_method["item.list"]

        def items(turn_id: str) -> Any:
            page = listed(context, ItemList(turn_id=turn_id, limit=_PAGE))
            return sorted(page.items, key=lambda item: item.position)  # type: ignore[union-attr]

        return write_transcript(session, ((turn, items(turn.turn_id)) for turn in turns))

    def _write_overview(self) -> str:
        state = self._kernel.state
        waiting = [approval for approval in state.all("approval") if approval.status == "pending"]
        return write_overview(
            (
                lane,
                [session for session in state.children("session", lane.lane_id) if session.status != "terminated"],
                [approval for approval in waiting if approval.lane_id == lane.lane_id],
            )
            for lane in state.all("lane")
            if lane.status != "closed" and self.attention.is_mine(lane.lane_id)
        )

    @property
    def opens_files_only(self) -> bool:
        """Whether the client knows no documents but files."""
        return not self.client.can("workspace", "textDocumentContent")

    async def show_document(self, uri: str) -> tuple[str, bool]:
        """Has the client show a document of ours, without taking the focus. Returns the URI that was shown, and whether
        the client could. Raises Fault."""
        if self.opens_files_only:
            uri = await self._shelve(uri)
        try:
            # Some clients can and do not say so; one that cannot refuses.
            answer = await self.peer.request("window/showDocument", {"uri": uri, "takeFocus": False})
        except (Fault, ConnectionError):
            return uri, False
        return uri, bool(answer.get("success")) if isinstance(answer, dict) else False

    async def _shelve(self, uri: str) -> str:
        text = await self.read_document(uri)
        named = read_name(uri)
        noun, id = named if named is not None else ("lane", "")
        lane = self._kernel.state.get("lane", id if noun == "lane" else self._views.find(noun, id).lane_id)
        try:
            path = await asyncio.to_thread(self._shelf.put, uri, name_file(uri, lane), text)
        except OSError as error:
            raise name_fault("STORE_UNAVAILABLE", f"the document could not be written: {error}") from None
        return path.as_uri()

    async def _refresh(self, uri: str) -> None:
        """A document that the client shows has changed. Raises Fault and ConnectionError where it cannot be told."""
        if self.opens_files_only:
            await self._shelve(uri)
        else:
            await self.peer.request("workspace/textDocumentContent/refresh", {"uri": uri})

    def _say(self, number: int, message: dict[str, Any]) -> None:
        """Tells pygls something, in the client's order, once it is there."""
        if self._take is None:
            self._backlog.append((number, message))
            if self._loading is None:
                self._loading = asyncio.get_running_loop().create_task(self._load())
            return
        try:
            self._take(message)
        except Fault as fault:
            self._answer(number, None, fault)

    async def _load(self) -> None:
        module = await asyncio.to_thread(importlib.import_module, "agentlanes.rpc.lsp.features")
        self._take = module.Features(self, self._answer).take
        backlog, self._backlog = self._backlog, []
        for number, message in backlog:
            self._say(number, message)

    def _answer(self, number: int, result: Any, fault: Fault | None) -> None:
        future = self._waiting.get(number)
        if future is None or future.done():
            return
        if fault is None:
            future.set_result(result)
        else:
            future.set_exception(fault)
