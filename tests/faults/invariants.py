"""What must hold after the scenario, however often the server died: everything is there, and once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

from agentlanes.cli.fold import fold_log
from e2e.rig import Rig
from faults.returning import ReturningClient
from faults.scenario import ECHOED, SAID, Outcome


async def check(rig: Rig, client: ReturningClient, outcome: Outcome) -> None:
    """All of it. Stops the server on the way."""
    await _check_answers(client)
    await _check_terminals(client, outcome)
    await _check_turn(client, outcome)
    _check_git(rig, outcome)
    await _check_processes(rig, outcome)
    await client.close()
    rig.stop()
    check_log(rig, client.events)
    check_counts(rig)
    assert " ERROR " not in rig.read_log(), rig.read_log()


async def _check_answers(client: ReturningClient) -> None:
    """A repeat of a command gets the very answer that was given."""
    for known in client.acknowledged:
        assert await client.repeat(known) == known.result, known.method


async def _check_terminals(client: ReturningClient, outcome: Outcome) -> None:
    counted = (await _read_lines(client, outcome.counter_id))[:-1]
    assert counted == [str(n) for n in range(1, len(counted) + 1)]
    echoed = [line for line in await _read_lines(client, outcome.echo_id) if line.startswith("got ")]
    assert echoed == [f"got {word}" for word in ECHOED]


async def _read_lines(client: ReturningClient, terminal_id: str) -> list[str]:
    chunk = await client.ask("terminal.read", {"offset": 0, "max_bytes": 1 << 20}, terminal_id=terminal_id)
    return str(chunk["data"]).split("\r\n")


async def _check_turn(client: ReturningClient, outcome: Outcome) -> None:
    items = (await client.ask("item.list", {"turn_id": outcome.turn_id}))["items"]
    assert {item["status"] for item in items} == {"completed"}
    messages = {item["item_id"]: item["text"] for item in items if item["kind"] == "message"}
    assert "".join(messages.values()) == SAID
    assert [item["kind"] for item in items].count("tool_call") == 1
    for delta in client.deltas:
        if delta["item_id"] in messages:
            text = messages[delta["item_id"]].encode()
            data = delta["data"].encode()
            assert text[delta["offset"] : delta["offset"] + len(data)] == data


def _check_git(rig: Rig, outcome: Outcome) -> None:
    # First, the agent's, the merge: each is there once.
    assert len(rig.git("rev-list", "main").split()) == 3
    merges = rig.git("rev-list", "--merges", "main").split()
    assert [merge["merge_commit"] for merge in outcome.lane["merges"]] == merges
    assert len(merges) == 1
    assert (rig.folder / "repo" / "hello.txt").read_text() == "hello\n"
    assert rig.git("status", "--porcelain") == ""
    assert len(rig.git("worktree", "list", "--porcelain").split("\n\n")) == 1
    for lane in (outcome.lane, outcome.rescued):
        assert not Path(lane["worktrees"][0]["path"]).exists()
    (rescue,) = outcome.rescued["rescues"]
    rig.run_shell(rescue["restore"])
    branches = rig.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    assert any("precious.txt" in rig.git("ls-tree", "--name-only", branch).split() for branch in branches)


async def _check_processes(rig: Rig, outcome: Outcome) -> None:
    """Runners end after their last process, and nothing of a lane is left."""
    for _ in range(500):
        left = [*rig.runner_pids(), *rig.find_marked(outcome.lane["lane_id"])]
        if not left:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"processes are left: {left}")


def check_log(rig: Rig, seen: list[dict[str, Any]]) -> None:
    """The log is gap-free, the entities are its fold, and the client saw exactly its events."""
    path = rig.folder / "s" / "log.db"
    fold_log(path)
    with closing(sqlite3.connect(path)) as log:
        rows = log.execute("SELECT seq, topic, stream, stream_seq, frame FROM events ORDER BY seq").fetchall()
        (open_writes,) = log.execute("SELECT count(*) FROM writes").fetchone()
        audits = log.execute("SELECT correlation_id, json FROM audit").fetchall()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert [json.loads(row[4]) for row in rows] == seen
    streams: dict[str, int] = defaultdict(int)
    for _, _, stream, stream_seq, _ in rows:
        streams[stream] += 1
        assert stream_seq == streams[stream]
    ends = [(json.loads(row[4])["params"]["correlation_id"], row[1]) for row in rows if ".started" not in row[1]]
    for topic in ("lane.created", "lane.merged", "lane.committed", "lane.cleaned", "session.terminated"):
        correlations = [correlation for correlation, name in ends if name == topic]
        assert len(correlations) == len(set(correlations)), f"{topic} twice for one command"
    assert open_writes == 0, "writes to processes that ended are kept"
    successes = [correlation for correlation, record in audits if json.loads(record)["result"] == "success"]
    assert len(successes) == len(set(successes)), "a command was recorded twice"


def check_counts(rig: Rig) -> None:
    """Every command of the scenario made its entity once."""
    with closing(sqlite3.connect(rig.folder / "s" / "log.db")) as log:
        counts = dict(log.execute("SELECT noun, count(*) FROM entities GROUP BY noun"))
    del counts["item"], counts["process"]
    assert counts == {
        "workspace": 1,
        "repo": 1,
        "lane": 2,
        "session": 1,
        "turn": 1,
        "terminal": 2,
        "approval": 1,
    }
