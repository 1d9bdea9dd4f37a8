"""What the endpoint needs from the rest of the server, and what it gives back.

The composition root implements these; `rpc` itself knows neither the kernel nor the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from agentlanes.rpc.peer import Peer


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The answer to one request.

    `result` is finished JSON. `seq` is the log position that the answer speaks of: a subscribed peer gets it after its
    own events up to there; 0 waits for nothing. `then` is called right after the answer has its place in the peer's
    queue: what a request starts (a subscription, a stream) begins there and so can never overtake the answer.
    """

    result: bytes
    seq: int = 0
    then: Callable[[], None] | None = None


class Pending:
    """An answer that is still to come.

    The dispatch sets `accepted` once the command can no longer be taken back; from then on neither `$/cancelRequest`
    nor the end of the peer stops `answer`. Where `answer` is a future (the kernel's own, say) no task is made for it.
    """

    __slots__ = ("accepted", "answer")

    def __init__(self, answer: Awaitable[Reply], *, accepted: bool = False) -> None:
        self.answer = answer
        self.accepted = accepted


Answer = Reply | Pending | Awaitable[Reply]
"""What `Dispatch.call` returns. A bare awaitable is a `Pending` that is never marked as accepted, as for a read."""


class Dispatch(Protocol):
    """The other side of the endpoint: everything that is not framing or lifecycle.

    Each method may raise `Fault`, which is answered as it is. Any other exception is answered as an internal error
    with an incident id, and logged.
    """

    def initialize(self, peer: Peer, params: dict[str, Any]) -> dict[str, Any]:
        """The `InitializeResult`. Called before anything else, and once, unless it raised a `Fault`."""

    def call(self, peer: Peer, method: str, params: dict[str, Any]) -> Answer:
        """Answer a request; `params` is empty where the client sent none. A `Reply` costs no task and no loop turn."""

    def notify(self, peer: Peer, method: str, params: dict[str, Any]) -> None:
        """Hear a notification, `initialized` among them. Nothing is answered; a `Fault` is logged."""

    def describe_gap(self, first: int, last: int, reason: str) -> bytes:
        """The finished `event.gap` notification for events `first` to `last`, which can no longer be sent."""

    def close(self, peer: Peer) -> None:
        """The peer is gone. Called once for each peer, also for one that never sent `initialize`."""
