"""Restarts and pieces change nothing in what a program of the terminal is seen to do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.adapters.agents.terminal.driver import ANEW, TerminalDriver
from agentlanes.kernel.ports.agents import Launch
from agentlanes.wire.models import Item, ProcessExit, SessionApply
from agents.conversation import LATER
from agents.core_double import AT, PROCESS_ID, CoreDouble

SHELL = Launch(("sh",), {}, (), "terminal")
MARK = "\x1b]133;D\x07"


class TypedCore(CoreDouble):
    """What is written are keys."""

    def _take_writes(self, apply: SessionApply) -> None:
        for write in apply.writes:
            assert write.n == len(self.writes) + 1, "numbers have no gaps"
            self.writes.append(write)


class Terminal:
    """A driver, the core's double, and a tape of bytes. Silence comes when the test says so."""

    def __init__(self, launch: Launch = SHELL, core: CoreDouble | None = None) -> None:
        self.launch = launch
        self.core = core or TypedCore()
        self.tape = b""
        self.restart()

    def restart(self) -> None:
        """A new server: what is on the tape is read again from where the log says."""
        self.driver = TerminalDriver(self.launch, PROCESS_ID)
        self.core.restart_clients()
        self.driver.restore(self.core.view(), self.core.writes, self.core.cursor)
        self.read = self.core.cursor.rest
        self.settle()

    def settle(self) -> None:
        """Take in what is new, and step until nothing is due."""
        if len(self.tape) > self.read:
            end = len(self.tape)
            at = AT if end > self.core.cursor.applied else LATER
            self.driver.receive(self.tape[self.read :], self.read, end, at)
            self.read = end
        self.step()

    def step(self) -> None:
        for _ in range(100):
            self.driver.follow(self.core.view())
            step = self.driver.collect(self.core.view())
            if step is None:
                return
            self.core.apply(step)
        raise AssertionError("the driver never comes to rest")

    def print(self, text: str) -> None:
        self.tape += text.encode()
        self.settle()

    def fall_silent(self) -> None:
        if self.driver.patience() is not None:
            self.driver.fall_silent(AT)
            self.step()

    def open(self) -> None:
        self.print("$ ")
        self.fall_silent()
        assert self.core.session.status == "attached"

    def prompt(self, text: str) -> None:
        self.core.prompt(text)
        self.step()

    def typed(self) -> str:
        return "".join(write.data for write in self.core.writes)

    def items(self) -> list[Item]:
        return sorted(self.core.items.values(), key=lambda item: (item.turn_id, item.position))


OUTPUT = st.sampled_from(
    [
        "word ",
        "line\r\n",
        "é🙂\r\n",
        "$ ",
        "\r",
        "\x1b[1A",
        "\x1b[2K",
        "50%\r",
        MARK,
        "\x1b[?2004h",
        "\x1b[31m",
        "\b",
        "go\r\n",
    ]
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("print"), OUTPUT),
        st.tuples(st.just("silence"), st.none()),
        st.tuples(st.just("prompt"), st.none()),
        st.tuples(st.just("interrupt"), st.none()),
    ),
    max_size=30,
)


def run(actions: list[tuple[str, Any]], cuts: set[int]) -> list[Any]:
    terminal = Terminal()
    terminal.open()
    for number, (name, argument) in enumerate(actions):
        if name == "print":
            terminal.print(argument)
        elif name == "silence":
            terminal.fall_silent()
        elif name == "prompt":
            terminal.prompt("go")
        elif terminal.core.active is not None and terminal.core.active.interrupt is None:
            terminal.core.interrupt()
            terminal.step()
        if number in cuts:
            terminal.restart()
    core = terminal.core
    return [msgspec.to_builtins(part) for part in (terminal.items(), core.turns)] + [terminal.typed()]


@given(ACTIONS, st.sets(st.integers(0, 29)))
def test_restarts_change_nothing(actions: list[tuple[str, Any]], cuts: set[int]) -> None:
    assert run(actions, cuts) == run(actions, set())


def test_a_prompt_is_typed_and_what_comes_of_it_is_one_message() -> None:
    terminal = Terminal()
    terminal.open()
    terminal.prompt("echo hi\nls")
    assert terminal.typed() == "echo hi\rls\r"
    terminal.print("echo hi\r\nhi\r\n$ ")
    terminal.print("ls\r\nfile\r\n$ ")
    assert terminal.driver.patience() == 0.2, "it is back at the words at which the prompt was typed"
    terminal.fall_silent()
    (item,) = terminal.items()
    assert item.text is not None and item.text.splitlines()[0] == "hi" and "file" in item.text
    assert terminal.core.last_turn.status == "completed"


def test_a_paste_is_marked_and_enter_comes_after_it() -> None:
    terminal = Terminal()
    terminal.print("\x1b[?2004h> ")
    terminal.fall_silent()
    terminal.prompt("two\nlines\x1b[201~rm -rf")
    assert terminal.typed() == "\x1b[200~two\nlines[201~rm -rf\x1b[201~"
    terminal.fall_silent()
    assert terminal.typed().endswith("\x1b[201~\r")
    terminal.restart()
    terminal.fall_silent()
    assert terminal.typed().count("\r") == 1


@pytest.mark.parametrize(
    ("busy", "idle"),
    [("\x1b]133;C\x07", MARK), ("\x1b]9;4;3\x07", "\x1b]9;4;0\x07")],
)
def test_a_program_that_says_that_it_works_may_be_silent(busy: str, idle: str) -> None:
    terminal = Terminal()
    terminal.open()
    terminal.prompt("go")
    terminal.print(f"{busy}thinking")
    assert terminal.driver.patience() is None
    terminal.print(f"\r\ndone\r\n{idle}")
    assert terminal.driver.patience() == 0.2


def test_a_profile_says_what_waiting_looks_like() -> None:
    quirks = {
        "idle_pattern": r"^\? for shortcuts",
        "quiet_seconds": 99,
        "interrupt_keys": "\x1b",
        "cols": 80,
        "rows": 24,
    }
    terminal = Terminal(Launch(("tui",), {}, (), "terminal", quirks=quirks))
    start = terminal.driver.start(terminal.core.view())
    assert start is not None and start.size is not None and (start.size.cols, start.size.rows) == (80, 24)
    terminal.open()
    terminal.prompt("go")
    terminal.print("working\r\n")
    assert terminal.driver.patience() == 99
    terminal.print("answer\r\n? for shortcuts")
    assert terminal.driver.patience() == 0.2
    terminal.core.interrupt()
    terminal.step()
    assert terminal.typed().endswith("\x1b")
    terminal.fall_silent()
    assert (terminal.core.last_turn.status, terminal.core.last_turn.summary) == ("interrupted", "working\nanswer\n")


def test_a_flood_is_one_bounded_message_and_ends_after_an_interrupt() -> None:
    terminal = Terminal()
    terminal.open()
    terminal.prompt("yes")
    for _ in range(200):
        terminal.print("y\r\n" * 2000)
    (item,) = terminal.items()
    assert item.text is None or len(item.text) < 600_000
    terminal.core.interrupt()
    terminal.step()
    late = "2999-01-01T00:00:00.000Z"
    terminal.driver.receive(b"y\r\n", len(terminal.tape), len(terminal.tape) + 3, late)
    terminal.step()
    assert terminal.core.last_turn.status == "interrupted"
    assert [item.kind for item in terminal.items()] == ["message", "notice"]


def test_a_program_that_is_started_anew_is_said_to_be() -> None:
    terminal = Terminal(core=TypedCore(listed=True))
    terminal.open()
    terminal.prompt("go")
    terminal.print("go\r\nout\r\n$ ")
    terminal.fall_silent()
    assert [(item.kind, item.text) for item in terminal.items()] == [("notice", ANEW), ("message", "out\n")]


@pytest.mark.parametrize(("code", "status"), [(0, "completed"), (3, "failed")])
def test_the_exit_of_a_program_that_runs_once_is_the_turns_end(code: int, status: str) -> None:
    terminal = Terminal(Launch(("aider", "--message", "{prompt}"), {}, (), "terminal"))
    assert terminal.driver.start(terminal.core.view()) is None and terminal.core.session.status == "attached"
    terminal.prompt("fix it")
    start = terminal.driver.start(terminal.core.view())
    assert start is not None and start.argv[-1] == "{prompt}" and start.fills == {"{prompt}": "fix it"}
    terminal.print("fixed")
    assert terminal.driver.patience() is None
    assert terminal.driver.finish(ProcessExit(process_id=PROCESS_ID, exit_code=code), AT)
    step = terminal.driver.collect(terminal.core.view())
    assert step is not None and step.apply.ended and step.apply.turn is not None
    assert (step.apply.turn.status, step.apply.turn.summary) == (status, "fixed\n")
