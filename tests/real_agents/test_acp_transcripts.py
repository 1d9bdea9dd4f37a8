"""The transcripts of version 2, which the Python SDK does not know, against the published schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.test_transcripts import TRANSCRIPTS, read, replay
from real_agents.acp_schema_files import open_schema

SECOND = [path for path in TRANSCRIPTS if "initialize" in read(path)[0]]


@pytest.mark.parametrize("path", SECOND, ids=lambda path: path.stem)
def test_a_transcript_keeps_to_the_published_schema(path: Path) -> None:
    *lines, _ = read(path)
    dialogue = replay(lines)
    said = [json.loads(line) for line, _, _ in dialogue.tape.lines]
    # The answers to the changes of settings are the test's own.
    made_up = {m["id"] for m in dialogue.sent() if m.get("method") == "session/set_config_option"}
    said = [message for message in said if "method" in message or message["id"] not in made_up]
    assert open_schema(2).check(dialogue.sent(), said) > 20
