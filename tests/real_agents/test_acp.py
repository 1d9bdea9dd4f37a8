"""Real agents that speak ACP, in lanes of a real server, with a scripted model service behind each."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig
from e2e.story import list_items, make_session, prompt, resolve, wait_approval, wait_turn, wait_words
from fakes.models.script import write_script
from fakes.models.server import ModelServer
from real_agents.acp_agents import CLAUDE, CLAUDE_FIRST, EVERY_RUN, MORE, AcpAgent
from real_agents.acp_schema_files import open_schema
from real_agents.codex_place import find_words, wait_for_words
from real_agents.codex_schema import read_conversations

AGENTS = [
    *(pytest.param(agent, id=agent.name) for agent in EVERY_RUN),
    *(pytest.param(agent, id=agent.name, marks=pytest.mark.more_agents) for agent in MORE),
]
WAIT_SECONDS = 90.0


@pytest.fixture(params=AGENTS)
def agent(request: pytest.FixtureRequest) -> AcpAgent:
    found: AcpAgent = request.param
    return found


@pytest.fixture
def model(agent: AcpAgent) -> Iterator[ModelServer]:
    with ModelServer(agent.wire()) as server:
        yield server


@pytest.fixture(autouse=True)
def profile(rig: Rig, agent: AcpAgent, model: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The profile of the agent. Afterwards every message of every process is held against the published schema."""
    # Some take seconds to start, and longer where several start at a time.
    monkeypatch.setattr("e2e.rig.WAIT_SECONDS", WAIT_SECONDS)
    agent.configure(rig, model.url)
    yield
    conversations = read_conversations(rig)
    assert conversations
    for sent, said in conversations:
        check_conversation(sent, said)


def check_conversation(sent: list[dict[str, Any]], said: list[dict[str, Any]]) -> None:
    """Holds the messages of one process against the schema of the version that it agreed on."""
    version = next((m["result"]["protocolVersion"] for m in said if "protocolVersion" in m.get("result", {})), 1)
    for message in sent:
        if message.get("method") == "initialize":
            open_schema(1).check([message], ())
    open_schema(version).check(sent, said)


@pytest.fixture
def made(lane: dict[str, Any]) -> Path:
    """A file in the lane that commands make: some agents ask once more for what lies outside."""
    return Path(lane["worktrees"][0]["path"]) / "made"


def texts(items: list[dict[str, Any]], kind: str) -> str:
    return "".join(item.get("text") or "" for item in items if item["kind"] == kind)


def find_tool(items: list[dict[str, Any]], command: str) -> dict[str, Any]:
    """The item of a command; some agents make a second one for their own purposes."""
    found = [item for item in items if command in str(item.get("tool", {}))]
    assert found, items
    return found[0]


async def test_the_agent_says_who_it_is_and_what_it_offers(
    agent: AcpAgent, client: Client, session: dict[str, Any]
) -> None:
    known = agent.behaviour
    assert (session["identity"]["protocol"], session["identity"]["name"]) == (known["protocol"], known["name"])
    assert session["resumable"] == known["resumes"]
    offer = session["offer"]
    assert (offer["fork"], offer["steer"]) == (known["forks"], known["steers"])
    settings = {setting["kind"]: setting for setting in reversed(offer["settings"])}
    assert known["plan"] in {value["value"] for value in settings["mode"]["values"]}
    if known["models"]:
        assert settings["model"]["value"] in {value["value"] for value in settings["model"]["values"]}
    # Some tell their commands only with the first turn.
    await wait_turn(client, await prompt(client, session, write_script({"text": "hello"})))
    kept = (await client.call("session.get", session_id=session["session_id"]))["session"]
    assert (kept["offer"].get("compact") or False) == known["compact"], kept["offer"].get("commands")


async def test_a_turn_with_a_thought_a_command_and_text(
    agent: AcpAgent, client: Client, made: Path, session: dict[str, Any]
) -> None:
    command = "touch made; echo told"
    steps = ({"thought": "Let me see.", "text": "I run it.", **agent.run(command)}, {"text": "It is done."})
    turn_id = await prompt(client, session, write_script(*steps))
    approval = await wait_approval(client, turn_id)
    assert {"allow_once", "reject_once"} <= {option["kind"] for option in approval["options"]}
    assert not made.exists()
    await resolve(client, approval, "allow_once")
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["stop_reason"], turn["summary"]) == ("turn.completed", "end_turn", "It is done."), turn
    assert made.exists()
    items = await list_items(client, turn_id)
    assert {item["status"] for item in items} == {"completed"}, items
    assert "Let me see." in texts(items, "thought")
    assert texts(items, "message") == "I run it.It is done."
    tool = find_tool(items, command)
    assert tool["tool"]["status"] == "completed" and tool["tool"]["tool_kind"] == "execute"
    assert tool["tool"].get("exit_code") == (0 if agent.behaviour["exit_code"] else None)
    if agent.behaviour["output"]:
        assert "told" in tool["text"]
    if agent.behaviour["cost"]:
        assert turn["usage"]["cost"]["currency"] == "USD"


async def test_a_command_that_is_denied_does_not_run(
    agent: AcpAgent, client: Client, made: Path, session: dict[str, Any]
) -> None:
    turn_id = await prompt(client, session, write_script(agent.run("touch made"), {"text": "Then not."}))
    await resolve(client, await wait_approval(client, turn_id), "reject_once")
    topic, turn = await wait_turn(client, turn_id)
    assert [topic, turn["stop_reason"]] == agent.behaviour["denied"]
    assert not made.exists()
    again = await prompt(client, session, write_script({"text": "Still there."}))
    assert (await wait_turn(client, again))[1]["summary"] == "Still there."


async def test_an_interrupt_ends_the_turn(agent: AcpAgent, client: Client, session: dict[str, Any]) -> None:
    command = "touch made; sleep 4712"
    turn_id = await prompt(client, session, write_script(agent.run(command), {"text": "Never."}))
    await resolve(client, await wait_approval(client, turn_id), "allow_once")
    await wait_for_words("sleep", "4712")
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["stop_reason"]) == ("turn.interrupted", "cancelled")
    again = await prompt(client, session, write_script({"text": "Still there."}))
    assert (await wait_turn(client, again))[1]["summary"] == "Still there."
    await client.call("session.terminate", session_id=session["session_id"])
    await client.wait("session.terminated")
    assert not find_words("sleep", "4712"), "nothing of a session outlives it"


async def test_an_agent_that_dies_in_a_turn_is_resumed(
    agent: AcpAgent, client: Client, session: dict[str, Any], model: ModelServer
) -> None:
    await wait_turn(client, await prompt(client, session, write_script({"text": "My name is Ada."})))
    turn_id = await prompt(client, session, write_script({"text": "So far and no", "stall": "never"}))
    await wait_words(client, "So far")
    (process,) = [p["process"] for p in client.payloads("process.started") if p["process"]["run_reason"] == "agent"]
    os.kill(process["pid"], signal.SIGKILL)
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["problem"]["code"], turn["resumable"]) == ("turn.interrupted", "AGENT_EXITED", True)
    assert "So far" in texts(await list_items(client, turn_id), "message")
    before = len(model.requests)
    again = await prompt(client, session, write_script({"text": "I am back."}))
    topic, payload = await client.wait_one_of(
        {
            "turn.completed": lambda p: p["turn"]["turn_id"] == again,
            "session.attach.failed": lambda p: p["session"]["session_id"] == session["session_id"],
        }
    )
    if topic == "session.attach.failed":
        # Gemini forgets what it did not get to store; that is told, and nothing fresh takes its place.
        assert payload["session"]["problem"]["code"] == "RESUME_FAILED", payload
        assert not agent.behaviour["stores"], payload
        return
    assert payload["turn"].get("summary") == "I am back.", payload
    assert texts(await list_items(client, again), "message") == "I am back.", "no old conversation is told as new"
    attached = client.payloads("session.attached")[-1]["session"]
    assert attached["agent_session_id"] == session["agent_session_id"]
    assert any("My name is Ada." in str(request.body) for request in model.requests[before:])


async def test_a_killed_server_finds_the_question_that_waits(
    agent: AcpAgent, client: Client, rig: Rig, made: Path, session: dict[str, Any]
) -> None:
    steps = ({"text": "I ask.", **agent.run("touch made")}, {"text": "Done."})
    turn_id = await prompt(client, session, write_script(*steps))
    approval = await wait_approval(client, turn_id)
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    await resolve(again, approval, "allow_once")
    topic, turn = await wait_turn(again, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "Done.")
    assert made.exists()
    items = await list_items(again, turn_id)
    assert texts(items, "message") == "I ask.Done."
    assert {item["status"] for item in items} == {"completed"}
    await again.close()


async def test_a_lane_that_plans_puts_the_agent_in_its_plan_mode(
    agent: AcpAgent, client: Client, lane: dict[str, Any]
) -> None:
    await client.call("lane.update", {"permission_mode": "plan"}, lane_id=lane["lane_id"])
    session = await make_session(client, lane)
    (mode,) = [setting for setting in session["offer"]["settings"] if setting["kind"] == "mode"]
    assert mode["value"] == agent.behaviour["plan"]
    turn_id = await prompt(client, session, write_script({"text": "I would."}))
    # Claude's first version says besides what its modes cost.
    assert (await wait_turn(client, turn_id))[1]["summary"].startswith("I would.")


async def test_the_context_is_summed_up(agent: AcpAgent, client: Client, session: dict[str, Any]) -> None:
    if not agent.behaviour["compact"]:
        pytest.skip("it has no command for that")
    await wait_turn(client, await prompt(client, session, write_script({"text": "A long story."})))
    turn = (await client.call("turn.create", {"action": "compact"}, session_id=session["session_id"]))["turn"]
    topic, ended = await wait_turn(client, turn["turn_id"])
    assert topic == "turn.completed", ended
    if agent.behaviour["compacts"]:
        kinds = [item["kind"] for item in await list_items(client, turn["turn_id"])]
        assert "compaction" in kinds


async def test_a_session_is_forked(
    agent: AcpAgent, client: Client, lane: dict[str, Any], session: dict[str, Any], model: ModelServer
) -> None:
    if not agent.behaviour["forks"]:
        pytest.skip("it cannot fork")
    await wait_turn(client, await prompt(client, session, write_script({"text": "My name is Ada."})))
    fork = await make_session(client, lane, origin={"kind": "fork", "session_id": session["session_id"]})
    assert fork["agent_session_id"] != session["agent_session_id"]
    before = len(model.requests)
    turn_id = await prompt(client, fork, write_script({"text": "And on."}))
    assert (await wait_turn(client, turn_id))[1]["summary"] == "And on."
    # Some ask their model for other things too, as a title.
    assert any("My name is Ada." in str(request.body) for request in model.requests[before:])


async def test_a_running_turn_is_steered(
    agent: AcpAgent, client: Client, session: dict[str, Any], model: ModelServer
) -> None:
    if not agent.behaviour["steers"]:
        pytest.skip("it takes no more input")
    steps = ({"text": "So far", "stall": "gate", **agent.run("true")}, {"text": "End"})
    turn_id = await prompt(client, session, write_script(*steps))
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    await client.call("turn.steer", {"turn_id": turn_id, "prompt": "and mind the tests"})
    await client.wait("turn.updated", lambda p: "input_n" in (p["turn"].get("steers") or [{}])[0])
    model.open("gate")
    decided: set[str] = set()
    while True:
        topic, payload = await client.wait_one_of(
            {
                "approval.requested": lambda p: p["approval"]["approval_id"] not in decided,
                "turn.completed": lambda p: p["turn"]["turn_id"] == turn_id,
            }
        )
        if topic == "turn.completed":
            break
        decided.add(payload["approval"]["approval_id"])
        await resolve(client, payload["approval"], "allow_once")
    assert "problem" not in payload["turn"]["steers"][0]
    assert any("and mind the tests" in str(request.body) for request in model.requests)


QUESTION = {
    "questions": [
        {
            "question": "Which way?",
            "header": "Way",
            "options": [{"label": "Left", "description": "Slow"}, {"label": "Right", "description": "Fast"}],
            "multiSelect": False,
        }
    ]
}


@pytest.mark.parametrize("agent", [CLAUDE, CLAUDE_FIRST], indirect=False, ids=lambda agent: agent.name)
async def test_a_question_of_the_agents_is_answered(
    agent: AcpAgent, client: Client, session: dict[str, Any], model: ModelServer
) -> None:
    steps = ({"tools": [{"name": "AskUserQuestion", "args": QUESTION}]}, {"text": "So be it."})
    turn_id = await prompt(client, session, write_script(*steps))
    approval = await wait_approval(client, turn_id)
    assert approval["kind"] == "question", approval
    question = approval["questions"][0]
    assert [option["label"] for option in question["options"]][:2] == ["Left", "Right"]
    answer = {"question_id": question["question_id"], "values": ["Right"]}
    await client.call(
        "approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once", "answers": [answer]}
    )
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "So be it.")
    results = [str(message) for message in model.requests[-1].body["messages"] if "tool_result" in str(message)]
    assert "Right" in results[-1]


@pytest.mark.parametrize("agent", [CLAUDE], ids=lambda agent: agent.name)
async def test_a_session_that_does_not_exist_is_not_replaced(
    agent: AcpAgent, client: Client, lane: dict[str, Any]
) -> None:
    origin = {"kind": "adopt", "agent_session_id": "0195e3c1-7c1a-7b5e-9d1f-2b6d4a7f0c11"}
    await client.call("session.create", {"origin": origin}, lane_id=lane["lane_id"])
    failed = (await client.wait("session.attach.failed"))["session"]
    assert failed["problem"]["code"] == "RESUME_FAILED"
