"""One record per accepted, refused or failed lifecycle command, with nothing in it that is not told to everybody."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.core.errors import Refusal
from agentlanes.core.facts import RepoFacts
from agentlanes.core.world import LaneBase, OriginSeen, ProfileSeen, Shell
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.ports.store import AuditRow
from kernel.driving import Fault, GatedStore, ask, ask_workspace, number_id
from protocol.schemas import explain

COMMIT = "a" * 40
CANARY = "canary-4f1d"


def read_audit(store: GatedStore) -> list[dict[str, Any]]:
    records = [msgspec.json.decode(json) for json in store.audits(None, None, None, 1000)]
    for record in records:
        assert explain("AuditEvent", record) is None
    return records


async def test_an_accepted_command(kernel: Kernel, store: GatedStore) -> None:
    heard: list[AuditRow] = []
    kernel.hear_audit = heard.append
    accepted = await kernel.submit(ask_workspace(correlation_id="c", actor="client/vim"))
    (record,) = read_audit(store)
    assert record["audit_event_id"].startswith("au_")
    assert record == {
        "audit_event_id": record["audit_event_id"],
        "correlation_id": "c",
        "event_type": "workspace.create",
        "actor": "client/vim",
        "result": "success",
        "details": {"seq": accepted.seq},
        "recorded_at": record["recorded_at"],
    }
    assert [msgspec.json.decode(row.json) for row in heard] == [record]


async def test_a_refused_command(kernel: Kernel, store: GatedStore) -> None:
    heard: list[AuditRow] = []
    kernel.hear_audit = heard.append
    id = number_id("workspace", 1)
    with pytest.raises(Refusal):
        kernel.submit(ask("workspace.open", workspace_id=id, correlation_id="c"))
    await kernel.submit(ask_workspace())
    refused, _ = read_audit(store)
    assert (refused["event_type"], refused["result"], refused["correlation_id"]) == ("workspace.open", "failure", "c")
    assert refused["details"]["code"] == "WORKSPACE_NOT_FOUND"
    assert refused["details"]["workspace_id"] == id
    assert len(heard) == 2


async def test_a_repeat_leaves_no_second_record(kernel: Kernel, store: GatedStore) -> None:
    for _ in range(3):
        await kernel.submit(ask_workspace(envelope_id="e"))
    assert len(read_audit(store)) == 1


async def test_what_could_not_be_written_leaves_no_record(kernel: Kernel, store: GatedStore) -> None:
    store.faults = {1: Fault.REFUSED}
    with pytest.raises(Refusal):
        await kernel.submit(ask_workspace())
    await kernel.submit(ask_workspace())
    assert len(read_audit(store)) == 1


async def make_lane(kernel: Kernel) -> str:
    workspace_id = (await kernel.submit(ask_workspace())).entity.workspace_id
    repo = RepoFacts("/src", "/src/.git", "/o", "sha1", "main", COMMIT, False, False, ())
    await kernel.submit(ask("repo.add", {"path": "/src"}, workspace_id=workspace_id, facts=repo))
    base = (ProfileSeen("demo", "acp", ("demo",)), LaneBase("/lanes", COMMIT, COMMIT, False, None))
    asked = ask("lane.create", {"name": "x"}, workspace_id=workspace_id, facts=base, correlation_id="creation")
    return str((await kernel.submit(asked)).entity.lane_id)


async def test_a_command_that_failed_later_has_two_records_under_its_correlation(
    kernel: Kernel, store: GatedStore
) -> None:
    lane_id = await make_lane(kernel)
    problem = {"code": "GIT_FAILED", "message": "no space", "details": {"paths": [CANARY]}}
    await kernel.submit(ask("lane.settle", {"kind": "create", "problem": problem}, lane_id=lane_id, actor="server"))
    records = [record for record in read_audit(store) if record["correlation_id"] == "creation"]
    assert [(record["event_type"], record["result"]) for record in records] == [
        ("lane.create", "success"),
        ("lane.create", "failure"),
    ]
    assert records[1]["details"] == {"code": "GIT_FAILED", "message": "no space", "lane_id": lane_id}


async def test_commands_of_our_own_effects_leave_no_record(kernel: Kernel, store: GatedStore) -> None:
    lane_id = await make_lane(kernel)
    before = len(read_audit(store))
    await kernel.submit(ask("lane.settle", {"kind": "create"}, lane_id=lane_id))
    with pytest.raises(Refusal):
        kernel.submit(ask("lane.settle", {"kind": "create"}, lane_id=lane_id))
    await kernel.submit(ask_workspace())
    assert len(read_audit(store)) == before + 1


async def test_neither_prompts_nor_values_of_environments_are_told(kernel: Kernel, store: GatedStore) -> None:
    lane_id = await make_lane(kernel)
    await kernel.submit(ask("lane.settle", {"kind": "create"}, lane_id=lane_id))
    profile = ProfileSeen("demo", "acp", ("demo",))
    asked = ask("session.create", {"attach": False}, lane_id=lane_id, facts=OriginSeen(profile))
    session_id = (await kernel.submit(asked)).entity.session_id
    await kernel.submit(ask("turn.create", {"prompt": CANARY}, session_id=session_id, facts=profile))
    shell = Shell(("/bin/sh",), "/lanes", None)
    env = {"TOKEN": CANARY}
    await kernel.submit(ask("terminal.spawn", {"env": env, "argv": ["sh", CANARY]}, lane_id=lane_id, facts=shell))
    refused = Shell(("/bin/sh",), "/lanes", "no folder")
    with pytest.raises(Refusal):
        kernel.submit(ask("terminal.spawn", {"env": env}, lane_id=lane_id, facts=refused))
    with pytest.raises(Refusal):
        kernel.submit(ask("turn.create", {"prompt": CANARY}, session_id=number_id("session", 9), facts=profile))
    await kernel.submit(ask_workspace())
    assert len(read_audit(store)) >= 7
    assert not any(CANARY in record.json.decode() for record in store.records.values())
    frames = [row.frame.decode() for row in store.rows if row.topic == "terminal.spawn.started"]
    assert frames and not any(CANARY in frame for frame in frames)
