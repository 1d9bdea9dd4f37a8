"""The models of the independent ACP Python SDK as an oracle: every message in both directions has to fit them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from acp import schema
from pydantic import BaseModel, TypeAdapter

_TO_AGENT: dict[str, type[BaseModel]] = {
    "initialize": schema.InitializeRequest,
    "session/new": schema.NewSessionRequest,
    "session/load": schema.LoadSessionRequest,
    "session/resume": schema.ResumeSessionRequest,
    "session/fork": schema.ForkSessionRequest,
    "session/prompt": schema.PromptRequest,
    "session/cancel": schema.CancelNotification,
    "session/set_mode": schema.SetSessionModeRequest,
    "session/set_config_option": schema.SetSessionConfigOptionSelectRequest,
}
_FROM_AGENT: dict[str, type[BaseModel]] = {
    "session/update": schema.SessionNotification,
    "session/request_permission": schema.RequestPermissionRequest,
}
_RESULTS: dict[str, type[BaseModel]] = {
    "initialize": schema.InitializeResponse,
    "session/new": schema.NewSessionResponse,
    "session/load": schema.LoadSessionResponse,
    "session/resume": schema.ResumeSessionResponse,
    "session/fork": schema.ForkSessionResponse,
    "session/prompt": schema.PromptResponse,
    "session/set_mode": schema.SetSessionModeResponse,
    "session/set_config_option": schema.SetSessionConfigOptionResponse,
    "session/request_permission": schema.RequestPermissionResponse,
}
_ERROR = TypeAdapter(schema.Error)


def check_conversation(to_agent: Iterable[bytes], from_agent: Iterable[bytes]) -> int:
    """Validate every message; the number that was checked. Raises ValidationError, or KeyError for a strange method."""
    sent = [json.loads(line) for line in to_agent]
    said = [json.loads(line) for line in from_agent]
    for messages, other, methods in ((sent, said, _TO_AGENT), (said, sent, _FROM_AGENT)):
        asked = {message["id"]: message["method"] for message in other if "id" in message and "method" in message}
        for message in messages:
            _check_message(message, methods, asked)
    return len(sent) + len(said)


def _check_message(message: dict[str, Any], methods: dict[str, type[BaseModel]], asked: dict[Any, str]) -> None:
    assert message["jsonrpc"] == "2.0"
    if "method" in message:
        methods[message["method"]].model_validate(message["params"], strict=True)
    elif "error" in message:
        _ERROR.validate_python(message["error"])
    else:
        _RESULTS[asked[message["id"]]].model_validate(message["result"], strict=True)
