"""What Codex itself says that its protocol is, as an oracle for every message in both directions."""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import jsonschema_rs

from agentlanes.runner.tape import Reader
from e2e.rig import Rig

_CLIENT = ("ClientRequest.json", "ClientNotification.json")
_AGENT = ("ServerRequest.json", "ServerNotification.json")


@functools.cache
def open_oracle(codex: Path) -> Oracle:
    """The oracle of a binary."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(codex), "app-server", "generate-json-schema", "--experimental", "--out", folder]
        subprocess.run(command, check=True, capture_output=True, env={"HOME": folder, "CODEX_HOME": folder})
        return Oracle({path.name: json.loads(path.read_text()) for path in Path(folder).rglob("*.json")})


class Oracle:
    """Schemas by the name of their file."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas
        self._validators: dict[str, Any] = {}

    def check(self, sent: list[dict[str, Any]], said: list[dict[str, Any]]) -> None:
        """Validate all that was sent to Codex and all that it said."""
        for messages, other, kinds in ((sent, said, _CLIENT), (said, sent, _AGENT)):
            asked = {message["id"]: message["method"] for message in other if "id" in message and "method" in message}
            for message in messages:
                self._check_message({**message}, kinds, asked)
        for message in sent:
            if "method" in message:
                self._check_fields(message)

    def _check_message(self, message: dict[str, Any], kinds: tuple[str, str], asked: dict[Any, str]) -> None:
        assert "jsonrpc" not in message
        message.pop("emittedAtMs", None)
        if "method" in message:
            self._validate(kinds[0] if "id" in message else kinds[1], message)
        elif message["id"] not in asked:
            assert not asked, "an answer to nothing"
        elif "error" in message:
            self._validate("JSONRPCError.json", message)
        else:
            words = [word[0].upper() + word[1:] for word in asked[message["id"]].split("/")]
            self._validate("".join(words).removeprefix("Item") + "Response.json", message["result"])

    def _check_fields(self, message: dict[str, Any]) -> None:
        """Codex passes over fields that it does not know; what we send of them would be a slip."""
        schema = self._schemas["ClientRequest.json" if "id" in message else "ClientNotification.json"]
        (branch,) = [one for one in schema["oneOf"] if one["properties"]["method"]["enum"] == [message["method"]]]
        reference = branch["properties"].get("params", {}).get("$ref")
        if reference is None:
            return
        known = schema["definitions"][reference.rsplit("/", 1)[-1]]["properties"]
        assert set(message["params"]) <= set(known), (message["method"], set(message["params"]) - set(known))

    def _validate(self, name: str, value: Any) -> None:
        validator = self._validators.get(name)
        if validator is None:
            validator = self._validators[name] = jsonschema_rs.validator_for(self._schemas[name])
        errors = [f"{error.instance_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
        assert not errors, (name, errors, json.dumps(value)[:2000])


def read_conversations(rig: Rig) -> list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """What was written to each agent of a rig, and what it said, from the server's outbox and the runners' tapes.

    What was written to a process that ended is forgotten; what it said is not.
    """
    state = Path(rig.env["AGENTLANES_STATE_DIR"])
    sent: dict[str, list[dict[str, Any]]] = {}
    for path in state.glob("*.db"):
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            for process_id, data in store.execute("SELECT process_id, data FROM writes ORDER BY process_id, n"):
                sent.setdefault(process_id, []).append(json.loads(data))
    tapes = {folder.parent.name: _read_tape(folder) for folder in state.glob("tapes/*/out")}
    assert set(sent) <= set(tapes)
    return [(sent.get(process_id, []), said) for process_id, said in tapes.items()]


def _read_tape(folder: Path) -> list[dict[str, Any]]:
    with contextlib.closing(Reader(str(folder))) as tape:
        start, end = tape.span()
        assert start == 0
        data = b""
        while len(data) < end:
            data += tape.read(len(data), end - len(data)).data
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines() if line.strip()]
