"""A well-behaved agent on the independent ACP Python SDK: it plans, thinks, asks, edits, forks and can be cancelled.

`built_on_sdk.py resumes` makes it resume sessions instead of loading them.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from acp import (
    InitializeResponse,
    LoadSessionResponse,
    NewSessionResponse,
    PromptResponse,
    RequestError,
    SetSessionModeResponse,
    run_agent,
    start_tool_call,
    text_block,
    tool_content,
    tool_diff_content,
    update_agent_message_text,
    update_agent_thought_text,
    update_plan,
    update_tool_call,
    update_user_message_text,
)
from acp.interfaces import Client
from acp.schema import (
    AgentCapabilities,
    ForkSessionResponse,
    PermissionOption,
    PlanEntry,
    ResumeSessionResponse,
    SessionCapabilities,
    SessionForkCapabilities,
    SessionMode,
    SessionModeState,
    SessionResumeCapabilities,
    ToolCallUpdate,
    Usage,
    UsageUpdate,
)

RESUMES = "resumes" in sys.argv
MODES = SessionModeState(current_mode_id="edit", available_modes=[SessionMode(id="edit", name="Edit")])
OPTIONS = [
    PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    PermissionOption(option_id="no", name="No", kind="reject_once"),
]


class SdkAgent:
    """One session at a time is enough for a peer."""

    def __init__(self) -> None:
        self._cancelled = asyncio.Event()

    def on_connect(self, conn: Client) -> None:
        self._client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        session = SessionCapabilities(fork=SessionForkCapabilities())
        if RESUMES:
            session.resume = SessionResumeCapabilities()
        capabilities = AgentCapabilities(load_session=not RESUMES, session_capabilities=session)
        return InitializeResponse(protocol_version=protocol_version, agent_capabilities=capabilities)

    async def new_session(self, cwd: str, **_: Any) -> NewSessionResponse:
        return NewSessionResponse(session_id="sdk-1", modes=MODES)

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> LoadSessionResponse | None:
        if session_id != "sdk-1":
            raise RequestError.resource_not_found(session_id)
        await self._client.session_update(session_id, update_user_message_text("from the past"))
        await self._client.session_update(session_id, update_agent_message_text("from the past"))
        return LoadSessionResponse(modes=MODES)

    async def resume_session(self, cwd: str, session_id: str, **_: Any) -> ResumeSessionResponse:
        if not session_id.startswith("sdk-"):
            raise RequestError.resource_not_found(session_id)
        return ResumeSessionResponse(modes=MODES)

    async def fork_session(self, cwd: str, session_id: str, **_: Any) -> ForkSessionResponse:
        return ForkSessionResponse(session_id=f"{session_id}-fork", modes=MODES)

    async def set_session_mode(self, session_id: str, mode_id: str, **_: Any) -> SetSessionModeResponse:
        return SetSessionModeResponse()

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> PromptResponse:
        self._cancelled.clear()
        send = self._client.session_update
        text = "".join(getattr(block, "text", "") for block in prompt)
        await send(session_id, update_plan([PlanEntry(content="Edit", priority="high", status="in_progress")]))
        await send(session_id, update_agent_thought_text("thinking"))
        for part in ("You ", "said: ", text):
            await send(session_id, update_agent_message_text(part))
        if "wait" in text:
            await self._cancelled.wait()
            return PromptResponse(stop_reason="cancelled")
        diff = tool_diff_content("/f", "new", "old")
        await send(session_id, start_tool_call("call-1", "Edit /f", kind="edit", status="pending", content=[diff]))
        answer = await self._client.request_permission(session_id, ToolCallUpdate(tool_call_id="call-1"), OPTIONS)
        allowed = getattr(answer.outcome, "option_id", None) == "yes"
        output = [tool_content(text_block(f"allowed: {allowed}"))]
        await send(session_id, update_tool_call("call-1", status="completed" if allowed else "failed", content=output))
        await send(session_id, UsageUpdate(session_update="usage_update", used=10, size=100))
        await send(session_id, update_agent_message_text("Bye"))
        return PromptResponse(stop_reason="end_turn", usage=Usage(total_tokens=3, input_tokens=2, output_tokens=1))

    async def cancel(self, session_id: str, **_: Any) -> None:
        self._cancelled.set()


asyncio.run(run_agent(SdkAgent(), use_unstable_protocol=True))  # type: ignore[arg-type]
