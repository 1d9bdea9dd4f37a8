"""What becomes of an approval before anybody is asked: by the lane's permission mode, its rules, and grants.

Denying goes before everything, and what is not certain is asked. The policy sees what the agent says that it wants to
do; what an agent does without asking, it does not see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from glob import escape
from pathlib import PurePosixPath
from typing import Literal

from msgspec import Struct

from agentlanes.core import command_line
from agentlanes.core.command_line import Words
from agentlanes.wire.models import Approval, Grant, PermissionMode, Rule, RuleEffect, ToolCall, Touch

ACTOR = "policy"
TOUCHES_CAP = 1000
SHOWN = 200

_READING = frozenset(("read", "search", "think"))
_WRITING = frozenset(("edit", "delete", "move"))
_LAUNCHERS = frozenset(
    {
        "ash", "bash", "builtin", "busybox", "command", "dash", "doas", "env", "eval", "exec", "find", "fish", "ksh",
        "nice", "node", "nohup", "parallel", "perl", "python", "python3", "ruby", "setsid", "sh", "source", ".", "ssh",
        "stdbuf", "su", "sudo", "time", "timeout", "watch", "xargs", "zsh",
    }
)  # fmt: skip
"""Programs that run what their arguments say, so that a rule against a command may mean them as well."""


class Verdict(Struct, frozen=True):
    """What the policy says, and why."""

    effect: RuleEffect
    reason: str = ""
    grant_id: str | None = None


class Source(Struct, frozen=True):
    """A rule, and where it comes from."""

    rule: Rule
    name: str
    grant_id: str | None = None


class Asked(Struct, frozen=True):
    """What an approval is about, as rules see it."""

    tool_kind: str
    title: str
    line: str | None
    commands: tuple[Words, ...] | None
    """Of the line; None where it cannot be told what it runs."""
    touches: tuple[Touch, ...]


ASK = Verdict("ask")
_Match = Literal["yes", "maybe", "no"]


def read_asked(approval: Approval) -> Asked:
    """What the approval is about. Whatever runs a line is an execution, whatever the agent calls it."""
    tool = approval.preview
    line = command_line.find_line(tool)
    kind = (tool.tool_kind if tool is not None else None) or "other"
    title = (tool.title if tool is not None else None) or approval.title
    commands = command_line.split(line) if line is not None else ()
    return Asked("execute" if line is not None else kind, title, line, commands, approval.touches)


def judge(approval: Approval, mode: PermissionMode | None, rules: Sequence[Rule], grants: Iterable[Grant]) -> Verdict:
    """What happens to an approval. `grants` are those whose scope it is in."""
    if approval.kind in ("plan", "question"):
        return ASK
    asked = read_asked(approval)
    mode = mode or "supervised"
    granted = [Source(g.rule, f"the decision of {g.actor} for the {g.scope}", g.grant_id) for g in grants]
    ruled = [Source(rule, f"rule {n} of the lane") for n, rule in enumerate(rules, 1)] if mode != "supervised" else []
    stopped = _find_stop(asked, [*granted, *ruled], "deny")
    if stopped is not None:
        return stopped
    if mode == "plan":
        reads = approval.preview is not None and approval.preview.tool_kind in _READING
        return _plan(asked, ruled, reads)
    allowed = _find_allow(asked, granted)
    if allowed is not None:
        return allowed
    if mode == "supervised":
        return ASK
    return _find_stop(asked, ruled, "ask") or _find_allow(asked, [*granted, *ruled]) or ASK


def _plan(asked: Asked, ruled: Sequence[Source], reads: bool) -> Verdict:
    if asked.line is not None and reads:
        # An agent may well read by a command; whether this one does, a person can see.
        return ASK
    if reads:
        is_outside = any(touch.inside is None for touch in asked.touches)
        if is_outside or _find_stop(asked, ruled, "ask") is not None:
            return ASK
        return Verdict("allow", "the lane is in mode plan, and this changes nothing")
    if asked.tool_kind in ("fetch", "switch_mode"):
        return ASK
    return Verdict("deny", "the lane is in mode plan: nothing is changed; lane.update changes the mode")


def _find_stop(asked: Asked, sources: Sequence[Source], effect: RuleEffect) -> Verdict | None:
    """What a rule of this effect says that matches any part; one that may match is asked."""
    unclear = None
    for source in sources:
        if source.rule.effect != effect:
            continue
        match = _meets(source.rule, asked)
        if match == "yes":
            return Verdict(effect, _describe(source, asked), source.grant_id)
        if match == "maybe":
            unclear = ASK
    return unclear


def _meets(rule: Rule, asked: Asked) -> _Match:
    """Whether anything of what is asked is what the rule is about."""
    if not _fits(rule, asked):
        return "no"
    if rule.path is not None and not any(_is_at(rule.path, touch) for touch in asked.touches):
        return "no"
    if rule.command is None:
        return "yes"
    if asked.commands is None:
        return "maybe"
    pattern = rule.command.split()
    matches = {_may_run(pattern, words) for words in asked.commands}
    return "yes" if "yes" in matches else "maybe" if "maybe" in matches else "no"


def _find_allow(asked: Asked, sources: Sequence[Source]) -> Verdict | None:
    """What the rules say that together allow every part of what is asked."""
    if any(touch.inside is None for touch in asked.touches):
        return None
    allowing = [source for source in sources if source.rule.effect == "allow" and _fits(source.rule, asked)]
    used: dict[str, Source] = {}
    for part in _cut(asked):
        source = next((source for source in allowing if _allows(source.rule, asked, part)), None)
        if source is None:
            return None
        used.setdefault(source.name, source)
    named = ", ".join(_describe(source, asked) for source in used.values())
    return Verdict("allow", named, next(iter(used.values())).grant_id)


def _cut(asked: Asked) -> Iterator[Words | Touch | None]:
    """The parts that must be allowed one by one; None where it is not known what they are."""
    if asked.line is not None:
        yield from asked.commands if asked.commands is not None else (None,)
    elif asked.touches:
        yield from asked.touches
    else:
        yield None


def _allows(rule: Rule, asked: Asked, part: Words | Touch | None) -> bool:
    if rule.line is not None:
        # Letter by letter what was asked, and that was looked at before.
        return True
    if rule.title is not None and rule.command is None and rule.path is None:
        # A title says the less the more else is known.
        return part is None
    if rule.command is not None and not (isinstance(part, tuple) and _runs(rule.command.split(), part)):
        return False
    if rule.path is not None:
        touches = (part,) if isinstance(part, Touch) else asked.touches
        return bool(touches) and all(_is_at(rule.path, touch) for touch in touches)
    # Where an agent does not say what it writes, it may be anything.
    return part is not None or asked.tool_kind not in _WRITING


def _fits(rule: Rule, asked: Asked) -> bool:
    """Whether the rule is about such a thing at all."""
    return (
        rule.tool_kind in (None, asked.tool_kind)
        and rule.line in (None, asked.line)
        and rule.title in (None, asked.title)
        and (rule.command is None or asked.line is not None)
    )


def _runs(pattern: Sequence[str], words: Words) -> bool:
    """Whether a command is certainly one that the pattern means."""
    rest = pattern[-1:] == ["*"] and len(pattern) > 1
    fixed = pattern[:-1] if rest else pattern
    if len(words) < len(fixed) or (len(words) > len(fixed) and not rest):
        return False
    return all(not w.expands and fnmatchcase(w.text, p) for p, w in zip(fixed, words, strict=False))


def _may_run(pattern: Sequence[str], words: Words) -> _Match:
    """Whether a command is one that the pattern means, also by the path of its program or through another one."""
    program = PurePosixPath(words[0].text).name
    if program in _LAUNCHERS and not fnmatchcase(program, pattern[0]):
        return "maybe"
    named = (words[0]._replace(text=program), *words[1:])
    if _runs(pattern, words) or _runs(pattern, named):
        return "yes"
    expanding = next((index for index, word in enumerate(words) if word.expands), None)
    if expanding is None:
        return "no"
    certain = zip(pattern[:expanding], named[:expanding], strict=False)
    return "maybe" if all(fnmatchcase(word.text, each) for each, word in certain) else "no"


def _is_at(pattern: str, touch: Touch) -> bool:
    return touch.inside is not None and match_path(pattern, touch.inside)


def match_path(pattern: str, path: str) -> bool:
    """Whether a relative path is one that the glob means: * within a folder, ** across any number of them."""
    wanted = [part for part in pattern.split("/") if part != "."]
    if pattern.startswith("/") or ".." in wanted:
        return False
    reached = {0}
    for part in path.split("/"):
        reached = _skip(wanted, reached)
        stepped = {at for at in reached if at < len(wanted) and wanted[at] == "**"}
        reached = stepped | {at + 1 for at in reached - stepped if at < len(wanted) and fnmatchcase(part, wanted[at])}
    return len(wanted) in _skip(wanted, reached)


def _skip(wanted: Sequence[str], reached: set[int]) -> set[int]:
    """The places that are reached when each ** may stand for no folder at all."""
    found = set(reached)
    for at in range(len(wanted)):
        if at in found and wanted[at] == "**":
            found.add(at + 1)
    return found


def list_paths(tool: ToolCall | None) -> tuple[str, ...]:
    """The paths that a tool call says it is about."""
    if tool is None:
        return ()
    places = [place.path for place in tool.locations] + [change.path for change in tool.changes]
    return tuple(dict.fromkeys(places))


def find_inside(real: str, roots: Iterable[str]) -> str | None:
    """Where a path without symlinks lies below one of the roots; None outside, and for what belongs to git."""
    for root in roots:
        base = root.rstrip("/") + "/"
        if real == root.rstrip("/") or real.startswith(base):
            inside = real[len(base) :] or "."
            parts = inside.split("/")
            is_plain = ".." not in parts and ".git" not in [part.lower() for part in parts] and "\0" not in inside
            return inside if is_plain else None
    return None


def look(tool: ToolCall | None, real: Mapping[str, str], roots: Iterable[str]) -> tuple[Touch, ...]:
    """The paths of a tool call, and where they lead. More than can be listed lead anywhere."""
    paths = list_paths(tool)
    roots = tuple(roots)
    touches = [Touch(path=path, inside=find_inside(real[path], roots) if path in real else None) for path in paths]
    if len(touches) > TOUCHES_CAP:
        return (*touches[: TOUCHES_CAP - 1], Touch(path=f"… {len(touches) - TOUCHES_CAP + 1} more"))
    return tuple(touches)


def derive_rules(asked: Asked, effect: RuleEffect) -> tuple[Rule, ...]:
    """The narrowest rules that mean what was asked: its line, its paths, or its title."""
    if asked.line is not None:
        return (Rule(effect=effect, tool_kind="execute", line=asked.line),)
    kind = asked.tool_kind
    insides = [touch.inside for touch in asked.touches if touch.inside is not None]
    if insides and len(insides) == len(asked.touches):
        return tuple(Rule(effect=effect, tool_kind=kind, path=escape(inside)) for inside in dict.fromkeys(insides))
    return (Rule(effect=effect, tool_kind=kind, title=asked.title),)


def _describe(source: Source, asked: Asked) -> str:
    rule = source.rule
    verb = {"allow": "allows", "deny": "denies", "ask": "wants to be asked for"}[rule.effect]
    named = [text for text in (rule.command, rule.line, rule.path, rule.title) if text is not None]
    what = " ".join(re.sub(r"\s+", " ", text)[:SHOWN] for text in named) or f"every {rule.tool_kind or 'tool'}"
    return f"{source.name} {verb} {what}"
