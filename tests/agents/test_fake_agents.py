"""Agents that do what no good agent does, in their own processes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from agentlanes.wire.models import Problem
from agents.conversation import FAKES, AgentProcess, fake
from agents.core_double import CoreDouble

Start = Callable[..., Awaitable[AgentProcess]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts scripted agents by name."""
    agents: list[AgentProcess] = []

    async def start_one(name: str, *arguments: str, core: CoreDouble | None = None) -> AgentProcess:
        core = core or CoreDouble(cwd=str(tmp_path))
        agent = await AgentProcess.start(core, fake(name, *arguments))
        agents.append(agent)
        return agent

    yield start_one
    for agent in agents:
        await agent.close()


async def get_problem(agent: AgentProcess) -> Problem:
    await agent.until(lambda: agent.core.problem)
    assert agent.core.problem is not None
    return agent.core.problem


def test_every_fake_says_what_it_does() -> None:
    for path in FAKES.glob("*.py"):
        first, second = path.read_text().splitlines()[:2]
        assert first.startswith('"""') and first.endswith(('"""', ".")) and second == "", path


@pytest.mark.parametrize("code", [0, 3])
async def test_an_agent_that_exits_leaves_its_last_words(start: Start, code: int) -> None:
    agent = await start("exits_at_once", str(code))
    assert await agent.close() == code
    assert agent.core.session.activity == ("The agent says: this agent is no longer maintained; install its successor")
    assert agent.core.session.status == "attaching" and agent.core.problem is None
    assert b"no configuration" in agent.stderr


async def test_a_program_that_is_no_agent_is_given_up(start: Start) -> None:
    agent = await start("prints_no_protocol")
    await agent.until(lambda: agent.core.fatal)
    fatal = agent.core.fatal
    assert fatal is not None and fatal.code == "AGENT_PROTOCOL_ERROR"
    assert fatal.details == {"last_line": "2026-01-01 INFO listening on http://localhost:3000"}
    agent.child.kill()


async def test_a_silent_agent_is_asked_once(start: Start) -> None:
    agent = await start("never_answers")
    agent.step()
    assert await agent.close() == 0
    assert [b'"initialize"' in line for line in agent.sent] == [True]


async def test_an_agent_with_loud_errors_comes_through(start: Start) -> None:
    agent = await start("floods_stderr")
    await agent.run_turn("go")
    assert agent.core.last_turn.status == "completed"
    assert len(agent.stderr) > 3_000_000


async def test_a_line_without_an_end_is_nothing_to_the_driver(start: Start) -> None:
    """The loop that cuts lines has the cap; the driver sees whole lines only."""
    agent = await start("overlong_line", str(3 << 20))
    assert await agent.close() == 0
    assert not agent.frames and agent.core.session.status == "attaching"


async def test_another_version_is_refused(start: Start) -> None:
    problem = await get_problem(await start("speaks_another_version"))
    assert problem.code == "AGENT_PROTOCOL_ERROR" and "protocol version 3" in problem.message


async def test_a_login_is_asked_of_the_user(start: Start) -> None:
    problem = await get_problem(await start("wants_login"))
    assert problem.code == "AGENT_REFUSED" and "(Log in with a browser)" in problem.message


async def test_a_forgotten_session_is_no_fresh_one(start: Start) -> None:
    core = CoreDouble(agent_session_id="forgettable", listed=True, cwd="/")
    agent = await start("forgets_sessions", core=core)
    assert (await get_problem(agent)).code == "RESUME_FAILED"
    assert not [line for line in agent.sent if b"session/new" in line]


async def test_a_deaf_agent_is_told_once(start: Start) -> None:
    agent = await start("ignores_cancel")
    core = agent.core
    core.prompt("go")
    agent.step()
    await agent.until(lambda: b"session/prompt, yes; " in core.grown.values())
    core.interrupt()
    agent.step()
    await agent.until(lambda: b"session/prompt, yes; session/cancel, yes; " in core.grown.values())
    agent.step()
    assert [b"session/cancel" in line for line in agent.sent].count(True) == 1
    assert core.active is not None and core.active.interrupt is not None
    os.kill(agent.child.pid, 9)


async def test_an_agent_without_order_is_put_in_order(start: Start) -> None:
    agent = await start("answers_out_of_order")
    core = agent.core
    await agent.run_turn("go")
    await agent.until(lambda: any("4711" in (item.text or "") for item in core.items.values()))
    assert core.session.agent_session_id == "mixed"
    assert (core.last_turn.status, core.last_turn.summary) == ("completed", "first; third")
    assert [item.text for item in core.items.values() if item.kind == "message"] == ["first; third", "late"]
    notices = "\n".join(item.text or "" for item in core.items.values() if item.kind == "notice")
    assert "Refused: updates of another session" in notices and "an answer to no open request" in notices
    assert "second" not in notices and "too early" not in notices
    await agent.run_turn("again")
    assert core.last_turn.summary == "first; third"


@pytest.mark.parametrize(("decision", "status"), [("allow_once", "completed"), ("reject_once", "failed")])
async def test_the_second_version_with_all_that_may_go_wrong(start: Start, decision: str, status: str) -> None:
    agent = await start("second_version")
    core = agent.core
    await agent.run_turn("go", decision)
    assert core.session.identity is not None and core.session.identity.protocol == "acp/2"
    turn = core.last_turn
    assert (turn.status, turn.stop_reason, turn.summary) == ("completed", "end_turn", "Bye")
    assert turn.agent_turn_id == "user-3" and turn.usage is not None and turn.usage.total_tokens == 3
    items = sorted(core.items.values(), key=lambda item: item.position)
    shown = [(item.kind, item.status, item.text) for item in items if item.kind != "notice"]
    assert shown == [
        ("message", "completed", "Hello"),
        ("tool_call", status, "café\n"),
        ("message", "completed", "Bye"),
    ]
    tool = items[[item.kind for item in items].index("tool_call")].tool
    assert tool is not None and (tool.command, tool.exit_code) == ("make", 0 if status == "completed" else 1)
    notices = "\n".join(item.text or "" for item in items if item.kind == "notice")
    assert "Refused: updates of another session" in notices and "_vendor/thing" in notices and "not JSON" in notices
    assert "SPOOFED" not in notices and len(notices) < 100_000
    assert len(agent.stderr) > 300_000


async def test_the_second_version_is_cancelled_while_it_asks(start: Start) -> None:
    agent = await start("second_version")
    core = agent.core
    core.prompt("go")
    agent.step()
    await agent.until(core.pending)
    core.interrupt()
    agent.step()
    await agent.until(lambda: core.active is None)
    assert (core.last_turn.status, core.last_turn.stop_reason) == ("interrupted", "cancelled")
    assert [approval.status for approval in core.approvals.values()] == ["canceled"]
    await agent.run_turn("again", "allow_once")
    assert core.last_turn.status == "completed"
