"""A command line that takes one prompt, prints lines of JSON as Amp, Cursor or Droid document them, and ends."""

# The first argument says which. A prompt may be a list of steps: {"think"}, {"say"}, {"run"}, {"todo"}, {"fail"},
# {"print"} for a line as it is, {"hang"}, {"exit"}. A conversation is a file in HOME, by its id.

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

Step = dict[str, Any]


def write(**message: Any) -> None:
    write_line(json.dumps(message))


def write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def give_up(code: int) -> None:
    sys.stderr.write("it went wrong\n")
    sys.exit(code)


class Agent:
    """One run. Subclasses say how things are told."""

    def __init__(self, arguments: list[str]) -> None:
        self.prompt, old_id = self.read_arguments(arguments)
        self.session_id = old_id or self.make_id()
        self.path = Path(os.environ["HOME"]) / f"{self.session_id}.json"
        if old_id is not None and not self.path.exists():
            sys.exit(f"no conversation {old_id}")
        self.said: list[str] = json.loads(self.path.read_text()) if self.path.exists() else []
        self.last = ""
        self.calls = 0

    def make_id(self) -> str:
        return str(uuid.uuid4())

    def read_arguments(self, arguments: list[str]) -> tuple[str, str | None]:
        raise NotImplementedError

    def run(self) -> None:
        self.begin()
        self.said.append(self.prompt)
        self.path.write_text(json.dumps(self.said))
        try:
            steps = json.loads(self.prompt)
        except ValueError:
            steps = [{"say": f"{len(self.said)}: {self.prompt}"}]
        for step in steps:
            self.take(step)
        self.end()

    def take(self, step: Step) -> None:
        acts: dict[str, Callable[[Any], None]] = {
            "think": self.think,
            "say": self.say,
            "run": self.call,
            "todo": self.plan,
            "fail": self.fail,
            "print": write_line,
            "hang": time.sleep,
            "exit": give_up,
        }
        for name, value in step.items():
            acts[name](value)

    def call(self, command: str) -> None:
        self.calls += 1
        self.use(f"call_{len(self.said)}_{self.calls}", command)

    def use(self, call_id: str, command: str) -> None:
        raise NotImplementedError

    def execute(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, shell=True, capture_output=True, text=True, check=False)

    def begin(self) -> None:
        write(type="system", subtype="init", cwd=str(Path.cwd()), session_id=self.session_id, tools=[], model="fake")

    def think(self, text: str) -> None:
        raise NotImplementedError

    def say(self, text: str) -> None:
        raise NotImplementedError

    def plan(self, todos: list[Any]) -> None:
        raise NotImplementedError

    def fail(self, message: str) -> None:
        raise NotImplementedError

    def end(self) -> None:
        result = {"subtype": "success", "duration_ms": 3, "is_error": False, "result": self.last}
        write(type="result", **result, session_id=self.session_id)


class Amp(Agent):
    """`amp [threads continue ID] --execute --stream-json`, the prompt on standard input."""

    def make_id(self) -> str:
        return f"T-{uuid.uuid4()}"

    def read_arguments(self, arguments: list[str]) -> tuple[str, str | None]:
        assert "--execute" in arguments and "--stream-json" in arguments, arguments
        old_id = arguments[2] if arguments[:2] == ["threads", "continue"] else None
        return sys.stdin.read().removesuffix("\n"), old_id

    def tell(self, *content: Step, **fields: Any) -> None:
        usage = {"input_tokens": 10, "cache_read_input_tokens": 2, "output_tokens": 3}
        body = {"type": "message", "role": "assistant", "content": content, "usage": usage, **fields}
        write(type="assistant", message=body, parent_tool_use_id=None, session_id=self.session_id)

    def think(self, text: str) -> None:
        self.tell({"type": "thinking", "thinking": text})

    def say(self, text: str) -> None:
        self.last = text
        self.tell({"type": "text", "text": text}, stop_reason="end_turn")

    def use(self, call_id: str, command: str) -> None:
        self.tell({"type": "tool_use", "id": call_id, "name": "Bash", "input": {"command": command}})
        done = self.execute(command)
        result = {"type": "tool_result", "tool_use_id": call_id, "content": done.stdout, "is_error": False}
        write(type="user", message={"role": "user", "content": [result]}, session_id=self.session_id)

    def plan(self, todos: list[Any]) -> None:
        self.tell({"type": "tool_use", "id": "todo", "name": "TodoWrite", "input": {"todos": todos}})

    def fail(self, message: str) -> None:
        fields = {"subtype": "error_during_execution", "is_error": True, "error": message, "errors": [message]}
        write(type="result", **fields, session_id=self.session_id)
        sys.exit(1)


class Cursor(Amp):
    """`cursor-agent -p --output-format stream-json [--resume ID] PROMPT`."""

    def make_id(self) -> str:
        return str(uuid.uuid4())

    def read_arguments(self, arguments: list[str]) -> tuple[str, str | None]:
        assert arguments[:3] == ["-p", "--output-format", "stream-json"], arguments
        assert sys.stdin.read() == "", "what comes from a pipe would be taken for more of the prompt"
        return arguments[-1], arguments[arguments.index("--resume") + 1] if "--resume" in arguments else None

    def think(self, text: str) -> None:
        for part in (text[:2], text[2:]):
            write(type="thinking", subtype="delta", text=part, session_id=self.session_id)
        write(type="thinking", subtype="completed", session_id=self.session_id)

    def use(self, call_id: str, command: str) -> None:
        call: Step = {"shellToolCall": {"args": {"command": command}}}
        write(type="tool_call", subtype="started", call_id=call_id, tool_call=call, session_id=self.session_id)
        done = self.execute(command)
        success = {"exitCode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
        call["shellToolCall"]["result"] = {"success": success}
        write(type="tool_call", subtype="completed", call_id=call_id, tool_call=call, session_id=self.session_id)

    def fail(self, message: str) -> None:
        sys.exit(message)


class Droid(Agent):
    """`droid exec --output-format stream-json [--session-id ID] PROMPT`."""

    def read_arguments(self, arguments: list[str]) -> tuple[str, str | None]:
        assert arguments[:3] == ["exec", "--output-format", "stream-json"], arguments
        return arguments[-1], arguments[arguments.index("--session-id") + 1] if "--session-id" in arguments else None

    def begin(self) -> None:
        super().begin()
        write(type="message", role="user", id="u", text=self.prompt, session_id=self.session_id)

    def think(self, text: str) -> None:
        for _ in range(2):
            write(type="reasoning", id="r1", text=text, session_id=self.session_id)

    def say(self, text: str) -> None:
        self.last = text
        write(type="message", role="assistant", id=str(uuid.uuid4()), text=text, session_id=self.session_id)

    def use(self, call_id: str, command: str) -> None:
        head = {"id": call_id, "messageId": "m", "toolId": "Execute", "session_id": self.session_id}
        write(type="tool_call", toolName="Execute", parameters={"command": command}, **head)
        done = self.execute(command)
        write(type="tool_result", isError=done.returncode != 0, value=done.stdout + done.stderr, **head)

    def plan(self, todos: list[Any]) -> None:
        head = {"id": "todo", "toolId": "TodoWrite", "session_id": self.session_id}
        write(type="tool_call", toolName="TodoWrite", parameters={"todos": todos}, **head)

    def fail(self, message: str) -> None:
        write(type="error", source="agent_loop", message=message, session_id=self.session_id)
        sys.exit(1)

    def end(self) -> None:
        usage = {"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 2}
        write(type="completion", finalText=self.last, numTurns=1, usage=usage, session_id=self.session_id)


if __name__ == "__main__":
    {"amp": Amp, "cursor": Cursor, "droid": Droid}[sys.argv[1]](sys.argv[2:]).run()
