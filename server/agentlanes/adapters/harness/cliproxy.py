"""cliproxyapi++ over HTTP: is it up, and has it models to serve.

Two requests on a kept connection. `/healthz` is answered by the process itself, without a key, and says nothing of the
accounts behind it; `/v1/models` needs the key and lists what can be served. Releases before 6.9.10 have no `/healthz`
and answer 404, which says that something is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from agentlanes.kernel.ports.harness import Finding, HarnessPlan

if TYPE_CHECKING:
    import httpx

MODELS_BYTES = 8 << 20
"""More than any list of models; a harness that answers more is none."""
REASON_CAP = 300
LONGEST_SECONDS = 30.0


class _Models(msgspec.Struct):
    data: list[object]


class _Said(msgspec.Struct):
    error: object = None


class Cliproxy:
    """Implements `kernel.ports.harness.Harness`."""

    def __init__(self, read_plan: Callable[[], HarnessPlan | None]) -> None:
        self.plan = read_plan
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Closes the kept connections."""
        if self._client is not None:
            await self._client.aclose()

    async def probe(self, plan: HarnessPlan, key: str | None) -> Finding:
        """One check within the plan's timeout."""
        import httpx

        try:
            async with asyncio.timeout(plan.timeout_seconds):
                return await self._check(plan, key)
        except (TimeoutError, httpx.TimeoutException):
            return Finding("unavailable", "timeout", f"{plan.url} did not answer within {plan.timeout_seconds:g} s")
        except (httpx.ProtocolError, httpx.DecodingError) as error:
            return Finding("degraded", "garbage", f"{plan.url} does not answer in HTTP: {_shorten(str(error))}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            told = _shorten(str(error) or type(error).__name__)
            return Finding("unavailable", "unreachable", f"{plan.url} cannot be reached: {told}; start the harness")

    async def _check(self, plan: HarnessPlan, key: str | None) -> Finding:
        status, _ = await self._get(f"{plan.url}/healthz", None)
        if status not in (200, 404):
            return _judge("/healthz", status, b"", plan)
        status, body = await self._get(f"{plan.url}/v1/models", key)
        if status != 200:
            return _judge("/v1/models", status, body, plan)
        try:
            models = msgspec.json.decode(body, type=_Models).data
        except msgspec.DecodeError:
            return Finding("degraded", "garbage", "/v1/models answers 200 with something that lists no models")
        if not models:
            return Finding("degraded", "no_models", "/v1/models lists none; log in to a provider at the harness")
        return Finding("healthy")

    async def _get(self, url: str, key: str | None) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        async with self._open().stream("GET", url, headers=headers) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MODELS_BYTES:
                    break
            return response.status_code, bytes(body)

    def _open(self) -> httpx.AsyncClient:
        # httpx takes a fifth of a second to import, and most users have no harness.
        import httpx

        if self._client is None:
            # A check as a whole has the plan's timeout, which is never longer. A proxy of the environment is for the
            # outside, and a redirect would send the key elsewhere.
            self._client = httpx.AsyncClient(timeout=LONGEST_SECONDS, trust_env=False, follow_redirects=False)
        return self._client


def _judge(path: str, status: int, body: bytes, plan: HarnessPlan) -> Finding:
    said = _read_error(body)
    told = f"{path} answers {status}{f' ({said})' if said else ''}"
    if status in (401, 403):
        cure = (
            f"the key in {plan.key_env} is not taken" if plan.key_env else "it wants a key: name its variable, key_env"
        )
        return Finding("degraded", "unauthorized", f"{told}; {cure}")
    if status == 503:
        return Finding("degraded", "overloaded", f"{told}; no account of it can serve now")
    if status == 429:
        return Finding("degraded", "cooling_down", f"{told}; its accounts are used up for now")
    return Finding("degraded", "refused", f"{told}; is that the harness?")


def _read_error(body: bytes) -> str:
    """What an error answer says, on one line."""
    try:
        error = msgspec.json.decode(body, type=_Said).error
    except msgspec.DecodeError:
        return ""
    message = error.get("message") if isinstance(error, dict) else error
    return _shorten(message) if isinstance(message, str) else ""


def _shorten(text: str) -> str:
    return " ".join(text.split())[:REASON_CAP]
