"""Agents whose messages are JSON-RPC's: requests, answers and notifications."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from agentlanes.adapters.agents.dialogue.driver import NO_MESSAGES, H, LineDriver, P
from agentlanes.adapters.agents.dialogue.frames import show_value


class RpcDriver(LineDriver[P, H]):
    """Tells the three apart."""

    @abstractmethod
    def _take_response(self, message: dict[str, Any]) -> None:
        """Take in what answers a request of ours."""

    @abstractmethod
    def _take_request(self, method: str, message: dict[str, Any]) -> None:
        """Take in what has to be answered."""

    @abstractmethod
    def _take_notification(self, method: str, params: object) -> None:
        """Take in what is only told."""

    def _take(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            self._take_response(message)
        elif type(method) is not str:
            self._note(NO_MESSAGES, f"method is no text: {show_value(message)}")
        elif "id" in message:
            self._take_request(method, message)
        else:
            self._take_notification(method, message.get("params"))
