"""The log of a state folder, folded anew and compared with what the server keeps; nothing is changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from agentlanes.adapters.store.sqlite import VERSION
from agentlanes.wire.table import ENTITIES, TOPICS

LOG_NAME = "log.db"
"""The log's file in the state folder."""


class LogProblem(Exception):  # noqa: N818
    """The log cannot be folded, or says something else than the entities; the message is one line."""


class Folded(NamedTuple):
    """What was found."""

    events: int
    entities: int


class _Params(msgspec.Struct):
    topic: str
    payload: dict[str, msgspec.Raw]


class _Notification(msgspec.Struct):
    params: _Params


def fold_log(path: Path) -> Folded:
    """Put or drop every event's entity, as `State.evolve` does, and compare byte for byte. Raises LogProblem."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as log:
            # One transaction, so that a server that writes meanwhile makes no difference.
            log.execute("BEGIN")
            return _fold(log)
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        raise LogProblem(f"it cannot be read: {error}") from None


def _fold(log: sqlite3.Connection) -> Folded:
    (version,) = log.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise LogProblem(f"it has version {version}, and this agentlanes reads version {VERSION}")
    decoder = msgspec.json.Decoder(_Notification)
    entities: dict[tuple[str, str], bytes] = {}
    count = 0
    for seq, frame in log.execute("SELECT seq, frame FROM events ORDER BY seq"):
        count += 1
        if seq != count:
            raise LogProblem(f"event {count} is missing")
        params = decoder.decode(frame).params
        topic = TOPICS.get(params.topic)
        if topic is None:
            raise LogProblem(f"event {seq} has the unknown topic {params.topic}")
        json = params.payload[topic.noun]
        id = msgspec.json.decode(json, type=dict[str, msgspec.Raw])[ENTITIES[topic.noun].id]
        key = topic.noun, msgspec.json.decode(id, type=str)
        if topic.drops:
            entities.pop(key, None)
        else:
            entities[key] = bytes(json)
    kept = {(noun, id): json for noun, id, json in log.execute("SELECT noun, id, json FROM entities")}
    if kept != entities:
        differing = [key for key in sorted(kept.keys() | entities.keys()) if kept.get(key) != entities.get(key)]
        raise LogProblem(f"{len(differing)} entities differ from the fold of {count} events, first {differing[0][1]}")
    return Folded(count, len(kept))
