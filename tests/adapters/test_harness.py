"""Checks of the harness against a real HTTP server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from agentlanes.adapters.harness.cliproxy import Cliproxy
from agentlanes.kernel.ports.harness import Finding, HarnessPlan
from fakes.harness import KEY, Answer, FakeHarness, garble, hang_up, list_models, refuse, run_harness, send


@pytest.fixture
def fake() -> Iterator[FakeHarness]:
    with run_harness() as harness:
        yield harness


@pytest.fixture
async def cliproxy() -> AsyncIterator[Cliproxy]:
    cliproxy = Cliproxy(lambda: None)
    yield cliproxy
    await cliproxy.close()


def plan(fake: FakeHarness, timeout_seconds: float = 10.0) -> HarnessPlan:
    return HarnessPlan(fake.url, "CLIPROXY_API_KEY", timeout_seconds=timeout_seconds)


async def test_one_that_is_well(fake: FakeHarness, cliproxy: Cliproxy) -> None:
    assert await cliproxy.probe(plan(fake), KEY) == Finding("healthy")
    assert fake.requests == ["/healthz", "/v1/models"]


async def test_its_connection_is_kept(fake: FakeHarness, cliproxy: Cliproxy) -> None:
    for _ in range(5):
        await cliproxy.probe(plan(fake), KEY)
    assert (fake.connections, len(fake.requests)) == (1, 10)


async def test_an_old_release_without_healthz(fake: FakeHarness, cliproxy: Cliproxy) -> None:
    fake.answer = refuse(404, b"404 page not found", path="/healthz")
    assert await cliproxy.probe(plan(fake), KEY) == Finding("healthy")


@pytest.mark.parametrize(
    ("answer", "status", "fault", "told"),
    [
        (
            refuse(503, b'{"error": "auth_unavailable: no auth available"}'),
            "degraded",
            "overloaded",
            "no auth available",
        ),
        (refuse(503, path="/healthz"), "degraded", "overloaded", "/healthz answers 503"),
        (refuse(429, b'{"error": {"message": "cooling down"}}'), "degraded", "cooling_down", "429 (cooling down)"),
        (refuse(401, b'{"error": "Invalid API key"}'), "degraded", "unauthorized", "the key in CLIPROXY_API_KEY"),
        (refuse(403, b'{"error": {"code": "unsafe_example_api_key"}}'), "degraded", "unauthorized", "403"),
        (refuse(500, b"oops"), "degraded", "refused", "/v1/models answers 500; is that the harness?"),
        (refuse(302), "degraded", "refused", "302"),
        (list_models(b'{"data": []}'), "degraded", "no_models", "lists none"),
        (list_models(b"<html>It works!</html>"), "degraded", "garbage", "lists no models"),
        (list_models(b'{"data": "all"}'), "degraded", "garbage", "lists no models"),
        (garble, "degraded", "garbage", "does not answer in HTTP"),
        (hang_up, "degraded", "garbage", "does not answer in HTTP"),
    ],
)
async def test_one_that_is_not(
    fake: FakeHarness, cliproxy: Cliproxy, answer: Answer, status: str, fault: str, told: str
) -> None:
    fake.answer = answer
    found = await cliproxy.probe(plan(fake), KEY)
    assert (found.status, found.fault) == (status, fault)
    assert told in (found.reason or "")
    assert KEY not in (found.reason or "")


async def test_a_key_that_is_missing_is_told_from_one_that_is_wrong(fake: FakeHarness, cliproxy: Cliproxy) -> None:
    found = await cliproxy.probe(HarnessPlan(fake.url, timeout_seconds=10), None)
    assert (found.fault, "name its variable, key_env" in (found.reason or "")) == ("unauthorized", True)


async def test_one_that_never_answers(fake: FakeHarness, cliproxy: Cliproxy) -> None:
    fake.answer = fake.hang
    found = await cliproxy.probe(plan(fake, 0.05), KEY)
    assert (found.status, found.fault) == ("unavailable", "timeout")


async def test_one_that_is_gone_and_comes_back(fake: FakeHarness, cliproxy: Cliproxy) -> None:
    assert (await cliproxy.probe(plan(fake), KEY)).status == "healthy"
    fake.go()
    found = await cliproxy.probe(plan(fake), KEY)
    assert (found.status, found.fault) == ("unavailable", "unreachable")
    fake.come()
    assert (await cliproxy.probe(plan(fake), KEY)).status == "healthy"


async def test_an_endless_answer_ends(fake: FakeHarness, cliproxy: Cliproxy) -> None:
    fake.answer = lambda handler: send(handler, 200, b" " * (9 << 20))
    assert (await cliproxy.probe(plan(fake), KEY)).fault == "garbage"


def test_httpx_stays_off_the_way_of_those_who_have_no_harness() -> None:
    code = "import sys, agentlanes.app; assert 'httpx' not in sys.modules and 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
