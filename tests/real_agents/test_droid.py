"""Droid itself, a process for each prompt, with a model of its user's own: no account and no service of its maker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig
from e2e.story import list_items, prompt, wait_turn
from fakes.models.chat import Chat
from fakes.models.script import write_script
from fakes.models.server import ModelServer
from real_agents.install import find_program

pytestmark = pytest.mark.more_agents


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(Chat()) as server:
        yield server


@pytest.fixture(autouse=True)
def profile(rig: Rig, model: ModelServer) -> None:
    home = rig.folder / "home"
    (home / ".factory").mkdir(parents=True)
    own = {
        "model": "fake-1",
        "displayName": "Fake",
        "baseUrl": f"{model.url}/v1",
        "apiKey": "none",
        "provider": "generic-chat-completion-api",
        "maxOutputTokens": 8000,
    }
    (home / ".factory" / "settings.json").write_text(json.dumps({"customModels": [own], "cloudSessionSync": False}))
    # Whatever it wants of its maker's services, it finds nobody.
    nobody = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    env = {"HOME": str(home), "FACTORY_API_KEY": "none", "FACTORY_DROID_AUTO_UPDATE_ENABLED": "false", **nobody}
    rows = ", ".join(f"{name} = {json.dumps(value)}" for name, value in env.items())
    program = str(find_program("all", "@factory/cli-linux-x64/bin/droid"))
    rig.configure(
        f'default_profile = "droid"\n[profiles.droid]\nargv = [{json.dumps(program)}]\nmodel = "custom:Fake-0"\n'
        f'mode = "low"\nenv = {{{rows}}}\n'
    )


def run(command: str) -> dict[str, Any]:
    reason = {"summary": "As asked", "riskLevel": "low", "riskLevelReason": "It writes a file", "timeout": 60}
    return {"tools": [{"name": "Execute", "args": {"command": command, **reason}}]}


def read_tree(lane: dict[str, Any]) -> Path:
    return Path(lane["worktrees"][0]["path"])


async def test_a_turn_with_a_command(client: Client, lane: dict[str, Any], session: dict[str, Any]) -> None:
    steps = ({"text": "I write it.", **run("echo one > one.txt && cat one.txt")}, {"text": "It is there."})
    turn_id = await prompt(client, session, write_script(*steps))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "It is there."), turn
    assert (read_tree(lane) / "one.txt").read_text() == "one\n"
    first, tool, last = await list_items(client, turn_id)
    assert (first["text"], last["text"]) == ("I write it.", "It is there.")
    assert (tool["tool"]["tool_kind"], tool["tool"]["status"], "one" in tool["text"]) == ("execute", "completed", True)
    assert (turn["usage"]["input_tokens"], turn["usage"]["output_tokens"]) == (200, 40)
    told = (await client.call("session.get", session_id=session["session_id"]))["session"]
    assert told["agent_session_id"] and told["identity"]["name"] == "Droid"


async def test_where_its_makers_service_is_out_of_reach_it_says_that_it_cannot_go_on(
    client: Client, session: dict[str, Any], model: ModelServer
) -> None:
    """Droid looks a conversation up at its maker's before it goes on with it, also one that is on this disk."""
    assert (await wait_turn(client, await prompt(client, session, write_script({"text": "One."}))))[
        0
    ] == "turn.completed"
    asked = len(model.requests)
    topic, turn = await wait_turn(client, await prompt(client, session, write_script({"text": "Two."})))
    assert topic != "turn.completed" and turn["problem"], turn
    assert len(model.requests) == asked, "no conversation was begun anew in silence"


async def test_in_a_lane_that_plans_it_changes_nothing(
    client: Client, lane: dict[str, Any], session: dict[str, Any]
) -> None:
    await client.call("lane.update", {"permission_mode": "plan"}, lane_id=lane["lane_id"])
    turn_id = await prompt(client, session, write_script(run("echo one > one.txt"), {"text": "I may not."}))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, "insufficient permission" in turn["problem"]["message"]) == ("turn.failed", True), turn
    assert not (read_tree(lane) / "one.txt").exists()


async def test_an_interrupt_ends_its_process_and_what_that_runs(
    rig: Rig, client: Client, lane: dict[str, Any], session: dict[str, Any]
) -> None:
    turn_id = await prompt(client, session, write_script({"text": "I begin.", **run("setsid sleep 7781")}))
    started = await client.wait("item.started", lambda p: p["item"]["kind"] == "tool_call")
    assert started["item"]["turn_id"] == turn_id
    await client.call("turn.interrupt", {"turn_id": turn_id})
    assert (await wait_turn(client, turn_id))[0] == "turn.interrupted"
    await client.wait("process.exited", lambda p: p["process"].get("turn_id") in (None, turn_id))
    assert rig.find_marked(lane["lane_id"]) == []
