"""Agents as clients see them: what is installed, what sessions of them do, what can be chosen."""

from __future__ import annotations

import sys

import pytest

from e2e.rig import Client, Rig, RpcError
from e2e.story import make_lane, make_session, prompt, script, wait_turn

CONFIG = f"""
[profiles.mine]
argv = ["{sys.executable}", "-P", "-m", "agentlanes.demo_agent"]
env_pass = ["PYTHONPATH", "AGENTLANES_DEMO_STATE"]
append_prompt = "And be brief."
env = {{KEY = "s3cret"}}
[profiles.mine.variants.auto]
mode = "auto"
[profiles.missing]
argv = ["no-such-agent"]
install = ["make", "no-such-agent"]
"""


@pytest.fixture(autouse=True)
def programs(rig: Rig) -> None:
    """A machine on which somebody installed Codex, and logged in to it."""
    folder = rig.folder / "bin"
    folder.mkdir()
    (folder / "codex").write_text('#!/bin/sh\n[ "$1" = --version ] && echo "codex-cli 0.169.0"\n')
    (folder / "codex").chmod(0o755)
    (rig.folder / "home" / ".codex").mkdir()
    (rig.folder / "home" / ".codex" / "auth.json").write_text("{}")
    rig.stop()
    rig.configure(CONFIG)
    rig.env["PATH"] = f"{folder}:{rig.env['PATH']}"
    rig.env["AGENTLANES_DEMO_STATE"] = str(rig.folder / "demo")
    rig.start()


async def get(client: Client, name: str) -> dict[str, object]:
    agent: dict[str, object] = (await client.call("agent.get", {"name": name}))["agent"]
    return agent


async def test_what_is_installed_is_told_with_what_is_missing(rig: Rig, client: Client) -> None:
    codex = await get(client, "codex")
    assert (codex["available"], codex["availability"], codex["login"]) == (True, "LOGIN_DETECTED", "signed_in")
    assert (codex["version"], codex["path"]) == ("0.169.0", str(rig.folder / "bin" / "codex"))
    assert (codex["type"], codex["status"], codex["activity_state"]) == ("CODEX", "OFFLINE", "IDLE")
    assert "SESSION_FORK" in codex["capabilities"] and "login_at" in codex  # type: ignore[operator]
    agents = {agent["name"]: agent for agent in (await client.call("agent.list"))["agents"]}
    assert [name for name, agent in agents.items() if agent["profile"]["default"]] == ["mine"]
    missing = agents["missing"]
    assert (missing["available"], missing["status"]) == (False, "ERROR")
    assert missing["unavailable_reason"] == "no-such-agent was not found on PATH; `make no-such-agent` installs it"
    assert missing["setup"]["install"] == [{"title": "Install missing", "argv": ["make", "no-such-agent"]}]
    vibe = agents["vibe"]
    assert (vibe["status"], vibe["availability"]) == ("OFFLINE", "NOT_FOUND"), "nobody asked for it"
    assert "uv tool install mistral-vibe" in vibe["unavailable_reason"]
    assert agents["mine:auto"]["profile"]["variant_of"] == "mine"
    assert "s3cret" not in str(agents)


async def test_an_agent_is_what_its_sessions_are(rig: Rig, client: Client) -> None:
    lane = await make_lane(client, rig)
    assert "connected_at" not in await get(client, "mine")
    session = await make_session(client, lane)
    online = await get(client, "mine")
    assert (online["status"], online["activity_state"], online["sessions"]) == ("ONLINE", "IDLE", 1)
    assert online["connected_at"] == session["attached_at"] and "disconnected_at" not in online
    turn_id = await prompt(client, session, script({"wait": True}))
    await client.wait("turn.started")
    assert (await get(client, "mine"))["activity_state"] == "PROCESSING"
    await client.call("turn.interrupt", {"turn_id": turn_id})
    await wait_turn(client, turn_id)
    await prompt(client, session, script({"crash": {"exit": 3}}))
    detached = (await client.wait("session.detached"))["session"]
    broken = await get(client, "mine")
    assert (broken["status"], broken["disconnected_at"]) == ("ERROR", detached["detached_at"])
    assert broken["problem"]["code"] == "AGENT_EXITED"  # type: ignore[index]


async def test_options_are_what_the_newest_session_was_offered(rig: Rig, client: Client) -> None:
    options = await client.call("agent.options", {"name": "mine:auto"})
    assert options == {"name": "mine:auto", "choice": {"mode": "auto"}, "variants": []}
    lane = await make_lane(client, rig)
    session = await make_session(client, lane, profile="mine:auto")
    assert (session["profile"], "offer" in session) == ("mine:auto", True)
    options = await client.call("agent.options", {"name": "mine:auto"})
    assert (options["offer"], options["session_id"]) == (session["offer"], session["session_id"])
    assert options["seen_at"] == session["attached_at"]
    assert (await client.call("agent.options", {"name": "mine"}))["variants"] == ["mine:auto"]
    with pytest.raises(RpcError) as refused:
        await client.call("agent.options", {"name": "nobody"})
    assert refused.value.code == "PROFILE_NOT_FOUND"


async def test_what_a_profile_appends_is_told_to_the_agent_and_not_to_the_log(rig: Rig, client: Client) -> None:
    session = await make_session(client, await make_lane(client, rig))
    turn_id = await prompt(client, session, script({"say": "Done."}))
    _, turn = await wait_turn(client, turn_id)
    assert "And be brief." not in turn["prompt"]
    (kept,) = [path.read_text() for path in (rig.folder / "demo").rglob("*") if path.is_file()]
    assert "ENDSCRIPT\\n\\nAnd be brief." in kept


async def test_a_client_hears_of_profiles_that_were_written_since(rig: Rig, client: Client) -> None:
    published = rig.socket.parent / "env_pass"
    assert {"OPENAI_API_KEY", "ANTHROPIC_API_KEY"} <= set(published.read_text().split())
    rig.configure('[profiles.new]\nargv = ["no-such-agent"]\nenv_pass = ["NEW_KEY"]\n')
    assert (await get(client, "new"))["profile"]["env_pass"] == ["NEW_KEY"]  # type: ignore[index]
    assert "NEW_KEY" in published.read_text().split()
