"""Real agents through a harness and around it: which service their calls reach, and that the conversation goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, wait_turn
from fakes.harness import MODELS
from fakes.models.messages import Messages
from fakes.models.responses import Responses
from fakes.models.script import write_script
from fakes.models.server import Answer, ModelServer, Request, Wire
from real_agents.acp_agents import CLAUDE, settle_claude
from real_agents.codex_place import write_home
from real_agents.install import find_codex, find_program

KEY = "fake-key"
KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key")
"""Where a harness looks for its key, whatever the service is that an agent believes to speak to."""


@dataclass(frozen=True)
class Routed:
    """An agent whose profile that is built in says how it goes through."""

    profile: str
    wire: Callable[[], Wire]
    find: Callable[[], list[str]]
    settle: Callable[[Path, str], Mapping[str, str]]
    """Its environment around the harness."""


def _settle_codex(home: Path, url: str) -> dict[str, str]:
    return {"CODEX_HOME": str(write_home(home / "codex", url))}


AGENTS = [
    Routed("codex", Responses, lambda: [str(find_codex()), "app-server"], _settle_codex),
    Routed(
        "claude", Messages, lambda: [str(find_program("ci", "@anthropic-ai/claude-agent-sdk-*/claude"))], settle_claude
    ),
    Routed("claude-acp", CLAUDE.wire, CLAUDE.find, CLAUDE.settle),
]
EVERY_RUN = ("codex", "claude")


class Harness:
    """A harness in front of a scripted service, which can be taken out."""

    def __init__(self, wire: Wire) -> None:
        self.serves = True
        self._wire = wire

    def answer(self, request: Request) -> Answer:
        if not self.serves:
            return Answer(b'{"error": "auth_unavailable: no auth available"}', 503)
        if request.path == "/healthz" or request.method == "HEAD":
            return Answer(b'{"status": "ok"}')
        if KEY not in [request.headers.get(name, "").removeprefix("Bearer ") for name in KEY_HEADERS]:
            return Answer(b'{"error": "Missing API key"}', 401)
        return Answer(MODELS) if request.method == "GET" else self._wire.answer(request)


@pytest.fixture(
    params=[
        pytest.param(agent, id=agent.profile, marks=() if agent.profile in EVERY_RUN else pytest.mark.more_agents)
        for agent in AGENTS
    ]
)
def agent(request: pytest.FixtureRequest) -> Routed:
    found: Routed = request.param
    return found


@pytest.fixture
def native(agent: Routed) -> Iterator[ModelServer]:
    with ModelServer(agent.wire()) as server:
        yield server


@pytest.fixture
def wire(agent: Routed) -> Harness:
    return Harness(agent.wire())


@pytest.fixture
def harness(wire: Harness) -> Iterator[ModelServer]:
    with ModelServer(wire) as server:
        yield server


@pytest.fixture(autouse=True)
def profile(
    rig: Rig, agent: Routed, native: ModelServer, harness: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("e2e.rig.WAIT_SECONDS", 90.0)
    home = rig.folder / "home"
    env = {"HOME": str(home), **agent.settle(home, native.url)}
    rows = ", ".join(f"{name} = {json.dumps(value)}" for name, value in env.items())
    rig.configure(
        f'default_profile = "{agent.profile}"\n[profiles.{agent.profile}]\nargv = {json.dumps(agent.find())}\n'
        f'env = {{{rows}}}\ntransport = "cliproxy_harness"\n'
        f'[harness]\nurl = "{harness.url}"\nkey_env = "CLIPROXY_API_KEY"\n[watchdog]\nharness_seconds = 2\n'
    )
    rig.env["CLIPROXY_API_KEY"] = KEY


def calls(server: ModelServer) -> list[str]:
    """What models were asked at a service. Calls without tools are the agent's own: a title, a summary."""
    return [str(r.body) for r in server.requests if r.method == "POST" and r.body and r.body.get("tools")]


async def see_status(client: Client, status: str) -> None:
    deadline = time.monotonic() + 60
    while (await client.call("harness.status.get", {"fresh": True}))["harness"]["status"] != status:
        assert time.monotonic() < deadline


async def test_a_conversation_goes_through_the_harness_and_around_it(
    rig: Rig, client: Client, wire: Harness, harness: ModelServer, native: ModelServer
) -> None:
    before = {path: path.read_bytes() for path in (rig.folder / "home").rglob("*.*") if path.is_file()}
    await see_status(client, "healthy")
    session = await make_session(client, await make_lane(client, rig))
    assert session["transport"] == "cliproxy_harness"

    async def ask(word: str) -> tuple[bool, bool, str]:
        """Which of the two services were asked in a turn, and the route that the session tells."""
        asked = len(calls(harness)), len(calls(native))
        topic, turn = await wait_turn(client, await prompt(client, session, write_script({"text": word})))
        assert (topic, turn["summary"]) == ("turn.completed", word), turn
        told = (await client.call("session.get", {}, session_id=session["session_id"]))["session"]
        return len(calls(harness)) > asked[0], len(calls(native)) > asked[1], told["transport"]

    assert await ask("first") == (True, False, "cliproxy_harness")
    wire.serves = False
    assert await ask("second") == (False, True, "native_openai")
    told = (await client.call("session.get", {}, session_id=session["session_id"]))["session"]
    assert told["route"]["reason"]["details"]["fault"] == "overloaded"
    (changed,) = [
        p["harness"] for p in client.payloads("harness.status.changed") if p["harness"].get("fault") == "overloaded"
    ]
    assert (changed["status"], changed["previous"]) == ("degraded", "healthy")
    assert "first" in calls(native)[-1], "it knows what was said through the harness"
    assert KEY not in str([request.headers for request in native.requests])
    wire.serves = True
    await see_status(client, "healthy")
    assert await ask("third") == (True, False, "cliproxy_harness")
    assert "second" in calls(harness)[-1]
    assert all(path.read_bytes().startswith(text) for path, text in before.items() if path.name == "config.toml")


async def test_a_harness_that_goes_in_mid_turn_holds_the_queue_for_a_moment_only(
    rig: Rig, client: Client, harness: ModelServer, native: ModelServer
) -> None:
    await see_status(client, "healthy")
    session = await make_session(client, await make_lane(client, rig))
    running = await prompt(client, session, write_script({"text": "Half of it", "stall": "gate"}))
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    queued = await prompt(client, session, write_script({"text": "Around it."}))
    harness.close()
    topic, turn = await wait_turn(client, running)
    assert topic != "turn.completed" and turn["problem"], turn
    topic, turn = await wait_turn(client, queued)
    assert (topic, turn["summary"]) == ("turn.completed", "Around it."), turn
    told = (await client.call("session.get", {}, session_id=session["session_id"]))["session"]
    assert (told["transport"], told["route"]["reason"]["code"]) == ("native_openai", "HARNESS_UNAVAILABLE")
    assert "Half of it" in str(native.requests[-1].body) or "Half of it" in calls(native)[-1], "it goes on from there"
