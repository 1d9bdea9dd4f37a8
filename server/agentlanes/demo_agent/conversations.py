"""What was said in earlier turns, kept in one small file per session so that a new process can go on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

DIRECTORY_VARIABLE = "AGENTLANES_DEMO_STATE"
_SESSION_ID = re.compile(r"demo-[0-9]{1,12}")
_KEPT_LINES = 1000
"""Lines of history that a session keeps; the oldest go first."""


@dataclass
class Line:
    """One thing said: `role` is `user` or `agent`."""

    role: str
    text: str


@dataclass
class Conversation:
    """A session as it is stored."""

    session_id: str
    cwd: str
    title: str = ""
    mode: str = "ask"
    turns: int = 0
    lines: list[Line] = field(default_factory=list)

    def words(self) -> int:
        """Size of the whole context; this agent's token is a word."""
        return sum(len(line.text.split()) for line in self.lines)


class Conversations:
    """The stored conversations of this user."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or default_directory()

    def create(self, cwd: str) -> Conversation:
        """A new conversation with the next free number."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = max(self._numbers(), default=0) + 1
        while True:
            conversation = Conversation(session_id=f"demo-{number}", cwd=cwd)
            try:
                # Exclusive creation reserves the number against another process that counts at the same moment.
                os.close(os.open(self._path(conversation.session_id), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                number += 1
            else:
                self.save(conversation)
                return conversation

    def find(self, session_id: str) -> Conversation | None:
        """The conversation with this id; None if there is none or its file is damaged."""
        if not _SESSION_ID.fullmatch(session_id):
            return None
        try:
            stored = json.loads(self._path(session_id).read_bytes())
            lines = [Line(**line) for line in stored.pop("lines")]
            return Conversation(**stored, lines=lines)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, conversation: Conversation) -> None:
        """Store it whole; a reader sees the old file or the new one."""
        del conversation.lines[:-_KEPT_LINES]
        path = self._path(conversation.session_id)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(asdict(conversation)), encoding="utf-8")
        fresh.replace(path)

    def _path(self, session_id: str) -> Path:
        return self._directory / f"{session_id}.json"

    def _numbers(self) -> Iterator[int]:
        for path in self._directory.glob("demo-*.json"):
            with suppress(ValueError):
                yield int(path.stem.removeprefix("demo-"))


def default_directory() -> Path:
    """$AGENTLANES_DEMO_STATE, else a folder under $XDG_STATE_HOME."""
    if chosen := os.environ.get(DIRECTORY_VARIABLE):
        return Path(chosen)
    state = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(state, "agentlanes-demo-agent")
