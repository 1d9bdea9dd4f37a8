"""What must hold of every state and of every log, however they came to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from agentlanes.core.queue import USABLE
from agentlanes.core.state import State
from agentlanes.kernel.ports.store import Boot, LogRow
from agentlanes.wire.table import ENTITIES, MACHINES, TOPICS, Topic
from kernel.driving import read_events
from protocol.schemas import validator

ACTIVE = ("running", "waiting")


def check_state(state: State) -> None:
    """Every rule that ties entities to each other."""
    check_indexes(state)
    check_turns(state)
    check_processes(state)
    check_grants(state)


def check_indexes(state: State) -> None:
    operations = {}
    for noun, row in ENTITIES.items():
        below: dict[str, list[Any]] = {}
        for entity in state.all(noun):
            assert state.get(noun, getattr(entity, row.id)) is entity
            if row.parent is not None:
                below.setdefault(getattr(entity, row.parent), []).append(entity)
            operation = getattr(entity, "operation", None)
            if operation is not None:
                assert (noun, operation.correlation_id) not in operations, "two lifecycles under one correlation"
                operations[noun, operation.correlation_id] = getattr(entity, row.id)
        for parent, children in below.items():
            assert list(state.children(noun, parent)) == children
            holder = next((n for n in ENTITIES if ENTITIES[n].id == row.parent), None)
            assert holder is None or state.get(holder, parent) is not None, f"{noun} below no {holder}"
    for (noun, correlation_id), id in operations.items():
        assert state.operating(noun, correlation_id) == id


def check_turns(state: State) -> None:
    turns = list(state.all("turn"))
    active = Counter(turn.session_id for turn in turns if turn.status in ACTIVE)
    assert all(count == 1 for count in active.values()), "two active turns in one session"
    waiting = {approval.turn_id for approval in state.all("approval") if approval.status == "pending"}
    for turn in turns:
        session = state.get("session", turn.session_id)
        assert session is not None
        assert session.status != "terminated"
        if turn.status in ACTIVE:
            assert session.status == "attached"
            assert turn.process_id == session.process_id
        assert (turn.status == "waiting") == (turn.turn_id in waiting), "waits if and only if something is pending"
        assert turn.status == "queued" or turn.position is not None
        assert [steer.number for steer in turn.steers] == list(range(1, len(turn.steers) + 1))
    positions = Counter((turn.session_id, turn.position) for turn in turns if turn.status == "queued")
    assert all(count == 1 for count in positions.values()), "two turns in one place of a queue"
    for item in state.all("item"):
        turn = state.get("turn", item.turn_id)
        assert turn is not None and turn.status in ACTIVE, "an open item in a turn that is over"
    assert waiting <= {turn.turn_id for turn in turns if turn.status in ACTIVE}
    for lane in state.all("lane"):
        statuses = [turn.status for turn in turns if turn.lane_id == lane.lane_id and turn.status in ACTIVE]
        derived = "ready" if not statuses else "running" if "running" in statuses else "blocked"
        assert lane.status not in USABLE or lane.status == derived


def check_grants(state: State) -> None:
    """A grant ends with what it counts for."""
    for grant in state.all("grant"):
        assert grant.scope in ("session", "lane", "workspace")
        assert (grant.lane_id is None) == (grant.scope == "workspace")
        assert (grant.session_id is None) == (grant.scope != "session")
        lane = state.get("lane", grant.lane_id) if grant.lane_id is not None else None
        assert grant.lane_id is None or (lane is not None and lane.status != "closed")
        session = state.get("session", grant.session_id) if grant.session_id is not None else None
        assert grant.session_id is None or (session is not None and session.status != "terminated")


def check_processes(state: State) -> None:
    for session in state.all("session"):
        if session.status in ("attaching", "attached"):
            assert session.process_id is not None
        elif session.operation is None:
            assert session.process_id is None
        assert session.status != "terminated" or session.operation is None
        if session.operation is not None and session.operation.kind == "reroute":
            turns = state.children("turn", session.session_id)
            assert all(turn.status == "queued" for turn in turns), "a turn that runs keeps its route"
        assert (session.status == "attaching") == (session.operation is not None and session.operation.kind == "attach")
    for terminal in state.all("terminal"):
        runs = state.get("process", terminal.process_id) is not None
        assert runs == (terminal.state in ("active", "throttled"))
        assert (terminal.state == "spawning") == (terminal.operation is not None and terminal.operation.kind == "spawn")
        session = state.get("session", terminal.session_id) if terminal.session_id is not None else None
        if runs and terminal.session_id is not None and (session is None or session.status == "terminated"):
            assert terminal.operation is not None, "terminals close with their session"
    for workspace in state.all("workspace"):
        defaults = [one for one in state.children("constraint", workspace.workspace_id) if one.is_default]
        assert len(defaults) <= 1
    for stop in state.all("stop"):
        starting = [session for lane_id in stop.lane_ids for session in state.children("session", lane_id)]
        assert not any(session.status == "attaching" for session in starting), "started while it is being stopped"
    for lane in state.all("lane"):
        assert lane.status != "provisioning" or lane.operation is not None
        assert lane.status != "closed" or lane.operation is None


def check_boot(state: State, boot: Boot) -> None:
    """Memory is what boot reads, in the same order."""
    for noun, row in ENTITIES.items():
        booted = [msgspec.json.decode(json, type=row.type) for kind, _, json in boot.entities if kind == noun]
        assert list(state.all(noun)) == booted


def check_log(rows: Sequence[LogRow]) -> None:
    """Positions without gaps, legal transitions, lifecycles in order, and envelopes as the schema says."""
    streams: Counter[str] = Counter()
    order = Order()
    for position, (row, event) in enumerate(zip(rows, read_events(rows), strict=True), 1):
        topic = TOPICS[event["topic"]]
        streams[row.stream] += 1
        assert row.seq == event["seq"] == position
        assert (event["stream"], event["stream_seq"]) == (row.stream, row.stream_seq)
        assert row.stream_seq == streams[row.stream]
        assert validator("EventEnvelope").is_valid(event)
        assert validator(topic.payload.__name__).is_valid(event["payload"]), event
        order.take(topic, event)


class Order:
    """What the events so far allow."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.open: dict[str, tuple[str, str]] = {}
        self.leaving: set[str] = set()

    def take(self, topic: Topic, event: dict[str, Any]) -> None:
        entity = event["payload"][topic.noun]
        id = entity[ENTITIES[topic.noun].id]
        before = self.states.pop(id, None)
        if topic.noun in MACHINES:
            machine = MACHINES[topic.noun]
            after = entity[machine.field]
            assert before in (None, after) or after in machine.edges[before], f"{topic.noun}: {before} → {after}"
            if not topic.drops:
                self.states[id] = after
        self.follow_lifecycle(topic, id, event, entity)
        self.follow_ends(topic, before)
        self.follow_lane(topic, entity)

    def follow_lifecycle(self, topic: Topic, id: str, event: dict[str, Any], entity: dict[str, Any]) -> None:
        if topic.phase == "start":
            lifecycle = (topic.noun, event["correlation_id"])
            assert lifecycle not in self.open.values(), "a second start while one is open"
            assert id not in self.open, "a start before the end of the one before"
            assert entity["operation"]["correlation_id"] == event["correlation_id"]
            self.open[id] = lifecycle
        elif topic.phase == "end":
            assert id in self.open, "an end without a start"
        if id in self.open and "operation" not in entity:
            assert self.open.pop(id)[1] == event["correlation_id"], "an end under another correlation than its start"

    def follow_ends(self, topic: Topic, before: str | None) -> None:
        if topic.name == "item.completed":
            assert before in (None, "in_progress"), "an item closes once"
        if topic.name == "approval.resolved":
            assert before == "pending", "an approval is resolved once"

    def follow_lane(self, topic: Topic, entity: dict[str, Any]) -> None:
        """Nothing starts in a lane that is being removed."""
        if topic.noun == "lane":
            self.leaving.discard(entity["lane_id"])
            if entity.get("operation", {}).get("kind") == "cleanup":
                self.leaving.add(entity["lane_id"])
        elif topic.name in ("session.created", "session.attach.started", "terminal.spawn.started", "turn.started"):
            assert entity["lane_id"] not in self.leaving
