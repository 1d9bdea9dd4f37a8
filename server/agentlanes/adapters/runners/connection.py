"""One connection to one runner: requests with their answers, and events."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from agentlanes.kernel.ports.runners import RunnerError, RunnerErrorCode
from agentlanes.runner.wire import SUPPORTED, Lines, RefusedError, encode_line

Fields = dict[str, Any]

ANSWER_WITHIN = 20.0
"""Seconds. A runner answers within milliseconds; a spawn waits for the child's exec, which may wait for a disk."""


class ConnectionLostError(Exception):
    """The connection ended before the answer came; whether the runner acted is unknown."""


class RunnerEndingError(Exception):
    """The runner was told to end, and starts nothing any more."""


class Connection(asyncio.Protocol):
    """Events go to `heard`, on the loop, in the order in which they were sent; `lost` is called once, at the end."""

    def __init__(self, heard: Callable[[Fields], None], lost: Callable[[Connection], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._lines = Lines()
        self._ids = itertools.count(1)
        self._answers: dict[int, tuple[asyncio.Future[Fields], Callable[[Fields], None]]] = {}
        self._writable = asyncio.Event()
        self._writable.set()
        self.closed = asyncio.Event()

    @classmethod
    async def open(
        cls,
        path: Path,
        lane_id: str,
        greeted: Callable[[Fields], None],
        heard: Callable[[Fields], None],
        lost: Callable[[Connection], None],
    ) -> Connection:
        """Connect and say hello, which makes this the runner's only server. Its answer goes to `greeted`.

        Raises OSError if nobody listens, ConnectionLostError, or RunnerError (RUNNER_VERSION_UNSUPPORTED and others).
        """
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(lambda: cls(heard, lost), str(path))
        try:
            await connection.request("hello", {"versions": list(SUPPORTED), "lane_id": lane_id}, greeted)
            return connection
        except BaseException:
            connection.close()
            raise

    async def request(
        self, op: str, fields: Mapping[str, object], taken: Callable[[Fields], None] = lambda _: None
    ) -> Fields:
        """Ask and wait for the answer. `taken` is called with it before any event that came behind it is heard.

        Raises RunnerError as the runner refuses, RUNNER_UNREACHABLE if it does not answer, or ConnectionLostError.
        """
        number = next(self._ids)
        line = encode_line({"id": number, "op": op, **fields})
        await self._writable.wait()
        if self._transport is None or self.closed.is_set():
            raise ConnectionLostError
        answer: asyncio.Future[Fields] = asyncio.get_running_loop().create_future()
        self._answers[number] = (answer, taken)
        try:
            self._transport.write(line)
            async with asyncio.timeout(ANSWER_WITHIN):
                return await answer
        except TimeoutError:
            message = f"no answer to {op} within {ANSWER_WITHIN:.0f} s"
            raise RunnerError(RunnerErrorCode.RUNNER_UNREACHABLE, message) from None
        finally:
            self._answers.pop(number, None)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        self._writable.set()
        for answer, _ in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionLostError())
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        try:
            messages = [json.loads(line) for line in self._lines.feed(data)]
        except (RefusedError, ValueError):
            # Not a runner, or one that is out of its mind: it is asked again on a new connection.
            self.close()
            return
        for message in messages:
            if "ev" in message:
                self._heard(message)
            else:
                self._settle(message)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _settle(self, message: Fields) -> None:
        answer, taken = self._answers.get(message["id"], (None, None))
        if answer is None or taken is None or answer.done():
            return
        if "ok" in message:
            taken(message["ok"])
            answer.set_result(message["ok"])
            return
        error = message["error"]
        if error["code"] == "RUNNER_ENDING":
            answer.set_exception(RunnerEndingError())
            return
        code = RunnerErrorCode.RUNNER_FAULT
        with contextlib.suppress(ValueError):
            code = RunnerErrorCode(error["code"])
        answer.set_exception(RunnerError(code, error["message"], error["details"]))
