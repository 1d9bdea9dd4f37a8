"""What every store does: see kernel/ports/store.py."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from agentlanes.kernel.ports.store import EntityRow, Selection, Store, StoreUnavailable, Transaction
from agentlanes.wire.models import AgentWrite, FrameCursor
from store.material import make_audit, make_entity, make_id, make_response, make_row, put


def list_ids(store: Store, selection: Selection) -> list[int]:
    return [msgspec.json.decode(json)["id"] for _, json in store.select(selection)]


def list_audits(
    store: Store, correlation_id: str | None, result: str | None, after: str | None, limit: int = 10
) -> list[int]:
    return [msgspec.json.decode(json)["id"] for json in store.audits(correlation_id, result, after, limit)]


def list_resident(store: Store) -> list[str]:
    return [id for _, id, _ in store.load().entities]


def test_a_new_store_is_empty(store: Store) -> None:
    boot = store.load()
    assert (boot.generation, boot.head, dict(boot.streams), list(boot.entities)) == (1, 0, {}, [])
    assert store.events(0, 10) == []
    assert store.entity("lane", make_id("lane", 1)) is None
    assert store.select(Selection("lane")) == []
    assert store.response("envelope-1") is None
    assert store.audits(None, None, None, 10) == []
    assert store.outbox(make_id("process", 1)) == []
    assert store.cursor(make_id("process", 1)) is None


def test_boot_counts_generations_and_load_does_not(store: Store) -> None:
    first = store.load()
    second = store.boot()
    assert second.generation == first.generation + 1 == store.load().generation
    assert second.server_id == first.server_id


def test_an_empty_commit(store: Store) -> None:
    store.commit([])
    store.commit([Transaction()])
    assert store.load().head == 0


def test_events_are_read_by_position(store: Store) -> None:
    rows = [make_row(seq, stream, n) for seq, (stream, n) in enumerate([("a", 1), ("b", 1), ("a", 2), ("a", 3)], 1)]
    store.commit([Transaction(rows=rows[:1]), Transaction(rows=rows[1:3])])
    store.commit([Transaction(rows=rows[3:])])
    assert store.events(0, 100) == rows
    assert store.events(1, 2) == rows[1:3]
    assert store.events(4, 100) == store.events(9, 1) == []
    boot = store.load()
    assert (boot.head, dict(boot.streams)) == (4, {"a": 3, "b": 1})


@pytest.mark.parametrize("seqs", [(2,), (1, 3), (1, 1), (0,)])
def test_a_log_with_a_gap_or_a_repeat_is_refused_whole(store: Store, seqs: tuple[int, ...]) -> None:
    bad = Transaction(rows=[make_row(seq) for seq in seqs], response=make_response(1), audits=[make_audit(1)])
    bad.puts = [make_entity("lane", 1, 1)]
    bad.writes = [(make_id("process", 1), 1, "x")]
    with pytest.raises(StoreUnavailable):
        store.commit([Transaction(audits=[make_audit(2)]), bad])
    assert store.events(0, 10) == []
    assert list_resident(store) == []
    assert store.response("envelope-1") is None
    assert store.audits(None, None, None, 10) == []
    assert store.outbox(make_id("process", 1)) == []
    store.commit([put(1, make_entity("lane", 1, 1))])
    assert store.load().head == 1


def test_an_entity_is_put_over_itself_and_keeps_its_place(store: Store) -> None:
    store.commit([put(1, make_entity("lane", 9, 1)), put(2, make_entity("lane", 4, 2))])
    store.commit([put(3, make_entity("lane", 9, 3, name="new"))])
    assert msgspec.json.decode(store.entity("lane", make_id("lane", 9)) or b"") == {"id": 9, "seq": 3, "name": "new"}
    assert list_resident(store) == [make_id("lane", 9), make_id("lane", 4)]


def test_boot_reads_in_order_of_creation_also_within_a_batch(store: Store) -> None:
    store.commit(
        [put(1, make_entity("lane", 5, 1)), put(2, make_entity("lane", 3, 2)), put(3, make_entity("lane", 5, 3))]
    )
    assert list_resident(store) == [make_id("lane", 5), make_id("lane", 3)]


def test_what_is_not_resident_is_kept_and_not_booted(store: Store) -> None:
    store.commit([put(1, make_entity("turn", 1, 1))])
    store.commit([put(2, make_entity("turn", 1, 2, resident=False))])
    assert list_resident(store) == []
    assert store.entity("turn", make_id("turn", 1)) is not None
    assert list_ids(store, Selection("turn")) == [1]


def test_an_entity_is_dropped(store: Store) -> None:
    lane = make_entity("lane", 1, 1)
    store.commit([put(1, lane)])
    store.commit([Transaction(rows=[make_row(2)], drops=[("lane", lane.id)])])
    assert store.entity("lane", lane.id) is None
    assert list_resident(store) == []


@pytest.mark.parametrize("together", [True, False])
def test_an_id_that_was_dropped_comes_back_as_the_newest(store: Store, together: bool) -> None:
    lane, again = make_entity("lane", 1, 1), make_entity("lane", 1, 4, name="again")
    transactions = [
        put(1, lane),
        put(2, make_entity("lane", 2, 2)),
        Transaction(rows=[make_row(3)], drops=[("lane", lane.id)]),
        put(4, again),
    ]
    for batch in [transactions] if together else [[transaction] for transaction in transactions]:
        store.commit(batch)
    assert store.entity("lane", lane.id) == again.json
    assert list_resident(store) == [make_id("lane", 2), lane.id]


def make_places(number: int, **places: Any) -> EntityRow:
    return make_entity("turn", number, number, status="queued" if number % 2 else "running", **places)


def test_selections(store: Store) -> None:
    turns = [
        make_places(1, parent="s1", session_id="s1", lane_id="l1", workspace_id="w1"),
        make_places(2, parent="s1", session_id="s1", lane_id="l1", workspace_id="w1"),
        make_places(3, parent="s2", session_id="s2", lane_id="l1", workspace_id="w1"),
        make_places(4, parent="s3", session_id="s3", lane_id="l2", workspace_id="w1"),
        make_places(5, parent="s4", session_id="s4", lane_id="l3", workspace_id="w2"),
    ]
    store.commit([put(seq, turn) for seq, turn in enumerate(turns, 1)])
    store.commit([put(6, make_entity("item", 6, 6, parent="s1", session_id="s1"))])
    assert list_ids(store, Selection("turn")) == [1, 2, 3, 4, 5]
    assert list_ids(store, Selection("turn", parent="s1")) == [1, 2]
    assert list_ids(store, Selection("turn", session_id="s2")) == [3]
    assert list_ids(store, Selection("turn", lane_id="l1")) == [1, 2, 3]
    assert list_ids(store, Selection("turn", workspace_id="w1")) == [1, 2, 3, 4]
    assert list_ids(store, Selection("turn", workspace_id="w1", session_id="s4")) == []
    assert list_ids(store, Selection("turn", where={"status": "queued"})) == [1, 3, 5]
    assert list_ids(store, Selection("turn", lane_id="l1", where={"status": "queued"})) == [1, 3]
    assert list_ids(store, Selection("turn", where={"nothing": "x"})) == []
    assert list_ids(store, Selection("item")) == [6]


def test_selections_are_paged(store: Store) -> None:
    store.commit([put(seq, make_entity("turn", seq, seq)) for seq in range(1, 8)])
    pages, after = [], None
    while page := store.select(Selection("turn", after=after, limit=3)):
        pages.append(len(page))
        after = page[-1][0]
    assert pages == [3, 3, 1]


def test_responses_are_kept_until_they_are_pruned(store: Store) -> None:
    store.commit([Transaction(response=make_response(1, b'{"seq":1}')), Transaction(response=make_response(2))])
    assert store.response("envelope-1") == make_response(1, b'{"seq":1}')
    store.prune(int(time.time()) - 3600)
    assert store.response("envelope-2") is not None
    store.prune(int(time.time()) + 3600)
    assert store.response("envelope-1") is store.response("envelope-2") is None


def test_audits_are_read_in_order_and_by_what_they_say(store: Store) -> None:
    records = [make_audit(3, "c", "failure"), make_audit(1, "c"), make_audit(2, "d")]
    store.commit([Transaction(audits=records[:2]), Transaction(audits=records[2:])])
    assert list_audits(store, None, None, None) == [1, 2, 3]
    assert list_audits(store, "c", None, None) == [1, 3]
    assert list_audits(store, None, "failure", None) == [3]
    assert list_audits(store, "d", "failure", None) == []
    assert list_audits(store, None, None, make_id("audit", 1), limit=1) == [2]


def test_writes_are_read_in_order_of_their_numbers(store: Store) -> None:
    process, other = make_id("process", 1), make_id("process", 2)
    store.commit([Transaction(writes=[(process, 2, "b"), (process, 1, "a")])])
    store.commit([Transaction(writes=[(process, 10, "c"), (other, 1, "x")])])
    assert store.outbox(process) == [AgentWrite(n=n, data=data) for n, data in ((1, "a"), (2, "b"), (10, "c"))]
    assert store.outbox(other) == [AgentWrite(n=1, data="x")]


def test_a_write_stays_what_it_was_first(store: Store) -> None:
    process = make_id("process", 1)
    store.commit([Transaction(writes=[(process, 1, "a")])])
    store.commit([Transaction(rows=[make_row(1)], writes=[(process, 1, "other"), (process, 2, "b")])])
    assert [write.data for write in store.outbox(process)] == ["a", "b"]


def test_cursors_move(store: Store) -> None:
    process = make_id("process", 1)
    store.commit([Transaction(cursors=[(process, 10, 20)])])
    store.commit([Transaction(cursors=[(process, 15, 40)]), Transaction(cursors=[(process, 40, 41)])])
    assert store.cursor(process) == FrameCursor(rest=40, applied=41)
    assert store.cursor(make_id("process", 2)) is None


def test_a_process_that_ended_leaves_no_writes_and_no_cursor(store: Store) -> None:
    process, other = make_id("process", 1), make_id("process", 2)
    store.commit([Transaction(writes=[(process, 1, "a"), (other, 1, "b")], cursors=[(process, 1, 1), (other, 2, 2)])])
    store.commit([Transaction(writes=[(process, 2, "c")], cursors=[(process, 3, 3)]), Transaction(ended=[process])])
    assert store.outbox(process) == [] and store.cursor(process) is None
    assert len(store.outbox(other)) == 1 and store.cursor(other) == FrameCursor(rest=2, applied=2)
