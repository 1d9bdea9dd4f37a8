"""The demo agent in its own process, led by the driver. Every message in both directions fits the SDK's models."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agentlanes.kernel.ports.agents import Launch
from agentlanes.wire.models import Item
from agents.acp_schema import check_conversation
from agents.conversation import AgentProcess
from agents.core_double import CoreDouble

SLEEP = ["sh", "-c", "echo $$ > pid; echo begun; exec sleep 60"]
Start = Callable[..., Awaitable[AgentProcess]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts demo agents in one directory, with one store of conversations."""
    agents: list[AgentProcess] = []
    work = tmp_path / "work"
    work.mkdir()

    async def start_one(core: CoreDouble | None = None, **options: Any) -> AgentProcess:
        core = core or CoreDouble(cwd=str(work))
        env = {"AGENTLANES_DEMO_STATE": str(tmp_path / "state"), **options.pop("env", {})}
        agent = await AgentProcess.start(core, env=env, **options)
        agents.append(agent)
        return agent

    yield start_one
    for agent in agents:
        await agent.close()


def script(*steps: Any) -> str:
    return f"SCRIPT:{json.dumps(steps)}ENDSCRIPT"


def shapes(core: CoreDouble) -> list[tuple[str, str]]:
    return [(item.kind, item.status) for item in core.items.values()]


def tools(core: CoreDouble) -> list[Item]:
    return [item for item in core.items.values() if item.kind == "tool_call"]


async def test_a_plain_prompt_is_a_whole_story(start: Start) -> None:
    agent = await start()
    core = agent.core
    await agent.run_turn("Add a CONTRIBUTING note")
    turn = core.last_turn
    assert (turn.status, turn.stop_reason, turn.summary) == (
        "completed",
        "end_turn",
        "Done: I created CONTRIBUTING.md and left the rest of the work tree alone.",
    )
    assert turn.usage is not None and turn.usage.context_size == 200_000 and turn.usage.output_tokens
    assert shapes(core) == [
        ("plan", "completed"),
        ("thought", "completed"),
        ("message", "completed"),
        ("tool_call", "completed"),
        ("thought", "completed"),
        ("tool_call", "completed"),
        ("message", "completed"),
    ]
    plan, run, write = next(iter(core.items.values())), *tools(core)
    assert {entry.status for entry in plan.plan} == {"completed"}
    assert run.text == "" or run.text is None or run.text.endswith("\n")
    assert write.tool is not None and write.tool.tool_kind == "edit"
    (change,) = write.tool.changes
    path = Path(core.cwd, "CONTRIBUTING.md")
    assert (change.path, change.old_text, change.new_text) == (str(path), None, path.read_text())
    (approval,) = core.approvals.values()
    assert (approval.status, approval.item_id, approval.title) == ("approved", write.item_id, "Write CONTRIBUTING.md")
    assert [option.kind for option in approval.options] == [
        "allow_once",
        "allow_always",
        "reject_once",
        "reject_always",
    ]
    assert core.session.title == "Add a CONTRIBUTING note"
    assert "Waits for a decision: Write CONTRIBUTING.md" in core.activities and core.activities[-1] == ""
    await agent.close()
    assert check_conversation(agent.sent, agent.frames) > 50


async def test_the_same_prompt_is_the_same_turn(start: Start, tmp_path: Path) -> None:
    """Text is streamed word by word, and says the same each time."""
    texts = []
    for number in range(2):
        work = tmp_path / f"work{number}"
        work.mkdir()
        agent = await start(CoreDouble(cwd=str(work)))
        await agent.run_turn("Add a note")
        texts.append([item.text for item in agent.core.items.values()])
        assert len([frame for frame in agent.frames if b"agent_message_chunk" in frame]) > 10
    assert texts[0] == texts[1]


async def test_a_repository_is_looked_at_with_git(start: Start) -> None:
    agent = await start()
    await (await asyncio.create_subprocess_exec("git", "init", "-q", agent.core.cwd)).wait()
    Path(agent.core.cwd, "new.txt").write_text("new\n")
    await agent.run_turn("Look around")
    run = tools(agent.core)[0]
    assert run.tool is not None and run.tool.title == "git status --short --branch"
    assert run.text is not None and "?? new.txt" in run.text and run.tool.raw_output == {"exit_code": 0}


@pytest.mark.parametrize(
    ("prompt", "target"),
    [
        ("Please write docs/plan.md for us", "docs/plan.md"),
        ("Add a TODO", "TODO.md"),
        ("Fix the API and the CLI", "NOTES.md"),
        ("read ../../etc/passwd.txt", "NOTES.md"),
    ],
)
async def test_the_prompt_chooses_the_file(start: Start, prompt: str, target: str) -> None:
    agent = await start()
    await agent.run_turn(prompt)
    text = Path(agent.core.cwd, target).read_text()
    assert text.endswith(f"\n\n- {prompt}\n")
    await agent.run_turn("once more for " + target)
    assert Path(agent.core.cwd, target).read_text() == f"{text}- once more for {target}\n"


async def test_a_rejected_edit_changes_nothing(start: Start) -> None:
    agent = await start()
    await agent.run_turn("Add a note", decision="reject_once")
    assert not Path(agent.core.cwd, "NOTES.md").exists()
    assert agent.core.last_turn.stop_reason == "end_turn"
    assert "Nothing was changed" in (agent.core.last_turn.summary or "")
    assert tools(agent.core)[1].status == "failed"
    assert next(iter(agent.core.approvals.values())).status == "denied"


@pytest.mark.parametrize(("decision", "written"), [("allow_always", True), ("reject_always", False)])
async def test_a_standing_decision_is_asked_once(start: Start, decision: str, written: bool) -> None:
    agent = await start()
    for _ in range(2):
        await agent.run_turn("Add a note", decision=decision)
    assert len(agent.core.approvals) == 1
    assert Path(agent.core.cwd, "NOTES.md").exists() == written


async def test_a_conversation_goes_on_in_a_new_process(start: Start) -> None:
    agent = await start()
    await agent.run_turn("Add a note")
    await agent.close()
    old = agent.core.session
    core = CoreDouble(agent_session_id=old.agent_session_id, listed=True, cwd=agent.core.cwd)
    again = await start(core)
    await again.run_turn("Add another note")
    assert "session/resume" in again.sent[1].decode()
    assert core.session.agent_session_id == old.agent_session_id and core.session.resumable
    assert "This is turn 2 of our conversation." in next(
        i.text or "" for i in core.items.values() if i.kind == "message"
    )


async def test_an_unknown_conversation_is_not_replaced_by_a_fresh_one(start: Start) -> None:
    agent = await start(CoreDouble(agent_session_id="demo-77", listed=True, cwd="/"))
    await agent.until(lambda: agent.core.problem)
    assert agent.core.problem is not None and agent.core.problem.code == "RESUME_FAILED"
    assert "There is no stored session demo-77" in agent.core.problem.message
    assert not [line for line in agent.sent if b"session/new" in line]


async def test_an_interrupt_kills_the_command_and_keeps_what_it_printed(start: Start) -> None:
    agent = await start()
    core = agent.core
    core.prompt(script({"say": "working"}, {"run": SLEEP}))
    agent.step()
    await agent.until(lambda: b"begun\n" in core.grown.values())
    core.interrupt()
    agent.step()
    await agent.until(lambda: core.active is None)
    assert (core.last_turn.status, core.last_turn.stop_reason) == ("interrupted", "cancelled")
    assert all(item.status in ("completed", "failed", "canceled") for item in core.items.values())
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path(core.cwd, "pid").read_text()), 0)
    await agent.run_turn(script({"say": "still here"}))
    assert core.last_turn.summary == "still here"


async def test_an_interrupt_answers_what_is_asked(start: Start) -> None:
    agent = await start()
    core = agent.core
    core.prompt(script({"ask": {"title": "May I?"}}))
    agent.step()
    await agent.until(core.pending)
    waiting = core.last_turn
    core.interrupt()
    agent.step()
    await agent.until(lambda: core.active is None)
    assert (waiting.status, core.last_turn.status) == ("waiting", "interrupted")
    (approval,) = core.approvals.values()
    assert approval.status == "canceled"
    cancel, answer = (json.loads(line) for line in agent.sent[-2:])
    assert cancel["method"] == "session/cancel"
    assert answer["result"] == {"outcome": {"outcome": "cancelled"}}


async def test_everything_that_a_script_can_do(start: Start) -> None:
    agent = await start()
    core = agent.core
    steps = [
        {"title": "A scripted session"},
        {"pace": 0},
        {"plan": ["one", "two"]},
        {"advance": True},
        {"think": "hm"},
        {"run": ["sh", "-c", "for i in $(seq 200); do echo line $i; done; exit 3"]},
        {"run": ["no-such-program"]},
        {"write": {"path": "a/b.txt", "text": "hello\n", "ask": False}},
        {"write": {"path": "../outside.txt", "text": "no", "ask": False}},
        {"ask": {"title": "Sure?", "announce": False, "reject": "cancelled"}},
        {"usage": {"used": 5, "size": 10}},
        {"mode": "auto"},
        {"sleep": 0.001},
        {"stderr": 100_000},
        {"repeat": {"n": 2, "steps": [{"say": "again "}]}},
        {"request": {"method": "fs/read_text_file", "params": {"path": "/etc/passwd"}}},
        {"flood": {"n": 1000, "text": "y"}},
        {"late": [{"update": {"sessionUpdate": "tool_call", "toolCallId": "late", "status": "in_progress"}}]},
        {"stop": "max_tokens"},
    ]
    await agent.run_turn(script(*steps))
    await agent.until(lambda: any(item.tool and item.tool.tool_call_id == "late" for item in tools(core)))
    assert core.session.title == "A scripted session"
    assert (core.last_turn.status, core.last_turn.stop_reason) == ("completed", "max_tokens")
    run, missing, write, outside, asked, late = tools(core)
    assert run.status == "failed" and run.text == "".join(f"line {n}\n" for n in range(1, 201))
    assert missing.text == "no-such-program: No such file or directory"
    assert Path(core.cwd, "a/b.txt").read_text() == "hello\n" and write.status == "completed"
    assert outside.status == "failed" and "outside of the session's directory" in (outside.text or "")
    assert asked.tool is not None and asked.tool.title == "Sure?"
    assert late.turn_id == core.last_turn.turn_id and late.status == "completed"
    said = "".join(item.text or "" for item in core.items.values() if item.kind == "message")
    assert "decision: allow_once" in said and "again again" in said and '"code": -32601' in said
    assert said.count("y") >= 1000
    assert len(agent.stderr) >= 100_000


async def test_a_script_fails_and_crashes_as_told(start: Start) -> None:
    agent = await start()
    await agent.run_turn(script({"fail": {"code": -32099, "message": "No quota", "data": {"details": "come back"}}}))
    problem = agent.core.last_turn.problem
    assert agent.core.last_turn.status == "failed" and problem is not None
    assert (problem.code, problem.message) == (
        "AGENT_REFUSED",
        "the agent answered session/prompt with an error: No quota: come back",
    )
    agent.core.prompt(script({"say": "so far"}, {"crash": {"exit": 3}}))
    agent.step()
    assert await asyncio.wait_for(agent.child.wait(), 10) == 3
    await agent.until(lambda: b"so far" in agent.core.grown.values())


async def test_a_script_with_a_mistake_is_refused(start: Start) -> None:
    agent = await start()
    await agent.run_turn(script({"sing": "la"}))
    problem = agent.core.last_turn.problem
    assert (
        problem is not None
        and "SCRIPT step 0 is {'sing': 'la'}; a step has one key of: advance, ask" in problem.message
    )


async def test_the_client_may_leave_in_mid_turn(start: Start) -> None:
    agent = await start()
    agent.core.prompt(script({"run": SLEEP}))
    agent.step()
    await agent.until(lambda: b"begun\n" in agent.core.grown.values())
    assert await agent.close() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path(agent.core.cwd, "pid").read_text()), 0)


async def test_the_profile_sets_the_mode(start: Start) -> None:
    agent = await start(launch=Launch(("demo",), {}, (), "acp", mode="auto"))
    await agent.run_turn("Add a note")
    assert not agent.core.approvals and Path(agent.core.cwd, "NOTES.md").exists()
    assert [json.loads(line)["method"] for line in agent.sent[:3]] == ["initialize", "session/new", "session/set_mode"]
    wrong = await start(launch=Launch(("demo",), {}, (), "acp", mode="yolo"))
    await wrong.until(lambda: wrong.core.problem)
    assert wrong.core.problem is not None
    assert "it offers ask, auto, plan; name one of them as mode of the profile" in wrong.core.problem.message
    assert wrong.core.session.status == "attaching"
