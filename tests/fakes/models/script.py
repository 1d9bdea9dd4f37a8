"""What a prompt tells the model to say: `SCRIPT:[step, …]ENDSCRIPT`, a JSON list somewhere in its text.

One step is one call of the model. Which one is due is counted from the conversation that the agent sends along: each
tool result after the script stands for a call that a step before made. So the service remembers nothing, and an agent
that was killed and resumed gets the step that it would have got.

{"thought": "Hm.", "text": "I look.", "chunks": 4}        streamed in that many parts
{"tools": [{"name": "exec_command", "args": {"cmd": "true"}}]}
{"patch": "*** Begin Patch\n…"}                           for agents with a tool that takes a patch as plain text
{"usage": {"input": 100, "output": 20, "cached": 40, "thought": 5}}
{"status": 429, "text": "slow down"}                      answered instead, as HTTP status
{"error": "rate_limit_exceeded", "text": "slow down"}     a failure within the stream, in the service's own words
{"text": "so far", "stall": "gate"}                       then nothing, until ModelServer.open("gate") or for ever
{"text": "so far", "cut": true}                           then the connection ends
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

START, END = "SCRIPT:", "ENDSCRIPT"


@dataclass(frozen=True)
class Usage:
    """Tokens that the service says a call took. Cached ones are of the input, thought ones of the output."""

    input: int = 100
    output: int = 20
    cached: int = 0
    thought: int = 0


@dataclass(frozen=True)
class ToolUse:
    """A tool call that the model makes; `args` is text for tools that take no JSON."""

    name: str
    args: Mapping[str, Any] | str
    namespace: str | None = None
    """Whose the tool is, where the wire format tells that apart."""


@dataclass(frozen=True)
class Step:
    """What the model says in one call."""

    thought: str = ""
    text: str = ""
    chunks: int = 4
    tools: tuple[ToolUse, ...] = ()
    usage: Usage = field(default_factory=Usage)
    status: int | None = None
    error: str | None = None
    stall: str | None = None
    cut: bool = False

    def split_text(self) -> list[str]:
        """The text in its parts."""
        size = max(1, -(-len(self.text) // self.chunks))
        return [self.text[at : at + size] for at in range(0, len(self.text), size)]


@dataclass(frozen=True)
class Said:
    """An entry of the conversation. `who` is user, model, call (of a tool) or result."""

    who: str
    text: str = ""


def write_script(*steps: Mapping[str, Any]) -> str:
    """The text for a prompt. A step that makes no sense is refused here, not in the agent."""
    for step in steps:
        _read_step(step)
    return START + json.dumps(steps) + END


def choose_step(conversation: Iterable[Said]) -> Step:
    """What the model says next: by the last script that a user wrote, or an echo of what was asked where none is due.

    A script is over when its steps are, and when the user speaks again after the model's last word.
    """
    steps: list[Step] | None = None
    results = 0
    asked, last = "", "user"
    for said in conversation:
        if said.who == "user":
            asked = said.text
            written = read_script(said.text)
            if written is not None:
                steps, results = written, 0
            elif last == "model":
                steps = None
        elif said.who == "result":
            results += 1
        last = said.who
    for step in steps or ():
        if results == 0:
            return step
        results -= max(1, len(step.tools))
        if results < 0:
            # An agent that gave some results of a step's calls and not yet others would be one that we do not know.
            raise ValueError(f"{-results} of the calls of a step have no result")
    return Step(text=f"You said: {asked[:200]}")


def read_script(text: str) -> list[Step] | None:
    """The steps in a text; None where it has none. The last script of a text counts."""
    _, found, rest = text.rpartition(START)
    written, ended, _ = rest.partition(END)
    if not (found and ended):
        return None
    return [_read_step(step) for step in json.loads(written)]


def _read_step(step: Mapping[str, Any]) -> Step:
    fields = dict(step)
    tools = [ToolUse(**tool) for tool in fields.pop("tools", ())]
    if "patch" in fields:
        tools.append(ToolUse("apply_patch", fields.pop("patch")))
    if "usage" in fields:
        fields["usage"] = Usage(**fields["usage"])
    return Step(**fields, tools=tuple(tools))
