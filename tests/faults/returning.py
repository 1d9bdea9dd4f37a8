"""A client that comes back: when the server dies it starts it again, continues its events where it left, and repeats
what was not answered under the same envelope_id."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from agentlanes.crash_points import VARIABLE
from e2e.rig import Client, Rig, RpcError

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.005


class Acknowledged(NamedTuple):
    """A command that was answered."""

    method: str
    params: dict[str, Any]
    result: dict[str, Any]


class ReturningClient:
    """`crashes` arms the server's starts, one after the other: `<point>:<count>`, or nothing."""

    def __init__(self, rig: Rig, crashes: Iterable[str]) -> None:
        self._rig = rig
        self._crashes = iter(crashes)
        self._client: Client | None = None
        self._taken = 0
        self._numbers = itertools.count(1)
        self._seq = 0
        self.deaths = 0
        self.events: list[dict[str, Any]] = []
        """Events of the log, in order, each once."""
        self.deltas: list[dict[str, Any]] = []
        self.acknowledged: list[Acknowledged] = []

    async def command(self, method: str, payload: dict[str, Any] | None = None, **context: str) -> Any:
        """The answer's payload. The command is sent until it is answered, and means one thing."""
        number = next(self._numbers)
        params: dict[str, Any] = {
            "envelope_id": f"returning-{number}",
            "correlation_id": f"returning-{number}",
            **context,
            "payload": payload or {},
        }
        result = await self._persist(method, params)
        self.acknowledged.append(Acknowledged(method, params, result))
        return result["payload"]

    async def ask(self, method: str, payload: dict[str, Any] | None = None, **context: str) -> Any:
        """The payload of the answer to something that changes no log."""
        return (await self._persist(method, {**context, "payload": payload or {}}))["payload"]

    async def repeat(self, known: Acknowledged) -> dict[str, Any]:
        """The answer to a command that was answered before."""
        return await self._persist(known.method, known.params)

    async def wait(self, topic: str, holds: Callable[[dict[str, Any]], bool] = lambda payload: True) -> dict[str, Any]:
        """The payload of the first event that fits, of all that this client ever saw or will see."""
        return (await self.wait_one_of(topic, holds=holds))[1]

    async def wait_one_of(
        self, *topics: str, holds: Callable[[dict[str, Any]], bool] = lambda payload: True
    ) -> tuple[str, dict[str, Any]]:
        """As `wait`, for the first event of several topics."""
        looked = 0
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    await self._connected()
                    for frame in self.events[looked:]:
                        looked += 1
                        if frame["method"] in topics and holds(frame["params"]["payload"]):
                            return frame["method"], frame["params"]["payload"]
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            seen = [frame["method"] for frame in self.events]
            raise AssertionError(f"none of {topics} came; there came {seen}\n{self._rig.read_log()}") from None

    async def close(self) -> None:
        """Takes in what came, and leaves."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()
            self._take_in(client)

    async def _persist(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    client = await self._connected()
                    try:
                        result: dict[str, Any] = await client.request(method, params)
                    except (ConnectionError, TimeoutError):
                        continue
                    except RpcError as error:
                        if not error.error["data"]["retryable"]:
                            raise
                        await asyncio.sleep(LOOK_SECONDS)
                    else:
                        self._take_in(client)
                        return result
        except TimeoutError:
            raise AssertionError(f"{method} is not answered\n{self._rig.read_log()}") from None

    async def _connected(self) -> Client:
        while True:
            if self._client is not None:
                self._take_in(self._client)
                if not self._client.is_lost:
                    return self._client
                await self.close()
            self._ensure_server()
            try:
                self._client, self._taken = await self._rig.connect("returning"), 0
                await self._client.call("event.subscribe", {"after_seq": self._seq})
            except (OSError, TimeoutError):
                await self.close()
                await asyncio.sleep(LOOK_SECONDS)

    def _ensure_server(self) -> None:
        server = self._rig.server
        while server is None or server.poll() is not None:
            if server is not None:
                assert server.returncode == -signal.SIGKILL, self._rig.read_log()
                self.deaths += 1
                self._rig.kill()
            armed = next(self._crashes, None)
            try:
                self._rig.start(**({VARIABLE: armed} if armed else {}))
            except AssertionError:
                # It died before anybody could connect, as some points want it.
                if self._rig.server is None or self._rig.server.poll() is None:
                    raise
            server = self._rig.server

    def _take_in(self, client: Client) -> None:
        for frame in client.notifications[self._taken :]:
            self._taken += 1
            params = frame["params"]
            if "seq" in params:
                assert params["seq"] == self._seq + 1, f"event {params['seq']} came after {self._seq}"
                self._seq = params["seq"]
                self.events.append(frame)
            elif frame["method"] == "item.delta":
                self.deltas.append(params["payload"])
            else:
                assert frame["method"] == "audit.recorded", frame
