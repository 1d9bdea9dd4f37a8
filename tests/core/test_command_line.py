"""What a shell line runs, held against shells: they run nothing that was not told."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentlanes.core.command_line import Words, find_line, split
from agentlanes.wire.models import ToolCall

SHELLS = [path for name in ("bash", "dash", "sh") if (path := shutil.which(name))]

SPLITS: tuple[tuple[str, list[list[str]] | None], ...] = (
    ("git status", [["git", "status"]]),
    ("a && b || c ; d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
    ("a\nb\n\nc &&\n d", [["a"], ["b"], ["c"], ["d"]]),
    ("grep 'a && b' \"c; d\" e\\ f", [["grep", "a && b", "c; d", "e f"]]),
    ("a 'b'\"c\"d ''", [["a", "bcd", ""]]),
    (r'a "\"\\\$\n"', [["a", '"\\$\\n']]),
    ("npm test 2>&1 >/dev/null | tail -5", [["npm", "test"], ["tail", "-5"]]),
    ("bash -lc 'git status && rm x'", [["git", "status"], ["rm", "x"]]),
    ("/bin/sh -c \"sh -c 'a; b'\"", [["a"], ["b"]]),
    ("bash -c 'a' name", [["bash", "-c", "a", "name"]]),
    ("/tmp/bash -c 'a'", [["/tmp/bash", "-c", "a"]]),
    ("bash -c 'echo $HOME'", None),
    ("a#b c", [["a#b", "c"]]),
    ("echo $(rm x)", None),
    ("echo `rm x`", None),
    ('echo "$(rm x)"', None),
    ("echo $HOME", None),
    ("a > b", None),
    ("a >b", None),
    ("a &>/dev/null b", None),
    ("a 2>/dev/nullish", None),
    ("a <(b)", None),
    ("(a; b)", None),
    ("{ a; }", None),
    ("a {b,c}", None),
    ("X=1 a", None),
    ("PATH+=:x a", None),
    ("if a; then b; fi", None),
    ("! a", None),
    ("a # b", None),
    ("a \\\n b", None),
    ("a 'b", None),
    ('a "b', None),
    ("a;;b", None),
    ("a &&", None),
    ("&& a", None),
    ("* a", None),
    ("'' a", None),
    ("a\rb", None),
    ("a\x00b", None),
    ("a\u00a0b", None),
    ("", None),
    ("  \n ", None),
)


@pytest.mark.parametrize(("line", "commands"), SPLITS)
def test_splits(line: str, commands: list[list[str]] | None) -> None:
    found = split(line)
    assert (None if found is None else [[word.text for word in words] for words in found]) == commands


def test_words_that_expand_are_marked() -> None:
    (words,) = split("rm *.py '*.py' \\*.py ~ a[b]") or ()
    assert [word.expands for word in words] == [False, True, False, False, True, True]


def test_a_line_that_is_too_deep_or_too_long_is_not_told() -> None:
    line = "a"
    for _ in range(8):
        line = "sh -c '" + line.replace("'", "'\\''") + "'"
    assert split(line) is None
    assert split("a" * 70_000) is None


@pytest.mark.parametrize(
    ("tool", "line"),
    [
        ({"command": "git status", "raw_input": {"command": "rm x"}}, "git status"),
        ({"raw_input": {"command": ["git", "commit", "-m", "a; b"]}}, "git commit -m 'a; b'"),
        ({"raw_input": {"command": "ls"}}, "ls"),
        ({"raw_input": {"command": [1]}}, None),
        ({"raw_input": ["ls"]}, None),
        ({}, None),
    ],
)
def test_the_line_of_a_tool_call(tool: dict[str, object], line: str | None) -> None:
    assert find_line(ToolCall(tool_call_id="1", status="pending", **tool)) == line  # type: ignore[arg-type]


PROGRAMS = "abc"
STUB = """#!/bin/sh
printf '%s\\001' "${0##*/}" "$@" @END >>"$RAN"
"""
OPERATORS = st.sampled_from([" && ", " || ", ";", "&", " | ", "\n", " &&\n", "|", " ;\n\n"])
PIECES = st.sampled_from(
    (
        "a", "b", "c", "a1", " ", "  ", "\t", "'a b'", "'a; b'", '"a && b"', '"\\\\a"', '"\\""', "\\ ", "\\a", "\\;",
        "''", '""',
        "=", "-x", "#", "*", "?", "~", "[a]", "!", "2>&1", " >/dev/null ", " 2>/dev/null", "1", "%", ",", "^", ":", "é",
    )
)  # fmt: skip
NOISE = st.sampled_from(
    (
        "'", '"', "\\", "$", "`", ";", "&", "|", "(", ")", "{", "}", "<", ">", "#", "*", "?", "~", "!", "=", "\n",
        "$(b)", "$b", "${b}", "<(b)", "&>", "<<a", "|&", ";;", "if ", "{ ", "b=1 ", "\\\n",
    )
)  # fmt: skip
COMMANDS = st.tuples(st.sampled_from(PROGRAMS), st.lists(PIECES, max_size=5).map("".join)).map(
    lambda command: f"{command[0]} {command[1]}"
)
WRAPPED = st.tuples(st.sampled_from(["sh -c ", "bash -lc ", "dash -c "]), COMMANDS).map(
    lambda wrapped: wrapped[0] + shlex.quote(wrapped[1])
)
LINES = st.lists(st.tuples(COMMANDS | WRAPPED, OPERATORS), min_size=1, max_size=4).map(
    lambda commands: "".join(part for command in commands for part in command)
)


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """A line that somebody put something into, anywhere."""
    line = draw(LINES)
    at = draw(st.integers(0, len(line)))
    return line[:at] + draw(NOISE) + line[at:]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with programs that tell how they were run."""
    folder = tmp_path_factory.mktemp("shells")
    for name in ("bin", "cwd"):
        (folder / name).mkdir()
    for name in PROGRAMS:
        (folder / "bin" / name).write_text(STUB)
        (folder / "bin" / name).chmod(0o700)
    return folder


@settings(max_examples=settings().max_examples // 2, deadline=None)
@given(line=LINES | spoiled())
@example(line="a |& b")
@example(line="a;&b")
@example(line="a '' | b")
@example(line="a \\'b'c'")
@example(line="a &>/dev/null b")
def test_shells_run_nothing_else(place: Path, line: str) -> None:
    told = split(line)
    if told is None:
        return
    for shell in SHELLS:
        for argv in run(shell, line, place):
            assert any(is_told(words, argv) for words in told), (shell, line, argv, told)


def run(shell: str, line: str, place: Path) -> list[list[str]]:
    """What a shell ran: the programs' words."""
    ran = place / "ran"
    ran.write_bytes(b"")
    env = {"PATH": f"{place / 'bin'}:/usr/bin:/bin", "HOME": "/home/u", "RAN": str(ran), "LC_ALL": "C.UTF-8"}
    script = [shell, "-c", f"{line}\nwait"]
    subprocess.run(script, cwd=place / "cwd", env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    told = ran.read_bytes().decode(errors="replace")
    return [argv.split("\1")[:-1] for argv in told.split("@END\1")[:-1]]


def is_told(words: Words, argv: list[str]) -> bool:
    """Whether these words can become what was run."""
    if words[0].text in ("sh", "bash", "dash"):
        # It was told that a shell is run, and not what that does.
        return True
    if any(word.expands for word in words):
        return words[0].text == argv[0]
    return [word.text for word in words] == argv


def test_the_programs_tell_what_is_run(place: Path) -> None:
    """Lest the test above holds because nothing runs."""
    for shell in SHELLS:
        assert run(shell, "a 'x y' && b; sh -c 'c z' | a &", place)[:2] == [["a", "x y"], ["b"]]
