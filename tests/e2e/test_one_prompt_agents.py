"""Agents that take one prompt for each process, as scripted command lines that speak as Amp, Cursor and Droid do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, make_clean_rig
from e2e.story import make_lane, make_session, prompt, wait_turn

FAKE = Path(__file__).parents[1] / "fakes" / "agents" / "takes_one_prompt.py"
PROGRAMS = {"amp": "amp", "cursor": "cursor-agent", "droid": "droid"}
ALL = pytest.mark.parametrize("name", PROGRAMS)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with make_clean_rig() as rig:
        profiles = ""
        for name, program in PROGRAMS.items():
            path = rig.folder / program
            path.write_text(f'#!/bin/sh\nexec {sys.executable} -P {FAKE} {name} "$@"\n')
            path.chmod(0o755)
            profiles += f'[profiles.{name}]\ndriver = "stream_json"\nargv = ["{path}"]\n'
        rig.configure(f'{profiles}[profiles.gone]\ndriver = "stream_json"\nargv = ["/nonexistent/droid"]\n')
        rig.start()
        yield rig


def steps(*given: dict[str, Any]) -> str:
    return json.dumps(given)


async def list_items(client: Client, turn: dict[str, Any]) -> list[dict[str, Any]]:
    page = await client.call("item.list", {"turn_id": turn["turn_id"]}, session_id=turn["session_id"])
    items: list[dict[str, Any]] = page["items"]
    return items


async def wait_exit(client: Client, process_id: str) -> dict[str, Any]:
    payload = await client.wait("process.exited", lambda payload: payload["process"]["process_id"] == process_id)
    process: dict[str, Any] = payload["process"]
    return process


@ALL
async def test_a_turn_is_a_process_and_the_next_one_goes_on(client: Client, rig: Rig, name: str) -> None:
    session = await make_session(client, await make_lane(client, rig), profile=name)
    assert not (await client.call("process.list", lane_id=session["lane_id"]))["processes"]
    todo = {"content": "Look", "status": "in_progress"}
    text = steps({"think": "Hm."}, {"say": "I look."}, {"run": "echo hi; true"}, {"todo": [todo]}, {"say": "Done."})
    topic, turn = await wait_turn(client, await prompt(client, session, text))
    assert (topic, turn["summary"], turn["stop_reason"]) == ("turn.completed", "Done.", "end_turn")
    items = await list_items(client, turn)
    told = [(item["kind"], (item.get("text") or "").strip()) for item in items if item["kind"] != "plan"]
    assert told[:3] == [("thought", "Hm."), ("message", "I look."), ("tool_call", "hi")]
    assert items[2]["tool"]["command"] == "echo hi; true" and items[2]["tool"]["tool_kind"] == "execute"
    (plan,) = [item["plan"] for item in items if item["kind"] == "plan"]
    assert plan == [{"content": "Look", "status": "in_progress"}]
    detached = (await client.wait("session.detached"))["session"]
    assert "problem" not in detached and detached["resumable"] and detached["agent_session_id"]
    topic, turn = await wait_turn(client, await prompt(client, session, "and now?"))
    assert (topic, turn["summary"]) == ("turn.completed", "2: and now?")
    for process in (await client.call("process.list", lane_id=session["lane_id"]))["processes"]:
        ended = await wait_exit(client, process["process_id"])
        assert (ended["status"], ended["exit_code"]) == ("completed", 0)


@ALL
async def test_prompts_that_wait_are_run_one_after_another(client: Client, rig: Rig, name: str) -> None:
    session = await make_session(client, await make_lane(client, rig), profile=name)
    turns = [await prompt(client, session, text) for text in ("one", "two", "- three")]
    ends = [await wait_turn(client, turn_id) for turn_id in turns]
    assert [turn["summary"].replace("  ", " ") for _, turn in ends] == ["1: one", "2: two", "3: - three"]


@ALL
async def test_an_interrupt_ends_the_process_and_nothing_else(client: Client, rig: Rig, name: str) -> None:
    session = await make_session(client, await make_lane(client, rig), profile=name)
    turn_id = await prompt(client, session, steps({"say": "so far"}, {"hang": 1000}))
    waiting = await prompt(client, session, "after it")
    await client.wait("item.started")
    await client.call("turn.interrupt", {"turn_id": turn_id})
    topic, turn = await wait_turn(client, turn_id)
    assert (topic, turn["stop_reason"], turn["summary"]) == ("turn.interrupted", "cancelled", "so far")
    assert "problem" not in turn
    topic, turn = await wait_turn(client, waiting)
    assert (topic, turn["summary"]) == ("turn.completed", "2: after it")


@ALL
async def test_a_turn_goes_on_without_its_server(client: Client, rig: Rig, name: str) -> None:
    session = await make_session(client, await make_lane(client, rig), profile=name)
    flag = rig.folder / "go"
    text = steps({"say": "so far"}, {"run": f"while ! test -e {flag}; do sleep 0.02; done"}, {"say": "Done."})
    turn_id = await prompt(client, session, text)
    await client.wait("item.started", lambda payload: payload["item"]["kind"] == "tool_call")
    rig.kill()
    flag.touch()
    rig.start()
    other = await rig.connect()
    await other.call("event.subscribe", {"after_seq": 0})
    topic, turn = await wait_turn(other, turn_id)
    assert (topic, turn["summary"]) == ("turn.completed", "Done.")
    assert [item["kind"] for item in await list_items(other, turn)] == ["message", "tool_call", "message"]
    topic, turn = await wait_turn(other, await prompt(other, session, "and now?"))
    assert turn["summary"] == "2: and now?"
    await other.close()


@ALL
async def test_what_an_agent_says_when_it_fails_is_kept(client: Client, rig: Rig, name: str) -> None:
    session = await make_session(client, await make_lane(client, rig), profile=name)
    topic, turn = await wait_turn(client, await prompt(client, session, steps({"say": "I"}, {"fail": "please log in"})))
    assert "log in" in json.dumps(turn["problem"])
    assert (topic, turn["problem"]["code"]) in (("turn.failed", "AGENT_REFUSED"), ("turn.interrupted", "AGENT_EXITED"))
    topic, turn = await wait_turn(client, await prompt(client, session, steps({"say": "I"}, {"exit": 3})))
    assert (topic, turn["problem"]["code"]) == ("turn.interrupted", "AGENT_EXITED")
    assert turn["problem"]["details"]["exit_code"] == 3 and "it went wrong" in turn["problem"]["details"]["stderr"]
    topic, turn = await wait_turn(client, await prompt(client, session, "again"))
    assert (topic, turn["summary"]) == ("turn.completed", "3: again")


async def test_what_is_not_understood_is_shown(client: Client, rig: Rig) -> None:
    session = await make_session(client, await make_lane(client, rig), profile="droid")
    lines = ("no json", "[1]", '{"no": "type"}', '{"type": "novelty", "x": 1}', '{"type": "tool_call"}', '{"type": 7}')
    deep = '{"type": "message", "role": "assistant", "text": ' + "[" * 200 + "]" * 200 + "}"
    text = steps(*({"print": line} for line in (*lines, deep)), {"say": "Done."})
    topic, turn = await wait_turn(client, await prompt(client, session, text))
    assert (topic, turn["summary"]) == ("turn.completed", "Done.")
    notices = "\n".join(item["text"] for item in await list_items(client, turn) if item["kind"] == "notice")
    for word in ("no json", "novelty", "a message without a type", "nests deeper"):
        assert word in notices


async def test_a_program_that_is_missing_fails_its_turn_and_leaves_the_queue(client: Client, rig: Rig) -> None:
    session = await make_session(client, await make_lane(client, rig), profile="gone")
    first = await prompt(client, session, "one")
    topic, turn = await wait_turn(client, first)
    assert (topic, turn["problem"]["code"]) == ("turn.failed", "AGENT_START_FAILED")
    state = (await client.call("session.get", session_id=session["session_id"]))["session"]
    assert (state["status"], state["problem"]["code"]) == ("detached", "AGENT_START_FAILED")


async def test_a_prompt_that_no_argument_can_hold_is_refused(client: Client, rig: Rig) -> None:
    session = await make_session(client, await make_lane(client, rig), profile="cursor")
    topic, turn = await wait_turn(client, await prompt(client, session, "x" * 200_000))
    assert topic == "turn.failed" and "put the rest into a file" in turn["problem"]["message"]
    topic, turn = await wait_turn(client, await prompt(client, session, "short"))
    assert (topic, turn["summary"]) == ("turn.completed", "1: short")
    other = await make_session(client, {"lane_id": session["lane_id"]}, profile="amp")
    topic, turn = await wait_turn(client, await prompt(client, other, "y" * 200_000))
    assert topic == "turn.completed"


async def test_a_lane_that_is_removed_detaches_a_session_that_waits(client: Client, rig: Rig) -> None:
    session = await make_session(client, await make_lane(client, rig), profile="amp")
    await client.call("lane.cleanup", {"force": True}, lane_id=session["lane_id"])
    await client.wait("session.detached")
    await client.wait("lane.cleaned")


async def test_a_session_that_waits_is_detached_and_terminated(client: Client, rig: Rig) -> None:
    session = await make_session(client, await make_lane(client, rig), profile="amp")
    await client.call("session.detach", session_id=session["session_id"])
    await client.wait("session.detached")
    turn_id = await prompt(client, session, steps({"hang": 1000}))
    await client.wait("process.started")
    await client.call("session.terminate", session_id=session["session_id"])
    await client.wait("session.terminated")
    topic, _ = await wait_turn(client, turn_id)
    assert topic == "turn.interrupted"
    assert not rig.find_marked(session["lane_id"])
