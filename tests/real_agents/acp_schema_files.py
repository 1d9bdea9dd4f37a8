"""ACP's published schemas, versions 1 and 2, as an oracle for every message in both directions.

They come with the npm package @agentclientprotocol/sdk (Apache-2.0), which the adapter of Claude Code brings along.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Any

import jsonschema_rs

from real_agents.install import find_modules

Message = dict[str, Any]


@functools.cache
def open_schema(version: int) -> PublishedSchema:
    """The schema of one version of ACP."""
    folder = find_modules("ci") / "@agentclientprotocol" / "sdk" / "schema" / f"v{version}"
    return PublishedSchema(
        *(json.loads((folder / name).read_text()) for name in ("schema.json", "schema.unstable.json"))
    )


class PublishedSchema:
    """Definitions by the method that they are of. What only the unstable schema knows is held against that."""

    def __init__(self, *schemas: dict[str, Any]) -> None:
        self._named: dict[tuple[str, str], tuple[dict[str, Any], str]] = {}
        for schema in reversed(schemas):
            for name, definition in schema["$defs"].items():
                if "x-method" in definition:
                    kind = "response" if name.endswith("Response") else "request"
                    self._named[kind, definition["x-method"]] = schema, name
        self._validators: dict[tuple[str, str], Any] = {}

    def check(self, sent: Iterable[Message], said: Iterable[Message]) -> int:
        """Validate what was sent to an agent and what it said; the number that was held against the schema."""
        sent, said = list(sent), list(said)
        checked = 0
        for messages, other in ((sent, said), (said, sent)):
            asked = {message["id"]: message["method"] for message in other if "id" in message and "method" in message}
            for message in messages:
                assert message["jsonrpc"] == "2.0"
                checked += self._check_message(message, asked)
        return checked

    def knows(self, method: str) -> bool:
        return ("request", method) in self._named

    def _check_message(self, message: Message, asked: dict[Any, str]) -> bool:
        method = message.get("method")
        if method is not None:
            # Extensions are anybody's; what is no extension and not known is not the protocol.
            if method.startswith(("_", "$/")):
                return False
            self._validate("request", method, message["params"])
        elif "error" in message:
            assert type(message["error"]["code"]) is int and type(message["error"]["message"]) is str
        elif asked.get(message["id"], "_").startswith("_"):
            return False
        else:
            self._validate("response", asked[message["id"]], message["result"])
        return True

    def _validate(self, kind: str, method: str, value: Any) -> None:
        key = kind, method
        validator = self._validators.get(key)
        if validator is None:
            assert key in self._named, f"{method} is no method of ACP"
            schema, name = self._named[key]
            validator = jsonschema_rs.validator_for({"$defs": schema["$defs"], "$ref": f"#/$defs/{name}"})
            self._validators[key] = validator
        errors = [f"{error.instance_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
        assert not errors, (key, errors, json.dumps(value)[:2000])
