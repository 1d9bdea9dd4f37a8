"""The state as a client has it that holds no rule: put or drop by id, append at an offset."""

from __future__ import annotations

from typing import Any

from agentlanes.wire.table import ENTITIES, MACHINES, TOPICS

Entity = dict[str, Any]

_PLURALS = {"process": "processes", "harness": "harnesses"}


class Mirror:
    """Begins with a snapshot. `seq` is None until there is one, and after a gap."""

    def __init__(self) -> None:
        self.seq: int | None = None
        self._entities: dict[str, dict[str, Entity]] = {}
        self._texts: dict[str, bytes] = {}

    def begin(self, subscription: dict[str, Any]) -> None:
        """Takes the answer to event.subscribe."""
        snapshot = subscription.get("snapshot")
        if snapshot is None:
            if subscription["from_seq"] != self.seq:
                self.seq = None
            return
        self.seq = subscription["seq"]
        self._texts = {item["item_id"]: item.get("text", "").encode() for item in snapshot["items"]}
        self._entities = {
            noun: {each[row.id]: each for each in snapshot[_PLURALS.get(noun, f"{noun}s")]}
            for noun, row in ENTITIES.items()
        }

    def hear(self, params: dict[str, Any]) -> str | None:
        """Takes a notification. Returns what is wrong with it, as a mirror sees it."""
        if self.seq is None:
            return None
        topic, payload = TOPICS[params["topic"]], params["payload"]
        if topic.name == "item.delta":
            return self._append(payload)
        if topic.name == "event.gap":
            self.seq = None
        if not topic.logged or self.seq is None:
            return None
        if params["seq"] != self.seq + 1:
            return f"event {params['seq']} follows {self.seq}"
        self.seq = params["seq"]
        entity = payload[topic.noun]
        id = entity[ENTITIES[topic.noun].id]
        if topic.drops:
            self._entities[topic.noun].pop(id, None)
            return None
        self._entities[topic.noun][id] = entity
        return self._put_text(id, entity) if topic.noun == "item" else None

    def _put_text(self, id: str, item: Entity) -> str | None:
        known, put = self._texts.get(id, b""), item.get("text", "").encode()
        self._texts[id] = max(known, put, key=len)
        if not self._texts[id].startswith(min(known, put, key=len)):
            return f"the text of {id} was replaced"
        return None

    def _append(self, delta: dict[str, Any]) -> str | None:
        known, data = self._texts.get(delta["item_id"], b""), delta["data"].encode()
        offset = delta["offset"]
        if offset > len(known):
            return f"the text of {delta['item_id']} has a gap from {len(known)} to {offset}"
        if known[offset : offset + len(data)] != data[: len(known) - offset]:
            return f"the text of {delta['item_id']} says something else at {offset}"
        self._texts[delta["item_id"]] = known + data[len(known) - offset :]
        return None

    def has_text(self, words: str) -> bool:
        """Whether an item's text holds the words by now."""
        return any(words.encode() in text for text in self._texts.values())

    def show(self) -> dict[str, dict[str, Entity]]:
        """What a snapshot holds: what is not over, and all items of the turns among it."""
        shown = {
            noun: {id: each for id, each in known.items() if _is_live(noun, each)}
            for noun, known in self._entities.items()
        }
        shown["item"] = {
            id: {**item, **({"text": self._texts[id].decode()} if self._texts.get(id) else {})}
            for id, item in self._entities["item"].items()
            if item["turn_id"] in shown["turn"]
        }
        return shown


def _is_live(noun: str, entity: Entity) -> bool:
    row = ENTITIES[noun]
    if not row.open_only:
        return True
    machine = MACHINES[noun]
    return not machine.is_final(entity[machine.field]) or (row.until is not None and not entity.get(row.until))
