"""Programs of the terminal as agents: prompts are typed, their output is the answer, and people can watch and type."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, make_clean_rig
from e2e.story import make_lane, make_session, prompt, wait_turn

FAKES = Path(__file__).parents[1] / "fakes" / "agents"
PROFILES = {
    "sh": ["/bin/sh", "-i"],
    "python": [sys.executable, "-i", "-q"],
    "screen": [sys.executable, "-P", str(FAKES / "draws_a_screen.py")],
    "once": ["/bin/sh", "-c", 'printf "%s\\n" "$1"; eval "$1"', "once", "{prompt}"],
    "ends": ["/bin/sh", "-c", "echo bye"],
}


@pytest.fixture
def rig() -> Iterator[Rig]:
    with make_clean_rig() as rig:
        tables = (
            f'[profiles.{name}]\ndriver = "terminal"\nargv = {json.dumps(argv)}\nenv = {{PS1 = "$ "}}\n'
            for name, argv in PROFILES.items()
        )
        rig.configure("".join(tables))
        rig.start()
        yield rig


@pytest.fixture
async def lane(rig: Rig, client: Client) -> dict[str, Any]:
    return await make_lane(client, rig)


async def run(client: Client, session: dict[str, Any], text: str) -> tuple[str, dict[str, Any]]:
    return await wait_turn(client, await prompt(client, session, text))


async def get(client: Client, session: dict[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = (await client.call("session.get", session_id=session["session_id"]))["session"]
    return state


async def test_a_shell_answers_and_keeps_what_it_knows(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, profile="sh")
    topic, turn = await run(client, session, "x=41; echo hi")
    assert (topic, turn["summary"], turn["stop_reason"]) == ("turn.completed", "hi\n", "end_turn")
    _, turn = await run(client, session, "echo $((x + 1))\npwd")
    worktree = lane["worktrees"][0]["path"]
    assert "42\n" in turn["summary"] and worktree in turn["summary"]
    page = await client.call("item.list", {"turn_id": turn["turn_id"]}, session_id=session["session_id"])
    assert [(item["kind"], item["status"]) for item in page["items"]] == [("message", "completed")]


async def test_python_takes_pastes_and_several_lines(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, profile="python")
    _, turn = await run(client, session, "print('a' * 3)")
    assert "aaa" in turn["summary"].splitlines()
    _, turn = await run(client, session, "6 * 7")
    assert "42" in turn["summary"].splitlines()


async def test_its_terminal_can_be_watched_and_typed_into(client: Client, lane: dict[str, Any], rig: Rig) -> None:
    session = await get(client, await make_session(client, lane, profile="sh"))
    terminal_id = session["terminal_id"]
    listed = (await client.call("terminal.list", lane_id=lane["lane_id"]))["terminals"]
    assert [(each["terminal_id"], each["session_id"], each["state"]) for each in listed] == [
        (terminal_id, session["session_id"], "active")
    ]
    await client.call("terminal.attach", {"offset": 0}, terminal_id=terminal_id)
    turn_id = await prompt(client, session, "read -r answer; echo you said $answer")
    # The terminal shows what was typed: the shell has it, and waits for the answer or is about to.
    await client.wait(
        "terminal.output",
        lambda _: "said $answer" in "".join(output["data"] for output in client.payloads("terminal.output")),
    )
    await client.call("terminal.input", {"data": "blue\r"}, terminal_id=terminal_id)
    topic, turn = await wait_turn(client, turn_id)
    assert topic == "turn.completed" and "you said blue\n" in turn["summary"]
    process = await client.call("process.read", {"process_id": session["process_id"]})
    assert "you said blue" in process["data"]


async def test_what_is_drawn_over_is_told_once(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, profile="screen")
    for number, text in ((1, "hello"), (2, "two\nlines")):
        topic, turn = await run(client, session, text)
        assert topic == "turn.completed"
        assert f"* answer {number} to {text!r}" in turn["summary"] and turn["summary"].count("working") <= 1


async def test_an_interrupt_is_a_key(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, profile="sh")
    turn_id = await prompt(client, session, "echo begun; sleep 1000")
    await client.wait("item.started")
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["stop_reason"]) == ("turn.interrupted", "cancelled") and "begun" in turn["summary"]
    _, turn = await run(client, session, "echo still here")
    assert turn["summary"] == "still here\n"


async def test_a_flood_is_cut_and_can_be_stopped(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, profile="sh")
    turn_id = await prompt(client, session, "yes flood")
    await client.wait("item.started")
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, turn = await wait_turn(client, turn_id)
    assert topic == "turn.interrupted" and len(turn["summary"]) <= 65_536
    _, turn = await run(client, session, "echo still here")
    assert "still here" in turn["summary"]


async def test_a_program_that_ends_ends_its_turn_and_the_next_prompt_says_so(
    client: Client, lane: dict[str, Any]
) -> None:
    session = await make_session(client, lane, profile="sh")
    topic, turn = await run(client, session, "echo last; exit 0")
    assert topic == "turn.completed" and "last\n" in turn["summary"]
    detached = (await client.wait("session.detached"))["session"]
    assert "problem" not in detached and not detached.get("resumable")
    await client.wait("terminal.closed")
    topic, turn = await run(client, session, "echo again")
    assert topic == "turn.completed" and "again\n" in turn["summary"]
    page = await client.call("item.list", {"turn_id": turn["turn_id"]}, session_id=session["session_id"])
    assert [item["kind"] for item in page["items"]] == ["notice", "message"]
    topic, turn = await run(client, session, "exit 3")
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "AGENT_EXITED")


async def test_a_program_that_ends_at_once_is_no_agent(client: Client, lane: dict[str, Any]) -> None:
    await client.call("session.create", {"profile": "ends"}, lane_id=lane["lane_id"])
    failed = (await client.wait("session.attach.failed"))["session"]
    assert failed["problem"]["code"] == "AGENT_EXITED"


async def test_a_program_that_runs_once_is_started_by_each_prompt(client: Client, lane: dict[str, Any]) -> None:
    session = await make_session(client, lane, profile="once")
    turns = [await prompt(client, session, text) for text in ("echo $((6 * 7)); sleep 0.5; tty", "exit 4", "echo $0")]
    topic, turn = await wait_turn(client, turns[0])
    assert topic == "turn.completed" and "42\n" in turn["summary"] and "/dev/" in turn["summary"]
    topic, turn = await wait_turn(client, turns[1])
    assert (topic, turn["problem"]["details"]["exit_code"]) == ("turn.failed", 4)
    topic, turn = await wait_turn(client, turns[2])
    assert topic == "turn.completed"
    processes = (await client.call("process.list", lane_id=lane["lane_id"]))["processes"]
    assert all(process["argv"][-1] == "{prompt}" for process in processes) and len(processes) == 3


async def test_a_turn_is_read_on_by_the_next_server(client: Client, lane: dict[str, Any], rig: Rig) -> None:
    session = await make_session(client, lane, profile="sh")
    flag = rig.folder / "go"
    turn_id = await prompt(client, session, f"echo one; while ! test -e {flag}; do sleep 0.02; done; echo two")
    await client.wait("item.started")
    rig.kill()
    flag.touch()
    rig.start()
    other = await rig.connect()
    await other.call("event.subscribe", {"after_seq": 0})
    topic, turn = await wait_turn(other, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "one\ntwo\n")
    _, turn = await run(other, session, "echo three")
    assert turn["summary"] == "three\n"
    await other.close()
