"""Lanes beside bare `git worktree add`: one of a large repository, and fifty at once of a small one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench.rounds import Scale, median
from bench.servers import Bench, start_bench
from bench.table import Row
from bench.wire import Wire

FILES = 50_000
FILES_PER_FOLDER = 500
FILE_BYTES = 3_400
LANES = 50
LARGE_ROUNDS = 3


def measure(scale: Scale) -> Iterator[Row]:
    """Nothing is removed meanwhile: ext4 makes files slowly for minutes after many were deleted."""
    files = scale.size(FILES)
    with start_bench() as bench:
        write_files(bench, files)
        wire, workspace_id = _open(bench)
        ours, bare = [], []
        for number in range(min(scale.rounds, LARGE_ROUNDS)):
            bare.append(_add_worktrees(bench, f"large{number}", 1))
            ours.append(_make_lanes(wire, workspace_id, f"large {number}", 1))
        wire.close()
        bench.rig.clear()
    against = "git worktree add"
    yield Row(f"lane of {files:,} files", "s", median(ours), median(bare), "at most", 1.1, against)

    with start_bench() as bench:
        wire, workspace_id = _open(bench)
        fds = count_fds(bench.pid)
        ours, bare = [], []
        for number in range(scale.rounds):
            bare.append(_add_worktrees(bench, f"small{number}", LANES))
            ours.append(_make_lanes(wire, workspace_id, f"small {number}", LANES))
        leaked = max(0, count_fds(bench.pid) - fds) + len(bench.list_runners())
        wire.close()
        bench.rig.clear()
    yield Row(f"{LANES} lanes at once", "s", median(ours), median(bare), "at most", 1.5, f"{LANES} × {against}")
    yield Row("leaked by them: descriptors, processes", "", leaked, None, "at most", 0)


def write_files(bench: Bench, count: int) -> None:
    """Commits that many files to the repository."""
    repo = bench.rig.folder / "repo"
    for number in range(count):
        folder = repo / f"d{number // FILES_PER_FOLDER}"
        if number % FILES_PER_FOLDER == 0:
            folder.mkdir()
        (folder / f"f{number}").write_bytes(b"%d\n" % number + b"text of a file\n" * (FILE_BYTES // 15))
    bench.rig.git("add", ".")
    bench.rig.git("commit", "-q", "-m", "Many files")


def count_fds(pid: int) -> int:
    """Open descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208


def _open(bench: Bench) -> tuple[Wire, str]:
    wire = bench.connect()
    wire.call("event.subscribe")
    return wire, bench.open_workspace(wire)


def _make_lanes(wire: Wire, workspace_id: str, name: str, count: int) -> float:
    began = time.perf_counter()
    for number in range(count):
        wire.call("lane.create", {"name": f"{name} {number}"}, workspace_id=workspace_id)
    for _ in range(count):
        ended = wire.wait_topic(["lane.created", "lane.create.failed"])
        if ended["topic"] != "lane.created":
            raise RuntimeError(f"the lane was not made: {ended['lane']['problem']}")
    return time.perf_counter() - began


def _add_worktrees(bench: Bench, name: str, count: int) -> float:
    folder = bench.rig.folder / "bare" / name
    folder.mkdir(parents=True)
    began = time.perf_counter()
    for number in range(count):
        path: Path = folder / str(number)
        bench.rig.git("worktree", "add", "-q", "-b", f"bare/{name}-{number}", str(path), "main")
    return time.perf_counter() - began
