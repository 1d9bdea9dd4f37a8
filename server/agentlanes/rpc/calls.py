"""The requests that the server makes to one client."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import UNSET

from agentlanes.rpc.fault import CODES, Fault
from agentlanes.rpc.message import Message, ask, tell
from agentlanes.rpc.outbound import Outbound


class Calls:
    """Requests that wait for the client's answer. Their ids are integers from 1, in a space of the server's own."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._gone: str | None = None

    def ask(self, method: str, params: dict[str, Any] | None) -> asyncio.Future[Any]:
        """Send a request. Cancelling the future tells the client so."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._gone is not None:
            future.set_exception(ConnectionError(self._gone))
            return future
        self._last_id += 1
        message_id = self._last_id
        self._waiting[message_id] = future
        self._outbound.send(ask(message_id, method, params))

        def forget(future: asyncio.Future[Any]) -> None:
            if self._waiting.pop(message_id, None) is not None and self._gone is None:
                self._outbound.send(tell("$/cancelRequest", {"id": message_id}))

        future.add_done_callback(forget)
        return future

    def settle(self, message: Message) -> None:
        """Take the client's answer. One that nobody waits for means nothing and is dropped."""
        future = self._waiting.pop(message.id, None) if type(message.id) is int else None
        if future is None or future.done():
            return
        error = message.error
        if error is UNSET or error is None:
            future.set_result(None if message.result is UNSET else message.result)
            return
        told = error if isinstance(error, dict) else {"message": str(error)[:200]}
        code = told.get("code")
        data = told.get("data")
        future.set_exception(
            Fault(
                code if isinstance(code, int) else CODES["INTERNAL_ERROR"],
                str(told.get("message", "")),
                data if isinstance(data, dict) else {},
            )
        )

    def close(self, gone: str) -> None:
        """Fail what waits, and everything that is asked from now on, with a `ConnectionError` that says `gone`."""
        self._gone = gone
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError(gone))
        self._waiting.clear()
