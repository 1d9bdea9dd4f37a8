"""What the policy decides, whatever agents say that they want to do."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.core import policy
from agentlanes.kernel.paths import see_paths
from agentlanes.wire.models import (
    Approval,
    Grant,
    Location,
    PermissionMode,
    Rule,
    ToolCall,
)

AT = "2026-03-01T12:00:00.000Z"
ROOTS = ("/lanes/ln/shop",)


def approve(tool: dict[str, Any] | None = None, **fields: Any) -> Approval:
    """An approval about a tool call, whose paths are what they look like."""
    preview = None if tool is None else ToolCall(**{"tool_call_id": "1", "status": "pending", **tool})
    real = {path: os.path.normpath(Path(ROOTS[0], path)) for path in policy.list_paths(preview)}
    return Approval(
        **{
            "approval_id": "ap",
            "workspace_id": "ws",
            "lane_id": "ln",
            "session_id": "ss",
            "turn_id": "tn",
            "process_id": "pr",
            "request_id": "1",
            "status": "pending",
            "title": "Do it",
            "preview": preview,
            "touches": policy.look(preview, real, ROOTS),
            "options": (),
            "requested_at": AT,
            "expires_at": AT,
            **fields,
        }
    )


def run(line: str) -> Approval:
    return approve({"tool_kind": "execute", "command": line})


def edit(*paths: str, kind: str = "edit") -> Approval:
    return approve({"tool_kind": kind, "locations": tuple(Location(path=path) for path in paths)})


def decide(approval: Approval, *rules: dict[str, str], mode: PermissionMode = "auto") -> str:
    return policy.judge(approval, mode, [Rule(**rule) for rule in rules], ()).effect  # type: ignore[arg-type]


def allow(command: str) -> dict[str, str]:
    return {"effect": "allow", "command": command}


def deny(command: str) -> dict[str, str]:
    return {"effect": "deny", "command": command}


EVERYTHING = {"effect": "allow"}

COMMANDS: tuple[tuple[str, Sequence[dict[str, str]], str], ...] = (
    ("git status", [allow("git status")], "allow"),
    ("git status -s", [allow("git status")], "ask"),
    ("git status -s", [allow("git status *")], "allow"),
    ("git status", [allow("git status *")], "allow"),
    ("git push", [allow("git st*")], "ask"),
    ("git stash", [allow("git st*")], "allow"),
    ("git stash drop", [allow("git * drop")], "allow"),
    ("git status && git diff", [allow("git status"), allow("git diff")], "allow"),
    ("git status && rm -rf .", [allow("git status"), allow("git *")], "ask"),
    ("git status; rm -rf .", [allow("git *")], "ask"),
    ("git status\nrm -rf .", [allow("git *")], "ask"),
    ("git log | sh", [allow("git *")], "ask"),
    ("git status & rm x", [allow("git *")], "ask"),
    ("git status $(rm x)", [allow("git *")], "ask"),
    ("git status `rm x`", [allow("git *")], "ask"),
    ("git log > .git/hooks/pre-commit", [allow("git *")], "ask"),
    ("X=1 git log", [allow("git *")], "ask"),
    ("bash -lc 'git log'", [allow("git log")], "allow"),
    ("bash -lc 'git log; rm x'", [allow("git log")], "ask"),
    ("bash -lc 'git log; rm x'", [allow("bash *"), allow("git *")], "ask"),
    ("rm x", [EVERYTHING, deny("rm *")], "deny"),
    ("/bin/rm x", [EVERYTHING, deny("rm *")], "deny"),
    ("git log && rm x", [EVERYTHING, deny("rm *")], "deny"),
    ("sh -c 'rm x'", [EVERYTHING, deny("rm *")], "deny"),
    ("xargs rm", [EVERYTHING, deny("rm *")], "ask"),
    ("echo $(rm x)", [EVERYTHING, deny("rm *")], "ask"),
    ("echo $(rm x)", [EVERYTHING], "allow"),
    ("rm *", [EVERYTHING, deny("rm -rf *")], "ask"),
    ("ls", [EVERYTHING, deny("rm *")], "allow"),
    ("git push", [allow("git *"), {"effect": "ask", "command": "git push *"}], "ask"),
    ("npm test", [{"effect": "allow", "line": "npm test"}], "allow"),
    ("npm test ", [{"effect": "allow", "line": "npm test"}], "ask"),
    ("ls", [{"effect": "allow", "tool_kind": "read"}], "ask"),
    ("cat *", [allow("cat ?")], "ask"),
    ("cat *", [allow("cat *")], "allow"),
)


@pytest.mark.parametrize(("line", "rules", "effect"), COMMANDS)
def test_commands(line: str, rules: Sequence[dict[str, str]], effect: str) -> None:
    assert decide(run(line), *rules) == effect


PATHS: tuple[tuple[Sequence[str], Sequence[dict[str, str]], str], ...] = (
    (["src/a.py"], [{"effect": "allow", "path": "src/**"}], "allow"),
    (["src/deep/er/a.py"], [{"effect": "allow", "path": "src/**/*.py"}], "allow"),
    (["src/a.py"], [{"effect": "allow", "path": "src/**/*.py"}], "allow"),
    (["src/deep/a.py"], [{"effect": "allow", "path": "src/*.py"}], "ask"),
    (["src/a.py", "b.py"], [{"effect": "allow", "path": "src/**"}], "ask"),
    (["src/a.py", "b.py"], [{"effect": "allow", "path": "src/**"}, {"effect": "allow", "path": "*.py"}], "allow"),
    (["src/../../../x"], [EVERYTHING], "ask"),
    (["src/../b.py"], [{"effect": "allow", "path": "src/**"}], "ask"),
    (["/etc/passwd"], [{"effect": "allow", "path": "**"}], "ask"),
    (["/lanes/ln/shopping/a"], [{"effect": "allow", "path": "**"}], "ask"),
    ([".git"], [{"effect": "allow", "path": "**"}], "ask"),
    (["sub/.GIT/hooks/pre-commit"], [EVERYTHING], "ask"),
    ([".gitignore"], [EVERYTHING], "allow"),
    ([], [EVERYTHING], "ask"),
    (["a", "secret/key"], [EVERYTHING, {"effect": "deny", "path": "secret/**"}], "deny"),
    (["a"], [{"effect": "allow", "path": "../**"}], "ask"),
    (["a"], [{"effect": "allow", "path": "/**"}], "ask"),
    (["a"], [{"effect": "allow", "tool_kind": "edit"}], "allow"),
    (["a"], [{"effect": "allow", "tool_kind": "read"}], "ask"),
    (["a"], [{"effect": "deny", "tool_kind": "edit"}, EVERYTHING], "deny"),
)


@pytest.mark.parametrize(("paths", "rules", "effect"), PATHS)
def test_paths(paths: Sequence[str], rules: Sequence[dict[str, str]], effect: str) -> None:
    assert decide(edit(*paths), *rules) == effect


PLAN = (
    (edit("a", kind="read"), "allow"),
    (edit("/etc/passwd", kind="read"), "ask"),
    (edit("a", kind="search"), "allow"),
    (edit("a"), "deny"),
    (edit("a", kind="delete"), "deny"),
    (run("ls"), "deny"),
    (approve({"tool_kind": "read", "command": "cat a"}), "ask"),
    (approve({"tool_kind": "fetch"}), "ask"),
    (approve({"tool_kind": "of_a_kind_to_come"}), "deny"),
    (approve({}), "deny"),
    (approve(), "deny"),
    (approve(kind="plan"), "ask"),
    (approve(kind="question"), "ask"),
)


@pytest.mark.parametrize(("approval", "effect"), PLAN)
def test_plan_mode(approval: Approval, effect: str) -> None:
    assert decide(approval, mode="plan") == effect
    assert decide(approval, {"effect": "allow"}, mode="plan") == effect, "rules allow nothing in mode plan"


def test_rules_count_in_mode_auto_only() -> None:
    assert decide(run("ls"), EVERYTHING, mode="supervised") == "ask"
    assert policy.judge(run("ls"), None, [Rule(effect="allow")], ()).effect == "ask"


def test_a_reason_names_what_decided() -> None:
    rules = [Rule(effect="allow", command="git *"), Rule(effect="allow", command="ls")]
    assert policy.judge(run("ls && git log"), "auto", rules, ()).reason == (
        "rule 2 of the lane allows ls, rule 1 of the lane allows git *"
    )


WORDS = st.sampled_from(["git", "rm", "status", "-rf", "x", "log", "push", "a b", "&&", ";", "$(rm)"])
SIMPLE = st.lists(WORDS, min_size=1, max_size=4).map(lambda words: ["git", *words])
JOINTS = st.sampled_from([" && ", "; ", " | ", "\n", " || ", " & "])
TAILS = st.sampled_from(["rm x", "$(rm x)", "sh", "`rm x`", "> x", "X=1 rm", "(rm x)", "'rm' x", "\\rm x", '"rm" x'])


@given(st.lists(SIMPLE, min_size=1, max_size=4), JOINTS, TAILS)
def test_a_compound_command_is_allowed_only_if_every_part_is(parts: list[list[str]], joint: str, tail: str) -> None:
    line = joint.join(shlex.join(part) for part in parts)
    assert decide(run(line), allow("git *")) == "allow"
    assert decide(run(line + joint + tail), allow("git *")) == "ask"
    assert decide(run(tail + joint + line), allow("git *")) == "ask"


RULES = st.builds(
    Rule,
    effect=st.sampled_from(["allow", "deny", "ask"]),
    tool_kind=st.sampled_from([None, None, "execute", "edit", "read"]),
    command=st.sampled_from([None, None, "git *", "rm *", "* *", "git log"]),
    path=st.sampled_from([None, None, None, "**", "src/**", "*.py"]),
)
ASKED = st.one_of(
    st.lists(SIMPLE.map(shlex.join) | TAILS, min_size=1, max_size=3).map(" && ".join).map(run),
    st.tuples(
        st.lists(st.sampled_from(["a.py", "src/a.py", "../x", "/etc/x", ".git/x"]), max_size=3),
        st.sampled_from(["edit", "read", "delete", "other"]),
    ).map(lambda drawn: edit(*drawn[0], kind=drawn[1])),
)
STRICT = {"allow": 0, "ask": 1, "deny": 2}


@given(ASKED, st.lists(RULES, max_size=5), st.lists(RULES, max_size=2).map(lambda rules: rules))
def test_more_denying_never_allows_more(asked: Approval, rules: list[Rule], more: list[Rule]) -> None:
    before = policy.judge(asked, "auto", rules, ()).effect
    stricter = [*rules, *(rule for rule in more if rule.effect != "allow")]
    assert STRICT[policy.judge(asked, "auto", stricter, ()).effect] >= STRICT[before]


@given(ASKED, st.lists(RULES, max_size=5), st.randoms())
def test_the_order_of_rules_means_nothing(asked: Approval, rules: list[Rule], random: Any) -> None:
    before = policy.judge(asked, "auto", rules, ()).effect
    random.shuffle(rules)
    assert policy.judge(asked, "auto", rules, ()).effect == before


@given(ASKED, st.sampled_from(["allow", "deny"]))
def test_a_derived_rule_means_what_was_asked_and_nothing_outside(asked: Approval, effect: Any) -> None:
    grants = [
        Grant(
            grant_id=f"gr{number}",
            workspace_id="ws",
            scope="workspace",
            rule=rule,
            approval_id="ap",
            actor="client/a",
            created_at=AT,
        )
        for number, rule in enumerate(policy.derive_rules(policy.read_asked(asked), effect))
    ]
    outside = any(touch.inside is None for touch in asked.touches)
    decided = policy.judge(asked, "supervised", (), grants).effect
    assert decided == ("ask" if effect == "allow" and outside else effect)
    other = run("git other") if asked.preview and asked.preview.command else edit("other/file", kind="edit")
    other = msgspec.structs.replace(other, title="Another thing")
    assert policy.judge(other, "supervised", (), grants).effect == "ask"


PARTS = st.sampled_from(["..", ".", "a", "b", ".git", "link", "up", "", "~"])


@given(st.booleans(), st.lists(PARTS, min_size=1, max_size=6))
def test_paths_never_escape(absolute: bool, parts: list[str]) -> None:
    path = ("/" if absolute else "") + "/".join(parts)
    (touch,) = edit(path).touches
    if touch.inside is not None:
        real = os.path.normpath(Path(ROOTS[0], touch.inside))
        assert real == ROOTS[0] or real.startswith(ROOTS[0] + "/")
        assert ".git" not in touch.inside.split("/")


def test_symlinks_on_disk_lead_where_they_lead(tmp_path: Path) -> None:
    lane, other = tmp_path / "lane", tmp_path / "other"
    for folder in (lane / "src", other):
        folder.mkdir(parents=True)
    (lane / "out").symlink_to(other)
    (lane / "in").symlink_to(lane / "src")
    (lane / "loop").symlink_to("loop")
    (tmp_path / "alias").symlink_to(lane)
    leads = {
        "src/a.py": "src/a.py",
        "in/a.py": "src/a.py",
        "in/../b.py": "b.py",
        "out/a.py": None,
        "out": None,
        "out/../src/a.py": None,
        "src/../../other/x": None,
        "nul\0byte": None,
        f"{tmp_path}/alias/src/new/file": "src/new/file",
        str(other / "x"): None,
    }
    approval = edit(*leads)
    seen = see_paths([approval], str(lane), [str(tmp_path / "alias")])
    touches = policy.look(approval.preview, seen.real, seen.roots)
    assert {touch.path: touch.inside for touch in touches} == leads


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**", "a/b/c", True),
        ("**/c", "c", True),
        ("a/**", "a", True),
        ("a/**/**/b", "a/b", True),
        ("a/*/b", "a/b", False),
        ("*", "a/b", False),
        ("[ab]", "a", True),
        ("./a", "a", True),
        ("a?", "a/", False),
    ],
)
def test_globs(pattern: str, path: str, matches: bool) -> None:
    assert policy.match_path(pattern, path) is matches


def test_a_glob_that_wants_to_be_slow_is_not() -> None:
    assert not policy.match_path("**/" * 2000 + "x", "/".join("y" * 2000))


def test_more_paths_than_can_be_listed_lead_out() -> None:
    approval = edit(*[f"src/{number}" for number in range(2000)])
    assert len(approval.touches) == policy.TOUCHES_CAP
    assert decide(approval, EVERYTHING) == "ask"
