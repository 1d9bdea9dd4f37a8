"""What an agent is started with on each route."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from agentlanes.core.errors import Refusal
from agentlanes.kernel.ports.agents import Detour, Launch
from agentlanes.kernel.ports.harness import HarnessPlan
from agentlanes.kernel.routes import direct
from agentlanes.wire.models import Session, Transport

EXAMPLE = Path(__file__).parents[2] / "protocol" / "v1" / "examples" / "Session" / "complete.json"
SESSION = msgspec.convert(json.loads(EXAMPLE.read_text()), Session)
PLAN = HarnessPlan("http://127.0.0.1:8317", "PROXY_KEY")
DETOUR = Detour(
    args=("--provider=proxy", "--key={key_env}"),
    env={"BASE": "{url}/v1", "KEY": "{key}", "PLAIN": "yes"},
    standing=("--known={url}",),
)
LAUNCH = Launch(("agent",), {"A": "1"}, (), "acp", detour=DETOUR)


def on(transport: Transport, *, routed: bool = True) -> Session:
    return msgspec.structs.replace(SESSION, transport=transport, route=SESSION.route if routed else None)


def test_through_it_the_agent_is_pointed_there() -> None:
    launch = direct(LAUNCH, on("cliproxy_harness"), PLAN, "secret")
    assert launch.argv == ("agent", "--known=http://127.0.0.1:8317", "--provider=proxy", "--key=PROXY_KEY")
    env = {"A": "1", "PROXY_KEY": "secret", "BASE": "http://127.0.0.1:8317/v1", "KEY": "secret", "PLAIN": "yes"}
    assert launch.env == env
    assert "secret" not in str(launch.argv)


def test_without_a_key_what_needs_one_is_left_out() -> None:
    launch = direct(LAUNCH, on("cliproxy_harness"), PLAN, None)
    assert launch.argv == ("agent", "--known=http://127.0.0.1:8317", "--provider=proxy")
    assert launch.env == {"A": "1", "BASE": "http://127.0.0.1:8317/v1", "PLAIN": "yes"}


def test_around_it_only_what_stands_is_told_and_only_where_it_is_wanted() -> None:
    launch = direct(LAUNCH, on("native_openai"), PLAN, "secret")
    assert (launch.argv, launch.env) == (("agent", "--known=http://127.0.0.1:8317"), {"A": "1"})
    assert direct(LAUNCH, on("native_openai", routed=False), PLAN, "secret") is LAUNCH
    assert direct(LAUNCH, on("native_openai"), None, None) is LAUNCH


def test_a_route_that_is_no_longer_configured_is_refused() -> None:
    for launch, plan in ((LAUNCH, None), (msgspec.structs.replace(LAUNCH, detour=None), PLAN)):
        with pytest.raises(Refusal) as refused:
            direct(launch, on("cliproxy_harness"), plan, "secret")
        assert refused.value.code == "HARNESS_NOT_CONFIGURED"
