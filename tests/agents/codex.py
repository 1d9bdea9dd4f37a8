"""Codex's app-server in a dialogue: begun, prompted, asking."""

from __future__ import annotations

from typing import Any

import msgspec

from agentlanes.kernel.ports.agents import Launch
from agents.conversation import DEMO
from agents.core_double import CoreDouble
from agents.speakers import CodexDialogue, CodexSpeaker


def begin(**changes: Any) -> CodexSpeaker:
    """Codex at work on a prompt, in a session with some fields of its own."""
    speaker = start(**changes)
    speaker.open()
    prompt(speaker)
    return speaker


def start(launch: Launch | None = None, listed: bool = False, **changes: Any) -> CodexSpeaker:
    """Codex before its handshake."""
    core = CoreDouble(jsonrpc=None, listed=listed)
    core.session = msgspec.structs.replace(core.session, **changes)
    speaker = CodexSpeaker()
    speaker.dialogue = CodexDialogue(core, launch or Launch(DEMO, {}, (), "codex"))
    return speaker


def prompt(speaker: CodexSpeaker, text: str = "go", **changes: Any) -> dict[str, Any]:
    """Prompts, and lets Codex acknowledge it; the params of what it was asked."""
    core = speaker.dialogue.core
    core.prompt(text)
    core.turns[-1] = msgspec.structs.replace(core.turns[-1], **changes)
    speaker.dialogue.settle()
    speaker.feed(speaker.answer())
    params: dict[str, Any] = speaker.prompts()[-1]["params"]
    return params


def request(speaker: CodexSpeaker, method: str, request_id: int = 7, /, **params: Any) -> dict[str, Any]:
    return {
        "id": request_id,
        "method": method,
        "params": {"threadId": speaker.THREAD, "turnId": speaker.turn_id(), **params},
    }
