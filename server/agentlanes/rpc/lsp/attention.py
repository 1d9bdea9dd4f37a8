"""What a plain LSP client is told unasked: turns as progress, approvals as questions with buttons."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.rpc.fault import Fault
from agentlanes.rpc.lsp.choices import describe, list_choices
from agentlanes.rpc.lsp.client import LspClient
from agentlanes.rpc.lsp.desk import Desk
from agentlanes.rpc.lsp.documents import OVERVIEW, name_diff, name_transcript
from agentlanes.rpc.message import tell
from agentlanes.rpc.peer import Peer
from agentlanes.wire.models import Approval, Lane, Session, Turn

log = logging.getLogger(__name__)

REFRESH_SECONDS = 1.0
"""How often a document that grows is said to have changed."""
_MESSAGE_CAP = 300
_TITLE_CAP = 80
_TOKEN_CAP = 40
_INFO, _ERROR = 3, 1
METHOD_NOT_FOUND = -32601


class Attention:
    """One peer's. It holds nothing that the state does not: what is shown is compared with it after every commit."""

    def __init__(
        self,
        peer: Peer,
        client: LspClient,
        kernel: Kernel,
        desk: Desk,
        refresh: Callable[[str], Awaitable[None]],
    ) -> None:
        """`refresh` says that a document has changed; it raises Fault and ConnectionError where that cannot be told."""
        self._peer = peer
        self._client = client
        self._kernel = kernel
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._begun: dict[str, asyncio.Task[bool]] = {}
        """Turns that are shown as progress, with the client's consent to each."""
        self._tokens: dict[str, str] = {}
        """Their tokens, which some editors show to people."""
        self._hears_questions = True
        self._asked: set[str] = set()
        """Approvals that were shown here, answered or not."""
        self._asking: asyncio.Task[None] | None = None
        self._question: asyncio.Future[Any] | None = None
        self._question_about: str | None = None
        self._read: set[str] = set()
        self._changed: set[str] = set()
        self._tell_refresh = refresh
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
        self._read.add(uri)

    def ask_again(self) -> int:
        """Ask about everything that waits, also what was dismissed before. Returns how many that are."""
        self._asked.clear()
        if self._question is not None:
            # It may never be answered, and others wait behind it.
            self._question.cancel()
        self._ask_next()
        return sum(self._wants(approval) for approval in self._kernel.state.all("approval"))

    def cancel_progress(self, token: object) -> None:
        """The user pressed stop beside a turn."""
        turn_id = next((turn_id for turn_id, own in self._tokens.items() if own == token), None)
        if turn_id is not None:
            self._spawn(self._run("turn.interrupt", {"turn_id": turn_id}))

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
            elif event.topic.name in ("turn.completed", "lane.merged"):
                # Behind the end of its progress, which some editors show in the same place.
                self._loop.call_soon(self._tell_success, entity)
            self._note_change(entity)

    def _tell_failure(self, entity: Any) -> None:
        problem, lane_id = getattr(entity, "problem", None), getattr(entity, "lane_id", None)
        lane = self._kernel.state.get("lane", lane_id) if lane_id is not None else None
        if problem is not None and lane is not None and self.is_mine(lane.lane_id):
            self._tell("window/showMessage", {"type": _ERROR, "message": _bound(f"{lane.name}: {problem.message}")})

    def tell_place(self, place: str) -> None:
        """Where something is that the client could not be made to show."""
        self._tell("window/showMessage", {"type": _INFO, "message": f"open {place}"})

    def _tell_success(self, entity: Any) -> None:
        lane = self._kernel.state.get("lane", entity.lane_id)
        if lane is not None and self.is_mine(lane.lane_id):
            target = lane.merges[-1].target_branch_name if lane.merges else "its target"
            told = (entity.summary or "done") if isinstance(entity, Turn) else f"merged into {target}"
            self._tell("window/showMessage", {"type": _INFO, "message": _bound(f"{lane.name}: {told}")})

    def _follow_turn(self, turn: Turn) -> None:
        known = turn.turn_id in self._begun
        if turn.status in ("running", "waiting"):
            if not known and self._client.can("window", "workDoneProgress") and self.is_mine(turn.lane_id):
                self._tokens[turn.turn_id] = self._name_token(turn)
                self._begun[turn.turn_id] = self._spawn(self._begin(turn))
            elif known:
                self._progress(turn.turn_id, {"kind": "report", "message": _describe(turn)})
        elif known:
            self._progress(turn.turn_id, {"kind": "end", "message": _describe(turn)})
            del self._begun[turn.turn_id], self._tokens[turn.turn_id]

    def _name_token(self, turn: Turn) -> str:
        lane = self._kernel.state.get("lane", turn.lane_id)
        name = _bound(lane.name if lane is not None else turn.lane_id, _TOKEN_CAP)
        taken = set(self._tokens.values())
        return name if name not in taken else f"{name} {turn.turn_id[-6:].lower()}"

    async def _begin(self, turn: Turn) -> bool:
        """Open a progress. False where the client refuses it."""
        token = self._tokens[turn.turn_id]
        try:
            await self._peer.request("window/workDoneProgress/create", {"token": token})
        except (Fault, ConnectionError):
            return False
        lane = self._kernel.state.get("lane", turn.lane_id)
        title = f"{lane.name}: {turn.prompt}" if lane is not None else turn.prompt
        value = {"kind": "begin", "title": _bound(title, _TITLE_CAP), "cancellable": True, "message": _describe(turn)}
        self._tell("$/progress", {"token": token, "value": value})
        return True

    def _progress(self, turn_id: str, value: dict[str, Any]) -> None:
        token = self._tokens[turn_id]

        def send(begun: asyncio.Task[bool]) -> None:
            if not begun.cancelled() and begun.result():
                self._tell("$/progress", {"token": token, "value": value})

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
            approval.status == "pending" and approval.approval_id not in self._asked and self.is_mine(approval.lane_id)
        )

    async def _ask(self, approval: Approval) -> None:
        lane = self._kernel.state.get("lane", approval.lane_id)
        choices = list_choices(approval)
        message = f"{lane.name if lane is not None else approval.lane_id}: {describe(approval)}"
        if not choices or not self._hears_questions:
            how = "a code action answers it" if choices else "`agentlanes approvals` answers it"
            self._tell("window/showMessage", {"type": _INFO, "message": f"{_bound(message)} ({how})"})
            return
        actions = [{"title": choice.label} for choice in choices]
        params = {"type": _INFO, "message": _bound(message), "actions": actions}
        self._question_about = approval.approval_id
        self._question = asyncio.ensure_future(self._peer.request("window/showMessageRequest", params))
        try:
            answer = await self._question
        except ConnectionError:
            return
        except Fault as fault:
            if fault.code == METHOD_NOT_FOUND:
                self._hears_questions = False
                self._asked.discard(approval.approval_id)
            return
        except asyncio.CancelledError:
            if self._question.cancelled() and not self._is_closing():
                return
            raise
        finally:
            self._question = self._question_about = None
        title = answer.get("title") if isinstance(answer, dict) else None
        chosen = next((choice for choice in choices if choice.label == title), None)
        if chosen is not None:
            await self._run("approval.resolve", chosen.payload)

    def _is_closing(self) -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def list_waiting(self) -> list[tuple[Approval, Lane]]:
        """What waits for a decision in lanes that this client looks at, oldest first."""
        state = self._kernel.state
        waiting = [each for each in state.all("approval") if each.status == "pending" and self.is_mine(each.lane_id)]
        waiting.sort(key=lambda each: each.requested_at)
        return [(each, lane) for each in waiting if (lane := state.get("lane", each.lane_id)) is not None]

    def is_mine(self, lane_id: str) -> bool:
        """Whether a lane is of what the client looks at."""
        lane = self._kernel.state.get("lane", lane_id)
        workspace = None if lane is None else self._kernel.state.get("workspace", lane.workspace_id)
        if lane is None or workspace is None:
            return False
        return self._client.concerns(workspace, (worktree.path for worktree in lane.worktrees))

    def _note_change(self, entity: object) -> None:
        session_id = getattr(entity, "session_id", None)
        if session_id is not None:
            self.note_change(name_transcript(session_id))
        if isinstance(entity, Lane | Turn):
            self.note_change(name_diff(entity.lane_id))
        if isinstance(entity, Lane | Turn | Session | Approval):
            self.note_change(OVERVIEW)

    def note_change(self, uri: str) -> None:
        """A document of ours reads otherwise by now."""
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
            await self._tell_refresh(uri)
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
