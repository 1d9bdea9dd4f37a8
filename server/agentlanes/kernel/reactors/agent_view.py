"""A session as its agent's driver sees it."""

from __future__ import annotations

import msgspec

from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.ports.agents import AgentView
from agentlanes.kernel.ports.store import Selection, Store
from agentlanes.wire.models import Session, Turn

TURNS_LOOKED_AT = 100_000
"""More turns than a process ever ran."""


def build_view(kernel: Kernel, session: Session, cwd: str, at: str, append_prompt: str | None = None) -> AgentView:
    """The session as the core has it."""
    state = kernel.state
    turn = next((t for t in state.children("turn", session.session_id) if t.status in ("running", "waiting")), None)
    if turn is not None and turn.primer is not None:
        # What was handed over is part of the first prompt, whatever the agent's protocol is.
        turn = msgspec.structs.replace(turn, prompt=f"{turn.primer}\n\n{turn.prompt}", primer=None)
    if turn is not None and append_prompt is not None and not turn.prompt.startswith("/"):
        # A slash begins a command of the agent's, which takes what follows for its arguments.
        turn = msgspec.structs.replace(turn, prompt=f"{turn.prompt}\n\n{append_prompt}")
    lane = state.get("lane", session.lane_id)
    return AgentView(
        session=session,
        turn=turn,
        items=list(state.children("item", turn.turn_id)) if turn is not None else [],
        approvals=list(state.children("approval", session.session_id)),
        cwd=cwd,
        at=at,
        permission_mode=(lane.permission_mode if lane is not None else None) or "supervised",
    )


def find_previous(store: Store, session_id: str, process_id: str) -> Turn | None:
    """The turn that a process ended last."""
    where = {"process_id": process_id}
    found = store.select(Selection("turn", session_id=session_id, where=where, limit=TURNS_LOOKED_AT))
    turns = [msgspec.json.decode(json, type=Turn) for _, json in found]
    ended = [turn for turn in turns if turn.ended_at is not None]
    return max(ended, key=lambda turn: turn.ended_at or "", default=None)
