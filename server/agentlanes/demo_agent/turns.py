"""One turn of the demo agent: what it can say, run, ask and write, and how it is stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from agentlanes.demo_agent.connection import Connection, Reply
from agentlanes.demo_agent.conversations import Conversation, Line

CONTEXT_SIZE = 200_000
_WORDS = re.compile(r"\s*\S+\s*")
_LOOK_SECONDS = 0.02
_OUTPUT_KEPT = 256 << 10
"""Characters of a command's output that are shown."""

DECISIONS = (
    {"optionId": "allow", "name": "Allow", "kind": "allow_once"},
    {"optionId": "allow_always", "name": "Always allow edits in this session", "kind": "allow_always"},
    {"optionId": "reject", "name": "Reject", "kind": "reject_once"},
    {"optionId": "reject_always", "name": "Never edit in this session", "kind": "reject_always"},
)


class TurnCancelledError(Exception):
    """The client asked to stop."""


class Turn:
    """Runs on a thread of its own. `cancel` may be called from any other."""

    def __init__(
        self, connection: Connection, conversation: Conversation, standing: dict[str, str], pace: float
    ) -> None:
        """`standing` keeps what the user decided for good in this session; `pace` is the pause after a word, in s."""
        self.conversation = conversation
        self.pace = pace
        self.said: list[str] = []
        self._connection = connection
        self._standing = standing
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._question: Reply | None = None
        self._calls = 0
        self._messages = 0
        self._plan: list[dict[str, str]] = []
        self._steers: list[str] = []
        self._steered = threading.Event()

    def cancel(self) -> None:
        """Stop the turn: its command is killed, its thread leaves at the next step."""
        self._stop.set()
        with self._lock:
            if self._child is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._child.pid, signal.SIGKILL)
            if self._question is not None:
                self._question.settle({"outcome": {"outcome": "cancelled"}}, None)

    def steer(self, text: str) -> None:
        """Take in what the user says while the turn runs; it is heeded at the next step that looks."""
        self._steers.append(text)
        self._steered.set()

    def is_steered(self) -> bool:
        """Whether something that the user said is not heeded yet."""
        return bool(self._steers)

    def heed(self) -> None:
        """Wait for what the user says meanwhile, and answer it."""
        while not self._steered.wait(_LOOK_SECONDS):
            self.pause(0)
        self.pause(0)
        self._steered.clear()
        told, self._steers[:] = list(self._steers), []
        for text in told:
            self.conversation.lines.append(Line("user", text))
            self.say(f"Heeded: {text}")

    def pause(self, seconds: float) -> None:
        """Wait; raises TurnCancelledError at once when the turn is stopped."""
        if self._stop.wait(seconds) if seconds > 0 else self._stop.is_set():
            raise TurnCancelledError

    def update(self, session_update: str, /, **fields: object) -> None:
        """Send one session/update of this kind."""
        update = {"sessionUpdate": session_update, **fields}
        self._connection.notify("session/update", {"sessionId": self.conversation.session_id, "update": update})

    def say(self, text: str) -> None:
        """Stream a message word by word."""
        self.said.append(text)
        self._stream("agent_message_chunk", text)
        self.conversation.lines.append(Line("agent", text))

    def think(self, text: str) -> None:
        self._stream("agent_thought_chunk", text)

    def plan(self, entries: Sequence[str]) -> None:
        """Show a plan whose entries are all still to do."""
        self._plan = [{"content": entry, "priority": "medium", "status": "pending"} for entry in entries]
        self.update("plan", entries=self._plan)

    def advance(self) -> None:
        """Finish the plan's entry in progress and begin the next one."""
        for entry in self._plan:
            if entry["status"] == "in_progress":
                entry["status"] = "completed"
            elif entry["status"] == "pending":
                entry["status"] = "in_progress"
                break
        self.update("plan", entries=self._plan)

    def name(self, title: str) -> None:
        """Give the session a title."""
        self.conversation.title = title
        self.update("session_info_update", title=title)

    def account(self) -> dict[str, int]:
        """Tell how full the context is; the result is the usage that answers the prompt. A token is a word."""
        used = self.conversation.words()
        output = sum(len(text.split()) for text in self.said)
        self.update("usage_update", used=used, size=CONTEXT_SIZE)
        return {"totalTokens": used, "inputTokens": used - output, "outputTokens": output}

    def run(self, argv: Sequence[str], title: str | None = None, *, ask: bool = False) -> tuple[int, str]:
        """Run a command in the session's directory and show its output as it grows; the exit code and the output."""
        title, raw_input = title or " ".join(argv), {"command": list(argv)}
        ask = ask or self.conversation.mode == "plan"
        call = self._announce(title, "execute", raw_input, status="pending" if ask else "in_progress")
        if ask:
            chosen = self._decision(call, title, DECISIONS, kind="execute", rawInput=raw_input)
            if not chosen.startswith("allow"):
                self.update("tool_call_update", toolCallId=call, status="failed")
                return 126, ""
            self.update("tool_call_update", toolCallId=call, status="in_progress")
        output, shown = "", 0
        try:
            child = self._start(argv)
        except OSError as error:
            self._finish(call, "failed", f"{argv[0]}: {error.strerror}", {"exit_code": None})
            return 127, ""
        assert child.stdout is not None
        with child:
            for line in iter(child.stdout.readline, b""):
                output = (output + line.decode("utf-8", "replace"))[:_OUTPUT_KEPT]
                # Doubling keeps what cumulative updates cost proportional to the output.
                if len(output) >= 2 * shown:
                    shown = len(output)
                    self.update("tool_call_update", toolCallId=call, content=[text_content(output)])
        with self._lock:
            self._child = None
        status = "completed" if child.returncode == 0 else "failed"
        self._finish(call, status, output, {"exit_code": child.returncode})
        self.pause(0)
        return child.returncode, output

    def write(self, relative: str, revise: Callable[[str | None], str], *, ask: bool = True) -> bool:
        """Write a file below the session's directory, after asking. False if the user said no or it cannot be written.

        `revise` makes the new content from the present one, which is None where there is no file.
        """
        path = Path(self.conversation.cwd, relative)
        problem, before = _read(path, Path(self.conversation.cwd))
        if problem:
            call = self._announce(f"Write {relative}", "edit", {"path": str(path)})
            self._finish(call, "failed", problem)
            return False
        after = revise(before)
        diff = {"type": "diff", "path": str(path), "newText": after}
        if before is not None:
            diff["oldText"] = before
        fields: dict[str, Any] = {"locations": [{"path": str(path)}], "content": [diff]}
        call = self._announce(f"Write {relative}", "edit", {"path": str(path)}, **fields)
        asks = self.conversation.mode == "plan" or (ask and self.conversation.mode == "ask")
        if asks and not self._permitted(call, f"Write {relative}", **fields):
            self.update("tool_call_update", toolCallId=call, status="failed")
            return False
        self.pause(0)
        self.update("tool_call_update", toolCallId=call, status="in_progress")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(after, encoding="utf-8")
        self.update("tool_call_update", toolCallId=call, status="completed", content=[diff])
        return True

    def ask(
        self, title: str, *, kind: str = "other", options: Sequence[dict[str, Any]] = DECISIONS, announce: bool = True
    ) -> str:
        """Ask for permission to do nothing in particular; the kind of the chosen option, or `cancelled`."""
        self._calls += 1
        call = self._call_id()
        if announce:
            self.update("tool_call", toolCallId=call, title=title, kind=kind, status="pending")
        chosen = self._decision(call, title, options, kind=kind)
        status = "completed" if chosen.startswith("allow") else "failed"
        self.update("tool_call_update", toolCallId=call, title=title, status=status)
        return chosen

    def request(self, method: str, params: dict[str, Any]) -> Reply:
        """Send the client any request and wait for its answer, or for the end of the turn."""
        self.pause(0)
        reply = self._connection.request(method, params)
        with self._lock:
            self._question = reply
        reply.wait()
        with self._lock:
            self._question = None
        self.pause(0)
        return reply

    def _stream(self, kind: str, text: str) -> None:
        self._messages += 1
        message = f"m{self.conversation.turns}.{self._messages}"
        for word in _WORDS.findall(text) or [text]:
            self.update(kind, content={"type": "text", "text": word}, messageId=message)
            self.pause(self.pace)

    def _call_id(self) -> str:
        return f"call_{self.conversation.turns}.{self._calls}"

    def _announce(self, title: str, kind: str, raw_input: object, status: str = "pending", **fields: Any) -> str:
        self.pause(0)
        self._calls += 1
        call = self._call_id()
        self.update("tool_call", toolCallId=call, title=title, kind=kind, status=status, rawInput=raw_input, **fields)
        return call

    def _finish(self, call: str, status: str, output: str, raw_output: object = None) -> None:
        fields: dict[str, object] = {"content": [text_content(output)]} if output else {}
        if raw_output is not None:
            fields["rawOutput"] = raw_output
        self.update("tool_call_update", toolCallId=call, status=status, **fields)

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stop.is_set():
                raise TurnCancelledError
            # A group of its own, so that stopping the turn also ends what the command started.
            self._child = subprocess.Popen(
                list(argv),
                cwd=self.conversation.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            return self._child

    def _permitted(self, call: str, title: str, **fields: object) -> bool:
        standing = self._standing.get("edit")
        kind = standing or self._decision(call, title, DECISIONS, kind="edit", **fields)
        if kind.endswith("_always"):
            self._standing["edit"] = kind
        return kind.startswith("allow")

    def _decision(self, call: str, title: str, options: Sequence[dict[str, Any]], **fields: object) -> str:
        tool_call = {"toolCallId": call, "title": title, "status": "pending", **fields}
        params = {"sessionId": self.conversation.session_id, "toolCall": tool_call, "options": list(options)}
        reply = self.request("session/request_permission", params)
        outcome = (reply.result or {}).get("outcome", {})
        kinds = {option["optionId"]: str(option["kind"]) for option in options}
        return kinds.get(outcome.get("optionId"), "cancelled")


def text_content(text: str) -> dict[str, Any]:
    """Text as content of a tool call."""
    return {"type": "content", "content": {"type": "text", "text": text}}


def _read(path: Path, root: Path) -> tuple[str | None, str | None]:
    """Why this file cannot be edited, or None, and its text, or None where it does not exist."""
    if not path.resolve().is_relative_to(root.resolve()):
        return f"{path} lies outside of the session's directory {root}; nothing was written.", None
    try:
        return None, path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError) as error:
        return f"{path} cannot be edited as text: {error}", None
