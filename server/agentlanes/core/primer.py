"""The primer: what another agent is told of a session, written from the log.

The same log gives the same text. Its size is bounded; where something has to go, the oldest goes, and it says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentlanes.wire.models import Item, PlanEntry, Session, Turn

PRIMER_CAP = 24_000
"""Characters of a primer at most: some 6000 tokens."""
_TURNS_CAP = 8_000
_FILES_CAP = 3_000
_PLAN_CAP = 3_000
_WORDS_CAP = 8_000
_ASKED_CAP = 600
_MESSAGE_CAP = 3_000
_EDITS = {"edit": "edited", "delete": "deleted", "move": "moved"}
_ENDS = {
    "completed": "done",
    "failed": "it failed",
    "interrupted": "it was cut short",
    "running": "it is still under way",
    "waiting": "it waits for a decision",
}
_MARKS = {"completed": "x", "in_progress": "~"}


def write_primer(source: Session, root: str, turns: Sequence[Turn], items: Mapping[str, Sequence[Item]]) -> str | None:
    """What the agent of another session is told; None where nothing was ever asked.

    `turns` are those that ran, oldest first; `items` are theirs by turn id, as far as they are known; `root` is the
    folder that paths are told relative to.
    """
    kept = [turn for turn in turns if turn.started_at is not None and not turn.dropped]
    if not kept:
        return None
    title = f' "{source.title}"' if source.title else ""
    parts = [
        f"You take over work{title} that another agent ({source.profile}) began. You are in the same project, and do "
        "not share its memory; what follows was written from the record of its session. Look at the files before you "
        "rely on it. The user's request comes after the line at the end.",
        _tell_turns(kept),
        _tell_files(root, kept, items),
        _tell_plan(kept, items),
        _tell_words(kept, items),
    ]
    text = "\n\n".join(part for part in parts if part)
    return f"{text[:PRIMER_CAP]}\n\n---"


def _tell_turns(turns: Sequence[Turn]) -> str:
    blocks: list[str] = []
    for number, turn in enumerate(turns, 1):
        asked = [_cut(turn.prompt, _ASKED_CAP), *(_cut(steer.prompt, _ASKED_CAP) for steer in turn.steers or ())]
        what = "\n   then: ".join(line.replace("\n", "\n   ") for line in asked)
        if turn.action not in (None, "prompt"):
            what = f"({turn.action})"
        end = _ENDS.get(turn.status, turn.status)
        if turn.problem is not None:
            end += f": {_cut(turn.problem.message, 200)}"
        said = f"; it said: {_cut(turn.summary, _ASKED_CAP)}" if turn.summary else ""
        blocks.append(f"{number}. {what}\n   -> {end}{said}".replace("\r", ""))
    return "## What was asked, and what came of it\n" + _keep_newest(blocks, _TURNS_CAP, "earlier requests")


def _tell_files(root: str, turns: Sequence[Turn], items: Mapping[str, Sequence[Item]]) -> str:
    changed: dict[str, str] = {}
    for turn in turns:
        for item in items.get(turn.turn_id, ()):
            tool = item.tool
            if tool is None or item.status != "completed" or tool.status == "failed":
                continue
            verb = _EDITS.get(tool.tool_kind or "")
            paths = [change.path for change in tool.changes or ()]
            if verb is not None and not paths:
                paths = [location.path for location in tool.locations or ()]
            for path in paths:
                name = path.removeprefix(root.rstrip("/") + "/")
                # The newest change of a file stands last.
                changed.pop(name, None)
                changed[name] = verb or "edited"
    lines = [f"- {path} ({verb})" for path, verb in changed.items()]
    return "## Files that it changed\n" + _keep_newest(lines, _FILES_CAP, "files changed before") if lines else ""


def _tell_plan(turns: Sequence[Turn], items: Mapping[str, Sequence[Item]]) -> str:
    plan: Sequence[PlanEntry] = ()
    for turn in turns:
        for item in items.get(turn.turn_id, ()):
            if item.kind == "plan" and item.plan:
                plan = item.plan
    if not any(entry.status != "completed" for entry in plan):
        return ""
    lines = [f"- [{_MARKS.get(entry.status, ' ')}] {_cut(entry.content, 500)}" for entry in plan]
    return "## Its plan (x = done, ~ = begun)\n" + _keep_newest(lines, _PLAN_CAP, "earlier steps")


def _tell_words(turns: Sequence[Turn], items: Mapping[str, Sequence[Item]]) -> str:
    said: list[str] = []
    for turn in turns:
        said.append(f"User:\n{_cut(turn.prompt, _MESSAGE_CAP)}")
        said += [
            f"Agent:\n{_cut(item.text, _MESSAGE_CAP)}"
            for item in items.get(turn.turn_id, ())
            if item.kind == "message" and item.text and item.text.strip()
        ]
    return "## The last that was said\n" + _keep_newest(said, _WORDS_CAP, "earlier messages", between="\n\n")


def _keep_newest(blocks: Sequence[str], cap: int, what: str, *, between: str = "\n") -> str:
    """As many of the last blocks as fit, at least one, and how many are left out."""
    size, first = 0, len(blocks)
    while first > 0 and (first == len(blocks) or size + len(blocks[first - 1]) + len(between) <= cap):
        first -= 1
        size += len(blocks[first]) + len(between)
    left_out = [f"({first} {what} are left out)"] if first else []
    return between.join([*left_out, *blocks[first:]])


def _cut(text: str | None, cap: int) -> str:
    """The text, or its beginning and its end."""
    text = (text or "").strip()
    if len(text) <= cap:
        return text
    half = (cap - 20) // 2
    return f"{text[:half].rstrip()} [...] {text[-half:].lstrip()}"
