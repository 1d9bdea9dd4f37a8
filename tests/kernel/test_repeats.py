"""A command with an envelope_id is done once, however often and whenever it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from agentlanes.core.command import Context
from agentlanes.core.errors import Refusal
from agentlanes.core.facts import RepoFacts
from agentlanes.core.world import LaneBase, OriginSeen, ProfileSeen, RootPaths, Stored
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Kernel, Request
from kernel.driving import Fault, GatedStore, ask, ask_workspace, decode, number_id

PROFILE = ProfileSeen("demo", "acp", ("demo",))


async def test_a_repeat_in_flight_joins_the_first(kernel: Kernel, store: GatedStore) -> None:
    store.gate.clear()
    first, second = (kernel.submit(ask_workspace(envelope_id="e")) for _ in range(2))
    assert not first.done() and not second.done()
    store.gate.set()
    answers = await asyncio.gather(first, second)
    assert answers[0].response == answers[1].response
    assert len(store.rows) == 1


@pytest.mark.parametrize("leaves", [0, 1])
async def test_who_gives_up_waiting_gives_up_for_nobody_else(kernel: Kernel, store: GatedStore, leaves: int) -> None:
    store.gate.clear()
    futures = [kernel.submit(ask_workspace(envelope_id="e")) for _ in range(2)]
    futures[leaves].cancel()
    store.gate.set()
    assert (await futures[1 - leaves]).seq == 1
    assert (await kernel.submit(ask_workspace(envelope_id="e"))).seq == 1


async def test_a_repeat_after_the_commit_gets_the_stored_answer(kernel: Kernel, store: GatedStore) -> None:
    first = await kernel.submit(ask_workspace(envelope_id="e"))
    await kernel.submit(ask_workspace("other"))
    again = await kernel.submit(ask_workspace(envelope_id="e"))
    assert (again.seq, again.response) == (first.seq, first.response)
    assert decode(again)["envelope_id"] == "e"
    assert len(store.rows) == 2


async def test_a_repeat_after_a_restart_gets_the_stored_answer(kernel: Kernel, store: GatedStore) -> None:
    first = await kernel.submit(ask_workspace(envelope_id="e"))
    await kernel.close()
    restarted = Kernel(store, Clock())
    assert (await restarted.submit(ask_workspace(envelope_id="e"))).response == first.response
    await restarted.close()
    assert len(store.rows) == 1


async def test_a_repeat_is_answered_also_where_the_command_would_be_refused_by_now(kernel: Kernel) -> None:
    id = number_id("workspace", 1)
    await kernel.submit(ask_workspace(workspace_id=id))
    close = ask("workspace.close", workspace_id=id, envelope_id="e")
    first = await kernel.submit(close)
    assert (await kernel.submit(close)).response == first.response
    with pytest.raises(Refusal):
        kernel.submit(ask("workspace.close", workspace_id=id, envelope_id="f"))


@pytest.mark.parametrize(
    "other",
    [
        lambda: ask_workspace("other", envelope_id="e"),
        lambda: ask_workspace(envelope_id="e", correlation_id="c"),
        lambda: ask("workspace.create", {"root_paths": ["/else"]}, facts=RootPaths(("/src",), {}), envelope_id="e"),
        lambda: ask("workspace.open", workspace_id=number_id("workspace", 1), envelope_id="e"),
    ],
)
@pytest.mark.parametrize("in_flight", [True, False])
async def test_the_same_id_with_other_content_is_refused(
    kernel: Kernel, store: GatedStore, other: Callable[[], Request], in_flight: bool
) -> None:
    if in_flight:
        store.gate.clear()
    future = kernel.submit(ask_workspace(envelope_id="e"))
    if not in_flight:
        await future
    with pytest.raises(Refusal) as refused:
        kernel.submit(other())
    assert refused.value.code == "ENVELOPE_ID_REUSED"
    assert refused.value.details == {"envelope_id": "e"}
    store.gate.set()
    await future
    assert len(store.rows) == 1


async def test_facts_and_actor_are_no_part_of_the_content(kernel: Kernel, store: GatedStore) -> None:
    """A repeat comes through another peer and finds another world; it is the same command."""
    await kernel.submit(ask_workspace(envelope_id="e"))
    payload = {"root_paths": ["/src"], "name": "shop"}
    await kernel.submit(
        ask("workspace.create", payload, facts=RootPaths((), {"/src": "gone"}), envelope_id="e", actor="client/other")
    )
    assert len(store.rows) == 1


async def test_a_repeat_is_known_by_the_ids_that_the_client_gave(kernel: Kernel) -> None:
    """What stands above them is filled in from the state, which may have moved on."""
    id = number_id("workspace", 1)
    await kernel.submit(ask_workspace(workspace_id=id))
    given = Context(workspace_id=id)
    first = await kernel.submit(ask("workspace.delete", workspace_id=id, given=given, envelope_id="e"))
    again = await kernel.submit(ask("workspace.delete", given=given, envelope_id="e"))
    assert again.response == first.response


async def test_a_refused_command_leaves_its_id_free(kernel: Kernel, store: GatedStore) -> None:
    id = number_id("workspace", 1)
    with pytest.raises(Refusal):
        kernel.submit(ask("workspace.open", workspace_id=id, envelope_id="e"))
    await kernel.submit(ask_workspace(workspace_id=id, envelope_id="e"))


async def test_a_command_that_could_not_be_written_leaves_its_id_free(kernel: Kernel, store: GatedStore) -> None:
    store.faults = {1: Fault.REFUSED}
    store.gate.clear()
    futures = [kernel.submit(ask_workspace(envelope_id="e")) for _ in range(2)]
    store.gate.set()
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert [isinstance(outcome, Refusal) and outcome.code for outcome in outcomes] == ["STORE_UNAVAILABLE"] * 2
    assert (await kernel.submit(ask_workspace("other", envelope_id="e"))).seq == 1


async def test_commands_without_an_id_are_all_done_and_store_no_answer(kernel: Kernel, store: GatedStore) -> None:
    await kernel.submit(ask_workspace())
    await kernel.submit(ask_workspace())
    assert len(store.rows) == 2
    assert store.responses == {}


async def prepare_session(kernel: Kernel) -> str:
    """A session that is detached, so that its turns wait."""
    commit = "a" * 40
    workspace_id = (await kernel.submit(ask_workspace())).entity.workspace_id
    repo = RepoFacts("/src", "/src/.git", "/o", "sha1", "main", commit, False, False, ())
    await kernel.submit(ask("repo.add", {"path": "/src"}, workspace_id=workspace_id, facts=repo))
    base = (PROFILE, LaneBase("/lanes", commit, commit, False, None))
    lane = (await kernel.submit(ask("lane.create", {"name": "x"}, workspace_id=workspace_id, facts=base))).entity
    await kernel.submit(ask("lane.settle", {"kind": "create"}, lane_id=lane.lane_id))
    asked = ask("session.create", {"attach": False}, lane_id=lane.lane_id, facts=OriginSeen(PROFILE))
    session = (await kernel.submit(asked)).entity
    assert msgspec.structs.asdict(session)["status"] == "detached"
    return str(session.session_id)


@pytest.mark.parametrize("committed", [True, False])
async def test_the_id_of_a_turn_that_left_memory_is_taken(kernel: Kernel, store: GatedStore, committed: bool) -> None:
    session_id = await prepare_session(kernel)
    turn_id = number_id("turn", 1)
    create = ask("turn.create", {"turn_id": turn_id, "prompt": "Go"}, session_id=session_id, facts=PROFILE)
    if not committed:
        store.gate.clear()
    done = [kernel.submit(create), kernel.submit(ask("turn.cancel", {"turn_id": turn_id}, facts=Stored(None)))]
    if committed:
        await asyncio.gather(*done)
    with pytest.raises(Refusal) as refused:
        kernel.submit(create)
    assert refused.value.code == "ID_IN_USE"
    store.gate.set()
    await asyncio.gather(*done)
    with pytest.raises(Refusal):
        kernel.submit(create)
    fresh = ask("turn.create", {"turn_id": number_id("turn", 2), "prompt": "Go"}, session_id=session_id, facts=PROFILE)
    assert (await kernel.submit(fresh)).entity.turn_id == number_id("turn", 2)
