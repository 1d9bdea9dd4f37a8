"""What a driver tells Claude Code: control requests, whose ids are the numbers of the writes, answers, and messages."""

from __future__ import annotations

from uuid import UUID, uuid5

import msgspec

from agentlanes.adapters.agents.dialogue.outbox import Outbox

_NAMESPACE = UUID("8c1f6a52-6c0e-4d0e-9d4e-5f0f3a4f2b6d")
"""Of ids that follow from our own, so that they are the same when they are made again."""


class ControlOutbox(Outbox):
    """The stream-json frames of the same acts."""

    def _frame_request(self, n: int, method: str, params: dict[str, object]) -> dict[str, object]:
        return {"type": "control_request", "request_id": str(n), "request": {"subtype": method, **params}}

    def _frame_answer(self, request_id: str, result: dict[str, object]) -> dict[str, object]:
        response = {"subtype": "success", "request_id": msgspec.Raw(request_id.encode()), "response": result}
        return {"type": "control_response", "response": response}

    def refuse(self, request_id: str, code: int, message: str) -> int:
        response = {"subtype": "error", "request_id": msgspec.Raw(request_id.encode()), "error": message}
        return self._add({"type": "control_response", "response": response})

    def say(self, process_id: str, text: str) -> int:
        """A message of the user. Its id follows from its number."""
        n = self._last + 1
        message = {"role": "user", "content": [{"type": "text", "text": text}]}
        head = {"type": "user", "uuid": name_message(process_id, n), "session_id": "", "parent_tool_use_id": None}
        return self._add({**head, "message": message})


def name_message(process_id: str, n: int) -> str:
    """The id of the message that is a process' write `n`."""
    return str(uuid5(_NAMESPACE, f"{process_id}:{n}"))


def name_conversation(process_id: str) -> str:
    """The id of the conversation that a process begins."""
    return str(uuid5(_NAMESPACE, process_id))
