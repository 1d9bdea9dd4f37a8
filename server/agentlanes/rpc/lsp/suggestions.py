"""What an agent could be asked to do about a place in a file: the code actions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from agentlanes.wire.models import Session

_TODO = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b[:\s]*(.*)")
_TITLE_CAP = 60
_EXCERPT_LINES = 200
PROBLEMS_CAP = 5
SESSIONS_CAP = 5


class Excerpt(NamedTuple):
    """Lines of a file. Numbers count from 1."""

    path: str
    first: int
    last: int
    lines: Sequence[str]


class Suggestion(NamedTuple):
    """Something to ask of an agent. It goes to a new lane where `session_id` is None."""

    title: str
    kind: str
    prompt: str
    session_id: str | None = None


def suggest(excerpt: Excerpt, problems: Iterable[str], sessions: Sequence[Session]) -> Iterator[Suggestion]:
    """The suggestions for a place: its problems, the TODOs in it, and the place itself for the sessions that run."""
    where = f"{excerpt.path}:{excerpt.first}" + (f"-{excerpt.last}" if excerpt.last > excerpt.first else "")
    quoted = _quote(excerpt)
    for problem in list(problems)[:PROBLEMS_CAP]:
        prompt = f"Fix this problem at {where}:\n\n{problem}\n\n{quoted}"
        yield Suggestion(f"Start a lane to fix: {shorten(problem)}", "quickfix", prompt)
    for line in excerpt.lines:
        found = _TODO.search(line)
        if found is not None:
            note = found.group(0).strip()
            prompt = f"Do what this note at {where} asks for, and take the note away:\n\n{note}\n\n{quoted}"
            yield Suggestion(f"Start a lane for: {shorten(note)}", "quickfix", prompt)
    if any(line.strip() for line in excerpt.lines):
        prompt = f"Look at {where} and improve it:\n\n{quoted}"
        yield Suggestion("Start a lane to improve this", "refactor", prompt)
        for session in sessions[:SESSIONS_CAP]:
            title = f"Send this to “{shorten(session.title or session.profile)}”"
            yield Suggestion(title, "refactor", f"Look at {where}:\n\n{quoted}", session.session_id)


def _quote(excerpt: Excerpt) -> str:
    lines = [line.rstrip("\r\n") for line in excerpt.lines[:_EXCERPT_LINES]]
    left_out = len(excerpt.lines) - len(lines)
    body = "\n".join(lines) + (f"\n… {left_out} more lines" if left_out else "")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    return f"{fence}\n{body}\n{fence}"


def shorten(text: str, cap: int = _TITLE_CAP) -> str:
    """One line that fits into a menu."""
    line = " ".join(text.split())
    return line if len(line) <= cap else f"{line[: cap - 1]}…"
