"""A stand-in for the core and its log: it takes a driver's steps as the core does, and refuses what that refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec

from agentlanes.core import steering, usage
from agentlanes.kernel.ports.agents import AgentView, Attached, Step
from agentlanes.wire.models import (
    AgentWrite,
    Answer,
    Approval,
    Choice,
    Decision,
    FrameCursor,
    Interrupt,
    Item,
    PermissionMode,
    Problem,
    ResourceLink,
    Session,
    SessionApply,
    SessionOrigin,
    Steer,
    Turn,
    TurnProgress,
)
from agentlanes.wire.table import MACHINES

PROCESS_ID = "pr_01K0000000ABCDEFGHJKMNPQRS"
SESSION_ID = "ss_01K0000000ABCDEFGHJKMNPQRS"
WORKSPACE_ID = "ws_01K0000000ABCDEFGHJKMNPQRS"
LANE_ID = "ln_01K0000000ABCDEFGHJKMNPQRS"
AT = "2026-01-02T03:04:05.678Z"
ITEM_CAP = 3 << 19
"""Bytes of JSON that one item may have: its text, its changes and its raw values together."""

_PROTOCOL = json.loads((Path(__file__).parents[2] / "server/agentlanes/wire/protocol.json").read_text())


def _validator(name: str) -> Any:
    schema = {**_PROTOCOL["schema"], "$ref": f"#/$defs/{name}"}
    return jsonschema_rs.validator_for(schema)


_APPLY = _validator("SessionApply")
_PROBLEM = _validator("Problem")

ENDED = ("completed", "failed", "interrupted")


class CoreDouble:
    """One session. Every step is checked: schemas, transitions, gap-free numbers, texts that only grow."""

    def __init__(
        self,
        *,
        agent_session_id: str | None = None,
        listed: bool = False,
        cwd: str = "/nowhere",
        process_id: str = PROCESS_ID,
        jsonrpc: str | None = "2.0",
        takes_text: bool = False,
        origin: SessionOrigin | None = None,
    ) -> None:
        self.jsonrpc = jsonrpc
        self.takes_text = takes_text
        """What is written to the agent is the prompt, and no message."""
        self.cwd = cwd
        self.process_id = process_id
        self.session = Session(
            session_id=SESSION_ID,
            workspace_id=WORKSPACE_ID,
            lane_id=LANE_ID,
            profile="demo",
            driver="acp",
            status="attaching",
            agent_session_id=agent_session_id,
            transport="native_openai",
            origin=origin,
            listed=listed,
            process_id=process_id,
            created_at=AT,
            updated_at=AT,
        )
        self.turns: list[Turn] = []
        self.items: dict[str, Item] = {}
        self.approvals: dict[str, Approval] = {}
        self.writes: list[AgentWrite] = []
        self.cursor = FrameCursor(rest=0, applied=0)
        self.problem: Problem | None = None
        self.fatal: Problem | None = None
        self.grown: dict[str, bytes] = {}
        """Text of items in progress, as a client that only takes growth in has it."""
        self.item_events: list[Item] = []
        self.activities: list[str] = []
        self.permission_mode: PermissionMode = "supervised"

    def view(self) -> AgentView:
        turn = self.active
        return AgentView(
            session=self.session,
            turn=turn,
            items=[i for i in self.items.values() if i.status == "in_progress" and turn and i.turn_id == turn.turn_id],
            approvals=[a for a in self.approvals.values() if a.status == "pending" or not a.answered],
            cwd=self.cwd,
            at=AT,
            previous=next((turn for turn in reversed(self.turns) if turn.status in ENDED), None),
            permission_mode=self.permission_mode,
        )

    @property
    def active(self) -> Turn | None:
        return next((turn for turn in self.turns if turn.status in ("running", "waiting")), None)

    @property
    def last_turn(self) -> Turn:
        return self.turns[-1]

    def prompt(self, text: str, links: Sequence[ResourceLink] = (), **fields: Any) -> Turn:
        """Queue a prompt, with more fields of its turn; it runs when the session is attached and idle."""
        number = len(self.turns) + 1
        turn = Turn(
            turn_id=f"tn_{number:026d}",
            workspace_id=WORKSPACE_ID,
            lane_id=LANE_ID,
            session_id=SESSION_ID,
            status="queued",
            prompt=text,
            links=tuple(links),
            priority=50,
            created_at=AT,
        )
        self.turns.append(turn)
        turn = msgspec.structs.replace(turn, **fields)
        self.turns[-1] = turn
        self.session = msgspec.structs.replace(self.session, listed=True)
        self._start_next()
        return self.turns[-1]

    def choose(self, choice: Choice) -> None:
        """The user chooses for the session."""
        self.session = msgspec.structs.replace(self.session, choice=choice)

    def steer(self, prompt: str) -> None:
        """More input for the turn that runs."""
        assert self.active is not None
        steer = Steer(number=len(self.active.steers) + 1, prompt=prompt, actor="client/test", requested_at=AT)
        self._change_turn(self.active, steers=(*self.active.steers, steer))

    def interrupt(self) -> None:
        assert self.active is not None
        self._change_turn(self.active, interrupt=Interrupt(requested_at=AT, actor="client/test"))

    def decide(
        self, approval: Approval, kind: str | None, status: str | None = None, answers: Sequence[Answer] = ()
    ) -> None:
        """Decide by the first option of a kind; None decides without an option."""
        option = next((o for o in approval.options if o.kind == kind), None)
        decision = Decision(
            option_id=option.option_id if option else None,
            kind=kind,
            answers=tuple(answers),
            actor="client/test",
            decided_at=AT,
        )
        status = status or ("approved" if kind is not None and kind.startswith("allow") else "denied")
        self.approvals[approval.approval_id] = msgspec.structs.replace(approval, status=status, decision=decision)
        self._resume()

    def pending(self) -> list[Approval]:
        return [a for a in self.approvals.values() if a.status == "pending"]

    def apply(self, step: Step) -> tuple[AgentWrite, ...]:
        """Take in one step; the result are the writes to deliver."""
        _APPLY.validate(msgspec.to_builtins(step.apply))
        apply = step.apply
        assert apply.process_id == self.process_id
        self._take_writes(apply)
        if apply.cursor is not None:
            assert self.cursor.applied <= apply.cursor.applied and apply.cursor.rest <= apply.cursor.applied
            assert self.cursor.rest <= apply.cursor.rest
            self.cursor = apply.cursor
        for item in apply.items:
            self._take_item(item)
        for approval in apply.approvals:
            assert approval.approval_id not in self.approvals
            assert approval.item_id in self.items
            self.approvals[approval.approval_id] = approval
            if self.active is not None:
                self._change_turn(self.active, status="waiting")
        for answered in apply.answered:
            approval = self.approvals[answered.approval_id]
            assert approval.answer_n is None, "an agent's request is answered once"
            status = "canceled" if approval.status == "pending" else approval.status
            self.approvals[answered.approval_id] = msgspec.structs.replace(
                approval, status=status, answered=True, answer_n=answered.answer_n
            )
            self._resume()
        if apply.turn is not None:
            self._progress(apply.turn)
        if apply.title is not None:
            self.session = msgspec.structs.replace(self.session, title=apply.title)
        if apply.offer is not None:
            self.session = msgspec.structs.replace(self.session, offer=apply.offer)
        if apply.activity is not None:
            self.session = msgspec.structs.replace(self.session, activity=apply.activity)
            self.activities.append(apply.activity)
        for growth in step.growths:
            self._grow(growth.item, growth.offset, growth.data.encode())
        if step.fatal is not None:
            _PROBLEM.validate(msgspec.to_builtins(step.fatal))
            self.fatal = step.fatal
        self._settle(step.settled)
        self._start_next()
        return apply.writes

    def restart_clients(self) -> None:
        """The server was started again: texts in progress are told anew."""
        self.grown.clear()

    def _take_writes(self, apply: SessionApply) -> None:
        for write in apply.writes:
            assert write.n == len(self.writes) + 1, "numbers have no gaps"
            if not self.takes_text:
                assert "\n" not in write.data
                message = json.loads(write.data)
                assert message.get("jsonrpc") == self.jsonrpc
                if "method" in message and "id" in message:
                    assert message["id"] == write.n, "our request ids are the numbers of the writes"
            self.writes.append(write)

    def _take_item(self, item: Item) -> None:
        known = self.items.get(item.item_id)
        if known is not None:
            allowed = {known.status, *MACHINES["item"].edges[known.status]} if known.status == "in_progress" else ()
            assert item.status in allowed, f"{known.status} item became {item.status}"
            assert (item.text or "").startswith(known.text or ""), "text only grows"
            assert (item.position, item.kind, item.created_at) == (known.position, known.kind, known.created_at)
        assert (item.text or "").encode().startswith(self.grown.get(item.item_id, b"")), "text only grows"
        assert (item.status == "in_progress") == (item.ended_at is None)
        assert len(msgspec.json.encode(item)) < ITEM_CAP
        if item.status == "in_progress":
            assert self.active is not None and self.active.turn_id == item.turn_id, "items are open while their turn is"
        self.items[item.item_id] = item
        self.item_events.append(item)

    def _grow(self, item: Item, offset: int, data: bytes) -> None:
        assert self.items[item.item_id].status == "in_progress"
        known = self.grown.get(item.item_id, b"")
        assert offset <= len(known), "growth leaves no hole"
        assert known[offset:] == data[: len(known) - offset], "what was told stays"
        self.grown[item.item_id] = known[:offset] + data if offset + len(data) > len(known) else known

    def _progress(self, progress: TurnProgress) -> None:
        turn = next(turn for turn in self.turns if turn.turn_id == progress.turn_id)
        assert turn.status in ("running", "waiting"), "a turn ends once"
        changes = {
            name: value
            for name in ("status", "input_n", "agent_turn_id", "stop_reason", "summary", "usage", "problem")
            if (value := getattr(progress, name)) is not None
        }
        if progress.interrupt_n is not None:
            assert turn.interrupt is not None and turn.interrupt.input_n is None, "an agent is told once to stop"
            changes["interrupt"] = msgspec.structs.replace(turn.interrupt, input_n=progress.interrupt_n)
        if progress.agent_turn_id is not None:
            assert turn.agent_turn_id is None, "a prompt is accepted once"
        if progress.input_n is not None:
            assert turn.input_n is None, "a prompt is sent once"
        if progress.steered:
            changes["steers"] = steering.note(turn.steers, progress.steered)
        if progress.status in ("completed", "failed", "interrupted"):
            left = [i for i in self.items.values() if i.turn_id == turn.turn_id and i.status == "in_progress"]
            assert not left, "items close before their turn closes"
            assert not [a for a in self.pending() if a.turn_id == turn.turn_id], "questions close before their turn"
            took = progress.usage or turn.usage
            if took is not None:
                self.session = msgspec.structs.replace(self.session, usage=usage.add(self.session.usage, took))
        self._change_turn(turn, **changes)

    def _settle(self, settled: Attached | Problem | None) -> None:
        if isinstance(settled, Attached):
            assert self.session.status == "attaching"
            self.session = msgspec.structs.replace(
                self.session,
                status="attached",
                agent_session_id=settled.agent_session_id,
                resumable=settled.resumable,
                offer=settled.offer,
                identity=settled.identity,
            )
        elif settled is not None:
            _PROBLEM.validate(msgspec.to_builtins(settled))
            self.problem = settled
            self.session = msgspec.structs.replace(self.session, problem=settled)

    def _start_next(self) -> None:
        if self.session.status != "attached" or self.active is not None:
            return
        for turn in self.turns:
            if turn.status == "queued":
                self._change_turn(turn, status="running", process_id=self.process_id)
                return

    def _resume(self) -> None:
        turn = self.active
        if turn is not None and turn.status == "waiting" and not self.pending():
            self._change_turn(turn, status="running")

    def _change_turn(self, turn: Turn, **changes: Any) -> None:
        index = next(index for index, known in enumerate(self.turns) if known.turn_id == turn.turn_id)
        self.turns[index] = msgspec.structs.replace(self.turns[index], **changes)
