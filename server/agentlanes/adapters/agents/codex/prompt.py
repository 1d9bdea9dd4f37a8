"""A turn in Codex's words: what starts it, what it is told on the way, how it ended and what it used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from agentlanes.adapters.agents.codex.fields import read_count, read_object, read_text
from agentlanes.adapters.agents.codex.sandbox import Bounds
from agentlanes.adapters.agents.dialogue.frames import bound_value
from agentlanes.adapters.agents.dialogue.prompt import NO_USAGE, Prompt
from agentlanes.adapters.agents.dialogue.refusals import DETAILS_CAP
from agentlanes.core.turn import DEFAULT_PROMPTS
from agentlanes.wire.models import AgentWrite, Choice, Problem, ResourceLink, Steer, Turn, Usage

INTERRUPT = "turn/interrupt"
CLEAN = "thread/backgroundTerminals/clean"
STEER = "turn/steer"
_ERROR_CAP = 2000
_ADVICE = {
    "unauthorized": "log in with `codex login` in a terminal, then prompt again",
    "usageLimitExceeded": "prompt again when the limit is reset",
    "rateLimitExceeded": "prompt again in a while",
    "serverOverloaded": "prompt again in a while",
    "contextWindowExceeded": "a turn with the action compact makes room",
    "modelNotFound": "choose another model",
}
_COUNTS = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "total_tokens": "totalTokens",
    "cached_tokens": "cachedInputTokens",
    "thought_tokens": "reasoningOutputTokens",
}


class CodexPrompt(Prompt):
    """A turn, and what Codex knows it by."""

    __slots__ = (
        "agent_turn_id",
        "bounds",
        "clean_n",
        "cleaned_at",
        "closing",
        "early",
        "error",
        "held",
        "is_compaction",
        "steered",
        "stopped",
    )

    def __init__(self, turn_id: str, n: int, *, is_compaction: bool = False) -> None:
        super().__init__(turn_id, n)
        self.is_compaction = is_compaction
        self.agent_turn_id: str | None = None
        self.bounds: Bounds | None = None
        """What it was sent with; not known any more after a restart."""
        self.steered: dict[int, int] = {}
        """Number of the write of each further input, and the input's own number."""
        self.error: dict[str, Any] | None = None
        """What Codex said last about why it cannot go on."""
        self.stopped: Problem | None = None
        """Why it is stopped by this side."""
        self.closing: dict[str, Any] | None = None
        """How it ended, while commands that it began may still run."""
        self.early: dict[str, Any] | None = None
        """An end that was told before it was known whose it is."""
        self.held: int | None = None
        """Offset of the frame that said so; it is needed again after a restart."""
        self.clean_n: int | None = None
        self.cleaned_at: str | None = None

    def is_over(self) -> bool:
        return super().is_over() or self.closing is not None


def choose(turn: Turn, chosen: Choice | None, default: Choice) -> Choice:
    """The settings of a turn: its own before those of its session, and these before those of the profile."""
    told = (turn.choice, chosen, default)

    def first(name: str) -> str | None:
        return next((value for choice in told if choice and (value := getattr(choice, name))), None)

    return Choice(mode=first("mode"), model=first("model"), effort=first("effort"))


def write(
    turn: Turn, thread_id: str, bounds: Bounds, choice: Choice, collaboration: object
) -> tuple[str, dict[str, object]]:
    """The method that starts a turn, and its params."""
    if turn.action == "compact":
        return "thread/compact/start", {"threadId": thread_id}
    if turn.action == "review":
        return "review/start", {"threadId": thread_id, "target": _write_target(turn.prompt), "delivery": "inline"}
    params: dict[str, object] = {"threadId": thread_id, "input": write_input(turn), **bounds.write_turn()}
    if choice.model is not None:
        params["model"] = choice.model
    if choice.effort is not None:
        params["effort"] = choice.effort
    if collaboration is not None:
        params["collaborationMode"] = collaboration
    return "turn/start", params


def write_input(given: Turn | Steer) -> list[dict[str, object]]:
    """A prompt and what it points to. Codex knows files by their path and nothing else by an address."""
    parts: list[dict[str, object]] = [_write_text(given.prompt)]
    for link in given.links or ():
        path = _find_path(link)
        parts.append(
            _write_text(f"{link.name}: {link.uri}")
            if path is None
            else {"type": "mention", "name": link.name, "path": path}
        )
    return parts


def read(writes: Sequence[AgentWrite], turn: Turn) -> CodexPrompt | None:
    """The prompt that is in flight, by what was written and the turn that runs."""
    if turn.input_n is None:
        return None
    prompt = CodexPrompt(turn.turn_id, turn.input_n, is_compaction=turn.action == "compact")
    prompt.agent_turn_id = turn.agent_turn_id
    prompt.usage = turn.usage or NO_USAGE
    prompt.summary = turn.summary
    prompt.steered = {steer.input_n: steer.number for steer in turn.steers or () if steer.input_n is not None}
    for write in writes[turn.input_n :]:
        method = msgspec.json.decode(write.data).get("method")
        if method == INTERRUPT:
            prompt.cancel_n = write.n
        elif method == CLEAN:
            prompt.clean_n = write.n
    return prompt


def read_end(turn: dict[str, Any], error: dict[str, Any] | None) -> dict[str, Any]:
    """How a turn ended, as the fields of its progress. `error` is what was said before about its failure."""
    status = turn.get("status")
    if status == "interrupted":
        return {"status": "interrupted", "stop_reason": "cancelled"}
    if status == "failed":
        return {"status": "failed", "problem": describe_failure(read_object(turn, "error") or error or {})}
    return {"status": "completed", "stop_reason": "end_turn"}


def describe_failure(error: dict[str, Any]) -> Problem:
    """The problem behind an error of a turn."""
    info = error.get("codexErrorInfo")
    name = info if isinstance(info, str) else next(iter(info), None) if isinstance(info, dict) else None
    message = read_text(error, "message", _ERROR_CAP) or "Codex gives no reason"
    advice = _ADVICE.get(name) if isinstance(name, str) else None
    return Problem(
        code="AGENT_REFUSED",
        message=f"the turn failed: {message}" + (f"; {advice}" if advice else ""),
        details={"error": bound_value(error, DETAILS_CAP)},
    )


def show_failure(error: dict[str, Any]) -> str:
    """An error on which Codex tries again."""
    message, more = read_text(error, "message", _ERROR_CAP), read_text(error, "additionalDetails", _ERROR_CAP)
    return ": ".join(part for part in (message, more) if part) or "Codex gives no reason"


def add_usage(known: Usage, usage: dict[str, Any], before: dict[str, Any]) -> Usage:
    """The turn's usage after a count of its thread; `before` is the thread's count that came last.

    The first count of a turn says of itself what its last call took.
    """
    total, last = read_object(usage, "total"), read_object(usage, "last")
    counts: dict[str, Any] = {}
    for name, key in _COUNTS.items():
        now, then = read_count(total, key), read_count(before, key)
        grown = read_count(last, key) if now is None or then is None else max(0, now - then)
        if grown is not None:
            counts[name] = (getattr(known, name) or 0) + grown
    used, size = read_count(last, "totalTokens"), read_count(usage, "modelContextWindow")
    return msgspec.structs.replace(
        known,
        **counts,
        context_used=known.context_used if used is None else used,
        context_size=known.context_size if size is None else size,
    )


def _write_target(prompt: str) -> dict[str, object]:
    """What a review looks at: what is not committed, or what the user says."""
    if prompt == DEFAULT_PROMPTS["review"]:
        return {"type": "uncommittedChanges"}
    return {"type": "custom", "instructions": prompt}


def _write_text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text, "text_elements": []}


def _find_path(link: ResourceLink) -> str | None:
    parts = urlsplit(link.uri)
    return unquote(parts.path) if parts.scheme == "file" and parts.netloc in ("", "localhost") else None
