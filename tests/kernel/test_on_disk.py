"""The kernel on a disk that fills up, and in a process that is killed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentlanes.adapters.store.sqlite import SqliteStore
from agentlanes.core.errors import Refusal
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Kernel
from kernel.driving import ask_workspace, decode, fold, read_events
from store.full_disk import full_disk

ROOT = Path(__file__).resolve().parents[2]


def open_store(path: Path) -> SqliteStore:
    return SqliteStore(path, lambda: "sv_00000000000000000000000001")


def read_entities(store: SqliteStore) -> dict[tuple[str, str], bytes]:
    """What boot reads; of workspaces that is all there is."""
    return {(noun, id): json for noun, id, json in store.load().entities}


async def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite3"
    store = open_store(path)
    kernel = Kernel(store, Clock())
    await kernel.submit(ask_workspace("before"))
    with full_disk(path):
        futures = [kernel.submit(ask_workspace("x" * 200, envelope_id=f"e{n}")) for n in range(30)]
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        assert {outcome.code for outcome in outcomes if isinstance(outcome, Refusal)} == {"STORE_UNAVAILABLE"}
        with pytest.raises(Refusal):
            await kernel.submit(ask_workspace("x" * 200))
    refused = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Refusal)]
    assert refused
    accepted = await kernel.submit(ask_workspace("after", envelope_id="e29"))
    assert accepted.seq == 1 + (30 - len(refused)) + 1
    events = read_events(store.events(0, 1000))
    assert [event["seq"] for event in events] == list(range(1, accepted.seq + 1))
    assert fold(store.events(0, 1000)) == read_entities(store)
    assert len(list(kernel.state.all("workspace"))) == len(events)
    await kernel.close()
    store.close()


@pytest.mark.parametrize("lines", [1, 60, 300])
async def test_what_was_answered_before_a_kill_is_there_and_nothing_is_twice(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "log.sqlite3"
    told: dict[str, int] = {}
    for generation in range(2):
        told |= commit_until_killed(path, lines, first=generation * 100_000)
    store = open_store(path)
    kernel = Kernel(store, Clock())
    assert kernel.generation == 3
    events = read_events(store.events(0, 100_000))
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    causes = [event["causation_id"] for event in events]
    assert len(causes) == len(set(causes)), "nothing is done twice"
    for envelope_id, seq in told.items():
        assert events[seq - 1]["causation_id"] == envelope_id
        assert store.response(envelope_id) is not None
    assert fold(store.events(0, 100_000)) == read_entities(store)
    last = max(int(cause.removeprefix("create-")) for cause in causes if cause.startswith("create-"))
    for number in range(last, last + 3):
        again = await kernel.submit(ask_workspace(f"w{number}", envelope_id=f"create-{number}"))
        assert decode(again)["payload"]["workspace"]["name"] == f"w{number}"
    names = [
        event["payload"]["workspace"]["name"]
        for event in read_events(store.events(0, 100_000))
        if event["topic"] == "workspace.created"
    ]
    assert len(names) == len(set(names))
    await kernel.close()
    store.close()


def commit_until_killed(path: Path, lines: int, first: int) -> dict[str, int]:
    """Kills a committing process after this many answers; everything that it answered until then."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "server"), str(ROOT / "tests")])}
    command = [sys.executable, "-m", "kernel.committing", str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        told += process.stdout.readlines()
    whole = [line.split() for line in told if line.endswith("\n")]
    assert len(whole) >= lines
    return {envelope_id: int(seq) for envelope_id, seq in whole}
