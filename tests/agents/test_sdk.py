"""The driver and the demo agent against the independent ACP Python SDK, as agent and as client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from acp import RequestError, connect_to_agent, text_block
from acp.core import ClientSideConnection
from acp.schema import AllowedOutcome, DeniedOutcome, RequestPermissionResponse, ToolCallProgress, ToolCallStart

from agentlanes.kernel.ports.agents import Launch
from agentlanes.wire.models import SessionOrigin
from agents.acp_schema import check_conversation
from agents.conversation import DEMO, AgentProcess, fake
from agents.core_double import CoreDouble


@asynccontextmanager
async def run_sdk_agent(core: CoreDouble, *arguments: str, mode: str | None = None) -> AsyncIterator[AgentProcess]:
    launch = Launch(("x",), {}, (), "acp", mode=mode)
    agent = await AgentProcess.start(core, fake("built_on_sdk", *arguments), launch=launch)
    try:
        yield agent
    finally:
        await agent.close()


async def test_a_turn_with_an_agent_on_the_sdk() -> None:
    core = CoreDouble(cwd="/")
    async with run_sdk_agent(core, mode="read") as agent:
        await agent.run_turn("hello", decision="allow_once")
        await agent.run_turn("again", decision="reject_once")
    assert check_conversation(agent.sent, agent.frames) > 30
    assert [turn.status for turn in core.turns] == ["completed", "completed"]
    first = [item for item in core.items.values() if item.turn_id == core.turns[0].turn_id]
    assert [(item.kind, item.status, item.text) for item in first] == [
        ("plan", "completed", None),
        ("thought", "completed", "thinking"),
        ("message", "completed", "You said: hello"),
        ("tool_call", "completed", "allowed: True"),
        ("message", "completed", "Bye"),
    ]
    assert [item.status for item in core.items.values() if item.kind == "tool_call"] == ["completed", "failed"]
    assert core.turns[0].usage is not None
    assert (core.turns[0].usage.context_used, core.turns[0].usage.total_tokens) == (10, 3)
    assert b"session/set_mode" in agent.sent[2]


async def test_an_agent_on_the_sdk_is_cancelled_and_loaded_again() -> None:
    core = CoreDouble(cwd="/")
    async with run_sdk_agent(core) as agent:
        core.prompt("wait")
        agent.step()
        await agent.until(lambda: b"You said: wait" in core.grown.values())
        core.interrupt()
        agent.step()
        await agent.until(lambda: core.active is None)
    assert core.last_turn.status == "interrupted"
    again = CoreDouble(agent_session_id=core.session.agent_session_id, listed=True, cwd="/")
    async with run_sdk_agent(again) as agent:
        await agent.run_turn("hello")
    assert b"session/load" in agent.sent[1]
    assert not [item for item in again.items.values() if "past" in (item.text or "")]
    check_conversation(agent.sent, agent.frames)


async def test_an_agent_on_the_sdk_is_resumed_and_forked() -> None:
    resumed = CoreDouble(agent_session_id="sdk-1", listed=True, cwd="/")
    async with run_sdk_agent(resumed, "resumes") as agent:
        await agent.run_turn("hello")
    assert b"session/resume" in agent.sent[1] and resumed.last_turn.status == "completed"
    check_conversation(agent.sent, agent.frames)
    origin = SessionOrigin(kind="fork", agent_session_id="sdk-1")
    forked = CoreDouble(origin=origin, cwd="/")
    async with run_sdk_agent(forked) as agent:
        await agent.run_turn("hello")
    assert b"session/fork" in agent.sent[1] and forked.session.agent_session_id == "sdk-1-fork"
    assert forked.session.identity is not None and forked.session.identity.protocol == "acp/1"
    check_conversation(agent.sent, agent.frames)


async def test_an_agent_on_the_sdk_that_lost_its_session_says_so() -> None:
    core = CoreDouble(agent_session_id="theirs", listed=True, cwd="/")
    async with run_sdk_agent(core, "resumes") as agent:
        await agent.until(lambda: core.problem)
    assert core.problem is not None and core.problem.code == "RESUME_FAILED"


class SdkClient:
    """Keeps what it is told and answers every question with one option."""

    def __init__(self, option: str | None) -> None:
        self.option = option
        self.updates: list[Any] = []

    def on_connect(self, conn: Any) -> None:
        return

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append(update)

    async def request_permission(self, session_id: str, tool_call: Any, options: Any, **_: Any) -> Any:
        if self.option is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=self.option))


@asynccontextmanager
async def lead_demo_agent(client: SdkClient, state: Path) -> AsyncIterator[ClientSideConnection]:
    child = await asyncio.create_subprocess_exec(
        *DEMO,
        env={**os.environ, "AGENTLANES_DEMO_STATE": str(state), "AGENTLANES_DEMO_PACE_MS": "0"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    connection = connect_to_agent(client, child.stdin, child.stdout, use_unstable_protocol=True)  # type: ignore[arg-type]
    try:
        yield connection
    finally:
        await connection.close()
        assert child.stdin is not None
        child.stdin.close()
        assert await asyncio.wait_for(child.wait(), 10) == 0


@pytest.mark.parametrize(("option", "written"), [("allow", True), ("reject", False), (None, False)])
async def test_the_sdk_leads_the_demo_agent(tmp_path: Path, option: str | None, written: bool) -> None:
    client = SdkClient(option)
    work = tmp_path / "work"
    work.mkdir()
    async with lead_demo_agent(client, tmp_path / "state") as agent:
        introduction = await agent.initialize(protocol_version=1)
        assert introduction.agent_capabilities is not None and introduction.agent_capabilities.load_session
        session = await agent.new_session(cwd=str(work), mcp_servers=[])
        answer = await agent.prompt(session_id=session.session_id, prompt=[text_block("Add a note")])
        assert answer.stop_reason == "end_turn" and answer.usage is not None
        await agent.set_session_mode(session_id=session.session_id, mode_id="auto")
        with pytest.raises(RequestError, match="There is no mode"):
            await agent.set_session_mode(session_id=session.session_id, mode_id="yolo")
        with pytest.raises(RequestError, match="cwd is"):
            await agent.new_session(cwd="relative", mcp_servers=[])
    assert (work / "NOTES.md").exists() == written
    kinds = {type(update).__name__ for update in client.updates}
    assert {"AgentPlanUpdate", "AgentThoughtChunk", "AgentMessageChunk", "SessionInfoUpdate", "UsageUpdate"} <= kinds
    calls = [update for update in client.updates if isinstance(update, (ToolCallStart, ToolCallProgress))]
    assert calls[-1].status == ("completed" if written else "failed")

    later = SdkClient(None)
    async with lead_demo_agent(later, tmp_path / "state") as agent:
        await agent.initialize(protocol_version=1)
        await agent.load_session(cwd=str(work), session_id=session.session_id, mcp_servers=[])
        await agent.resume_session(cwd=str(work), session_id=session.session_id)
        with pytest.raises(RequestError, match="no stored session demo-99"):
            await agent.load_session(cwd=str(work), session_id="demo-99", mcp_servers=[])
        with pytest.raises(RequestError, match="no stored session"):
            await agent.load_session(cwd=str(work), session_id="../../etc/passwd", mcp_servers=[])
    assert [type(update).__name__ for update in later.updates][:2] == ["UserMessageChunk", "AgentMessageChunk"]


async def test_the_sdk_cancels_the_demo_agent(tmp_path: Path) -> None:
    client = SdkClient("allow")
    async with lead_demo_agent(client, tmp_path / "state") as agent:
        await agent.initialize(protocol_version=1)
        session = await agent.new_session(cwd=str(tmp_path), mcp_servers=[])
        text = 'SCRIPT:[{"say": "begun"}, {"run": ["sleep", "60"]}]ENDSCRIPT'
        prompt = asyncio.create_task(agent.prompt(session_id=session.session_id, prompt=[text_block(text)]))
        async with asyncio.timeout(10):
            while not any(isinstance(update, ToolCallStart) for update in client.updates):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        with pytest.raises(RequestError, match="A turn is running"):
            await agent.prompt(session_id=session.session_id, prompt=[text_block("me too")])
        await agent.cancel(session_id=session.session_id)
        assert (await prompt).stop_reason == "cancelled"
        with pytest.raises(RequestError, match="is not open here"):
            await agent.prompt(session_id="demo-7", prompt=[text_block("hello")])
