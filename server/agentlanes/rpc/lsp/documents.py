"""Read-only documents that any LSP client can open: a session's transcript, a lane's diff and a
terminal's screen, as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from agentlanes.rpc.lsp.capabilities import SCHEME
from agentlanes.rpc.lsp.choices import describe
from agentlanes.wire.models import Approval, Item, Lane, LaneDiffResult, Session, Turn

_PLAN_MARKS = {"completed": "[x]", "in_progress": "[>]"}
_FENCE = "````"


def name_transcript(session_id: str) -> str:
    """The URI of a session's transcript."""
    return f"{SCHEME}:/sessions/{session_id}.md"


def name_diff(lane_id: str) -> str:
    """The URI of a lane's diff against the branch that it merges into."""
    return f"{SCHEME}:/lanes/{lane_id}.diff"


def name_screen(terminal_id: str) -> str:
    """The URI of what a terminal shows."""
    return f"{SCHEME}:/terminals/{terminal_id}.txt"


OVERVIEW = f"{SCHEME}:/lanes.md"
"""The URI of the list of lanes."""


def read_name(uri: str) -> tuple[str, str] | None:
    """The noun and the id that a URI stands for, no id for the list of lanes; None where it is none of ours."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if uri == OVERVIEW:
        return "lane", ""
    places = [("session", "/sessions/", ".md"), ("lane", "/lanes/", ".diff"), ("terminal", "/terminals/", ".txt")]
    for noun, prefix, suffix in places:
        if parts.scheme == SCHEME and parts.path.startswith(prefix) and parts.path.endswith(suffix):
            return noun, parts.path[len(prefix) : -len(suffix)]
    return None


def name_file(uri: str, lane: Lane | None) -> str:
    """What a document is called as a file: after its lane's branch, which people know."""
    named = read_name(uri)
    if named is None or lane is None:
        return "lanes.md"
    noun, id = named
    stem = lane.branch.rsplit("/", 1)[-1]
    return f"{stem}.diff" if noun == "lane" else f"{stem}-{id[-6:].lower()}.{'txt' if noun == 'terminal' else 'md'}"


def write_overview(rows: Iterable[tuple[Lane, Sequence[Session], Sequence[Approval]]]) -> str:
    """The lanes in Markdown, with what waits for somebody and what can be opened."""
    lines = ["# Lanes", ""]
    for lane, sessions, approvals in rows:
        lines += [f"## {lane.name}", "", f"{lane.status} · {lane.provider_profile} · `{lane.branch}`", ""]
        if lane.problem is not None:
            lines += [f"**{lane.problem.code}**: {lane.problem.message}", ""]
        lines += [f"- waits for a decision: {describe(approval)}" for approval in approvals]
        for session in sessions:
            activity = f": {session.activity}" if session.activity else ""
            told = f"{session.title or session.profile} ({session.status}{activity})"
            lines.append(f"- {told} {name_transcript(session.session_id)}")
        lines += [f"- changes {name_diff(lane.lane_id)}", *(f"- worktree {tree.path}" for tree in lane.worktrees), ""]
    return "\n".join(lines) if len(lines) > 2 else "# Lanes\n\nNone yet: a code action starts one.\n"


def write_transcript(session: Session, turns: Iterable[tuple[Turn, Iterable[Item]]]) -> str:
    """A session in Markdown: its turns in order, what was asked and what came of it."""
    lines = [f"# {session.title or 'A session'}", "", f"{session.profile} · {session.status}", ""]
    for turn, items in turns:
        lines += [f"## {_quote_line(turn.prompt)}", "", f"*{turn.status}*", ""]
        if "\n" in turn.prompt.strip():
            lines += [*(f"> {line}" for line in turn.prompt.strip().splitlines()), ""]
        for item in items:
            lines += _write_item(item)
        if turn.problem is not None:
            lines += [f"**{turn.problem.code}**: {turn.problem.message}", ""]
    return "\n".join(lines)


def _write_item(item: Item) -> list[str]:
    text = (item.text or "").rstrip()
    match item.kind:
        case "user_message":
            return []
        case "message":
            return [text, ""] if text else []
        case "thought":
            return [*(f"> *{line}*" if line else ">" for line in text.splitlines()), ""] if text else []
        case "plan":
            return [*(f"- {_PLAN_MARKS.get(entry.status, '[ ]')} {entry.content}" for entry in item.plan), ""]
        case "tool_call":
            title = item.tool.title if item.tool is not None and item.tool.title else "a tool"
            output = [_FENCE, text, _FENCE] if text else []
            return [f"**{_quote_line(title)}** ({item.status})", *output, ""]
        case "usage":
            return []
    shown = text or (item.problem.message if item.problem is not None else "")
    return [f"*{item.kind}*: {shown}", ""] if shown else []


def write_diff(lane: Lane, diff: LaneDiffResult) -> str:
    """A lane's changes as a unified diff."""
    lines: list[str] = []
    for worktree in diff.worktrees:
        for file in worktree.files:
            old, new = file.old_path or file.path, file.path
            lines.append(f"diff --git a/{old} b/{new}")
            if file.binary:
                lines.append(f"Binary files a/{old} and b/{new} differ")
            elif file.hunks:
                lines.append("--- /dev/null" if file.status == "added" else f"--- a/{old}")
                lines.append("+++ /dev/null" if file.status == "deleted" else f"+++ b/{new}")
            for hunk in file.hunks:
                section = f" {hunk.section}" if hunk.section else ""
                span = f"-{hunk.old_start},{hunk.old_lines} +{hunk.new_start},{hunk.new_lines}"
                lines += [f"@@ {span} @@{section}", *hunk.text.removesuffix("\n").split("\n")]
    if not lines:
        return f"lane {lane.name} changes nothing\n"
    return "\n".join(lines) + "\n"


def _quote_line(text: str) -> str:
    first = text.strip().split("\n", 1)[0]
    return first if len(first) <= 200 else f"{first[:199]}…"
