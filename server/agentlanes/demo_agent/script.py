"""Turns that a test or a benchmark writes itself: a prompt that holds `SCRIPT:[step, ...]ENDSCRIPT`.

A step is a JSON object with one key, the step's name; its value is the step's argument:

    {"say": "text"} {"think": "text"} {"plan": ["a", "b"]} {"advance": true} {"title": "text"} {"mode": "id"}
    {"run": ["argv"]} or {"run": {"argv": ["argv"], "ask": true}} {"heed": true}
    {"write": {"path", "text", "ask"}} {"ask": {"title", "kind", "options", "announce", "reject"}}
    {"usage": {"used", "size", "cost"}} {"sleep": seconds} {"pace": ms} {"hang": true} {"wait": true} {"stop": "reason"}
    {"recall": lines of the conversation to say again, newest last}
    {"fail": {"code", "message"}} {"crash": {"exit": code} or {"signal": number}}
    {"flood": {"n", "text", "kind"}} {"huge": bytes} {"garbage": {"text", "n"}} {"stderr": bytes}
    {"update": {a session/update's update}} {"frame": any JSON} {"request": {"method", "params"}}
    {"repeat": {"n", "steps"}} {"late": [steps that run after the prompt was answered]}

`ask` goes on after a rejection, ends the turn (`reject: "end_turn"`), or ends it as cancelled (`reject: "cancelled"`).
`hang` never looks at a cancel; `wait` ends with it. `heed` waits for what the user says meanwhile, and answers it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from agentlanes.demo_agent.connection import INVALID_PARAMS, Connection, RefusalError, encode
from agentlanes.demo_agent.turns import DECISIONS, Turn

Step = dict[str, Any]
_BEGIN, _END = "SCRIPT:[", "]ENDSCRIPT"
_FLOOD_WRITE = 64 << 10


class _StoppedError(Exception):
    """The script ended the turn with this stop reason."""


def parse(prompt: str) -> list[Step] | None:
    """The steps in a prompt; None for a prompt without a script. Raises RefusalError for one that cannot be read."""
    # The last one: a prompt may quote older prompts before it.
    start, end = prompt.rfind(_BEGIN), prompt.rfind(_END)
    if start < 0 or end < start:
        return None
    try:
        steps = json.loads(prompt[start + len(_BEGIN) - 1 : end + 1])
    except ValueError as error:
        raise RefusalError(INVALID_PARAMS, f"The SCRIPT in the prompt is not JSON: {error}.") from None
    _check(steps)
    return list(steps)


def play(turn: Turn, connection: Connection, steps: list[Step]) -> tuple[str, list[Step]]:
    """Do the steps; the stop reason, and the steps that are to follow the prompt's answer."""
    late: list[Step] = []
    player = _Player(turn, connection, late)
    try:
        player.play(steps)
    except _StoppedError as stopped:
        return str(stopped), late
    return "end_turn", late


def _check(steps: object) -> None:
    if not isinstance(steps, list):
        raise RefusalError(INVALID_PARAMS, "A SCRIPT is an array of steps.")
    for number, step in enumerate(steps):
        name = next(iter(step)) if isinstance(step, dict) and len(step) == 1 else None
        if name not in _STEPS:
            known = ", ".join(sorted(_STEPS))
            raise RefusalError(INVALID_PARAMS, f"SCRIPT step {number} is {step!r:.80}; a step has one key of: {known}.")
        if name == "late":
            _check(step[name])
        if name == "repeat":
            _check(step[name]["steps"])


class _Player:
    def __init__(self, turn: Turn, connection: Connection, late: list[Step]) -> None:
        self._turn = turn
        self._connection = connection
        self._late = late

    def play(self, steps: list[Step]) -> None:
        for step in steps:
            ((name, argument),) = step.items()
            _STEPS[name](self, argument)

    def say(self, text: str) -> None:
        self._turn.say(text)

    def think(self, text: str) -> None:
        self._turn.think(text)

    def plan(self, entries: list[str]) -> None:
        self._turn.plan(entries)

    def advance(self, _: object) -> None:
        self._turn.advance()

    def title(self, text: str) -> None:
        self._turn.name(text)

    def mode(self, mode: str) -> None:
        self._turn.update("current_mode_update", currentModeId=mode)

    def run(self, command: list[str] | dict[str, Any]) -> None:
        if isinstance(command, dict):
            self._turn.run(command["argv"], ask=command.get("ask", True))
        else:
            self._turn.run(command)

    def write(self, edit: dict[str, Any]) -> None:
        self._turn.write(edit["path"], lambda before: str(edit["text"]), ask=edit.get("ask", True))

    def ask(self, question: dict[str, Any]) -> None:
        chosen = self._turn.ask(
            question.get("title", "Do it"),
            kind=question.get("kind", "other"),
            options=question.get("options", DECISIONS),
            announce=question.get("announce", True),
        )
        self._turn.say(f"decision: {chosen}")
        if "reject" in question and not chosen.startswith("allow"):
            raise _StoppedError(question["reject"])

    def heed(self, _: object) -> None:
        self._turn.heed()

    def usage(self, usage: dict[str, Any]) -> None:
        self._turn.update("usage_update", **usage)

    def sleep(self, seconds: float) -> None:
        self._turn.pause(seconds)

    def pace(self, milliseconds: float) -> None:
        self._turn.pace = milliseconds / 1000

    def hang(self, _: object) -> None:
        threading.Event().wait()

    def wait(self, _: object) -> None:
        self._turn.pause(1e6)

    def recall(self, count: int) -> None:
        lines = self._turn.conversation.lines[-int(count) :]
        self._turn.say("\n".join(f"{line.role}: {line.text}" for line in lines))

    def stop(self, reason: str) -> None:
        raise _StoppedError(reason)

    def fail(self, error: dict[str, Any]) -> None:
        raise RefusalError(error.get("code", -32603), error.get("message", "Scripted failure"), error.get("data"))

    def crash(self, how: dict[str, int]) -> None:
        if "signal" in how:
            os.kill(os.getpid(), signal.Signals(how["signal"]))
        os._exit(how.get("exit", 1))

    def flood(self, flood: dict[str, Any]) -> None:
        """Many chunks as fast as the pipe takes them; written in blocks, for the sender is not what is measured."""
        content = {"type": "text", "text": flood.get("text", "lorem ipsum dolor ")}
        update = {"sessionUpdate": f"agent_{flood.get('kind', 'message')}_chunk", "content": content}
        params = {"sessionId": self._turn.conversation.session_id, "update": update}
        line = encode({"jsonrpc": "2.0", "method": "session/update", "params": params})
        remaining, at_once = int(flood["n"]), max(1, _FLOOD_WRITE // len(line))
        while remaining > 0:
            count = min(remaining, at_once)
            self._connection.write(line * count)
            remaining -= count
            self._turn.pause(0)

    def huge(self, size: int) -> None:
        self._turn.update("agent_message_chunk", content={"type": "text", "text": "x" * size})

    def garbage(self, garbage: dict[str, Any]) -> None:
        line = str(garbage.get("text", "debug: this line is not JSON")).encode() + b"\n"
        self._connection.write(line * int(garbage.get("n", 1)))

    def stderr(self, size: int) -> None:
        sys.stderr.write("e" * size + "\n")
        sys.stderr.flush()

    def update(self, update: dict[str, Any]) -> None:
        fields = dict(update)
        self._turn.update(fields.pop("sessionUpdate"), **fields)

    def frame(self, frame: dict[str, Any]) -> None:
        self._connection.write(encode(frame))

    def request(self, request: dict[str, Any]) -> None:
        reply = self._turn.request(request["method"], request.get("params", {}))
        self._turn.say(f"answer: {json.dumps(reply.error or reply.result)}")

    def repeat(self, repeat: dict[str, Any]) -> None:
        for _ in range(int(repeat["n"])):
            self.play(repeat["steps"])

    def late(self, steps: list[Step]) -> None:
        self._late.extend(steps)


_STEPS: dict[str, Callable[[_Player, Any], None]] = {
    name: method for name, method in vars(_Player).items() if not name.startswith("_") and name != "play"
}
