"""Output of terminals that the agent owns, as output of the tool calls that show them.

A terminal's id may be told before or after the tool call that shows it; adapters use the tool call's own id for it.
"""

from __future__ import annotations

import base64
import binascii
import codecs
from typing import Any

from agentlanes.adapters.agents.dialogue.frames import bound_text
from agentlanes.adapters.agents.dialogue.tools import ToolUpdate
from agentlanes.adapters.agents.dialogue.turn_items import TurnItems

COMMAND_CAP = 65_536
_OUTPUT_KEYS = ("terminal_output", "terminal_output_delta")
_EXIT_KEY = "terminal_exit"
_KEPT = 1000
"""Terminals that are known at a time."""
HELD_SPAN = 256 << 10
"""Bytes of tape that are read again for a terminal which no tool call shows yet."""
_HELD_CAP = 64 << 10
"""Characters that are kept for a terminal which no tool call shows yet."""


class _Terminal:
    __slots__ = ("command", "decoder", "exit_code", "held", "offset", "tool_call_id")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        """Where it was first told of."""
        self.tool_call_id: str | None = None
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.held = ""
        self.command: str | None = None
        self.exit_code: int | None = None


class Terminals:
    """The agent's terminals by their ids."""

    def __init__(self, items: TurnItems) -> None:
        self._items = items
        self._known: dict[str, _Terminal] = {}

    def show(self, tool_call_id: str, terminal_id: str) -> None:
        """A tool call shows a terminal: what was printed so far is its output."""
        terminal = self._find(terminal_id)
        if terminal.tool_call_id == tool_call_id:
            return
        terminal.tool_call_id = tool_call_id
        # The log does not say which terminal it was, and what the bytes so far left open.
        self._items.hold_open(tool_call_id, terminal.offset)
        held, terminal.held = terminal.held, ""
        self._items.grow_output(tool_call_id, held)
        self._tell(terminal)

    def take_update(self, update: dict[str, Any]) -> bool:
        """A terminal_update of version 2: its command, all of its output, how it ended. False where it names none."""
        terminal_id = update.get("terminalId")
        if type(terminal_id) is not str:
            return False
        terminal = self._find(terminal_id)
        if type(command := update.get("command")) is str:
            terminal.command = bound_text(command, COMMAND_CAP)
        output, ended = update.get("output"), update.get("exitStatus")
        if isinstance(output, dict) and (data := _decode(output.get("data"))) is not None:
            terminal.decoder.reset()
            self._replace(terminal, terminal.decoder.decode(data))
        if isinstance(ended, dict) and type(ended.get("exitCode")) is int:
            terminal.exit_code = ended["exitCode"]
        self._tell(terminal)
        return True

    def take_chunk(self, update: dict[str, Any]) -> bool:
        """A terminal_output_chunk of version 2. False where it cannot be read."""
        terminal_id, data = update.get("terminalId"), _decode(update.get("data"))
        if type(terminal_id) is not str or data is None:
            return False
        terminal = self._find(terminal_id)
        self._grow(terminal, terminal.decoder.decode(data))
        return True

    def take_meta(self, meta: object, tool_call_id: str) -> None:
        """What adapters of version 1 tell of a command in `_meta` of its tool call."""
        if not isinstance(meta, dict) or not self._items.has_tool(tool_call_id):
            return
        for key in _OUTPUT_KEYS:
            told = meta.get(key)
            if isinstance(told, dict) and type(data := told.get("data")) is str:
                self._items.grow_output(tool_call_id, data)
        ended = meta.get(_EXIT_KEY)
        if isinstance(ended, dict) and type(code := ended.get("exit_code")) is int:
            self._items.use_tool(ToolUpdate(tool_call_id, exit_code=code))

    def _find(self, terminal_id: str) -> _Terminal:
        terminal = self._known.get(terminal_id)
        if terminal is None:
            if len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            terminal = self._known[terminal_id] = _Terminal(self._items.offset)
            if self._items.has_tool(terminal_id):
                terminal.tool_call_id = terminal_id
                self._items.hold_open(terminal_id, terminal.offset)
        return terminal

    def pin(self, end: int) -> int:
        """Where reading starts after a restart, if `end` is how far it came: terminals that nothing shows are held."""
        waiting = [terminal.offset for terminal in self._known.values() if terminal.tool_call_id is None]
        return min([end, *(offset for offset in waiting if end - offset <= HELD_SPAN)])

    def _grow(self, terminal: _Terminal, text: str) -> None:
        if terminal.tool_call_id is None:
            terminal.held = (terminal.held + text)[:_HELD_CAP]
        else:
            self._items.grow_output(terminal.tool_call_id, text)

    def _replace(self, terminal: _Terminal, text: str) -> None:
        if terminal.tool_call_id is None:
            terminal.held = text[:_HELD_CAP]
        elif self._items.has_tool(terminal.tool_call_id):
            self._items.use_tool(ToolUpdate(terminal.tool_call_id, text=text))

    def _tell(self, terminal: _Terminal) -> None:
        tool_call_id = terminal.tool_call_id
        if tool_call_id is not None and self._items.has_tool(tool_call_id):
            update = ToolUpdate(tool_call_id, command=terminal.command, exit_code=terminal.exit_code)
            self._items.use_tool(update)


def is_terminal_meta(meta: object) -> bool:
    """Whether `_meta` tells something of a command that runs."""
    return isinstance(meta, dict) and any(key in meta for key in (*_OUTPUT_KEYS, _EXIT_KEY))


def _decode(data: object) -> bytes | None:
    try:
        return base64.b64decode(data, validate=True) if type(data) is str else None
    except (binascii.Error, ValueError):
        return None
