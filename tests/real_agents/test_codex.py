"""Codex itself, through our server: whole turns against a scripted model."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig
from e2e.story import list_items, make_session, prompt, resolve, wait_approval, wait_turn, wait_words
from fakes.models.responses import Responses
from fakes.models.script import write_script
from fakes.models.server import ModelServer, refuse_connections
from real_agents.codex_place import configure, find_codex, find_words, show, wait_for_words
from real_agents.codex_schema import open_oracle, read_conversations


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(Responses()) as server:
        yield server


@pytest.fixture(autouse=True)
def profile(rig: Rig, codex: Path, model: ModelServer) -> Iterator[None]:
    """The profile codex. Afterwards every message of every process is held against Codex's own schema."""
    configure(rig, codex, model.url)
    yield
    conversations = read_conversations(rig)
    assert conversations
    for sent, said in conversations:
        assert said
        open_oracle(codex).check(sent, said)


def run(command: str, **args: Any) -> dict[str, Any]:
    """A step in which the model lets a shell command run."""
    return {"tools": [{"name": "exec_command", "args": {"cmd": command, "yield_time_ms": 20_000, **args}}]}


def ask_for(command: str) -> dict[str, Any]:
    """A step in which the model asks to run a command outside of the sandbox."""
    return run(command, sandbox_permissions="require_escalated", justification="It has to be")


async def test_a_turn_with_thought_text_and_a_command(client: Client, session: dict[str, Any]) -> None:
    assert session["codex_session_id"] == session["agent_session_id"]
    assert (session["identity"]["name"], session["resumable"]) == ("codex", True)
    steps = (
        {"thought": "Let me see", "text": "I look.", **run("cat README.md")},
        {"text": "It is small.", "usage": {"input": 30, "output": 7, "cached": 10, "thought": 2}},
    )
    turn_id = await prompt(client, session, write_script(*steps))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"], turn["stop_reason"]) == ("turn.completed", "It is small.", "end_turn"), turn
    items = await list_items(client, turn_id)
    assert show(items) == [
        ("thought", "Let me see"),
        ("message", "I look."),
        ("tool_call", "# A small project\n"),
        ("message", "It is small."),
    ]
    tool = items[2]["tool"]
    assert (tool["command"], tool["exit_code"], tool["status"]) == ("cat README.md", 0, "completed")
    assert turn["usage"] == {
        "input_tokens": 130,
        "output_tokens": 27,
        "total_tokens": 157,
        "cached_tokens": 10,
        "thought_tokens": 2,
        "context_used": 37,
        "context_size": turn["usage"]["context_size"],
    }
    assert turn["agent_turn_id"]


async def test_the_offer_names_models_efforts_and_sandboxes(client: Client, session: dict[str, Any]) -> None:
    offer = session["offer"]
    assert offer["steer"] and offer["fork_at_turn"] and offer["compact"] and offer["review"]
    settings = {setting["kind"]: setting for setting in offer["settings"]}
    assert settings["model"]["value"] == "gpt-5.5"
    assert "gpt-5.5" in {value["value"] for value in settings["model"]["values"]}
    assert settings["effort"]["value"] in {value["value"] for value in settings["effort"]["values"]}
    assert {value["value"] for value in settings["mode"]["values"]} == {
        "read-only",
        "workspace-write",
        "danger-full-access",
    }


async def test_a_choice_reaches_the_model(client: Client, session: dict[str, Any], model: ModelServer) -> None:
    turn_id = await prompt(client, session, "hello", choice={"effort": "high"})
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    assert model.requests[-1].body["reasoning"]["effort"] == "high"
    again = await prompt(client, session, "hello")
    assert (await wait_turn(client, again))[0] == "turn.completed"
    assert model.requests[-1].body["reasoning"]["effort"] == "high"


async def test_a_command_that_is_allowed_runs(client: Client, rig: Rig, session: dict[str, Any]) -> None:
    made = rig.folder / "made"
    turn_id = await prompt(client, session, write_script(ask_for(f"echo yes > {made}"), {"text": "Done."}))
    approval = await wait_approval(client, turn_id)
    assert approval["title"] == f"echo yes > {made} (It has to be)"
    assert approval["preview"]["tool_kind"] == "execute"
    assert {option["kind"] for option in approval["options"]} == {"allow_once", "allow_always", "reject_once"}
    assert not made.exists()
    await resolve(client, approval, "allow_once")
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    assert made.read_text() == "yes\n"
    (tool,) = [item["tool"] for item in await list_items(client, turn_id) if "tool" in item]
    assert (tool["status"], tool["exit_code"]) == ("completed", 0)


async def test_a_command_that_is_denied_does_not_run_and_the_turn_goes_on(
    client: Client, rig: Rig, session: dict[str, Any]
) -> None:
    made = rig.folder / "made"
    turn_id = await prompt(client, session, write_script(ask_for(f"echo yes > {made}"), {"text": "Then not."}))
    await resolve(client, await wait_approval(client, turn_id), "reject_once")
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "Then not.")
    assert not made.exists()
    assert [item["status"] for item in await list_items(client, turn_id)] == ["failed", "completed"]


async def test_a_patch_is_asked_for_and_shown_as_changes(
    client: Client, lane: dict[str, Any], session: dict[str, Any]
) -> None:
    patch = (
        "*** Begin Patch\n*** Add File: new.txt\n+one\n"
        "*** Update File: README.md\n@@\n-# A small project\n+# A large project\n*** End Patch\n"
    )
    turn_id = await prompt(client, session, write_script({"patch": patch}, {"text": "Done."}))
    approval = await wait_approval(client, turn_id)
    root = lane["worktrees"][0]["path"]
    assert approval["preview"]["changes"] == [
        {"path": f"{root}/README.md", "old_text": "# A small project\n", "new_text": "# A large project\n"},
        {"path": f"{root}/new.txt", "new_text": "one\n"},
    ]
    assert not (Path(root) / "new.txt").exists()
    await resolve(client, approval, "allow_once")
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    assert (Path(root) / "new.txt").read_text() == "one\n"


async def permit(client: Client, lane: dict[str, Any], mode: str) -> None:
    await client.call("lane.update", {"permission_mode": mode}, lane_id=lane["lane_id"])


async def test_auto_writes_in_the_worktree_and_nowhere_else(
    client: Client, rig: Rig, lane: dict[str, Any], session: dict[str, Any]
) -> None:
    await permit(client, lane, "auto")
    outside = rig.folder / "outside"
    steps = (run("echo in > inside"), run(f"echo out > {outside}"), {"text": "Done."})
    topic, _ = await wait_turn(client, await prompt(client, session, write_script(*steps)))
    assert topic == "turn.completed"
    assert (Path(lane["worktrees"][0]["path"]) / "inside").read_text() == "in\n"
    assert not outside.exists()
    assert client.payloads("approval.requested") == []


async def test_a_plan_changes_nothing_and_asks_nothing(
    client: Client, lane: dict[str, Any], session: dict[str, Any]
) -> None:
    await permit(client, lane, "plan")
    patch = {"patch": "*** Begin Patch\n*** Add File: new.txt\n+one\n*** End Patch\n"}
    topic, _ = await wait_turn(client, await prompt(client, session, write_script(patch, {"text": "I would."})))
    assert topic == "turn.completed"
    assert not (Path(lane["worktrees"][0]["path"]) / "new.txt").exists()
    assert client.payloads("approval.requested") == []


async def test_an_interrupt_ends_the_command_that_runs(client: Client, session: dict[str, Any]) -> None:
    turn_id = await prompt(client, session, write_script(run("echo begun; sleep 4711"), {"text": "Never."}))
    await client.wait("item.started", lambda p: p["item"]["kind"] == "tool_call")
    await wait_for_words("sleep", "4711")
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["stop_reason"]) == ("turn.interrupted", "cancelled")
    assert not find_words("sleep", "4711")
    (tool,) = [item["tool"] for item in await list_items(client, turn_id) if "tool" in item]
    assert tool["status"] == "failed" and tool["exit_code"] != 0
    again = await prompt(client, session, write_script({"text": "Still there."}))
    assert (await wait_turn(client, again))[1]["summary"] == "Still there."


async def test_an_agent_that_dies_in_a_turn_is_resumed(
    client: Client, rig: Rig, session: dict[str, Any], model: ModelServer
) -> None:
    first = await prompt(client, session, write_script({"text": "My name is Ada."}))
    await wait_turn(client, first)
    turn_id = await prompt(client, session, write_script({"text": "So far", "stall": "never"}))
    await wait_words(client, "So far")
    (pid,) = find_codex(rig)
    os.kill(pid, signal.SIGKILL)
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["problem"]["code"], turn["resumable"]) == ("turn.interrupted", "AGENT_EXITED", True)
    assert show(await list_items(client, turn_id)) == [("message", "So far")]
    again = await prompt(client, session, write_script({"text": "I am back."}))
    assert (await wait_turn(client, again))[1]["summary"] == "I am back."
    attached = client.payloads("session.attached")[-1]["session"]
    assert attached["agent_session_id"] == session["agent_session_id"]
    assert "My name is Ada." in str(model.requests[-1].body["input"])


async def test_a_killed_server_finds_the_question_that_waits(client: Client, rig: Rig, session: dict[str, Any]) -> None:
    made = rig.folder / "made"
    steps = ({"text": "I ask.", **ask_for(f"echo yes > {made}")}, {"text": "Done."})
    turn_id = await prompt(client, session, write_script(*steps))
    approval = await wait_approval(client, turn_id)
    rig.kill()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    await resolve(again, approval, "allow_once")
    topic, turn = await wait_turn(again, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "Done.")
    assert made.read_text() == "yes\n"
    items = await list_items(again, turn_id)
    assert [(item["kind"], item["status"]) for item in items] == [
        ("message", "completed"),
        ("tool_call", "completed"),
        ("message", "completed"),
    ]
    assert turn["usage"]["total_tokens"] == 240
    await again.close()


async def test_a_server_killed_between_words_misses_none(
    client: Client, rig: Rig, session: dict[str, Any], model: ModelServer
) -> None:
    steps = ({"thought": "Hm.", "text": "one two three", "stall": "gate", **run("echo four")}, {"text": "five"})
    turn_id = await prompt(client, session, write_script(*steps))
    await client.wait("item.delta", lambda p: "two" in p["data"] or "three" in p["data"])
    rig.kill()
    model.open("gate")
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    topic, _ = await wait_turn(again, turn_id)
    assert topic == "turn.completed"
    assert show(await list_items(again, turn_id)) == [
        ("thought", "Hm."),
        ("message", "one two three"),
        ("tool_call", "four\n"),
        ("message", "five"),
    ]
    await again.close()


async def test_a_running_turn_is_steered(client: Client, session: dict[str, Any], model: ModelServer) -> None:
    turn_id = await prompt(
        client, session, write_script({"text": "So far", "stall": "gate", **run("true")}, {"text": "End"})
    )
    await client.wait("item.started", lambda p: p["item"]["kind"] == "message")
    await client.call("turn.steer", {"turn_id": turn_id, "prompt": "and mind the tests"})
    await client.wait("turn.updated", lambda p: "input_n" in (p["turn"].get("steers") or [{}])[0])
    model.open("gate")
    topic, turn = await wait_turn(client, turn_id)
    assert topic == "turn.completed"
    assert "problem" not in turn["steers"][0]
    assert "and mind the tests" in str(model.requests[-1].body["input"])
    assert (
        len({request.headers["x-codex-turn-metadata"].count(turn["agent_turn_id"]) for request in model.requests}) == 1
    )


async def test_a_session_is_forked_at_a_turn(
    client: Client, lane: dict[str, Any], session: dict[str, Any], model: ModelServer
) -> None:
    turns = [await prompt(client, session, write_script({"text": word})) for word in ("first", "second", "third")]
    for turn_id in turns:
        await wait_turn(client, turn_id)
    origin = {"kind": "fork", "session_id": session["session_id"], "turn_id": turns[1]}
    fork = await make_session(client, lane, origin=origin)
    assert fork["agent_session_id"] != session["agent_session_id"]
    turn_id = await prompt(client, fork, write_script({"text": "fourth"}))
    assert (await wait_turn(client, turn_id))[1]["summary"] == "fourth"
    said = [item["content"][0]["text"] for item in model.requests[-1].body["input"] if item.get("role") == "assistant"]
    assert said == ["first", "second"]


async def test_a_conversation_begun_outside_is_adopted(
    client: Client, lane: dict[str, Any], session: dict[str, Any], model: ModelServer
) -> None:
    await wait_turn(client, await prompt(client, session, write_script({"text": "outside"})))
    await client.call("session.terminate", session_id=session["session_id"])
    await client.wait("session.terminated")
    origin = {"kind": "adopt", "agent_session_id": session["agent_session_id"]}
    adopted = await make_session(client, lane, origin=origin)
    assert adopted["agent_session_id"] == session["agent_session_id"]
    turn_id = await prompt(client, adopted, write_script({"text": "inside"}))
    assert (await wait_turn(client, turn_id))[1]["summary"] == "inside"
    assert "outside" in str(model.requests[-1].body["input"])


async def test_a_conversation_that_is_lost_is_not_replaced(client: Client, lane: dict[str, Any]) -> None:
    origin = {"kind": "adopt", "agent_session_id": "01a1fe23-9eb0-7ff2-9dcc-a933092305bb"}
    await client.call("session.create", {"origin": origin}, lane_id=lane["lane_id"])
    failed = (await client.wait("session.attach.failed"))["session"]
    assert failed["problem"]["code"] == "RESUME_FAILED"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"error": "rate_limit_exceeded", "text": "Too fast"}, "Too fast"),
        ({"status": 429}, "429"),
        ({"status": 401}, "401"),
        ({"status": 500}, "internalServerError"),
        ({"text": "so", "cut": True}, "stream"),
    ],
)
async def test_a_failure_of_the_service_fails_the_turn(
    client: Client, session: dict[str, Any], step: dict[str, Any], words: str
) -> None:
    topic, turn = await wait_turn(client, await prompt(client, session, write_script(step)))
    assert (topic, turn["problem"]["code"]) == ("turn.failed", "AGENT_REFUSED")
    assert words in turn["problem"]["message"] or words in str(turn["problem"]["details"])
    again = await prompt(client, session, write_script({"text": "Now."}))
    assert (await wait_turn(client, again))[1]["summary"] == "Now."


async def test_a_service_that_is_not_there_is_told_of_and_the_turn_can_be_stopped(
    rig: Rig, codex: Path, client: Client, lane: dict[str, Any]
) -> None:
    with refuse_connections() as url:
        configure(rig, codex, url)
        session = await make_session(client, lane)
        turn_id = await prompt(client, session, "hello")
        notice = (await client.wait("item.started", lambda p: p["item"]["kind"] == "notice"))["item"]
        assert "tries again" in (await client.call("item.get", {"item_id": notice["item_id"]}))["item"]["text"]
        await client.call("turn.interrupt", {"turn_id": turn_id})
        assert (await wait_turn(client, turn_id))[0] == "turn.interrupted"


async def test_the_context_is_summed_up_on_request(client: Client, session: dict[str, Any], model: ModelServer) -> None:
    await wait_turn(client, await prompt(client, session, write_script({"text": "Much."})))
    turn = (await client.call("turn.create", {"action": "compact"}, session_id=session["session_id"]))["turn"]
    assert (await wait_turn(client, turn["turn_id"]))[0] == "turn.completed"
    assert [item["kind"] for item in await list_items(client, turn["turn_id"])] == ["compaction"]
    after = await prompt(client, session, write_script({"text": "Little."}))
    assert (await wait_turn(client, after))[1]["summary"] == "Little."
    assert len(model.requests) == 3


async def test_changes_are_reviewed_on_request(client: Client, session: dict[str, Any]) -> None:
    turn = (await client.call("turn.create", {"action": "review"}, session_id=session["session_id"]))["turn"]
    topic, ended = await wait_turn(client, turn["turn_id"])
    assert topic == "turn.completed"
    assert "Review the current code changes" in ended["summary"]
    kinds = [item["kind"] for item in await list_items(client, turn["turn_id"])]
    assert kinds == ["notice", "notice", "message"]
