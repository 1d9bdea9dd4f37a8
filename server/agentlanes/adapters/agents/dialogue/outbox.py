"""What a driver tells its agent: numbered writes, whose numbers are the JSON-RPC ids of the requests among them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentlanes.adapters.agents.dialogue.frames import encode
from agentlanes.wire.models import AgentWrite

METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602


class Outbox:
    """Writes that were made and not yet handed over. Numbers go on from those that the process got before."""

    def __init__(self, written: Sequence[AgentWrite] = (), version: str | None = "2.0") -> None:
        """`version` is what each message says of JSON-RPC; None for agents whose messages do not say it."""
        self._head: dict[str, object] = {} if version is None else {"jsonrpc": version}
        self._last = written[-1].n if written else 0
        self._fresh: list[AgentWrite] = []
        self._unlogged: dict[int, str] = {}

    def request(self, method: str, params: dict[str, object], unlogged: dict[str, object] | None = None) -> int:
        """Ask; the result is the number, and the id under which the answer comes. `unlogged` are the params that carry
        secrets; the other ones are recorded, and are what the agent hears where the secrets are lost."""
        n = self._add(self._frame_request(self._last + 1, method, params))
        if unlogged is not None:
            self._unlogged[n] = encode({**self._head, **self._frame_request(n, method, unlogged)})
        return n

    def _frame_request(self, n: int, method: str, params: dict[str, object]) -> dict[str, object]:
        return {"id": n, "method": method, "params": params}

    def notify(self, method: str, params: dict[str, object] | None = None) -> int:
        return self._add({"method": method} if params is None else {"method": method, "params": params})

    def answer(self, request_id: str, result: dict[str, object], unlogged: dict[str, object] | None = None) -> int:
        """Answer a request of the agent, whose id is given as JSON. `unlogged` is the answer that carries secrets; the
        other one is recorded, and is what the agent hears where the secrets are lost."""
        n = self._add(self._frame_answer(request_id, result))
        if unlogged is not None:
            self._unlogged[n] = encode({**self._head, **self._frame_answer(request_id, unlogged)})
        return n

    def _frame_answer(self, request_id: str, result: dict[str, object]) -> dict[str, object]:
        return {"id": msgspec.Raw(request_id.encode()), "result": result}

    def refuse(self, request_id: str, code: int, message: str) -> int:
        error = {"code": code, "message": message}
        return self._add({"id": msgspec.Raw(request_id.encode()), "error": error})

    def take(self) -> tuple[AgentWrite, ...]:
        """Hand over what was written since the last call."""
        writes, self._fresh = tuple(self._fresh), []
        return writes

    def take_unlogged(self) -> dict[int, str]:
        """Hand over the frames that are delivered in place of what is recorded."""
        unlogged, self._unlogged = self._unlogged, {}
        return unlogged

    def _add(self, message: dict[str, object]) -> int:
        self._last += 1
        self._fresh.append(AgentWrite(n=self._last, data=encode({**self._head, **message})))
        return self._last
