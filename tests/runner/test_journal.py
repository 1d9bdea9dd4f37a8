"""Journals: whose they are, and what they tell however they were cut."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.runner.journal import Journal, JournalBusyError, lock_journal, read_journal
from runner.rig import make_folder


@pytest.fixture
def path() -> Iterator[Path]:
    with make_folder() as folder:
        yield folder / "journal"


def write_life(path: Path) -> None:
    """A runner that ended, and one that died, on the same journal."""
    with Journal(lock_journal(str(path), create=True), str(path)) as journal:
        journal.append("start", lane_id="lane_1", home="/tapes", pid=10, start=100, boot_id="b")
        journal.append("spawning", process_id="p", pty=True, cols=80, rows=24)
        journal.append("spawned", process_id="p", pid=11, start=110)
        journal.append("resized", process_id="p", cols=90, rows=30)
        journal.append("exited", process_id="p", exit_code=0, signal=None, last_n=4, sweeping=True)
        journal.append("swept", process_id="p")
        journal.append("spawning", process_id="q", pty=False)
        journal.append("spawn_failed", process_id="q")
        journal.append("end")
    with Journal(lock_journal(str(path), create=True), str(path)) as journal:
        journal.append("start", lane_id="lane_1", home="/tapes", pid=20, start=200, boot_id="b")
        journal.append("spawning", process_id="r", pty=False)
        journal.append("spawned", process_id="r", pid=21, start=210)
        journal.append("spawning", process_id="s", pty=False)


def test_it_tells_of_every_process(path: Path) -> None:
    write_life(path)
    story = read_journal(str(path), alive=False)
    assert (story.lane_id, story.home, story.runner_pid, story.runner_start) == ("lane_1", "/tapes", 20, 200)
    assert not story.ended
    assert {name: process["state"] for name, process in story.processes.items()} == {
        "p": "exited",
        "r": "lost",
        "s": "lost",
    }
    p, s = story.processes["p"], story.processes["s"]
    assert (p["cols"], p["rows"], p["last_n"], p["sweeping"], p["pid"]) == (90, 30, 4, False, 11)
    assert s["pid"] is None


def test_the_processes_of_a_living_runner_run(path: Path) -> None:
    write_life(path)
    states = {name: process["state"] for name, process in read_journal(str(path), alive=True).processes.items()}
    assert states == {"p": "exited", "r": "running", "s": "running"}


@given(size=st.integers(0, 2000))
def test_it_can_be_cut_anywhere_and_continued(size: int) -> None:
    with make_folder() as folder:
        path = folder / "journal"
        write_life(path)
        os.truncate(path, min(size, path.stat().st_size))
        before = read_journal(str(path), alive=False).processes
        with Journal(lock_journal(str(path), create=True), str(path)) as journal:
            assert journal.append("spawning", process_id="new", pty=False)
        after = read_journal(str(path), alive=False).processes
        assert after.pop("new")["state"] == "lost"
        assert after == before


@given(
    junk=st.lists(
        st.one_of(
            st.binary(), st.recursive(st.none() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
        )
    )
)
def test_junk_is_passed_over(junk: list[bytes]) -> None:
    with make_folder() as folder:
        path = folder / "journal"
        write_life(path)
        with path.open("ab") as file:
            file.writelines(line.replace(b"\n", b"") + b"\n" for line in junk)
        assert set(read_journal(str(path), alive=False).processes) == {"p", "r", "s"}


def test_only_one_holds_it(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lock_journal(str(path), create=False)
    fd = lock_journal(str(path), create=True)
    with pytest.raises(JournalBusyError):
        lock_journal(str(path), create=True)
    os.close(fd)
    os.close(lock_journal(str(path), create=False))


def test_the_lock_of_a_deleted_journal_is_worth_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening and locking, the previous holder may have deleted the file."""
    first = lock_journal(str(path), create=True)
    opened = os.open
    swapped: list[bool] = []

    def open_and_swap(*arguments: object) -> int:
        fd = opened(*arguments)  # type: ignore[arg-type]
        if not swapped:
            swapped.append(True)
            path.unlink()
            os.close(first)
            path.touch()
        return fd

    monkeypatch.setattr(os, "open", open_and_swap)
    fd = lock_journal(str(path), create=True)
    assert os.path.samestat(os.fstat(fd), path.stat())
    os.close(fd)
