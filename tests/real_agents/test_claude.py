"""Claude Code's own binary in lanes of a real server, with a scripted model service behind it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig
from e2e.story import list_items, make_session, prompt, wait_turn
from fakes.models.messages import Messages
from fakes.models.script import write_script
from fakes.models.server import ModelServer
from real_agents.acp_agents import settle_claude

RUN: dict[str, Any] = {"name": "Bash", "args": {"command": "touch made; echo hi$IS_SANDBOX", "description": "Make"}}


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(Messages()) as server:
        yield server
        assert not server.unknown


@pytest.fixture(autouse=True)
def profile(rig: Rig, claude: Path, model: ModelServer) -> None:
    home = rig.folder / "home"
    env = settle_claude(home, model.url)
    written = ", ".join(f"{name} = {json.dumps(value)}" for name, value in env.items())
    rig.configure(
        f'[profiles.claude]\ndriver = "stream_json"\nargv = [{json.dumps(str(claude))}]\nenv = {{{written}}}\n'
        f'env_pass = ["PATH"]\n'
    )
    rig.env["IS_SANDBOX"] = "yes"


async def decide(client: Client, number: int = 1, **decision: Any) -> dict[str, Any]:
    """Decides the approval that is requested as the nth."""
    seen: list[str] = []

    def is_nth(payload: dict[str, Any]) -> bool:
        approval_id = payload["approval"]["approval_id"]
        if approval_id not in seen:
            seen.append(approval_id)
        return seen.index(approval_id) == number - 1

    approval: dict[str, Any] = (await client.wait("approval.requested", is_nth))["approval"]
    await client.call("approval.resolve", {"approval_id": approval["approval_id"], **decision})
    return approval


async def test_a_turn_with_thought_text_and_a_tool_that_was_allowed(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane)
    assert session["identity"]["name"] == "claude-code" and session["offer"]["compact"] is True
    assert {setting["kind"] for setting in session["offer"]["settings"]} == {"mode", "model", "effort"}
    steps = ({"thought": "Hm.", "text": "I look.", "tools": [RUN]}, {"text": "Done."})
    turn_id = await prompt(client, session, write_script(*steps))
    approval = await decide(client, kind="allow_once")
    assert approval["title"] == RUN["args"]["command"] and approval["preview"]["tool_kind"] == "execute"
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"], turn["stop_reason"]) == ("turn.completed", "Done.", "end_turn")
    assert turn["usage"]["input_tokens"] == 200 and turn["usage"]["cost"]["amount"] > 0
    assert turn["usage"]["context_size"] > turn["usage"]["context_used"] > 0
    items = await list_items(client, turn_id)
    assert [(item["kind"], item["status"]) for item in items] == [
        ("thought", "completed"),
        ("message", "completed"),
        ("tool_call", "completed"),
        ("message", "completed"),
    ]
    assert [item.get("text") for item in items] == ["Hm.", "I look.", "hi", "Done."]
    assert items[2]["tool"]["command"] == RUN["args"]["command"] and items[2]["tool"]["exit_code"] == 0
    assert (Path(lane["worktrees"][0]["path"]) / "made").exists()
    deltas = "".join(
        delta["data"] for delta in client.payloads("item.delta") if delta["item_id"] == items[1]["item_id"]
    )
    assert deltas in ("", "I look.")


async def test_what_was_denied_is_told_with_its_reason_and_a_new_file_is_a_change(
    client: Client, lane: dict[str, Any], model: ModelServer
) -> None:
    session = await make_session(client, lane)
    path = str(Path(lane["worktrees"][0]["path"]) / "a.txt")
    write = {"name": "Write", "args": {"file_path": path, "content": "hello\n"}}
    turn_id = await prompt(client, session, write_script({"tools": [write]}, {"tools": [write]}, {"text": "End."}))
    await decide(client, kind="reject_once", reason="Not in this folder")
    approval = await decide(client, 2, kind="allow_always")
    assert approval["preview"]["changes"] == [{"path": path, "new_text": "hello\n"}]
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.completed" and Path(path).read_text() == "hello\n"
    first, second, _ = await list_items(client, turn_id)
    assert (first["status"], first["text"], second["status"]) == ("failed", "Not in this folder", "completed")
    assert second["tool"]["tool_kind"] == "edit" and second["tool"]["locations"] == [{"path": path}]
    # What is allowed for the session is not asked again.
    other = {"name": "Write", "args": {"file_path": f"{path}.2", "content": "more\n"}}
    topic, _ = await wait_turn(
        client, await prompt(client, session, write_script({"tools": [other]}, {"text": "End."}))
    )
    assert topic == "turn.completed" and Path(f"{path}.2").exists()
    assert not (Path(lane["worktrees"][0]["path"]) / ".claude").exists()


async def test_a_plan_is_accepted(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, choice={"mode": "plan"})
    tool = {"name": "ExitPlanMode", "args": {"plan": "# Plan\n1. Look"}}
    turn_id = await prompt(client, session, write_script({"tools": [tool]}, {"text": "I do."}))
    approval = await decide(client, kind="allow_once")
    assert (approval["kind"], approval["preview"]["raw_input"]) == ("plan", {"plan": "# Plan\n1. Look"})
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.completed"


async def test_a_turn_is_interrupted_while_it_streams_and_while_it_waits(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, write_script({"text": "so far", "stall": "never"}))
    await client.wait("item.started", lambda payload: payload["item"]["kind"] == "message")
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["stop_reason"], turn["summary"]) == ("turn.interrupted", "cancelled", "so far")
    turn_id = await prompt(client, session, write_script({"tools": [RUN]}, {"text": "never"}))
    await client.wait("approval.requested")
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.interrupted"
    approval = (await client.wait("approval.resolved"))["approval"]
    assert approval["status"] == "canceled"
    topic, turn = await wait_turn(client, await prompt(client, session, write_script({"text": "still here"})))
    assert (topic, turn["summary"]) == ("turn.completed", "still here")


async def test_a_turn_that_is_interrupted_at_once_does_not_run(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, write_script({"text": "too late", "stall": "never"}))
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.interrupted"


async def wait_saved(rig: Rig, session: dict[str, Any]) -> None:
    """Claude writes a conversation down a moment after it began; killed before that, it knows nothing of it."""
    saved = f"projects/*/{session['agent_session_id']}.jsonl"
    for _ in range(3000):
        if any(path.stat().st_size for path in (rig.folder / "home" / ".claude").glob(saved)):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{saved} does not come")


async def test_a_killed_agent_is_resumed_with_its_conversation(client: Client, lane: dict[str, Any], rig: Rig) -> None:
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, write_script({"text": "so far", "stall": "never"}))
    await client.wait("item.started", lambda payload: payload["item"]["kind"] == "message")
    await wait_saved(rig, session)
    state = await client.call("session.get", session_id=session["session_id"])
    process = (await client.call("process.get", {"process_id": state["session"]["process_id"]}))["process"]
    os.kill(process["pid"], signal.SIGKILL)
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["problem"]["code"], turn["resumable"]) == ("turn.interrupted", "AGENT_EXITED", True)
    topic, _ = await wait_turn(client, await prompt(client, session, write_script({"text": "again"})))
    assert topic == "turn.completed"
    state = await client.call("session.get", session_id=session["session_id"])
    assert state["session"]["agent_session_id"] == session["agent_session_id"]
    process = (await client.call("process.get", {"process_id": state["session"]["process_id"]}))["process"]
    assert process["argv"][-2:] == ["--resume", session["agent_session_id"]]


async def test_a_killed_server_leaves_the_question_answerable(client: Client, lane: dict[str, Any], rig: Rig) -> None:
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, write_script({"text": "I look.", "tools": [RUN]}, {"text": "Done."}))
    await client.wait("approval.requested")
    rig.kill()
    rig.start()
    other = await rig.connect()
    await other.call("event.subscribe", {"after_seq": 0})
    approval = await decide(other, kind="allow_once")
    topic, turn = await wait_turn(other, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "Done.")
    items = await list_items(other, turn_id)
    assert [item.get("text") for item in items] == ["I look.", "hi", "Done."]
    assert approval["item_id"] == items[1]["item_id"]
    await other.close()


async def test_a_turn_runs_on_while_the_server_is_dead(
    client: Client, lane: dict[str, Any], rig: Rig, model: ModelServer
) -> None:
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, write_script({"text": "a long story", "stall": "half"}))
    await client.wait("item.started", lambda payload: payload["item"]["kind"] == "message")
    rig.kill()
    model.open("half")
    rig.start()
    other = await rig.connect()
    await other.call("event.subscribe", {"after_seq": 0})
    topic, turn = await wait_turn(other, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "a long story")
    assert [item["text"] for item in await list_items(other, turn_id)] == ["a long story"]
    await other.close()


@pytest.mark.parametrize(
    ("status", "words", "retryable"),
    [(401, "log in to the agent", None), (429, "prompt again later", True), (400, "the agent failed", None)],
)
async def test_what_the_service_refuses_is_a_clear_problem(
    client: Client, lane: dict[str, Any], status: int, words: str, retryable: bool | None
) -> None:
    session = await make_session(client, lane)
    topic, turn = await wait_turn(client, await prompt(client, session, write_script({"status": status, "text": "no"})))
    assert (topic, turn["problem"]["code"]) == ("turn.failed", "AGENT_REFUSED")
    assert words in turn["problem"]["message"] and turn["problem"].get("retryable") == retryable
    topic, _ = await wait_turn(client, await prompt(client, session, "go on"))
    assert topic in ("turn.completed", "turn.failed")


async def test_a_conversation_that_is_gone_is_not_begun_anew(client: Client, lane: dict[str, Any], rig: Rig) -> None:
    session = await make_session(client, lane)
    await wait_turn(client, await prompt(client, session, write_script({"text": "one"})))
    await client.call("session.detach", session_id=session["session_id"])
    await client.wait("session.detached")
    for transcript in (rig.folder / "home" / ".claude" / "projects").rglob("*.jsonl"):
        transcript.unlink()
    await client.call("session.attach", session_id=session["session_id"])
    failed = (await client.wait("session.attach.failed"))["session"]
    assert failed["problem"]["code"] == "RESUME_FAILED" and "nothing fresh was started" in failed["problem"]["message"]


async def test_compaction_is_an_item_and_a_sub_agent_speaks_below_its_call(
    client: Client, lane: dict[str, Any]
) -> None:
    session = await make_session(client, lane)
    task = {"name": "Task", "args": {"description": "Look", "prompt": "hello", "subagent_type": "general-purpose"}}
    turn_id = await prompt(client, session, write_script({"tools": [task]}, {"text": "Done."}))
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "Done.")
    items = await list_items(client, turn_id)
    assert [item["tool"]["title"] for item in items if item["kind"] == "tool_call"] == ["Task Look"]
    compact = await client.call("turn.create", {"action": "compact"}, session_id=session["session_id"])
    turn_id = compact["turn"]["turn_id"]
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.completed"
    kinds = [item["kind"] for item in await list_items(client, turn_id)]
    assert "compaction" in kinds


async def test_a_running_turn_is_steered(client: Client, lane: dict[str, Any], model: ModelServer) -> None:
    session = await make_session(client, lane)
    turn_id = await prompt(client, session, write_script({"text": "so far", "tools": [RUN]}, {"text": "Done."}))
    approval = (await client.wait("approval.requested"))["approval"]
    await client.call("turn.steer", {"turn_id": turn_id, "prompt": "and be quick"})
    await client.wait(
        "turn.updated", lambda payload: any("input_n" in each for each in payload["turn"].get("steers", ()))
    )
    await client.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "Done.")
    assert [steer["prompt"] for steer in turn["steers"]] == ["and be quick"]
    assert any("and be quick" in json.dumps(request.body["messages"]) for request in model.requests if request.body)
    topic, turn = await wait_turn(client, await prompt(client, session, write_script({"text": "Next."})))
    assert (topic, turn["summary"]) == ("turn.completed", "Next.")


async def test_a_conversation_goes_on_in_two_ways(client: Client, lane: dict[str, Any], model: ModelServer) -> None:
    session = await make_session(client, lane)
    await wait_turn(client, await prompt(client, session, "remember the word heron"))
    origin = {"kind": "fork", "session_id": session["session_id"]}
    fork = await make_session(client, lane, origin=origin)
    assert fork["agent_session_id"] != session["agent_session_id"]
    for each in (fork, session):
        topic, _ = await wait_turn(client, await prompt(client, each, "go on"))
        assert topic == "turn.completed"
        assert "heron" in json.dumps(model.requests[-1].body["messages"])


async def test_what_is_chosen_with_a_turn_is_used(client: Client, lane: dict[str, Any], model: ModelServer) -> None:
    session = await make_session(client, lane)
    await wait_turn(client, await prompt(client, session, "one"))
    before = model.requests[-1].body["model"]
    choice = {"model": "haiku"}
    topic, _ = await wait_turn(client, await prompt(client, session, "two", choice=choice))
    assert topic == "turn.completed" and "haiku" in model.requests[-1].body["model"] != before
    await client.call("session.detach", session_id=session["session_id"])
    await client.wait("session.detached")
    await wait_turn(client, await prompt(client, session, "three"))
    assert "haiku" in model.requests[-1].body["model"]


async def test_a_question_is_answered(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane)
    options = [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}]
    asked = {"question": "Which color?", "header": "Color", "options": options, "multiSelect": False}
    tool = {"name": "AskUserQuestion", "args": {"questions": [asked]}}
    turn_id = await prompt(client, session, write_script({"tools": [tool]}, {"text": "I see."}))
    approval = await decide(client, option_id="allow", answers=[{"question_id": "1", "values": ["Blue"]}])
    assert approval["kind"] == "question" and approval["title"] == "Which color?"
    (question,) = approval["questions"]
    assert [option["label"] for option in question["options"]] == ["Red", "Blue"] and question["free"] is True
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "I see.")
    assert '"Which color?"="Blue"' in (await list_items(client, turn_id))[0]["text"]


async def test_turns_are_taken_back_and_a_session_is_forked_at_a_turn(
    client: Client, lane: dict[str, Any], model: ModelServer
) -> None:
    async def say(session: dict[str, Any], answer: str) -> str:
        turn_id = await prompt(client, session, write_script({"text": answer}))
        topic, turn = await wait_turn(client, turn_id)
        assert (topic, turn["summary"]) == ("turn.completed", answer), turn
        return turn_id

    def heard() -> list[str]:
        """What the model was told that it had said."""
        said = json.dumps(model.wait_for_requests(1, "/messages")[-1].body["messages"])
        return [
            word for word in ("One apple.", "Two plums.", "Three pears.", "Four figs.") if f'"text": "{word}"' in said
        ]

    session = await make_session(client, lane)
    turns = [await say(session, answer) for answer in ("One apple.", "Two plums.", "Three pears.")]
    origin = {"kind": "fork", "session_id": session["session_id"], "turn_id": turns[1]}
    fork = await make_session(client, lane, origin=origin)
    await say(fork, "Four figs.")
    assert heard() == ["One apple.", "Two plums."]
    before = {payload["session"]["process_id"] for payload in client.payloads("session.attached")}
    await client.call("session.rewind", {"turn_id": turns[1]}, session_id=session["session_id"])
    await client.wait("session.attached", lambda p: p["session"]["process_id"] not in before)
    await say(session, "Four figs.")
    assert heard() == ["One apple."]
