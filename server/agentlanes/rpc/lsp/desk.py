"""Runs our methods for a peer that cannot send them itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agentlanes.kernel.clock import Clock
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.ports import Answer, Pending, Reply

Call = Callable[[Peer, str, dict[str, Any]], Answer]


class Desk:
    """The dispatch as LSP's features use it: they give a payload, the envelope is made here."""

    def __init__(self, call: Call, clock: Clock) -> None:
        self._call = call
        self._clock = clock

    async def run(
        self, peer: Peer, method: str, payload: dict[str, Any] | None = None, envelope: dict[str, Any] | None = None
    ) -> Any:
        """The payload of the answer. `envelope` holds context ids and what else the client gave. Raises Fault."""
        params = {"correlation_id": self._clock.mint("correlation"), **(envelope or {}), "payload": payload or {}}
        answer = self._call(peer, method, params)
        if isinstance(answer, Pending):
            answer = answer.answer
        reply = answer if isinstance(answer, Reply) else await answer
        if reply.then is not None:
            reply.then()
        return msgspec.json.decode(reply.result)["payload"]
