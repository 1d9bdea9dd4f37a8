"""Codex itself, through a harness and around it: which service its calls reach, and that the conversation goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, wait_turn
from fakes.harness import MODELS
from fakes.models.responses import Responses
from fakes.models.script import write_script
from fakes.models.server import Answer, ModelServer, Request
from real_agents.codex_place import write_home

KEY = "fake-key"


class Harness:
    """A harness in front of a scripted Responses service, which can be taken out."""

    def __init__(self) -> None:
        self.serves = True
        self._responses = Responses()

    def answer(self, request: Request) -> Answer:
        if not self.serves:
            return Answer(b'{"error": "auth_unavailable: no auth available"}', 503)
        if request.path == "/healthz":
            return Answer(b'{"status": "ok"}')
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return Answer(b'{"error": "Missing API key"}', 401)
        return Answer(MODELS) if request.method == "GET" else self._responses.answer(request)


@pytest.fixture
def native() -> Iterator[ModelServer]:
    with ModelServer(Responses()) as server:
        yield server


def count(server: ModelServer) -> int:
    """The model calls that reached a service."""
    return sum(request.path.endswith("/responses") and request.method == "POST" for request in server.requests)


async def see_status(client: Client, status: str) -> None:
    deadline = time.monotonic() + 30
    while (await client.call("harness.status.get", {"fresh": True}))["harness"]["status"] != status:
        assert time.monotonic() < deadline


async def test_codex_goes_through_the_harness_and_around_it_in_one_conversation(
    rig: Rig, codex: Path, native: ModelServer
) -> None:
    wire = Harness()
    with ModelServer(wire) as harness:
        home = write_home(rig.folder / "codex", native.url)
        written = (home / "config.toml").read_text()
        rig.configure(
            f"""
[profiles.codex]
argv = ["{codex}", "app-server"]
env = {{CODEX_HOME = "{home}"}}
transport = "cliproxy_harness"
[harness]
url = "{harness.url}"
key_env = "CLIPROXY_API_KEY"
"""
        )
        rig.env["CLIPROXY_API_KEY"] = KEY
        rig.start()
        client = await rig.connect()
        await client.call("event.subscribe")
        await see_status(client, "healthy")
        session = await make_session(client, await make_lane(client, rig))
        assert session["transport"] == "cliproxy_harness"

        async def ask(word: str) -> tuple[int, int, str]:
            before = count(harness), count(native)
            topic, turn = await wait_turn(client, await prompt(client, session, write_script({"text": word})))
            assert (topic, turn["summary"]) == ("turn.completed", word), turn
            told = (await client.call("session.get", {}, session_id=session["session_id"]))["session"]
            return count(harness) - before[0], count(native) - before[1], told["transport"]

        assert await ask("first") == (1, 0, "cliproxy_harness")
        wire.serves = False
        assert await ask("second") == (0, 1, "native_openai")
        told = (await client.call("session.get", {}, session_id=session["session_id"]))["session"]
        assert told["route"]["reason"]["details"]["fault"] == "overloaded"
        (request,) = [r for r in native.requests if r.path.endswith("/responses")]
        assert "first" in str(request.body), "it knows what was said through the harness"
        wire.serves = True
        await see_status(client, "healthy")
        assert await ask("third") == (1, 0, "cliproxy_harness")
        assert "model_providers.agentlanes" not in written and written in (home / "config.toml").read_text()
        await client.close()
