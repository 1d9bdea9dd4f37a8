"""What a plain LSP client is told unasked: turns as progress, approvals as questions with buttons."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.rpc.fault import Fault
from agentlanes.rpc.lsp.client import LspClient
from agentlanes.rpc.lsp.desk import Desk
from agentlanes.rpc.lsp.documents import name_diff, name_transcript
from agentlanes.rpc.message import tell
from agentlanes.rpc.peer import Peer
from agentlanes.wire.models import Approval, Lane, Session, Turn

log = logging.getLogger(__name__)

REFRESH_SECONDS = 1.0
"""How often a document that grows is said to have changed."""
_MESSAGE_CAP = 300
_TITLE_CAP = 80
_INFO, _ERROR = 3, 1


class Attention:
    """One peer's. It holds nothing that the state does not: what is shown is compared with it after every commit."""

    def __init__(self, peer: Peer, client: LspClient, kernel: Kernel, desk: Desk) -> None:
        self._peer = peer
        self._client = client
        self._kernel = kernel
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._begun: dict[str, asyncio.Task[bool]] = {}
        """Turns that are shown as progress, with the client's consent to each."""
        self._asked: set[str] = set()
        """Approvals that were shown here, answered or not."""
        self._asking: asyncio.Task[None] | None = None
        self._question: asyncio.Future[Any] | None = None
        self._question_about: str | None = None
        self._read: set[str] = set()
        self._changed: set[str] = set()
        self._refresh: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Show what is under way already."""
        for turn in self._kernel.state.all("turn"):
            self._follow_turn(turn)
        self._ask_next()

    def close(self) -> None:
        """The peer is gone."""
        for task in (*self._tasks, *self._begun.values(), *([self._asking] if self._asking is not None else [])):
            task.cancel()
        if self._refresh is not None:
            self._refresh.cancel()

    def note_read(self, uri: str) -> None:
        """The client shows a document of ours, and wants to know when it changes."""
        if self._client.can("workspace", "textDocumentContent"):
            self._read.add(uri)

    def ask_again(self) -> int:
        """Ask about everything that waits, also what was dismissed before. Returns how many that are."""
        self._asked.clear()
        self._ask_next()
        return sum(self._wants(approval) for approval in self._kernel.state.all("approval"))

    def cancel_progress(self, token: object) -> None:
        """The user pressed stop beside a turn."""
        if isinstance(token, str) and token in self._begun:
            self._spawn(self._run("turn.interrupt", {"turn_id": token}))

    def hear(self, committed: Committed) -> None:
        """Something was committed."""
        for event in committed.events:
            entity = event.entity
            if isinstance(entity, Turn):
                self._follow_turn(entity)
            elif isinstance(entity, Session):
                self._report(entity)
            elif isinstance(entity, Approval):
                self._follow_approval(entity)
            if event.topic.name.endswith(".failed"):
                self._tell_failure(entity)
            self._note_change(entity)

    def _tell_failure(self, entity: Any) -> None:
        problem, lane_id = getattr(entity, "problem", None), getattr(entity, "lane_id", None)
        lane = self._kernel.state.get("lane", lane_id) if lane_id is not None else None
        if problem is not None and lane is not None and self._is_mine(lane.lane_id):
            self._tell("window/showMessage", {"type": _ERROR, "message": _bound(f"{lane.name}: {problem.message}")})

    def _follow_turn(self, turn: Turn) -> None:
        known = turn.turn_id in self._begun
        if turn.status in ("running", "waiting"):
            if not known and self._client.can("window", "workDoneProgress") and self._is_mine(turn.lane_id):
                self._begun[turn.turn_id] = self._spawn(self._begin(turn))
            elif known:
                self._progress(turn.turn_id, {"kind": "report", "message": _describe(turn)})
        elif known:
            self._progress(turn.turn_id, {"kind": "end", "message": _describe(turn)})
            del self._begun[turn.turn_id]

    async def _begin(self, turn: Turn) -> bool:
        """Open a progress. False where the client refuses it."""
        try:
            await self._peer.request("window/workDoneProgress/create", {"token": turn.turn_id})
        except (Fault, ConnectionError):
            return False
        lane = self._kernel.state.get("lane", turn.lane_id)
        title = f"{lane.name}: {turn.prompt}" if lane is not None else turn.prompt
        value = {"kind": "begin", "title": _bound(title, _TITLE_CAP), "cancellable": True, "message": _describe(turn)}
        self._tell("$/progress", {"token": turn.turn_id, "value": value})
        return True

    def _progress(self, turn_id: str, value: dict[str, Any]) -> None:
        def send(begun: asyncio.Task[bool]) -> None:
            if not begun.cancelled() and begun.result():
                self._tell("$/progress", {"token": turn_id, "value": value})

        self._begun[turn_id].add_done_callback(send)

    def _report(self, session: Session) -> None:
        if session.activity:
            for turn_id in self._begun:
                turn = self._kernel.state.get("turn", turn_id)
                if turn is not None and turn.session_id == session.session_id:
                    self._progress(turn_id, {"kind": "report", "message": session.activity})

    def _follow_approval(self, approval: Approval) -> None:
        if approval.status == "pending":
            self._ask_next()
        elif approval.approval_id == self._question_about and self._question is not None:
            # Somebody else decided; the client is told that nobody waits for its answer any more.
            self._question.cancel()

    def _ask_next(self) -> None:
        """One question at a time: some editors stand still until a question is answered."""
        if self._asking is None or self._asking.done():
            self._asking = self._spawn(self._ask_all())

    async def _ask_all(self) -> None:
        while True:
            waiting = (approval for approval in self._kernel.state.all("approval") if self._wants(approval))
            approval = min(waiting, key=lambda approval: approval.requested_at, default=None)
            if approval is None:
                return
            self._asked.add(approval.approval_id)
            await self._ask(approval)

    def _wants(self, approval: Approval) -> bool:
        return (
            approval.status == "pending"
            and approval.approval_id not in self._asked
            and not approval.questions
            and self._is_mine(approval.lane_id)
        )

    async def _ask(self, approval: Approval) -> None:
        lane = self._kernel.state.get("lane", approval.lane_id)
        actions = [{"title": option.label} for option in approval.options]
        message = f"{lane.name if lane is not None else approval.lane_id}: {approval.title}"
        params = {"type": _INFO, "message": _bound(message), "actions": actions}
        self._question_about = approval.approval_id
        self._question = asyncio.ensure_future(self._peer.request("window/showMessageRequest", params))
        try:
            answer = await self._question
        except (Fault, ConnectionError):
            return
        except asyncio.CancelledError:
            if self._question.cancelled() and not self._is_closing():
                return
            raise
        finally:
            self._question = self._question_about = None
        title = answer.get("title") if isinstance(answer, dict) else None
        chosen = next((option for option in approval.options if option.label == title), None)
        if chosen is not None:
            payload = {"approval_id": approval.approval_id, "option_id": chosen.option_id}
            await self._run("approval.resolve", payload)

    def _is_closing(self) -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _is_mine(self, lane_id: str) -> bool:
        lane = self._kernel.state.get("lane", lane_id)
        workspace = None if lane is None else self._kernel.state.get("workspace", lane.workspace_id)
        if lane is None or workspace is None:
            return False
        return self._client.concerns(workspace, (worktree.path for worktree in lane.worktrees))

    def _note_change(self, entity: object) -> None:
        session_id = getattr(entity, "session_id", None)
        if session_id is not None:
            self._note(name_transcript(session_id))
        if isinstance(entity, Lane | Turn):
            self._note(name_diff(entity.lane_id))

    def _note(self, uri: str) -> None:
        if uri in self._read:
            self._changed.add(uri)
            if self._refresh is None:
                self._refresh = self._loop.call_later(REFRESH_SECONDS, self._tell_changes)

    def _tell_changes(self) -> None:
        self._refresh = None
        for uri in self._changed:
            self._spawn(self._tell_change(uri))
        self._changed.clear()

    async def _tell_change(self, uri: str) -> None:
        try:
            await self._peer.request("workspace/textDocumentContent/refresh", {"uri": uri})
        except (Fault, ConnectionError):
            self._read.discard(uri)

    async def _run(self, method: str, payload: dict[str, Any]) -> None:
        try:
            await self._desk.run(self._peer, method, payload)
        except Fault as fault:
            self._tell("window/showMessage", {"type": _INFO, "message": _bound(fault.message)})

    def _tell(self, method: str, params: dict[str, Any]) -> None:
        self._peer.outbound.notify(tell(method, params))

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _describe(turn: Turn) -> str:
    if turn.status == "waiting":
        return "waits for a decision"
    return turn.problem.message[:_MESSAGE_CAP] if turn.problem is not None else turn.status


def _bound(text: str, cap: int = _MESSAGE_CAP) -> str:
    line = " ".join(text.split())
    return line if len(line) <= cap else f"{line[: cap - 1]}…"
