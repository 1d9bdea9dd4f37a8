"""The demo agent line by line: every request gets one answer, whatever it looks like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.conversation import DEMO


class Wire:
    """A client that writes lines."""

    def __init__(self, child: subprocess.Popen[bytes], work: Path) -> None:
        self.child = child
        self.work = work

    def write(self, line: bytes) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(line + b"\n")
        self.child.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.child.stdout is not None
        return dict(json.loads(self.child.stdout.readline()))

    def ask(self, method: str, params: Any = None, request_id: Any = 1) -> dict[str, Any]:
        self.write(json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}).encode())
        while True:
            message = self.read()
            if "method" not in message:
                assert message["id"] == request_id
                return message


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    env = {**os.environ, "AGENTLANES_DEMO_STATE": str(tmp_path / "state"), "AGENTLANES_DEMO_PACE_MS": "0"}
    with subprocess.Popen(DEMO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as child:
        yield Wire(child, tmp_path)
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(10) == 0


def test_lines_that_are_no_messages_are_answered(wire: Wire) -> None:
    for line, code in ((b"hello", -32700), (b"[]", -32600), (b"7", -32600), (b'{"a":', -32700)):
        wire.write(line)
        answer = wire.read()
        assert (answer["id"], answer["error"]["code"]) == (None, code)
    wire.write(b"")
    assert wire.ask("initialize", {"protocolVersion": 1})["result"]["protocolVersion"] == 1


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("session/list", {}, -32601),
        ("session/fork", {"sessionId": "demo-1", "cwd": "/"}, -32002),
        ("session/new", None, -32602),
        ("session/new", {"cwd": "relative"}, -32602),
        ("session/prompt", {"sessionId": "demo-1", "prompt": []}, -32002),
        ("session/load", {"sessionId": "demo-1", "cwd": "/"}, -32002),
        ("session/resume", {"sessionId": ["x"], "cwd": "/"}, -32002),
    ],
)
def test_a_request_that_cannot_be_served_says_why(wire: Wire, method: str, params: Any, code: int) -> None:
    error = wire.ask(method, params)["error"]
    assert error["code"] == code and len(error["message"]) > 20


@pytest.mark.parametrize("prompt", [None, "text", [7], [{"type": "text", "text": "SCRIPT:[{]ENDSCRIPT"}],
                                    [{"type": "text", "text": "SCRIPT:[{\"late\": 3}]ENDSCRIPT"}]])  # fmt: skip
def test_a_prompt_that_cannot_be_read_is_refused(wire: Wire, prompt: Any) -> None:
    session = wire.ask("session/new", {"cwd": str(wire.work)})["result"]["sessionId"]
    assert wire.ask("session/prompt", {"sessionId": session, "prompt": prompt}, 2)["error"]["code"] == -32602


def test_a_step_with_a_wrong_argument_fails_the_turn_only(wire: Wire) -> None:
    session = wire.ask("session/new", {"cwd": str(wire.work)})["result"]["sessionId"]
    wrong = [{"type": "text", "text": 'SCRIPT:[{"write": 5}]ENDSCRIPT'}]
    assert wire.ask("session/prompt", {"sessionId": session, "prompt": wrong}, 2)["error"]["code"] == -32603
    right = [{"type": "text", "text": 'SCRIPT:[{"say": "hello"}]ENDSCRIPT'}]
    assert wire.ask("session/prompt", {"sessionId": session, "prompt": right}, 3)["result"]["stopReason"] == "end_turn"


def test_a_state_folder_that_cannot_be_written_is_told(wire: Wire) -> None:
    (wire.work / "state").write_text("in the way")
    error = wire.ask("session/new", {"cwd": str(wire.work)})["error"]
    assert error["code"] == -32603 and "File exists" in error["message"]


def test_sessions_are_numbered_apart(wire: Wire) -> None:
    ids = [wire.ask("session/new", {"cwd": "/"}, n)["result"]["sessionId"] for n in (1, "two", 3)]
    assert ids == ["demo-1", "demo-2", "demo-3"]


def test_it_starts_without_anything_heavy() -> None:
    """A session with it is there in tens of milliseconds because it imports nothing but the standard library."""
    code = (
        "import sys; from agentlanes.demo_agent import agent;"
        "heavy = {'pydantic', 'msgspec', 'asyncio', 'acp'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_of_the_repository_is_imported(tmp_path: Path) -> None:
    """What lies in a lane is not trusted."""
    from agentlanes.adapters.agents.built_in import DEMO

    (tmp_path / "json.py").write_text("raise SystemExit('imported from the repository')")
    done = subprocess.run(DEMO.launch.argv, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_running_turn_is_steered_and_no_other(wire: Wire) -> None:
    offered = wire.ask("initialize", {"protocolVersion": 1})["result"]["agentCapabilities"]
    steering = wire.ask("initialize", {"protocolVersion": 1})["result"]["_meta"]["steering"]
    assert steering == {"supported": True} and "_meta" not in offered
    session_id = wire.ask("session/new", {"cwd": str(wire.work), "mcpServers": []})["result"]["sessionId"]
    more = {"sessionId": session_id, "prompt": [{"type": "text", "text": "in Rust"}]}
    assert wire.ask("_session/steering", more)["result"] == {"outcome": "promptRequired"}
    steps = [{"type": "text", "text": 'SCRIPT:[{"heed": true}, {"say": "done"}]ENDSCRIPT'}]
    params = {"sessionId": session_id, "prompt": steps}
    wire.write(json.dumps({"jsonrpc": "2.0", "id": 7, "method": "session/prompt", "params": params}).encode())
    assert wire.ask("_session/steering", more, 8)["result"] == {"outcome": "injected"}
    said = ""
    while "result" not in (message := wire.read()):
        content = message["params"]["update"].get("content", {})
        said += content.get("text", "")
    assert (message["id"], message["result"]["stopReason"]) == (7, "end_turn")
    assert said == "Heeded: in Rustdone"
    refused = wire.ask("_session/steering", {**more, "sessionId": "nobody"})
    assert refused["error"]["code"] == -32002
